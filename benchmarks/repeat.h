// A step of a run is a workload and how often it runs: "readrandom[X5-W2]" is
// five times, after two to warm up. Repeats is what the five have in common.
#ifndef LISSOM_BENCHMARKS_REPEAT_H_
#define LISSOM_BENCHMARKS_REPEAT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "benchmarks/runner.h"
#include "benchmarks/workload.h"

namespace lissom::bench {

struct Step {
  const Workload* workload = nullptr;
  uint64_t runs = 1;
  uint64_t warmups = 0;
};

// kInvalidArgument: an unknown workload, with those there are; a bad suffix.
absl::StatusOr<Step> ParseStep(std::string_view text);

// Of one workload's runs.
struct Spread {
  double mean = 0;
  double median = 0;
  double half = 0;  // The true mean is within mean +- half in 95 of 100 cases:
                    // 1.96 times the standard error, as db_bench has it.
};
Spread SpreadOf(std::vector<double> samples);  // Requires: not empty.

class Repeats {
 public:
  void Add(const RunResult& result);
  uint64_t runs() const { return ops_.size(); }
  bool has_megabytes() const { return has_megabytes_; }
  Spread ops() const { return SpreadOf(ops_); }
  Spread megabytes() const { return SpreadOf(megabytes_); }

 private:
  std::vector<double> ops_;        // A second, of each run.
  std::vector<double> megabytes_;  // A second.
  bool has_megabytes_ = false;
};

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_REPEAT_H_
