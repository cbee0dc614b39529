// Options of a database. Plain structs; the defaults suit a server. Sizes are
// bytes. Options::Validate names every bad field at once; DB::Open calls it.
//
// Fields are inherited from two structs, so assign them one by one:
//
//   lissom::Options options;
//   options.create_if_missing = true;
#ifndef LISSOM_OPTIONS_H_
#define LISSOM_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "lissom/clock.h"
#include "lissom/comparator.h"
#include "lissom/compression.h"
#include "lissom/executor.h"
#include "lissom/export.h"
#include "lissom/file_system.h"
#include "lissom/filter_policy.h"
#include "lissom/logger.h"
#include "lissom/rate_limiter.h"
#include "lissom/snapshot.h"

namespace lissom {

// What recovery does with log bytes after the last sync mark that do not read
// back. Damage below a mark is kDataLoss in every mode: those bytes had been
// acknowledged as durable.
enum class WalRecoveryMode : uint8_t {
  // Stop at the first bad record: the state is a prefix of the history.
  kPointInTime,
  // Accept only an incomplete last record; anything else is kDataLoss.
  kTornTailOnly,
  // Accept nothing: a log must end exactly where its last record ends.
  kAbsolute,
};

// Which calls have their latency measured (lissom/metrics.h). Counters and
// stalls are always counted.
enum class StatisticsLevel : uint8_t {
  kOff,      // None.
  kSampled,  // One in 64, drawn at random; every flush, compaction and sync.
  kAll,      // Every one: some 50 ns each.
};

class EventListener;  // lissom/event_listener.h

struct DBOptions {
  // Create the database if it does not exist. The parent directory must.
  bool create_if_missing = false;
  // kAlreadyExists if it does.
  bool error_if_exists = false;

  WalRecoveryMode wal_recovery_mode = WalRecoveryMode::kPointInTime;

  // The one number for memory, in bytes, 4 MiB or more: memtables, cache,
  // indexes and filters, open tables, buffers of compactions. Sizes that are
  // left unset derive from it; those that are set count inside it. Unset: a
  // quarter of what the process may use, at most 8 GiB (and what the sizes that
  // are set need).
  std::optional<size_t> memory_budget;

  // The most that tables and logs may take on disk, in bytes; 0: no limit. Near
  // it writes are slowed down, at it they get kResourceExhausted until deletes
  // and compactions have made room. A running compaction may pass it by what it
  // writes.
  uint64_t max_space_bytes = 0;

  // Bytes of WAL at which the memtable is flushed early, so that logs can go;
  // 0: no limit but that of the memtables. Without disk to spare, or where many
  // overwrites keep memtables small and logs long, set it to a few times
  // write_buffer_size.
  uint64_t max_total_wal_size = 0;

  // Files that the database may hold open, 64 to 2^30: 16 of them are for logs
  // and for tables that are being written, the others for tables that are open
  // to be read. Beyond that, and where open tables would take more than half of
  // what is the block cache's, those that were not used for the longest time
  // are closed, and opened again when they are needed. What iterators, reads
  // and compactions have open at the moment stays open, even beyond the limit.
  // Unset: half of the process's soft limit (RLIMIT_NOFILE, at Open), 64 to
  // 2^20. Larger: fewer tables are opened again in a database of many.
  std::optional<int> max_open_files;

  // How fast flushes and compactions may write tables (lissom/rate_limiter.h).
  // Null: as fast as they can.
  std::shared_ptr<RateLimiter> rate_limiter;

  // Flushes and compactions that may run at once, 1 to 256; one of them is kept
  // for flushes. Threads of the database's own pool; an executor of yours has
  // as many as it likes.
  int max_background_jobs = 2;
  // Pieces that a large compaction is cut into, to be merged side by side if
  // the executor has threads to spare. 1 to 64. Larger: level 0 drains sooner,
  // at the price of a few smaller tables.
  int max_subcompactions = 1;

  // The world, injected. Unset: the machine's files and clock, a thread pool
  // of the database's own, and a LOG file in its directory.
  std::shared_ptr<FileSystem> file_system;
  std::shared_ptr<Clock> clock;
  std::shared_ptr<Executor> executor;
  std::shared_ptr<Logger> info_log;

  // Told of flushes, compactions, stalls and errors, one after the other, from
  // a background task. None may be null.
  std::vector<std::shared_ptr<EventListener>> listeners;
  StatisticsLevel statistics_level = StatisticsLevel::kSampled;

  // Seeds what is random (file ids). 0: from the system. Set it only to replay
  // a test: two databases with one seed have files that can be mistaken for
  // each other.
  uint64_t random_seed = 0;
};

struct ColumnFamilyOptions {
  // The order of keys. Fixed when the database is created.
  std::shared_ptr<const Comparator> comparator = BytewiseComparator();

  // Size at which a memtable is sealed and flushed, 64 KiB to 4 GiB. Larger:
  // fewer, larger level-0 tables, more memory, longer recovery. Unset: a
  // sixteenth of memory_budget, at most 64 MiB.
  std::optional<size_t> write_buffer_size;
  // Memtables in memory, the active one included, before writes wait for a
  // flush. 2 to 64. Unset: 4.
  std::optional<int> max_write_buffer_number;

  // Cache of uncompressed blocks, index and filter partitions. What open tables
  // and running compactions need is taken from it. Unset: what memory_budget
  // leaves, less three sixteenths of it for what nobody counts.
  std::optional<size_t> block_cache_size;

