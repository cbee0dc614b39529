// The background work of an open database: flushes, compactions, and what they
// change for whoever waits.
#include <algorithm>
#include <optional>
#include <utility>

#include "db/compaction/compaction_job.h"
#include "db/db_impl.h"
#include "db/filename.h"
#include "db/flush/flush_job.h"
#include "db/open.h"
#include "db/output/table_output.h"
#include "table/block_dictionary.h"
#include "util/block_cache.h"
#include "util/error.h"
#include "util/guarded.h"
#include "util/on_stop.h"
#include "util/status_macros.h"
#include "util/sync_point.h"

namespace lissom {
namespace {

absl::Status Closed() {
  return absl::CancelledError("the database was closed");
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

}  // namespace

// --- Flushes ----------------------------------------------------------------

OutputDeps DbImpl::Outputs() {
  return {.source = *parts_.source,
          .new_file_number = [this] { return versions_.NewFileNumber(); },
          .new_file_id = [this] { return versions_.NewFileId(); },
          .now = [this] { return parts_.options.clock->Now(); }};
}

namespace {

// A job waits for the rate limiter, until its time has come or it is cancelled.
class LimiterWait final : public RateLimiter::Waiter {
 public:
  LimiterWait(const Options& options, Mutex& mu, CondVar& cv,
              const std::function<bool()>& cancelled)
      : options_(options), mu_(mu), cv_(cv), cancelled_(cancelled) {}

  bool WaitFor(absl::Duration time) override {
    const absl::Duration until = options_.clock->Monotonic() + time;
    MutexLock lock(mu_);
    return !AwaitUntil(*options_.executor, *options_.clock, until, mu_, cv_,
                       [this] { return cancelled_(); });
  }

