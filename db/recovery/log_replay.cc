#include "db/recovery/log_replay.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "db/filename.h"
#include "db/memtable/batch_format.h"
#include "db/wal/log_reader.h"
#include "util/error.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

// Sequences skipped after records were lost whose length nobody knows. 2^23
// such stops would use up the space.
constexpr SequenceNumber kLostRecordsGap = SequenceNumber{1} << 32;

class Replay {
 public:
  Replay(
      const LogReplayInput& input,
      absl::FunctionRef<absl::Status(std::string_view, SequenceNumber)> apply)
      : input_(input), apply_(apply) {
    result_.last_applied = input.manifest.flushed_sequence;
    result_.last_seen =
        std::max(input.manifest.flushed_sequence, input.manifest.last_sequence);
  }

  absl::StatusOr<LogReplayResult> Run() {
    LISSOM_RETURN_IF_ERROR(CheckPresence());
    for (const uint64_t number : input_.present) {
      LISSOM_RETURN_IF_ERROR(VisitLog(number));
    }
    if (break_.has_value()) LISSOM_RETURN_IF_ERROR(AcceptBreak());
    result_.last_seen = std::max(result_.last_seen, result_.last_applied);
    return result_;
  }

 private:
  // Where the chain broke, and what kind of end was met there.
  struct Break {
    SyncMark at;
    LogReader::End::Kind kind;
    // Records of this log, or whole logs, follow behind the break.
    bool more_behind = false;
  };

  std::string PathOf(uint64_t number) const {
    return WalFileName(input_.directory, number);
  }

  const VersionEdit::LogCreated* Registered(uint64_t number) const {
    for (const auto& log : input_.manifest.logs) {
      if (log.number == number) return &log;
    }
    return nullptr;
  }

  const VersionEdit::LogClosed* ClosedCleanly(uint64_t number) const {
    for (const auto& log : input_.manifest.closed_logs) {
      if (log.number == number) return &log;
    }
    return nullptr;
  }

  absl::Status CheckPresence() const {
    for (const auto& log : input_.manifest.logs) {
      if (!std::binary_search(input_.present.begin(), input_.present.end(),
                              log.number)) {
        return MissingFileError(PathOf(log.number),
                                "the manifest names this log, and it is gone");
      }
    }
    return absl::OkStatus();
  }

  absl::Status VisitLog(uint64_t number) {
    const VersionEdit::LogCreated* registered = Registered(number);
    absl::StatusOr<std::unique_ptr<LogReader>> reader = LogReader::Open(
        input_.file_system, PathOf(number), LogKind::kWal, number);
    if (!reader.ok()) {
      // A log is registered before anything is acknowledged in it: one that is
      // not, and has no header, is the remains of a crash while it was made.
      if (registered == nullptr && absl::IsDataLoss(reader.status())) {
        return absl::OkStatus();
      }
      return std::move(reader).status();
    }
    const LogHeader& header = (*reader)->header();
    // Given out, whatever became of the records before it.
    result_.last_seen = std::max(result_.last_seen, header.base_sequence);
    if (registered != nullptr && header.id != registered->id) {
      return CorruptionError(PathOf(number), 0,
                             "this is another log of this name");
    }
    if (registered == nullptr) {
      // Nor need it follow the others, if nothing was written to it: the
      // remains of a try to resume after a failure, which had given out
      // sequences.
      LISSOM_ASSIGN_OR_RETURN(const bool empty, IsEmpty(number));
      if (empty) return absl::OkStatus();
    }
    LISSOM_ASSIGN_OR_RETURN(const std::optional<SequenceNumber> begin,
                            BeginOf(header));
    if (begin.has_value() && *begin < result_.last_applied) {
      return CorruptionError(PathOf(number), 0,
                             "the log does not follow the one before it");
    }
    if (Continues(begin, header.base_sequence)) {
      LISSOM_RETURN_IF_ERROR(ApplyLog(**reader, number));
    } else {
      if (!break_.has_value()) {
        if (!last_end_.has_value()) {
          return CorruptionError(PathOf(number), 0,
                                 "the log begins after a gap: one is missing");
        }
        break_ = last_end_;
      }
      LISSOM_RETURN_IF_ERROR(SearchLogForMarks(**reader));
    }
    return JudgeMarks();
  }

