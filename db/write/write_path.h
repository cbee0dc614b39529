// WritePath takes batches to the WAL, to the memtable, and makes them visible.
//
// Writers queue. The one at the front is the leader: it takes the batches
// behind it along, gives them sequences, appends them to the log with one
// write and at most one sync, adds them to the memtable, publishes the last
// sequence, and wakes the others. So one thread at a time touches the log and
// the memtable, and the cost of a sync is shared.
//
//   queued --front--> leading --commit--> done (and all that it took along)
//
// Order within a commit: log append, [sync of older logs, sync], memtable,
// publish. A failure before publish fails the whole group and latches: nothing
// is acknowledged from then on, its sequences are never used again (P6).
//
// What must not run beside a writer (sealing the memtable, syncing, closing)
// runs as a leader of its own: RunExclusive.
//
// Threads: thread-safe. mu_ guards the queue only and is never held over I/O
// or a commit; members marked "leader" belong to the leader.
#ifndef LISSOM_DB_WRITE_WRITE_PATH_H_
#define LISSOM_DB_WRITE_WRITE_PATH_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "db/memtable/memtable.h"
#include "db/wal/log_writer.h"
#include "lissom/executor.h"
#include "table/internal_key.h"
#include "util/mutex.h"

namespace lissom {

// Finds room for more writes. Called by the leader, without locks, when the
// memtable is full or NeedRoom was called; may wait, and may give the path a
// fresh memtable and log (SwitchTo).
class RoomMaker {
 public:
  virtual ~RoomMaker() = default;
  virtual absl::Status MakeRoom() = 0;
};

struct WritePathDeps {
  Executor& executor;
  FileSystem& file_system;
  std::string directory;
  RoomMaker& room_maker;
  size_t write_buffer_size;
};

class WritePath {
 public:
  // Begins with an empty memtable, its log (registered in the manifest, header
  // durable), and the last sequence given out before.
  WritePath(WritePathDeps deps, Ref<Memtable> memtable,
            std::unique_ptr<LogWriter> log, SequenceNumber last_sequence);
  ~WritePath();

  // Applies a valid batch of `count` changes atomically. kFailedPrecondition:
  // an earlier failure is latched; kCancelled: closed.
  absl::Status Write(std::string_view batch, uint32_t count, bool sync);

  // Runs `action` as a leader: no write is under way meanwhile. It may use the
  // leader's calls below. Returns its status, or kCancelled when closed.
  absl::Status RunExclusive(absl::FunctionRef<absl::Status()> action);

  // For the leader (MakeRoom, or an action of RunExclusive):
  const Ref<Memtable>& memtable() const { return memtable_; }
  SequenceNumber last_sequence() const { return last_sequence_; }
  SyncMark sync_mark() const { return mark_; }
  // From now on writes go to this memtable and log. The log before is kept
  // until ReleaseLogsBelow passes it, because a later sync must include it.
  void SwitchTo(Ref<Memtable> memtable, std::unique_ptr<LogWriter> log);
  // Makes every acknowledged write durable, oldest log first. Latches a
  // failure.
  absl::Status SyncLogs();
  // Syncs, trims and closes every log, oldest first; visits each with its
  // final length and hash. Later writes return kCancelled.
  absl::Status CloseLogs(absl::FunctionRef<void(const LogWriter&)> visit);

  // Logs below `number` are not needed any more: their changes are in durable
  // tables. Thread-safe.
  void ReleaseLogsBelow(uint64_t number) {
    release_below_.store(number, std::memory_order_relaxed);
  }

  // Makes the next leader call MakeRoom. Thread-safe.
  void NeedRoom() { need_room_.store(true, std::memory_order_relaxed); }

  // Refuses all writes from now on with LatchedError(cause). The first cause
  // stays. Thread-safe.
  void Latch(const absl::Status& cause);
  // OK, or why writes are refused.
  absl::Status latched() const;

  // The last sequence that readers may see.
  const std::atomic<SequenceNumber>& visible() const { return visible_; }

 private:
  struct Writer;

  // Queues `writer` and waits until it leads (true) or is done (false).
  bool Join(Writer& writer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Takes the writers up to `last` off the queue with `status`; the next leads.
  void Leave(Writer& last, const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The last writer of the group that `leader` takes along.
  Writer& GatherGroup(Writer& leader) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool MustMakeRoom() const;

  absl::Status Commit(Writer& first, Writer& last);
  absl::Status AppendGroup(Writer& first, Writer& last);
  absl::Status InsertGroup(Writer& first, Writer& last,
                           SequenceNumber sequence);
  absl::Status TrySyncLogs();
  void DropReleasedLogs();

  const WritePathDeps deps_;

  mutable Mutex mu_;  // Guards the queue. A leaf but for Await.
  CondVar cv_;
  Writer* front_ ABSL_GUARDED_BY(mu_) = nullptr;
  Writer* back_ ABSL_GUARDED_BY(mu_) = nullptr;
  absl::Status refusal_ ABSL_GUARDED_BY(mu_);  // Latched, or closed.

  // Leader.
  Ref<Memtable> memtable_;
  std::unique_ptr<LogWriter> log_;
  std::deque<std::unique_ptr<LogWriter>> older_logs_;  // Oldest first.
  SequenceNumber last_sequence_;                       // Given out.
  SyncMark mark_;                                      // Durable.

  std::atomic<SequenceNumber>
      visible_;  // Release in Commit, acquire in readers.
  std::atomic<bool> need_room_{
      false};  // Relaxed: a hint; MakeRoom looks itself.
  // Relaxed: letting go of a log late is harmless.
  std::atomic<uint64_t> release_below_{0};
};

}  // namespace lissom

#endif  // LISSOM_DB_WRITE_WRITE_PATH_H_
