#include "db/wal/log_format.h"

#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "lissom/status.h"
#include "util/coding.h"
#include "util/error.h"
#include "util/hash.h"
#include "util/strings.h"

namespace lissom {
namespace {

constexpr uint8_t kLogVersion = 0;

// Places in the file header. The magic, min_reader_version, the header length
// and the checksum as the header's last eight bytes stay where they are in
// every version: a newer log must be recognised, not taken for damage.
constexpr size_t kMagicBytes = 8;
constexpr size_t kVersionAt = 8;
constexpr size_t kMinReaderAt = 10;
constexpr size_t kLengthAt = 12;
constexpr size_t kNumberAt = 16;
constexpr size_t kIdHighAt = 24;
constexpr size_t kIdLowAt = 32;
constexpr size_t kBaseAt = 40;
constexpr size_t kChecksumBytes = 8;
constexpr size_t kChecksumAt = kLogHeaderBytes - kChecksumBytes;

std::string_view Magic(LogKind kind) {
  return kind == LogKind::kWal ? std::string_view("lissomwl", kMagicBytes)
                               : std::string_view("lissommf", kMagicBytes);
}

void EncodeFixed16(char* to, uint16_t v) { std::memcpy(to, &v, sizeof v); }

bool ParseMark(std::string_view bytes, const LogHeader& header,
               SyncMark* mark) {
  Decoder in(bytes);
  uint64_t numbers_back;
  if (!in.ReadVarint64(&numbers_back) || !in.ReadVarint64(&mark->offset)) {
    return false;
  }
  mark->log_number = header.number - numbers_back;
  return in.empty();
}

bool ParseSkipped(std::string_view bytes, LogRecord* record) {
  Decoder in(bytes);
  return in.ReadVarint64(&record->skipped) && record->skipped != 0 &&
         record->skipped <= kMaxSequence && in.empty();
}

bool ParsePayload(std::string_view bytes, const LogHeader& header,
                  LogRecord* record) {
  Decoder in(bytes);
  uint64_t above_base;
  if (!in.ReadVarint64(&above_base)) return false;
  record->ordinal = header.base_sequence + above_base;
  record->payload = in.rest();
  return true;
}

}  // namespace

EncodedLogHeader EncodeLogHeader(const LogHeader& header) {
  EncodedLogHeader out;
  out.bytes.fill(0);
  char* to = out.bytes.data();
  std::memcpy(to, Magic(header.kind).data(), kMagicBytes);
  EncodeFixed16(to + kVersionAt, kLogVersion);
  EncodeFixed16(to + kMinReaderAt, kLogVersion);
  EncodeFixed32(to + kLengthAt, kLogHeaderBytes);
  EncodeFixed64(to + kNumberAt, header.number);
  EncodeFixed64(to + kIdHighAt, header.id.high);
  EncodeFixed64(to + kIdLowAt, header.id.low);
  EncodeFixed64(to + kBaseAt, header.base_sequence);
  out.checksum = FileChecksum(header.id, 0, std::string_view(to, kChecksumAt));
  EncodeFixed64(to + kChecksumAt, out.checksum);
  return out;
}

absl::StatusOr<DecodedLogHeader> DecodeLogHeader(std::string_view bytes,
                                                 const std::string& path,
                                                 LogKind kind,
                                                 uint64_t number) {
  if (bytes.size() < kLogHeaderBytes) {
    return CorruptionError(path, bytes.size(),
                           "the log ends within its header");
  }
  if (bytes.substr(0, kMagicBytes) != Magic(kind)) {
    return CorruptionError(
        path, 0, kind == LogKind::kWal ? "not a WAL" : "not a manifest");
  }
  const char* from = bytes.data();
  DecodedLogHeader out;
  out.length = DecodeFixed32(from + kLengthAt);
  if (out.length < kLogHeaderBytes || out.length > bytes.size()) {
    return CorruptionError(path, kLengthAt, "bad length of the log's header");
  }
  const size_t checked_bytes = out.length - kChecksumBytes;
  out.header = {.kind = kind,
                .number = DecodeFixed64(from + kNumberAt),
                .id = {.high = DecodeFixed64(from + kIdHighAt),
                       .low = DecodeFixed64(from + kIdLowAt)},
                .base_sequence = DecodeFixed64(from + kBaseAt)};
  out.checksum = FileChecksum(out.header.id, 0, bytes.substr(0, checked_bytes));
  if (out.checksum != DecodeFixed64(from + checked_bytes)) {
    return CorruptionError(path, 0, "bad checksum of the log's header");
  }
  if (DecodeFixed16(from + kMinReaderAt) > kLogVersion) {
    return WithDetail(
        absl::UnimplementedError(absl::StrCat(
            path, ": written by a newer lissom (log format version ",
            DecodeFixed16(from + kVersionAt), ")")),
        {.file = path, .offset = kMinReaderAt});
  }
  if (out.header.number != number) {
    return CorruptionError(path, kNumberAt,
                           ToStd(absl::StrCat("this is log ", out.header.number,
                                              " under another's name")));
  }
  return out;
}

uint32_t LogTagWord(const FileId& id) {
  char bytes[sizeof id.high + sizeof id.low];
  EncodeFixed64(bytes, id.high);
  EncodeFixed64(bytes + sizeof id.high, id.low);
  uint32_t word = static_cast<uint32_t>(Hash64({bytes, sizeof bytes}));
  for (int shift = 0; shift < 32; shift += 8) {
    if ((word >> shift & 0xff) == 0) word |= 0xa5u << shift;
  }
  return word;
}

LogBodyVerdict ParseLogBody(std::string_view body, const LogHeader& header,
                            LogBody* out) {
  *out = LogBody();
  bool has_payload = false;
  bool newer = false;
  Decoder in(body);
  while (!in.empty()) {
    uint8_t tag;
    std::string_view bytes;
    if (!in.ReadByte(&tag) || !in.ReadLengthPrefixed(&bytes)) {
      return LogBodyVerdict::kMalformed;
    }
    if (tag == kLogFieldMark) {
      SyncMark mark;
      if (out->mark.has_value() || !ParseMark(bytes, header, &mark)) {
        return LogBodyVerdict::kMalformed;
      }
      out->mark = mark;
    } else if (tag == kLogFieldPayload) {
      if (has_payload || !ParsePayload(bytes, header, &out->record)) {
        return LogBodyVerdict::kMalformed;
      }
      has_payload = true;
    } else if (tag == kLogFieldSkipped) {
      if (header.kind != LogKind::kWal || out->record.skipped != 0 ||
          !ParseSkipped(bytes, &out->record)) {
        return LogBodyVerdict::kMalformed;
      }
    } else if (tag == 0 || tag == kLogFieldMustUnderstand) {
      return LogBodyVerdict::kMalformed;  // Zeros are never a field.
    } else if ((tag & kLogFieldMustUnderstand) != 0) {
      newer = true;
    }
  }
  if (newer) return LogBodyVerdict::kNewer;
  return has_payload ? LogBodyVerdict::kOk : LogBodyVerdict::kMalformed;
}

IoContext LogIoContext(LogKind kind) {
  return {.kind = kind == LogKind::kWal ? IoContext::Kind::kWal
                                        : IoContext::Kind::kManifest};
}

}  // namespace lissom
