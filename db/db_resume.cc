// What an open database does about a failure that has its writes refused (P6):
// it writes what memory holds to new files and goes on from there, when told
// to, and by itself where the failure may pass.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "db/db_impl.h"
#include "db/filename.h"
#include "db/flush/flush_job.h"
#include "util/error.h"
#include "util/guarded.h"
#include "util/status_macros.h"
#include "util/sync_point.h"

namespace lissom {
namespace {

absl::Status Closed() {
  return absl::CancelledError("the database was closed");
}

std::string Plain(const absl::Status& status) {
  return status.ToString(absl::StatusToStringMode::kWithNoExtraData);
}

// May the failure behind a refusal of writes go away by itself?
bool MayPass(const absl::Status& latched) {
  std::optional<ErrorDetail> detail = DetailOf(latched);
  if (!detail.has_value()) return false;
  detail->severity = Severity::kCall;  // As it was.
  return IsTransient(WithDetail(latched, *detail));
}

}  // namespace

void DbImpl::OnLatched(const absl::Status& cause) {
  {
    MutexLock lock(mu_);
    refused_at_ = metrics_.Now();
    cv_.SignalAll();
  }
  ErrorDetail detail = DetailOf(cause).value_or(ErrorDetail{});
  detail.severity = Severity::kWrites;
  events_.Post(EventKind::kBackgroundError,
               BackgroundErrorEvent{.operation = "writes",
                                    .status = WithDetail(cause, detail)});
  if (IsTransient(cause) && writes_->resumable()) ResumeLater();
}

absl::Status DbImpl::Resume() {
  if (closed()) return Closed();
  return ResumeAsLeader(false);
}

absl::Status DbImpl::ResumeAsLeader(bool automatic) {
  return writes_->RunExclusive([this, automatic] {
    SetResuming(true);
    absl::Status status = Guarded([&] { return TryResume(automatic); });
    SetResuming(false);
    if (status.ok()) Quietly([this] { DeleteObsoleteFiles(); });
    return status;
  });
}

void DbImpl::SetResuming(bool resuming) {
  MutexLock lock(mu_);
  resuming_ = resuming;
}

// Everything that was acknowledged stands in the memtables and the present
// Version. It goes to new files, and one switch of CURRENT makes them the
// state: whatever the failure left in the old logs and the old manifest is
// never read again. A failure on the way leaves all as it was.
absl::Status DbImpl::TryResume(bool automatic) {
  absl::Status cause = writes_->latched();
  if (cause.ok()) return cause;
  const ErrorKind kind = DetailOf(cause).value_or(ErrorDetail{}).kind;
  if (kind == ErrorKind::kCorruption || kind == ErrorKind::kMissingFile ||
      !writes_->resumable()) {
    return cause;  // Memory or files are not what they were: open it anew.
  }
  LISSOM_RETURN_IF_ERROR(WaitForJobs());
  LISSOM_SYNC_POINT("DbImpl:Resuming");
  LISSOM_RETURN_IF_ERROR(RestartInNewFiles());
  absl::Duration since;
  {
    MutexLock lock(mu_);
    since = refused_at_;
  }
  events_.Post(EventKind::kResumed,
               ResumedEvent{.cause = std::move(cause),
                            .automatic = automatic,
                            .refused = metrics_.Now() - since});
  return absl::OkStatus();
}

absl::Status DbImpl::RestartInNewFiles() {
  std::vector<uint64_t> tables;  // That no manifest can name.
  absl::Status status = Guarded([&]() -> absl::Status {
    LISSOM_ASSIGN_OR_RETURN(const std::optional<TableMetadata> table,
                            FlushAllMemory(tables));
    LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<LogWriter> new_log,
                            NewLog(writes_->last_sequence()));
    const LogHeader header = new_log->header();
    Ref<Memtable> fresh = Memtable::Create(parts_.source->order, header.number);
    VersionEdit edit;
    edit.min_log_number = header.number;
    edit.flushed_sequence = header.base_sequence;
    edit.last_sequence = header.base_sequence;
    edit.logs_created.push_back({.number = header.number, .id = header.id});
    if (table.has_value()) edit.added.push_back({.level = 0, .table = *table});
    tables.clear();  // From here on the VersionSet minds them.
    LISSOM_RETURN_IF_ERROR(versions_.Resume(edit));
    RestartWith(std::move(fresh), std::move(new_log));
    return absl::OkStatus();
  });
  // A disk that is full must not be filled by tries.
  for (const uint64_t number : tables) {
    parts_.source->file_system
        ->RemoveFile(TableFileName(parts_.path, number), IoContext{})
        .IgnoreError();
  }
  return status;
}

