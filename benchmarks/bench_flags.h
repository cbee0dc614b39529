// What lissom_bench is told to do. The words are db_bench's, so that one
// command line can be given to both.
#ifndef LISSOM_BENCHMARKS_BENCH_FLAGS_H_
#define LISSOM_BENCHMARKS_BENCH_FLAGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "benchmarks/worker.h"

namespace lissom::bench {

struct Flags {
  std::vector<std::string> benchmarks = {
      "fillrandom",  "waitforidle", "readrandom", "readmissing", "readseq",
      "readreverse", "seekrandom",  "overwrite",  "waitforidle", "fillsync"};
  std::string db = "/tmp/lissom_bench";
  Settings run;  // What the workloads are told.
  uint64_t seed = 1000;
  uint64_t threads = 1;
  uint64_t write_buffer_size = uint64_t{64} << 20;
  uint64_t max_write_buffer_number = 4;
  uint64_t max_background_jobs = 2;
  uint64_t cache_size = uint64_t{256} << 20;
  uint64_t block_size = 4096;
  uint64_t bloom_bits = 10;  // 0: no filter.
  std::string compression_type = "none";
  uint64_t compression_max_dict_bytes = 0;  // 0: no dictionaries.
  bool use_existing_db = false;
};

// kInvalidArgument: an unknown flag or a bad value, with the flags there are.
absl::StatusOr<Flags> ParseFlags(int argc, char** argv);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_BENCH_FLAGS_H_
