#include "db/version/manifest.h"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "db/filename.h"
#include "db/wal/log_reader.h"
#include "util/error.h"
#include "util/hash.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom {
namespace {

constexpr std::string_view kCurrentPrefix = "lissom ";
constexpr std::string_view kOthersCurrentPrefix = "MANIFEST-";
// CURRENT is never longer: more is not even read.
constexpr size_t kMaxCurrentBytes = 64;

constexpr IoContext kCurrentIo = {.kind = IoContext::Kind::kCurrent};
constexpr IoContext kManifestIo = {.kind = IoContext::Kind::kManifest};

// Moves *to on to *from, if that is given. Counters never go back.
absl::Status Advance(absl::string_view what,
                     const std::optional<uint64_t>& from, uint64_t* to) {
  if (!from.has_value()) return absl::OkStatus();
  if (*from < *to) {
    return absl::DataLossError(
        absl::StrCat(what, " goes back from ", *to, " to ", *from));
  }
  *to = *from;
  return absl::OkStatus();
}

std::string ManifestName(uint64_t number) {
  // The name without a directory, from the one place that knows it.
  return ManifestFileName("", number).substr(1);
}

}  // namespace

absl::Status ManifestNumbers::Apply(const VersionEdit& edit) {
  LISSOM_RETURN_IF_ERROR(ApplyIdentity(edit));
  LISSOM_RETURN_IF_ERROR(ApplyCounters(edit));
  LISSOM_RETURN_IF_ERROR(ApplyLogs(edit));
  for (const VersionEdit::NewTable& added : edit.added) {
    LISSOM_RETURN_IF_ERROR(CheckTable(added.table));
  }
  return absl::OkStatus();
}

absl::Status ManifestNumbers::ApplyIdentity(const VersionEdit& edit) {
  if (edit.comparator.has_value()) {
    if (has_comparator_ && *edit.comparator != comparator_) {
      return absl::DataLossError(absl::StrCat("the comparator changes from ",
                                              Escape(comparator_), " to ",
                                              Escape(*edit.comparator)));
    }
    comparator_ = *edit.comparator;
    has_comparator_ = true;
  }
  if (edit.database_id.has_value()) {
    if (has_database_id_ && *edit.database_id != database_id_) {
      return absl::DataLossError("the database's id changes");
    }
    database_id_ = *edit.database_id;
    has_database_id_ = true;
  }
  return absl::OkStatus();
}

absl::Status ManifestNumbers::ApplyCounters(const VersionEdit& edit) {
  LISSOM_RETURN_IF_ERROR(
      Advance("the oldest log", edit.min_log_number, &min_log_number_));
  LISSOM_RETURN_IF_ERROR(Advance("the next file number", edit.next_file_number,
                                 &next_file_number_));
  LISSOM_RETURN_IF_ERROR(Advance("the flushed sequence", edit.flushed_sequence,
                                 &flushed_sequence_));
  LISSOM_RETURN_IF_ERROR(
      Advance("the last sequence", edit.last_sequence, &last_sequence_));
  if (min_log_number_ > next_file_number_ ||
      flushed_sequence_ > last_sequence_) {
    return absl::DataLossError(absl::StrCat(
        "the oldest log is ", min_log_number_, " and the next file ",
        next_file_number_, "; sequence ", flushed_sequence_,
        " was flushed and ", last_sequence_, " the last given out"));
  }
  return absl::OkStatus();
}

absl::Status ManifestNumbers::ApplyLogs(const VersionEdit& edit) {
  for (const VersionEdit::LogCreated& log : edit.logs_created) {
    if (log.number >= next_file_number_ ||
        !logs_.emplace(log.number, log).second) {
      return absl::DataLossError(absl::StrCat(
          "log ", log.number, " was created twice, or never numbered"));
    }
  }
  for (const VersionEdit::LogClosed& log : edit.logs_closed) {
    const auto [entry, is_new] = closed_logs_.emplace(log.number, log);
    if (log.number >= next_file_number_ ||
        (!is_new && !(entry->second == log))) {
      return absl::DataLossError(absl::StrCat(
          "log ", log.number, " was closed in two ways, or never numbered"));
    }
  }
  logs_.erase(logs_.begin(), logs_.lower_bound(min_log_number_));
  closed_logs_.erase(closed_logs_.begin(),
                     closed_logs_.lower_bound(min_log_number_));
  return absl::OkStatus();
}

