// TableMetadata: what the manifest says of a table. TableFile: a table that is
// part of some Version, with its reader, opened when first needed.
#ifndef LISSOM_DB_VERSION_TABLE_FILE_H_
#define LISSOM_DB_VERSION_TABLE_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "db/version/open_tables.h"
#include "lissom/file_system.h"
#include "table/internal_key.h"
#include "table/table_reader.h"
#include "util/block_cache.h"
#include "util/file_id.h"
#include "util/mutex.h"

namespace lissom {

struct TableMetadata {
  uint64_t number = 0;
  uint64_t size = 0;
  uint64_t tail_size = 0;
  FileId id;
  InternalKey smallest;
  InternalKey largest;
  bool largest_exclusive = false;  // For range-tombstone ends; reserved.
  SequenceNumber smallest_sequence = 0;
  SequenceNumber largest_sequence = 0;
  SequenceNumber global_sequence = 0;  // Given at ingestion; reserved. 0: none.
  uint64_t entries = 0;
  uint64_t tombstones = 0;
  uint64_t raw_key_bytes = 0;
  uint64_t raw_value_bytes = 0;
  uint8_t codec = 0;
  uint8_t filter_id = 0;
  uint8_t temperature = 0;  // Reserved.
  // When the oldest of its entries left memory, in seconds since 1970. 0:
  // unknown. Steers compactions only.
  uint64_t creation_time = 0;
  std::vector<uint64_t> blob_files;  // Reserved.
  friend bool operator==(const TableMetadata&, const TableMetadata&) = default;
};

// Everything it takes to open a table: shared by all TableFiles of a database,
// because an iterator may open one after the database was closed.
struct TableSource {
  std::shared_ptr<FileSystem> file_system;
  std::string directory;
  KeyOrder order;
  std::shared_ptr<BlockCache> cache;
  std::shared_ptr<OpenTables> open_tables = std::make_shared<OpenTables>();
};

// Opens the table's file and reads its tail. As TableReader::Open; kDataLoss
// (kMissingFile) if there is no such file. `cache_key`: see TableReaderOptions.
absl::StatusOr<std::unique_ptr<TableReader>> OpenTableReader(
    const TableSource& source, const TableMetadata& table,
    std::shared_ptr<BlockCache> cache, uint64_t cache_key, const IoContext& io);

// Immutable but for the reader, which is opened when it is needed and closed
// when others are needed more (open_tables.h). Thread-safe.
class TableFile {
 public:
  // `source` may be null for a table that nobody will read: tests draw such.
  TableFile(std::shared_ptr<const TableSource> source, TableMetadata metadata);
  ~TableFile();
  TableFile(const TableFile&) = delete;
  TableFile& operator=(const TableFile&) = delete;

  const TableMetadata& meta() const { return metadata_; }

  // The reader if the table is open, else null: Pin opens it. No lock.
  // Requires: the caller is inside an EpochGuard, and uses the reader only
  // there.
  const TableReader* Borrow() const {
    const TableReader* reader = place_.reader.load(std::memory_order_acquire);
    if (reader != nullptr) place_.Touch();
    return reader;
  }

  // The table, opened if it is not, and open as long as the pin lives. A
  // failure is not remembered: the next call tries again. kUnavailable,
  // kDeadlineExceeded if it would have to be opened and `options` do not allow
  // that. Call it outside of any EpochGuard: what is closed to make room would
  // stay open until that ends.
  absl::StatusOr<TablePin> Pin(const TableReadOptions& options = {}) const;

 private:
  absl::StatusOr<TablePin> Open(const TableReadOptions& options) const;
  TablePin PinOpen() const;

  const std::shared_ptr<const TableSource> source_;
  const TableMetadata metadata_;
  // What versions know of the table comes out of the cache's share, too.
  const CacheReservation share_;
  // Blocks stay usable when the table is closed and opened again.
  const uint64_t cache_key_;
  mutable Mutex mu_;  // Serialises opening. Before OpenTables::mu_.
  mutable TablePlace place_;
};

}  // namespace lissom

#endif  // LISSOM_DB_VERSION_TABLE_FILE_H_
