// Reader is the read path of an open database: it shows the View that the desk
// publishes, and answers Get, MultiGet, NewIterator and GetSnapshot from it.
//
// A read takes the View first, then the visible sequence (see view.h). A Get
// lives in an epoch, without lock, reference count or allocation; an iterator
// keeps its View, and the Reader's owner, as long as it lives.
//
// Threads: thread-safe; Publish has one caller at a time.
// Lifetime: calls after Close end with kCancelled. Iterators and pinned values
// may outlive Close; what an iterator needs of the Reader it keeps alive
// through the `self` that NewIterator is given.
#ifndef LISSOM_DB_READ_READER_H_
#define LISSOM_DB_READ_READER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "db/metrics/metrics_recorder.h"
#include "db/read/db_iterator.h"
#include "db/read/point_lookup.h"
#include "db/read/snapshot_list.h"
#include "db/read/view.h"
#include "lissom/options.h"
#include "lissom/pinned_value.h"

namespace lissom {

struct ReaderDeps {  // Everything reads may touch.
  std::shared_ptr<const TableSource> source;
  // The last sequence that reads may see. Outlives the Reader.
  const std::atomic<SequenceNumber>& visible;
  std::shared_ptr<Logger> log;
  std::shared_ptr<Clock> clock;  // Of deadlines.
  // Deletes files that nobody reads any more. May be null. Not called after
  // Close.
  std::function<void()> delete_obsolete_files;
  // Outlives the Reader and its iterators.
  MetricsRecorder& metrics;
};

class Reader {
 public:
  explicit Reader(ReaderDeps deps);

  // As in lissom/db.h.
  absl::Status Get(const ReadOptions& options, std::string_view key,
                   std::string* value) const;
  absl::Status Get(const ReadOptions& options, std::string_view key,
                   PinnedValue* value) const;
  // An error concerns all keys; else each status is set.
  absl::Status MultiGet(const ReadOptions& options,
                        std::span<const std::string_view> keys,
                        std::span<PinnedValue> values,
                        std::span<absl::Status> statuses) const;
  // `self` is this Reader, and keeps what it refers to alive.
  std::unique_ptr<Iterator> NewIterator(const ReadOptions& options,
                                        std::shared_ptr<Reader> self);
  std::unique_ptr<const Snapshot> GetSnapshot();
  absl::StatusOr<std::vector<uint64_t>> ApproximateSizes(
      std::span<const KeyRange> ranges) const;
  // DB::VerifyChecksums for the tables.
  absl::Status VerifyTables() const;
  SequenceNumber LatestSequence() const {
    return deps_.visible.load(std::memory_order_acquire);
  }

  // For the desk.
  bool closed() const { return core_->closed.load(std::memory_order_relaxed); }
  void Close() { core_->closed.store(true, std::memory_order_relaxed); }
  // Makes `view` the one that reads see. One caller at a time.
  void Publish(Ref<const View> view) { views_.Publish(std::move(view)); }
  // See ViewHolder. Call it without locks.
  void Reclaim() { views_.Reclaim(); }
  // Files of replaced Views may be in the way of iterators: the last of those
  // to go calls delete_obsolete_files.
  void DeleteAfterIterators();
  SnapshotList& snapshots() { return *snapshots_; }
  uint64_t open_iterators() const {
    return static_cast<uint64_t>(iterators_.load(std::memory_order_relaxed));
  }

 private:
  // Calls use(result) inside the lookup's EpochGuard with what the key has.
  template <typename Use>
  absl::Status Lookup(const ReadOptions& options, std::string_view key,
                      Use use) const;
  absl::StatusOr<SequenceNumber> ReadSequence(const ReadOptions& options) const;
  void OnIteratorReleased();

  const ReaderDeps deps_;
  const std::shared_ptr<IteratorCore> core_;
  const std::shared_ptr<SnapshotList> snapshots_;
  ViewHolder views_;

  // Replaced Views and deletions wait for iterators: how many there are, and
  // whether the last one to go should look. Relaxed: a missed look is made up
  // by the next job, Close or Open.
  std::atomic<int> iterators_{0};
  std::atomic<bool> purge_wanted_{false};
};

}  // namespace lissom

#endif  // LISSOM_DB_READ_READER_H_
