#include "db/version/table_file.h"

#include <utility>

#include "db/filename.h"
#include "util/status_macros.h"

namespace lissom {

TableFile::TableFile(std::shared_ptr<const TableSource> source,
                     TableMetadata metadata)
    : source_(std::move(source)), metadata_(std::move(metadata)) {}

TableFile::~TableFile() = default;

absl::StatusOr<const TableReader*> TableFile::Open(
    const TableReadOptions& options) const {
  LISSOM_RETURN_IF_ERROR(CheckMayRead(options));
  // The file is read under the lock: whoever wants the table has to wait for
  // its tail anyway, and so it is read once.
  MutexLock lock(mu_);
  if (owned_ == nullptr) {
    std::string path = TableFileName(source_->directory, metadata_.number);
    // The file is for all who read the table: opened as for reads in the
    // foreground, whoever is the first.
    LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessFile> file,
                            source_->file_system->OpenForRead(
                                path, {.kind = IoContext::Kind::kTable,
                                       .deadline = options.io.deadline}));
    LISSOM_ASSIGN_OR_RETURN(
        owned_, TableReader::Open({.order = source_->order,
                                   .cache = source_->cache,
                                   .id = metadata_.id,
                                   .file_size = metadata_.size,
                                   .tail_size = metadata_.tail_size,
                                   .io = options.io},
                                  std::move(path), std::move(file)));
    reader_.store(owned_.get(), std::memory_order_release);
  }
  return owned_.get();
}

}  // namespace lissom
