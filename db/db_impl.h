// DbImpl is the desk: it owns the parts of an open database, hands each room
// what it may touch, and decides when background work runs. It holds almost no
// logic of its own.
//
// The life of a change: WritePath puts it into the log and the memtable; a full
// memtable is sealed (MakeRoom) and waits in sealed_; the flush job makes a
// table of it, VersionSet::Apply makes that durable, and a new View shows it;
// compactions move it down the levels.
//
// Lock order: the leader's exclusivity of WritePath, then mu_, then the leaves
// (WritePath::mu_, SnapshotList::mu_, VersionSet's). No I/O under mu_.
#ifndef LISSOM_DB_DB_IMPL_H_
#define LISSOM_DB_DB_IMPL_H_

#include <atomic>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "db/background_job.h"
#include "db/compaction/compaction_scheduler.h"
#include "db/db_core.h"
#include "db/memtable/memtable.h"
#include "db/metrics/event_queue.h"
#include "db/metrics/metrics_recorder.h"
#include "db/output/table_output.h"
#include "db/version/version_set.h"
#include "db/write/write_path.h"
#include "lissom/db.h"
#include "util/mutex.h"

namespace lissom {

class DbImpl final : public DbCore, private RoomMaker {
 public:
  // What Open has put together (db/open.cc).
  struct Parts {
    Options options;  // Every injected part is set.
    std::string path;
    std::unique_ptr<FileLock> lock;
    std::shared_ptr<const TableSource> source;
    std::unique_ptr<VersionSet> versions;
    Ref<Memtable> memtable;
    std::unique_ptr<LogWriter> log;
    SequenceNumber last_sequence = 0;
  };
  explicit DbImpl(Parts parts);
  ~DbImpl() override;

  // Starts background work. Once, before anything else.
  void Start();

  // As in lissom/db.h.
  absl::Status Close() override;
  absl::Status Write(const WriteOptions& options,
                     const WriteBatch& batch) override;
  absl::Status Flush(const FlushOptions& options) override;
  absl::Status SyncWal() override;
  absl::Status Resume() override;
  absl::Status WaitForIdle() override;
  absl::Status CompactRange(const CompactRangeOptions& options,
                            std::optional<std::string_view> begin,
                            std::optional<std::string_view> end) override;
  absl::Status VerifyChecksums() override;
  // db/db_metrics.cc.
  Metrics GetMetrics() override;
  absl::StatusOr<std::string> GetProperty(std::string_view name) override;
  absl::StatusOr<uint64_t> GetIntProperty(std::string_view name) override;

  Logger& log() override { return *parts_.options.info_log; }

 private:
  // A memtable that takes no more writes.
  struct Sealed {
    Ref<const Memtable> memtable;
    uint64_t next_log_number = 0;  // The log of the memtable after it.
    SequenceNumber last_sequence = 0;
    bool has_unlogged = false;  // Changes that no log has.
  };

  // RoomMaker; as the leader.
  absl::Status MakeRoom(bool seal, const Patience& patience) override;
  // `more`: others will follow soon.
  absl::Status SealMemtable(bool more);
  absl::Status TrySealMemtable(bool more);
  // What writes must wait for; nullopt: nothing.
  std::optional<StallCause> Obstacle(bool seal)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // kResourceExhausted at max_space_bytes.
  absl::Status CheckSpace() const;
  absl::Status WaitForRoom(bool seal, const Patience& patience);
  void UpdateThrottle(const Version& version)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NoteStallCondition(StallCondition now, StallCause cause)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Writes the metrics into the log, if they were not just now, or `closing`.
  // Requires: no lock is held.
  void LogMetrics(bool closing) noexcept;
  void AddGauges(Metrics* metrics) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  void PublishView() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NoteShape() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AwaitWhatMakesDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // A task that does it, if the database is still open then.
  std::function<void()> NoteShapeLater(
      absl::Time age_timer = absl::InfinitePast());

