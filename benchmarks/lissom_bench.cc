// lissom_bench measures a whole database under named workloads. Flags, words
// and result lines are db_bench's; benchmarks/README.md says how to measure
// and what the numbers mean.
//
//   lissom_bench --benchmarks=fillrandom,waitforidle,readrandom --num=1000000
#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmarks/bench_flags.h"
#include "benchmarks/workload.h"
#include "lissom/db.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

using TimePoint = std::chrono::steady_clock::time_point;

double SecondsSince(TimePoint start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

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
    return db_ == nullptr ? absl::OkStatus() : db_->Close();
  }

 private:
  absl::Status RunOne(const Workload& workload) {
    if (workload.fresh_db && flags_.use_existing_db) {
      std::printf("%-12s : skipped: --use_existing_db keeps the database\n",
                  std::string(workload.name).c_str());
      return absl::OkStatus();
    }
    LISSOM_RETURN_IF_ERROR(OpenFor(workload));
    const size_t threads = workload.one_thread ? 1 : flags_.threads;
    std::vector<std::unique_ptr<Worker>> workers;
    for (size_t i = 0; i < threads; ++i) {
      // Each workload and thread has keys of its own, and others than those
      // that filled a database which is there already.
      workers.push_back(
          std::make_unique<Worker>(*db_, flags_,
                                   flags_.seed + 1000 * ++workers_made_ +
                                       (flags_.use_existing_db ? 999 : 0)));
    }
    LISSOM_ASSIGN_OR_RETURN(const double seconds,
                            RunThreads(workload, workers));
    if (!workload.prints) PrintResult(workload, workers, seconds);
    return absl::OkStatus();
  }

  absl::Status OpenFor(const Workload& workload) {
    const Options options = DbOptions(flags_);
    if (workload.fresh_db) {
      if (db_ != nullptr) LISSOM_RETURN_IF_ERROR(db_->Close());
      db_.reset();
      LISSOM_RETURN_IF_ERROR(DB::Destroy(options, flags_.db));
    }
    if (db_ != nullptr) return absl::OkStatus();
    LISSOM_ASSIGN_OR_RETURN(db_, DB::Open(options, flags_.db));
    return absl::OkStatus();
  }

  // Starts all at once; the time is from then until the last has ended.
  static absl::StatusOr<double> RunThreads(
      const Workload& workload, std::vector<std::unique_ptr<Worker>>& workers) {
    std::latch start(static_cast<std::ptrdiff_t>(workers.size()) + 1);
    std::vector<absl::Status> results(workers.size());
    std::vector<std::thread> threads;
    for (size_t i = 0; i < workers.size(); ++i) {
      threads.emplace_back([&, i] {
        Worker& worker = *workers[i];
        start.arrive_and_wait();
        const TimePoint began = std::chrono::steady_clock::now();
        worker.last = began;
        results[i] = workload.run(worker);
        worker.seconds = SecondsSince(began);
      });
    }
    start.arrive_and_wait();
    const TimePoint began = std::chrono::steady_clock::now();
    for (std::thread& thread : threads) thread.join();
    const double seconds = SecondsSince(began);
    for (const absl::Status& result : results) LISSOM_RETURN_IF_ERROR(result);
    return seconds;
  }

  void PrintHeader() const {
    const double raw = static_cast<double>(flags_.num) *
                       static_cast<double>(flags_.key_size + flags_.value_size);
    std::printf("Keys:       %" PRIu64 " bytes each\n", flags_.key_size);
    std::printf("Values:     %" PRIu64 " bytes each, half compressible\n",
                flags_.value_size);
    std::printf("Entries:    %" PRIu64 " (%.1f MB raw)\n", flags_.num,
                raw / 1048576.0);
    std::printf("Memtable:   %" PRIu64 " bytes; block cache: %" PRIu64
                " bytes; filter: %" PRIu64 " bits a key\n",
                flags_.write_buffer_size, flags_.cache_size, flags_.bloom_bits);
    std::printf("Compression: %s, dictionaries of %" PRIu64
                " bytes; sync: %s; batch: %" PRIu64 "; threads: %" PRIu64
                "; seed: %" PRIu64 "\n",
                flags_.compression_type.c_str(),
                flags_.compression_max_dict_bytes, flags_.sync ? "yes" : "no",
                flags_.batch_size, flags_.threads, flags_.seed);
#ifdef LISSOM_CHECKS
    std::printf("WARNING: built with checks; use the release preset.\n");
#endif
    std::printf("------------------------------------------------\n");
    std::fflush(stdout);
  }

  static void PrintResult(const Workload& workload,
                          const std::vector<std::unique_ptr<Worker>>& workers,
                          double seconds) {
    uint64_t done = 0;
    uint64_t bytes = 0;
    uint64_t found = 0;
    double thread_seconds = 0;
    LatencyHistogram latency;
    for (const std::unique_ptr<Worker>& worker : workers) {
      done += worker->done;
      bytes += worker->bytes;
      found += worker->found;
      thread_seconds += worker->seconds;
      latency.Merge(worker->latency);
    }
    const double count = static_cast<double>(std::max<uint64_t>(done, 1));
    std::printf(
        "%-12s : %11.3f micros/op %ld ops/sec %.3f seconds %" PRIu64
        " operations;",
        std::string(workload.name).c_str(), thread_seconds * 1e6 / count,
        static_cast<long>(count / std::max(seconds, 1e-9)), seconds, done);
    if (bytes > 0) {
      std::printf(" %6.1f MB/s",
                  static_cast<double>(bytes) / 1048576.0 / seconds);
    }
    if (workload.counts_found) {
      std::printf(" (%" PRIu64 " of %" PRIu64 " found)", found, done);
    }
    std::printf("\n");
    if (workers.front()->flags.histogram) PrintPercentiles(latency);
    std::fflush(stdout);
  }

  static void PrintPercentiles(const LatencyHistogram& latency) {
    const auto micros = [&latency](double percent) {
      return static_cast<double>(latency.Percentile(percent)) / 1e3;
    };
    std::printf(
        "  micros: P50 %.2f  P99 %.2f  P99.9 %.2f  P99.99 %.2f  max %.2f\n",
        micros(50), micros(99), micros(99.9), micros(99.99),
        static_cast<double>(latency.max()) / 1e3);
  }

  const Flags flags_;
  std::unique_ptr<DB> db_;
  uint64_t workers_made_ = 0;
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
