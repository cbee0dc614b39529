#include "src/tools/inspect/manifest_dump.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "db/filename.h"
#include "db/version/manifest.h"
#include "db/version/version.h"
#include "db/version/version_set.h"
#include "db/wal/log_reader.h"
#include "src/tools/inspect/beside_writer.h"
#include "src/tools/inspect/log_file.h"
#include "util/error.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

using NewTable = VersionEdit::NewTable;

// The dump of one manifest. `path` is a file.
class ManifestDump {
 public:
  ManifestDump(std::string path, OpenedLog log,
               const ManifestDumpOptions& options, LineSink& sink)
      : path_(std::move(path)),
        options_(options),
        sink_(sink),
        reader_(std::move(log.reader)),
        size_(log.size) {}

  absl::Status Run() {
    ShowHeader();
    absl::Status status = ShowEdits();
    if (status.ok() && sink_.wanted()) status = ShowEnd();
    ShowShape();
    return status;
  }

 private:
  bool json() const { return options_.style.json; }

  void ShowHeader() const {
    const LogHeader& header = reader_->header();
    if (json()) {
      JsonLine line;
      line.Add("type", "manifest").Add("path", path_);
      line.Add("number", header.number).Add("bytes", size_);
      line.Add("id", Shown(header.id));
      return sink_(std::move(line).Finish());
    }
    sink_(absl::StrCat(path_, ": manifest ", header.number, ", ", size_,
                       " bytes, id ", Shown(header.id)));
  }

  absl::Status ShowEdits() {
    LogRecord record;
    while (sink_.wanted()) {
      const uint64_t at = reader_->offset();
      const absl::StatusOr<bool> more = reader_->Next(&record);
      if (!more.ok()) return ShowFlaw(at, more.status());
      if (!*more) return absl::OkStatus();
      const absl::Status status = ShowEdit(at, record);
      if (!status.ok()) return ShowFlaw(at, status);
    }
    return absl::OkStatus();
  }

  absl::Status ShowEdit(uint64_t at, const LogRecord& record) {
    if (record.ordinal != edits_ + 1) {
      return CorruptionError(
          path_, at,
          ToStd(absl::StrCat("edit ", record.ordinal, " stands where edit ",
                             edits_ + 1, " follows")));
    }
    absl::StatusOr<VersionEdit> edit = VersionEdit::Decode(record.payload);
    if (!edit.ok()) return Located(edit.status(), at);
    ++edits_;
    if (json()) {
      EditAsJson(at, *edit);
    } else {
      EditAsText(at, *edit);
    }
    const absl::Status applied = Apply(*edit);
    return applied.ok() ? applied : Located(applied, at);
  }

