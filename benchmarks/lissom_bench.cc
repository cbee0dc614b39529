// lissom_bench measures a whole database under named workloads. Flags, words
// and result lines are db_bench's; benchmarks/README.md says how to measure
// and what the numbers mean.
//
//   lissom_bench --benchmarks=fillrandom,waitforidle,readrandom --num=1000000
#include <cinttypes>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmarks/bench_flags.h"
#include "benchmarks/lissom_engine.h"
#include "benchmarks/runner.h"
#include "benchmarks/workload.h"
#include "lissom/db.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

Options DbOptions(const Flags& flags) {
  Options options;
  options.create_if_missing = true;
  options.write_buffer_size = flags.write_buffer_size;
  options.max_write_buffer_number =
      static_cast<int>(flags.max_write_buffer_number);
  options.max_background_jobs = static_cast<int>(flags.max_background_jobs);
  options.block_cache_size = flags.cache_size;
  options.block_size = flags.block_size;
  options.filter_policy =
      flags.bloom_bits == 0
          ? FilterPolicy::None()
          : FilterPolicy::Bloom(static_cast<double>(flags.bloom_bits));
  if (flags.compression_type == "zstd") {
    options.compression = {Compression::Zstd(-1)};
  } else if (flags.compression_type == "none") {
    options.compression = {Compression::None()};
  }
  for (Compression& compression : options.compression) {
    if (!compression.enabled()) continue;
    compression = Compression::Zstd(compression.level(),
                                    flags.compression_max_dict_bytes);
  }
  return options;
}

class Bench {
 public:
  explicit Bench(Flags flags) : flags_(std::move(flags)) {}

  absl::Status Run() {
    PrintHeader();
    for (const std::string& name : flags_.benchmarks) {
      LISSOM_RETURN_IF_ERROR(RunOne(*FindWorkload(name)));
    }
    return engine_ == nullptr ? absl::OkStatus() : engine_->Close();
  }

 private:
  absl::Status RunOne(const Workload& workload) {
    if (workload.fresh_db && flags_.use_existing_db) {
      std::printf("%-12s : skipped: --use_existing_db keeps the database\n",
                  std::string(workload.name).c_str());
      return absl::OkStatus();
    }
    LISSOM_RETURN_IF_ERROR(OpenFor(workload));
    // Each workload and thread has keys of its own, and others than those that
    // filled a database which is there already.
    const uint64_t seed =
        flags_.seed + 1000 * ++runs_ + (flags_.use_existing_db ? 999 : 0);
    runs_ += flags_.threads;
    LISSOM_ASSIGN_OR_RETURN(const RunResult result,
                            RunWorkload({.engine = *engine_,
                                         .workload = workload,
                                         .settings = flags_.run,
                                         .threads = flags_.threads,
                                         .seed = seed}));
    if (workload.prints) {
      std::printf("%s\n", result.message.c_str());
    } else {
      PrintResult(result);
    }
    return absl::OkStatus();
  }

  absl::Status OpenFor(const Workload& workload) {
    const Options options = DbOptions(flags_);
    if (workload.fresh_db) {
      if (engine_ != nullptr) LISSOM_RETURN_IF_ERROR(engine_->Close());
      engine_.reset();
      LISSOM_RETURN_IF_ERROR(DB::Destroy(options, flags_.db));
    }
    if (engine_ != nullptr) return absl::OkStatus();
    LISSOM_ASSIGN_OR_RETURN(engine_,
                            OpenLissom({.options = options}, flags_.db));
    return absl::OkStatus();
  }

  void PrintHeader() const {
    const double raw =
        static_cast<double>(flags_.run.num) *
        static_cast<double>(flags_.run.key_size + flags_.run.value_size);
    std::printf("Keys:       %" PRIu64 " bytes each\n", flags_.run.key_size);
    std::printf("Values:     %" PRIu64 " bytes each, half compressible\n",
                flags_.run.value_size);
    std::printf("Entries:    %" PRIu64 " (%.1f MB raw)\n", flags_.run.num,
                raw / 1048576.0);
    std::printf("Memtable:   %" PRIu64 " bytes; block cache: %" PRIu64
                " bytes; filter: %" PRIu64 " bits a key\n",
                flags_.write_buffer_size, flags_.cache_size, flags_.bloom_bits);
    std::printf("Compression: %s, dictionaries of %" PRIu64
                " bytes; sync: %s; batch: %" PRIu64 "; threads: %" PRIu64
                "; seed: %" PRIu64 "\n",
                flags_.compression_type.c_str(),
                flags_.compression_max_dict_bytes,
                flags_.run.sync ? "yes" : "no", flags_.run.batch_size,
                flags_.threads, flags_.seed);
#ifdef LISSOM_CHECKS
    std::printf("WARNING: built with checks; use the release preset.\n");
#endif
    std::printf("------------------------------------------------\n");
    std::fflush(stdout);
  }

  void PrintResult(const RunResult& result) const {
    std::printf("%-12s : %11.3f micros/op %ld ops/sec %.3f seconds %" PRIu64
                " operations;",
                std::string(result.name).c_str(), result.MicrosPerOp(),
                static_cast<long>(result.OpsPerSecond()), result.seconds,
                result.operations);
    if (result.bytes > 0)
      std::printf(" %6.1f MB/s", result.MegabytesPerSecond());
    if (!result.message.empty()) std::printf(" %s", result.message.c_str());
    std::printf("\n");
    if (flags_.run.histogram) PrintPercentiles(result);
    std::fflush(stdout);
  }

  static void PrintPercentiles(const RunResult& result) {
    for (const Latency& latency : result.latency) {
      if (latency.count() == 0) continue;
      std::printf(
          "  micros: P50 %.2f  P99 %.2f  P99.9 %.2f  P99.99 %.2f  max %.2f\n",
          latency.Percentile(50), latency.Percentile(99),
          latency.Percentile(99.9), latency.Percentile(99.99), latency.Max());
    }
  }

  const Flags flags_;
  std::unique_ptr<Engine> engine_;
  uint64_t runs_ = 0;
};

// Asked before anything runs, not when its turn comes.
absl::Status CheckWorkloads(const Flags& flags) {
  for (const std::string& name : flags.benchmarks) {
    if (FindWorkload(name) != nullptr) continue;
    std::string known;
    for (const Workload& workload : AllWorkloads()) {
      absl::StrAppend(&known, "\n  ", ToAbsl(workload.name), ": ",
                      ToAbsl(workload.help));
    }
    return absl::InvalidArgumentError(
        absl::StrCat("unknown workload '", name, "'; there are:", known));
  }
  return absl::OkStatus();
}

absl::Status Main(int argc, char** argv) {
  LISSOM_ASSIGN_OR_RETURN(Flags flags, ParseFlags(argc, argv));
  LISSOM_RETURN_IF_ERROR(CheckWorkloads(flags));
  return Bench(std::move(flags)).Run();
}

}  // namespace
}  // namespace lissom::bench

int main(int argc, char** argv) {
  const absl::Status status = lissom::bench::Main(argc, argv);
  if (status.ok()) return 0;
  std::fprintf(stderr, "lissom_bench: %s\n",
               std::string(status.message()).c_str());
  return 1;
}
