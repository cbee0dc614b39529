// LoadReadOnlyState reads what a directory holds at one moment, while its
// writer may be at work: manifest, tables, and the logs into memtables. It
// takes no lock and writes nothing.
//
// The moment: everything acknowledged before the call is there (but writes
// without the log that are not yet in tables), and the state is one that the
// history went through.
#ifndef LISSOM_DB_RECOVERY_READ_ONLY_STATE_H_
#define LISSOM_DB_RECOVERY_READ_ONLY_STATE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "db/memtable/memtable.h"
#include "db/version/version_set.h"
#include "lissom/file_system.h"

namespace lissom {

struct ReadOnlyDeps {
  std::shared_ptr<FileSystem> file_system;
  std::string directory;
  KeyOrder order;
  std::shared_ptr<BlockCache> cache;
  size_t memtable_bytes = size_t{64} << 20;
  OpenTableLimits limits = {};
  // So many tables, at most three quarters of what `limits` allow, are opened
  // at once and kept open, those of the upper levels first: an open file stays
  // readable when the writer removes it.
  size_t open_tables = 512;
};

struct ReadOnlyState {
  std::shared_ptr<const TableSource> source;
  std::shared_ptr<const Version> version;
  std::vector<TablePin> kept_open;
  std::vector<Ref<const Memtable>> memtables;  // Newest first.
  SequenceNumber last_sequence = 0;
  struct Logs {
    uint64_t least = 0;  // The oldest that is needed.
    uint64_t files = 0;
    uint64_t bytes = 0;  // Without what is preallocated.
  } logs;
};

// Tries again while files come and go between its steps. kDataLoss: a file is
// missing or damaged, and nothing has changed meanwhile. kUnavailable naming
// a file: the writer was faster every time. kInvalidArgument: no database, or
// one of another comparator. Others as ReadManifest's and ReplayLogs'.
absl::StatusOr<ReadOnlyState> LoadReadOnlyState(const ReadOnlyDeps& deps);

}  // namespace lissom

#endif  // LISSOM_DB_RECOVERY_READ_ONLY_STATE_H_
