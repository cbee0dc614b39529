#include "benchmarks/bench_flags.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "benchmarks/db_bench_names.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

constexpr uint64_t kMaxCount = uint64_t{1} << 40;
constexpr uint64_t kMaxBytes = uint64_t{1} << 46;
constexpr uint64_t kMaxSeconds = uint64_t{366} * 24 * 3600;
constexpr uint64_t kMaxFiles = uint64_t{1} << 30;

std::vector<Flag> WorkFlags(Flags& f) {
  Settings& run = f.run;
  return {
      {"benchmarks", &f.benchmarks, 1, 0,
       "workloads in the order to run, with commas; NAME[X5-W2]: 5 times, "
       "after "
       "2 to warm up"},
      {"db", &f.db, 1, 0, "the database's directory"},
      {"use_existing_db", &f.use_existing_db, 0, 1,
       "work on what --db holds; workloads that make it anew are skipped"},
      {"num", &run.num, 1, kMaxCount, "keys, and operations of each thread"},
      {"reads", &run.reads, 0, kMaxCount,
       "operations of a reading thread; -1: num"},
      {"writes", &run.writes, 0, kMaxCount,
       "operations of a writing thread; -1: num"},
      {"deletes", &run.deletes, 0, kMaxCount,
       "operations of a deleting thread; -1: num"},
      {"duration", &run.duration, 0, kMaxSeconds,
       "seconds that workloads with random keys take, instead of a count; 0: "
       "the count"},
      {"ops_between_duration_checks", &run.ops_between_duration_checks, 1,
       kMaxCount, "operations between two looks at the clock"},
      {"threads", &f.threads, 1, 256, "that do the same at once"},
      {"seed", &f.seed, 0, UINT64_MAX,
       "of keys and values; 0: another one each time"},
      {"key_size", &run.key_size, 8, 1 << 20, "bytes, at least 8"},
      {"value_size", &run.value_size, 0, uint64_t{1} << 30, "bytes"},
      {"compression_ratio", &run.compression_ratio, 0, 1,
       "what part of a value compression leaves"},
      {"batch_size", &run.batch_size, 1, 1 << 20,
       "changes a write, keys a MultiGet"},
      {"seek_nexts", &run.seek_nexts, 0, kMaxCount,
       "moves after each seek of seekrandom"},
      {"reverse_iterator", &run.reverse_iterator, 0, 1,
       "those moves go backwards"},
      {"readwritepercent", &run.readwritepercent, 0, 100,
       "reads in a hundred operations of readrandomwriterandom"},
      {"benchmark_write_rate_limit", &run.write_rate_limit, 0, kMaxBytes,
       "bytes of keys and values a second that all threads write; 0: no limit"},
      {"benchmark_read_rate_limit", &run.read_rate_limit, 0, kMaxCount,
       "operations a second that all threads read; 0: no limit"},
      {"sync", &run.sync, 0, 1, "make every write durable"},
      {"disable_wal", &f.disable_wal, 0, 1, "write without the log"},
      {"verify_checksum", &f.verify_checksum, 0, 1,
       "verify blocks that are read"},
  };
}

std::vector<Flag> DatabaseFlags(Flags& f) {
  return {
      {"memory_budget", &f.memory_budget, 4 << 20, kMaxBytes,
       "bytes that all sizes derive from; -1: sizes of their own"},
      {"write_buffer_size", &f.write_buffer_size, 0, kMaxBytes,
       "bytes of a memtable; -1: 64 MiB, or of the budget"},
      {"max_write_buffer_number", &f.max_write_buffer_number, 2, 64,
       "memtables, the active one included; -1: 4"},
      {"cache_size", &f.cache_size, 0, kMaxBytes,
       "bytes of the block cache; -1: 256 MiB, or of the budget"},
      {"max_background_jobs", &f.max_background_jobs, 1, 256,
       "flushes and compactions at once"},
      {"subcompactions", &f.subcompactions, 1, 64,
       "pieces of a large compaction that are merged side by side"},
      {"block_size", &f.block_size, 512, 1 << 20,
       "bytes of a table's data block"},
      {"bloom_bits", &f.bloom_bits, 0, 64,
       "filter bits a key; 0: no filter; -1: 10"},
      {"compression_type", &f.compression_type, 0, 0,
       "of all levels; default: as in options.h", "none|zstd|default"},
      {"compression_level", &f.compression_level, 0, Flags::kUsualLevel,
       "zstd's; 32767: -1, the fastest that is used"},
      {"min_level_to_compress", &f.min_level_to_compress, 0, 6,
       "levels above it are not compressed; -1: all are"},
      {"compression_max_dict_bytes", &f.compression_max_dict_bytes, 0,
       256 << 10, "of a table's dictionary, where there is zstd"},
      {"target_file_size_base", &f.target_file_size_base, 0, kMaxBytes,
       "bytes of a table"},
      {"max_bytes_for_level_base", &f.max_bytes_for_level_base, 0, kMaxBytes,
       "bytes of the first level below 0"},
      {"max_bytes_for_level_multiplier", &f.max_bytes_for_level_multiplier, 1,
       1000, "how much larger the next level is"},
      {"level0_file_num_compaction_trigger",
       &f.level0_file_num_compaction_trigger, 0, kMaxFiles,
       "tables of level 0 that start a compaction"},
      {"level0_slowdown_writes_trigger", &f.level0_slowdown_writes_trigger, 0,
       kMaxFiles, "tables of level 0 from which on writes are slowed down"},
      {"level0_stop_writes_trigger", &f.level0_stop_writes_trigger, 0,
       kMaxFiles, "tables of level 0 at which writes wait"},
      {"soft_pending_compaction_bytes_limit",
       &f.soft_pending_compaction_bytes_limit, 0, UINT64_MAX,
       "bytes yet to compact from which on writes are slowed down"},
      {"hard_pending_compaction_bytes_limit",
       &f.hard_pending_compaction_bytes_limit, 0, UINT64_MAX,
       "bytes yet to compact at which writes wait"},
      {"max_total_wal_size", &f.max_total_wal_size, 0, kMaxBytes,
       "bytes of logs that have the memtable flushed; 0: no limit"},
      {"open_files", &f.open_files, 64, kMaxFiles,
       "files held open; -1: half of the process's limit"},
      {"rate_limiter_bytes_per_sec", &f.rate_limiter_bytes_per_sec, 0,
       uint64_t{1} << 50, "flushes and compactions write; 0: no limit"},
  };
}

