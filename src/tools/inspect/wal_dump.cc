#include "src/tools/inspect/wal_dump.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "db/filename.h"
#include "db/memtable/batch_format.h"
#include "db/recovery/beside_writer_files.h"
#include "db/recovery/log_replay.h"
#include "db/version/version_set.h"
#include "db/wal/log_reader.h"
#include "src/tools/inspect/beside_writer.h"
#include "src/tools/inspect/log_file.h"
#include "util/error.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

using End = LogReader::End;

std::string_view NameOf(End::Kind kind) {
  switch (kind) {
    case End::Kind::kClean:
      return "clean";
    case End::Kind::kZeros:
      return "zeros";
    case End::Kind::kIncomplete:
      return "incomplete";
    case End::Kind::kBad:
      return "bad";
  }
  return "unknown";
}

// The dump of one log.
class LogDump {
 public:
  LogDump(const std::string& path, OpenedLog log, const WalDumpOptions& options,
          LineSink& sink)
      : path_(path),
        options_(options),
        sink_(sink),
        reader_(std::move(log.reader)),
        size_(log.size) {}

  absl::Status Run() {
    ShowHeader();
    LISSOM_RETURN_IF_ERROR(ShowRecords());
    if (sink_.wanted()) LISSOM_RETURN_IF_ERROR(ShowEnd());
    return flaw_.status();
  }

 private:
  bool json() const { return options_.style.json; }
  uint64_t number() const { return reader_->header().number; }

  JsonLine Line(std::string_view type) const {
    JsonLine line;
    line.Add("type", type).Add("log", number());
    return line;
  }

  void ShowHeader() {
    const LogHeader& header = reader_->header();
    if (json()) {
      JsonLine line = Line("log");
      line.Add("path", path_).Add("bytes", size_);
      line.Add("id", Shown(header.id));
      line.Add("base_sequence", header.base_sequence);
      return sink_(std::move(line).Finish());
    }
    sink_(absl::StrCat(path_, ": log ", header.number, ", ", size_,
                       " bytes, id ", Shown(header.id), ", after sequence ",
                       header.base_sequence));
  }

  absl::Status ShowRecords() {
    LogRecord record;
    while (sink_.wanted()) {
      const uint64_t at = reader_->offset();
      absl::StatusOr<bool> more = reader_->Next(&record);
      if (!more.ok()) {
        ShowFlaw(at, more.status());
        return more.status();
      }
      if (!*more) return absl::OkStatus();
      ShowRecord(at, record);
      ++records_;
    }
    return absl::OkStatus();
  }

  void ShowRecord(uint64_t at, const LogRecord& record) {
    absl::StatusOr<BatchReader> batch = BatchReader::Open(record.payload);
    const uint64_t count = batch.ok() ? batch->count() : 0;
    changes_ += count;
    const uint64_t bytes = reader_->offset() - at;
    if (json()) {
      RecordAsJson(at, bytes, record, count);
    } else {
      RecordAsText(at, bytes, record, count);
    }
    absl::Status status = batch.status();
    if (status.ok()) status = ShowChanges(record.ordinal, *batch);
    if (status.ok()) return;
    // The checksum holds, so it was written so: never a tear.
    status = CorruptionError(path_, at, ToStd(status.message()));
    ShowFlaw(at, status);
    flaw_.Note(status);
  }

  void RecordAsJson(uint64_t at, uint64_t bytes, const LogRecord& record,
                    uint64_t count) {
    JsonLine line = Line("record");
    line.Add("offset", at).Add("bytes", bytes);
    line.Add("first_sequence", record.ordinal);
    line.Add("changes", count).Add("skipped", record.skipped);
    if (const std::optional<SyncMark> mark = reader_->record_mark()) {
      line.Add("synced_log", mark->log_number);
      line.Add("synced_offset", mark->offset);
    }
    sink_(std::move(line).Finish());
  }

