#include "db/wal/log_reader.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lissom/status.h"
#include "util/check.h"
#include "util/coding.h"
#include "util/error.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom {
namespace {

constexpr size_t kWindowBytes = size_t{256} << 10;
// ScanForMark gives up when the records it tried add up to this many times the
// file: honest files hold next to no false tag words.
constexpr uint64_t kMaxScanFactor = 16;

// Bytes of a file through a buffer: small ranges come from a window that moves
// forward, large ones have a buffer of their own.
class FileView {
 public:
  FileView(std::unique_ptr<RandomAccessFile> file, std::string path,
           uint64_t size, const IoContext& context)
      : file_(std::move(file)),
        path_(std::move(path)),
        size_(size),
        context_(context),
        window_(std::make_unique_for_overwrite<char[]>(kWindowBytes)) {}

  uint64_t size() const { return size_; }
  const std::string& path() const { return path_; }

  // The `n` bytes at `offset`, until the next call.
  // Requires: the file has them.
  absl::StatusOr<std::string_view> Get(uint64_t offset, size_t n) {
    LISSOM_DCHECK(n <= size_ && offset <= size_ - n);
    if (InWindow(offset, n)) return FromWindow(offset, n);
    if (n > kWindowBytes) return GetLarge(offset, n);
    window_size_ = 0;  // Nothing, should the read fail.
    const size_t want =
        static_cast<size_t>(std::min<uint64_t>(kWindowBytes, size_ - offset));
    LISSOM_RETURN_IF_ERROR(Read(offset, want, window_.get()));
    window_offset_ = offset;
    window_size_ = want;
    return FromWindow(offset, n);
  }

  // As Get, but leaves the window where it is, and views into it alone.
  absl::StatusOr<std::string_view> GetAside(uint64_t offset, size_t n) {
    if (InWindow(offset, n)) return FromWindow(offset, n);
    return GetLarge(offset, n);
  }

 private:
  bool InWindow(uint64_t offset, size_t n) const {
    return offset >= window_offset_ &&
           offset - window_offset_ <= window_size_ &&
           n <= window_size_ - (offset - window_offset_);
  }
  std::string_view FromWindow(uint64_t offset, size_t n) const {
    return {window_.get() + (offset - window_offset_), n};
  }

  absl::StatusOr<std::string_view> GetLarge(uint64_t offset, size_t n) {
    if (large_capacity_ < n) {
      large_.reset();
      large_capacity_ = 0;
      // The file is that long, the memory may not be: no reason to throw.
      large_.reset(new (std::nothrow) char[n]);
      if (large_ == nullptr) {
        return WithDetail(
            absl::ResourceExhaustedError(absl::StrCat(
                path_, ": no memory for a record of ", n, " bytes")),
            {.kind = ErrorKind::kNoResources, .file = path_, .offset = offset});
      }
      large_capacity_ = n;
    }
    size_t have = 0;  // Bytes that the window has already read.
    if (offset >= window_offset_ && offset - window_offset_ < window_size_) {
      have = std::min(
          n, window_size_ - static_cast<size_t>(offset - window_offset_));
      std::memcpy(large_.get(), FromWindow(offset, have).data(), have);
    }
    LISSOM_RETURN_IF_ERROR(Read(offset + have, n - have, large_.get() + have));
    return std::string_view(large_.get(), n);
  }

  absl::Status Read(uint64_t offset, size_t n, char* to) {
    LISSOM_ASSIGN_OR_RETURN(const std::string_view got,
                            file_->Read(offset, n, to, context_));
    if (got.size() != n) {
      return CorruptionError(path_, offset + got.size(),
                             "the log shrank while it was read");
    }
    if (got.data() != to) std::memmove(to, got.data(), n);
    return absl::OkStatus();
  }

  std::unique_ptr<RandomAccessFile> file_;
  std::string path_;
  uint64_t size_;
  IoContext context_;
  std::unique_ptr<char[]> window_;
  uint64_t window_offset_ = 0;
  size_t window_size_ = 0;
  std::unique_ptr<char[]> large_;
  size_t large_capacity_ = 0;
};

}  // namespace

struct LogReader::Rep {
  FileView file;
  const DecodedLogHeader header;
  const uint32_t tag_word;

  uint64_t offset;  // Of the next record.
  uint64_t chain;
  std::optional<SyncMark> mark;
  std::optional<SyncMark> record_mark;
  bool ended = false;
  End end;

  Rep(FileView f, const DecodedLogHeader& h)
      : file(std::move(f)),
        header(h),
        tag_word(LogTagWord(h.header.id)),
        offset(h.length),
        chain(h.checksum) {}

  std::string_view tag_bytes() const {
    return {reinterpret_cast<const char*>(&tag_word), sizeof tag_word};
  }

  absl::StatusOr<std::optional<uint64_t>> RecordSizeAt(uint64_t at);
  bool Verify(uint64_t at, std::string_view record, uint64_t* checksum) const;
  absl::Status Parse(uint64_t at, std::string_view record, LogBody* body) const;

  absl::StatusOr<uint64_t> EndOfNonZeros(uint64_t from);
  absl::Status Judge();
  absl::StatusOr<End::Kind> JudgeTail();

