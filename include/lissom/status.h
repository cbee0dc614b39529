// What each absl::StatusCode means when lissom returns it, and how to read the
// machine-readable detail that an error carries.
//
//   kNotFound            no such key; nothing else, ever. Carries no message.
//   kDataLoss            bytes of ours are wrong, missing or malformed; the
//                        message and the detail name the file and the offset.
//   kInternal            the system reported an I/O error (the detail has its
//                        errno), or a callback of yours threw.
//   kResourceExhausted   no space, descriptors or memory: the call that met it.
//   kFailedPrecondition  the database is locked by somebody else, or a failure
//                        was latched: writes are refused until Resume.
//   kPermissionDenied    EROFS or EACCES.
//   kInvalidArgument     a bad argument or option; nothing was changed.
//   kAlreadyExists       error_if_exists, and it does.
//   kUnimplemented       written by a newer lissom; nothing was touched.
//   kDeadlineExceeded    ReadOptions::deadline has passed.
//   kUnavailable         a read was told not to do I/O and would have to, or
//                        not to step over so many entries.
//   kCancelled           the database was closed.
#ifndef LISSOM_STATUS_H_
#define LISSOM_STATUS_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "lissom/export.h"

namespace lissom {

// What went wrong, finer than a status code. Values are stable.
enum class ErrorKind : uint8_t {
  kOther = 0,
  kIo = 1,           // The system call failed with error_number.
  kCorruption = 2,   // Bytes are there, and wrong.
  kMissingFile = 3,  // A file that must exist does not.
  kNoSpace = 4,      // ENOSPC, EDQUOT, EFBIG.
  kNoResources = 5,  // EMFILE, ENFILE, ENOMEM.
  kPermission = 6,   // EROFS, EACCES, EPERM.
  kLocked = 7,       // Another opener holds the database.
  kCallback = 8,     // A user's callback threw.
};

// How far the failure reaches.
enum class Severity : uint8_t {
  kCall = 0,    // This call failed; the next may succeed.
  kJob = 1,     // A background job failed and will be retried.
  kWrites = 2,  // Writes are refused from now on; reads go on.
};

// The payload of an error status.
struct ErrorDetail {
  static constexpr uint64_t kNoOffset = std::numeric_limits<uint64_t>::max();

  ErrorKind kind = ErrorKind::kOther;
  int error_number = 0;   // errno, or 0.
  std::string file = {};  // Path of the file concerned, or empty.
  uint64_t offset = kNoOffset;
  Severity severity = Severity::kCall;
};

// Abseil's own, under our name: a second function of that name would make every
// unqualified call ambiguous.
using absl::IsDataLoss;
using absl::IsNotFound;

// True if trying the same call again later may succeed without anybody
// repairing anything: out of space or descriptors, an interrupted or timed-out
// device. A failure that is latched is not transient.
LISSOM_EXPORT bool IsTransient(const absl::Status& s);

// The detail that `s` carries; nullopt if it carries none (an OK status, a bare
// kNotFound, an argument error).
LISSOM_EXPORT std::optional<ErrorDetail> DetailOf(const absl::Status& s);

}  // namespace lissom

#endif  // LISSOM_STATUS_H_
