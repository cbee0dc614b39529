// To read the files of a database beside a process that writes it: what is
// listed may be gone when it is opened.
#ifndef LISSOM_SRC_TOOLS_INSPECT_BESIDE_WRITER_H_
#define LISSOM_SRC_TOOLS_INSPECT_BESIDE_WRITER_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "lissom/file_system.h"

namespace lissom::tools {

// Does `attempt`, and again, five times at most, if it failed with kDataLoss
// or kUnavailable while the files of `directory` changed: then it may be the
// writer's haste. The status of the last attempt; kUnavailable: even the last
// one missed a file, and the files change all the time.
absl::Status RetryBesideWriter(FileSystem& files, const std::string& directory,
                               const std::function<absl::Status()>& attempt);

// Does `attempt`, which opens a database to read, until it is not kUnavailable
// (the writer removed a table: open again), five times at most.
absl::Status RetryUnavailable(const std::function<absl::Status()>& attempt);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_INSPECT_BESIDE_WRITER_H_
