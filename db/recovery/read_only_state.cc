#include "db/recovery/read_only_state.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "db/filename.h"
#include "db/memtable/batch_format.h"
#include "db/recovery/beside_writer_files.h"
#include "db/recovery/log_replay.h"
#include "db/recovery/recovery.h"
#include "db/version/manifest.h"
#include "db/version/version_builder.h"
#include "util/error.h"
#include "util/status_macros.h"
#include "util/strings.h"
#include "util/sync_point.h"

namespace lissom {
namespace {

// So often the writer may be faster.
constexpr int kAttempts = 20;

// One try to read a state.
class Attempt {
 public:
  explicit Attempt(const ReadOnlyDeps& deps)
      : deps_(deps),
        files_(std::make_shared<BesideWriterFiles>(deps.file_system)) {}

  absl::StatusOr<ReadOnlyState> Run() {
    LISSOM_RETURN_IF_ERROR(ReadVersion());
    LISSOM_SYNC_POINT("ReadOnly:ManifestRead");
    LISSOM_RETURN_IF_ERROR(OpenAll());
    LISSOM_SYNC_POINT("ReadOnly:TablesOpened");
    LISSOM_RETURN_IF_ERROR(FreezeLogs());
    LISSOM_SYNC_POINT("ReadOnly:LogsFrozen");
    LISSOM_RETURN_IF_ERROR(Replay());
    files_->Forget();
    return std::move(state_);
  }

 private:
  absl::Status ReadVersion() {
    LISSOM_ASSIGN_OR_RETURN(manifest_, ReadManifest(*files_, deps_.directory));
    const std::string_view name = deps_.order.comparator().Name();
    if (manifest_.comparator != name) {
      return absl::InvalidArgumentError(absl::StrCat(
          deps_.directory, ": was created with comparator ",
          manifest_.comparator, ", and is opened with ", ToAbsl(name)));
    }
    state_.source = std::make_shared<const TableSource>(
        TableSource{.file_system = files_,
                    .directory = deps_.directory,
                    .order = deps_.order,
                    .cache = deps_.cache,
                    .open_tables = std::make_shared<OpenTables>(deps_.limits)});
    VersionBuilder builder(state_.source, nullptr);
    absl::Status status = builder.Apply(SnapshotOf(manifest_));
    if (status.ok()) {
      absl::StatusOr<std::shared_ptr<const Version>> version = builder.Finish();
      status = version.status();
      if (status.ok()) state_.version = *std::move(version);
    }
    if (status.ok()) return absl::OkStatus();
    return CorruptionError(
        ManifestFileName(deps_.directory, manifest_.manifest_number), 0,
        ToStd(status.message()));
  }

