#include "db/wal/log_writer.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "lissom/status.h"
#include "util/check.h"
#include "util/coding.h"
#include "util/error.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

// A larger payload is handed to the file from where it lies: copying it would
// cost more than one more piece in the append does.
constexpr size_t kMaxCopiedPayload = size_t{64} << 10;
// Marks closer than this say nothing that recovery needs: it bounds the synced
// bytes whose loss could go unnoticed before any record tells of them.
constexpr uint64_t kMarkDistance = uint64_t{32} << 10;
constexpr uint64_t kMinAllocationStep = uint64_t{1} << 20;
// Record header, a mark field, a skipped field and the head of a payload field
// at their largest.
constexpr size_t kMaxRecordHead =
    kLogRecordHeaderBytes + (2 + 2 * kMaxVarint64Bytes) +
    (2 + kMaxVarint64Bytes) + (1 + 2 * kMaxVarint64Bytes);

char* EncodeSkipped(char* to, uint64_t skipped) {
  if (skipped == 0) return to;
  *to++ = static_cast<char>(kLogFieldSkipped);
  *to++ = static_cast<char>(VarintLength(skipped));
  return EncodeVarint64(to, skipped);
}

}  // namespace

struct LogWriter::Rep {
  // A payload that was not copied; it goes in after the first `position` bytes
  // of `buffer`.
  struct Borrowed {
    size_t position;
    std::string_view payload;
  };

  const LogHeader header;
  const uint32_t tag_word;
  const IoContext context;
  std::unique_ptr<WritableFile> file;

  absl::Status status;  // The first error; every later call returns it.
  uint64_t size = 0;
  uint64_t synced_size = 0;
  uint64_t chain = 0;  // Of what was written and what was collected.
  uint64_t written_chain = 0;

  // The file's size as allocated; appends beyond it grow the file.
  uint64_t allocated = 0;
  uint64_t allocation_step = 0;  // 0: no preallocation.

  // What Add collected. All three keep their capacity.
  std::string buffer;
  std::vector<Borrowed> borrowed;
  uint64_t borrowed_bytes = 0;
  std::vector<std::string_view> pieces;

  SyncMark last_mark;
  uint64_t last_mark_offset = 0;

  Rep(const LogHeader& h, std::unique_ptr<WritableFile> f)
      : header(h),
        tag_word(LogTagWord(h.id)),
        context(LogIoContext(h.kind)),
        file(std::move(f)) {}

  uint64_t end_of_collected() const {
    return size + buffer.size() + borrowed_bytes;
  }

  absl::Status WriteHeader(uint64_t preallocate_bytes);
  void Allocate(uint64_t target);
  char* EncodeMark(char* to, const SyncMark& mark, uint64_t offset);
  void FillPieces();
  absl::Status CloseFile();
};

absl::Status LogWriter::Rep::WriteHeader(uint64_t preallocate_bytes) {
  if (preallocate_bytes > 0) {
    allocation_step = std::max(preallocate_bytes / 4, kMinAllocationStep);
    Allocate(preallocate_bytes);
  }
  const EncodedLogHeader encoded = EncodeLogHeader(header);
  const std::string_view piece(encoded.bytes.data(), encoded.bytes.size());
  LISSOM_RETURN_IF_ERROR(file->Append({&piece, 1}, context));
  size = piece.size();
  chain = written_chain = encoded.checksum;
  return absl::OkStatus();
}

void LogWriter::Rep::Allocate(uint64_t target) {
  // A hint: if there is no room, the append that needs it says so. `allocated`
  // advances all the same, so a refusal costs one call a step, not one a write.
  file->Allocate(target, context).IgnoreError();
  allocated = target;
}

char* LogWriter::Rep::EncodeMark(char* to, const SyncMark& mark,
                                 uint64_t offset) {
  // {0, 0} is "nothing known", which needs no saying.
  if (mark == SyncMark{} ||
      (mark == last_mark && offset - last_mark_offset < kMarkDistance)) {
    return to;
  }
  last_mark = mark;
  last_mark_offset = offset;
  const uint64_t numbers_back = header.number - mark.log_number;
  *to++ = static_cast<char>(kLogFieldMark);
  *to++ =
      static_cast<char>(VarintLength(numbers_back) + VarintLength(mark.offset));
  return EncodeVarint64(EncodeVarint64(to, numbers_back), mark.offset);
}

void LogWriter::Rep::FillPieces() {
  pieces.clear();
  size_t from = 0;
  for (const Borrowed& b : borrowed) {
    pieces.push_back(std::string_view(buffer).substr(from, b.position - from));
    pieces.push_back(b.payload);
    from = b.position;
  }
  if (from < buffer.size()) {
    pieces.push_back(std::string_view(buffer).substr(from));
  }
}

