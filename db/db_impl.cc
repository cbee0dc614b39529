#include "db/db_impl.h"

#include <algorithm>
#include <array>
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

absl::Status TooLongKey() {
  return absl::InvalidArgumentError("the key is over 1 MiB");
}

// Small values are copied, others pinned. Inside the guard of the lookup.
void HandOut(const LookupResult& result, PinnedValue* value) {
  if (result.value.size() <= PinnedValue::kInlineBytes) {
    value->CopyInline(result.value);
    return;
  }
  result.owner->AddRef();
  value->Pin(result.value, const_cast<RefCounted*>(result.owner),
             &RefCounted::UnrefOwner);
}

std::string Plain(const absl::Status& status) {
  return status.ToString(absl::StatusToStringMode::kWithNoExtraData);
}

}  // namespace

DbImpl::DbImpl(Parts parts)
    : parts_(std::move(parts)),
      versions_(*parts_.versions),
      core_(std::make_shared<IteratorCore>(parts_.source->order)),
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
  core_->log = parts_.options.info_log;
  core_->released = [this] { OnIteratorReleased(); };
  const uint64_t log_number = parts_.log->header().number;
  writes_ = std::make_unique<WritePath>(
      WritePathDeps{.executor = *parts_.options.executor,
                    .file_system = *parts_.source->file_system,
                    .directory = parts_.path,
                    .room_maker = *this,
                    .write_buffer_size = parts_.options.write_buffer_size},
      parts_.memtable, std::move(parts_.log), parts_.last_sequence);
  snapshots_ = std::make_shared<SnapshotList>(writes_->visible());
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

absl::StatusOr<SequenceNumber> DbImpl::ReadSequence(
    const ReadOptions& options) const {
  if (options.snapshot == nullptr) {
    return writes_->visible().load(std::memory_order_acquire);
  }
  if (!snapshots_->Owns(*options.snapshot)) {
    return absl::InvalidArgumentError("the snapshot is of another database");
  }
  return options.snapshot->sequence();
}

template <typename Use>
absl::Status DbImpl::Lookup(const ReadOptions& options, std::string_view key,
                            Use use) {
  if (closed()) return Closed();
  if (key.size() > WriteBatch::kMaxKeyBytes) {
    return TooLongKey();
  }
  EpochGuard guard;
  const View& view = *views_.current();
  LISSOM_SYNC_POINT("DbImpl:GotView");
  LISSOM_ASSIGN_OR_RETURN(const SequenceNumber sequence, ReadSequence(options));
  LookupResult result;
  LISSOM_RETURN_IF_ERROR(
      PointLookup(view, LookupKey(key, sequence),
                  {.verify_checksums = options.verify_checksums,
                   .fill_cache = options.fill_cache},
                  &result));
  use(result);
  return absl::OkStatus();
}

absl::Status DbImpl::Get(const ReadOptions& options, std::string_view key,
                         std::string* value) {
  return Lookup(options, key, [&](const LookupResult& result) {
    value->assign(result.value);
  });
}

absl::Status DbImpl::Get(const ReadOptions& options, std::string_view key,
                         PinnedValue* value) {
  value->Reset();
  return Lookup(options, key,
                [&](const LookupResult& result) { HandOut(result, value); });
}

absl::Status DbImpl::MultiGet(const ReadOptions& options,
                              std::span<const std::string_view> keys,
                              std::span<PinnedValue> values,
                              std::span<absl::Status> statuses) {
  if (closed()) return Closed();
  if (values.size() != keys.size() || statuses.size() != keys.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("MultiGet of ", keys.size(), " keys with ", values.size(),
                     " values and ", statuses.size(), " statuses"));
  }
  EpochGuard guard;
  const View& view = *views_.current();
  LISSOM_ASSIGN_OR_RETURN(const SequenceNumber sequence, ReadSequence(options));
  constexpr size_t kBatch = TableReader::kMaxRequests;
  std::array<LookupRequest, kBatch> requests;
  for (size_t begin = 0; begin < keys.size(); begin += kBatch) {
    const size_t count = std::min(kBatch, keys.size() - begin);
    for (size_t i = 0; i < count; ++i) {
      // A longer key is nowhere.
      requests[i].key = LookupKey(
          keys[begin + i].substr(0, WriteBatch::kMaxKeyBytes + 1), sequence);
    }
    PointLookups(view, std::span(requests).first(count),
                 {.verify_checksums = options.verify_checksums,
                  .fill_cache = options.fill_cache});
    for (size_t i = 0; i < count; ++i) {
      PinnedValue& value = values[begin + i];
      absl::Status& status = statuses[begin + i];
      value.Reset();
      status = std::move(requests[i].status);
      if (keys[begin + i].size() > WriteBatch::kMaxKeyBytes) {
        status = TooLongKey();
      } else if (status.ok()) {
        HandOut(requests[i].result, &value);
      }
      requests[i].result = {};
    }
  }
  return absl::OkStatus();
}

std::unique_ptr<Iterator> DbImpl::NewIterator(const ReadOptions& options) {
  if (closed()) return NewErrorIterator(Closed());
  if (options.snapshot != nullptr && !snapshots_->Owns(*options.snapshot)) {
    return NewErrorIterator(
        absl::InvalidArgumentError("the snapshot is of another database"));
  }
  // An iterator made at a snapshot stays there when it is refreshed; the
  // snapshot itself need not outlive it, because its View keeps everything.
  std::optional<SequenceNumber> fixed;
  if (options.snapshot != nullptr) fixed = options.snapshot->sequence();
  auto refresh = [self = shared_from_this(), fixed,
                  first = true]() mutable -> absl::StatusOr<ReadPoint> {
    if (fixed.has_value() && !std::exchange(first, false)) {
      return absl::InvalidArgumentError(
          "an iterator at a snapshot cannot be refreshed");
    }
    ReadPoint point;
    point.view = self->views_.Acquire();
    point.sequence =
        fixed.has_value()
            ? *fixed
            : self->writes_->visible().load(std::memory_order_acquire);
    return point;
  };
  auto iterator = NewDbIterator(core_, std::move(refresh), options);
  iterators_.fetch_add(1, std::memory_order_relaxed);
  return iterator;
}

void DbImpl::OnIteratorReleased() {
  const int left = iterators_.fetch_sub(1, std::memory_order_relaxed) - 1;
  if (!purge_wanted_.exchange(false, std::memory_order_relaxed)) return;
  DeleteObsoleteFiles();
  if (left > 0) purge_wanted_.store(true, std::memory_order_relaxed);
}

std::unique_ptr<const Snapshot> DbImpl::GetSnapshot() {
  if (closed()) return nullptr;
  return snapshots_->Take();
}

uint64_t DbImpl::LatestSequence() const {
  return writes_->visible().load(std::memory_order_acquire);
}

void DbImpl::PublishView() {
  std::vector<Ref<const Memtable>> memtables = {active_};
  for (const Sealed& sealed : sealed_) memtables.push_back(sealed.memtable);
  views_.Publish(
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
  LISSOM_ASSIGN_OR_RETURN(
      const std::optional<TableMetadata> table,
      FlushMemtable(
          *parts_.source, parts_.options, sealed.memtable, snapshots_->ForJob(),
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
          *parts_.source, parts_.options, plan, snapshots_->ForJob(),
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
  if (iterators_.load(std::memory_order_relaxed) > 0) {
    purge_wanted_.store(true, std::memory_order_relaxed);
  }
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
  views_.Reclaim();  // Without the lock: memory and files are let go of in it.
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
    core_->closed.store(true, std::memory_order_relaxed);
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