absl::Status ManifestNumbers::CheckTable(const TableMetadata& table) const {
  if (table.number >= next_file_number_ ||
      table.largest_sequence > last_sequence_) {
    return absl::DataLossError(absl::StrCat(
        "table ", table.number, " with sequences up to ",
        table.largest_sequence, ", when files are numbered below ",
        next_file_number_, " and sequences up to ", last_sequence_));
  }
  // The fields are reserved, and passing over what they say would give wrong
  // answers.
  if (table.global_sequence != 0 || table.largest_exclusive ||
      !table.blob_files.empty() ||
      !IsStoredKind(TrailerKind(table.smallest.trailer)) ||
      !IsStoredKind(TrailerKind(table.largest.trailer))) {
    return absl::UnimplementedError(absl::StrCat(
        "table ", table.number, " needs a newer lissom to be read"));
  }
  return absl::OkStatus();
}

ManifestState ManifestNumbers::ToState() const {
  ManifestState state;
  state.comparator = comparator_;
  state.database_id = database_id_;
  state.min_log_number = min_log_number_;
  state.next_file_number = next_file_number_;
  state.flushed_sequence = flushed_sequence_;
  state.last_sequence = last_sequence_;
  for (const auto& [number, log] : logs_) state.logs.push_back(log);
  for (const auto& [number, log] : closed_logs_) {
    state.closed_logs.push_back(log);
  }
  return state;
}

VersionEdit SnapshotOf(const ManifestState& state) {
  VersionEdit edit;
  edit.comparator = state.comparator;
  edit.database_id = state.database_id;
  edit.min_log_number = state.min_log_number;
  edit.next_file_number = state.next_file_number;
  edit.flushed_sequence = state.flushed_sequence;
  edit.last_sequence = state.last_sequence;
  edit.logs_created = state.logs;
  edit.logs_closed = state.closed_logs;
  edit.added = state.tables;
  return edit;
}

absl::StatusOr<std::string> EncodeChecked(const VersionEdit& edit) {
  std::string bytes = edit.Encode();
  const absl::StatusOr<VersionEdit> read_back = VersionEdit::Decode(bytes);
  if (!read_back.ok()) {
    return absl::InternalError(
        absl::StrCat("a version edit could not be read again: ",
                     read_back.status().message()));
  }
  if (!(*read_back == edit)) {
    return absl::InternalError("a version edit would be read as another one");
  }
  return bytes;
}

// --- Writing ----------------------------------------------------------------

namespace {

// Points CURRENT at a manifest whose bytes and name are durable. Sets
// *rename_tried before the step that may change CURRENT.
absl::Status SwitchCurrent(FileSystem& file_system,
                           const std::string& directory,
                           uint64_t manifest_number, bool* rename_tried) {
  const std::string temp = CurrentTempFileName(directory, manifest_number);
  const std::string body = FormatCurrent(manifest_number);
  const auto write = [&]() -> absl::Status {
    LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file,
                            file_system.Create(temp, kCurrentIo));
    const std::string_view piece = body;
    LISSOM_RETURN_IF_ERROR(file->Append({&piece, 1}, kCurrentIo));
    LISSOM_RETURN_IF_ERROR(file->Sync(kCurrentIo));
    LISSOM_RETURN_IF_ERROR(file->Close());
    *rename_tried = true;
    return file_system.RenameFile(temp, CurrentFileName(directory), kCurrentIo);
  };
  absl::Status status = write();
  if (!status.ok()) {
    // It is garbage and named so: the next open removes it if this cannot.
    file_system.RemoveFile(temp, kCurrentIo).IgnoreError();
    return status;
  }
  return file_system.SyncDirectory(directory);
}

// Removes what a crash may have left under a name that is about to be used.
// The file's number was never durable, so nothing refers to it.
absl::Status RemoveLeftover(FileSystem& file_system, const std::string& path,
                            const IoContext& context) {
  LISSOM_ASSIGN_OR_RETURN(const FileInfo info, file_system.GetFileInfo(path));
  if (info.type == FileInfo::Type::kAbsent) return absl::OkStatus();
  return file_system.RemoveFile(path, context);
}

}  // namespace

ManifestWriter::ManifestWriter(std::unique_ptr<LogWriter> log)
    : log_(std::move(log)) {}

absl::StatusOr<std::unique_ptr<ManifestWriter>> ManifestWriter::Install(
    FileSystem& file_system, const std::string& directory, uint64_t number,
    const FileId& id, std::string_view first_edit) {
  const std::string path = ManifestFileName(directory, number);
  LISSOM_RETURN_IF_ERROR(RemoveLeftover(
      file_system, CurrentTempFileName(directory, number), kCurrentIo));
  LISSOM_ASSIGN_OR_RETURN(
      std::unique_ptr<LogWriter> log,
      LogWriter::Create(
          file_system, path,
          {.kind = LogKind::kManifest, .number = number, .id = id}, 0));
  auto writer =
      std::unique_ptr<ManifestWriter>(new ManifestWriter(std::move(log)));
  bool rename_tried = false;
  const auto install = [&]() -> absl::Status {
    LISSOM_RETURN_IF_ERROR(writer->Append(first_edit));
    // Before CURRENT: after a power cut its rename may be there without the
    // name that it refers to.
    LISSOM_RETURN_IF_ERROR(file_system.SyncDirectory(directory));
    return SwitchCurrent(file_system, directory, number, &rename_tried);
  };
  const absl::Status status = install();
  if (status.ok()) return writer;
  writer.reset();
  // A rename that reports failure may still have happened, or become durable
  // later: from then on CURRENT may name this file, and it must stay.
  if (!rename_tried) file_system.RemoveFile(path, kManifestIo).IgnoreError();
  return status;
}

