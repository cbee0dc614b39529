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

CompactionEvent EventOf(const CompactionPlan& plan, uint64_t job) {
  CompactionEvent event{.job = job,
                        .reason = std::string(ReasonName(plan.reason)),
                        .start_level = plan.start_level,
                        .output_level = plan.output_level,
                        .move = plan.trivial_move,
                        .read_bytes = plan.input_bytes()};
  for (const Version::Level* tables : {&plan.inputs, &plan.overlapping}) {
    for (const auto& table : *tables) {
      event.inputs.push_back(table->meta().number);
    }
  }
  return event;
}

// Into the event, and into the figures of the levels.
void CountCompaction(const CompactionPlan& plan, const CompactionResult& result,
                     CompactionEvent& event, MetricsRecorder& metrics) {
  Quietly([&] {
    for (const VersionEdit::NewTable& added : result.edit.added) {
      event.outputs.push_back(added.table.number);
    }
  });
  const OutputCounts& counts = result.counts;
  event.written_bytes = counts.bytes_written;
  event.entries_in = counts.entries_in;
  event.entries_out = counts.entries_out;
  if (plan.trivial_move) {
    metrics.AddMove(plan.output_level, plan.inputs.size());
    return;
  }
  metrics.AddCompaction(
      {.output_level = plan.output_level,
       .read_bytes = event.read_bytes,
       .written_bytes = counts.bytes_written,
       .entries_in = counts.entries_in,
       .entries_out = counts.entries_out,
       .entries_dropped = counts.entries_in - counts.entries_out,
       .time = event.time});
}

// May the failure behind a refusal of writes go away by itself?
bool MayPass(const absl::Status& latched) {
  std::optional<ErrorDetail> detail = DetailOf(latched);
  if (!detail.has_value()) return false;
  detail->severity = Severity::kCall;  // As it was.
  return IsTransient(WithDetail(latched, *detail));
}

}  // namespace

DbImpl::DbImpl(Parts parts)
    : parts_(std::move(parts)),
      versions_(*parts_.versions),
      metrics_(parts_.options.statistics_level, *parts_.options.clock),
      events_({.executor = *parts_.options.executor,
               .clock = *parts_.options.clock,
               .log = parts_.options.info_log,
               .listeners = parts_.options.listeners}),
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
          .on_latched = [this](const absl::Status& why) { OnLatched(why); },
          .on_stall =
              [this](StallCause cause, absl::Duration time) {
                metrics_.AddStall(cause, time);
              },
          .metrics = &metrics_},
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
  events_.Close();  // Has been, but for an open that failed late.
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
  const LatencyTimer timer(metrics_, Operation::kWrite);
  absl::Status status = writes_->Write(request);
  if (status.ok()) {
    MetricsRecorder::Local metrics = metrics_.local();
    metrics.Add(Counter::kBatchesWritten);
    metrics.Add(Counter::kKeysWritten, request.count);
    metrics.Add(Counter::kBytesWritten, request.batch.size());
  }
  return status;
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
  const absl::Duration start = parts_.options.clock->Monotonic();
  MutexLock lock(mu_);
  NoteStallCondition(StallCondition::kStopped, *cause);
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
  NoteStallCondition(StallCondition::kNormal, *cause);
  metrics_.AddStall(*cause, parts_.options.clock->Monotonic() - start);
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
  WriteThrottle& throttle = writes_->throttle();
  throttle.Set(StallCause::kLevel0Files, level0);
  throttle.Set(StallCause::kPendingCompaction, pending);
  if (stall_condition_ != StallCondition::kStopped) {
    NoteStallCondition(
        throttle.active() ? StallCondition::kDelayed : StallCondition::kNormal,
        throttle.cause());
  }
}

