// Progress tells of a workload while it runs: lines on stderr, and the report
// file, a CSV of operations a second over time that goes on from one workload
// to the next. It is what RunRequest::watch calls.
#ifndef LISSOM_BENCHMARKS_PROGRESS_H_
#define LISSOM_BENCHMARKS_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <fstream>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "benchmarks/engine.h"
#include "benchmarks/runner.h"

namespace lissom::bench {

struct ProgressSettings {
  uint64_t stats_interval_seconds = 0;   // 0: no lines.
  bool engine_stats = false;             // With each: the property "stats".
  uint64_t report_interval_seconds = 0;  // 0: no file.
  std::string report_file;
};

class Progress {
 public:
  // kUnavailable: the report file cannot be written.
  static absl::StatusOr<std::unique_ptr<Progress>> Start(
      const ProgressSettings& settings);

  // There is something to tell.
  bool wanted() const;
  // Until a stop is requested.
  void Watch(Engine& engine, Workers workers, const std::stop_token& stop);
  // Whether all of the report file was written.
  absl::Status Finish();

 private:
  using Clock = std::chrono::steady_clock;

  explicit Progress(const ProgressSettings& settings)
      : settings_(settings), began_(Clock::now()) {}

  struct Seen;  // Of one workload.
  void SayThreads(Engine& engine, Workers workers, Seen* seen) const;
  void AddRow(Workers workers, Seen* seen);

  const ProgressSettings settings_;
  const Clock::time_point began_;
  std::ofstream report_;
};

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_PROGRESS_H_
