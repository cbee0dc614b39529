#include "util/guarded.h"

#include <exception>
#include <new>
#include <string>

#include "absl/strings/str_cat.h"
#include "util/error.h"

namespace lissom {
namespace {

absl::Status CallbackThrew(const char* what) {
  return WithDetail(
      absl::InternalError(absl::StrCat("a callback threw: ", what)),
      {.kind = ErrorKind::kCallback});
}

// Throws std::bad_alloc if there is no memory for the message.
absl::Status Describe() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return WithDetail(absl::ResourceExhaustedError("out of memory"),
                      {.kind = ErrorKind::kNoResources});
  } catch (const std::exception& e) {
    return CallbackThrew(e.what());
  } catch (...) {
    return CallbackThrew("something that is no std::exception");
  }
}

}  // namespace

absl::Status StatusOfException() noexcept {
  try {
    return Describe();
  } catch (...) {
    // Bare, as all of Abseil's codes without a message: it needs no memory.
    return absl::Status(absl::StatusCode::kResourceExhausted, "");
  }
}

}  // namespace lissom
