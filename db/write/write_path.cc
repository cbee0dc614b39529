#include "db/write/write_path.h"

#include <algorithm>
#include <new>
#include <utility>

#include "db/memtable/batch_format.h"
#include "db/wal/log_format.h"
#include "util/check.h"
#include "util/error.h"
#include "util/guarded.h"
#include "util/status_macros.h"
#include "util/sync_point.h"

namespace lissom {
namespace {

// A group grows to this many bytes, so that one write stays short; a small
// leader is held to less, so that it does not wait for megabytes of others.
constexpr size_t kMaxGroupBytes = size_t{1} << 20;
constexpr size_t kSmallBatchBytes = size_t{128} << 10;

// A batch without changes: the payload of a record that only skips.
constexpr std::string_view kEmptyBatch("\0\0\0\0\0", kBatchHeaderBytes);

// Of max_wal_bytes, the share of the present log from which on it is ended
// early: with less in it its end would release next to nothing.
constexpr uint64_t kLeastLogShare = 8;

}  // namespace

struct WritePath::Writer {
  WriteRequest request;
  bool exclusive = false;
  bool taken = false;  // By a leader: its fate is the group's.
  bool done = false;
  absl::Status status;
  Writer* next = nullptr;
};

WritePath::WritePath(WritePathDeps deps, Ref<Memtable> memtable,
                     std::unique_ptr<LogWriter> log,
                     SequenceNumber last_sequence)
    : deps_(std::move(deps)),
      memtable_(std::move(memtable)),
      log_(std::move(log)),
      last_sequence_(last_sequence),
      mark_{log_->header().number, log_->synced_size()},
      visible_(last_sequence) {}

WritePath::~WritePath() = default;

absl::Status WritePath::Write(const WriteRequest& request) {
  Writer writer;
  writer.request = request;

  MutexLock lock(mu_);
  if (!Join(writer)) return writer.status;
  absl::Status status = CopyForThread(refusal_);
  if (status.ok() && MustWait(request)) {
    {
      MutexUnlock unlock(mu_);
      status = Guarded([&] { return Admit(request); });
    }
    stalled_.reset();
    if (status.ok()) status = CopyForThread(refusal_);
  }
  Writer* last = &writer;
  if (status.ok()) {
    last = &GatherGroup(writer);
    MutexUnlock unlock(mu_);
    status = Commit(writer, *last);
  }
  Leave(*last, status);
  return status;
}

absl::Status WritePath::RunExclusive(absl::FunctionRef<absl::Status()> action) {
  Writer writer;
  writer.exclusive = true;
  MutexLock lock(mu_);
  Join(writer);  // Nobody takes an exclusive writer along: it always leads.
  absl::Status status;
  if (absl::IsCancelled(refusal_)) {
    status = CopyForThread(refusal_);
  } else {
    MutexUnlock unlock(mu_);
    status = Guarded(action);
  }
  Leave(writer, status);
  return status;
}

bool WritePath::Join(Writer& writer) {
  if (back_ == nullptr) {
    front_ = &writer;
  } else {
    back_->next = &writer;
  }
  back_ = &writer;
  LISSOM_SYNC_POINT("WritePath:Joined");
  if (front_ == &writer) return true;
  const auto over = [&]() {
    mu_.AssertHeld();
    return writer.done || front_ == &writer || WillNotWait(writer);
  };
  const absl::Duration deadline = writer.request.patience.deadline;
  if (deadline == absl::InfiniteDuration()) {
    Await(deps_.executor, mu_, cv_, over);
  } else {
    AwaitUntil(deps_.executor, deps_.clock, deadline, mu_, cv_, over);
    // Taken, it has to see the group's end, however long that takes.
    if (writer.taken) Await(deps_.executor, mu_, cv_, over);
  }
  if (writer.done) return false;
  if (front_ == &writer) return true;
  const bool will_not_wait = WillNotWait(writer);
  Unlink(writer);  // First: a status may find no memory, and throw.
  if (will_not_wait) {
    writer.status = StalledError(*stalled_);
  } else if (stalled_.has_value()) {
    writer.status = StallTimeoutError(*stalled_);
  } else {
    writer.status = absl::DeadlineExceededError(
        "the write's timeout passed while others were written");
  }
  return false;
}

bool WritePath::WillNotWait(const Writer& writer) const {
  return stalled_.has_value() && writer.request.patience.no_slowdown &&
         !writer.taken;
}

void WritePath::Unlink(Writer& writer) {
  Writer* before = front_;
  while (before->next != &writer) before = before->next;
  before->next = writer.next;
  if (back_ == &writer) back_ = before;
}

void WritePath::Leave(Writer& last, const absl::Status& status) {
  bool alone = true;
  while (true) {
    Writer* writer = front_;
    front_ = writer->next;
    writer->status = CopyForThread(status);
    writer->done = true;
    LISSOM_SYNC_POINT("WritePath:Left");
    if (writer == &last) break;
    alone = false;
  }
  if (front_ == nullptr) back_ = nullptr;
  if (!alone || front_ != nullptr) cv_.SignalAll();
}

WritePath::Writer& WritePath::GatherGroup(Writer& leader) {
  size_t bytes = leader.request.batch.size();
  const size_t limit =
      bytes <= kSmallBatchBytes ? bytes + kSmallBatchBytes : kMaxGroupBytes;
  Writer* last = &leader;
  leader.taken = true;
  while (last->next != nullptr && !last->next->exclusive) {
    bytes += last->next->request.batch.size();
    if (bytes > limit) break;
    last = last->next;
    last->taken = true;
  }
  return *last;
}

// --- Room -------------------------------------------------------------------

bool WritePath::MustSeal(const WriteRequest& request) const {
  // A batch that would fill a memtable gets one of its own.
  return memtable_->memory_bytes() >= deps_.write_buffer_size ||
         (request.batch.size() >= deps_.write_buffer_size &&
          !memtable_->empty()) ||
         (deps_.max_wal_bytes != 0 && WalBytes() >= deps_.max_wal_bytes &&
          log_->size() >= deps_.max_wal_bytes / kLeastLogShare &&
          !memtable_->empty());
}

bool WritePath::MustWait(const WriteRequest& request) const {
  return need_room_.load(std::memory_order_relaxed) ||
         last_memtable_.load(std::memory_order_relaxed) || throttle_.active() ||
         MustSeal(request);
}

void WritePath::SetLastMemtable(bool last) {
  last_memtable_.store(last, std::memory_order_relaxed);
  if (!last) throttle_.Set(StallCause::kMemtables, 0);
}

// The first half of the last memtable is filled at full speed.
void WritePath::UpdateThrottle() {
  const double fill = static_cast<double>(memtable_->memory_bytes()) /
                      static_cast<double>(deps_.write_buffer_size);
  throttle_.Set(StallCause::kMemtables, 2 * fill - 1);
  // The desk may have found room meanwhile.
  if (!last_memtable_.load(std::memory_order_relaxed)) {
    throttle_.Set(StallCause::kMemtables, 0);
  }
}

absl::Status WritePath::Admit(const WriteRequest& request) {
  if (need_room_.exchange(false, std::memory_order_relaxed) ||
      MustSeal(request)) {
    absl::Status status =
        deps_.room_maker.MakeRoom(MustSeal(request), request.patience);
    // The next one's patience may be greater.
    if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) {
      NeedRoom();
    }
    LISSOM_RETURN_IF_ERROR(status);
  }
  if (last_memtable_.load(std::memory_order_relaxed)) UpdateThrottle();
  return throttle_.active() ? PayThrottle(request) : absl::OkStatus();
}

