#include "benchmarks/compare/calibrate.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "benchmarks/compare/child.h"
#include "benchmarks/compare/interrupt.h"
#include "src/tools/terminal.h"
#include "util/status_macros.h"

namespace lissom::bench {
namespace {

constexpr double kWithin = 0.03;
constexpr uint64_t kCacheSize = uint64_t{4} << 30;

struct Task {
  const char* workload;
  bool fills;            // An empty database, and until it has settled.
  uint64_t operations;   // Of each repetition.
  uint64_t repetitions;  // So that opening the database hardly counts.
  // Another one for each: who reads with the seed that filled the database
  // finds every key, and the other side two thirds of its own.
  uint64_t seed;
};

// The same settings as in rocksdb_engine.cc, in db_bench's words.
std::vector<std::string> DbBenchFlags(const CalibrationRequest& request,
                                      const Task& task,
                                      const std::string& path) {
  std::vector<std::string> benchmarks(task.repetitions, task.workload);
  if (task.fills) benchmarks = {task.workload, "flush", "waitforcompaction"};
  return {request.db_bench,
          "--benchmarks=" + absl::StrJoin(benchmarks, ","),
          "--db=" + path,
          absl::StrCat("--use_existing_db=", task.fills ? 0 : 1),
          absl::StrCat("--num=", request.keys),
          absl::StrCat("--reads=", task.operations),
          absl::StrCat("--seed=", task.seed),
          "--threads=1",
          "--key_size=16",
          "--value_size=100",
          "--compression_ratio=0.5",
          "--compression_type=none",
          "--write_buffer_size=67108864",
          "--max_write_buffer_number=4",
          "--min_write_buffer_number_to_merge=1",
          "--max_background_jobs=2",
          "--subcompactions=1",
          "--target_file_size_base=67108864",
          "--max_bytes_for_level_base=268435456",
          "--level_compaction_dynamic_level_bytes=true",
          "--level0_file_num_compaction_trigger=4",
          "--level0_slowdown_writes_trigger=20",
          "--level0_stop_writes_trigger=36",
          "--block_size=4096",
          "--bloom_bits=10",
          "--cache_type=lru_cache",
          absl::StrCat("--cache_size=", kCacheSize),
          "--cache_index_and_filter_blocks=false",
          "--charge_table_reader=true",
          "--open_files=-1",
          "--enable_pipelined_write=false",
          "--allow_concurrent_memtable_write=false",
          "--disable_wal=false",
          "--sync=false",
          "--batch_size=1",
          "--verify_checksum=true",
          "--mmap_read=false",
          "--statistics=false",
          "--histogram=false",
          "--perf_level=1",
          "--progress_reports=false",
          "--stats_dump_period_sec=0",
          "--seek_nexts=0"};
}

// Processor seconds of a program's whole life; what it says is thrown away.
absl::StatusOr<double> CpuOfProgram(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  }
  pid_t pid = 0;
  const int error = posix_spawn(&pid, words[0].c_str(), &actions, nullptr,
                                arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return absl::ErrnoToStatus(error, words[0]);
  int status = 0;
  rusage usage = {};
  while (wait4(pid, &status, 0, &usage) < 0) {
    if (errno != EINTR) return absl::ErrnoToStatus(errno, "wait4");
    if (Interrupted()) kill(pid, SIGTERM);
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return absl::InternalError(
        absl::StrCat(words[0], " failed; it was given: ",
                     absl::StrJoin(words.begin() + 1, words.end(), " ")));
  }
  return CpuSecondsOf(usage);
}

class Calibrator {
 public:
  Calibrator(const CalibrationRequest& request, Voice& voice)
      : request_(request), voice_(voice), path_(request.directory + "/db") {}

