// The bytes of a write batch (db/FORMAT.md, "Write batches"), as they stand in
// a WriteBatch, in a WAL record, and on their way into a memtable.
//
//   byte 0      version, 0
//   bytes 1..4  fixed32: number of changes (log data is none)
//   entries     tag | varint length | body
//     tag: bits 0-5 EntryKind; bit 6: the body begins with a varint family id
//          (reserved); bit 7: a reader that does not know the kind may skip it
//     kPut body      varint key length | key | value
//     kDelete body   key
//     kLogData body  the note
#ifndef LISSOM_DB_MEMTABLE_BATCH_FORMAT_H_
#define LISSOM_DB_MEMTABLE_BATCH_FORMAT_H_

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "db/memtable/memtable.h"
#include "table/internal_key.h"

namespace lissom {

inline constexpr uint8_t kBatchVersion = 0;
inline constexpr size_t kBatchHeaderBytes = 5;
inline constexpr uint8_t kBatchKindMask = 0x3f;
inline constexpr uint8_t kBatchHasFamily = 0x40;
inline constexpr uint8_t kBatchMaySkip = 0x80;

struct BatchEntry {
  EntryKind kind = EntryKind::kPut;
  std::string_view key;    // Empty for kLogData.
  std::string_view value;  // Or the log data.
};

// Reads a batch entry by entry; the bytes are not trusted. Thread-compatible;
// views point into the bytes.
class BatchReader {
 public:
  // kInvalidArgument: no batch; kUnimplemented: a newer one.
  static absl::StatusOr<BatchReader> Open(std::string_view bytes);

  // True and the next entry, or false at the end. kInvalidArgument: malformed,
  // over a limit, or the count in the header is wrong; kUnimplemented: an
  // unknown entry that must not be skipped.
  absl::StatusOr<bool> Next(BatchEntry* entry);

  uint32_t count() const { return count_; }

 private:
  BatchReader(std::string_view entries, uint32_t count)
      : rest_(entries), count_(count), left_(count) {}

  std::string_view rest_;
  uint32_t count_;
  uint32_t left_;
};

// Reads the whole batch; OK if every entry is well formed.
absl::Status ValidateBatch(std::string_view bytes);

// Adds the changes of a valid batch, numbered from `first`. Throws
// std::bad_alloc half way; the sequences used are then spent. Errors as
// BatchReader's.
absl::Status InsertBatch(std::string_view bytes, SequenceNumber first,
                         Memtable& memtable);

}  // namespace lissom

#endif  // LISSOM_DB_MEMTABLE_BATCH_FORMAT_H_
