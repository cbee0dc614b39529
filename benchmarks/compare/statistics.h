// What is said about figures that vary: medians and spreads, never means, as
// one disturbed run must not move what is reported.
//
// Pure functions.
#ifndef LISSOM_BENCHMARKS_COMPARE_STATISTICS_H_
#define LISSOM_BENCHMARKS_COMPARE_STATISTICS_H_

#include <cstddef>
#include <vector>

namespace lissom::bench {

// The value below which `fraction` (0 to 1) of the values lie, between two
// neighbours by a straight line. 0 if there are none.
double Quantile(std::vector<double> values, double fraction);

double Median(std::vector<double> values);

// All are 0 if count is.
struct Spread {
  size_t count = 0;
  double least = 0;
  double lower = 0;  // Quartiles.
  double median = 0;
  double upper = 0;
  double most = 0;
};

Spread SpreadOf(const std::vector<double>& values);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_STATISTICS_H_
