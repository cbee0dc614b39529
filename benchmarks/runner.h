// RunWorkload has threads do one workload, all starting at once, and adds up
// what they did. It prints nothing.
#ifndef LISSOM_BENCHMARKS_RUNNER_H_
#define LISSOM_BENCHMARKS_RUNNER_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "benchmarks/engine.h"
#include "benchmarks/latency.h"
#include "benchmarks/worker.h"
#include "benchmarks/workload.h"

namespace lissom::bench {

struct RunResult {
  std::string_view name;  // The workload's.
  uint64_t operations = 0;
  uint64_t bytes = 0;                 // Of keys and values.
  uint64_t found = 0;                 // Of the keys that were read.
  double seconds = 0;                 // From the first start to the last end.
  double thread_seconds = 0;          // Of all threads, added up.
  std::array<Latency, kOps> latency;  // With Settings::histogram.
  std::string message;                // The first thread's.

  double MicrosPerOp() const;
  double OpsPerSecond() const;
  double MegabytesPerSecond() const;  // Of 2^20 bytes.
};

using Workers = std::span<const std::unique_ptr<Worker>>;

struct RunRequest {
  Engine& engine;
  const Workload& workload;
  const Settings& settings;
  uint64_t threads = 1;  // Workload::one_thread overrules it.
  uint64_t seed = 0;     // Thread i gets seed + 1000 * i.
  // Ends the run before its time when it turns true; may be null. Looked at
  // some times a second.
  const std::atomic<bool>* interrupted = nullptr;
  // Called in a thread of its own while the workers work; reads their `done`.
  // Returns soon after a stop is requested.
  std::function<void(Workers workers, const std::stop_token& stop)> watch = {};
};

// The first error of a worker ends them all. kCancelled: interrupted.
absl::StatusOr<RunResult> RunWorkload(const RunRequest& request);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_RUNNER_H_
