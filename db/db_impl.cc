#include "db/db_impl.h"

#include <algorithm>
#include <optional>
#include <stop_token>
#include <utility>

#include "absl/strings/str_cat.h"
#include "db/compaction/compaction_job.h"
#include "db/filename.h"
#include "db/flush/flush_job.h"
#include "db/open.h"
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

}  // namespace

DbImpl::DbImpl(Parts parts)
    : parts_(std::move(parts)),
      versions_(*parts_.versions),
      compactions_(parts_.options),
      flush_job_(
          *parts_.options.executor, Executor::Priority::kHigh, 1, mu_, cv_,
          [this] {
            mu_.AssertHeld();
            return !sealed_.empty() &&
                   !absl::IsFailedPrecondition(writes_->latched());
          },
          [this] { RunFlushJob(); }),
      compaction_job_(
          *parts_.options.executor, Executor::Priority::kLow,
          std::max(1, parts_.options.max_background_jobs - 1), mu_, cv_,
          [this] {
            mu_.AssertHeld();
            return !absl::IsFailedPrecondition(writes_->latched()) &&
                   compactions_.HasWork(versions_.current(), Moment());
          },
          [this] { RunCompactionJob(); }) {
  const uint64_t log_number = parts_.log->header().number;
  writes_ = std::make_unique<WritePath>(
      WritePathDeps{
          .executor = *parts_.options.executor,
          .clock = *parts_.options.clock,
          .room_maker = *this,
          .write_buffer_size = parts_.options.write_buffer_size,
          .max_wal_bytes = parts_.options.max_total_wal_size,
          .on_latched = [this](const absl::Status& why) { OnLatched(why); }},
      parts_.memtable, std::move(parts_.log), parts_.last_sequence);
  reader_ = std::make_unique<Reader>(
      ReaderDeps{.order = parts_.source->order,
                 .visible = writes_->visible(),
                 .log = parts_.options.info_log,
                 .clock = parts_.options.clock,
                 .delete_obsolete_files = [this] { DeleteObsoleteFiles(); }});
  MutexLock lock(mu_);
  active_ = std::move(parts_.memtable);
  logs_.insert(log_number);
  PublishView();
}

DbImpl::~DbImpl() {
  // The threads of a pool of our own end before anything they could touch.
  parts_.options.executor.reset();
}

void DbImpl::Start() {
  MutexLock lock(mu_);
  NoteShape();
}

// --- Writes -----------------------------------------------------------------

absl::Status DbImpl::Write(const WriteOptions& options,
                           const WriteBatch& batch) {
  if (closed()) return Closed();
  LISSOM_RETURN_IF_ERROR(batch.Validate());
  if (options.sync && options.disable_wal) {
    return absl::InvalidArgumentError(
        "a write with sync needs the log: disable_wal must be off");
  }
  WriteRequest request{.batch = batch.data(),
                       .count = static_cast<uint32_t>(batch.Count()),
                       .sync = options.sync,
                       .disable_wal = options.disable_wal};
  request.patience.no_slowdown = options.no_slowdown;
  if (options.timeout != absl::InfiniteDuration()) {
    request.patience.deadline =
        parts_.options.clock->Monotonic() + options.timeout;
  }
  return writes_->Write(request);
}

std::optional<StallCause> DbImpl::Obstacle(bool seal) {
  if (seal && static_cast<int>(sealed_.size()) + 1 >=
                  parts_.options.max_write_buffer_number) {
    return StallCause::kMemtables;
  }
  const std::shared_ptr<const Version> version = versions_.current();
  const Options& options = parts_.options;
  std::optional<StallCause> cause;
  if (static_cast<int>(version->level(0).size()) >=
      options.level0_stop_writes_trigger) {
    cause = StallCause::kLevel0Files;
  } else if (compactions_.PendingBytes(*version) >=
             options.hard_pending_compaction_bytes_limit) {
    cause = StallCause::kPendingCompaction;
  }
  // The tree holds writes up only while somebody works at it: else waiting
  // would be for ever.
  return cause.has_value() && Compacting() ? cause : std::nullopt;
}

absl::Status DbImpl::MakeRoom(bool seal, const Patience& patience) {
  LISSOM_RETURN_IF_ERROR(WaitForRoom(seal, patience));
  LISSOM_RETURN_IF_ERROR(writes_->latched());
  return seal ? SealMemtable() : absl::OkStatus();
}

