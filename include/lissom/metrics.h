// Metrics are the numbers of an open database at one moment: a plain struct of
// plain values, to be printed, compared or sent elsewhere. The same numbers as
// text are DB::GetProperty("lissom.stats").
//
// Counters count since Open and only grow; gauges say how it is now. Latencies
// are sampled (DBOptions::statistics_level), so a summary's count is the
// samples', not the calls'. Each value is true by itself; two of them may be
// of moments some microseconds apart, so sums over several need not match to
// the last one while the database is busy.
#ifndef LISSOM_METRICS_H_
#define LISSOM_METRICS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lissom {

// Why a write waits, or is slowed down.
enum class StallCause : uint8_t {
  kMemtables,          // Too many memtables wait for their flush.
  kLevel0Files,        // Level 0 has too many tables.
  kPendingCompaction,  // Compactions are too far behind.
  kMemoryBudget,       // memory_budget is used up.
  kSpaceLimit,         // max_space_bytes is used up.
  kWalSize,            // The logs are larger than max_total_wal_size.
};
inline constexpr size_t kStallCauses = 6;

// "memtables", "level0_files", ...: for messages, properties and events.
constexpr std::string_view StallCauseName(StallCause cause) {
  constexpr std::array<std::string_view, kStallCauses> kNames = {
      "memtables",     "level0_files", "pending_compaction",
      "memory_budget", "space_limit",  "wal_size"};
  const auto index = static_cast<size_t>(cause);
  return index < kNames.size() ? kNames[index] : "unknown";
}

// Nanoseconds. Percentiles are at most 13 percent above the truth; all are 0
// while count is.
struct LatencySummary {
  uint64_t count = 0;  // Samples.
  uint64_t p50 = 0;
  uint64_t p90 = 0;
  uint64_t p99 = 0;
  uint64_t p999 = 0;
  uint64_t max = 0;  // Of the samples.
};

// Waits of one cause. Every one is counted, whatever the statistics level.
struct StallMetrics {
  uint64_t count = 0;   // Waits that have ended.
  uint64_t micros = 0;  // Their sum, over all writers.
  uint64_t p99_micros = 0;
  uint64_t max_micros = 0;
};

// Of one level. Compactions count for the level that they write to.
struct LevelMetrics {
  // Gauges.
  uint64_t tables = 0;
  uint64_t bytes = 0;         // Of the files.
  uint64_t raw_bytes = 0;     // Of keys and values, before compression.
  uint64_t target_bytes = 0;  // 0: it has no target, or should be empty.
  double score = 0;           // 1 and above: a compaction is due. 0 for the
                              // last level.

  // Counters.
  uint64_t get_hits = 0;       // Gets that ended here; Metrics::memtable_hits.
  uint64_t compactions = 0;    // That merged into this level; flushes for 0.
  uint64_t moves = 0;          // Tables that came without being rewritten.
  uint64_t read_bytes = 0;     // Files that went in, of both levels.
  uint64_t written_bytes = 0;  // Files that came out.
  uint64_t micros = 0;         // Time that flushes or compactions took.

  // Bytes of keys and values a byte of file; 0 if the level is empty.
  double CompressionRatio() const;
};

struct Metrics {
  static constexpr size_t kLevels = 7;

  // --- Writes: counted when a batch is acknowledged.
  uint64_t keys_written = 0;  // Changes: puts, deletes and so on.
  uint64_t batches_written = 0;
  uint64_t bytes_written = 0;  // Of the batches, as they go to the log.

  // --- Log: counted when the call to the file system has succeeded.
  uint64_t wal_writes = 0;  // Appends; each may carry many batches.
  uint64_t wal_bytes = 0;   // Appended, framing included.
  uint64_t wal_syncs = 0;

  // --- Point reads: counted when the call returns.
  uint64_t gets = 0;           // Calls of Get.
  uint64_t multigets = 0;      // Calls of MultiGet,
  uint64_t multiget_keys = 0;  // and their keys.
  // Keys of both. The others failed.
  uint64_t keys_found = 0;
  uint64_t keys_not_found = 0;
  // Where the newest entry was that decided, a tombstone included: here, or in
  // LevelMetrics::get_hits.
  uint64_t memtable_hits = 0;
  // Tables that were not searched because their filter ruled the key out, and
  // those that were searched in vain though their filter let the key pass.
  uint64_t filter_useful = 0;
  uint64_t filter_false_positives = 0;

  // --- Iterators.
  uint64_t iterators_created = 0;
  uint64_t seeks = 0;  // Seek, SeekForPrev, SeekToFirst, SeekToLast.
  uint64_t nexts = 0;  // Next and Prev.

  // --- Background work: counted when a job's result is installed.
  uint64_t flushes = 0;
  uint64_t flush_bytes = 0;  // Of the tables written.
  uint64_t compactions = 0;  // Moves are not among them.
  uint64_t compaction_read_bytes = 0;
  uint64_t compaction_written_bytes = 0;
  uint64_t compaction_entries_in = 0;
  uint64_t compaction_entries_out = 0;
  uint64_t compaction_entries_dropped = 0;  // Nobody could see them any more.
  uint64_t background_errors = 0;           // Failed flushes and compactions.
  // Of those that wrote tables under a rate limiter.
  uint64_t rate_limited_bytes = 0;
  uint64_t rate_limit_wait_micros = 0;  // That they waited for it, added up.