  // All of them are there; as many as may be are open.
  absl::Status OpenAll() {
    const OpenTableLimits& limits = deps_.limits;
    size_t left = static_cast<size_t>(std::min<uint64_t>(
        deps_.open_tables, limits.tables - limits.tables / 4));
    for (int level = 0; level < Version::kLevels; ++level) {
      for (const auto& table : state_.version->level(level)) {
        if (left == 0 ||
            state_.source->open_tables->bytes() > limits.bytes / 4 * 3) {
          LISSOM_RETURN_IF_ERROR(CheckPresence(table->meta()));
          continue;
        }
        --left;
        absl::StatusOr<TablePin> opened = table->Pin();
        if (absl::IsUnavailable(opened.status())) return opened.status();
        if (absl::IsResourceExhausted(opened.status())) left = 0;
        if (opened.ok()) state_.kept_open.push_back(*std::move(opened));
        // What else is wrong with it concerns those who read it.
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckPresence(const TableMetadata& table) const {
    const std::string path = TableFileName(deps_.directory, table.number);
    LISSOM_ASSIGN_OR_RETURN(const FileInfo info, files_->GetFileInfo(path));
    if (info.type == FileInfo::Type::kFile) return absl::OkStatus();
    return MissingFileError(path,
                            "the manifest names this table, and it is gone");
  }

  absl::Status FreezeLogs() {
    LISSOM_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                            files_->ListDirectory(deps_.directory));
    for (const std::string& name : names) {
      const std::optional<ParsedFileName> file = ParseFileName(name);
      if (file.has_value() && file->type == FileType::kWal &&
          file->number >= manifest_.min_log_number) {
        logs_.push_back(file->number);
      }
    }
    state_.logs.least = manifest_.min_log_number;
    std::sort(logs_.begin(), logs_.end(), std::greater<>());
    for (const uint64_t number : logs_) {
      LISSOM_ASSIGN_OR_RETURN(
          const uint64_t written,
          files_->Freeze(WalFileName(deps_.directory, number),
                         {.kind = IoContext::Kind::kWal}));
      ++state_.logs.files;
      state_.logs.bytes += written;
      LISSOM_SYNC_POINT("ReadOnly:LogFrozen");
    }
    std::reverse(logs_.begin(), logs_.end());
    return absl::OkStatus();
  }

  absl::Status Replay() {
    Ref<Memtable> memtable;
    LISSOM_ASSIGN_OR_RETURN(
        const LogReplayResult replay,
        ReplayLogs(
            {.file_system = *files_,
             .directory = deps_.directory,
             // The end of a log that is being written looks torn.
             .mode = WalRecoveryMode::kPointInTime,
             .manifest = manifest_,
             .present = logs_},
            [&](std::string_view batch, SequenceNumber first) -> absl::Status {
              LISSOM_RETURN_IF_ERROR(ValidateBatch(batch));
              if (!memtable ||
                  memtable->memory_bytes() >= deps_.memtable_bytes) {
                memtable = Memtable::Create(deps_.order, 0);
                state_.memtables.insert(state_.memtables.begin(), memtable);
              }
              return InsertBatch(batch, first, *memtable);
            }));
    state_.last_sequence = replay.last_applied;
    return absl::OkStatus();
  }

  const ReadOnlyDeps& deps_;
  const std::shared_ptr<BesideWriterFiles> files_;
  ManifestState manifest_;
  std::vector<uint64_t> logs_;  // At or above min_log_number, in order.
  ReadOnlyState state_;
};

bool MayBeTheWriter(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsUnavailable(status);
}

bool IsMissing(const absl::Status& status) {
  const std::optional<ErrorDetail> detail = DetailOf(status);
  return detail.has_value() && detail->kind == ErrorKind::kMissingFile;
}

// What a writer at work changes: the files that there are, and the manifest.
absl::StatusOr<std::string> Traces(const ReadOnlyDeps& deps) {
  FileSystem& files = *deps.file_system;
  LISSOM_ASSIGN_OR_RETURN(std::vector<std::string> names,
                          files.ListDirectory(deps.directory));
  std::sort(names.begin(), names.end());
  std::string traces;
  for (const std::string& name : names) {
    absl::StrAppend(&traces, name, "\n");
    const std::optional<ParsedFileName> file = ParseFileName(name);
    if (!file.has_value() || file->type != FileType::kManifest) continue;
    LISSOM_ASSIGN_OR_RETURN(
        const FileInfo info,
        files.GetFileInfo(absl::StrCat(deps.directory, "/", name)));
    absl::StrAppend(&traces, info.size, "\n");
  }
  return traces;
}

}  // namespace

absl::StatusOr<ReadOnlyState> LoadReadOnlyState(const ReadOnlyDeps& deps) {
  LISSOM_ASSIGN_OR_RETURN(const DirectoryState directory,
                          InspectDirectory(*deps.file_system, deps.directory));
  if (directory != DirectoryState::kDatabase) {
    return absl::InvalidArgumentError(
        absl::StrCat(deps.directory, ": no database there"));
  }
  LISSOM_RETURN_IF_ERROR(RefuseOtherEngines(*deps.file_system, deps.directory));
  absl::Status failure;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    LISSOM_ASSIGN_OR_RETURN(const std::string before, Traces(deps));
    absl::StatusOr<ReadOnlyState> state = Attempt(deps).Run();
    if (state.ok() || !MayBeTheWriter(state.status())) return state;
    LISSOM_ASSIGN_OR_RETURN(const std::string after, Traces(deps));
    failure = std::move(state).status();
    // Nobody was at work: this is how it is. A table that is gone is damage
    // here, not haste of the writer's.
    if (before == after) {
      if (!absl::IsUnavailable(failure)) return failure;
      const std::string file = DetailOf(failure).value_or(ErrorDetail{}).file;
      return MissingFileError(file,
                              "the manifest names this table, and it is gone");
    }
  }
  if (!IsMissing(failure)) return failure;
  const std::string file = DetailOf(failure).value_or(ErrorDetail{}).file;
  return WithDetail(
      absl::UnavailableError(absl::StrCat(
          file, ": the writer removes files faster than they can be opened")),
      {.kind = ErrorKind::kMissingFile, .file = file});
}

}  // namespace lissom