void DbImpl::NoteStallCondition(StallCondition now, StallCause cause) {
  if (now == stall_condition_) return;
  events_.PostLocked(
      EventKind::kStallConditionChanged,
      StallEvent{.before = stall_condition_, .now = now, .cause = cause});
  stall_condition_ = now;
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
  absl::StatusOr<std::unique_ptr<LogWriter>> log = NewLog();
  absl::Status status = log.status();
  if (status.ok()) status = RegisterLog(versions_, **log, last);
  if (!status.ok()) {
    Latch(status);
    return status;
  }
  const uint64_t number = (*log)->header().number;
  Ref<Memtable> fresh = Memtable::Create(parts_.source->order, number);
  LISSOM_SYNC_POINT("DbImpl:BeforeSeal");
  {
    MutexLock lock(mu_);
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

// Whatever becomes of it, its file goes when logs below a later one are not
// needed any more.
absl::StatusOr<std::unique_ptr<LogWriter>> DbImpl::NewLog() {
  LISSOM_ASSIGN_OR_RETURN(
      std::unique_ptr<LogWriter> log,
      CreateLog(*parts_.source, versions_, writes_->last_sequence(),
                parts_.options.write_buffer_size));
  MutexLock lock(mu_);
  logs_.insert(log->header().number);
  return log;
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
    LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<LogWriter> new_log, NewLog());
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
  Await(*parts_.options.executor, mu_, cv_, [this] {
    mu_.AssertHeld();
    return (flush_job_.idle() && compaction_job_.idle()) || closing_;
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
          if (const auto self = weak.lock()) self->ResumeByItself();
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
    status = Guarded(
        [this] { return closed() ? Closed() : ResumeAsLeader(true); });
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
    metrics_.Add(Counter::kBackgroundErrors);
    Latch(status);
    return;
  }
  DeleteObsoleteFiles();
}

absl::Status DbImpl::FlushOldest() {
  const LatencyTimer timer(metrics_, Operation::kFlush);
  const absl::Duration start = metrics_.Now();
  Sealed sealed;
  {
    MutexLock lock(mu_);
    sealed = sealed_.back();
  }
  FlushEvent event{.job = events_.NewJob(),
                   .memtables = 1,
                   .memtable_bytes = sealed.memtable->memory_bytes(),
                   .memtable_entries = sealed.memtable->entries()};
  events_.Post(EventKind::kFlushBegin, event);
  VersionEdit edit;
  event.status = Guarded([&]() -> absl::Status {
    LISSOM_ASSIGN_OR_RETURN(
        const FlushResult flushed,
        RunFlush(Outputs(), {.options = parts_.options,
                             .memtables = {sealed.memtable},
                             .snapshots = reader_->snapshots().ForJob()}));
    // In the order of memtables: every change up to the last of this one is in
    // durable tables when the edit is, so the log need not be synced first.
    edit.min_log_number = sealed.next_log_number;
    edit.flushed_sequence = sealed.last_sequence;
    if (flushed.table.has_value()) {
      edit.added.push_back({.level = 0, .table = *flushed.table});
      event.table = flushed.table->number;
      event.written_bytes = flushed.table->size;
      event.entries_written = flushed.table->entries;
    }
    LISSOM_SYNC_POINT("DbImpl:BeforeFlushInstall");
    return versions_.Apply(edit);
  });
  event.time = metrics_.Now() - start;
  if (event.status.ok()) {
    metrics_.AddFlush(event.written_bytes, event.time);
    writes_->ReleaseLogsBelow(sealed.next_log_number);
    MutexLock lock(mu_);
    sealed_.pop_back();
    PublishView();
    writes_->SetLastMemtable(false);
    NoteShape();
  }
  absl::Status status = event.status;
  const uint64_t job = event.job;
  events_.Post(EventKind::kFlushCompleted, std::move(event));
  if (status.ok()) TellOfTables(edit, job);
  return status;
}

void DbImpl::TellOfTables(const VersionEdit& edit, uint64_t job) {
  Quietly([&] {
    for (const VersionEdit::NewTable& added : edit.added) {
      events_.Post(
          EventKind::kTableCreated,
          TableEvent{.number = added.table.number,
                     .path = TableFileName(parts_.path, added.table.number),
                     .job = job,
                     .level = added.level,
                     .bytes = added.table.size,
                     .entries = added.table.entries});
    }
  });
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
  absl::Status status = Guarded([&]() -> absl::Status {
    {
      MutexLock lock(mu_);
      plan = compactions_.Next(versions_.current(), Moment());
      if (!plan.has_value()) return absl::OkStatus();
      compaction_job_.Poke();  // For what can run beside it.
    }
    return absl::OkStatus();
  });
  if (plan.has_value()) {
    if (status.ok()) {
      CompactionEvent event;
      Quietly([&] { event = EventOf(*plan, events_.NewJob()); });
      events_.Post(EventKind::kCompactionBegin, event);
      status = Guarded([&] { return CompactOnce(*plan, event); });
      event.status = status;
      events_.Post(EventKind::kCompactionCompleted, std::move(event));
    }
    FinishCompaction(*plan, status);
  }
  plan.reset();  // Its holds on the inputs, which may now be deleted.
  DeleteObsoleteFiles();
}

absl::Status DbImpl::CompactOnce(const CompactionPlan& plan,
                                 CompactionEvent& event) {
  std::optional<LatencyTimer> timer;
  if (!plan.trivial_move) timer.emplace(metrics_, Operation::kCompaction);
  const absl::Duration start = metrics_.Now();
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
  {
    MutexLock lock(mu_);
    PublishView();
    reader_->DeleteAfterIterators();
  }
  event.time = metrics_.Now() - start;
  CountCompaction(plan, result, event, metrics_);
  if (!plan.trivial_move) TellOfTables(result.edit, event.job);
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
  metrics_.Add(Counter::kBackgroundErrors);
  ErrorDetail detail = DetailOf(status).value_or(ErrorDetail{});
  detail.severity = Severity::kJob;
  events_.Post(EventKind::kBackgroundError,
               BackgroundErrorEvent{.operation = "compaction",
                                    .status = WithDetail(status, detail)});
  if (retry) Quietly([this] { RetryCompactionsLater(); });
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
  std::vector<uint64_t> tables;
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
  tables = versions_.TakeObsoleteTables();
  for (const uint64_t number : versions_.TakeObsoleteManifests()) {
    paths.push_back(ManifestFileName(parts_.path, number));
  }
  for (const uint64_t number : tables) {
    TableEvent event{.number = number,
                     .path = TableFileName(parts_.path, number)};
    // Left behind it is garbage; the next Open removes it.
    event.status = parts_.source->file_system->RemoveFile(
        event.path, {.kind = IoContext::Kind::kTable,
                     .priority = IoContext::Priority::kCompaction});
    events_.Post(EventKind::kTableDeleted, std::move(event));
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
  absl::Status status;
  if (BeginClose(&status)) status = FinishClose();
  // Last, and by every call: a listener may be the one that waits for the end,
  // and it can only be told the rest when it has returned.
  events_.Close();
  return status;
}

// True if it is the caller's to finish; else *status is what came of it.
bool DbImpl::BeginClose(absl::Status* status) {
  MutexLock lock(mu_);
  if (closing_) {
    Await(*parts_.options.executor, mu_, cv_, [this] {
      mu_.AssertHeld();
      return close_done_;
    });
    *status = close_status_;
    return false;
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
  return true;
}

absl::Status DbImpl::FinishClose() {
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
