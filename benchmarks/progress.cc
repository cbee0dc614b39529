#include "benchmarks/progress.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace lissom::bench {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

// "2026/11/21-21:06:52".
std::string TimeOfDay() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return absl::StrFormat("%04d/%02d/%02d-%02d:%02d:%02d", local.tm_year + 1900,
                         local.tm_mon + 1, local.tm_mday, local.tm_hour,
                         local.tm_min, local.tm_sec);
}

}  // namespace

struct Progress::Seen {
  Clock::time_point began = Clock::now();
  Clock::time_point last_lines = began;
  std::vector<uint64_t> done;  // Of each thread, at the last lines.
  Clock::time_point last_row = began;
  uint64_t all_done = 0;  // At the last row.
};

absl::StatusOr<std::unique_ptr<Progress>> Progress::Start(
    const ProgressSettings& settings) {
  std::unique_ptr<Progress> progress(new Progress(settings));
  if (settings.report_interval_seconds == 0) return progress;
  progress->report_.open(settings.report_file, std::ios::trunc);
  progress->report_ << "secs_elapsed,interval_qps\n" << std::flush;
  if (!progress->report_) {
    return absl::UnavailableError(
        absl::StrCat(settings.report_file, ": cannot be written"));
  }
  return progress;
}

bool Progress::wanted() const {
  return settings_.stats_interval_seconds > 0 ||
         settings_.report_interval_seconds > 0;
}

void Progress::Watch(Engine& engine, Workers workers,
                     const std::stop_token& stop) {
  Seen seen;
  seen.done.resize(workers.size());
  const std::chrono::seconds lines_every(settings_.stats_interval_seconds);
  const std::chrono::seconds row_every(settings_.report_interval_seconds);
  constexpr auto kNever = Clock::time_point::max();
  auto lines_at = lines_every.count() > 0 ? seen.began + lines_every : kNever;
  auto row_at = row_every.count() > 0 ? seen.began + row_every : kNever;
  std::mutex mu;
  std::condition_variable_any never_notified;
  std::unique_lock lock(mu);
  while (true) {
    const auto next = std::min(lines_at, row_at);
    if (never_notified.wait_until(lock, stop, next,
                                  [next] { return Clock::now() >= next; })) {
      if (next == row_at) {
        AddRow(workers, &seen);
        row_at += row_every;
      }
      if (next == lines_at) {
        SayThreads(engine, workers, &seen);
        lines_at += lines_every;
      }
    }
    if (stop.stop_requested()) return;
  }
}

void Progress::SayThreads(Engine& engine, Workers workers, Seen* seen) const {
  const auto now = Clock::now();
  const double since_last = Seconds(now - seen->last_lines);
  const double since_begin = Seconds(now - seen->began);
  for (size_t i = 0; i < workers.size(); ++i) {
    const uint64_t done = workers[i]->done;
    const uint64_t fresh = done - std::exchange(seen->done[i], done);
    const std::string line = absl::StrFormat(
        "%s ... thread %u: (%u,%u) ops and (%.1f,%.1f) ops/second in "
        "(%.6f,%.6f) seconds\n",
        TimeOfDay(), i, fresh, done, static_cast<double>(fresh) / since_last,
        static_cast<double>(done) / since_begin, since_last, since_begin);
    std::fputs(line.c_str(), stderr);
  }
  seen->last_lines = now;
  if (!settings_.engine_stats) return;
  if (const auto stats = engine.Property("stats"); stats.ok()) {
    std::fprintf(stderr, "%s\n", stats->c_str());
  }
}

void Progress::AddRow(Workers workers, Seen* seen) {
  uint64_t done = 0;
  for (const std::unique_ptr<Worker>& worker : workers) done += worker->done;
  const auto now = Clock::now();
  const double rate =
      static_cast<double>(done - std::exchange(seen->all_done, done)) /
      Seconds(now - std::exchange(seen->last_row, now));
  report_ << std::llround(Seconds(now - began_)) << ',' << std::llround(rate)
          << '\n'
          << std::flush;
}

absl::Status Progress::Finish() {
  if (settings_.report_interval_seconds == 0) return absl::OkStatus();
  report_.close();
  if (!report_) {
    return absl::UnavailableError(
        absl::StrCat(settings_.report_file, ": cannot be written"));
  }
  return absl::OkStatus();
}

}  // namespace lissom::bench
