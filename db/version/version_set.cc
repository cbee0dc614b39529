#include "db/version/version_set.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "db/filename.h"
#include "db/version/manifest.h"
#include "db/version/version_builder.h"
#include "util/error.h"
#include "util/guarded.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom {
namespace {

// Raises `to` to `value` if that is more.
void RaiseTo(std::atomic<uint64_t>& to, uint64_t value) {
  uint64_t seen = to.load(std::memory_order_relaxed);
  while (seen < value &&
         !to.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

// The greatest sequence that `edit` speaks of.
SequenceNumber LargestSequence(const VersionEdit& edit) {
  SequenceNumber largest = std::max(edit.last_sequence.value_or(0),
                                    edit.flushed_sequence.value_or(0));
  for (const VersionEdit::NewTable& added : edit.added) {
    largest = std::max(largest, added.table.largest_sequence);
  }
  return largest;
}

// What we were about to write is wrong: our own mistake.
absl::Status BadEdit(const absl::Status& status) {
  return absl::InternalError(
      absl::StrCat("refused to install a version edit: ", status.message()));
}

// What a file says cannot be.
absl::Status BadState(const absl::Status& status, const std::string& path) {
  if (absl::IsUnimplemented(status)) return status;
  return CorruptionError(path, 0, ToStd(status.message()));
}

// Where an edit leads.
struct Step {
  VersionEdit edit;
  ManifestNumbers numbers;
  std::shared_ptr<const Version> version;
};

// Takes `edit` from (numbers, base) on. `base`: null for an empty tree.
absl::StatusOr<Step> Take(const std::shared_ptr<const TableSource>& source,
                          const ManifestNumbers& numbers, const Version* base,
                          VersionEdit edit) {
  Step step{.edit = std::move(edit), .numbers = numbers, .version = nullptr};
  LISSOM_RETURN_IF_ERROR(step.numbers.Apply(step.edit));
  VersionBuilder builder(source, base);
  LISSOM_RETURN_IF_ERROR(builder.Apply(step.edit));
  LISSOM_ASSIGN_OR_RETURN(step.version, builder.Finish());
  return step;
}

// The whole of what a step leads to, as the first edit of a manifest.
VersionEdit SnapshotOf(const Step& step) {
  ManifestState state = step.numbers.ToState();
  state.tables.reserve(step.version->TableCount());
  for (int n = 0; n < Version::kLevels; ++n) {
    for (const auto& table : step.version->level(n)) {
      state.tables.push_back({.level = n, .table = table->meta()});
    }
  }
  return SnapshotOf(state);
}

}  // namespace

struct VersionSet::Rep {
  // A table that an edit has removed: its file may go when nobody holds the
  // TableFile any more. That is later than when no Version names it: an
  // iterator may hold a level's tables alone, and open one late.
  struct Retired {
    uint64_t number;
    uint64_t bytes;
    std::weak_ptr<const TableFile> table;
  };

  Rep(Deps d, std::atomic<uint64_t>& counter)
      : deps(std::move(d)),
        next_file_number(counter),
        random(deps.random_seed) {}

  absl::StatusOr<Step> Begin(const ManifestState& state,
                             const VersionEdit& edit)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(apply_mu);
  absl::Status Apply(const VersionEdit& edit)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(apply_mu);
  absl::Status Resume(const VersionEdit& edit)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(apply_mu);
  void NoteOrphans(const VersionEdit& edit);
  VersionEdit Complete(VersionEdit edit);
  absl::Status Write(Step& step) ABSL_EXCLUSIVE_LOCKS_REQUIRED(apply_mu);
  absl::Status Roll(Step& step) ABSL_EXCLUSIVE_LOCKS_REQUIRED(apply_mu);
  absl::Status StartManifest(const Step& step, uint64_t number)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(apply_mu);
  void Show(Step step) ABSL_EXCLUSIVE_LOCKS_REQUIRED(apply_mu);
  absl::Status Close() ABSL_EXCLUSIVE_LOCKS_REQUIRED(apply_mu);
  void Latch(const absl::Status& cause) ABSL_EXCLUSIVE_LOCKS_REQUIRED(apply_mu);
  std::shared_ptr<const Version> Current();
  FileId NewFileId();

  const Deps deps;
  std::atomic<uint64_t>& next_file_number;
  // Of RaiseLastSequence. Relaxed: it only grows, and a writer that needs an
  // edit to know its sequence has raised it before, on the same thread.
  std::atomic<SequenceNumber> last_sequence{0};

  Mutex apply_mu ABSL_ACQUIRED_BEFORE(mu);
  std::unique_ptr<ManifestWriter> manifest ABSL_GUARDED_BY(apply_mu);
  ManifestNumbers numbers ABSL_GUARDED_BY(apply_mu);
  // From this size on the manifest may be worth a roll.
  uint64_t roll_bytes ABSL_GUARDED_BY(apply_mu) = 0;
  bool closed ABSL_GUARDED_BY(apply_mu) = false;
  absl::Status latched ABSL_GUARDED_BY(apply_mu);

  Mutex mu;
  std::shared_ptr<const Version> current ABSL_GUARDED_BY(mu);
  uint64_t min_log_number ABSL_GUARDED_BY(mu) = 0;
  uint64_t manifest_number ABSL_GUARDED_BY(mu) = 0;
  std::vector<Retired> retired ABSL_GUARDED_BY(mu);
  std::vector<std::weak_ptr<const Version>> versions ABSL_GUARDED_BY(mu);
  std::vector<uint64_t> obsolete_manifests ABSL_GUARDED_BY(mu);
  // An edit failed, and may be durable all the same: the next open may find the
  // state before it or after it, so no file is obsolete any more.
  bool failed ABSL_GUARDED_BY(mu) = false;
  // Tables of edits that failed, and manifests that may be in force or not:
  // obsolete once another manifest is.
  std::vector<uint64_t> orphans ABSL_GUARDED_BY(mu);
  std::vector<uint64_t> orphan_manifests ABSL_GUARDED_BY(mu);
  Random random ABSL_GUARDED_BY(mu);
};

VersionSet::VersionSet(Deps deps)
    : rep_(std::make_unique<Rep>(std::move(deps), next_file_number_)) {}
VersionSet::~VersionSet() = default;

// --- Creating ---------------------------------------------------------------

absl::StatusOr<std::unique_ptr<VersionSet>> VersionSet::Create(
    Deps deps, const ManifestState& state, const VersionEdit& edit) {
  auto set = std::unique_ptr<VersionSet>(new VersionSet(std::move(deps)));
  Rep& rep = *set->rep_;
  MutexLock lock(rep.apply_mu);
  LISSOM_ASSIGN_OR_RETURN(Step step, rep.Begin(state, edit));
  LISSOM_RETURN_IF_ERROR(rep.StartManifest(step, state.next_file_number));
  rep.Show(std::move(step));
  return set;
}

absl::StatusOr<Step> VersionSet::Rep::Begin(const ManifestState& state,
                                            const VersionEdit& edit) {
  VersionEdit old = SnapshotOf(state);
  if (state.manifest_number == 0) {  // A new database: `edit` names it.
    if (old.comparator->empty()) old.comparator.reset();
    if (*old.database_id == FileId{}) old.database_id.reset();
  }
  absl::StatusOr<Step> base =
      Take(deps.source, ManifestNumbers(), nullptr, std::move(old));
  if (!base.ok()) {
    return BadState(base.status(), ManifestFileName(deps.source->directory,
                                                    state.manifest_number));
  }
  // One number goes to the manifest, and it takes some to be of use.
  if (state.next_file_number >= kMaxFileNumber / 2) {
    return CorruptionError(CurrentFileName(deps.source->directory), 0,
                           "names a manifest that has used up all numbers");
  }
  RaiseTo(next_file_number, state.next_file_number + 1);
  RaiseTo(last_sequence, state.last_sequence);
  absl::StatusOr<Step> step =
      Take(deps.source, base->numbers, base->version.get(), Complete(edit));
  if (!step.ok()) return BadEdit(step.status());
  // Never seen by anybody; Show compares with it what the edit removes.
  MutexLock lock(mu);
  current = std::move(base->version);
  if (!step->numbers.complete()) {
    return absl::InternalError(
        "a new database needs the name of its order and an id");
  }
  const std::string_view order = deps.source->order.comparator().Name();
  if (step->numbers.comparator() != order) {
    return absl::InvalidArgumentError(absl::StrCat(
        deps.source->directory, ": is ordered by ",
        Escape(step->numbers.comparator()), ", not by ", Escape(order)));
  }
  return step;
}

// --- Applying ---------------------------------------------------------------

absl::Status VersionSet::Apply(const VersionEdit& edit) {
  Rep& rep = *rep_;
  MutexLock lock(rep.apply_mu);
  if (rep.closed) return absl::CancelledError("the database was closed");
  if (!rep.latched.ok()) {
    rep.NoteOrphans(edit);
    return LatchedError(rep.latched);
  }
  absl::Status status = Guarded([&] {
    rep.apply_mu.AssertHeld();
    return rep.Apply(edit);
  });
  // It may be in the manifest, in part or whole: nothing may follow it.
  if (!status.ok()) {
    rep.Latch(status);
    rep.NoteOrphans(edit);
  }
  return status;
}

absl::Status VersionSet::Resume(const VersionEdit& edit) {
  Rep& rep = *rep_;
  MutexLock lock(rep.apply_mu);
  if (rep.closed) return absl::CancelledError("the database was closed");
  absl::Status status = Guarded([&] {
    rep.apply_mu.AssertHeld();
    return rep.Resume(edit);
  });
  if (!status.ok()) {
    // CURRENT may name the new manifest or the old one.
    if (rep.latched.ok()) rep.Latch(status);
    rep.NoteOrphans(edit);
  }
  return status;
}

absl::Status VersionSet::Rep::Resume(const VersionEdit& edit) {
  const std::shared_ptr<const Version> base = Current();
  absl::StatusOr<Step> step =
      Take(deps.source, numbers, base.get(), Complete(edit));
  if (!step.ok()) return BadEdit(step.status());
  const uint64_t number =
      next_file_number.fetch_add(1, std::memory_order_relaxed);
  LISSOM_RETURN_IF_ERROR(step->numbers.Apply(Complete(VersionEdit())));
  {
    MutexLock lock(mu);
    orphan_manifests.reserve(orphan_manifests.size() + 2);
    // Later nothing may throw: what is shown is not taken back.
    obsolete_manifests.reserve(obsolete_manifests.size() +
                               orphan_manifests.size() + 2);
    // The manifest so far, if it still is; and until it is in force this one.
    if (manifest != nullptr) orphan_manifests.push_back(manifest->number());
    orphan_manifests.push_back(number);
  }
  manifest.reset();  // Nothing more is written to it, whatever becomes of this.
  LISSOM_RETURN_IF_ERROR(StartManifest(*step, number));
  Show(*std::move(step));
  latched = absl::OkStatus();
  MutexLock lock(mu);
  failed = false;
  for (const uint64_t orphan : orphan_manifests) {
    if (orphan != number) obsolete_manifests.push_back(orphan);
  }
  orphan_manifests.clear();
  return absl::OkStatus();
}

// Remembers the tables that a failed edit would have added. Some may stand in
// the current Version all the same, if the edit only moved them.
void VersionSet::Rep::NoteOrphans(const VersionEdit& edit) {
  Quietly([&] {
    MutexLock lock(mu);
    for (const VersionEdit::NewTable& added : edit.added) {
      const uint64_t table = added.table.number;
      const bool moved = std::any_of(
          edit.removed.begin(), edit.removed.end(),
          [table](const auto& removed) { return removed.number == table; });
      if (!moved) orphans.push_back(table);
    }
  });
}

absl::Status VersionSet::Rep::Apply(const VersionEdit& edit) {
  const std::shared_ptr<const Version> base = Current();
  absl::StatusOr<Step> step =
      Take(deps.source, numbers, base.get(), Complete(edit));
  if (!step.ok()) return BadEdit(step.status());
  // An error from here on leaves open whether the edit is durable: a sync that
  // failed may have reached the disk. Nothing is built on either answer: this
  // is the last edit of this VersionSet, the current Version stays, no file is
  // deleted any more, and the next open takes what it finds.
  LISSOM_RETURN_IF_ERROR(Write(*step));
  Show(*std::move(step));
  return absl::OkStatus();
}

// `edit` with what every edit says: so no number that was given out before it
// is given out again after a crash.
VersionEdit VersionSet::Rep::Complete(VersionEdit edit) {
  RaiseTo(next_file_number, edit.next_file_number.value_or(0));
  RaiseTo(last_sequence, LargestSequence(edit));
  edit.next_file_number = next_file_number.load(std::memory_order_relaxed);
  edit.last_sequence = last_sequence.load(std::memory_order_relaxed);
  return edit;
}

absl::Status VersionSet::Rep::Write(Step& step) {
  if (manifest->size() > roll_bytes) {
    const uint64_t fresh_bytes = SnapshotOf(step).Encode().size();
    roll_bytes = std::max(deps.manifest_roll_bytes, 2 * fresh_bytes);
    if (manifest->size() > roll_bytes) return Roll(step);
  }
  LISSOM_ASSIGN_OR_RETURN(const std::string record, EncodeChecked(step.edit));
  return manifest->Append(record);
}

absl::Status VersionSet::Rep::Roll(Step& step) {
  const uint64_t old_number = manifest->number();
  const uint64_t number =
      next_file_number.fetch_add(1, std::memory_order_relaxed);
  LISSOM_RETURN_IF_ERROR(step.numbers.Apply(Complete(VersionEdit())));
  LISSOM_RETURN_IF_ERROR(StartManifest(step, number));
  MutexLock lock(mu);
  obsolete_manifests.push_back(old_number);
  return absl::OkStatus();
}

absl::Status VersionSet::Rep::StartManifest(const Step& step, uint64_t number) {
  LISSOM_ASSIGN_OR_RETURN(const std::string record,
                          EncodeChecked(SnapshotOf(step)));
  LISSOM_ASSIGN_OR_RETURN(
      manifest,
      ManifestWriter::Install(*deps.source->file_system, deps.source->directory,
                              number, NewFileId(), record));
  roll_bytes = std::max<uint64_t>(deps.manifest_roll_bytes, 2 * record.size());
  return absl::OkStatus();
}

// Makes a durable step the state that everybody sees.
void VersionSet::Rep::Show(Step step) {
  std::set<uint64_t> gone;
  for (const VersionEdit::RemovedTable& table : step.edit.removed) {
    gone.insert(table.number);
  }
  for (const VersionEdit::NewTable& table : step.edit.added) {
    gone.erase(table.table.number);  // It only moved.
  }
  // The old Version goes after mu is free: it may be the last to hold tables,
  // and closing files takes time.
  std::shared_ptr<const Version> old = std::move(step.version);
  MutexLock lock(mu);
  // What may throw comes first: a step that failed half shown would have its
  // tables taken for those of an edit that failed.
  retired.reserve(retired.size() + gone.size());
  std::erase_if(versions,
                [](const auto& version) { return version.expired(); });
  versions.push_back(old);  // The new one, for now.
  old.swap(current);
  numbers = std::move(step.numbers);
  min_log_number = numbers.min_log_number();
  manifest_number = manifest->number();
  if (gone.empty()) return;
  for (int n = 0; n < Version::kLevels; ++n) {
    for (const auto& table : old->level(n)) {
      const uint64_t number = table->meta().number;
      if (gone.contains(number))
        retired.push_back({number, table->meta().size, table});
    }
  }
}

void VersionSet::Rep::Latch(const absl::Status& cause) {
  latched = cause;
  MutexLock lock(mu);
  failed = true;
}

absl::Status VersionSet::VerifyManifest() {
  Rep& rep = *rep_;
  MutexLock lock(rep.apply_mu);
  if (rep.closed) return absl::CancelledError("the database was closed");
  LISSOM_ASSIGN_OR_RETURN(
      const ManifestState state,
      ReadManifest(*rep.deps.source->file_system, rep.deps.source->directory));
  // After a failed edit nobody knows what is in force.
  if (!rep.latched.ok()) return absl::OkStatus();
  const std::shared_ptr<const Version> current = rep.Current();
  if (state.manifest_number != rep.manifest->number() ||
      state.tables.size() != current->TableCount()) {
    return CorruptionError(
        CurrentFileName(rep.deps.source->directory), 0,
        "names another state than the one that was made durable");
  }
  return absl::OkStatus();
}

absl::Status VersionSet::Close() {
  Rep& rep = *rep_;
  MutexLock lock(rep.apply_mu);
  if (rep.latched.ok() && !rep.closed) {
    const absl::Status status = Guarded([&] {
      rep.apply_mu.AssertHeld();
      return rep.Close();
    });
    if (!status.ok()) rep.Latch(status);
  }
  rep.closed = true;
  rep.manifest.reset();
  return rep.latched;
}

absl::Status VersionSet::Rep::Close() {
  // One more edit, whose sync mark covers the last that said something: rot in
  // that one can be told from a torn tail from now on.
  LISSOM_ASSIGN_OR_RETURN(const std::string record,
                          EncodeChecked(Complete(VersionEdit())));
  LISSOM_RETURN_IF_ERROR(manifest->Append(record));
  return manifest->Close();
}

// --- Asking -----------------------------------------------------------------

std::shared_ptr<const Version> VersionSet::Rep::Current() {
  MutexLock lock(mu);
  return current;
}

FileId VersionSet::Rep::NewFileId() {
  MutexLock lock(mu);
  return random.NextFileId();
}

std::shared_ptr<const Version> VersionSet::current() const {
  return rep_->Current();
}

FileId VersionSet::NewFileId() { return rep_->NewFileId(); }

uint64_t VersionSet::min_log_number() const {
  MutexLock lock(rep_->mu);
  return rep_->min_log_number;
}

uint64_t VersionSet::manifest_number() const {
  MutexLock lock(rep_->mu);
  return rep_->manifest_number;
}

std::vector<uint64_t> VersionSet::LiveTables() const {
  std::vector<uint64_t> live;
  MutexLock lock(rep_->mu);
  for (int n = 0; n < Version::kLevels; ++n) {
    for (const auto& table : rep_->current->level(n)) {
      live.push_back(table->meta().number);
    }
  }
  for (const Rep::Retired& table : rep_->retired) {
    if (!table.table.expired()) live.push_back(table.number);
  }
  std::sort(live.begin(), live.end());
  return live;
}

size_t VersionSet::LiveVersions() const {
  MutexLock lock(rep_->mu);
  return static_cast<size_t>(
      std::count_if(rep_->versions.begin(), rep_->versions.end(),
                    [](const auto& version) { return !version.expired(); }));
}

uint64_t VersionSet::ObsoleteBytes() const {
  uint64_t bytes = 0;
  MutexLock lock(rep_->mu);
  for (const Rep::Retired& table : rep_->retired) bytes += table.bytes;
  return bytes;
}

std::vector<uint64_t> VersionSet::TakeObsoleteTables() {
  std::vector<uint64_t> obsolete;
  MutexLock lock(rep_->mu);
  if (rep_->failed) return obsolete;
  std::erase_if(rep_->retired, [&obsolete](const Rep::Retired& table) {
    if (!table.table.expired()) return false;
    obsolete.push_back(table.number);
    return true;
  });
  obsolete.insert(obsolete.end(), rep_->orphans.begin(), rep_->orphans.end());
  rep_->orphans.clear();
  return obsolete;
}

std::vector<uint64_t> VersionSet::TakeObsoleteManifests() {
  MutexLock lock(rep_->mu);
  if (rep_->failed) return {};
  return std::exchange(rep_->obsolete_manifests, {});
}

void VersionSet::RaiseLastSequence(SequenceNumber sequence) {
  RaiseTo(rep_->last_sequence, sequence);
}

}  // namespace lissom
