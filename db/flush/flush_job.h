// A flush turns a memtable into a level-0 table. It reads memory and writes
// files; it knows neither the WAL nor the manifest: what it returns is named in
// a VersionEdit by its caller, who also knows which logs are then unneeded.
// Recovery flushes with it as well.
//
// Memtables must be flushed and installed oldest first: a level-0 table must
// not hold versions newer than those of a memtable that is still to come.
// Versions that no snapshot can see are left out; tombstones are all kept.
// Threads: any one may run it; the memtable is immutable by then.
#ifndef LISSOM_DB_FLUSH_FLUSH_JOB_H_
#define LISSOM_DB_FLUSH_FLUSH_JOB_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "db/memtable/memtable.h"
#include "db/output/table_output.h"
#include "db/version/table_file.h"
#include "lissom/options.h"

namespace lissom {

struct FlushInput {
  const ColumnFamilyOptions& options;
  // Oldest first; several become one table.
  std::vector<Ref<const Memtable>> memtables;
  // Ascending; the last element stands for now.
  std::vector<SequenceNumber> snapshots;
};

struct FlushResult {
  std::optional<TableMetadata> table;  // None: the memtables were empty.
  OutputCounts counts;
};

// Writes the table, durable when this returns. On an error no file is left, and
// the memtables are as they were.
absl::StatusOr<FlushResult> RunFlush(const OutputDeps& deps,
                                     const FlushInput& input);

// The same for one memtable, with nothing but its table wanted.
absl::StatusOr<std::optional<TableMetadata>> FlushMemtable(
    const TableSource& source, const ColumnFamilyOptions& options,
    const Ref<const Memtable>& memtable, std::vector<SequenceNumber> snapshots,
    std::function<uint64_t()> new_file_number,
    std::function<FileId()> new_file_id);

}  // namespace lissom

#endif  // LISSOM_DB_FLUSH_FLUSH_JOB_H_
