// DB is an ordered map from keys to values, kept in a directory, that survives
// crashes. Include this header to start; examples/quickstart.cc is ten lines.
//
// Promises (db/README.md has all nine): a write acknowledged with sync survives
// power loss; any acknowledged write survives the death of the process; after
// power loss the state is an exact prefix of the history of writes; a batch is
// all or nothing; a read is right or an error, never a wrong answer.
//
// Keys are any bytes up to 1 MiB, values any bytes up to 1 GiB; the empty key
// is a key. Larger ones are kInvalidArgument and change nothing.
//
// Threads: thread-safe. Nothing of ours throws.
// Lifetime: iterators, snapshots and pinned values may outlive the DB.
#ifndef LISSOM_DB_H_
#define LISSOM_DB_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lissom/export.h"
#include "lissom/iterator.h"
#include "lissom/metrics.h"
#include "lissom/options.h"
#include "lissom/pinned_value.h"
#include "lissom/snapshot.h"
#include "lissom/status.h"
#include "lissom/write_batch.h"

namespace lissom {

class DbCore;

class LISSOM_EXPORT DB final {
 public:
  // Opens the database in directory `path`; recovers it if it was not closed.
  // kInvalidArgument: bad options, absent without create_if_missing, a
  // directory with files that are not ours, another comparator.
  // kFailedPrecondition: open already, here or in another process.
  // kDataLoss: a file of ours is damaged or missing; nothing was changed.
  // kUnimplemented: written by a newer lissom; nothing was changed.
  static absl::StatusOr<std::unique_ptr<DB>> Open(const Options& options,
                                                  const std::string& path);

  // Opens the database in `path` to be read, beside a writer that may be at
  // work, in this process or another: shows all that was acknowledged before
  // the call (with the WAL on), and stays at that moment. Takes no lock and
  // writes nothing, no LOG either: options.info_log may be null. Logs are read
  // into memory. create_if_missing, error_if_exists, wal_recovery_mode and
  // executor are not looked at.
  // kInvalidArgument: bad options, no database there, another comparator.
  // kDataLoss: a file of ours is damaged or missing.
  // kUnavailable naming a file: the writer removed files faster than they could
  // be opened; try again.
  // Of the open database: Put, Delete, Write, Flush, SyncWal and CompactRange
  // are kFailedPrecondition; Resume and WaitForIdle have nothing to do. A
  // table stays readable when the writer removes it if it was open; 512 are
  // opened at once, and others, of a larger database, may be gone when they are
  // first read: kUnavailable, open again. (VerifyChecksums opens all anew.)
  static absl::StatusOr<std::unique_ptr<DB>> OpenReadOnly(
      const Options& options, const std::string& path);

  // Removes the database in `path` and the directory if nothing else is in it.
  // OK if the path is absent. kInvalidArgument: not a lissom database;
  // kFailedPrecondition: it is open.
  static absl::Status Destroy(const Options& options, const std::string& path);

  ~DB();  // Close(), and a failure is logged.
  DB(const DB&) = delete;
  DB& operator=(const DB&) = delete;

  // Waits for running background work, makes every acknowledged write durable
  // and releases the lock. Calls in other threads, and all later ones, end
  // with kCancelled. Idempotent: later calls return the first result.
  absl::Status Close();

  absl::Status Put(const WriteOptions& options, std::string_view key,
                   std::string_view value);
  absl::Status Delete(const WriteOptions& options, std::string_view key);
  // Applies the batch atomically.
  absl::Status Write(const WriteOptions& options, const WriteBatch& batch);

  // kNotFound if there is no such key; *value is then unspecified.
  absl::Status Get(const ReadOptions& options, std::string_view key,
                   std::string* value);
  absl::Status Get(const ReadOptions& options, std::string_view key,
                   PinnedValue* value);
  absl::StatusOr<std::string> Get(std::string_view key);
  // Get for every key, all at one moment; values[i] and statuses[i] answer
  // keys[i]. Faster than as many calls: their waits for memory overlap.
  // kInvalidArgument in every status, and nothing read, if the spans differ in
  // length.
  void MultiGet(const ReadOptions& options,
                std::span<const std::string_view> keys,
                std::span<PinnedValue> values,
                std::span<absl::Status> statuses);

  // Never null: what went wrong is in its status().
  std::unique_ptr<Iterator> NewIterator(const ReadOptions& options = {});

  // The present state. Null after Close, and when there is no memory.
  std::unique_ptr<const Snapshot> GetSnapshot();

  // Writes every memtable to a table.
  absl::Status Flush(const FlushOptions& options = {});
  // Makes every acknowledged write durable.
  absl::Status SyncWal();
  // Brings all entries of the keys in [begin, end] (nullopt: open), those in
  // memory included, down to the deepest level that holds any of the range:
  // what is deleted or overwritten leaves the disk. Returns when that is done;
  // what is written meanwhile may stay above. kInvalidArgument: begin is behind
  // end; kCancelled: options.stop, or a close. An error of a compaction ends
  // it.
  absl::Status CompactRange(const CompactRangeOptions& options,
                            std::optional<std::string_view> begin,
                            std::optional<std::string_view> end);
  // Returns when no flush or compaction is pending or running. An error: the
  // one that keeps them from finishing.
  absl::Status WaitForIdle();

  // After a failure that had writes refused (kFailedPrecondition): writes what
  // memory holds to new files and accepts writes again. OK and no effect
  // otherwise. After a full disk and after I/O errors that may pass (EIO) the
  // database tries it by itself, after 1, 2, 4 ... 256 seconds. An error: what
  // still stands in the way; all is as it was. After kDataLoss, or when memory
  // ran out in the midst of a write, the cause: then it must be opened anew.
  absl::Status Resume();

  // What the database counts and how it stands: as a struct; as a text or a
  // number by name, "lissom.stats" for one, with the names of RocksDB
  // ("rocksdb.estimate-num-keys") and LevelDB ("leveldb.sstables") known too;
  // "lissom.properties" lists them. kInvalidArgument: no such property, or it
  // is no number. Also after Close: the last state.
  Metrics GetMetrics() const;
  absl::StatusOr<std::string> GetProperty(std::string_view name) const;
  absl::StatusOr<uint64_t> GetIntProperty(std::string_view name) const;
  // Reads every block of every table from its file, past the cache, and the
  // manifest: checksums, the order of keys, what they say of one another.
  // Tables are those of the moment of the call. The first flaw is kDataLoss
  // naming file and offset. kCancelled: a close came before the end. Low
  // priority; as long as reading everything takes.
  absl::Status VerifyChecksums();

  // About how many bytes of tables each range takes, to a block: from indexes
  // alone, no data is read. What memory holds is not counted.
  // kInvalidArgument naming the first range that ends before it begins.
  absl::StatusOr<std::vector<uint64_t>> ApproximateSizes(
      std::span<const KeyRange> ranges);

  // The number of the last acknowledged change.
  uint64_t LatestSequence() const;

 private:
  explicit DB(std::shared_ptr<DbCore> impl);
  std::shared_ptr<DbCore> impl_;
};

// Calls `visit` for each entry within the options' bounds, in order, until it
// returns false. The error of the scan cannot be overlooked: it is the result.
LISSOM_EXPORT absl::Status ForEach(
    DB& db, const ReadOptions& options,
    absl::FunctionRef<bool(std::string_view key, std::string_view value)>
        visit);

}  // namespace lissom

#endif  // LISSOM_DB_H_