// What the groups before have run up is paid by the next leader, and so by all
// who queue behind it.
absl::Status WritePath::PayThrottle(const WriteRequest& request) {
  const StallCause cause = throttle_.cause();
  if (request.patience.no_slowdown) return StalledError(cause);
  const absl::Duration wait = throttle_.Due();
  if (wait <= absl::ZeroDuration()) return absl::OkStatus();
  NoteStall(cause);
  const absl::Duration start = deps_.clock.Monotonic();
  const absl::Duration end = start + wait;
  bool in_time = true;
  {
    MutexLock lock(mu_);
    AwaitUntil(deps_.executor, deps_.clock,
               std::min(end, request.patience.deadline), mu_, cv_, [this] {
                 mu_.AssertHeld();
                 return !refusal_.ok();
               });
    in_time = end <= request.patience.deadline || !refusal_.ok();
  }
  const absl::Duration waited = deps_.clock.Monotonic() - start;
  throttle_.Paid(waited);
  if (deps_.on_stall != nullptr) deps_.on_stall(cause, waited);
  return in_time ? absl::OkStatus() : StallTimeoutError(cause);
}

void WritePath::NoteStall(StallCause cause) {
  MutexLock lock(mu_);
  stalled_ = cause;
  cv_.SignalAll();
}

