// SnapshotList knows the sequences that somebody still wants to read at, so
// that flushes and compactions keep what they need.
//
// Why no version is lost: a snapshot takes the visible sequence and registers
// under one lock; a job reads the visible sequence and the list under the same
// lock, before it drops anything. So a snapshot is either on the job's list, or
// younger than every entry the job will see. Thread-safe.
//
// What a snapshot keeps from being dropped may wait for its end:
// CallWhenOldest.
#ifndef LISSOM_DB_READ_SNAPSHOT_LIST_H_
#define LISSOM_DB_READ_SNAPSHOT_LIST_H_

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "lissom/snapshot.h"
#include "table/internal_key.h"
#include "util/mutex.h"

namespace lissom {

class SnapshotList : public std::enable_shared_from_this<SnapshotList> {
 public:
  // `visible` outlives the list's last Take and ForJob, not its snapshots.
  explicit SnapshotList(const std::atomic<SequenceNumber>& visible)
      : visible_(visible) {}

  std::unique_ptr<const Snapshot> Take();

  // Sorted, without repeats; the last element is the visible sequence itself.
  std::vector<SequenceNumber> ForJob();

  // Calls `reached`, once, when a snapshot goes and leaves none below
  // `sequence`: on the thread that lets it go, without a lock, and perhaps
  // after the database is gone. Instead of what an earlier call has asked for.
  // A snapshot that has gone already is missed: look again after this call.
  void CallWhenOldest(SequenceNumber sequence, std::function<void()> reached);

  size_t count() {
    MutexLock lock(mu_);
    return sequences_.size();
  }

  // Was `snapshot` taken from this list?
  bool Owns(const Snapshot& snapshot) const;

 private:
  class Handle;

  void Release(SequenceNumber sequence);

  const std::atomic<SequenceNumber>& visible_;
  Mutex mu_;  // A leaf.
  std::multiset<SequenceNumber> sequences_ ABSL_GUARDED_BY(mu_);
  SequenceNumber awaited_ ABSL_GUARDED_BY(mu_) = 0;
  std::function<void()> reached_ ABSL_GUARDED_BY(mu_);  // Or null.
};

}  // namespace lissom

#endif  // LISSOM_DB_READ_SNAPSHOT_LIST_H_