absl::Status DbImpl::WaitForRoom(bool seal, const Patience& patience) {
  std::optional<StallCause> cause;
  {
    MutexLock lock(mu_);
    cause = Obstacle(seal);
    if (closing_) return Closed();
  }
  if (!cause.has_value()) return absl::OkStatus();
  if (patience.no_slowdown) return StalledError(*cause);
  writes_->NoteStall(*cause);
  MutexLock lock(mu_);
  const auto over = [&] {
    mu_.AssertHeld();
    return !Obstacle(seal).has_value() || closing_ || !writes_->latched().ok();
  };
  bool in_time = true;
  if (patience.deadline == absl::InfiniteDuration()) {
    Await(*parts_.options.executor, mu_, cv_, over);
  } else {
    in_time = AwaitUntil(*parts_.options.executor, *parts_.options.clock,
                         patience.deadline, mu_, cv_, over);
  }
  if (closing_) return Closed();
  return in_time ? absl::OkStatus() : StallTimeoutError(*cause);
}

// How far the tree is on its way from where writes are slowed down to where
// they stop. As in Obstacle: what nobody works at holds nobody up.
void DbImpl::UpdateThrottle(const Version& version) {
  const Options& options = parts_.options;
  const auto between = [](double value, double slow, double stop) {
    return stop > slow ? (value - slow) / (stop - slow) : 0;
  };
  double level0 = between(static_cast<double>(version.level(0).size()),
                          options.level0_slowdown_writes_trigger - 1,
                          options.level0_stop_writes_trigger);
  double pending =
      between(static_cast<double>(compactions_.PendingBytes(version)),
              static_cast<double>(options.soft_pending_compaction_bytes_limit),
              static_cast<double>(options.hard_pending_compaction_bytes_limit));
  if ((level0 > 0 || pending > 0) && !Compacting()) level0 = pending = 0;
  writes_->throttle().Set(StallCause::kLevel0Files, level0);
  writes_->throttle().Set(StallCause::kPendingCompaction, pending);
}

absl::Status DbImpl::SealMemtable() {
  try {
    return TrySealMemtable();
  } catch (...) {
    // Memtable, log and list may disagree: no write may follow.
    absl::Status status = StatusOfException();
    Latch(status);
    return status;
  }
}

absl::Status DbImpl::TrySealMemtable() {
  LISSOM_RETURN_IF_ERROR(writes_->EndLog());
  const SequenceNumber last = writes_->last_sequence();
  absl::StatusOr<std::unique_ptr<LogWriter>> log = CreateRegisteredLog(
      *parts_.source, versions_, last, parts_.options.write_buffer_size);
  if (!log.ok()) {
    Latch(log.status());
    return std::move(log).status();
  }
  const uint64_t number = (*log)->header().number;
  Ref<Memtable> fresh = Memtable::Create(parts_.source->order, number);
  LISSOM_SYNC_POINT("DbImpl:BeforeSeal");
  {
    MutexLock lock(mu_);
    logs_.insert(number);
    sealed_.push_front({.memtable = active_,
                        .next_log_number = number,
                        .last_sequence = last,
                        .has_unlogged = writes_->memtable_has_unlogged()});
    active_ = fresh;
    PublishView();
    writes_->SetLastMemtable(static_cast<int>(sealed_.size()) + 1 >=
                             parts_.options.max_write_buffer_number);
    flush_job_.Poke();
  }
  writes_->SwitchTo(std::move(fresh), *std::move(log));
  return absl::OkStatus();
}

absl::Status DbImpl::SyncWal() {
  if (closed()) return Closed();
  return writes_->RunExclusive([this]() -> absl::Status {
    LISSOM_RETURN_IF_ERROR(writes_->latched());
    return writes_->SyncLogs();
  });
}

// --- Failure and resumption -------------------------------------------------

void DbImpl::OnLatched(const absl::Status& cause) {
  {
    MutexLock lock(mu_);
    cv_.SignalAll();
  }
  Quietly([&] {
    log().Log(LogLevel::kError,
              absl::StrCat("writes are refused from now on: ", Plain(cause)));
  });
  if (IsTransient(cause) && writes_->resumable()) ResumeLater();
}

absl::Status DbImpl::Resume() {
  if (closed()) return Closed();
  absl::Status status = writes_->RunExclusive([this] { return TryResume(); });
  if (status.ok()) DeleteObsoleteFiles();
  return status;
}