absl::Status ManifestWriter::Append(std::string_view edit) {
  SyncMark mark;  // Before the first sync nothing is known.
  if (log_->synced_size() > 0) mark = {number(), log_->synced_size()};
  log_->Add({.ordinal = ++last_ordinal_, .payload = edit}, mark);
  LISSOM_RETURN_IF_ERROR(log_->Write());
  return log_->Sync();
}

// --- CURRENT ----------------------------------------------------------------

std::string FormatCurrent(uint64_t manifest_number) {
  const std::string name = ManifestName(manifest_number);
  char hash[17];
  std::snprintf(hash, sizeof hash, "%016" PRIx64, Hash64(name));
  return absl::StrCat(ToAbsl(kCurrentPrefix), name, " ", hash, "\n");
}

absl::StatusOr<uint64_t> ParseCurrent(const std::string& path,
                                      std::string_view body) {
  // The number is all that is taken from the file; then the whole of it must
  // be what we would have written. So no other path can come out of it.
  uint64_t number = 0;
  if (body.starts_with(kCurrentPrefix)) {
    std::string_view name = body.substr(kCurrentPrefix.size());
    name = name.substr(0, name.find(' '));
    const std::optional<ParsedFileName> parsed = ParseFileName(name);
    if (!parsed.has_value() || parsed->type != FileType::kManifest ||
        !IsFileNumber(parsed->number)) {
      return CorruptionError(path, kCurrentPrefix.size(),
                             "does not name a manifest");
    }
    number = parsed->number;
  }
  const std::string expected = FormatCurrent(number);
  if (body == expected && number != 0) return number;
  const auto [wrong, _] =
      std::mismatch(body.begin(), body.end(), expected.begin(), expected.end());
  return CorruptionError(path, static_cast<uint64_t>(wrong - body.begin()),
                         "is not what lissom writes there");
}

// --- Reading ----------------------------------------------------------------

namespace {

absl::Status CheckIsFile(FileSystem& file_system, const std::string& path,
                         absl::string_view what) {
  LISSOM_ASSIGN_OR_RETURN(const FileInfo info, file_system.GetFileInfo(path));
  switch (info.type) {
    case FileInfo::Type::kFile:
      return absl::OkStatus();
    case FileInfo::Type::kAbsent:
      return MissingFileError(path, ToStd(what));
    default:  // Opening a pipe would wait for ever.
      return CorruptionError(path, 0, "is not a file");
  }
}

// What CURRENT says, at most kMaxCurrentBytes of it.
absl::StatusOr<std::string> CurrentBytes(FileSystem& file_system,
                                         const std::string& directory) {
  const std::string path = CurrentFileName(directory);
  LISSOM_RETURN_IF_ERROR(CheckIsFile(
      file_system, path, "is missing, and with it what the database holds"));
  LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessFile> file,
                          file_system.OpenForRead(path, kCurrentIo));
  std::array<char, kMaxCurrentBytes> scratch;
  LISSOM_ASSIGN_OR_RETURN(
      const std::string_view body,
      file->Read(0, scratch.size(), scratch.data(), kCurrentIo));
  return std::string(body);
}

absl::StatusOr<uint64_t> ReadCurrent(FileSystem& file_system,
                                     const std::string& directory) {
  LISSOM_ASSIGN_OR_RETURN(const std::string body,
                          CurrentBytes(file_system, directory));
  return ParseCurrent(CurrentFileName(directory), body);
}

// Adds up the edits of one manifest.
class ManifestFold {
 public:
  absl::Status Apply(const VersionEdit& edit) {
    LISSOM_RETURN_IF_ERROR(numbers_.Apply(edit));
    for (const VersionEdit::RemovedTable& removed : edit.removed) {
      const auto found = tables_.find(removed.number);
      if (found == tables_.end() || found->second.level != removed.level) {
        return absl::DataLossError(
            absl::StrCat("table ", removed.number, " is removed from level ",
                         removed.level, " and does not stand there"));
      }
      tables_.erase(found);
    }
    for (const VersionEdit::NewTable& added : edit.added) {
      if (!tables_.emplace(added.table.number, added).second) {
        return absl::DataLossError(
            absl::StrCat("table ", added.table.number, " is added twice"));
      }
    }
    return absl::OkStatus();
  }