std::vector<Flag> OutputFlags(Flags& f) {
  return {
      {"histogram", &f.run.histogram, 0, 1, "show percentiles of latency"},
      {"statistics", &f.statistics, 0, 1,
       "show at the end what the database has counted"},
      {"confidence_interval_only", &f.confidence_interval_only, 0, 1,
       "of repeats show the interval of 95 percent, not the mean"},
      {"stats_interval_seconds", &f.stats_interval_seconds, 0, kMaxSeconds,
       "between two lines of progress on stderr; 0: none"},
      {"stats_per_interval", &f.stats_per_interval, 0, 1,
       "show the database's stats with them"},
      {"report_interval_seconds", &f.report_interval_seconds, 0, kMaxSeconds,
       "between two lines of --report_file; 0: no report"},
      {"report_file", &f.report_file, 1, 0,
       "operations a second over time, as CSV"},
      {"output_format", &f.output_format, 0, 0,
       "json: one document, lissom_bench.schema.json", "text|json"},
  };
}

std::vector<FixedFlag> FixedFlags() {
  constexpr std::string_view kNoDirect =
      "files are read and written through the kernel's cache";
  return {
      {"allow_concurrent_memtable_write", "true",
       "the writers of a group insert side by side"},
      {"bytes_per_sync", "0", "tables are synced as a whole"},
      {"cache_index_and_filter_blocks", "true",
       "indexes and filters are charged to the cache"},
      {"compaction_style", "0", "compactions are leveled"},
      {"disable_auto_compactions", "false",
       "there is no database without compactions"},
      {"enable_pipelined_write", "true", "logging and inserting overlap"},
      {"inplace_update_support", "false", "a memtable keeps every version"},
      {"level_compaction_dynamic_level_bytes", "true",
       "the levels' sizes derive from the last one's"},
      {"mmap_read", "false", "files are read with system calls"},
      {"mmap_write", "false", "files are written with system calls"},
      {"num_column_families", "1", "there are no column families yet"},
      {"num_levels", "7", "there are seven levels"},
      {"num_multi_db", "0", "one database is measured"},
      {"paranoid_checks", "true", "checks are always on"},
      {"perf_level", "1", "no operation has counters of its own"},
      {"prefix_size", "0", "keys have no prefix"},
      {"readonly", "false", "the database is opened to be written"},
      {"stats_interval", "0", "progress goes by --stats_interval_seconds"},
      {"unordered_write", "false", "writes become visible in their order"},
      {"use_direct_io_for_flush_and_compaction", "false", kNoDirect},
      {"use_direct_reads", "false", kNoDirect},
      {"use_tailing_iterator", "false", "there is no such iterator"},
      {"wal_bytes_per_sync", "0", "the log is synced by those who ask for it"},
      {"wal_dir", "", "logs lie in the database's directory"},
  };
}

// zstd's level as the flags give it.
int LevelOf(const Flags& f) {
  return f.compression_level == Flags::kUsualLevel
             ? -1
             : static_cast<int>(f.compression_level);
}

std::vector<Compression> CompressionOf(const Flags& f) {
  std::vector<Compression> levels = Options().compression;
  if (f.compression_type == "none") {
    levels = {Compression::None()};
  } else if (f.compression_type == "zstd") {
    levels.assign(f.min_level_to_compress.value_or(0), Compression::None());
    levels.push_back(Compression::Zstd(LevelOf(f)));
  }
  for (Compression& level : levels) {
    if (!level.enabled()) continue;
    level = Compression::Zstd(level.level(), f.compression_max_dict_bytes);
  }
  return levels;
}

