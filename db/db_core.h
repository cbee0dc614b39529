// DbCore is what a DB forwards to: an open database, writable (DbImpl) or not
// (ReadOnlyDb). Reads are the same for both and go straight to the Reader; the
// rest is virtual.
//
// Shared by the DB and its iterators, so it may outlive Close and the DB.
#ifndef LISSOM_DB_DB_CORE_H_
#define LISSOM_DB_DB_CORE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "db/read/reader.h"
#include "lissom/metrics.h"
#include "lissom/options.h"
#include "lissom/write_batch.h"

namespace lissom {

class DbCore : public std::enable_shared_from_this<DbCore> {
 public:
  DbCore() = default;
  virtual ~DbCore() = default;
  DbCore(const DbCore&) = delete;
  DbCore& operator=(const DbCore&) = delete;

  // Get, MultiGet, ... of lissom/db.h.
  Reader& reader() const { return *reader_; }
  std::unique_ptr<Iterator> NewIterator(const ReadOptions& options) {
    // The iterator keeps all of us, of which the reader is a part.
    return reader_->NewIterator(
        options, std::shared_ptr<Reader>(shared_from_this(), reader_.get()));
  }

  // As in lissom/db.h.
  virtual absl::Status Close() = 0;
  virtual absl::Status Write(const WriteOptions& options,
                             const WriteBatch& batch) = 0;
  virtual absl::Status Flush(const FlushOptions& options) = 0;
  virtual absl::Status SyncWal() = 0;
  virtual absl::Status Resume() = 0;
  virtual absl::Status WaitForIdle() = 0;
  virtual absl::Status CompactRange(const CompactRangeOptions& options,
                                    std::optional<std::string_view> begin,
                                    std::optional<std::string_view> end) = 0;
  virtual absl::Status VerifyChecksums() = 0;
  virtual Metrics GetMetrics() = 0;
  virtual absl::StatusOr<std::string> GetProperty(std::string_view name) = 0;
  virtual absl::StatusOr<uint64_t> GetIntProperty(std::string_view name) = 0;

  virtual Logger& log() = 0;

 protected:
  bool closed() const { return reader_->closed(); }

  std::unique_ptr<Reader> reader_;  // Set by the constructor.
};

}  // namespace lissom

#endif  // LISSOM_DB_DB_CORE_H_
