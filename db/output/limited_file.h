// LimitedFile asks before it appends: a table's file under a rate limit.
#ifndef LISSOM_DB_OUTPUT_LIMITED_FILE_H_
#define LISSOM_DB_OUTPUT_LIMITED_FILE_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "lissom/file_system.h"

namespace lissom {

// Waits until some of `bytes` (not 0) may be written, and returns how many: at
// least one, at most `bytes`. An error ends the file.
using MayAppend = std::function<absl::StatusOr<uint64_t>(uint64_t bytes)>;

// `file`, to which each append is made in the parts that `may_append` allows.
std::unique_ptr<WritableFile> NewLimitedFile(std::unique_ptr<WritableFile> file,
                                             MayAppend may_append);

}  // namespace lissom

#endif  // LISSOM_DB_OUTPUT_LIMITED_FILE_H_
