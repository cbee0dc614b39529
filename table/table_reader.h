// TableReader reads one finished table file (table/FORMAT.md).
//
// Opened with one read of the file's tail; blocks come through the cache.
// Every byte from the file is verified before it is believed; a block enters
// the cache only after its checksum held. Immutable after Open, thread-safe.
// Errors: kDataLoss naming file and offset for bytes that are wrong or missing;
// never a shorter answer.
#ifndef LISSOM_TABLE_TABLE_READER_H_
#define LISSOM_TABLE_TABLE_READER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lissom/file_system.h"
#include "table/internal_iterator.h"
#include "table/internal_key.h"
#include "util/block_cache.h"
#include "util/file_id.h"
#include "util/ref_counted.h"

namespace lissom {

struct TableReaderOptions {
  KeyOrder order;
  std::shared_ptr<BlockCache> cache;  // Never null.
  // What the manifest says of the file; the file must agree (kDataLoss).
  FileId id;
  uint64_t file_size = 0;
  uint64_t tail_size = 0;
};

// How one call reads.
struct TableReadOptions {
  bool verify_checksums = true;
  bool fill_cache = true;
  size_t readahead_bytes = 0;  // For scans of compactions; 0: none.
  IoContext io = {.kind = IoContext::Kind::kTable};
};

// The answer of a point read. `value` lives as long as `owner`, which is alive
// until the caller's EpochGuard ends: to keep the value, take a Ref to it.
struct PointResult {
  EntryKind kind = EntryKind::kDelete;
  SequenceNumber sequence = 0;
  std::string_view value;
  const RefCounted* owner = nullptr;
  Ref<const RefCounted> pin = nullptr;  // Of an owner that the cache has not.
};

// One of several point reads that are made together.
struct PointRequest {
  const LookupKey* key = nullptr;
  PointResult result = {};  // If found.
  bool found = false;
  absl::Status status = {};  // Of this read alone.
};

class TableReader {
 public:
  // `path` names the file in errors. kDataLoss: not a table, another table, or
  // damaged. kUnimplemented: a newer format.
  static absl::StatusOr<std::unique_ptr<TableReader>> Open(
      TableReaderOptions options, std::string path,
      std::unique_ptr<RandomAccessFile> file);
  virtual ~TableReader() = default;

  // The newest entry of the key visible at its sequence: true and *result, or
  // false (a tombstone is an entry: true). No allocation when the blocks are
  // cached. Cost: no block read if the filter rules the key out. Requires: the
  // caller is inside an EpochGuard.
  virtual absl::StatusOr<bool> Get(const LookupKey& key,
                                   const TableReadOptions& options,
                                   PointResult* result) const = 0;

  // Get for each request. The reads share nothing but the wait for memory: each
  // step is taken for all of them, and asks for what the next one will touch.
  static constexpr size_t kMaxRequests = 32;  // Of one call.
  virtual void MultiGet(std::span<PointRequest* const> requests,
                        const TableReadOptions& options) const = 0;

  // The reader must outlive the iterator.
  virtual std::unique_ptr<InternalIterator> NewIterator(
      const TableReadOptions& options) const = 0;

  virtual uint64_t entries() const = 0;
};

}  // namespace lissom

#endif  // LISSOM_TABLE_TABLE_READER_H_
