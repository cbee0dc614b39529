// Opens a log, WAL or manifest, under whatever name it has.
#ifndef LISSOM_SRC_TOOLS_INSPECT_LOG_FILE_H_
#define LISSOM_SRC_TOOLS_INSPECT_LOG_FILE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "db/wal/log_reader.h"
#include "lissom/file_system.h"

namespace lissom::tools {

// A name of ours says the number that the file must have; under any other name
// the file's own counts. Errors as LogReader::Open's; kInvalidArgument: there
// is no file, or it is a database's file of another kind.
absl::StatusOr<std::unique_ptr<LogReader>> OpenLog(FileSystem& files,
                                                   const std::string& path,
                                                   LogKind kind);

// How many bytes `path` has.
absl::StatusOr<uint64_t> SizeOf(FileSystem& files, const std::string& path);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_INSPECT_LOG_FILE_H_