 private:
  const Options& options_;
  Mutex& mu_;
  CondVar& cv_;  // Signalled when something may have been cancelled.
  const std::function<bool()>& cancelled_;
};

}  // namespace

OutputDeps DbImpl::LimitedOutputs(IoContext::Priority priority,
                                  std::function<bool()> cancelled) {
  OutputDeps deps = Outputs();
  if (parts_.options.rate_limiter == nullptr) return deps;
  deps.may_append = [this, priority,
                     cancelled = std::move(cancelled)](uint64_t bytes) {
    return MayAppend(bytes, priority, cancelled);
  };
  return deps;
}

absl::StatusOr<uint64_t> DbImpl::MayAppend(
    uint64_t bytes, IoContext::Priority priority,
    const std::function<bool()>& cancelled) {
  RateLimiter& limiter = *parts_.options.rate_limiter;
  uint64_t part = bytes;
  bool granted = false;
  if (!cancelled()) {
    const absl::Duration start = metrics_.Now();
    LimiterWait waiter(parts_.options, mu_, cv_, cancelled);
    const absl::Status status = Guarded([&] {
      part = std::clamp<uint64_t>(limiter.MostBytes(), 1, bytes);
      granted = limiter.Request(part, priority, waiter);
      return absl::OkStatus();
    });
    if (!status.ok() && !limiter_threw_.exchange(true)) {
      Quietly([&] {
        log().Log(LogLevel::kError,
                  "the rate limiter threw: what it throws at is not limited");
      });
    }
    metrics_.Add(Counter::kRateLimitWaitMicros,
                 static_cast<uint64_t>(
                     absl::ToInt64Microseconds(metrics_.Now() - start)));
  }
  if (granted) {
    metrics_.Add(Counter::kRateLimitedBytes, part);
    return part;
  }
  if (cancelled() && priority == IoContext::Priority::kCompaction) {
    return absl::CancelledError("the job was cancelled");
  }
  return bytes;  // Close and Resume wait for a flush: it ends at full speed.
}

// Makes the log of the memtable after the present one.
void DbImpl::RunLogJob() {
  {
    MutexLock lock(mu_);
    if (!next_log_wanted_) return;  // A writer was faster.
    next_log_wanted_ = false;
  }
  // Its records will begin at this or later.
  const SequenceNumber base =
      writes_->visible().load(std::memory_order_acquire);
  auto log = Guarded([&] { return NewLog(base); });
  // Without room the writer that needs it tries again. Any other failure is
  // one of the disk: it may have been the directory's sync, which a later one
  // that succeeds does not make good.
  if (absl::IsResourceExhausted(log.status())) return;
  absl::Status status = log.status();
  if (status.ok()) {
    status = Guarded([&] { return RegisterLog(versions_, **log, base); });
  }
  if (!status.ok()) {
    metrics_.Add(Counter::kBackgroundErrors);
    Latch(status);
    return;
  }
  MutexLock lock(mu_);
  next_log_ = *std::move(log);
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
  const auto stopped = [this] {
    return stopping_.load(std::memory_order_relaxed);
  };
  event.status = Guarded([&]() -> absl::Status {
    LISSOM_ASSIGN_OR_RETURN(
        const FlushResult flushed,
        RunFlush(LimitedOutputs(IoContext::Priority::kFlush, stopped),
                 {.options = parts_.options,
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
  LogMetrics(/*closing=*/false);
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

// --- Compactions ------------------------------------------------------------

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
  // First: what comes in between is seen by the Poke.
  Quietly([this] {
    mu_.AssertHeld();
    AwaitWhatMakesDue();
  });
  compaction_job_.Poke();
  uint64_t bytes = versions_.ObsoleteBytes();
  for (int n = 0; n < Version::kLevels; ++n) {
    bytes += versions_.current()->LevelBytes(n);
  }
  table_bytes_.store(bytes, std::memory_order_relaxed);
  UpdateThrottle(*versions_.current());
  if (Obstacle(false).has_value()) writes_->NeedRoom();
}

// The end of a snapshot, or a `ttl`, makes compactions due with the tree as it
// is.
void DbImpl::AwaitWhatMakesDue() {
  const CompactionScheduler::Moment moment = Moment();
  const PickAgain again =
      compactions_.WhenToPickAgain(*versions_.current(), moment);
  reader_->snapshots().CallWhenOldest(
      again.snapshot,
      again.snapshot < kMaxSequence ? NoteShapeLater() : nullptr);
  if (again.time >= age_timer_) return;
  // Without timers they wait for the next flush. A timer that this one replaces
  // does no harm.
  if (parts_.options.executor->ScheduleAfter(again.time - moment.wall,
                                             Executor::Priority::kLow,
                                             NoteShapeLater(again.time))) {
    age_timer_ = again.time;
  }
}

std::function<void()> DbImpl::NoteShapeLater(absl::Time age_timer) {
  return [weak = weak_from_this(), age_timer] {
    const auto self = std::static_pointer_cast<DbImpl>(weak.lock());
    if (self == nullptr) return;
    Quietly([&] {
      MutexLock lock(self->mu_);
      if (self->closing_) return;
      if (self->age_timer_ == age_timer) {
        self->age_timer_ = absl::InfiniteFuture();
      }
      self->NoteShape();
    });
  };
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
      LogMetrics(/*closing=*/false);
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
  // Windows of the inputs that are read ahead, and what builders collect.
  constexpr size_t kInputBytes = size_t{1} << 20;
  constexpr size_t kOutputBytes = size_t{4} << 20;
  // Held by a builder, and copied once to make the dictionary.
  const size_t sample_bytes = 2 * DictionarySampleBytes(CompressionOf(
                                      parts_.options, plan.output_level));
  const CacheReservation buffers(
      parts_.source->cache,
      plan.trivial_move
          ? 0
          : kInputBytes * (plan.start_level == 0 ? plan.inputs.size() + 1 : 2) +
                (kOutputBytes + sample_bytes) *
                    static_cast<size_t>(parts_.options.max_subcompactions));
  LISSOM_ASSIGN_OR_RETURN(
      const CompactionResult result,
      RunCompaction(LimitedOutputs(IoContext::Priority::kCompaction, cancelled),
                    {.plan = plan,
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
                                         NoteShapeLater());
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
  const OnStop on_stop(options.stop, [&] {
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

}  // namespace lissom