  void RecordAsText(uint64_t at, uint64_t bytes, const LogRecord& record,
                    uint64_t count) {
    std::string sequences = absl::StrCat(record.ordinal);
    if (count > 1) absl::StrAppend(&sequences, "-", record.ordinal + count - 1);
    std::string text =
        absl::StrFormat("  at %-10d %8d bytes  sequence %-13s %s", at, bytes,
                        sequences, Counted(count, "change"));
    if (record.skipped != 0) {
      absl::StrAppend(&text, ", after ", record.skipped, " that no log has");
    }
    if (const std::optional<SyncMark> mark = reader_->record_mark()) {
      absl::StrAppend(&text, ", synced: log ", mark->log_number, " up to ",
                      mark->offset);
    }
    sink_(text);
  }

  // Reads all changes in any case: a malformed one is a flaw.
  absl::Status ShowChanges(uint64_t sequence, BatchReader& batch) {
    BatchEntry entry;
    while (true) {
      LISSOM_ASSIGN_OR_RETURN(const bool more, batch.Next(&entry));
      if (!more) return absl::OkStatus();
      if (options_.keys || options_.values) ShowChange(sequence, entry);
      if (entry.kind != EntryKind::kLogData) ++sequence;
    }
  }

  void ShowChange(uint64_t sequence, const BatchEntry& entry) {
    const bool note = entry.kind == EntryKind::kLogData;
    const bool has_value = note || entry.kind == EntryKind::kPut;
    if (json()) {
      JsonLine line = Line("change");
      line.Add("kind", KindName(entry.kind));
      if (!note) {
        line.Add("sequence", sequence);
        AddBytes(line, "key", entry.key, options_.style);
      }
      if (has_value) line.Add("value_bytes", entry.value.size());
      if (has_value && options_.values) {
        AddBytes(line, "value", entry.value, options_.style);
      }
      return sink_(std::move(line).Finish());
    }
    std::string text =
        note ? std::string("    ") : absl::StrCat("    ", sequence, " ");
    absl::StrAppend(&text, KindName(entry.kind));
    if (!note) absl::StrAppend(&text, " ", Shown(entry.key, options_.style));
    if (has_value && options_.values) {
      absl::StrAppend(&text, note ? " " : " = ",
                      Shown(entry.value, options_.style));
    } else if (has_value) {
      absl::StrAppend(&text, " (", entry.value.size(), " bytes)");
    }
    sink_(text);
  }

  // What stands behind the last record, and what that means.
  absl::Status ShowEnd() {
    const End& end = reader_->end();
    if (end.kind == End::Kind::kClean || end.kind == End::Kind::kZeros) {
      ShowVerdict("ok", end.kind == End::Kind::kClean
                            ? std::string("the end")
                            : absl::StrCat("the end; zeros up to ", size_,
                                           ", room reserved for more"));
      return absl::OkStatus();
    }
    uint64_t largest = 0;
    bool any_record = false;
    absl::StatusOr<std::optional<SyncMark>> behind =
        reader_->ScanForMark(&largest, &any_record);
    if (!behind.ok()) {
      ShowFlaw(end.offset, behind.status());
      return behind.status();
    }
    const SyncMark here = {number(), end.offset};
    const SyncMark mark = std::max(
        {reader_->mark().value_or(SyncMark{}), behind->value_or(SyncMark{})});
    std::string text = absl::StrCat(
        size_ - end.offset, " bytes that do not read back (",
        end.kind == End::Kind::kBad ? "no record" : "a record cut short", ")");
    if (any_record) {
      absl::StrAppend(
          &text, ", and records behind them, the last with sequence ", largest);
    }
    if (mark > here) {
      absl::StrAppend(&text, ": damage, because all was durable up to ",
                      mark.offset, " of log ", mark.log_number);
      ShowVerdict("damage", text);
      flaw_.Note(CorruptionError(
          path_, end.offset,
          ToStd(absl::StrCat("the log is damaged: it had been durable up to "
                             "offset ",
                             mark.offset, " of log ", mark.log_number))));
      return absl::OkStatus();
    }
    ShowVerdict("torn", absl::StrCat(text,
                                     ": a torn tail, because no mark in this "
                                     "log says that it was durable"));
    return absl::OkStatus();
  }

