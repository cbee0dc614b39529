// MetricsRecorder is where the engine counts. Always on: a counter costs a
// nanosecond or two and no shared cache line.
//
// Latencies need two looks at the clock, some 50 ns, so most calls are not
// timed: a thread times one call in 64 of each operation, on average, with gaps
// drawn at random so that no rhythm of the caller's hides a case. A call that
// is not timed pays a decrement of its thread's own. Flushes, compactions and
// syncs of the log are long: each is timed. Stalls are never sampled.
//
// Threads: thread-safe. Nothing here throws, fails or waits, whatever the
//   injected clock does: no call may fail because it is counted.
#ifndef LISSOM_DB_METRICS_METRICS_RECORDER_H_
#define LISSOM_DB_METRICS_METRICS_RECORDER_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "lissom/clock.h"
#include "lissom/metrics.h"
#include "lissom/options.h"
#include "util/latency_histogram.h"
#include "util/striped_counter.h"

namespace lissom {

// What the members of Metrics of these names say.
enum class Counter : uint8_t {
  kKeysWritten,
  kBatchesWritten,
  kBytesWritten,
  kWalWrites,
  kWalBytes,
  kWalSyncs,
  kGets,
  kMultiGets,
  kMultiGetKeys,
  kKeysFound,
  kKeysNotFound,
  kMemtableHits,
  kFilterUseful,
  kFilterFalsePositives,
  kIteratorsCreated,
  kSeeks,
  kNexts,
  kBackgroundErrors,
  kRateLimitedBytes,
  kRateLimitWaitMicros,
  kLevelHits,  // The first of one for each level: LevelHits(level).
};
inline constexpr size_t kCounters =
    static_cast<size_t>(Counter::kLevelHits) + Metrics::kLevels;

// Requires: 0 <= level < Metrics::kLevels.
constexpr Counter LevelHits(int level) {
  return static_cast<Counter>(static_cast<int>(Counter::kLevelHits) + level);
}

// What is timed.
enum class Operation : uint8_t {
  kGet,
  kMultiGet,
  kWrite,
  kSeek,
  kWalSync,
  kFlush,
  kCompaction,
};
inline constexpr size_t kOperations = 7;

class MetricsRecorder {
 private:
  struct Stripe {
    std::array<std::atomic<uint64_t>, kCounters> counters{};
    // Calls of a sampled operation until one is timed.
    std::array<std::atomic<uint32_t>, kOperations> countdown{};
    std::atomic<uint32_t> random{0};
  };

 public:
  // `clock` outlives the recorder.
  MetricsRecorder(StatisticsLevel level, Clock& clock);
  MetricsRecorder(const MetricsRecorder&) = delete;
  MetricsRecorder& operator=(const MetricsRecorder&) = delete;

  // For several additions in a row. On the stack of one call.
  class Local {
   public:
    void Add(Counter counter, uint64_t n = 1) {
      AddTo(mine_.value.counters[static_cast<size_t>(counter)], n,
            mine_.exclusive);
    }

   private:
    friend class MetricsRecorder;
    explicit Local(Striped<Stripe>::Mine mine) : mine_(mine) {}
    Striped<Stripe>::Mine mine_;
  };
  Local local() { return Local(stripes_.mine()); }
  void Add(Counter counter, uint64_t n = 1) { local().Add(counter, n); }

  // Is this call of `operation` one to time? Asking is what counts it down.
  bool ShouldTime(Operation operation) {
    if (interval_ <= 1) return interval_ == 1;
    if (operation >= Operation::kWalSync) return true;
    Stripe& stripe = stripes_.mine().value;
    std::atomic<uint32_t>& left =
        stripe.countdown[static_cast<size_t>(operation)];
    // No locked instruction, of shared stripes either: what two threads make of
    // a countdown is still one.
    const uint32_t before = left.load(std::memory_order_relaxed);
    if (before == 0) {
      left.store(DrawGap(stripe), std::memory_order_relaxed);
      return true;
    }
    left.store(before - 1, std::memory_order_relaxed);
    return false;
  }
  void AddLatency(Operation operation, absl::Duration time);
  // The injected clock's time; absl::InfiniteDuration if it throws.
  absl::Duration Now() const noexcept;

  // A wait of a writer that has ended.
  void AddStall(StallCause cause, absl::Duration time);

  // A flush whose table is installed; it took `time` (for the level's figures:
  // its latency is a LatencyTimer's, like every other).
  void AddFlush(uint64_t bytes, absl::Duration time);
  // A compaction that is installed.
  struct Compaction {
    int output_level = 0;
    uint64_t read_bytes = 0;
    uint64_t written_bytes = 0;
    uint64_t entries_in = 0;
    uint64_t entries_out = 0;
    uint64_t entries_dropped = 0;
    absl::Duration time = absl::ZeroDuration();
  };
  void AddCompaction(const Compaction& compaction);
  // Tables that now stand in `level` as they are.
  void AddMove(int level, uint64_t tables);

  // Sets all counters, stall figures and latencies but those of the block
  // cache, and no gauge.
  void ReadInto(Metrics* metrics) const;

 private:
  // Of jobs: seldom added to, so not striped. All relaxed.
  struct LevelFigures {
    std::atomic<uint64_t> compactions{0};
    std::atomic<uint64_t> moves{0};
    std::atomic<uint64_t> read_bytes{0};
    std::atomic<uint64_t> written_bytes{0};
    std::atomic<uint64_t> micros{0};
  };
  struct StallFigures {
    std::atomic<uint64_t> nanos{0};
    ConcurrentLatencyHistogram times{1};
  };

  static uint32_t DrawGap(Stripe& stripe);
  uint64_t Sum(Counter counter) const;
  void ReadCounters(Metrics* metrics) const;
  void ReadLevels(Metrics* metrics) const;

  const uint32_t interval_;  // Of sampling, on average; 0: time nothing.
  Clock& clock_;
  Striped<Stripe> stripes_;
  std::array<ConcurrentLatencyHistogram, kOperations> latencies_;
  std::array<StallFigures, kStallCauses> stalls_;
  std::array<LevelFigures, Metrics::kLevels> levels_;
  // Relaxed, as above.
  std::atomic<uint64_t> flushes_{0};
  std::atomic<uint64_t> flush_bytes_{0};
  std::atomic<uint64_t> compactions_{0};
  std::atomic<uint64_t> read_bytes_{0};  // By all compactions, like the rest.
  std::atomic<uint64_t> written_bytes_{0};
  std::atomic<uint64_t> entries_in_{0};
  std::atomic<uint64_t> entries_out_{0};
  std::atomic<uint64_t> entries_dropped_{0};
};

// Times the scope it stands in, if it is a sample.
class LatencyTimer {
 public:
  LatencyTimer(MetricsRecorder& recorder, Operation operation)
      : recorder_(recorder.ShouldTime(operation) ? &recorder : nullptr),
        operation_(operation) {
    if (recorder_ != nullptr) start_ = recorder_->Now();
  }
  ~LatencyTimer() {
    if (recorder_ != nullptr) {
      recorder_->AddLatency(operation_, recorder_->Now() - start_);
    }
  }
  LatencyTimer(const LatencyTimer&) = delete;
  LatencyTimer& operator=(const LatencyTimer&) = delete;

 private:
  MetricsRecorder* const recorder_;  // Null: not a sample.
  const Operation operation_;
  absl::Duration start_;
};

}  // namespace lissom

#endif  // LISSOM_DB_METRICS_METRICS_RECORDER_H_