bool WritePath::stopped() const {
  MutexLock lock(mu_);
  return stalled_.has_value();
}

uint64_t WritePath::WalBytes() const {
  const uint64_t below = release_below_.load(std::memory_order_relaxed);
  uint64_t bytes = log_->size();
  for (const std::unique_ptr<LogWriter>& log : older_logs_) {
    if (log->header().number >= below) bytes += log->size();
  }
  return bytes;
}

// --- Commit -----------------------------------------------------------------

absl::Status WritePath::Commit(Writer& first, Writer& last) {
  const SequenceNumber before = last_sequence_;
  absl::Status status = Guarded([&] { return AppendGroup(first, last); });
  if (status.ok()) {
    LISSOM_SYNC_POINT("WritePath:Logged");
    status = Guarded([&] { return InsertGroup(first, last, before); });
    if (!status.ok()) half_inserted_.store(true, std::memory_order_relaxed);
  }
  if (!status.ok()) {
    // The group may be in the log, whole or in part: only recovery can tell
    // what became of it, so no later write may follow it there.
    Latch(status);
    return status;
  }
  visible_.store(last_sequence_, std::memory_order_release);
  return absl::OkStatus();
}

absl::Status WritePath::AppendGroup(Writer& first, Writer& last) {
  bool sync = false;
  uint64_t count = 0;
  size_t bytes = 0;
  for (Writer* writer = &first;; writer = writer->next) {
    count += writer->request.count;
    bytes += writer->request.batch.size();
    sync = sync || writer->request.sync;
    if (writer == &last) break;
  }
  // Before the log collects anything: what it has collected it must write.
  if (count > kMaxSequence - last_sequence_) {
    return absl::InternalError("sequence numbers are used up");
  }
  if (throttle_.active()) throttle_.Charge(bytes);
  for (Writer* writer = &first;; writer = writer->next) {
    const WriteRequest& request = writer->request;
    if (request.disable_wal) {
      unlogged_ += request.count;
      memtable_has_unlogged_ = true;
      ever_unlogged_.store(true, std::memory_order_relaxed);
    } else {
      log_->Add({.ordinal = last_sequence_ + 1,
                 .payload = request.batch,
                 .skipped = std::exchange(unlogged_, 0)},
                mark_);
    }
    last_sequence_ += request.count;
    if (writer == &last) break;
  }
  const uint64_t before = log_->size();
  LISSOM_RETURN_IF_ERROR(log_->Write());
  const uint64_t appended = log_->size() - before;
  wal_bytes_.store(WalBytes(), std::memory_order_relaxed);
  if (deps_.metrics != nullptr && appended != 0) {
    MetricsRecorder::Local metrics = deps_.metrics->local();
    metrics.Add(Counter::kWalWrites);
    metrics.Add(Counter::kWalBytes, appended);
  }
  return sync ? SyncLogs() : absl::OkStatus();
}

absl::Status WritePath::SyncLog(LogWriter& log) {
  if (deps_.metrics == nullptr) return log.Sync();
  const LatencyTimer timer(*deps_.metrics, Operation::kWalSync);
  absl::Status status = log.Sync();
  if (status.ok()) deps_.metrics->Add(Counter::kWalSyncs);
  return status;
}

