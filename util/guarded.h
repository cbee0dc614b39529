// Guarded runs code that may throw, and makes a status of what it throws:
// exceptions come from allocations of ours and from a user's callbacks (a
// comparator, a file system, an executor), and none may leave the library or
// unwind past something that others wait for.
#ifndef LISSOM_UTIL_GUARDED_H_
#define LISSOM_UTIL_GUARDED_H_

#include "absl/status/status.h"

namespace lissom {

// What the exception that is being handled means: kResourceExhausted for
// std::bad_alloc, kInternal (ErrorKind::kCallback) for all others. Only in a
// catch block. Without memory for a message the status is bare.
absl::Status StatusOfException() noexcept;

// body()'s result, a Status or StatusOr.
template <typename Body>
auto Guarded(Body body) noexcept -> decltype(body()) {
  try {
    return body();
  } catch (...) {
    return StatusOfException();
  }
}

// Runs `body`, and is content if it is cut short: for a line in a log, or work
// that somebody will do again.
template <typename Body>
void Quietly(Body body) noexcept {
  try {
    body();
  } catch (...) {
  }
}

}  // namespace lissom

#endif  // LISSOM_UTIL_GUARDED_H_
