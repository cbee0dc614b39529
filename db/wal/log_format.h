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

#include <compare>
#include <cstdint>
#include <string_view>

#include "table/internal_key.h"
#include "util/file_id.h"

namespace lissom {

enum class LogKind : uint8_t { kWal = 1, kManifest = 2 };

// "Log `log_number` was durable up to `offset`."
struct SyncMark {
  uint64_t log_number = 0;
  uint64_t offset = 0;
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
};

}  // namespace lissom

#endif  // LISSOM_DB_WAL_LOG_FORMAT_H_