  absl::Status Located(const absl::Status& status, uint64_t at) const {
    if (absl::IsUnimplemented(status)) {
      return absl::UnimplementedError(
          absl::StrCat(path_, ": ", status.message(), " at offset ", at));
    }
    return CorruptionError(path_, at, ToStd(status.message()));
  }

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
    for (const NewTable& added : edit.added) {
      if (!tables_.emplace(added.table.number, added).second) {
        return absl::DataLossError(
            absl::StrCat("table ", added.table.number, " is added twice"));
      }
    }
    return absl::OkStatus();
  }

  void EditAsText(uint64_t at, const VersionEdit& edit) const {
    std::string text = absl::StrCat("edit ", edits_, " at ", at, ", ",
                                    reader_->offset() - at, " bytes");
    if (const std::optional<SyncMark> mark = reader_->record_mark()) {
      absl::StrAppend(&text, ", synced up to ", mark->offset);
    }
    sink_(text);
    const auto field = [this](absl::string_view name, const auto& value) {
      sink_(absl::StrCat("  ", name, " ", value));
    };
    if (edit.comparator.has_value()) {
      field("comparator", Shown(*edit.comparator, {}));
    }
    if (edit.database_id) field("database id", Shown(*edit.database_id));
    if (edit.min_log_number) field("oldest log", *edit.min_log_number);
    if (edit.next_file_number) field("next file", *edit.next_file_number);
    if (edit.flushed_sequence) {
      field("flushed sequence", *edit.flushed_sequence);
    }
    if (edit.last_sequence) field("last sequence", *edit.last_sequence);
    for (const VersionEdit::LogCreated& log : edit.logs_created) {
      field("log", absl::StrCat(log.number, ", id ", Shown(log.id)));
    }
    for (const VersionEdit::LogClosed& log : edit.logs_closed) {
      field("closed log",
            absl::StrCat(log.number, " with ", log.length, " bytes, chain ",
                         absl::Hex(log.chain_hash, absl::kZeroPad16)));
    }
    for (const VersionEdit::RemovedTable& table : edit.removed) {
      field("-", absl::StrCat("L", table.level, " table ", table.number));
    }
    for (const NewTable& table : edit.added) field("+", TableAsText(table));
  }

  std::string TableAsText(const NewTable& added) const {
    const TableMetadata& t = added.table;
    std::string text = absl::StrCat(
        "L", added.level, " table ", t.number, ", ", t.size, " bytes, ",
        absl::StrCat(t.entries, t.entries == 1 ? " entry" : " entries"),
        t.tombstones == 0 ? "" : " (");
    if (t.tombstones != 0) {
      absl::StrAppend(&text, Counted(t.tombstones, "tombstone"), ")");
    }
    absl::StrAppend(&text, ", sequences ", t.smallest_sequence, "-",
                    t.largest_sequence, ", ",
                    Shown(t.smallest.user_key, options_.style), " to ",
                    Shown(t.largest.user_key, options_.style));
    return text;
  }

  void EditAsJson(uint64_t at, const VersionEdit& edit) const {
    JsonLine line = Line("edit");
    line.Add("offset", at).Add("bytes", reader_->offset() - at);
    if (const std::optional<SyncMark> mark = reader_->record_mark()) {
      line.Add("synced_offset", mark->offset);
    }
    if (edit.comparator) AddBytes(line, "comparator", *edit.comparator, {});
    if (edit.database_id) line.Add("database_id", Shown(*edit.database_id));
    if (edit.min_log_number) line.Add("min_log_number", *edit.min_log_number);
    if (edit.next_file_number) {
      line.Add("next_file_number", *edit.next_file_number);
    }
    if (edit.flushed_sequence) {
      line.Add("flushed_sequence", *edit.flushed_sequence);
    }
    if (edit.last_sequence) line.Add("last_sequence", *edit.last_sequence);
    sink_(std::move(line).Finish());
    for (const VersionEdit::LogCreated& log : edit.logs_created) {
      JsonLine created = Line("log_created");
      created.Add("log", log.number).Add("id", Shown(log.id));
      sink_(std::move(created).Finish());
    }
    for (const VersionEdit::LogClosed& log : edit.logs_closed) {
      JsonLine closed = Line("log_closed");
      closed.Add("log", log.number).Add("bytes", log.length);
      closed.Add(
          "chain_hash",
          ToStd(absl::StrCat(absl::Hex(log.chain_hash, absl::kZeroPad16))));
      sink_(std::move(closed).Finish());
    }
    for (const VersionEdit::RemovedTable& table : edit.removed) {
      JsonLine removed = Line("removed");
      removed.Add("level", table.level).Add("table", table.number);
      sink_(std::move(removed).Finish());
    }
    for (const NewTable& table : edit.added) TableAsJson("added", table);
  }

  JsonLine Line(std::string_view type) const {
    JsonLine line;
    line.Add("type", type).Add("edit", edits_);
    return line;
  }

  void TableAsJson(std::string_view type, const NewTable& added) const {
    const TableMetadata& t = added.table;
    JsonLine line = Line(type);
    line.Add("level", added.level).Add("table", t.number);
    line.Add("bytes", t.size).Add("tail_bytes", t.tail_size);
    line.Add("id", Shown(t.id));
    AddBytes(line, "smallest", t.smallest.user_key, options_.style);
    AddBytes(line, "largest", t.largest.user_key, options_.style);
    line.Add("smallest_sequence", t.smallest_sequence);
    line.Add("largest_sequence", t.largest_sequence);
    line.Add("entries", t.entries).Add("tombstones", t.tombstones);
    line.Add("key_bytes", t.raw_key_bytes);
    line.Add("value_bytes", t.raw_value_bytes);
    line.Add("codec", t.codec).Add("filter", t.filter_id);
    line.Add("creation_time", t.creation_time);
    sink_(std::move(line).Finish());
  }

  // As ReadManifest judges it.
  absl::Status ShowEnd() {
    const LogReader::End& end = reader_->end();
    std::optional<SyncMark> mark = reader_->mark();
    uint64_t largest = 0;
    bool any_record = false;
    if (end.kind != LogReader::End::Kind::kClean) {
      const absl::StatusOr<std::optional<SyncMark>> beyond =
          reader_->ScanForMark(&largest, &any_record);
      if (!beyond.ok()) return ShowFlaw(end.offset, beyond.status());
      mark = std::max(mark, *beyond);
    }
    if (any_record || (mark.has_value() && mark->offset > end.offset)) {
      return ShowFlaw(
          end.offset,
          CorruptionError(path_, end.offset,
                          "an edit is damaged, and there are later ones"));
    }
    if (edits_ == 0) {
      return ShowFlaw(end.offset,
                      CorruptionError(path_, end.offset,
                                      "the first edit does not read back"));
    }
    if (size_ != end.offset) {
      ShowNote(end.offset,
               absl::StrCat(size_ - end.offset,
                            " bytes of an edit that never took effect"));
    }
    return absl::OkStatus();
  }

  void ShowNote(uint64_t at, const std::string& text) const {
    if (!json()) return sink_(absl::StrCat("at ", at, ": ", text));
    JsonLine line;
    line.Add("type", "end").Add("offset", at).Add("text", text);
    sink_(std::move(line).Finish());
  }

  absl::Status ShowFlaw(uint64_t at, const absl::Status& status) const {
    if (json()) {
      JsonLine line;
      line.Add("type", "flaw").Add("offset", at);
      line.Add("text", PlainMessage(status));
      sink_(std::move(line).Finish());
    } else {
      sink_(absl::StrCat("at ", at, ": ", PlainMessage(status)));
    }
    return status;
  }

  // What the edits up to here add up to.
  void ShowShape() const {
    std::array<std::vector<const NewTable*>, Version::kLevels> levels;
    for (const auto& [number, table] : tables_) {
      levels[static_cast<size_t>(table.level)].push_back(&table);
    }
    if (!json()) {
      sink_(absl::StrCat("after ", Counted(edits_, "edit"), ": ",
                         Counted(tables_.size(), "table"), ", next file ",
                         numbers_.next_file_number(), ", last sequence ",
                         numbers_.last_sequence()));
    }
    for (size_t n = 0; n < levels.size(); ++n) {
      std::vector<const NewTable*>& tables = levels[n];
      SortForPeople(n, &tables);
      if (json()) {
        for (const NewTable* table : tables) TableAsJson("table", *table);
      } else if (!tables.empty()) {
        ShowLevel(n, tables);
      }
    }
  }

  // Level 0 newest first, the others by key, if the order of keys is known.
  void SortForPeople(size_t level, std::vector<const NewTable*>* tables) const {
    const bool reverse =
        numbers_.comparator() == ReverseBytewiseComparator()->Name();
    std::sort(tables->begin(), tables->end(),
              [&](const NewTable* a, const NewTable* b) {
                if (level == 0) {
                  return a->table.largest_sequence > b->table.largest_sequence;
                }
                const int order = a->table.smallest.user_key.compare(
                    b->table.smallest.user_key);
                return reverse ? order > 0 : order < 0;
              });
  }

  void ShowLevel(size_t level,
                 const std::vector<const NewTable*>& tables) const {
    uint64_t bytes = 0;
    for (const NewTable* table : tables) bytes += table->table.size;
    sink_(absl::StrCat("L", level, ": ", Counted(tables.size(), "table"), ", ",
                       bytes, " bytes"));
    for (const NewTable* table : tables) {
      sink_(absl::StrCat("  ", TableAsText(*table)));
    }
  }

  const std::string path_;
  const ManifestDumpOptions& options_;
  LineSink& sink_;
  const std::unique_ptr<LogReader> reader_;
  const uint64_t size_;
  uint64_t edits_ = 0;
  ManifestNumbers numbers_;
  std::map<uint64_t, NewTable> tables_;
};

