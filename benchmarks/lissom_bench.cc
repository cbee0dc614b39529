// lissom_bench measures a whole database under named workloads. Flags, words
// and result lines are db_bench's; benchmarks/README.md says how to measure
// and what the numbers mean.
//
//   lissom_bench --benchmarks=fillrandom,waitforidle,readrandom --num=1000000
//
// Exit: 0; 1 if a workload failed; 2 if the command line was wrong; 130 after
// Ctrl-C, with the database closed as it should be.
#include <atomic>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmarks/bench_flags.h"
#include "benchmarks/lissom_engine.h"
#include "benchmarks/machine.h"
#include "benchmarks/progress.h"
#include "benchmarks/repeat.h"
#include "benchmarks/report.h"
#include "benchmarks/runner.h"
#include "lissom/db.h"
#include "util/random.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitInterrupted = 130;

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // For the handler.

// The second Ctrl-C ends the process at once.
void HandleSignals() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  action.sa_flags = SA_RESETHAND;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

class Bench {
 public:
  Bench(const Flags& flags, LissomSettings database, Report& report,
        Progress& progress)
      : flags_(flags),
        database_(std::move(database)),
        report_(report),
        progress_(progress) {}

  absl::Status Run(const std::vector<Step>& steps) {
    absl::Status status = RunSteps(steps);
    if (status.ok() && flags_.statistics && engine_ != nullptr) {
      report_.Statistics(engine_->GetCounters());
    }
    if (engine_ != nullptr) status.Update(engine_->Close());
    status.Update(progress_.Finish());
    return status;
  }

 private:
  absl::Status RunSteps(const std::vector<Step>& steps) {
    LISSOM_RETURN_IF_ERROR(CheckDirectory(*steps.front().workload));
    for (const Step& step : steps) LISSOM_RETURN_IF_ERROR(RunStep(step));
    return absl::OkStatus();
  }

  // Nobody's data is worked on, or lost, by an oversight: a database that is
  // there is kept if --use_existing_db says so, and made anew by fillseq and
  // its like; anything else was hardly meant.
  absl::Status CheckDirectory(const Workload& first) const {
    std::error_code error;  // Of a path that cannot be looked at: Open tells.
    const bool there = std::filesystem::exists(
        std::filesystem::path(flags_.db) / "CURRENT", error);
    if (!there || first.fresh_db || flags_.use_existing_db) {
      return absl::OkStatus();
    }
    return absl::AlreadyExistsError(
        absl::StrCat(flags_.db,
                     ": a database is there; --use_existing_db works on it, a "
                     "fill workload before ",
                     ToAbsl(first.name), " makes it anew"));
  }

  absl::Status RunStep(const Step& step) {
    if (step.workload->fresh_db && flags_.use_existing_db) {
      report_.Skip(step);
      return absl::OkStatus();
    }
    report_.BeginStep(step);
    for (uint64_t i = 1; i <= step.warmups; ++i) {
      LISSOM_RETURN_IF_ERROR(RunOnce(*step.workload, i, true).status());
    }
    Repeats repeats;
    for (uint64_t i = 1; i <= step.runs; ++i) {
      LISSOM_ASSIGN_OR_RETURN(const RunResult result,
                              RunOnce(*step.workload, i, false));
      repeats.Add(result);
    }
    report_.EndStep(step, repeats);
    return absl::OkStatus();
  }

  absl::StatusOr<RunResult> RunOnce(const Workload& workload, uint64_t number,
                                    bool warmup) {
    LISSOM_RETURN_IF_ERROR(OpenFor(workload));
    RunRequest request{.engine = *engine_,
                       .workload = workload,
                       .settings = flags_.run,
                       .threads = flags_.threads,
                       .seed = NextSeed(),
                       .interrupted = &interrupted};
    if (progress_.wanted()) {
      request.watch = [this](Workers workers, const std::stop_token& stop) {
        progress_.Watch(*engine_, workers, stop);
      };
    }
    LISSOM_ASSIGN_OR_RETURN(const RunResult result, RunWorkload(request));
    report_.Ran({.number = number,
                 .warmup = warmup,
                 .threads = workload.one_thread ? 1 : flags_.threads},
                result);
    return result;
  }

  // Each workload and thread has keys of its own, and others than those that
  // filled a database which is there already.
  uint64_t NextSeed() {
    const uint64_t seed =
        flags_.seed + 1000 * ++workers_ + (flags_.use_existing_db ? 999 : 0);
    workers_ += flags_.threads;
    return seed;
  }

  absl::Status OpenFor(const Workload& workload) {
    if (workload.fresh_db) {
      if (engine_ != nullptr) LISSOM_RETURN_IF_ERROR(engine_->Close());
      engine_.reset();
      LISSOM_RETURN_IF_ERROR(DB::Destroy(database_.options, flags_.db));
    }
    if (engine_ != nullptr) return absl::OkStatus();
    LISSOM_ASSIGN_OR_RETURN(engine_, OpenLissom(database_, flags_.db));
    return absl::OkStatus();
  }

  const Flags& flags_;
  const LissomSettings database_;
  Report& report_;
  Progress& progress_;
  std::unique_ptr<Engine> engine_;
  uint64_t workers_ = 0;  // That were made so far.
};

absl::Status RunBench(const Flags& flags, const std::vector<Step>& steps) {
  LISSOM_ASSIGN_OR_RETURN(LissomSettings database, DatabaseOf(flags));
  LISSOM_ASSIGN_OR_RETURN(
      const std::unique_ptr<Progress> progress,
      Progress::Start({.stats_interval_seconds = flags.stats_interval_seconds,
                       .engine_stats = flags.stats_per_interval > 0,
                       .report_interval_seconds = flags.report_interval_seconds,
                       .report_file = flags.report_file}));
  const std::unique_ptr<Report> report =
      flags.json() ? NewJsonReport() : NewTextReport();
  report->Begin(flags, ThisMachine());
  absl::Status status =
      Bench(flags, std::move(database), *report, *progress).Run(steps);
  report->End(status);
  return status;
}

int Fail(const absl::Status& status, int code) {
  std::fprintf(stderr, "lissom_bench: %s\n",
               std::string(status.message()).c_str());
  return code;
}

int Main(int argc, char** argv) {
  Flags flags;
  if (const absl::Status parsed = ParseFlags(argc, argv, &flags);
      absl::IsCancelled(parsed)) {
    std::printf("%s\n", std::string(parsed.message()).c_str());
    return 0;
  } else if (!parsed.ok()) {
    return Fail(parsed, kExitUsage);
  }
  const absl::StatusOr<std::vector<Step>> steps = StepsOf(flags);
  if (!steps.ok()) return Fail(steps.status(), kExitUsage);
  if (flags.seed == 0) {
    flags.seed = SystemSeed() >> 1;
    std::fprintf(stderr, "Set seed to %" PRIu64 " because --seed was 0\n",
                 flags.seed);
  }
  HandleSignals();
  const absl::Status status = RunBench(flags, *steps);
  if (status.ok()) {
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return 0;
    return Fail(absl::UnavailableError("the results could not be written"),
                kExitFailed);
  }
  return Fail(status, interrupted ? kExitInterrupted : kExitFailed);
}

}  // namespace
}  // namespace lissom::bench

int main(int argc, char** argv) { return lissom::bench::Main(argc, argv); }
