// Tally counts what a stress run did. It may lie in memory that processes
// share, and is then true however often one of them was killed. Thread-safe.
#ifndef LISSOM_TESTS_STRESS_TALLY_H_
#define LISSOM_TESTS_STRESS_TALLY_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "lissom/metrics.h"

namespace lissom::stress {

enum class Count : uint8_t {
  // Operations.
  kPuts,
  kDeletes,
  kBatches,
  kGets,
  kMultiGets,
  kScans,
  kMoves,  // Of iterators, scans included.
  kSetPictures,
  kSnapshotReads,
  kIteratorReads,  // Of an iterator that was held for a while.
  kRefreshes,
  kFlushes,
  kSyncs,
  kCompactRanges,
  kCancelledRanges,
  kVerifies,
  kMetrics,
  kReadOnlyOpens,
  kReopens,
  kRacingCloses,
  kKills,
  // What came of them.
  kUnlogged,      // Writes with disable_wal.
  kRefused,       // Writes that no_slowdown or a timeout ended.
  kInDoubt,       // Writes that a close ended.
  kNotInMemory,   // Reads that kCacheOnly ended.
  kLate,          // Reads that their deadline ended.
  kGaveUp,        // Moves that max_skipped_entries ended.
  kRecovered,     // Keys looked at after a kill or a reopen.
  kLostUnlogged,  // Slots that a kill set back, as it may without the log.
  kKeysChecked,   // Answers compared with the oracle.
  kBytesWritten,
  kBytesRead,
  kCount,
};

class Tally {
 public:
  void Add(Count what, uint64_t by = 1) {
    counts_[static_cast<size_t>(what)].fetch_add(by, std::memory_order_relaxed);
  }
  uint64_t Get(Count what) const {
    return counts_[static_cast<size_t>(what)].load(std::memory_order_relaxed);
  }
  // All from kPuts to kKills.
  uint64_t Operations() const;

  // Adds what the engine has counted since `before`, of the same open.
  void AddEngine(const Metrics& before, const Metrics& now);
  void NoteMemory(uint64_t bytes);

  uint64_t most_memory() const { return most_memory_.load(); }

  // The tables that end a run.
  std::string ToString(double seconds) const;

 private:
  struct Stall {
    std::atomic<uint64_t> count{0};
    std::atomic<uint64_t> micros{0};
  };
  // Relaxed all of them: they are read when the run has ended, or roughly.
  std::array<std::atomic<uint64_t>, static_cast<size_t>(Count::kCount)>
      counts_{};
  std::array<Stall, kStallCauses> stalls_{};
  std::atomic<uint64_t> flushes_{0};
  std::atomic<uint64_t> flush_bytes_{0};
  std::atomic<uint64_t> compactions_{0};
  std::atomic<uint64_t> compaction_bytes_{0};
  std::atomic<uint64_t> dropped_{0};
  std::atomic<uint64_t> background_errors_{0};
  std::atomic<uint64_t> most_memory_{0};
};

}  // namespace lissom::stress

#endif  // LISSOM_TESTS_STRESS_TALLY_H_
