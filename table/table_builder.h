// TableBuilder writes sorted entries as one table file (table/FORMAT.md).
//
// Call order: Create (Add)* (Finish | Abandon | destruction).
// Entries come in strictly increasing internal-key order; an entry that does
// not is refused and nothing more is written (a wrong order on disk would be a
// wrong answer for ever).
// Threads: thread-compatible.
#ifndef LISSOM_TABLE_TABLE_BUILDER_H_
#define LISSOM_TABLE_TABLE_BUILDER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lissom/compression.h"
#include "lissom/file_system.h"
#include "lissom/filter_policy.h"
#include "table/internal_key.h"
#include "util/file_id.h"

namespace lissom {

struct TableBuilderOptions {
  KeyOrder order;
  FileId id;                 // Bound into every checksum of the file.
  size_t block_size = 4096;  // Uncompressed target of a data block.
  // With dictionary_bytes: the first blocks are held until there are enough to
  // make a dictionary from (DictionarySampleBytes).
  Compression compression = Compression::None();
  FilterPolicy filter_policy = FilterPolicy::Bloom(10);
  IoContext io = {.kind = IoContext::Kind::kTable};
};

// What the manifest wants to know of a finished table.
struct TableSummary {
  uint64_t file_size = 0;
  uint64_t tail_size = 0;  // Bytes to read at the end to open it in one read.
  InternalKey smallest;
  InternalKey largest;
  SequenceNumber smallest_sequence = kMaxSequence;
  SequenceNumber largest_sequence = 0;
  uint64_t entries = 0;
  uint64_t tombstones = 0;
  uint64_t raw_key_bytes = 0;
  uint64_t raw_value_bytes = 0;
  uint8_t codec = 0;  // As in the file's properties.
  uint8_t filter_id = 0;
};

class TableBuilder {
 public:
  // Builds into `file` (new, empty; named `path` in errors), which the builder
  // owns from now on.
  static std::unique_ptr<TableBuilder> Create(
      TableBuilderOptions options, std::string path,
      std::unique_ptr<WritableFile> file);
  virtual ~TableBuilder() = default;  // Without Finish: the file is garbage.

  // Appends an entry. kInternal: out of order, or of a kind that tables do not
  // hold; I/O errors. After an error every later call returns it.
  virtual absl::Status Add(const InternalKeyView& key,
                           std::string_view value) = 0;

  // Writes the rest, syncs and closes the file. The directory is the caller's
  // to sync. Requires: at least one entry.
  virtual absl::StatusOr<TableSummary> Finish() = 0;

  // Bytes that the file would about have if it were finished now. Blocks held
  // for a dictionary count as they are, before compression.
  virtual uint64_t EstimatedFileSize() const = 0;
  virtual uint64_t entries() const = 0;
};

}  // namespace lissom

#endif  // LISSOM_TABLE_TABLE_BUILDER_H_
