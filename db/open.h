// The order of opening, creating and destroying a database.
#ifndef LISSOM_DB_OPEN_H_
#define LISSOM_DB_OPEN_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "db/version/version_set.h"
#include "db/wal/log_writer.h"
#include "lissom/options.h"

namespace lissom {

class DbImpl;

// DB::Open, up to the facade.
absl::StatusOr<std::shared_ptr<DbImpl>> OpenDb(const Options& options,
                                               const std::string& path);

// DB::Destroy.
absl::Status DestroyDb(const Options& options, const std::string& path);

// What every way to open begins with. kInvalidArgument: no path.
std::string WithoutTrailingSlashes(std::string path);
absl::Status CheckPath(const std::string& path);
// Sets every injected part that the user left unset, but for executor and log.
void FillIn(Options& options);
// How many tables may be open. Requires: `options` have their sizes.
OpenTableLimits TableLimits(const Options& options);

// Creates the next WAL; when it returns, the file, its name and its header are
// durable. The manifest does not know it yet.
absl::StatusOr<std::unique_ptr<LogWriter>> CreateLog(
    const TableSource& source, VersionSet& versions,
    SequenceNumber last_sequence, size_t write_buffer_size);

// Names `log` in the manifest.
absl::Status RegisterLog(VersionSet& versions, const LogWriter& log,
                         SequenceNumber last_sequence);

// Both: when it returns, the file, its name and its header are
// durable and the manifest names it: from then on its absence is damage.
absl::StatusOr<std::unique_ptr<LogWriter>> CreateRegisteredLog(
    const TableSource& source, VersionSet& versions,
    SequenceNumber last_sequence, size_t write_buffer_size);

}  // namespace lissom

#endif  // LISSOM_DB_OPEN_H_
