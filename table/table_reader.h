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

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lissom/clock.h"
#include "lissom/file_system.h"
#include "table/internal_iterator.h"
#include "table/internal_key.h"
#include "table/properties.h"
#include "util/block_cache.h"
#include "util/file_id.h"
#include "util/ref_counted.h"

namespace lissom {

struct TableReaderOptions {
  KeyOrder order;
  std::shared_ptr<BlockCache> cache;  // Never null.
  // Of BlockCache::NewFileKey, and the same whenever this file is opened, so
  // that its blocks in the cache are found again; 0: one of this reader's own.
  uint64_t cache_key = 0;
  // What the manifest says of the file; the file must agree (kDataLoss).
  FileId id;
  uint64_t file_size = 0;
  uint64_t tail_size = 0;
  IoContext io = {.kind = IoContext::Kind::kTable};  // Of Open.
};

// How one call reads.
struct TableReadOptions {
  bool verify_checksums = true;
  bool fill_cache = true;
  bool cache_only = false;  // kUnavailable instead of any I/O.
  // Iterators read the file in windows of this size; 0: block by block, or,
  // with auto_readahead, in windows that grow while the blocks that come from
  // the file follow one another.
  size_t readahead_bytes = 0;
  bool auto_readahead = false;
  // Says whether io.deadline has passed: kDeadlineExceeded before I/O. Null:
  // there is no deadline. Outlives iterators.
  Clock* clock = nullptr;
  IoContext io = {.kind = IoContext::Kind::kTable};
};

// OK if a call may do I/O now; else kUnavailable or kDeadlineExceeded.
absl::Status CheckMayRead(const TableReadOptions& options);
// OK, or kDeadlineExceeded. Asks the clock only if there is a deadline.
absl::Status CheckDeadline(const TableReadOptions& options);

// The answer of a point read. `value` lives as long as `owner`, which is alive
// until the caller's EpochGuard ends: to keep the value, take a Ref to it.
struct PointResult {
  EntryKind kind = EntryKind::kDelete;
  SequenceNumber sequence = 0;
  std::string_view value;
  const RefCounted* owner = nullptr;
  Ref<const RefCounted> pin = nullptr;  // Of an owner that the cache has not.
  // Of a key that was not found: the filter knew.
  bool ruled_out = false;
};

// What became of tables that were asked in turn.
struct TablesAsked {
  size_t answered = 0;     // Which one did, or failed; their number: none.
  uint32_t ruled_out = 0;  // Those before it whose filters said no,
  uint32_t in_vain = 0;    // and those that had nothing all the same.
};

class TableReader;

// One of several point reads that are made together.
struct PointRequest {
  const TableReader* table = nullptr;
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

  // Get of several tables in turn, until one has an answer or fails; *asked
  // says which. The next ones' filters are asked for before the first is looked
  // at, so that the waits for memory overlap.
  static constexpr size_t kMaxTables = 8;  // Of one call.
  static absl::Status GetFirst(std::span<const TableReader* const> tables,
                               const LookupKey& key,
                               const TableReadOptions& options,
                               PointResult* result, TablesAsked* asked);

  // Get for each request, of whatever tables. The reads share nothing but the
  // waits: each step is taken for all of them, and asks for what the next one
  // will touch; blocks that miss are read together.
  static constexpr size_t kMaxRequests = 32;  // Of one call.
  static void MultiGet(std::span<PointRequest> requests,
                       const TableReadOptions& options);

  // The reader must outlive the iterator.
  virtual std::unique_ptr<InternalIterator> NewIterator(
      const TableReadOptions& options) const = 0;

  // How many bytes of the file belong to entries before `target`, to a block;
  // index and filters are shared out. Reads no data block.
  virtual absl::StatusOr<uint64_t> ApproximateOffset(
      const InternalKeyView& target, const TableReadOptions& options) const = 0;

  // Reads all blocks and checks everything that they say of one another (see
  // table_verifier.h). Asks `may_go_on` before each data block; its error ends
  // it. kDataLoss naming file and offset. A cached block is taken as it is:
  // open the reader with a cache of no bytes.
  virtual absl::Status Verify(
      const TableReadOptions& options,
      absl::FunctionRef<absl::Status()> may_go_on) const = 0;

  // Drops the table's blocks from the cache, because it will not be read again.
  // Not those whose partition of the index is not there: they age out.
  virtual void EraseBlocks() const = 0;

  virtual const TableProperties& properties() const = 0;
  // Bytes that stay while the table is open, beside what is in the cache.
  virtual size_t memory_bytes() const = 0;
  uint64_t entries() const { return properties().entries; }
};

}  // namespace lissom

#endif  // LISSOM_TABLE_TABLE_READER_H_
