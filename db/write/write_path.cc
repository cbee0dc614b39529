#include "db/write/write_path.h"

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

}  // namespace

struct WritePath::Writer {
  std::string_view batch;
  uint32_t count = 0;
  bool sync = false;
  bool exclusive = false;
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

absl::Status WritePath::Write(std::string_view batch, uint32_t count,
                              bool sync) {
  Writer writer;
  writer.batch = batch;
  writer.count = count;
  writer.sync = sync;

  MutexLock lock(mu_);
  if (!Join(writer)) return writer.status;
  absl::Status status = refusal_;
  if (status.ok() && MustMakeRoom()) {
    MutexUnlock unlock(mu_);
    need_room_.store(false, std::memory_order_relaxed);
    status = Guarded([this] { return deps_.room_maker.MakeRoom(); });
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
    status = refusal_;
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
  if (front_ != &writer) {
    Await(deps_.executor, mu_, cv_, [&]() {
      mu_.AssertHeld();
      return writer.done || front_ == &writer;
    });
  }
  return !writer.done;
}

void WritePath::Leave(Writer& last, const absl::Status& status) {
  bool alone = true;
  while (true) {
    Writer* writer = front_;
    front_ = writer->next;
    writer->status = status;
    writer->done = true;
    LISSOM_SYNC_POINT("WritePath:Left");
    if (writer == &last) break;
    alone = false;
  }
  if (front_ == nullptr) back_ = nullptr;
  if (!alone || front_ != nullptr) cv_.SignalAll();
}

WritePath::Writer& WritePath::GatherGroup(Writer& leader) {
  size_t bytes = leader.batch.size();
  const size_t limit =
      bytes <= kSmallBatchBytes ? bytes + kSmallBatchBytes : kMaxGroupBytes;
  Writer* last = &leader;
  while (last->next != nullptr && !last->next->exclusive) {
    bytes += last->next->batch.size();
    if (bytes > limit) break;
    last = last->next;
  }
  return *last;
}

bool WritePath::MustMakeRoom() const {
  return need_room_.load(std::memory_order_relaxed) ||
         memtable_->memory_bytes() >= deps_.write_buffer_size;
}

absl::Status WritePath::Commit(Writer& first, Writer& last) {
  const SequenceNumber before = last_sequence_;
  absl::Status status = Guarded([&] { return AppendGroup(first, last); });
  if (status.ok()) {
    LISSOM_SYNC_POINT("WritePath:Logged");
    status = Guarded([&] { return InsertGroup(first, last, before); });
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
  for (Writer* writer = &first;; writer = writer->next) {
    count += writer->count;
    sync = sync || writer->sync;
    if (writer == &last) break;
  }
  // Before the log collects anything: what it has collected it must write.
  if (count > kMaxSequence - last_sequence_) {
    return absl::InternalError("sequence numbers are used up");
  }
  for (Writer* writer = &first;; writer = writer->next) {
    log_->Add({.ordinal = last_sequence_ + 1, .payload = writer->batch}, mark_);
    last_sequence_ += writer->count;
    if (writer == &last) break;
  }
  LISSOM_RETURN_IF_ERROR(log_->Write());
  return sync ? SyncLogs() : absl::OkStatus();
}

absl::Status WritePath::InsertGroup(Writer& first, Writer& last,
                                    SequenceNumber sequence) {
  for (Writer* writer = &first;; writer = writer->next) {
    LISSOM_RETURN_IF_ERROR(
        InsertBatch(writer->batch, sequence + 1, *memtable_));
    sequence += writer->count;
    if (writer == &last) break;
  }
  LISSOM_DCHECK(sequence == last_sequence_);
  return absl::OkStatus();
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
  older_logs_.push_back(std::exchange(log_, std::move(log)));
  memtable_ = std::move(memtable);
  // mark_ stays: the records of the new log repeat what is known of the old.
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
    LISSOM_RETURN_IF_ERROR(log->Sync());
    mark_ = {log->header().number, log->synced_size()};
  }
  if (log_->synced_size() != log_->size()) {
    LISSOM_SYNC_POINT("WritePath:BeforeSync");
    LISSOM_RETURN_IF_ERROR(log_->Sync());
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
  MutexLock lock(mu_);
  if (!refusal_.ok()) return;
  // A status without a message needs no memory: refused in any case.
  refusal_ = absl::Status(absl::StatusCode::kFailedPrecondition, "");
  try {
    refusal_ = LatchedError(cause);
  } catch (const std::bad_alloc&) {
  }
}

absl::Status WritePath::latched() const {
  MutexLock lock(mu_);
  return refusal_;
}

}  // namespace lissom