  // What ScanForMark has found and spent.
  struct Scan {
    uint64_t budget = 0;
    std::optional<SyncMark> mark;
    uint64_t largest_ordinal = 0;
    bool any_record = false;
  };
  absl::StatusOr<uint64_t> ScanWindow(uint64_t at, Scan* scan);
  absl::StatusOr<uint64_t> TryRecord(uint64_t at, Scan* scan);
};

// The size of the record whose header stands at `at`; nullopt if no record of
// this file that lies within it can stand there.
absl::StatusOr<std::optional<uint64_t>> LogReader::Rep::RecordSizeAt(
    uint64_t at) {
  const uint64_t left = file.size() - at;
  if (left <= kLogRecordHeaderBytes) return std::nullopt;
  LISSOM_ASSIGN_OR_RETURN(const std::string_view head,
                          file.GetAside(at, kLogRecordHeaderBytes));
  const uint64_t body_bytes = DecodeFixed32(head.data() + 4);
  if (DecodeFixed32(head.data() + kLogTagOffset) != tag_word ||
      body_bytes == 0 || body_bytes > left - kLogRecordHeaderBytes) {
    return std::nullopt;
  }
  return kLogRecordHeaderBytes + body_bytes;
}

bool LogReader::Rep::Verify(uint64_t at, std::string_view record,
                            uint64_t* checksum) const {
  *checksum = FileChecksum(header.header.id, at, record.substr(4));
  return static_cast<uint32_t>(*checksum) == DecodeFixed32(record.data());
}

// What a record says whose checksum holds: it was written so, and is neither
// skipped nor taken for the end.
absl::Status LogReader::Rep::Parse(uint64_t at, std::string_view record,
                                   LogBody* body) const {
  switch (
      ParseLogBody(record.substr(kLogRecordHeaderBytes), header.header, body)) {
    case LogBodyVerdict::kOk:
      return absl::OkStatus();
    case LogBodyVerdict::kMalformed:
      return CorruptionError(file.path(), at, "malformed log record");
    case LogBodyVerdict::kNewer:
      break;
  }
  return WithDetail(
      absl::UnimplementedError(absl::StrCat(
          file.path(), ": log record of a newer lissom at offset ", at)),
      {.file = file.path(), .offset = at});
}

// Where the last byte at or behind `from` that is not zero ends; `from` if all
// are zeros.
absl::StatusOr<uint64_t> LogReader::Rep::EndOfNonZeros(uint64_t from) {
  uint64_t end = file.size();
  while (end > from) {
    const uint64_t begin =
        std::max(from, end - std::min<uint64_t>(end, kWindowBytes));
    LISSOM_ASSIGN_OR_RETURN(const std::string_view bytes,
                            file.Get(begin, static_cast<size_t>(end - begin)));
    const size_t last = bytes.find_last_not_of('\0');
    if (last != std::string_view::npos) return begin + last + 1;
    end = begin;
  }
  return from;
}

absl::Status LogReader::Rep::Judge() {
  end.offset = offset;
  LISSOM_ASSIGN_OR_RETURN(end.kind, JudgeTail());
  ended = true;
  return absl::OkStatus();
}

// Requires: no valid record stands at `offset`.
absl::StatusOr<LogReader::End::Kind> LogReader::Rep::JudgeTail() {
  using Kind = End::Kind;
  if (offset == file.size()) return Kind::kClean;
  LISSOM_ASSIGN_OR_RETURN(const uint64_t written_end, EndOfNonZeros(offset));
  if (written_end == offset) return Kind::kZeros;
  const size_t head_bytes = static_cast<size_t>(
      std::min<uint64_t>(written_end - offset, kLogRecordHeaderBytes));
  LISSOM_ASSIGN_OR_RETURN(const std::string_view head,
                          file.Get(offset, head_bytes));
  // The tag word as far as it is there: no byte of it is zero.
  const size_t tag_begin = std::min(head_bytes, kLogTagOffset);
  const std::string_view tag = head.substr(tag_begin);
  if (tag != tag_bytes().substr(0, tag.size())) return Kind::kBad;
  if (head_bytes < kLogRecordHeaderBytes) return Kind::kIncomplete;
  const uint64_t body_bytes = DecodeFixed32(head.data() + 4);
  return written_end - offset - kLogRecordHeaderBytes < body_bytes
             ? Kind::kIncomplete
             : Kind::kBad;
}

LogReader::LogReader(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
LogReader::~LogReader() = default;

absl::StatusOr<std::unique_ptr<LogReader>> LogReader::Open(
    FileSystem& file_system, const std::string& path, LogKind kind,
    uint64_t number) {
  const IoContext context = LogIoContext(kind);
  LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessFile> file,
                          file_system.OpenForRead(path, context));
  LISSOM_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  FileView view(std::move(file), path, size, context);
  LISSOM_ASSIGN_OR_RETURN(const std::string_view bytes,
                          view.Get(0, static_cast<size_t>(std::min<uint64_t>(
                                          size, kMaxLogHeaderBytes))));
  LISSOM_ASSIGN_OR_RETURN(const DecodedLogHeader header,
                          DecodeLogHeader(bytes, path, kind, number));
  return std::unique_ptr<LogReader>(
      new LogReader(std::make_unique<Rep>(std::move(view), header)));
}

