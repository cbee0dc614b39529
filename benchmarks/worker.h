// Worker is one thread of a running workload: its session, its random numbers
// and values, and what it has counted. Settings is what workloads are told.
//
// A workload is a loop over Budget::Next that ends each operation with
// Worker::Done. Neither reads the clock unless --duration or --histogram asks.
#ifndef LISSOM_BENCHMARKS_WORKER_H_
#define LISSOM_BENCHMARKS_WORKER_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "benchmarks/engine.h"
#include "benchmarks/latency.h"
#include "benchmarks/pace.h"
#include "benchmarks/value_source.h"
#include "util/random.h"

namespace lissom::bench {

struct Settings {
  uint64_t num = 1'000'000;        // Keys; operations of each thread.
  std::optional<uint64_t> reads;   // Operations of a reading thread; num.
  std::optional<uint64_t> writes;  // Of a writing thread; num.
  std::optional<uint64_t> deletes;
  uint64_t duration = 0;  // Seconds, instead of a count; 0: the count.
  uint64_t ops_between_duration_checks = 1000;
  uint64_t value_size = 100;
  double compression_ratio = 0.5;
  uint64_t key_size = 16;
  uint64_t batch_size = 1;
  uint64_t seek_nexts = 0;
  uint64_t readwritepercent = 90;  // Reads in a hundred.
  uint64_t write_rate_limit = 0;   // Bytes a second of all threads; 0: none.
  uint64_t read_rate_limit = 0;    // Operations a second of all; 0: none.
  bool reverse_iterator = false;
  bool sync = false;
  bool histogram = false;

  uint64_t Reads() const { return reads.value_or(num); }
  uint64_t Writes() const { return writes.value_or(num); }
  // Of a thread that does both: the larger of what is set.
  uint64_t ReadWrites() const {
    return reads || writes ? std::max(reads.value_or(0), writes.value_or(0))
                           : num;
  }
  uint64_t Deletes() const { return deletes.value_or(num); }
};

// What an operation is, to whom asks for latencies.
enum class Op : uint8_t { kRead, kWrite, kDelete, kSeek, kUpdate, kOther };
inline constexpr size_t kOps = 6;
// "read", "write", "delete", "seek", "update", "op".
std::string_view OpName(Op op);

// What the workers of a run share.
struct Shared {
  explicit Shared(const Settings& settings) {
    if (settings.write_rate_limit > 0)
      writes.emplace(settings.write_rate_limit);
    if (settings.read_rate_limit > 0) reads.emplace(settings.read_rate_limit);
  }
  std::optional<Pace> writes;
  std::optional<Pace> reads;
  uint64_t threads = 1;  // That count.
  // Records that YCSB's workloads add: taken by a thread, and put.
  std::atomic<uint64_t> reserved{0};
  std::atomic<uint64_t> inserted{0};
  // The run is to end: a signal, an error elsewhere, or the workers that a
  // background writer writes beside are done.
  std::atomic<bool> stop{false};
};

struct Worker {
  Worker(Engine& store, Session& own_session, const Settings& run_settings,
         Shared& run_shared, uint64_t seed)
      : engine(store),
        session(own_session),
        settings(run_settings),
        shared(run_shared),
        random(seed),
        values(seed, run_settings.value_size, run_settings.compression_ratio) {}

  std::string_view KeyOf(uint64_t index);  // Lives until the next call.
  // Called after each operation (a batch is one per put).
  void Done(Op op, uint64_t operations, uint64_t operation_bytes) {
    // Only this thread adds: no locked instruction.
    done.store(done.load(std::memory_order_relaxed) + operations,
               std::memory_order_relaxed);
    bytes += operation_bytes;
    if (settings.histogram) AddLatency(op);
  }
  // What was before this moment is no operation's time.
  void ForgetTime();
  // Waits for the turn of so many bytes to be written, or reads to be made.
  void PaceWrite(uint64_t write_bytes);
  void PaceReads(uint64_t operations);

  Engine& engine;
  Session& session;
  const Settings& settings;
  Shared& shared;
  Random random;
  ValueSource values;
  std::string key;
  uint64_t index = 0;  // Of this thread, among those of the run.

  // Written by this thread alone, read by who shows progress.
  std::atomic<uint64_t> done{0};
  uint64_t bytes = 0;
  uint64_t found = 0;
  std::string message;  // For the end of the result line.
  std::array<Latency, kOps> latency;
  std::chrono::steady_clock::time_point last;   // End of the last operation.
  std::chrono::steady_clock::time_point began;  // Filled in by the runner,
  std::chrono::steady_clock::time_point ended;  // both.

 private:
  void AddLatency(Op op);
  uint64_t unpaced_reads_ = 0;
};

// How much a thread has yet to do: a count of operations, or with --duration
// the time.
class Budget {
 public:
  // Requires: made when the thread starts to work.
  Budget(Worker& worker, uint64_t operations);
  // A count, --duration or not.
  static Budget Count(Worker& worker, uint64_t operations);

  // How many of `wanted` operations may be done now; 0: the end.
  uint64_t Next(uint64_t wanted = 1) {
    if (stop_.load(std::memory_order_relaxed)) return 0;
    if (left_ == 0 && !MoreTime()) return 0;
    if (wanted > left_) wanted = timed_ ? wanted : left_;
    left_ -= wanted < left_ ? wanted : left_;
    return wanted;
  }

 private:
  Budget(Worker& worker, uint64_t operations, uint64_t seconds);
  bool MoreTime();  // Looked at when a stage of operations is done.

  const std::atomic<bool>& stop_;
  const bool timed_;
  const uint64_t stage_;
  const std::chrono::steady_clock::time_point end_;
  uint64_t left_;
};

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_WORKER_H_
