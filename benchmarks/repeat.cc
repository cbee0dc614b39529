#include "benchmarks/repeat.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

constexpr uint64_t kMostRuns = 1000;

absl::Status Unknown(std::string_view name) {
  std::string known;
  for (const Workload& workload : AllWorkloads()) {
    absl::StrAppend(&known, "\n  ", ToAbsl(workload.name), ": ",
                    ToAbsl(workload.help));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown workload '", Escape(name), "'; there are:", known));
}

// "X5" or "W2" into the step; false: neither.
bool ParseCount(absl::string_view part, Step* step) {
  uint64_t count = 0;
  if (part.size() < 2 || !absl::SimpleAtoi(part.substr(1), &count)) {
    return false;
  }
  if (count < 1 || count > kMostRuns) return false;
  if (part[0] == 'X') step->runs = count;
  if (part[0] == 'W') step->warmups = count;
  return part[0] == 'X' || part[0] == 'W';
}

}  // namespace

absl::StatusOr<Step> ParseStep(std::string_view text) {
  const size_t bracket = std::min(text.find('['), text.size());
  Step step{.workload = FindWorkload(text.substr(0, bracket))};
  if (step.workload == nullptr) return Unknown(text.substr(0, bracket));
  if (bracket == text.size()) return step;
  bool good = text.ends_with(']');
  if (good) {
    const std::string_view inside =
        text.substr(bracket + 1, text.size() - bracket - 2);
    for (const absl::string_view part : absl::StrSplit(ToAbsl(inside), '-')) {
      good = good && ParseCount(part, &step);
    }
  }
  if (good) return step;
  return absl::InvalidArgumentError(
      absl::StrCat("bad suffix in '", Escape(text),
                   "': it is [X5], [W2] or [X5-W2], counts 1 to ", kMostRuns));
}

Spread SpreadOf(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const size_t n = samples.size();
  Spread spread;
  spread.mean = std::accumulate(samples.begin(), samples.end(), 0.0) /
                static_cast<double>(n);
  spread.median =
      n % 2 == 1 ? samples[n / 2] : (samples[n / 2 - 1] + samples[n / 2]) / 2;
  if (n < 2) return spread;
  double squares = 0;
  for (const double sample : samples) {
    squares += (sample - spread.mean) * (sample - spread.mean);
  }
  const double deviation = std::sqrt(squares / static_cast<double>(n - 1));
  spread.half = 1.96 * deviation / std::sqrt(static_cast<double>(n));
  return spread;
}

void Repeats::Add(const RunResult& result) {
  ops_.push_back(result.OpsPerSecond());
  megabytes_.push_back(result.MegabytesPerSecond());
  has_megabytes_ = has_megabytes_ || result.bytes > 0;
}

}  // namespace lissom::bench