// Everything that was acknowledged stands in the memtables and the present
// Version. It goes to new files, and one switch of CURRENT makes them the
// state: whatever the failure left in the old logs and the old manifest is
// never read again. A failure on the way leaves all as it was.
absl::Status DbImpl::TryResume() {
  absl::Status cause = writes_->latched();
  if (cause.ok()) return cause;
  const ErrorKind kind = DetailOf(cause).value_or(ErrorDetail{}).kind;
  if (kind == ErrorKind::kCorruption || kind == ErrorKind::kMissingFile ||
      !writes_->resumable()) {
    return cause;  // Memory or files are not what they were: open it anew.
  }
  LISSOM_RETURN_IF_ERROR(WaitForJobs());
  LISSOM_SYNC_POINT("DbImpl:Resuming");
  std::vector<Ref<const Memtable>> memtables;
  {
    MutexLock lock(mu_);
    for (auto it = sealed_.rbegin(); it != sealed_.rend(); ++it) {
      memtables.push_back(it->memtable);
    }
    memtables.push_back(active_);
  }
  LISSOM_ASSIGN_OR_RETURN(
      const FlushResult flushed,
      RunFlush(Outputs(), {.options = parts_.options,
                           .memtables = std::move(memtables),
                           .snapshots = reader_->snapshots().ForJob()}));
  const SequenceNumber last = writes_->last_sequence();
  LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<LogWriter> new_log,
                          CreateLog(*parts_.source, versions_, last,
                                    parts_.options.write_buffer_size));
  const LogHeader header = new_log->header();
  Ref<Memtable> fresh = Memtable::Create(parts_.source->order, header.number);
  VersionEdit edit;
  edit.min_log_number = header.number;
  edit.flushed_sequence = last;
  edit.last_sequence = last;
  edit.logs_created.push_back({.number = header.number, .id = header.id});
  if (flushed.table.has_value()) {
    edit.added.push_back({.level = 0, .table = *flushed.table});
  }
  LISSOM_RETURN_IF_ERROR(versions_.Resume(edit));
  {
    MutexLock lock(mu_);
    logs_.insert(header.number);
    sealed_.clear();
    active_ = fresh;
    resume_failures_ = 0;
    PublishView();
    writes_->SetLastMemtable(false);
  }
  writes_->Restart(std::move(fresh), std::move(new_log));
  MutexLock lock(mu_);
  NoteShape();
  cv_.SignalAll();
  log().Log(LogLevel::kInfo,
            absl::StrCat("writes are accepted again; they were refused for: ",
                         Plain(cause)));
  return absl::OkStatus();
}

// Until no job runs; a compaction is cut short.
absl::Status DbImpl::WaitForJobs() {
  MutexLock lock(mu_);
  stopping_.store(true, std::memory_order_relaxed);
  Await(*parts_.options.executor, mu_, cv_, [this] {
    mu_.AssertHeld();
    return (flush_job_.idle() && compaction_job_.idle()) || closing_;
  });
  if (closing_) return Closed();
  stopping_.store(false, std::memory_order_relaxed);
  return absl::OkStatus();
}

// Without timers nothing is retried: whoever cares calls Resume.
void DbImpl::ResumeLater() {
  absl::Duration delay;
  {
    MutexLock lock(mu_);
    if (closing_) return;
    constexpr int kMaxDoublings = 8;  // Of a second.
    delay = absl::Seconds(1 << std::min(resume_failures_, kMaxDoublings));
  }
  parts_.options.executor->ScheduleAfter(delay, Executor::Priority::kHigh,
                                         [weak = weak_from_this()] {
                                           // Never the last owner's last act in
                                           // a database that is gone.
                                           if (const auto self = weak.lock())
                                             self->ResumeByItself();
                                         });
}

void DbImpl::ResumeByItself() {
  const absl::Status status = Guarded([this] { return Resume(); });
  if (status.ok() || absl::IsCancelled(status)) return;
  {
    MutexLock lock(mu_);
    ++resume_failures_;
  }
  Quietly([&] {
    log().Log(LogLevel::kWarning,
              absl::StrCat("could not resume: ", Plain(status)));
    ResumeLater();
  });
}

// --- Reads ------------------------------------------------------------------

absl::Status DbImpl::Get(const ReadOptions& options, std::string_view key,
                         std::string* value) {
  return reader_->Get(options, key, value);
}

absl::Status DbImpl::Get(const ReadOptions& options, std::string_view key,
                         PinnedValue* value) {
  return reader_->Get(options, key, value);
}