// The manifest that CURRENT names.
absl::StatusOr<std::string> ManifestIn(FileSystem& files,
                                       const std::string& directory) {
  const std::string current = CurrentFileName(directory);
  LISSOM_ASSIGN_OR_RETURN(const FileInfo info, files.GetFileInfo(current));
  if (info.type == FileInfo::Type::kAbsent) {
    return absl::InvalidArgumentError(
        absl::StrCat(directory, ": no database is in there: no CURRENT"));
  }
  if (info.type != FileInfo::Type::kFile) {
    return CorruptionError(current, 0, "is not a file");
  }
  LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> file,
                          files.OpenForRead(current, {}));
  std::array<char, 64> scratch{};
  LISSOM_ASSIGN_OR_RETURN(
      const std::string_view body,
      file->Read(0, scratch.size(), scratch.data(), IoContext{}));
  LISSOM_ASSIGN_OR_RETURN(const uint64_t number, ParseCurrent(current, body));
  std::string path = ManifestFileName(directory, number);
  LISSOM_ASSIGN_OR_RETURN(const FileInfo manifest, files.GetFileInfo(path));
  if (manifest.type == FileInfo::Type::kAbsent) {
    return MissingFileError(path, "is missing, and CURRENT names it");
  }
  return path;
}

}  // namespace

absl::Status DumpManifest(FileSystem& files, const std::string& path,
                          const ManifestDumpOptions& options, LineSink& sink) {
  LISSOM_ASSIGN_OR_RETURN(const FileInfo info, files.GetFileInfo(path));
  std::string manifest = path;
  OpenedLog log;
  const auto open = [&]() -> absl::Status {
    LISSOM_ASSIGN_OR_RETURN(log, OpenLog(files, manifest, LogKind::kManifest));
    return absl::OkStatus();
  };
  if (info.type == FileInfo::Type::kDirectory) {
    LISSOM_RETURN_IF_ERROR(
        RetryBesideWriter(files, path, [&]() -> absl::Status {
          LISSOM_ASSIGN_OR_RETURN(manifest, ManifestIn(files, path));
          return open();
        }));
  } else {
    LISSOM_RETURN_IF_ERROR(open());
  }
  return ManifestDump(std::move(manifest), std::move(log), options, sink).Run();
}

}  // namespace lissom::tools