  absl::StatusOr<std::vector<Calibration>> Go() {
    const std::vector<Task> tasks = {
        {"fillrandom", true, request_.keys, 1, 1001},
        {"readrandom", false, request_.keys, 2, 2002},
        {"readseq", false, request_.keys, 10, 3003},
        {"seekrandom", false, request_.keys / 4, 4, 4004}};
    std::vector<Calibration> result;
    voice_.Part("Calibrate", tasks.size() * request_.pairs);
    for (const Task& task : tasks) {
      std::vector<double> ours;
      std::vector<double> theirs;
      std::vector<double> ratios;
      for (uint64_t pair = 0; pair < request_.pairs; ++pair) {
        voice_.Step(absl::StrCat(task.workload, ", pair ", pair + 1));
        LISSOM_ASSIGN_OR_RETURN(const auto both, Pair(task, pair % 2 == 1));
        ours.push_back(both.first);
        theirs.push_back(both.second);
        ratios.push_back(both.first / both.second);
      }
      result.push_back({.workload = task.workload,
                        .adapter = SpreadOf(ours),
                        .db_bench = SpreadOf(theirs),
                        .ratio = SpreadOf(ratios)});
    }
    return result;
  }

 private:
  // Microseconds an operation: of the adapter, of db_bench.
  absl::StatusOr<std::pair<double, double>> Pair(const Task& task,
                                                 bool db_bench_first) {
    std::pair<double, double> seconds;
    operations_ = 0;
    for (int turn = 0; turn < 2; ++turn) {
      if (db_bench_first == (turn == 0)) {
        if (task.fills) Clear();
        LISSOM_ASSIGN_OR_RETURN(
            seconds.second, CpuOfProgram(DbBenchFlags(request_, task, path_)));
      } else {
        LISSOM_ASSIGN_OR_RETURN(seconds.first, Adapter(task));
      }
    }
    const double scale =
        1e6 / static_cast<double>(std::max<uint64_t>(operations_, 1));
    return std::pair(seconds.first * scale, seconds.second * scale);
  }

  absl::StatusOr<double> Adapter(const Task& task) {
    if (task.fills) Clear();
    LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<Child> child,
                            Child::Start(request_.program, "rocksdb"));
    Request open;
    open.what = "open";
    open.engine = "rocksdb";
    open.path = path_;
    open.fresh = task.fills;
    open.cache_size = kCacheSize;
    LISSOM_RETURN_IF_ERROR(child->Call(open).status());
    Request run;
    run.what = "run";
    run.workload = task.workload;
    run.keys = request_.keys;
    run.operations = task.operations;
    run.seed = task.seed;
    for (uint64_t i = 0; i < task.repetitions; ++i) {
      run.seed = task.seed + i;  // Other keys each time, as db_bench's are.
      LISSOM_ASSIGN_OR_RETURN(const Reply reply, child->Call(run));
      operations_ += reply.operations;
    }
    Request then;
    then.what = "settle";
    if (task.fills) LISSOM_RETURN_IF_ERROR(child->Call(then).status());
    then.what = "close";
    LISSOM_RETURN_IF_ERROR(child->Call(then).status());
    return child->Finish();
  }

  void Clear() {
    std::error_code ignored;  // What stays behind fails what comes.
    std::filesystem::remove_all(path_, ignored);
  }

  const CalibrationRequest& request_;
  Voice& voice_;
  const std::string path_;
  // Of the adapter, in the pair at hand. db_bench does as many: a scan ends
  // with the keys that fillrandom left, here and there.
  uint64_t operations_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<Calibration>> Calibrate(
    const CalibrationRequest& request, Voice& voice) {
  return Calibrator(request, voice).Go();
}

std::string ToText(const std::vector<Calibration>& calibrations) {
  tools::Table table({"CPU us an operation", "adapter", "db_bench",
                      "ratio (least - most)", "within 3 %"});
  for (const Calibration& one : calibrations) {
    table.AddRow({one.workload, absl::StrFormat("%.3f", one.adapter.median),
                  absl::StrFormat("%.3f", one.db_bench.median),
                  absl::StrFormat("%.3f (%.3f - %.3f)", one.ratio.median,
                                  one.ratio.least, one.ratio.most),
                  std::abs(one.ratio.median - 1) <= kWithin ? "yes" : "NO"});
  }
  return table.ToString();
}

}  // namespace lissom::bench
