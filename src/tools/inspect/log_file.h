// Opens a log, WAL or manifest, under whatever name it has. A writer may be at
// work: what is read is the log as it was at one moment.
#ifndef LISSOM_SRC_TOOLS_INSPECT_LOG_FILE_H_
#define LISSOM_SRC_TOOLS_INSPECT_LOG_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "db/recovery/beside_writer_files.h"
#include "db/wal/log_reader.h"
#include "lissom/file_system.h"

namespace lissom::tools {

struct OpenedLog {
  std::unique_ptr<LogReader> reader;
  uint64_t size = 0;  // Of the file, in bytes.
};

// A name of ours says the number that the file must have; under any other name
// the file's own counts. Errors as LogReader::Open's; kInvalidArgument: there
// is no file, or it is a database's file of another kind.
absl::StatusOr<OpenedLog> OpenLog(FileSystem& files, const std::string& path,
                                  LogKind kind);

// The same of a file that `files` has frozen, be it gone since, and that must
// have `number`.
absl::StatusOr<OpenedLog> OpenFrozenLog(BesideWriterFiles& files,
                                        const std::string& path, LogKind kind,
                                        uint64_t number);

// `files` for those who keep them, for as long as the caller does.
std::shared_ptr<FileSystem> Borrowed(FileSystem& files);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_INSPECT_LOG_FILE_H_
