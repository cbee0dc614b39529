#include "benchmarks/compare/plan.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "src/tools/terminal.h"
#include "util/strings.h"

namespace lissom::bench {

std::string_view ModeName(Mode mode) {
  constexpr std::string_view kNames[] = {"ci", "quick", "standard", "full"};
  return kNames[static_cast<size_t>(mode)];
}

Plan PlanFor(Mode mode) {
  Plan plan{.mode = mode, .engines = {"lissom", "rocksdb", "leveldb", "null"}};
  switch (mode) {
    case Mode::kCi:
      plan.engines = {"lissom", "rocksdb", "leveldb", "lmdb", "null"};
      plan.read_keys = plan.write_keys = 50'000;
      plan.synced_writes = 20;
      plan.rounds = 1;
      plan.slice_operations = 20'000;
      plan.latency_seconds = plan.put_latency_seconds = 0.2;
      plan.latency_rounds = 1;
      plan.cache_size = uint64_t{64} << 20;
      plan.write_buffer_size = uint64_t{1} << 20;
      plan.series_interval = 0.01;
      plan.judge_busy = false;
      break;
    case Mode::kQuick:
      plan.read_keys = plan.write_keys = 1'000'000;
      plan.synced_writes = 2'000;
      plan.rounds = 2;
      plan.slice_seconds = 1;
      plan.latency_seconds = 3;
      plan.latency_rounds = 1;
      plan.put_latency_seconds = 10;
      break;
    case Mode::kFull:
      plan.engines = {
          "lissom",           "rocksdb",       "leveldb", "lissom-defaults",
          "rocksdb-defaults", "rocksdb-tuned", "null"};
      plan.sustained_seconds = 600;
      plan.ycsb_records = 1'000'000;
      plan.large_bytes = uint64_t{2} << 30;
      plan.beyond_left_bytes = uint64_t{4} << 30;
      [[fallthrough]];
    case Mode::kStandard:
      plan.read_keys = 10'000'000;
      plan.write_keys = 3'000'000;
      plan.synced_writes = 10'000;
      plan.rounds = 5;
      plan.slice_seconds = 2;
      plan.latency_seconds = 5;
      plan.latency_rounds = 3;
      plan.put_latency_seconds = 30;
      break;
  }
  return plan;
}

std::string NameOf(const Plan& plan) {
  return plan.altered ? "custom" : std::string(ModeName(plan.mode));
}

std::string LabelOf(const Plan& plan) {
  const auto count = [](uint64_t number) { return tools::WithCommas(number); };
  return absl::StrCat(
      "The ", NameOf(plan), " comparison: reads of ", count(plan.read_keys),
      " keys, writes of ", count(plan.write_keys),
      ", keys of 16 bytes, values of 100 that compress by half, ",
      plan.rounds == 1 ? "one round" : absl::StrCat(plan.rounds, " rounds"),
      ", the same ", BytesText(plan.cache_size),
      " of cache and no compression on every side, unless it says otherwise.");
}

const std::vector<ReadCell>& ReadCells() {
  static const std::vector<ReadCell>& cells = *new std::vector<ReadCell>{
      {.id = "readrandom",
       .title = "Random reads",
       .workload = "readrandom",
       .found_percent = 100},
      {.id = "readrandom2",
       .title = "Random reads, 2 threads",
       .workload = "readrandom",
       .threads = 2,
       .found_percent = 100},
      {.id = "multireadrandom",
       .title = "Reads in batches of 32, 2 threads",
       .workload = "multireadrandom",
       .threads = 2,
       .batch_size = 32,
       .found_percent = 100},
      {.id = "readmissing",
       .title = "Reads of missing keys",
       .workload = "readmissing",
       .found_percent = 0},
      {.id = "readseq", .title = "Forward scan", .workload = "readseq"},
      {.id = "readreverse",
       .title = "Backward scan",
       .workload = "readreverse"},
      {.id = "seekrandom",
       .title = "Seeks",
       .workload = "seekrandom",
       .found_percent = 100},
      {.id = "seekrandom10",
       .title = "Seeks with 10 steps each",
       .workload = "seekrandom",
       .seek_nexts = 10,
       .found_percent = 100},
      {.id = "readwhilewriting",
       .title = "Reads beside a writer of 100 k/s",
       .workload = "readwhilewriting",
       .write_rate_limit = uint64_t{100'000} * 116,
       .found_percent = 100},
  };
  return cells;
}

std::vector<std::string> RoundOrder(const std::vector<std::string>& engines,
                                    uint64_t round) {
  std::vector<std::string> order;
  for (size_t i = 0; i < engines.size(); ++i) {
    const bool now =
        engines[i] == "null" ? round == 0 : i < 2 || round % 2 == 0;
    if (now) order.push_back(engines[i]);
  }
  if (round % 2 == 1) std::reverse(order.begin(), order.end());
  return order;
}

}  // namespace lissom::bench