absl::StatusOr<bool> LogReader::Next(LogRecord* record) {
  Rep& rep = *rep_;
  if (rep.ended) return false;
  // Moves the window on if the next header is not in it.
  if (rep.file.size() - rep.offset >= kLogRecordHeaderBytes) {
    LISSOM_RETURN_IF_ERROR(
        rep.file.Get(rep.offset, kLogRecordHeaderBytes).status());
  }
  LISSOM_ASSIGN_OR_RETURN(const std::optional<uint64_t> size,
                          rep.RecordSizeAt(rep.offset));
  if (size.has_value()) {
    LISSOM_ASSIGN_OR_RETURN(
        const std::string_view bytes,
        rep.file.Get(rep.offset, static_cast<size_t>(*size)));
    uint64_t checksum;
    if (rep.Verify(rep.offset, bytes, &checksum)) {
      LogBody body;
      LISSOM_RETURN_IF_ERROR(rep.Parse(rep.offset, bytes, &body));
      rep.offset += *size;
      rep.chain = ExtendLogChain(rep.chain, checksum);
      if (body.mark > rep.mark) rep.mark = body.mark;
      rep.record_mark = body.mark;
      *record = body.record;
      return true;
    }
  }
  LISSOM_RETURN_IF_ERROR(rep.Judge());
  return false;
}

// Looks for a record at `at`, where a tag word says that one may be. Returns
// where to look on: behind it, or behind its first byte.
absl::StatusOr<uint64_t> LogReader::Rep::TryRecord(uint64_t at, Scan* scan) {
  LISSOM_ASSIGN_OR_RETURN(const std::optional<uint64_t> size, RecordSizeAt(at));
  if (!size.has_value()) return at + 1;
  if (*size > scan->budget) {
    return CorruptionError(
        file.path(), at,
        "too many pieces that look like records; the scan for what was synced "
        "behind the damage was given up");
  }
  scan->budget -= *size;
  LISSOM_ASSIGN_OR_RETURN(const std::string_view bytes,
                          file.GetAside(at, static_cast<size_t>(*size)));
  uint64_t checksum;
  if (!Verify(at, bytes, &checksum)) return at + 1;
  LogBody body;
  LISSOM_RETURN_IF_ERROR(Parse(at, bytes, &body));
  scan->any_record = true;
  scan->largest_ordinal = std::max(scan->largest_ordinal, body.record.ordinal);
  if (body.mark > scan->mark) scan->mark = body.mark;
  return at + *size;
}

// Tries every tag word whose record begins at or behind `at` and that lies
// within one window from there; returns where the next window begins.
absl::StatusOr<uint64_t> LogReader::Rep::ScanWindow(uint64_t at, Scan* scan) {
  const size_t n =
      static_cast<size_t>(std::min<uint64_t>(kWindowBytes, file.size() - at));
  LISSOM_ASSIGN_OR_RETURN(const std::string_view bytes, file.Get(at, n));
  const uint64_t begin = at;
  while (true) {
    const size_t found = bytes.find(
        tag_bytes(), static_cast<size_t>(at - begin) + kLogTagOffset);
    if (found == std::string_view::npos) break;
    LISSOM_ASSIGN_OR_RETURN(at, TryRecord(begin + found - kLogTagOffset, scan));
    // A record may end beyond the window.
    if (at - begin + kLogRecordHeaderBytes > n) return at;
  }
  // A tag word that is cut by the window's end belongs to the next window.
  return std::max(at, begin + n - (kLogRecordHeaderBytes - 1));
}

absl::StatusOr<std::optional<SyncMark>> LogReader::ScanForMark(
    uint64_t* largest_ordinal, bool* any_record) {
  Rep& rep = *rep_;
  LISSOM_DCHECK(rep.ended);
  Rep::Scan scan;
  scan.budget = rep.file.size() > UINT64_MAX / kMaxScanFactor
                    ? UINT64_MAX
                    : rep.file.size() * kMaxScanFactor;
  uint64_t at = rep.end.offset;
  // A body has at least one byte, so no record begins in the last twelve.
  while (rep.file.size() - at > kLogRecordHeaderBytes) {
    LISSOM_ASSIGN_OR_RETURN(at, rep.ScanWindow(at, &scan));
  }
  *largest_ordinal = std::max(*largest_ordinal, scan.largest_ordinal);
  if (scan.any_record) *any_record = true;
  return scan.mark;
}

const LogHeader& LogReader::header() const { return rep_->header.header; }
const LogReader::End& LogReader::end() const {
  LISSOM_DCHECK(rep_->ended);
  return rep_->end;
}
std::optional<SyncMark> LogReader::mark() const { return rep_->mark; }
std::optional<SyncMark> LogReader::record_mark() const {
  return rep_->record_mark;
}
uint64_t LogReader::chain_hash() const { return rep_->chain; }
uint64_t LogReader::offset() const { return rep_->offset; }

}  // namespace lissom
