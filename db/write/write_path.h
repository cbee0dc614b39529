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
// What must not run beside a writer (sealing the memtable, syncing, closing,
// resuming) runs as a leader of its own: RunExclusive.
//
// A writer that will not wait (no_slowdown, a timeout) leaves the queue by
// itself, as long as no leader has taken it along.
//
// Threads: thread-safe. mu_ guards the queue only and is never held over I/O
// or a commit; members marked "leader" belong to the leader.
#ifndef LISSOM_DB_WRITE_WRITE_PATH_H_
#define LISSOM_DB_WRITE_WRITE_PATH_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "db/memtable/memtable.h"
#include "db/metrics/metrics_recorder.h"
#include "db/wal/log_writer.h"
#include "db/write/write_throttle.h"
#include "lissom/clock.h"
#include "lissom/executor.h"
#include "table/internal_key.h"
#include "util/mutex.h"

namespace lissom {

// How long a writer is willing to wait.
struct Patience {
  bool no_slowdown = false;
  absl::Duration deadline = absl::InfiniteDuration();  // Monotonic().
};

// Finds room for more writes. Called by the leader, without locks; may wait,
// and may give the path a fresh memtable and log (SwitchTo). An error concerns
// the one write that asked.
class RoomMaker {
 public:
  virtual ~RoomMaker() = default;
  // `seal`: the memtable shall take no more writes. Else NeedRoom was called.
  virtual absl::Status MakeRoom(bool seal, const Patience& patience) = 0;
};

struct WritePathDeps {
  Executor& executor;
  Clock& clock;
  RoomMaker& room_maker;
  size_t write_buffer_size;
  // Bytes of logs at which a memtable is sealed early; 0: no limit.
  uint64_t max_wal_bytes = 0;
  // Called without locks: writes were refused for the first time, and why.
  std::function<void(const absl::Status&)> on_latched = nullptr;
  // Called by the leader: writes were held up for so long.
  std::function<void(StallCause, absl::Duration)> on_stall = nullptr;
  MetricsRecorder* metrics = nullptr;  // Null: nothing is counted.
};

// What a writer wants. The batch is valid and outlives the call.
struct WriteRequest {
  std::string_view batch;
  uint32_t count = 0;  // Changes in it.
  bool sync = false;
  bool disable_wal = false;
  Patience patience = {};
};

class WritePath {
 public:
  // Begins with an empty memtable, its log (registered in the manifest, header
  // durable), and the last sequence given out before.
  WritePath(WritePathDeps deps, Ref<Memtable> memtable,
            std::unique_ptr<LogWriter> log, SequenceNumber last_sequence);
  ~WritePath();

  // Applies a batch atomically. kFailedPrecondition: an earlier failure is
  // latched; kCancelled: closed; kUnavailable, kDeadlineExceeded: out of
  // patience, nothing was written.
  absl::Status Write(const WriteRequest& request);

  // Runs `action` as a leader: no write is under way meanwhile. It may use the
  // leader's calls below. Returns its status, or kCancelled when closed.
  absl::Status RunExclusive(absl::FunctionRef<absl::Status()> action);

  // For the leader (MakeRoom, or an action of RunExclusive):
  const Ref<Memtable>& memtable() const { return memtable_; }
  SequenceNumber last_sequence() const { return last_sequence_; }
  SyncMark sync_mark() const { return mark_; }
  // Was there ever a write with the log off? Thread-safe.
  bool ever_unlogged() const {
    return ever_unlogged_.load(std::memory_order_relaxed);
  }
  // Does the memtable hold changes that no log has?
  bool memtable_has_unlogged() const { return memtable_has_unlogged_; }
  // Writes what the log must say before another follows it. Latches a failure.
  absl::Status EndLog();
  // From now on writes go to this memtable and log. The log before is kept
  // until ReleaseLogsBelow passes it, because a later sync must include it.
  // Requires: EndLog.
  void SwitchTo(Ref<Memtable> memtable, std::unique_ptr<LogWriter> log);
  // Makes every acknowledged write durable, oldest log first. Latches a
  // failure.
  absl::Status SyncLogs();
  // Is the memtable without a trace of a write that failed? If not there is no
  // way back but to open the database again.
  // Thread-safe.
  bool resumable() const {
    return !half_inserted_.load(std::memory_order_relaxed);
  }
  // After a failure: everything that was acknowledged is in durable tables, the
  // logs before this one count no more, and writes are accepted again. What
  // failed stays failed, its sequences spent.
  void Restart(Ref<Memtable> memtable, std::unique_ptr<LogWriter> log);
  // The leader is about to wait for `cause`: who will not wait with it leaves.
  void NoteStall(StallCause cause);
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

