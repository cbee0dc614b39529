// Plan is what a comparison will do: how much data, how many rounds, which
// questions. Three are made for people, one for CI.
#ifndef LISSOM_BENCHMARKS_COMPARE_PLAN_H_
#define LISSOM_BENCHMARKS_COMPARE_PLAN_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lissom::bench {

enum class Mode { kCi, kQuick, kStandard, kFull };
std::string_view ModeName(Mode mode);  // "ci", "quick", "standard", "full".

struct Plan {
  Mode mode = Mode::kStandard;
  bool altered = false;              // Sizes or rounds are not the mode's.
  std::vector<std::string> engines;  // The first two in every round.
  uint64_t read_keys = 0;
  uint64_t write_keys = 0;
  uint64_t synced_writes = 0;
  uint64_t rounds = 0;
  double slice_seconds = 0;  // Of a read slice; 0: slice_operations each.
  uint64_t slice_operations = 0;
  double latency_seconds = 0;
  uint64_t latency_rounds = 0;
  // Of puts: long enough for flushes and compactions to be in it.
  double put_latency_seconds = 0;
  uint64_t put_latency_rounds = 1;
  uint64_t cache_size = uint64_t{4} << 30;
  uint64_t write_buffer_size = uint64_t{64} << 20;
  double series_interval = 0.2;
  bool judge_busy = true;  // Throw slices away when others were busy.
  // Parts: which of them run.
  bool write = true;
  bool read = true;
  bool latency = true;
  // Those that only a full comparison has.
  double sustained_seconds = 0;
  uint64_t ycsb_records = 0;
  uint64_t large_bytes = 0;  // Of data, at each size of large values.
  uint64_t beyond_left_bytes =
      0;  // Memory that is left to data larger than it.
};

Plan PlanFor(Mode mode);

// The mode's name, or "custom" if the plan was altered: not to be quoted then.
std::string NameOf(const Plan& plan);

// For the reader of a result: what this plan's figures are good for.
std::string LabelOf(const Plan& plan);

// A question that is asked of databases side by side, in slices.
struct ReadCell {
  std::string_view id;
  std::string_view title;
  std::string_view workload;
  uint64_t threads = 1;
  uint64_t batch_size = 1;
  uint64_t seek_nexts = 0;
  uint64_t write_rate_limit = 0;  // Bytes a second of a writer beside.
  // What each engine must find of what it is asked for, in percent; -1: not
  // known beforehand.
  int found_percent = -1;
};
const std::vector<ReadCell>& ReadCells();

// Engines of a round, in its order: A B C, then C B A. The first two are in
// every round, null in the first, others in every second.
std::vector<std::string> RoundOrder(const std::vector<std::string>& engines,
                                    uint64_t round);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_PLAN_H_
