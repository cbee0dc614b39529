// The named workloads of lissom_bench. Each does the same as db_bench's of
// that name: same keys, same values' shape, same count.
//
// Key i is i in 8 big-endian bytes, filled up with '0' to key_size. Values are
// pieces of one random text of which half compresses away.
#ifndef LISSOM_BENCHMARKS_WORKLOAD_H_
#define LISSOM_BENCHMARKS_WORKLOAD_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "benchmarks/bench_flags.h"
#include "lissom/db.h"
#include "util/latency_histogram.h"
#include "util/random.h"

namespace lissom::bench {

// Hands out values: views into a text made once. Thread-compatible.
class ValueSource {
 public:
  ValueSource(uint64_t seed, size_t value_size);
  std::string_view Next();

 private:
  const size_t value_size_;
  std::string text_;
  size_t at_ = 0;
};

// One thread of a running workload.
struct Worker {
  Worker(DB& database, const Flags& run_flags, uint64_t seed)
      : db(database),
        flags(run_flags),
        random(seed),
        values(seed, run_flags.value_size) {}

  std::string_view KeyOf(uint64_t index);  // Lives until the next call.
  // Called after each operation (a batch is one per put).
  void Done(uint64_t operations, uint64_t operation_bytes);

  DB& db;
  const Flags& flags;
  Random random;
  ValueSource values;
  std::string key;

  uint64_t done = 0;
  uint64_t bytes = 0;
  uint64_t found = 0;
  double seconds = 0;  // Filled in by the runner.
  LatencyHistogram latency;
  std::chrono::steady_clock::time_point last;  // End of the last operation.
};

struct Workload {
  std::string_view name;
  std::string_view help;
  bool fresh_db = false;  // Starts with an empty database.
  bool counts_found = false;
  bool one_thread = false;  // Ignores --threads.
  bool prints = false;      // Has no result line.
  absl::Status (*run)(Worker& worker) = nullptr;
};

const std::vector<Workload>& AllWorkloads();

// Null if there is none of that name.
const Workload* FindWorkload(std::string_view name);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_WORKLOAD_H_