  // --- Block cache. (hits + misses are the questions asked.)
  uint64_t block_cache_hits = 0;
  uint64_t block_cache_misses = 0;
  uint64_t block_cache_evictions = 0;
  uint64_t block_cache_usage = 0;     // Gauge: bytes.
  uint64_t block_cache_capacity = 0;  // Gauge: bytes.
  uint64_t table_opens = 0;

  // --- Gauges.
  uint64_t active_memtable_bytes = 0;  // Memory of the one that is written to.
  uint64_t active_memtable_entries = 0;
  uint64_t memtable_bytes = 0;    // Memory of all of them.
  uint64_t memtable_entries = 0;  // Of all of them.
  uint64_t memtables = 0;         // The active one included.
  uint64_t open_iterators = 0;
  uint64_t snapshots = 0;
  uint64_t oldest_snapshot_sequence = 0;  // 0: there is none.
  uint64_t running_flushes = 0;
  uint64_t running_compactions = 0;
  uint64_t pending_compaction_bytes = 0;  // To be rewritten until no level is
                                          // above its target; an estimate.
  uint64_t tables = 0;
  uint64_t table_bytes = 0;           // Of all files of the present version.
  uint64_t obsolete_bytes = 0;        // Of tables kept for old readers only.
  uint64_t estimated_live_bytes = 0;  // Of table_bytes, what would be left if
                                      // all of it were compacted.
  uint64_t estimated_keys = 0;        // Memtables included.
  uint64_t open_tables = 0;
  uint64_t table_memory_bytes = 0;  // Indexes and filters of open tables, apart
                                    // from what is in the cache.
  uint64_t table_metadata_bytes =
      0;  // What is known of all tables, open or not.
  uint64_t wal_files = 0;
  uint64_t wal_file_bytes = 0;  // On disk, without what is preallocated.
  uint64_t min_log_number = 0;  // The oldest log that is still needed.
  uint64_t live_versions = 0;   // Of the tree, the present one included.
  uint64_t base_level = 0;      // To which level 0 compacts.
  bool flush_pending = false;
  bool compaction_pending = false;
  bool writes_stopped = false;      // Writes wait at this moment.
  uint64_t delayed_write_rate = 0;  // Bytes a second; 0: not slowed down.
  bool writes_refused = false;      // A failure is latched.

  std::array<LevelMetrics, kLevels> levels;
  std::array<StallMetrics, kStallCauses> stalls;  // By StallCause.

  LatencySummary get_latency;
  LatencySummary multiget_latency;  // Of a whole call.
  LatencySummary write_latency;     // Of a batch, its waits included.
  LatencySummary seek_latency;
  LatencySummary wal_sync_latency;
  LatencySummary flush_latency;
  LatencySummary compaction_latency;

  const StallMetrics& stall(StallCause cause) const {
    return stalls[static_cast<size_t>(cause)];
  }

  // Bytes of tables written, by flushes and compactions, a byte of batches; the
  // log, which doubles each byte, is not among them. 0 before the first write.
  // Flushes of logs replayed by Open are not counted.
  double WriteAmplification() const;
  // The same with the log.
  double WriteAmplificationWithWal() const;
  // Bytes of tables a live byte, by estimate: 1 is ideal. 0 without tables.
  double SpaceAmplification() const;
  // Bytes of keys and values a byte of table. 0 without tables.
  double CompressionRatio() const;
  // Of the questions to the block cache, how many it answered: 0 to 1.
  double CacheHitRate() const;
};

// --- Definitions

namespace internal {
constexpr double Ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0
                    : static_cast<double>(part) / static_cast<double>(whole);
}
}  // namespace internal

inline double LevelMetrics::CompressionRatio() const {
  return internal::Ratio(raw_bytes, bytes);
}
inline double Metrics::WriteAmplification() const {
  return internal::Ratio(flush_bytes + compaction_written_bytes, bytes_written);
}
inline double Metrics::WriteAmplificationWithWal() const {
  return internal::Ratio(wal_bytes + flush_bytes + compaction_written_bytes,
                         bytes_written);
}
inline double Metrics::SpaceAmplification() const {
  return internal::Ratio(table_bytes, estimated_live_bytes);
}
inline double Metrics::CompressionRatio() const {
  uint64_t raw = 0;
  uint64_t stored = 0;
  for (const LevelMetrics& level : levels) {
    raw += level.raw_bytes;
    stored += level.bytes;
  }
  return internal::Ratio(raw, stored);
}
inline double Metrics::CacheHitRate() const {
  return internal::Ratio(block_cache_hits,
                         block_cache_hits + block_cache_misses);
}

}  // namespace lissom

#endif  // LISSOM_METRICS_H_
