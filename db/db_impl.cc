#include "db/db_impl.h"

#include <algorithm>
#include <optional>
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
      flush_job_(
          *parts_.options.executor, Executor::Priority::kHigh, mu_, cv_,
          [this] {
            mu_.AssertHeld();
            return !sealed_.empty() &&
                   !absl::IsFailedPrecondition(writes_->latched());
          },
          [this] { RunFlushJob(); }),
      compaction_job_(
          *parts_.options.executor, Executor::Priority::kLow, mu_, cv_,
          [this] {
            mu_.AssertHeld();
            return compaction_wanted_ && CompactionMayRun();
          },
          [this] { RunCompactionJob(); }) {
  const uint64_t log_number = parts_.log->header().number;
  writes_ = std::make_unique<WritePath>(
      WritePathDeps{.executor = *parts_.options.executor,
                    .file_system = *parts_.source->file_system,
                    .directory = parts_.path,
                    .room_maker = *this,
                    .write_buffer_size = parts_.options.write_buffer_size},
      parts_.memtable, std::move(parts_.log), parts_.last_sequence);
  reader_ = std::make_unique<Reader>(
      ReaderDeps{.order = parts_.source->order,
                 .visible = writes_->visible(),
                 .log = parts_.options.info_log,
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
  compaction_job_.Poke();
}

// --- Writes -----------------------------------------------------------------

absl::Status DbImpl::Write(const WriteOptions& options,
                           const WriteBatch& batch) {
  if (closed()) return Closed();
  LISSOM_RETURN_IF_ERROR(batch.Validate());
  return writes_->Write(batch.data(), static_cast<uint32_t>(batch.Count()),
                        options.sync);
}

bool DbImpl::HasRoom() const {
  const bool sealed_room = static_cast<int>(sealed_.size()) + 1 <
                           parts_.options.max_write_buffer_number;
  // Level 0 holds writes up only while a compaction is on its way: if it cannot
  // run, waiting for it would be for ever.
  const bool level0_room =
      compaction_job_.idle() ||
      static_cast<int>(versions_.current()->level(0).size()) <
          parts_.options.level0_stop_writes_trigger;
  return sealed_room && level0_room;
}

absl::Status DbImpl::MakeRoom() {
  {
    MutexLock lock(mu_);
    Await(*parts_.options.executor, mu_, cv_, [this] {
      mu_.AssertHeld();
      return HasRoom() || closing_ || !writes_->latched().ok();
    });
    if (closing_) return Closed();
  }
  LISSOM_RETURN_IF_ERROR(writes_->latched());
  if (writes_->memtable()->memory_bytes() < parts_.options.write_buffer_size) {
    return absl::OkStatus();
  }
  return SealMemtable();
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
                        .last_sequence = last});
    active_ = fresh;
    PublishView();
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

void DbImpl::Latch(const absl::Status& cause) {
  writes_->Latch(cause);
  {
    MutexLock lock(mu_);
    cv_.SignalAll();
  }
  Quietly([&] {
    log().Log(LogLevel::kError,
              absl::StrCat("writes are refused from now on: ", Plain(cause)));
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
  LISSOM_ASSIGN_OR_RETURN(const std::optional<TableMetadata> table,
                          FlushMemtable(
                              *parts_.source, parts_.options, sealed.memtable,
                              reader_->snapshots().ForJob(),
                              [this] { return versions_.NewFileNumber(); },
                              [this] { return versions_.NewFileId(); }));
  VersionEdit edit;
  // In the order of memtables: every change up to the last of this one is in
  // durable tables when the edit is, so the log need not be synced first.
  edit.min_log_number = sealed.next_log_number;
  edit.flushed_sequence = sealed.last_sequence;
  if (table.has_value()) edit.added.push_back({.level = 0, .table = *table});
  LISSOM_SYNC_POINT("DbImpl:BeforeFlushInstall");
  LISSOM_RETURN_IF_ERROR(versions_.Apply(edit));
  writes_->ReleaseLogsBelow(sealed.next_log_number);
  MutexLock lock(mu_);
  sealed_.pop_back();
  PublishView();
  NoteShape();
  compaction_job_.Poke();
  return absl::OkStatus();
}

// --- Compaction
// ---------------------------------------------------------------

bool DbImpl::CompactionMayRun() const {
  return writes_->latched().ok() &&
         (compaction_failures_ == 0 ||
          parts_.options.clock->Monotonic() >= compaction_retry_at_);
}

void DbImpl::NoteShape() {
  const std::shared_ptr<const Version> version = versions_.current();
  LeveledPickerState trial = picker_state_;
  compaction_wanted_ =
      PickLeveledCompaction(version, parts_.options, trial).has_value();
  if (static_cast<int>(version->level(0).size()) >=
      parts_.options.level0_stop_writes_trigger) {
    writes_->NeedRoom();
  }
}

void DbImpl::RunCompactionJob() {
  const absl::Status status = Guarded([this]() -> absl::Status {
    std::optional<CompactionPlan> plan;
    {
      MutexLock lock(mu_);
      plan = PickLeveledCompaction(versions_.current(), parts_.options,
                                   picker_state_);
      compaction_wanted_ = plan.has_value();
    }
    return plan.has_value() ? CompactOnce(*plan) : absl::OkStatus();
  });  // With the plan go its holds on the inputs, which may now be deleted.
  if (!status.ok() && !absl::IsCancelled(status)) {
    NoteCompactionFailure(status);
    log().Log(LogLevel::kError,
              absl::StrCat("a compaction failed: ", Plain(status)));
  }
  DeleteObsoleteFiles();
}

absl::Status DbImpl::CompactOnce(const CompactionPlan& plan) {
  LISSOM_ASSIGN_OR_RETURN(
      const VersionEdit edit,
      RunCompaction(
          *parts_.source, parts_.options, plan, reader_->snapshots().ForJob(),
          [this] { return versions_.NewFileNumber(); },
          [this] { return versions_.NewFileId(); }, stopping_));
  LISSOM_SYNC_POINT("DbImpl:BeforeCompactionInstall");
  const absl::Status applied = versions_.Apply(edit);
  if (!applied.ok()) {
    Latch(applied);
    return absl::OkStatus();  // Latched is more than a failed compaction.
  }
  MutexLock lock(mu_);
  compaction_failures_ = 0;
  compaction_error_ = absl::OkStatus();
  PublishView();
  NoteShape();
  reader_->DeleteAfterIterators();
  return absl::OkStatus();
}

void DbImpl::NoteCompactionFailure(const absl::Status& status) {
  ErrorDetail detail = DetailOf(status).value_or(ErrorDetail{});
  detail.severity = Severity::kJob;
  MutexLock lock(mu_);
  compaction_error_ = WithDetail(status, detail);
  // A damaged table stays where it is: trying again would not mend it.
  if (QuarantineDamaged(status)) {
    NoteShape();
    return;
  }
  constexpr int kMaxDoublings = 8;  // Of a second.
  compaction_retry_at_ =
      parts_.options.clock->Monotonic() +
      absl::Seconds(1 << std::min(compaction_failures_, kMaxDoublings));
  ++compaction_failures_;
  NoteShape();
}

bool DbImpl::QuarantineDamaged(const absl::Status& status) {
  const std::optional<ErrorDetail> detail = DetailOf(status);
  if (!absl::IsDataLoss(status) || !detail.has_value()) return false;
  const std::string name = detail->file.substr(detail->file.rfind('/') + 1);
  const std::optional<ParsedFileName> file = ParseFileName(name);
  return file.has_value() && file->type == FileType::kTable &&
         picker_state_.quarantined.insert(file->number).second;
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
  return compaction_error_;
}

absl::Status DbImpl::Close() {
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