  OutputDeps Outputs();
  // The same under the rate limiter, if there is one, until cancelled().
  OutputDeps LimitedOutputs(IoContext::Priority priority,
                            std::function<bool()> cancelled);
  absl::StatusOr<uint64_t> MayAppend(uint64_t bytes,
                                     IoContext::Priority priority,
                                     const std::function<bool()>& cancelled);
  void RunFlushJob();
  absl::Status FlushOldest();
  void RunCompactionJob();
  absl::Status CompactOnce(const CompactionPlan& plan, CompactionEvent& event);
  void TellOfTables(const VersionEdit& edit, uint64_t job);
  void FinishCompaction(const CompactionPlan& plan, const absl::Status& status);
  void RetryCompactionsLater();
  CompactionScheduler::Moment Moment();
  // Is a compaction running, or about to?
  bool Compacting() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Latches `cause`: no write is acknowledged from now on.
  void Latch(const absl::Status& cause) { writes_->Latch(cause); }
  void OnLatched(const absl::Status& cause);
  // A durable log, to be registered.
  absl::StatusOr<std::unique_ptr<LogWriter>> NewLog(SequenceNumber base);
  // As the leader: a registered log.
  absl::StatusOr<std::unique_ptr<LogWriter>> NextLog();
  void RunLogJob();
  absl::Status TryResume(bool automatic);
  absl::Status ResumeAsLeader(bool automatic);
  absl::Status WaitForJobs();
  absl::Status RestartInNewFiles();
  absl::StatusOr<std::optional<TableMetadata>> FlushAllMemory(
      std::vector<uint64_t>& made);
  void RestartWith(Ref<Memtable> memtable, std::unique_ptr<LogWriter> log);
  void SetResuming(bool resuming);

  void ResumeLater();
  void ResumeByItself();
  void DeleteObsoleteFiles();

  bool HasUnlogged() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FlushUnlogged();
  bool BeginClose(absl::Status* status);
  absl::Status FinishClose();
  absl::Status CloseDurably();

  Parts parts_;
  VersionSet& versions_;
  MetricsRecorder metrics_;
  EventQueue events_;
  std::unique_ptr<WritePath> writes_;
  std::atomic<bool> stopping_{false};  // Polled by a running compaction.
  std::atomic<bool> limiter_threw_{false};
  std::atomic<uint64_t> table_bytes_{0};  // On disk. Relaxed: a figure.
  // When the metrics may be logged again: microseconds of the steady clock.
  // Relaxed: who moves it on is the one who logs.
  std::atomic<int64_t> next_metrics_{std::numeric_limits<int64_t>::min()};

  mutable Mutex mu_;
  CondVar cv_;  // A job ended, room was made, the database closes.
  Ref<const Memtable> active_ ABSL_GUARDED_BY(mu_);
  std::deque<Sealed> sealed_ ABSL_GUARDED_BY(mu_);  // Newest first.
  std::set<uint64_t> logs_ ABSL_GUARDED_BY(mu_);    // Files there are.
  // Made ahead and registered, so that no writer waits for its syncs.
  std::unique_ptr<LogWriter> next_log_ ABSL_GUARDED_BY(mu_);
  bool next_log_wanted_ ABSL_GUARDED_BY(mu_) = false;
  CompactionScheduler compactions_ ABSL_GUARDED_BY(mu_);
  StallCondition stall_condition_ ABSL_GUARDED_BY(mu_) =
      StallCondition::kNormal;
  // When a timer looks for tables that have come of age.
  absl::Time age_timer_ ABSL_GUARDED_BY(mu_) = absl::InfiniteFuture();
  absl::Duration refused_at_ ABSL_GUARDED_BY(mu_) = absl::ZeroDuration();
  int resume_failures_ ABSL_GUARDED_BY(mu_) = 0;        // In a row.
  bool resume_scheduled_ ABSL_GUARDED_BY(mu_) = false;  // Or runs, by itself.
  bool resuming_ ABSL_GUARDED_BY(mu_) = false;          // Some leader is at it.
  bool closing_ ABSL_GUARDED_BY(mu_) = false;
  bool close_done_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status close_status_ ABSL_GUARDED_BY(mu_);
  BackgroundJob log_job_;
  BackgroundJob flush_job_;
  BackgroundJob compaction_job_;
};

}  // namespace lissom

#endif  // LISSOM_DB_DB_IMPL_H_