absl::Status DbImpl::MultiGet(const ReadOptions& options,
                              std::span<const std::string_view> keys,
                              std::span<PinnedValue> values,
                              std::span<absl::Status> statuses) {
  return reader_->MultiGet(options, keys, values, statuses);
}

std::unique_ptr<Iterator> DbImpl::NewIterator(const ReadOptions& options) {
  // The iterator keeps all of us, of which the reader is a part.
  return reader_->NewIterator(
      options, std::shared_ptr<Reader>(shared_from_this(), reader_.get()));
}

std::unique_ptr<const Snapshot> DbImpl::GetSnapshot() {
  return reader_->GetSnapshot();
}

uint64_t DbImpl::LatestSequence() const { return reader_->LatestSequence(); }

void DbImpl::PublishView() {
  std::vector<Ref<const Memtable>> memtables = {active_};
  for (const Sealed& sealed : sealed_) memtables.push_back(sealed.memtable);
  reader_->Publish(
      Ref<const View>(new View(std::move(memtables), versions_.current())));
}

// --- Flush ------------------------------------------------------------------

absl::Status DbImpl::Flush(const FlushOptions& options) {
  if (closed()) return Closed();
  LISSOM_RETURN_IF_ERROR(writes_->RunExclusive([this]() -> absl::Status {
    LISSOM_RETURN_IF_ERROR(writes_->latched());
    if (writes_->memtable()->empty()) return absl::OkStatus();
    return SealMemtable();
  }));
  if (!options.wait) return absl::OkStatus();
  MutexLock lock(mu_);
  // The newest sealed memtable, the last to be flushed, is what we wait for.
  const SequenceNumber target =
      sealed_.empty() ? 0 : sealed_.front().last_sequence;
  Await(*parts_.options.executor, mu_, cv_, [&] {
    mu_.AssertHeld();
    return sealed_.empty() || sealed_.back().last_sequence > target ||
           closing_ || !writes_->latched().ok();
  });
  if (sealed_.empty() || sealed_.back().last_sequence > target) {
    return absl::OkStatus();
  }
  return closing_ ? Closed() : writes_->latched();
}

OutputDeps DbImpl::Outputs() {
  return {.source = *parts_.source,
          .new_file_number = [this] { return versions_.NewFileNumber(); },
          .new_file_id = [this] { return versions_.NewFileId(); },
          .now = [this] { return parts_.options.clock->Now(); }};
}

void DbImpl::RunFlushJob() {
  const absl::Status status = Guarded([this] { return FlushOldest(); });
  if (!status.ok()) {
    Latch(status);
    return;
  }
  DeleteObsoleteFiles();
}

absl::Status DbImpl::FlushOldest() {
  Sealed sealed;
  {
    MutexLock lock(mu_);
    sealed = sealed_.back();
  }
  LISSOM_ASSIGN_OR_RETURN(
      const FlushResult flushed,
      RunFlush(Outputs(), {.options = parts_.options,
                           .memtables = {sealed.memtable},
                           .snapshots = reader_->snapshots().ForJob()}));
  VersionEdit edit;
  // In the order of memtables: every change up to the last of this one is in
  // durable tables when the edit is, so the log need not be synced first.
  edit.min_log_number = sealed.next_log_number;
  edit.flushed_sequence = sealed.last_sequence;
  if (flushed.table.has_value()) {
    edit.added.push_back({.level = 0, .table = *flushed.table});
  }
  LISSOM_SYNC_POINT("DbImpl:BeforeFlushInstall");
  LISSOM_RETURN_IF_ERROR(versions_.Apply(edit));
  writes_->ReleaseLogsBelow(sealed.next_log_number);
  MutexLock lock(mu_);
  sealed_.pop_back();
  PublishView();
  writes_->SetLastMemtable(false);
  NoteShape();
  return absl::OkStatus();
}

// --- Compaction -------------------------------------------------------------

CompactionScheduler::Moment DbImpl::Moment() {
  return {.now = parts_.options.clock->Monotonic(),
          .wall = parts_.options.clock->Now(),
          .oldest_snapshot = reader_->snapshots().ForJob().front()};
}

bool DbImpl::Compacting() {
  return compactions_.running() > 0 || compaction_job_.scheduled() ||
         (writes_->latched().ok() &&
          compactions_.HasWork(versions_.current(), Moment()));
}

// The tree or what is done about it has changed.
void DbImpl::NoteShape() {
  compaction_job_.Poke();
  UpdateThrottle(*versions_.current());
  if (Obstacle(false).has_value()) writes_->NeedRoom();
}

