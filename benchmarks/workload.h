// The named workloads of lissom_bench, on any Engine. Each does what db_bench's
// of that name does: same keys, same values' shape, same count; README.md lists
// them. ycsb_workloads.cc has those of YCSB.
//
// Key i is i in 8 big-endian bytes, filled up with '0' to key_size. Values are
// pieces of one random text of which a part compresses away.
#ifndef LISSOM_BENCHMARKS_WORKLOAD_H_
#define LISSOM_BENCHMARKS_WORKLOAD_H_

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "benchmarks/worker.h"

namespace lissom::bench {

struct Workload {
  std::string_view name;
  std::string_view help;
  bool fresh_db = false;    // Starts with an empty database.
  bool one_thread = false;  // Ignores --threads.
  bool reads_only = false;  // Wants no values.
  bool prints = false;      // The message is its result, without a result line.
  absl::Status (*run)(Worker& worker) = nullptr;
  // What one more thread does beside, until the others have ended. It does not
  // count.
  absl::Status (*beside)(Worker& worker) = nullptr;
};

const std::vector<Workload>& AllWorkloads();

// Null if there is none of that name.
const Workload* FindWorkload(std::string_view name);

// --- The parts that AllWorkloads is made of.

std::vector<Workload> WriteWorkloads();
std::vector<Workload> ReadWorkloads();
std::vector<Workload> MixedWorkloads();
std::vector<Workload> YcsbWorkloads();
std::vector<Workload> UpkeepWorkloads();

// --- What several of them are made of: one operation each, as db_bench does
// it, and counted.

absl::Status ReadOne(Worker& worker, std::string_view key);
absl::Status WriteOne(Worker& worker, std::string_view key);
// "(8 of 10 found)" of all that the worker has done.
void SayFound(Worker& worker);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_WORKLOAD_H_