  void ShowVerdict(std::string_view verdict, const std::string& text) {
    const End& end = reader_->end();
    if (json()) {
      JsonLine line = Line("end");
      line.Add("offset", end.offset).Add("end", NameOf(end.kind));
      line.Add("records", records_).Add("changes", changes_);
      line.Add("verdict", verdict).Add("text", text);
      return sink_(std::move(line).Finish());
    }
    sink_(absl::StrCat("  at ", end.offset, ": ", text));
    sink_(absl::StrCat("  ", Counted(records_, "record"), ", ",
                       Counted(changes_, "change")));
  }

  void ShowFlaw(uint64_t at, const absl::Status& status) {
    if (json()) {
      JsonLine line = Line("flaw");
      line.Add("offset", at).Add("text", PlainMessage(status));
      return sink_(std::move(line).Finish());
    }
    sink_(absl::StrCat("  at ", at, ": ", PlainMessage(status)));
  }

  const std::string path_;
  const WalDumpOptions& options_;
  LineSink& sink_;
  const std::unique_ptr<LogReader> reader_;
  const uint64_t size_;
  uint64_t records_ = 0;
  uint64_t changes_ = 0;
  FirstFlaw flaw_;
};

// Numbers of the logs in a directory, sorted.
absl::StatusOr<std::vector<uint64_t>> LogsIn(FileSystem& files,
                                             const std::string& directory) {
  LISSOM_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                          files.ListDirectory(directory));
  std::vector<uint64_t> numbers;
  for (const std::string& name : names) {
    const std::optional<ParsedFileName> parsed = ParseFileName(name);
    if (parsed.has_value() && parsed->type == FileType::kWal) {
      numbers.push_back(parsed->number);
    }
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

void ShowUnopened(const WalDumpOptions& options, LineSink& sink,
                  const absl::Status& status) {
  if (!options.style.json) return sink(PlainMessage(status));
  JsonLine line;
  line.Add("type", "flaw").Add("text", PlainMessage(status));
  sink(std::move(line).Finish());
}

void ShowTogether(const WalDumpOptions& options, LineSink& sink,
                  std::string_view verdict, const std::string& text) {
  if (!options.style.json) return sink(absl::StrCat("together: ", text));
  JsonLine line;
  line.Add("type", "together").Add("verdict", verdict).Add("text", text);
  sink(std::move(line).Finish());
}

bool IsMissing(const absl::Status& status) {
  const std::optional<ErrorDetail> detail = DetailOf(status);
  return detail.has_value() && detail->kind == ErrorKind::kMissingFile;
}

// The logs of a database at one moment, and what an open would make of them.
// All that it does is read.
class LogsTogether {
 public:
  LogsTogether(FileSystem& files, std::string directory)
      : files_(Borrowed(files)), directory_(std::move(directory)) {}

  // The manifest's or the replay's error is an error here, too; then the
  // logs can be shown none the less.
  absl::Status Read() {
    frozen_.Forget();
    replay_ = LogReplayResult{};
    manifest_ = ReadManifest(frozen_, directory_);
    LISSOM_RETURN_IF_ERROR(FreezeLogs());
    LISSOM_RETURN_IF_ERROR(manifest_.status());
    needed_ = logs_;
    std::erase_if(
        needed_, [&](uint64_t log) { return log < manifest_->min_log_number; });
    replay_ = ReplayLogs({.file_system = frozen_,
                          .directory = directory_,
                          .manifest = *manifest_,
                          .present = needed_},
                         [](std::string_view batch, SequenceNumber) {
                           return ValidateBatch(batch);
                         });
    return replay_.status();
  }

  const std::vector<uint64_t>& logs() const { return logs_; }

  absl::StatusOr<OpenedLog> Open(uint64_t number) {
    const std::string path = WalFileName(directory_, number);
    if (unfrozen_.contains(number)) {
      return OpenLog(*files_, path, LogKind::kWal);
    }
    return OpenFrozenLog(frozen_, path, LogKind::kWal, number);
  }

  absl::Status Show(const WalDumpOptions& options, LineSink& sink) const {
    if (!manifest_.ok()) {
      ShowTogether(
          options, sink, "unknown",
          absl::StrCat("unknown, because the manifest cannot be read: ",
                       PlainMessage(manifest_.status())));
      return manifest_.status();
    }
    if (!replay_.ok()) {
      ShowTogether(
          options, sink, "damage",
          absl::StrCat("an open refuses: ", PlainMessage(replay_.status())));
      return replay_.status();
    }
    std::string text =
        absl::StrCat("an open replays ", Counted(replay_->records, "record"),
                     " of ", Counted(needed_.size(), "log"),
                     ", up to sequence ", replay_->last_applied);
    if (replay_->torn) {
      absl::StrAppend(&text,
                      ", and leaves out a torn tail: ", replay_->torn_where);
    }
    ShowTogether(options, sink, replay_->torn ? "torn" : "ok", text);
    return absl::OkStatus();
  }

 private:
  // The newest first, as BesideWriterFiles wants it. An error: a log is gone.
  absl::Status FreezeLogs() {
    LISSOM_ASSIGN_OR_RETURN(logs_, LogsIn(*files_, directory_));
    unfrozen_.clear();
    for (size_t i = logs_.size(); i-- > 0;) {
      absl::Status status = frozen_
                                .Freeze(WalFileName(directory_, logs_[i]),
                                        LogIoContext(LogKind::kWal))
                                .status();
      if (IsMissing(status)) return status;
      // Whatever it is, it is for those who open it to say.
      if (!status.ok()) unfrozen_.insert(logs_[i]);
    }
    return absl::OkStatus();
  }

  const std::shared_ptr<FileSystem> files_;
  const std::string directory_;
  BesideWriterFiles frozen_{files_};
  absl::StatusOr<ManifestState> manifest_ = ManifestState();
  std::vector<uint64_t> logs_;    // Sorted.
  std::vector<uint64_t> needed_;  // Those that the manifest needs.
  std::set<uint64_t> unfrozen_;
  absl::StatusOr<LogReplayResult> replay_ = LogReplayResult{};
};

absl::Status DumpDirectory(FileSystem& files, const std::string& directory,
                           const WalDumpOptions& options, LineSink& sink) {
  LISSOM_ASSIGN_OR_RETURN(const std::vector<uint64_t> listed,
                          LogsIn(files, directory));
  LISSOM_ASSIGN_OR_RETURN(const FileInfo current,
                          files.GetFileInfo(CurrentFileName(directory)));
  if (listed.empty() && current.type == FileInfo::Type::kAbsent) {
    return absl::InvalidArgumentError(
        absl::StrCat(directory, ": no log and no database is in there"));
  }
  LogsTogether logs(files, directory);
  absl::Status read =
      RetryBesideWriter(files, directory, [&] { return logs.Read(); });
  if (absl::IsUnavailable(read)) return read;
  FirstFlaw flaw;
  for (const uint64_t number : logs.logs()) {
    absl::StatusOr<OpenedLog> log = logs.Open(number);
    if (!log.ok()) {
      ShowUnopened(options, sink, log.status());
      flaw.Note(log.status());
      continue;
    }
    // What is wrong behind the header is shown in its place.
    flaw.Note(
        LogDump(WalFileName(directory, number), *std::move(log), options, sink)
            .Run());
  }
  // What they are together counts: a log alone may be torn where a later one
  // proves damage, and the remains of a crash may not be a log at all.
  absl::Status together = logs.Show(options, sink);
  if (together.ok() || flaw.status().ok()) return together;
  return flaw.status();
}

}  // namespace

absl::Status DumpWal(FileSystem& files, const std::string& path,
                     const WalDumpOptions& options, LineSink& sink) {
  LISSOM_ASSIGN_OR_RETURN(const FileInfo info, files.GetFileInfo(path));
  if (info.type == FileInfo::Type::kDirectory) {
    return DumpDirectory(files, path, options, sink);
  }
  LISSOM_ASSIGN_OR_RETURN(OpenedLog log, OpenLog(files, path, LogKind::kWal));
  return LogDump(path, std::move(log), options, sink).Run();
}

}  // namespace lissom::tools