  WriteThrottle& throttle() { return throttle_; }
  // The memtable is the last there is room for: the fuller it is, the slower
  // are writes. Thread-safe.
  void SetLastMemtable(bool last);
  // Is the leader waiting, or are writes slowed down, now?
  bool stopped() const;

  // Bytes of the logs in use, but for what was appended last. Thread-safe.
  uint64_t wal_bytes() const {
    return wal_bytes_.load(std::memory_order_relaxed);
  }

  // The last sequence that readers may see.
  const std::atomic<SequenceNumber>& visible() const { return visible_; }

 private:
  struct Writer;

  // Queues `writer` and waits until it leads (true) or is done (false): in a
  // group, or out of patience.
  bool Join(Writer& writer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool WillNotWait(const Writer& writer) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Unlink(Writer& writer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Takes the writers up to `last` off the queue with `status`; the next leads.
  void Leave(Writer& last, const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The last writer of the group that `leader` takes along.
  Writer& GatherGroup(Writer& leader) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool MustSeal(const WriteRequest& request) const;
  bool MustWait(const WriteRequest& request) const;
  // Waits for room and for the throttle's price. By the leader, for its group.
  absl::Status Admit(const WriteRequest& request);
  absl::Status PayThrottle(const WriteRequest& request);

  absl::Status Commit(Writer& first, Writer& last);
  absl::Status AppendGroup(Writer& first, Writer& last);
  absl::Status InsertGroup(Writer& first, Writer& last,
                           SequenceNumber sequence);
  absl::Status TrySyncLogs();
  absl::Status SyncLog(LogWriter& log);
  void DropReleasedLogs();
  void UpdateThrottle();
  uint64_t WalBytes() const;

  const WritePathDeps deps_;

  mutable Mutex mu_;  // Guards the queue. A leaf but for Await.
  CondVar cv_;
  Writer* front_ ABSL_GUARDED_BY(mu_) = nullptr;
  Writer* back_ ABSL_GUARDED_BY(mu_) = nullptr;
  absl::Status refusal_ ABSL_GUARDED_BY(mu_);  // Latched, or closed.
  std::optional<StallCause> stalled_ ABSL_GUARDED_BY(mu_);  // The leader waits.

  // Leader.
  Ref<Memtable> memtable_;
  std::unique_ptr<LogWriter> log_;
  std::deque<std::unique_ptr<LogWriter>> older_logs_;  // Oldest first.
  SequenceNumber last_sequence_;                       // Given out.
  SyncMark mark_;                                      // Durable.
  uint64_t unlogged_ = 0;  // Sequences since the log's last record.
  bool memtable_has_unlogged_ = false;
  WriteThrottle throttle_;

  std::atomic<SequenceNumber>
      visible_;  // Release in Commit, acquire in readers.
  std::atomic<bool> need_room_{
      false};  // Relaxed: a hint; MakeRoom looks itself.
  std::atomic<bool> last_memtable_{false};  // Relaxed: a hint.
  // A failed group stands in the memtable in part. Relaxed: the leader decides
  // by it, who has set it or comes after whoever did; to others it is a hint.
  std::atomic<bool> half_inserted_{false};
  // Relaxed: whoever asks knows of the write by other means.
  std::atomic<bool> ever_unlogged_{false};
  std::atomic<uint64_t> wal_bytes_{0};  // Relaxed: a figure.
  // Relaxed: letting go of a log late is harmless.
  std::atomic<uint64_t> release_below_{0};
};

}  // namespace lissom

#endif  // LISSOM_DB_WRITE_WRITE_PATH_H_
