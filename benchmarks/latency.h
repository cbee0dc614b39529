// Latency is what one thread knows of how long its operations took: buckets for
// percentiles, and what mean and deviation are made of. Thread-compatible.
#ifndef LISSOM_BENCHMARKS_LATENCY_H_
#define LISSOM_BENCHMARKS_LATENCY_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "util/latency_histogram.h"

namespace lissom::bench {

class Latency {
 public:
  void Add(uint64_t nanos) {
    histogram_.Add(nanos);
    min_ = std::min(min_, nanos);
    const double micros = static_cast<double>(nanos) / 1e3;
    sum_ += micros;
    squares_ += micros * micros;
  }

  void Merge(const Latency& other) {
    histogram_.Merge(other.histogram_);
    min_ = std::min(min_, other.min_);
    sum_ += other.sum_;
    squares_ += other.squares_;
  }

  // All in microseconds, and 0 while count() is.
  uint64_t count() const { return histogram_.count(); }
  double Average() const { return count() == 0 ? 0 : sum_ / Count(); }
  double Deviation() const {
    if (count() == 0) return 0;
    const double mean = Average();
    return std::sqrt(std::max(squares_ / Count() - mean * mean, 0.0));
  }
  double Min() const {
    return count() == 0 ? 0 : static_cast<double>(min_) / 1e3;
  }
  double Max() const { return static_cast<double>(histogram_.max()) / 1e3; }
  // At most 13 percent above the truth.
  double Percentile(double percent) const {
    return static_cast<double>(histogram_.Percentile(percent)) / 1e3;
  }

 private:
  double Count() const { return static_cast<double>(count()); }

  LatencyHistogram histogram_;
  uint64_t min_ = std::numeric_limits<uint64_t>::max();
  double sum_ = 0;
  double squares_ = 0;
};

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_LATENCY_H_