void SetSizes(const Flags& f, Options* options) {
  options->memory_budget = f.memory_budget;
  options->write_buffer_size = f.write_buffer_size;
  options->block_cache_size = f.cache_size;
  if (!f.memory_budget.has_value()) {
    options->write_buffer_size = f.write_buffer_size.value_or(64 << 20);
    options->block_cache_size = f.cache_size.value_or(256 << 20);
  }
  options->max_write_buffer_number =
      static_cast<int>(f.max_write_buffer_number.value_or(4));
}

}  // namespace

FlagTable TableOf(Flags& flags) {
  FlagTable table{.program = "lissom_bench",
                  .flags = WorkFlags(flags),
                  .fixed = FixedFlags(),
                  .foreign = kDbBenchNames,
                  .foreign_program = "db_bench"};
  for (const std::vector<Flag>& part :
       {DatabaseFlags(flags), OutputFlags(flags)}) {
    table.flags.insert(table.flags.end(), part.begin(), part.end());
  }
  return table;
}

absl::Status ParseFlags(int argc, const char* const* argv, Flags* flags) {
  LISSOM_RETURN_IF_ERROR(TableOf(*flags).Parse(argc, argv));
  if (flags->run.sync && flags->disable_wal) {
    return absl::InvalidArgumentError(
        "--sync and --disable_wal contradict each other");
  }
  if (flags->report_interval_seconds == 0 && !flags->report_file.empty()) {
    return absl::InvalidArgumentError(
        "--report_file needs --report_interval_seconds: without it nothing is "
        "reported");
  }
  if (flags->report_interval_seconds > 0 && flags->report_file.empty()) {
    flags->report_file = "report.csv";
  }
  if (flags->min_level_to_compress.has_value() &&
      flags->compression_type != "zstd") {
    return absl::InvalidArgumentError(
        "--min_level_to_compress needs --compression_type=zstd");
  }
  if (flags->compression_type == "none" &&
      (flags->compression_level != Flags::kUsualLevel ||
       flags->compression_max_dict_bytes > 0)) {
    return absl::InvalidArgumentError(absl::StrCat(
        flags->compression_max_dict_bytes > 0 ? "--compression_max_dict_bytes"
                                              : "--compression_level",
        " needs --compression_type=zstd or default"));
  }
  if (flags->stats_per_interval > 0 && flags->stats_interval_seconds == 0) {
    return absl::InvalidArgumentError(
        "--stats_per_interval needs --stats_interval_seconds");
  }
  return DatabaseOf(*flags).status();
}

absl::StatusOr<std::vector<Step>> StepsOf(const Flags& flags) {
  std::vector<Step> steps;
  const std::vector<std::string> names =
      absl::StrSplit(flags.benchmarks, ',', absl::SkipEmpty());
  steps.reserve(names.size());
  for (const std::string& name : names) {
    LISSOM_ASSIGN_OR_RETURN(const Step step, ParseStep(name));
    steps.push_back(step);
  }
  if (steps.empty()) {
    return absl::InvalidArgumentError("--benchmarks names no workload");
  }
  return steps;
}

absl::StatusOr<LissomSettings> DatabaseOf(const Flags& f) {
  LissomSettings settings{.options = {},
                          .disable_wal = f.disable_wal,
                          .verify_checksums = f.verify_checksum};
  Options& options = settings.options;
  options.create_if_missing = !f.use_existing_db;
  SetSizes(f, &options);
  options.max_background_jobs = static_cast<int>(f.max_background_jobs);
  options.max_subcompactions = static_cast<int>(f.subcompactions);
  options.block_size = f.block_size;
  const uint64_t bits = f.bloom_bits.value_or(10);
  options.filter_policy = bits == 0
                              ? FilterPolicy::None()
                              : FilterPolicy::Bloom(static_cast<double>(bits));
  options.compression = CompressionOf(f);
  options.target_file_size_base = f.target_file_size_base;
  options.max_bytes_for_level_base = f.max_bytes_for_level_base;
  options.max_bytes_for_level_multiplier = f.max_bytes_for_level_multiplier;
  options.level0_file_num_compaction_trigger =
      static_cast<int>(f.level0_file_num_compaction_trigger);
  options.level0_slowdown_writes_trigger =
      static_cast<int>(f.level0_slowdown_writes_trigger);
  options.level0_stop_writes_trigger =
      static_cast<int>(f.level0_stop_writes_trigger);
  options.soft_pending_compaction_bytes_limit =
      f.soft_pending_compaction_bytes_limit;
  options.hard_pending_compaction_bytes_limit =
      f.hard_pending_compaction_bytes_limit;
  options.max_total_wal_size = f.max_total_wal_size;
  if (f.open_files.has_value()) {
    options.max_open_files = static_cast<int>(*f.open_files);
  }
  if (f.rate_limiter_bytes_per_sec > 0) {
    LISSOM_ASSIGN_OR_RETURN(
        options.rate_limiter,
        RateLimiter::NewTokenBucket(f.rate_limiter_bytes_per_sec));
  }
  LISSOM_RETURN_IF_ERROR(options.Validate());
  return settings;
}

}  // namespace lissom::bench