  // Has the log a header and nothing else, but for zeros?
  absl::StatusOr<bool> IsEmpty(uint64_t number) const {
    LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<LogReader> reader,
                            LogReader::Open(input_.file_system, PathOf(number),
                                            LogKind::kWal, number));
    LogRecord record;
    LISSOM_ASSIGN_OR_RETURN(const bool more, reader->Next(&record));
    return !more && (reader->end().kind == LogReader::End::Kind::kClean ||
                     reader->end().kind == LogReader::End::Kind::kZeros);
  }

  // The sequence behind which the log begins. Its header was written when that
  // was not known yet, and says where it was at that time: the first record
  // tells, if there is one.
  absl::StatusOr<std::optional<SequenceNumber>> BeginOf(
      const LogHeader& header) const {
    const std::string path = PathOf(header.number);
    LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<LogReader> reader,
                            LogReader::Open(input_.file_system, path,
                                            LogKind::kWal, header.number));
    LogRecord record;
    LISSOM_ASSIGN_OR_RETURN(const bool more, reader->Next(&record));
    if (!more) return std::nullopt;
    if (record.skipped >= record.ordinal) {
      return CorruptionError(path, 0, "a record skips more than there was");
    }
    return record.ordinal - record.skipped - 1;
  }

  // Does a log that begins there go on exactly where the applied changes end?
  // One without records does if nothing is known to be missing.
  bool Continues(std::optional<SequenceNumber> begin, SequenceNumber base) {
    if (!begin.has_value()) {
      return !break_.has_value() && base <= result_.last_applied;
    }
    if (*begin != result_.last_applied) return false;
    // If a bad end came before: nothing is missing between, so what was bad
    // lay behind the last record. The chain goes on, if the mode is content.
    if (break_.has_value() && (broken_inside_ || !ModeAllowsBreak())) {
      return false;
    }
    break_.reset();
    return true;
  }

  absl::Status ApplyLog(LogReader& reader, uint64_t number) {
    LogRecord record;
    uint64_t records = 0;
    while (true) {
      const uint64_t offset = reader.offset();
      LISSOM_ASSIGN_OR_RETURN(const bool more, reader.Next(&record));
      if (!more) break;
      LISSOM_RETURN_IF_ERROR(ApplyRecord(record, number, offset));
      ++records;
    }
    result_.records += records;
    NoteMark(reader.mark());
    const LogReader::End& end = reader.end();
    LISSOM_RETURN_IF_ERROR(CheckCleanStop(reader, number));
    last_end_ = Break{.at = {number, end.offset}, .kind = end.kind};
    ends_[number] = end.offset;
    if (end.kind == LogReader::End::Kind::kIncomplete ||
        end.kind == LogReader::End::Kind::kBad) {
      break_ = last_end_;
      bool any_record = false;
      LISSOM_RETURN_IF_ERROR(ScanBehind(reader, &any_record));
      // A valid record behind the bad bytes of its own log: the bad bytes were
      // a record too, and no later log can make up for it.
      broken_inside_ = any_record;
      break_->more_behind = any_record;
    }
    return absl::OkStatus();
  }

  // `offset`: where the record begins in its log.
  absl::Status ApplyRecord(const LogRecord& record, uint64_t number,
                           uint64_t offset) {
    const SequenceNumber expected =
        result_.last_applied + record.skipped + 1;  // Each is below 2^56.
    if (record.ordinal != expected) {
      return CorruptionError(
          PathOf(number), offset,
          absl::StrCat("a record with sequence ", record.ordinal, " where ",
                       expected, " follows"));
    }
    if (record.skipped > kMaxSequence - result_.last_applied) {
      return CorruptionError(PathOf(number), offset,
                             "a record's sequences are too large");
    }
    result_.last_applied += record.skipped;
    absl::StatusOr<BatchReader> batch = BatchReader::Open(record.payload);
    absl::Status status = batch.status();
    if (status.ok() && batch->count() > kMaxSequence - result_.last_applied) {
      return CorruptionError(PathOf(number), offset,
                             "a record's sequences are too large");
    }
    if (status.ok()) status = apply_(record.payload, record.ordinal);
    if (absl::IsInvalidArgument(status)) {
      return CorruptionError(
          PathOf(number), offset,
          std::string(status.message().data(), status.message().size()));
    }
    LISSOM_RETURN_IF_ERROR(status);
    result_.last_applied += batch->count();
    return absl::OkStatus();
  }

  // A log that was closed cleanly has exactly the bytes it had then.
  absl::Status CheckCleanStop(const LogReader& reader, uint64_t number) const {
    const VersionEdit::LogClosed* closed = ClosedCleanly(number);
    if (closed == nullptr) return absl::OkStatus();
    const LogReader::End& end = reader.end();
    if (end.kind == LogReader::End::Kind::kClean &&
        end.offset == closed->length &&
        reader.chain_hash() == closed->chain_hash) {
      return absl::OkStatus();
    }
    return CorruptionError(
        PathOf(number), end.offset,
        absl::StrCat("the log was closed with ", closed->length,
                     " bytes, and does not read back like that"));
  }

  // Reads a log behind the break: every record counts, wherever it stands.
  absl::Status SearchLogForMarks(LogReader& reader) {
    LogRecord record;
    while (true) {
      LISSOM_ASSIGN_OR_RETURN(const bool more, reader.Next(&record));
      if (!more) break;
      NoteLost(record.ordinal);
      break_->more_behind = true;
    }
    NoteMark(reader.mark());
    bool any_record = false;
    LISSOM_RETURN_IF_ERROR(ScanBehind(reader, &any_record));
    break_->more_behind = break_->more_behind || any_record;
    return absl::OkStatus();
  }

  absl::Status ScanBehind(LogReader& reader, bool* any_record) {
    uint64_t largest_ordinal = 0;
    LISSOM_ASSIGN_OR_RETURN(const std::optional<SyncMark> mark,
                            reader.ScanForMark(&largest_ordinal, any_record));
    NoteMark(mark);
    if (*any_record) NoteLost(largest_ordinal);
    return absl::OkStatus();
  }

  void NoteMark(const std::optional<SyncMark>& mark) {
    if (mark.has_value() && *mark > greatest_mark_) greatest_mark_ = *mark;
  }

  void NoteLost(SequenceNumber first) {
    result_.last_seen = std::max(
        result_.last_seen, std::min(first + kLostRecordsGap, kMaxSequence));
  }

  absl::Status JudgeMarks() const {
    // Also a log that no break was seen in: what is gone may have been its end.
    const auto end = ends_.find(greatest_mark_.log_number);
    const bool shorter =
        end != ends_.end() && end->second < greatest_mark_.offset;
    const bool behind_break = break_.has_value() && greatest_mark_ > break_->at;
    if (!shorter && !behind_break) return absl::OkStatus();
    const SyncMark at =
        behind_break ? break_->at : SyncMark{end->first, end->second};
    return CorruptionError(
        PathOf(at.log_number), at.offset,
        absl::StrCat("the log is damaged: it had been durable up to offset ",
                     greatest_mark_.offset, " of log ",
                     greatest_mark_.log_number));
  }

  // Does the mode put up with what stands at the break?
  bool ModeAllowsBreak() const {
    return input_.mode == WalRecoveryMode::kPointInTime ||
           (input_.mode == WalRecoveryMode::kTornTailOnly &&
            break_->kind != LogReader::End::Kind::kBad && !break_->more_behind);
  }

  // The replay ends at a break above the last mark.
  absl::Status AcceptBreak() {
    if (!ModeAllowsBreak()) {
      return CorruptionError(
          PathOf(break_->at.log_number), break_->at.offset,
          "the log's end does not read back, and the recovery "
          "mode does not allow that");
    }
    result_.torn = true;
    result_.torn_where = absl::StrCat(PathOf(break_->at.log_number),
                                      " at offset ", break_->at.offset);
    return absl::OkStatus();
  }

  const LogReplayInput& input_;
  const absl::FunctionRef<absl::Status(std::string_view, SequenceNumber)>
      apply_;
  LogReplayResult result_;
  SyncMark greatest_mark_;
  std::optional<Break> break_;
  bool broken_inside_ =
      false;  // break_ has valid records behind it in its log.
  std::optional<Break> last_end_;      // Of the last log applied.
  std::map<uint64_t, uint64_t> ends_;  // Of each log applied: its bytes.
};

}  // namespace

absl::StatusOr<LogReplayResult> ReplayLogs(
    const LogReplayInput& input,
    absl::FunctionRef<absl::Status(std::string_view batch,
                                   SequenceNumber first)>
        apply) {
  return Replay(input, apply).Run();
}

}  // namespace lissom
