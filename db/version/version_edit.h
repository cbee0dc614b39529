// VersionEdit is one durable change to the shape of a database: the record of
// the manifest. Encoded as fields of tag + length + bytes (db/FORMAT.md); one
// bit of the tag says whether a reader that does not know it may skip it.
#ifndef LISSOM_DB_VERSION_VERSION_EDIT_H_
#define LISSOM_DB_VERSION_VERSION_EDIT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "db/version/table_file.h"

namespace lissom {

// File numbers are 1 to this. A file may name a larger one, and is refused:
// so the counter never comes round, and every number has a name.
inline constexpr uint64_t kMaxFileNumber = (uint64_t{1} << 62) - 1;
constexpr bool IsFileNumber(uint64_t number) {
  return number != 0 && number <= kMaxFileNumber;
}

struct VersionEdit {
  // A WAL that exists, its header durable. From then on its absence is
  // kDataLoss, until min_log_number passes it.
  struct LogCreated {
    uint64_t number = 0;
    FileId id;
    friend bool operator==(const LogCreated&, const LogCreated&) = default;
  };
  // A WAL that a clean Close ended: exactly these bytes.
  struct LogClosed {
    uint64_t number = 0;
    uint64_t length = 0;
    uint64_t chain_hash = 0;
    friend bool operator==(const LogClosed&, const LogClosed&) = default;
  };
  struct NewTable {
    int level = 0;
    TableMetadata table;
    friend bool operator==(const NewTable&, const NewTable&) = default;
  };
  struct RemovedTable {
    int level = 0;
    uint64_t number = 0;
    friend bool operator==(const RemovedTable&, const RemovedTable&) = default;
  };

  std::optional<std::string> comparator;
  std::optional<FileId> database_id;
  // Logs below this number are not needed any more.
  std::optional<uint64_t> min_log_number;
  // Every file number given out is below this.
  std::optional<uint64_t> next_file_number;
  // The tables hold every change up to this sequence (what was in logs before
  // min_log_number).
  std::optional<SequenceNumber> flushed_sequence;
  // No sequence up to this one may be given out again.
  std::optional<SequenceNumber> last_sequence;
  std::vector<LogCreated> logs_created;
  std::vector<LogClosed> logs_closed;
  std::vector<RemovedTable> removed;
  std::vector<NewTable> added;

  std::string Encode() const;
  // kDataLoss (without file or offset: the caller adds them) for malformed
  // bytes; kUnimplemented for an unknown field that must not be skipped.
  static absl::StatusOr<VersionEdit> Decode(std::string_view bytes);

  friend bool operator==(const VersionEdit&, const VersionEdit&) = default;
};

}  // namespace lissom

#endif  // LISSOM_DB_VERSION_VERSION_EDIT_H_