  const ManifestNumbers& numbers() const { return numbers_; }

  ManifestState ToState() const {
    ManifestState state = numbers_.ToState();
    state.tables.reserve(tables_.size());
    for (const auto& [number, table] : tables_) state.tables.push_back(table);
    std::sort(
        state.tables.begin(), state.tables.end(),
        [](const VersionEdit::NewTable& a, const VersionEdit::NewTable& b) {
          return a.level != b.level ? a.level < b.level
                                    : a.table.number < b.table.number;
        });
    return state;
  }

 private:
  ManifestNumbers numbers_;
  std::map<uint64_t, VersionEdit::NewTable> tables_;
};

// `status` of the edit at `offset` of `path`, with both in message and detail.
absl::Status Locate(const absl::Status& status, const std::string& path,
                    uint64_t offset) {
  return WithDetail(
      absl::Status(status.code(), absl::StrCat(path, ": ", status.message(),
                                               " at offset ", offset)),
      {.kind = absl::IsDataLoss(status) ? ErrorKind::kCorruption
                                        : ErrorKind::kOther,
       .file = path,
       .offset = offset});
}

// Judges the end of a manifest whose edits were read up to reader.end(). OK if
// what follows can be the rest of an edit that never took effect.
absl::Status CheckEnd(LogReader& reader, const std::string& path) {
  const uint64_t end = reader.end().offset;
  std::optional<SyncMark> mark = reader.mark();
  bool any_record = false;
  if (reader.end().kind != LogReader::End::Kind::kClean) {
    uint64_t largest_ordinal = 0;
    LISSOM_ASSIGN_OR_RETURN(const std::optional<SyncMark> beyond,
                            reader.ScanForMark(&largest_ordinal, &any_record));
    mark = std::max(mark, beyond);
  }
  // An edit is synced before the next one is begun: so with anything valid
  // behind it, what is bad here was durable once.
  if (any_record || (mark.has_value() && mark->offset > end)) {
    return CorruptionError(path, end,
                           "an edit is damaged, and there are later ones");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ManifestState> ReadManifest(FileSystem& file_system,
                                           const std::string& directory) {
  LISSOM_ASSIGN_OR_RETURN(const uint64_t number,
                          ReadCurrent(file_system, directory));
  const std::string path = ManifestFileName(directory, number);
  LISSOM_RETURN_IF_ERROR(
      CheckIsFile(file_system, path, "is missing, and CURRENT names it"));
  LISSOM_ASSIGN_OR_RETURN(
      const std::unique_ptr<LogReader> reader,
      LogReader::Open(file_system, path, LogKind::kManifest, number));

  ManifestFold fold;
  LogRecord record;
  uint64_t ordinal = 0;
  while (true) {
    const uint64_t offset = reader->offset();
    LISSOM_ASSIGN_OR_RETURN(const bool more, reader->Next(&record));
    if (!more) break;
    if (record.ordinal != ++ordinal) {
      return CorruptionError(
          path, offset,
          absl::StrCat("edit ", record.ordinal, " stands where edit ", ordinal,
                       " should"));
    }
    const absl::StatusOr<VersionEdit> edit =
        VersionEdit::Decode(record.payload);
    if (!edit.ok()) return Locate(edit.status(), path, offset);
    const absl::Status applied = fold.Apply(*edit);
    if (!applied.ok()) return Locate(applied, path, offset);
    if (!fold.numbers().complete() ||
        fold.numbers().next_file_number() <= number) {
      return CorruptionError(path, offset,
                             "the first edit does not say everything");
    }
  }
  LISSOM_RETURN_IF_ERROR(CheckEnd(*reader, path));
  if (ordinal == 0) {
    return CorruptionError(path, reader->end().offset, "has no first edit");
  }
  ManifestState state = fold.ToState();
  state.manifest_number = number;
  return state;
}

absl::StatusOr<bool> CurrentIsOurs(FileSystem& file_system,
                                   const std::string& directory) {
  LISSOM_ASSIGN_OR_RETURN(const std::string body,
                          CurrentBytes(file_system, directory));
  return body.starts_with(kCurrentPrefix);
}

absl::Status RefuseOtherEngines(FileSystem& file_system,
                                const std::string& directory) {
  const absl::StatusOr<std::string> body = CurrentBytes(file_system, directory);
  if (absl::IsDataLoss(body.status())) return absl::OkStatus();
  LISSOM_RETURN_IF_ERROR(body.status());
  if (!body->starts_with(kOthersCurrentPrefix)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      directory, ": is no lissom database (CURRENT is not lissom's)"));
}

}  // namespace lissom