absl::Status LogWriter::Rep::CloseFile() {
  if (allocation_step > 0) {
    LISSOM_RETURN_IF_ERROR(file->TrimToSize(context));
  }
  LISSOM_RETURN_IF_ERROR(file->Sync(context));
  synced_size = size;
  return file->Close();
}

LogWriter::LogWriter(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
LogWriter::~LogWriter() = default;

absl::StatusOr<std::unique_ptr<LogWriter>> LogWriter::Create(
    FileSystem& file_system, const std::string& path, const LogHeader& header,
    uint64_t preallocate_bytes) {
  LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file,
                          file_system.Create(path, LogIoContext(header.kind)));
  auto rep = std::make_unique<Rep>(header, std::move(file));
  if (absl::Status s = rep->WriteHeader(preallocate_bytes); !s.ok()) {
    rep.reset();  // Closes the file.
    // Best effort: the first error is the one to report, and recovery deletes
    // a log that the manifest does not know.
    file_system.RemoveFile(path, LogIoContext(header.kind)).IgnoreError();
    return s;
  }
  return std::unique_ptr<LogWriter>(new LogWriter(std::move(rep)));
}

void LogWriter::Add(const LogRecord& record, const SyncMark& mark) {
  Rep& rep = *rep_;
  if (!rep.status.ok()) return;
  const uint64_t offset = rep.end_of_collected();
  const uint64_t above_base = record.ordinal - rep.header.base_sequence;
  const uint64_t field_bytes = VarintLength(above_base) + record.payload.size();

  char head[kMaxRecordHead];
  char* to = head + kLogRecordHeaderBytes;
  to = EncodeSkipped(rep.EncodeMark(to, mark, offset), record.skipped);
  *to++ = static_cast<char>(kLogFieldPayload);
  to = EncodeVarint64(EncodeVarint64(to, field_bytes), above_base);
  const size_t head_bytes = static_cast<size_t>(to - head);
  const uint64_t body_bytes =
      head_bytes - kLogRecordHeaderBytes + record.payload.size();
  if (record.payload.size() > kMaxLogBodyBytes ||
      body_bytes > kMaxLogBodyBytes) {
    rep.status =
        absl::InvalidArgumentError("a log record holds less than four GiB");
    return;
  }
  EncodeFixed32(head + 4, static_cast<uint32_t>(body_bytes));
  EncodeFixed32(head + kLogTagOffset, rep.tag_word);

  const bool copy = record.payload.size() <= kMaxCopiedPayload;
  const size_t start = rep.buffer.size();
  rep.buffer.append(head, head_bytes);
  if (copy) {
    rep.buffer.append(record.payload);
  } else {
    rep.borrowed.push_back({rep.buffer.size(), record.payload});
    rep.borrowed_bytes += record.payload.size();
  }
  // Everything behind the checksum itself is under it.
  const std::string_view own = std::string_view(rep.buffer).substr(start + 4);
  const std::string_view split[] = {own, record.payload};
  const uint64_t checksum =
      copy ? FileChecksum(rep.header.id, offset, own)
           : FileChecksum(rep.header.id, offset, std::span(split));
  EncodeFixed32(rep.buffer.data() + start, static_cast<uint32_t>(checksum));
  rep.chain = ExtendLogChain(rep.chain, checksum);
}

absl::Status LogWriter::Write() {
  Rep& rep = *rep_;
  if (!rep.status.ok()) return rep.status;
  const uint64_t end = rep.end_of_collected();
  if (end == rep.size) return absl::OkStatus();
  if (rep.allocation_step > 0 && end > rep.allocated) {
    rep.Allocate(end + rep.allocation_step);
  }
  rep.FillPieces();
  rep.status = rep.file->Append(rep.pieces, rep.context);
  if (!rep.status.ok()) return rep.status;
  rep.size = end;
  rep.written_chain = rep.chain;
  rep.buffer.clear();
  rep.borrowed.clear();
  rep.borrowed_bytes = 0;
  return absl::OkStatus();
}

absl::Status LogWriter::Sync() {
  Rep& rep = *rep_;
  if (!rep.status.ok()) return rep.status;
  rep.status = rep.file->Sync(rep.context);
  if (rep.status.ok()) rep.synced_size = rep.size;
  return rep.status;
}

absl::Status LogWriter::Close() {
  Rep& rep = *rep_;
  if (!rep.status.ok()) return rep.status;
  LISSOM_DCHECK(rep.end_of_collected() == rep.size);
  absl::Status result = rep.CloseFile();
  rep.status = result.ok()
                   ? absl::FailedPreconditionError("the log has been closed")
                   : result;
  return result;
}

uint64_t LogWriter::size() const { return rep_->size; }
uint64_t LogWriter::synced_size() const { return rep_->synced_size; }
uint64_t LogWriter::chain_hash() const { return rep_->written_chain; }
const LogHeader& LogWriter::header() const { return rep_->header; }

}  // namespace lissom
