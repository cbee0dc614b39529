// Bytes for people, and the one bridge between std::string_view and Abseil's.
#ifndef LISSOM_UTIL_STRINGS_H_
#define LISSOM_UTIL_STRINGS_H_

#include <string>
#include <string_view>

#include "absl/strings/string_view.h"

namespace lissom {

// The packaged absl::string_view is a type of its own; StrCat and Status
// messages take only that one.
inline absl::string_view ToAbsl(std::string_view s) {
  return {s.data(), s.size()};
}
inline std::string_view ToStd(absl::string_view s) {
  return {s.data(), s.size()};
}

// `bytes` with everything but printable ASCII as \xNN, cut after `max_bytes`
// with "...". For messages: keys are any bytes.
std::string Escape(std::string_view bytes, size_t max_bytes = 64);

}  // namespace lissom

#endif  // LISSOM_UTIL_STRINGS_H_
