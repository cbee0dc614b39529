// The bytes of a log: the WAL, and the manifest, which is a log of version
// edits. db/FORMAT.md has the layout with reasons.
//
// A log is a header and records. Each record carries an ordinal (in a WAL the
// sequence number of its first change, in a manifest its number) and a payload.
// Checksums are bound to the file's id and to the record's offset. Now and
// then a record carries a SyncMark: what was durable when it was written. Marks
// tell a torn tail (legal after a power cut) from rot (kDataLoss).
#ifndef LISSOM_DB_WAL_LOG_FORMAT_H_
#define LISSOM_DB_WAL_LOG_FORMAT_H_

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "lissom/file_system.h"
#include "table/internal_key.h"
#include "util/file_id.h"

namespace lissom {

enum class LogKind : uint8_t { kWal = 1, kManifest = 2 };

// "Log `log_number` was durable up to `offset`."
struct SyncMark {
  uint64_t log_number = 0;
  uint64_t offset = 0;
  // clang-tidy 14 sees a null pointer in the comparison that it generates.
  // NOLINTNEXTLINE(modernize-use-nullptr)
  friend auto operator<=>(const SyncMark&, const SyncMark&) = default;
};

struct LogHeader {
  LogKind kind = LogKind::kWal;
  uint64_t number = 0;  // The number in the file's name.
  FileId id;
  // Of a WAL: the last sequence given out before its first record; the chain
  // that proves that no older log lost its end. Of a manifest: 0.
  SequenceNumber base_sequence = 0;
};

struct LogRecord {
  uint64_t ordinal = 0;
  std::string_view payload;
  // In a WAL: sequences between the record before and this one that went to
  // changes no log has.
  uint64_t skipped = 0;
};

// Below: the bytes, shared by LogWriter and LogReader.

// A file header is at least this long; a newer one may be longer, up to
// kMaxLogHeaderBytes, its checksum always last.
inline constexpr size_t kLogHeaderBytes = 56;
inline constexpr size_t kMaxLogHeaderBytes = 4096;

struct EncodedLogHeader {
  std::array<char, kLogHeaderBytes> bytes;
  uint64_t checksum = 0;  // The header's own; where the chain hash starts.
};
EncodedLogHeader EncodeLogHeader(const LogHeader& header);

struct DecodedLogHeader {
  LogHeader header;
  size_t length = 0;  // Where the first record begins.
  uint64_t checksum = 0;
};
// `bytes`: the first kMaxLogHeaderBytes of the file, or all of a shorter one.
// kDataLoss: not the header of a log of this kind and number; kUnimplemented:
// newer. `path` is for the message.
absl::StatusOr<DecodedLogHeader> DecodeLogHeader(std::string_view bytes,
                                                 const std::string& path,
                                                 LogKind kind, uint64_t number);

// Record: checksum, body length, tag word, each a fixed32; then the body.
inline constexpr size_t kLogRecordHeaderBytes = 12;
inline constexpr size_t kLogTagOffset = 8;
inline constexpr uint64_t kMaxLogBodyBytes = UINT32_MAX;

// Stands in every record header of the file with this id. No byte of it is
// zero: zeros never look like a part of one.
uint32_t LogTagWord(const FileId& id);

// Fields of a body: tag byte, varint length, bytes.
enum LogField : uint8_t {
  kLogFieldMustUnderstand = 0x80,  // Bit: a reader that does not know refuses.
  kLogFieldMark = 0x81,
  kLogFieldPayload = 0x82,
  kLogFieldSkipped = 0x83,
};

// What a body says.
struct LogBody {
  std::optional<SyncMark> mark;
  LogRecord record;  // Views into the body.
};
enum class LogBodyVerdict { kOk, kMalformed, kNewer };
LogBodyVerdict ParseLogBody(std::string_view body, const LogHeader& header,
                            LogBody* out);

// The chain hash after one more record, whose full checksum is given.
constexpr uint64_t ExtendLogChain(uint64_t chain, uint64_t checksum) {
  const uint64_t h = (chain ^ checksum) * 0x9fb21c651e98df25u;
  return (h ^ (h >> 32)) + checksum;
}

IoContext LogIoContext(LogKind kind);

}  // namespace lissom

#endif  // LISSOM_DB_WAL_LOG_FORMAT_H_
