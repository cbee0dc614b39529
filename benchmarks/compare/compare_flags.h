// What lissom_compare is told to do.
#ifndef LISSOM_BENCHMARKS_COMPARE_COMPARE_FLAGS_H_
#define LISSOM_BENCHMARKS_COMPARE_COMPARE_FLAGS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "benchmarks/compare/plan.h"

namespace lissom::bench {

struct CompareFlags {
  Mode mode = Mode::kStandard;
  std::string dir;   // Empty: where temporary files go.
  std::string json;  // Outputs; empty: none.
  std::string html;
  std::string svg;
  std::string render;  // A JSON file to draw, instead of measuring.
  std::string commit;
  bool quiet = false;
  bool help = false;
  bool serve = false;
  bool calibrate = false;
  uint64_t pairs = 10;
  std::string db_bench = "/usr/bin/db_bench";

  // What is changed of the mode's plan; 0 and empty: nothing.
  std::vector<std::string> engines;
  std::vector<std::string> parts;  // "write", "read", "latency".
  uint64_t read_keys = 0;
  uint64_t write_keys = 0;
  uint64_t rounds = 0;
  uint64_t slice_seconds = 0;
};

// kInvalidArgument: an unknown flag, a bad value, or flags that exclude each
// other.
absl::StatusOr<CompareFlags> ParseCompareFlags(
    const std::vector<std::string>& arguments);

std::string CompareHelp();

// The mode's plan with what the flags change.
Plan PlanOf(const CompareFlags& flags);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_COMPARE_FLAGS_H_