  // Target of a table's data blocks before compression, 512 to 1 MiB. Larger:
  // better compression and a smaller index, more bytes read per Get.
  size_t block_size = 4096;

  // Compression of tables written to level n: element n, the last one for all
  // deeper levels. Not empty.
  std::vector<Compression> compression = {
      Compression::None(), Compression::None(), Compression::Zstd(-1)};

  // Filter of every table.
  FilterPolicy filter_policy = FilterPolicy::Bloom(10);

  // Size at which a compaction starts its next output table.
  size_t target_file_size_base = size_t{64} << 20;
  // Size of the first level below 0, and how much larger each next one is.
  // The levels' real targets derive from the size of the last level.
  uint64_t max_bytes_for_level_base = uint64_t{256} << 20;
  double max_bytes_for_level_multiplier = 10;

  // Level-0 tables that start a compaction, from which on writes are slowed
  // down, and at which they wait.
  int level0_file_num_compaction_trigger = 4;
  int level0_slowdown_writes_trigger = 20;
  int level0_stop_writes_trigger = 36;

  // The same two for the bytes that compactions have yet to rewrite.
  uint64_t soft_pending_compaction_bytes_limit = uint64_t{64} << 30;
  uint64_t hard_pending_compaction_bytes_limit = uint64_t{256} << 30;
  // Entries older than this go down to the last level, where what is deleted
  // or overwritten leaves the disk, however little else there is to compact,
  // and though nothing is written (an executor without timers: at the next
  // flush). Zero: off.
  absl::Duration ttl = absl::ZeroDuration();
};

struct LISSOM_EXPORT Options : DBOptions, ColumnFamilyOptions {
  // OK, or kInvalidArgument naming every bad or contradictory field.
  absl::Status Validate() const;

  // A copy in which every size is set, as Open would set it.
  Options WithSizes() const;
};

// Where a read may look.
enum class ReadTier : uint8_t {
  kAll,
  // Memory only: memtables and cached blocks of open tables. A read that would
  // do I/O ends with kUnavailable.
  kCacheOnly,
};

struct ReadOptions {
  // Read the state at this snapshot; null: the present state. Must come from
  // the same database, and outlive the call (an iterator keeps what it needs).
  const Snapshot* snapshot = nullptr;

  // Verify checksums of blocks that come from a file. Turning it off also
  // turns off the detection of damaged bytes.
  bool verify_checksums = true;
  // Keep blocks read for this call in the cache. Turn off for bulk scans.
  bool fill_cache = true;

  // Iterators show only keys k with lower <= k < upper. Copied.
  std::optional<std::string> iterate_lower_bound = std::nullopt;
  std::optional<std::string> iterate_upper_bound = std::nullopt;

  // kCacheOnly: Get, and MultiGet for each key, return kUnavailable where the
  // answer is not in memory; a move of an iterator that would do I/O leaves it
  // not Valid() with that status. It may seek again.
  ReadTier read_tier = ReadTier::kAll;

  // A time of the injected clock's Monotonic(), after which the read does not
  // go on: kDeadlineExceeded from Get, for the keys of MultiGet that are not
  // answered yet, in an iterator's status(). Looked at before each I/O (the
  // file system gets it, too), and in iterators now and then: a Get that is
  // answered from memory may be late and succeed.
  absl::Duration deadline = absl::InfiniteDuration();

  // Iterators: how many entries that are not shown (deletions, older and too
  // young versions) one move may step over before it gives up, not Valid()
  // with kUnavailable; the iterator may seek again. 0: no limit.
  uint64_t max_skipped_entries = 0;

  // Iterators: what is read ahead from a table's file in one go, up to 16 MiB.
  // 0: nothing, until two blocks from the file have followed one another; then
  // 16 KiB and twice as much each time, up to 256 KiB. Blocks that are in the
  // cache are not read ahead.
  size_t readahead_size = 0;
};

// The keys k with begin <= k < end.
struct KeyRange {
  std::string_view begin;
  std::string_view end;
};

struct WriteOptions {
  // Return only when the write would survive a power cut. Without it a write
  // survives the death of the process, and a power cut may undo the last ones.
  bool sync = false;

  // Leave the write out of the log: faster, and gone with the process unless a
  // Flush or Close came after it. Writes with the log keep their promises.
  // kInvalidArgument together with sync.
  bool disable_wal = false;

  // kUnavailable, naming the cause, instead of being slowed down or made to
  // wait because flushes or compactions are behind. Nothing was written.
  bool no_slowdown = false;

  // The longest time to wait before the write begins (in the queue, slowed
  // down, for room), on the injected clock: then kDeadlineExceeded, and nothing
  // was written.
  absl::Duration timeout = absl::InfiniteDuration();
};

struct FlushOptions {
  // Return when the tables are durable. False: when the flush is under way.
  bool wait = true;
};

struct CompactRangeOptions {
  // Once a stop is requested no further compaction of the call begins, those
  // that run are thrown away, and the call returns kCancelled.
  std::stop_token stop = {};
  // Also rewrite the last level's tables in the range that the call did not
  // make itself: with the options of today, and without versions and tombstones
  // that nobody needs any more.
  bool rewrite_last_level = false;
};

}  // namespace lissom

#endif  // LISSOM_OPTIONS_H_