void DbImpl::RunCompactionJob() {
  std::optional<CompactionPlan> plan;
  const absl::Status status = Guarded([&]() -> absl::Status {
    {
      MutexLock lock(mu_);
      plan = compactions_.Next(versions_.current(), Moment());
      if (!plan.has_value()) return absl::OkStatus();
      compaction_job_.Poke();  // For what can run beside it.
    }
    return CompactOnce(*plan);
  });
  if (plan.has_value()) FinishCompaction(*plan, status);
  plan.reset();  // Its holds on the inputs, which may now be deleted.
  DeleteObsoleteFiles();
}

absl::Status DbImpl::CompactOnce(const CompactionPlan& plan) {
  const auto cancelled = [this, &plan] {
    return stopping_.load(std::memory_order_relaxed) ||
           (plan.cancelled != nullptr &&
            plan.cancelled->load(std::memory_order_relaxed));
  };
  LISSOM_ASSIGN_OR_RETURN(
      const CompactionResult result,
      RunCompaction(Outputs(), {.plan = plan,
                                .options = parts_.options,
                                .snapshots = reader_->snapshots().ForJob(),
                                .cancelled = cancelled,
                                .max_parts = parts_.options.max_subcompactions,
                                .executor = parts_.options.executor.get()}));
  LISSOM_SYNC_POINT("DbImpl:BeforeCompactionInstall");
  const absl::Status applied = versions_.Apply(result.edit);
  if (!applied.ok()) {
    Latch(applied);  // More than a failed compaction.
    return absl::CancelledError("its edit could not be applied");
  }
  MutexLock lock(mu_);
  PublishView();
  reader_->DeleteAfterIterators();
  return absl::OkStatus();
}

void DbImpl::FinishCompaction(const CompactionPlan& plan,
                              const absl::Status& status) {
  bool retry = false;
  {
    MutexLock lock(mu_);
    // A clock or an order that throws must not keep the tables taken.
    CompactionScheduler::Moment moment;
    Quietly([&] { moment = Moment(); });
    Quietly([&] {
      mu_.AssertHeld();
      compactions_.Finished(plan, status, versions_.current(), moment);
    });
    retry = compactions_.RetryAt().has_value();
    Quietly([&] {
      mu_.AssertHeld();
      NoteShape();
    });
    cv_.SignalAll();  // Whoever asked for it, and writers that wait.
  }
  if (status.ok() || absl::IsCancelled(status)) return;
  Quietly([&] {
    log().Log(LogLevel::kError,
              absl::StrCat("a compaction failed: ", Plain(status)));
    if (retry) RetryCompactionsLater();
  });
}

// Without timers they are retried after the next flush.
void DbImpl::RetryCompactionsLater() {
  absl::Duration delay;
  {
    MutexLock lock(mu_);
    const std::optional<absl::Duration> at = compactions_.RetryAt();
    if (!at.has_value() || closing_) return;
    delay = *at - parts_.options.clock->Monotonic();
  }
  parts_.options.executor->ScheduleAfter(delay, Executor::Priority::kLow,
                                         [weak = weak_from_this()] {
                                           const auto self = weak.lock();
                                           if (self == nullptr) return;
                                           MutexLock lock(self->mu_);
                                           self->compaction_job_.Poke();
                                         });
}

absl::Status DbImpl::CompactRange(const CompactRangeOptions& options,
                                  std::optional<std::string_view> begin,
                                  std::optional<std::string_view> end) {
  if (closed()) return Closed();
  if (begin.has_value() && end.has_value() &&
      parts_.source->order.CompareUser(*begin, *end) > 0) {
    return absl::InvalidArgumentError("the range ends before it begins");
  }
  LISSOM_RETURN_IF_ERROR(Flush({}));
  const auto owned = [](std::optional<std::string_view> key) {
    return key.has_value() ? std::optional<std::string>(*key) : std::nullopt;
  };
  std::shared_ptr<const ManualCompaction> request;
  {
    MutexLock lock(mu_);
    request = compactions_.AddManual(owned(begin), owned(end), options,
                                     versions_.current());
    compaction_job_.Poke();
  }
  const std::stop_callback on_stop(options.stop, [&] {
    MutexLock lock(mu_);
    compactions_.Cancel(*request);
    cv_.SignalAll();
  });
  MutexLock lock(mu_);
  Await(*parts_.options.executor, mu_, cv_, [&] {
    mu_.AssertHeld();
    return request->done() || closing_ || !writes_->latched().ok();
  });
  if (request->done()) return request->status();
  return closing_ ? Closed() : writes_->latched();
}

