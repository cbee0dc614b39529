#include "db/recovery/recovery.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "db/filename.h"
#include "db/memtable/batch_format.h"
#include "util/error.h"
#include "util/status_macros.h"
#include "util/strings.h"
#include "util/sync_point.h"

namespace lissom {
namespace {

// The only files that creating a database may leave behind when it is cut
// short: CURRENT comes after the first manifest, and logs and tables after
// CURRENT is durable.
bool MayBeUnfinishedCreation(const ParsedFileName& file) {
  switch (file.type) {
    case FileType::kLock:
    case FileType::kInfoLog:
    case FileType::kCurrentTemp:
      return true;
    case FileType::kManifest:
      return file.number == kFirstManifestNumber;
    default:
      return false;
  }
}

// Every table that the manifest names is there, with its size.
absl::Status CheckTables(FileSystem& file_system, const std::string& directory,
                         const ManifestState& manifest) {
  for (const VersionEdit::NewTable& entry : manifest.tables) {
    const std::string path = TableFileName(directory, entry.table.number);
    LISSOM_ASSIGN_OR_RETURN(const FileInfo info, file_system.GetFileInfo(path));
    if (info.type == FileInfo::Type::kAbsent) {
      return MissingFileError(path,
                              "the manifest names this table, and it is gone");
    }
    if (info.type != FileInfo::Type::kFile || info.size != entry.table.size) {
      return CorruptionError(
          path, std::min(info.size, entry.table.size),
          absl::StrCat("the table has ", info.size, " bytes and should have ",
                       entry.table.size));
    }
  }
  return absl::OkStatus();
}

// Replays logs into memtables and those into tables.
class Replayer {
 public:
  Replayer(const RecoveryDeps& deps, RecoveredState& state)
      : deps_(deps), state_(state) {
    Restart();
  }

  absl::Status Apply(std::string_view batch, SequenceNumber first) {
    LISSOM_RETURN_IF_ERROR(ValidateBatch(batch));
    LISSOM_RETURN_IF_ERROR(InsertBatch(batch, first, *memtable_));
    if (memtable_->memory_bytes() < deps_.write_buffer_size)
      return absl::OkStatus();
    return FlushMemtable();
  }

  absl::Status FlushMemtable() {
    if (memtable_->empty()) return absl::OkStatus();
    const auto new_number = [this] {
      return state_.manifest.next_file_number++;
    };
    LISSOM_ASSIGN_OR_RETURN(std::optional<TableMetadata> table,
                            deps_.flush(memtable_, new_number));
    if (table.has_value()) state_.tables.push_back(*std::move(table));
    LISSOM_SYNC_POINT("Recovery:Flushed");
    Restart();
    return absl::OkStatus();
  }

 private:
  void Restart() { memtable_ = Memtable::Create(deps_.source->order, 0); }

  const RecoveryDeps& deps_;
  RecoveredState& state_;
  Ref<Memtable> memtable_;
};

}  // namespace

absl::StatusOr<DirectoryState> InspectDirectory(FileSystem& file_system,
                                                const std::string& directory) {
  LISSOM_ASSIGN_OR_RETURN(const FileInfo info,
                          file_system.GetFileInfo(directory));
  if (info.type == FileInfo::Type::kAbsent) return DirectoryState::kAbsent;
  if (info.type != FileInfo::Type::kDirectory) {
    return absl::InvalidArgumentError(
        absl::StrCat(directory, ": exists and is not a directory"));
  }
  LISSOM_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                          file_system.ListDirectory(directory));
  std::string ours;
  std::string foreign;
  for (const std::string& name : names) {
    const std::optional<ParsedFileName> file = ParseFileName(name);
    if (file.has_value() && file->type == FileType::kCurrent) {
      return DirectoryState::kDatabase;
    }
    if (file.has_value()) {
      if (!MayBeUnfinishedCreation(*file)) ours = name;
    } else if (name != "lost+found") {
      foreign = name;
    }
  }
  if (!ours.empty()) {
    return MissingFileError(CurrentFileName(directory),
                            absl::StrCat("the file is gone, but ", ours,
                                         " of a database is there"));
  }
  if (!foreign.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        directory, ": is no lissom database, and holds other files (",
        Escape(foreign), ")"));
  }
  return DirectoryState::kEmpty;
}

absl::StatusOr<RecoveredState> Recover(const RecoveryDeps& deps) {
  FileSystem& file_system = *deps.source->file_system;
  const std::string& directory = deps.source->directory;
  RecoveredState state;
  LISSOM_ASSIGN_OR_RETURN(state.manifest, ReadManifest(file_system, directory));
  const std::string_view name = deps.source->order.comparator().Name();
  if (state.manifest.comparator != name) {
    return absl::InvalidArgumentError(absl::StrCat(
        directory, ": was created with comparator ", state.manifest.comparator,
        ", and is opened with ", ToAbsl(name)));
  }
  LISSOM_RETURN_IF_ERROR(CheckTables(file_system, directory, state.manifest));

  LISSOM_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                          file_system.ListDirectory(directory));
  std::vector<uint64_t> logs;
  for (const std::string& file_name : names) {
    const std::optional<ParsedFileName> file = ParseFileName(file_name);
    if (!file.has_value()) continue;
    // A number that any file carries is never given out again, whatever the
    // manifest knew of it.
    state.manifest.next_file_number =
        std::max(state.manifest.next_file_number, file->number + 1);
    if (file->type == FileType::kWal &&
        file->number >= state.manifest.min_log_number) {
      logs.push_back(file->number);
    }
  }
  std::sort(logs.begin(), logs.end());

  const ManifestState manifest = state.manifest;  // As it was: numbers move on.
  Replayer replayer(deps, state);
  LISSOM_ASSIGN_OR_RETURN(
      state.replay,
      ReplayLogs({.file_system = file_system,
                  .directory = directory,
                  .mode = deps.mode,
                  .manifest = manifest,
                  .present = std::move(logs)},
                 [&](std::string_view batch, SequenceNumber first) {
                   return replayer.Apply(batch, first);
                 }));
  LISSOM_RETURN_IF_ERROR(replayer.FlushMemtable());
  if (state.replay.torn) {
    deps.log.Log(
        LogLevel::kWarning,
        absl::StrCat("recovery: the log ends torn in ", state.replay.torn_where,
                     "; what was not yet synced behind it is gone"));
  }
  return state;
}

}  // namespace lissom