absl::Status WritePath::InsertGroup(Writer& first, Writer& last,
                                    SequenceNumber sequence) {
  for (Writer* writer = &first;; writer = writer->next) {
    const WriteRequest& request = writer->request;
    LISSOM_RETURN_IF_ERROR(
        InsertBatch(request.batch, sequence + 1, *memtable_));
    sequence += request.count;
    if (writer == &last) break;
  }
  LISSOM_DCHECK(sequence == last_sequence_);
  return absl::OkStatus();
}

absl::Status WritePath::EndLog() {
  if (unlogged_ == 0) return absl::OkStatus();
  // The next log begins behind those sequences: this one says why.
  absl::Status status = Guarded([this] {
    log_->Add({.ordinal = last_sequence_ + 1,
               .payload = kEmptyBatch,
               .skipped = std::exchange(unlogged_, 0)},
              mark_);
    return log_->Write();
  });
  if (!status.ok()) Latch(status);
  return status;
}

void WritePath::DropReleasedLogs() {
  const uint64_t below = release_below_.load(std::memory_order_relaxed);
  while (!older_logs_.empty() && older_logs_.front()->header().number < below) {
    older_logs_.pop_front();
  }
}

void WritePath::SwitchTo(Ref<Memtable> memtable,
                         std::unique_ptr<LogWriter> log) {
  DropReleasedLogs();
  LISSOM_DCHECK(unlogged_ == 0);
  older_logs_.push_back(std::exchange(log_, std::move(log)));
  memtable_ = std::move(memtable);
  memtable_has_unlogged_ = false;
  // mark_ stays: the records of the new log repeat what is known of the old.
}

void WritePath::Restart(Ref<Memtable> memtable,
                        std::unique_ptr<LogWriter> log) {
  older_logs_.clear();
  log_ = std::move(log);
  mark_ = {log_->header().number, log_->synced_size()};
  memtable_ = std::move(memtable);
  memtable_has_unlogged_ = false;
  unlogged_ = 0;
  // What failed has sequences that nothing has: readers may pass them.
  visible_.store(last_sequence_, std::memory_order_release);
  MutexLock lock(mu_);
  if (!absl::IsCancelled(refusal_)) refusal_ = absl::OkStatus();
}

absl::Status WritePath::SyncLogs() {
  absl::Status status = Guarded([this] { return TrySyncLogs(); });
  if (!status.ok()) Latch(status);
  return status;
}

absl::Status WritePath::TrySyncLogs() {
  DropReleasedLogs();
  // Oldest first: after a power cut in between, what survives is a prefix.
  for (const std::unique_ptr<LogWriter>& log : older_logs_) {
    if (log->synced_size() == log->size()) continue;
    LISSOM_RETURN_IF_ERROR(SyncLog(*log));
    mark_ = {log->header().number, log->synced_size()};
  }
  if (log_->synced_size() != log_->size()) {
    LISSOM_SYNC_POINT("WritePath:BeforeSync");
    LISSOM_RETURN_IF_ERROR(SyncLog(*log_));
  }
  mark_ = {log_->header().number, log_->synced_size()};
  return absl::OkStatus();
}

absl::Status WritePath::CloseLogs(
    absl::FunctionRef<void(const LogWriter&)> visit) {
  {
    MutexLock lock(mu_);
    if (refusal_.ok())
      refusal_ = absl::CancelledError("the database was closed");
  }
  DropReleasedLogs();
  for (const std::unique_ptr<LogWriter>& log : older_logs_) {
    LISSOM_RETURN_IF_ERROR(log->Close());
    visit(*log);
  }
  LISSOM_RETURN_IF_ERROR(log_->Close());
  visit(*log_);
  return absl::OkStatus();
}

void WritePath::Latch(const absl::Status& cause) {
  {
    MutexLock lock(mu_);
    if (!refusal_.ok()) return;
    // A status without a message needs no memory: refused in any case.
    refusal_ = absl::Status(absl::StatusCode::kFailedPrecondition, "");
    try {
      refusal_ = LatchedError(cause);
    } catch (const std::bad_alloc&) {
    }
    cv_.SignalAll();
  }
  if (deps_.on_latched != nullptr) Quietly([&] { deps_.on_latched(cause); });
}

absl::Status WritePath::latched() const {
  MutexLock lock(mu_);
  return CopyForThread(refusal_);
}

}  // namespace lissom
