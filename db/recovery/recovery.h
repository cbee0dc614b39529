// Recovery turns a directory into a state to go on from: it finds out what the
// directory is, reads CURRENT and the manifest, checks that every table is
// there, and replays the logs into tables.
//
// It writes tables only, under new numbers; the old state stays whole until the
// caller switches CURRENT to a manifest that names them. A crash anywhere in it
// leaves what the next recovery starts from anew (P7).
#ifndef LISSOM_DB_RECOVERY_RECOVERY_H_
#define LISSOM_DB_RECOVERY_RECOVERY_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "db/memtable/memtable.h"
#include "db/recovery/log_replay.h"
#include "db/version/version_set.h"
#include "lissom/logger.h"
#include "lissom/options.h"

namespace lissom {

// The number of the manifest that a new database begins with. It has no logs
// until CURRENT is durable: so a directory with a log and without CURRENT has
// lost something, and one with nothing but this manifest never was a database.
inline constexpr uint64_t kFirstManifestNumber = 1;

// What stands in a directory.
enum class DirectoryState {
  kAbsent,  // Nothing of that name.
  kEmpty,   // No file, or only what a crash during creation may leave.
  kDatabase,
};

// kInvalidArgument: files that are not ours and no CURRENT, or no directory;
// kDataLoss: files of ours that a database had, and no CURRENT.
absl::StatusOr<DirectoryState> InspectDirectory(FileSystem& file_system,
                                                const std::string& directory);

struct RecoveryDeps {
  std::shared_ptr<const TableSource> source;
  WalRecoveryMode mode = WalRecoveryMode::kPointInTime;
  size_t write_buffer_size = 0;
  Logger& log;
  // Writes a memtable to a level-0 table with a number from `new_number`.
  std::function<absl::StatusOr<std::optional<TableMetadata>>(
      const Ref<const Memtable>& memtable,
      const std::function<uint64_t()>& new_number)>
      flush;
};

struct RecoveredState {
  ManifestState manifest;  // next_file_number passes every file present.
  std::vector<TableMetadata> tables;  // Made from the logs, oldest first.
  LogReplayResult replay;
};

// Recovers the database in the directory. Fails without a trace of itself but
// tables that the next open removes. kInvalidArgument: another comparator.
absl::StatusOr<RecoveredState> Recover(const RecoveryDeps& deps);

}  // namespace lissom

#endif  // LISSOM_DB_RECOVERY_RECOVERY_H_
