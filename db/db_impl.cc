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
      metrics_(parts_.options.statistics_level, *parts_.options.clock),
      events_({.executor = *parts_.options.executor,
               .clock = *parts_.options.clock,
               .log = parts_.options.info_log,
               .listeners = parts_.options.listeners}),
      compactions_(parts_.options),
      log_job_(
          *parts_.options.executor, Executor::Priority::kHigh, 1, mu_, cv_,
          [this] {
            mu_.AssertHeld();
            return next_log_wanted_ && writes_->latched().ok();
          },
          [this] { RunLogJob(); }),
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
          .write_buffer_size = *parts_.options.write_buffer_size,
          .max_wal_bytes = parts_.options.max_total_wal_size,
          .on_latched = [this](const absl::Status& why) { OnLatched(why); },
          .on_stall =
              [this](StallCause cause, absl::Duration time) {
                metrics_.AddStall(cause, time);
              },
          .metrics = &metrics_},
      parts_.memtable, std::move(parts_.log), parts_.last_sequence);
  reader_ = std::make_unique<Reader>(
      ReaderDeps{.source = parts_.source,
                 .visible = writes_->visible(),
                 .log = parts_.options.info_log,
                 .clock = parts_.options.clock,
                 .delete_obsolete_files = [this] { DeleteObsoleteFiles(); },
                 .metrics = metrics_});
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
  LISSOM_RETURN_IF_ERROR(CheckSpace());
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

absl::Status DbImpl::CheckSpace() const {
  const uint64_t limit = parts_.options.max_space_bytes;
  if (limit == 0) return absl::OkStatus();
  const uint64_t used =
      table_bytes_.load(std::memory_order_relaxed) + writes_->wal_bytes();
  if (used < limit) return absl::OkStatus();
  return WithDetail(
      absl::ResourceExhaustedError(absl::StrCat(
          "max_space_bytes is used up: tables and logs have ", used, " bytes")),
      {.kind = ErrorKind::kNoSpace});
}

std::optional<StallCause> DbImpl::Obstacle(bool seal) {
  if (seal && static_cast<int>(sealed_.size()) + 1 >=
                  *parts_.options.max_write_buffer_number) {
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
  return seal ? SealMemtable(/*more=*/true) : absl::OkStatus();
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
  if (options.max_space_bytes != 0) {
    const auto limit = static_cast<double>(options.max_space_bytes);
    throttle.Set(StallCause::kSpaceLimit,
                 between(static_cast<double>(
                             table_bytes_.load(std::memory_order_relaxed)),
                         0.9 * limit, limit));
  }
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

absl::Status DbImpl::SealMemtable(bool more) {
  try {
    return TrySealMemtable(more);
  } catch (...) {
    // Memtable, log and list may disagree: no write may follow.
    absl::Status status = StatusOfException();
    Latch(status);
    return status;
  }
}

absl::Status DbImpl::TrySealMemtable(bool more) {
  LISSOM_RETURN_IF_ERROR(writes_->EndLog());
  const SequenceNumber last = writes_->last_sequence();
  absl::StatusOr<std::unique_ptr<LogWriter>> log = NextLog();
  if (!log.ok()) {
    Latch(log.status());
    return log.status();
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
                             *parts_.options.max_write_buffer_number);
    next_log_wanted_ = more;
    log_job_.Poke();  // First: it is short, and the flush is not.
    flush_job_.Poke();
  }
  writes_->SwitchTo(std::move(fresh), *std::move(log));
  return absl::OkStatus();
}

// Whatever becomes of it, its file goes when logs below a later one are not
// needed any more.
absl::StatusOr<std::unique_ptr<LogWriter>> DbImpl::NewLog(SequenceNumber base) {
  LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<LogWriter> log,
                          CreateLog(*parts_.source, versions_, base,
                                    *parts_.options.write_buffer_size));
  MutexLock lock(mu_);
  logs_.insert(log->header().number);
  return log;
}

absl::StatusOr<std::unique_ptr<LogWriter>> DbImpl::NextLog() {
  {
    MutexLock lock(mu_);
    next_log_wanted_ = false;  // A job that has not begun leaves it to us.
    Await(*parts_.options.executor, mu_, cv_, [this] {
      mu_.AssertHeld();
      return log_job_.running() == 0;
    });
    if (next_log_ != nullptr) return std::move(next_log_);
  }
  const SequenceNumber last = writes_->last_sequence();
  LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<LogWriter> log, NewLog(last));
  LISSOM_RETURN_IF_ERROR(RegisterLog(versions_, *log, last));
  return log;
}

absl::Status DbImpl::SyncWal() {
  if (closed()) return Closed();
  return writes_->RunExclusive([this]() -> absl::Status {
    LISSOM_RETURN_IF_ERROR(writes_->latched());
    return writes_->SyncLogs();
  });
}

// --- Reads ------------------------------------------------------------------

absl::Status DbImpl::VerifyChecksums() {
  if (closed()) return Closed();
  LISSOM_RETURN_IF_ERROR(versions_.VerifyManifest());
  return reader_->VerifyTables();
}

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
    return SealMemtable(/*more=*/false);
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
    return (log_job_.idle() && flush_job_.idle() && compaction_job_.idle()) ||
           closing_;
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
  log_job_.Stop();
  flush_job_.Stop();
  compaction_job_.Stop();
  cv_.SignalAll();
  Await(*parts_.options.executor, mu_, cv_, [this] {
    mu_.AssertHeld();
    return log_job_.idle() && flush_job_.idle() && compaction_job_.idle();
  });
  return true;
}

absl::Status DbImpl::FinishClose() {
  // Whoever waits for the end must not wait for ever: nothing is thrown here.
  absl::Status status = Guarded([this] { return CloseDurably(); });
  LogMetrics(/*closing=*/true);
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
    const auto visit = [&](const LogWriter& log) {
      edit.logs_closed.push_back({.number = log.header().number,
                                  .length = log.size(),
                                  .chain_hash = log.chain_hash()});
    };
    LISSOM_RETURN_IF_ERROR(writes_->CloseLogs(visit));
    std::unique_ptr<LogWriter> next;
    {
      MutexLock lock(mu_);
      next = std::move(next_log_);
    }
    if (next == nullptr) return absl::OkStatus();
    LISSOM_RETURN_IF_ERROR(next->Close());
    visit(*next);
    return absl::OkStatus();
  });
  if (status.ok()) status = versions_.Apply(edit);
  const absl::Status closed = versions_.Close();
  return status.ok() ? closed : status;
}

}  // namespace lissom
