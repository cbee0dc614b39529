// TableMetadata: what the manifest says of a table. TableFile: a table that is
// part of some Version, with its reader, opened when first needed.
#ifndef LISSOM_DB_VERSION_TABLE_FILE_H_
#define LISSOM_DB_VERSION_TABLE_FILE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
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

// Tables that are open, of a TableSource. Relaxed: figures.
struct OpenTables {
  std::atomic<uint64_t> opens{0};  // Ever.
  std::atomic<uint64_t> count{0};
  std::atomic<uint64_t> bytes{0};  // What they keep in memory.
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
// (kMissingFile) if there is no such file.
absl::StatusOr<std::unique_ptr<TableReader>> OpenTableReader(
    const TableSource& source, const TableMetadata& table,
    std::shared_ptr<BlockCache> cache, const IoContext& io);

// Immutable but for the reader, which is opened once. Thread-safe.
class TableFile {
 public:
  TableFile(std::shared_ptr<const TableSource> source, TableMetadata metadata);
  ~TableFile();
  TableFile(const TableFile&) = delete;
  TableFile& operator=(const TableFile&) = delete;

  const TableMetadata& meta() const { return metadata_; }

  // The reader, opened if it is not yet. A failure is not remembered: the next
  // call tries again. No lock once it is open.
  absl::StatusOr<const TableReader*> Reader() const {
    const TableReader* reader = reader_.load(std::memory_order_acquire);
    if (reader != nullptr) return reader;
    return Open({});
  }
  // The same within what `options` allow: kUnavailable, kDeadlineExceeded if
  // the table would have to be opened.
  absl::StatusOr<const TableReader*> Reader(
      const TableReadOptions& options) const {
    const TableReader* reader = reader_.load(std::memory_order_acquire);
    if (reader != nullptr) return reader;
    return Open(options);
  }
  // Null if it is not open.
  const TableReader* reader_if_open() const {
    return reader_.load(std::memory_order_acquire);
  }

 private:
  absl::StatusOr<const TableReader*> Open(
      const TableReadOptions& options) const;

  const std::shared_ptr<const TableSource> source_;
  const TableMetadata metadata_;
  mutable Mutex mu_;  // Serialises opening. A leaf: no lock is taken under it.
  mutable std::unique_ptr<TableReader> owned_ ABSL_GUARDED_BY(mu_);
  // What the reader keeps in memory comes out of the cache's share.
  mutable CacheReservation share_ ABSL_GUARDED_BY(mu_);
  // Release in Open, acquire in Reader.
  mutable std::atomic<const TableReader*> reader_{nullptr};
};

}  // namespace lissom

#endif  // LISSOM_DB_VERSION_TABLE_FILE_H_
