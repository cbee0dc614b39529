// What lissom_bench is told to do. The words are db_bench's, so that one
// command line can be given to both.
#ifndef LISSOM_BENCHMARKS_BENCH_FLAGS_H_
#define LISSOM_BENCHMARKS_BENCH_FLAGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "benchmarks/flag_parser.h"
#include "benchmarks/lissom_engine.h"
#include "benchmarks/repeat.h"
#include "benchmarks/worker.h"

namespace lissom::bench {

struct Flags {
  std::string benchmarks =
      "fillrandom,waitforidle,readrandom,readmissing,readseq,readreverse,"
      "seekrandom,overwrite,waitforidle,fillsync";
  std::string db = "/tmp/lissom_bench";
  Settings run;          // What the workloads are told.
  uint64_t seed = 1000;  // 0: from the system.
  uint64_t threads = 1;
  bool use_existing_db = false;

  // Options of the database. Of those that memory_budget derives, what is not
  // set follows it, or, without one, is as UsualSizes says.
  std::optional<uint64_t> memory_budget;
  std::optional<uint64_t> write_buffer_size;
  std::optional<uint64_t> max_write_buffer_number;
  std::optional<uint64_t> cache_size;
  uint64_t max_background_jobs = 2;
  uint64_t subcompactions = 1;
  uint64_t block_size = 4096;
  std::optional<uint64_t> bloom_bits;  // 0: no filter.
  std::string compression_type = "none";
  uint64_t compression_level = kUsualLevel;
  std::optional<uint64_t> min_level_to_compress;  // Unset: all.
  uint64_t compression_max_dict_bytes = 0;        // 0: no dictionaries.
  uint64_t target_file_size_base = uint64_t{64} << 20;
  uint64_t max_bytes_for_level_base = uint64_t{256} << 20;
  double max_bytes_for_level_multiplier = 10;
  uint64_t level0_file_num_compaction_trigger = 4;
  uint64_t level0_slowdown_writes_trigger = 20;
  uint64_t level0_stop_writes_trigger = 36;
  uint64_t soft_pending_compaction_bytes_limit = uint64_t{64} << 30;
  uint64_t hard_pending_compaction_bytes_limit = uint64_t{256} << 30;
  uint64_t max_total_wal_size = 0;
  std::optional<uint64_t> open_files;
  uint64_t rate_limiter_bytes_per_sec = 0;  // 0: no limit.
  bool disable_wal = false;
  bool verify_checksum = true;

  // What is shown.
  bool statistics = false;
  bool confidence_interval_only = false;
  uint64_t stats_interval_seconds = 0;
  uint64_t stats_per_interval = 0;
  uint64_t report_interval_seconds = 0;
  std::string report_file = "";  // "report.csv", if there is a report.
  std::string output_format = "text";

  static constexpr uint64_t kUsualLevel = 32767;  // db_bench's "the default".

  bool json() const { return output_format == "json"; }
};

// The table that parsing, help and the report of what was set go by.
FlagTable TableOf(Flags& flags);

// kInvalidArgument: an unknown flag, a bad value or flags that contradict each
// other. kCancelled: --help, with its text.
absl::Status ParseFlags(int argc, const char* const* argv, Flags* flags);

// The entries of --benchmarks. kInvalidArgument: an unknown workload, with
// those there are, or a bad suffix.
absl::StatusOr<std::vector<Step>> StepsOf(const Flags& flags);

// kInvalidArgument: the options' own complaint.
absl::StatusOr<LissomSettings> DatabaseOf(const Flags& flags);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_BENCH_FLAGS_H_
