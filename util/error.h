// Makers of error statuses with an ErrorDetail. The layer that knows the file
// and the offset makes the error; nobody adds them later.
#ifndef LISSOM_UTIL_ERROR_H_
#define LISSOM_UTIL_ERROR_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "lissom/status.h"

namespace lissom {

// A failed system call on `file`. Maps errno to the codes of lissom/status.h;
// ENOENT becomes kDataLoss (kMissingFile), never kNotFound. `what` names the
// operation: "read", "fdatasync".
absl::Status ErrnoError(int error_number, std::string_view what,
                        std::string_view file,
                        uint64_t offset = ErrorDetail::kNoOffset);

// kDataLoss: the bytes of `file` at `offset` are wrong.
absl::Status CorruptionError(std::string_view file, uint64_t offset,
                             std::string_view what);

// kDataLoss: `file` must exist and does not.
absl::Status MissingFileError(std::string_view file, std::string_view what);

// `status` with the payload `detail`, replacing the one it had.
absl::Status WithDetail(absl::Status status, const ErrorDetail& detail);

// kFailedPrecondition for a write after the latched failure `cause`, whose
// message and detail (with Severity::kWrites) it carries.
absl::Status LatchedError(const absl::Status& cause);

// A copy to give to another thread. TSan does not see the reference counts in
// the packaged Abseil, which is not built for it: there the copy shares nothing
// with `status`.
absl::Status CopyForThread(const absl::Status& status);

}  // namespace lissom

#endif  // LISSOM_UTIL_ERROR_H_