// --- Housekeeping
// -------------------------------------------------------------

void DbImpl::DeleteObsoleteFiles() {
  std::vector<std::string> paths;
  {
    MutexLock lock(mu_);
    const uint64_t min_log = versions_.min_log_number();
    while (!logs_.empty() && *logs_.begin() < min_log) {
      paths.push_back(WalFileName(parts_.path, *logs_.begin()));
      logs_.erase(logs_.begin());
    }
  }
  reader_
      ->Reclaim();  // Without the lock: memory and files are let go of in it.
  for (const uint64_t number : versions_.TakeObsoleteTables()) {
    paths.push_back(TableFileName(parts_.path, number));
  }
  for (const uint64_t number : versions_.TakeObsoleteManifests()) {
    paths.push_back(ManifestFileName(parts_.path, number));
  }
  for (const std::string& path : paths) {
    const absl::Status status = parts_.source->file_system->RemoveFile(
        path, {.kind = IoContext::Kind::kOther,
               .priority = IoContext::Priority::kCompaction});
    // Left behind it is garbage; the next Open removes it.
    if (!status.ok()) {
      log().Log(LogLevel::kWarning,
                absl::StrCat("could not remove ", path, ": ", Plain(status)));
    }
  }
}

absl::Status DbImpl::WaitForIdle() {
  if (closed()) return Closed();
  MutexLock lock(mu_);
  compaction_job_.Poke();  // A retry may be due.
  Await(*parts_.options.executor, mu_, cv_, [this] {
    mu_.AssertHeld();
    return (flush_job_.idle() && compaction_job_.idle()) || closing_;
  });
  if (closing_) return Closed();
  LISSOM_RETURN_IF_ERROR(writes_->latched());
  return compactions_.error();
}

bool DbImpl::HasUnlogged() const {
  return std::any_of(sealed_.begin(), sealed_.end(),
                     [](const Sealed& sealed) { return sealed.has_unlogged; });
}

// What no log has must be in tables before the end. If that fails it is lost,
// as it would have been in a crash; Flush's failure is latched, and Close says
// so.
void DbImpl::FlushUnlogged() {
  if (!writes_->ever_unlogged()) return;
  bool unlogged = false;
  writes_
      ->RunExclusive([&] {
        unlogged = writes_->memtable_has_unlogged();
        return absl::OkStatus();
      })
      .IgnoreError();
  if (!unlogged) {
    MutexLock lock(mu_);
    unlogged = HasUnlogged();
  }
  if (unlogged) Flush({}).IgnoreError();
}

absl::Status DbImpl::Close() {
  if (!closed()) Quietly([this] { FlushUnlogged(); });
  {
    MutexLock lock(mu_);
    if (closing_) {
      Await(*parts_.options.executor, mu_, cv_, [this] {
        mu_.AssertHeld();
        return close_done_;
      });
      return close_status_;
    }
    closing_ = true;
    reader_->Close();
    stopping_.store(true, std::memory_order_relaxed);
    flush_job_.Stop();
    compaction_job_.Stop();
    cv_.SignalAll();
    Await(*parts_.options.executor, mu_, cv_, [this] {
      mu_.AssertHeld();
      return flush_job_.idle() && compaction_job_.idle();
    });
  }
  // Whoever waits for the end must not wait for ever: nothing is thrown here.
  absl::Status status = Guarded([this] { return CloseDurably(); });
  Quietly([this] { DeleteObsoleteFiles(); });
  Quietly([&] {
    log().Log(LogLevel::kInfo, absl::StrCat("closed: ", Plain(status)));
  });
  parts_.lock.reset();
  MutexLock lock(mu_);
  close_status_ = status;
  close_done_ = true;
  cv_.SignalAll();
  return status;
}

absl::Status DbImpl::CloseDurably() {
  VersionEdit edit;
  absl::Status status = writes_->RunExclusive([&]() -> absl::Status {
    LISSOM_RETURN_IF_ERROR(writes_->latched());
    return writes_->CloseLogs([&](const LogWriter& log) {
      edit.logs_closed.push_back({.number = log.header().number,
                                  .length = log.size(),
                                  .chain_hash = log.chain_hash()});
    });
  });
  if (status.ok()) status = versions_.Apply(edit);
  const absl::Status closed = versions_.Close();
  return status.ok() ? closed : status;
}

}  // namespace lissom
