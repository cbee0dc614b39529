#include "benchmarks/compare/statistics.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lissom::bench {

double Quantile(std::vector<double> values, double fraction) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double at = fraction * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(std::floor(at));
  const size_t above = std::min(below + 1, values.size() - 1);
  return std::lerp(values[below], values[above],
                   at - static_cast<double>(below));
}

double Median(std::vector<double> values) {
  return Quantile(std::move(values), 0.5);
}

Spread SpreadOf(const std::vector<double>& values) {
  return {.count = values.size(),
          .least = Quantile(values, 0),
          .lower = Quantile(values, 0.25),
          .median = Quantile(values, 0.5),
          .upper = Quantile(values, 0.75),
          .most = Quantile(values, 1)};
}

}  // namespace lissom::bench
