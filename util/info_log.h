// The operator's log: a Logger that writes lines to a file.
#ifndef LISSOM_UTIL_INFO_LOG_H_
#define LISSOM_UTIL_INFO_LOG_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "lissom/clock.h"
#include "lissom/file_system.h"
#include "lissom/logger.h"

namespace lissom {

// Creates the file `path`; a file of that name becomes `old_path`. Lines look
// like "2026-11-21T03:30:43.123456Z W message", in UTC; what is not printable
// ASCII in a message is escaped as \xNN, so that one event is one line, and
// what lies past 4096 bytes is cut off. A line that cannot be written is
// dropped: logging never makes the database fail. The logger keeps the file
// system and the clock. Thread-safe.
absl::StatusOr<std::shared_ptr<Logger>> OpenInfoLog(
    std::shared_ptr<FileSystem> file_system, const std::string& path,
    const std::string& old_path, std::shared_ptr<Clock> clock);

}  // namespace lissom

#endif  // LISSOM_UTIL_INFO_LOG_H_
