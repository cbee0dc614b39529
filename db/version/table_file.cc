#include "db/version/table_file.h"

#include <utility>

#include "db/filename.h"
#include "util/status_macros.h"

namespace lissom {

TableFile::TableFile(std::shared_ptr<const TableSource> source,
                     TableMetadata metadata)
    : source_(std::move(source)), metadata_(std::move(metadata)) {}

TableFile::~TableFile() {
  if (owned_ == nullptr) return;
  source_->open_tables->count.fetch_sub(1, std::memory_order_relaxed);
  source_->open_tables->bytes.fetch_sub(share_.bytes(),
                                        std::memory_order_relaxed);
}

absl::StatusOr<std::unique_ptr<TableReader>> OpenTableReader(
    const TableSource& source, const TableMetadata& table,
    std::shared_ptr<BlockCache> cache, const IoContext& io) {
  std::string path = TableFileName(source.directory, table.number);
  // The file is for all who read the table: opened as for reads in the
  // foreground, whoever is the first.
  LISSOM_ASSIGN_OR_RETURN(
      std::unique_ptr<RandomAccessFile> file,
      source.file_system->OpenForRead(
          path, {.kind = IoContext::Kind::kTable, .deadline = io.deadline}));
  return TableReader::Open({.order = source.order,
                            .cache = std::move(cache),
                            .id = table.id,
                            .file_size = table.size,
                            .tail_size = table.tail_size,
                            .io = io},
                           std::move(path), std::move(file));
}

absl::StatusOr<const TableReader*> TableFile::Open(
    const TableReadOptions& options) const {
  LISSOM_RETURN_IF_ERROR(CheckMayRead(options));
  // The file is read under the lock: whoever wants the table has to wait for
  // its tail anyway, and so it is read once.
  MutexLock lock(mu_);
  if (owned_ == nullptr) {
    LISSOM_ASSIGN_OR_RETURN(
        owned_,
        OpenTableReader(*source_, metadata_, source_->cache, options.io));
    share_ = CacheReservation(source_->cache, owned_->memory_bytes());
    OpenTables& open = *source_->open_tables;
    open.opens.fetch_add(1, std::memory_order_relaxed);
    open.count.fetch_add(1, std::memory_order_relaxed);
    open.bytes.fetch_add(share_.bytes(), std::memory_order_relaxed);
    reader_.store(owned_.get(), std::memory_order_release);
  }
  return owned_.get();
}

}  // namespace lissom