// Notes the numbers it takes in `made`.
absl::StatusOr<std::optional<TableMetadata>> DbImpl::FlushAllMemory(
    std::vector<uint64_t>& made) {
  std::vector<Ref<const Memtable>> memtables;
  {
    MutexLock lock(mu_);
    for (auto it = sealed_.rbegin(); it != sealed_.rend(); ++it) {
      memtables.push_back(it->memtable);
    }
    memtables.push_back(active_);
  }
  OutputDeps deps = Outputs();
  deps.new_file_number = [&] {
    made.push_back(versions_.NewFileNumber());
    return made.back();
  };
  LISSOM_ASSIGN_OR_RETURN(
      FlushResult flushed,
      RunFlush(deps, {.options = parts_.options,
                      .memtables = std::move(memtables),
                      .snapshots = reader_->snapshots().ForJob()}));
  return std::move(flushed.table);
}

// Requires: the current Version holds all that was in memory. Should it throw
// half way, the next try finds nothing left to flush.
void DbImpl::RestartWith(Ref<Memtable> memtable,
                         std::unique_ptr<LogWriter> log) {
  {
    MutexLock lock(mu_);
    sealed_.clear();
    next_log_.reset();  // The old manifest's.
    active_ = memtable;
    resume_failures_ = 0;
    PublishView();
    writes_->SetLastMemtable(false);
  }
  writes_->Restart(std::move(memtable), std::move(log));
  Quietly([this] {  // What it would start, the next flush starts.
    MutexLock lock(mu_);
    NoteShape();
    cv_.SignalAll();
  });
}

// Until no job runs; a compaction is cut short.
absl::Status DbImpl::WaitForJobs() {
  MutexLock lock(mu_);
  stopping_.store(true, std::memory_order_relaxed);
  cv_.SignalAll();  // A job may wait for the rate limiter.
  Await(*parts_.options.executor, mu_, cv_, [this] {
    mu_.AssertHeld();
    return (log_job_.idle() && flush_job_.idle() && compaction_job_.idle()) ||
           closing_;
  });
  if (closing_) return Closed();
  stopping_.store(false, std::memory_order_relaxed);
  return absl::OkStatus();
}

// Without timers nothing is retried: whoever cares calls Resume. One try is on
// its way at a time: a thread that waits in one may be given the other to run,
// which would wait for the first.
void DbImpl::ResumeLater() {
  absl::Duration delay;
  {
    MutexLock lock(mu_);
    if (closing_ || resume_scheduled_) return;
    resume_scheduled_ = true;
    constexpr int kMaxDoublings = 8;  // Of a second.
    delay = absl::Seconds(1 << std::min(resume_failures_, kMaxDoublings));
  }
  const absl::StatusOr<bool> scheduled = Guarded([&]() -> absl::StatusOr<bool> {
    return parts_.options.executor->ScheduleAfter(
        delay, Executor::Priority::kHigh, [weak = weak_from_this()] {
          // Never the last owner's last act in a database that is gone.
          if (const auto self = std::static_pointer_cast<DbImpl>(weak.lock())) {
            self->ResumeByItself();
          }
        });
  });
  if (scheduled.ok() && *scheduled) return;
  MutexLock lock(mu_);
  resume_scheduled_ = false;
}

void DbImpl::ResumeByItself() {
  bool resuming;
  {
    MutexLock lock(mu_);
    resuming = resuming_;
  }
  absl::Status status;
  // A turn as the leader is not waited for in vain, nor by whoever has it and
  // runs this while it waits.
  if (!resuming && absl::IsFailedPrecondition(writes_->latched())) {
    status =
        Guarded([this] { return closed() ? Closed() : ResumeAsLeader(true); });
  }
  {
    MutexLock lock(mu_);
    resume_scheduled_ = false;
    if (!status.ok()) ++resume_failures_;
  }
  if (!status.ok() && !absl::IsCancelled(status)) {
    Quietly([&] {
      log().Log(LogLevel::kWarning,
                absl::StrCat("could not resume: ", Plain(status)));
    });
  }
  // Still, or again since.
  if (MayPass(writes_->latched()) && writes_->resumable()) ResumeLater();
}

}  // namespace lissom
