// Bytes for people, and the one bridge between std::string_view and Abseil's.
#ifndef LISSOM_UTIL_STRINGS_H_
#define LISSOM_UTIL_STRINGS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

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

// "0 B", "1023 B", "1.0 KiB", "64.0 MiB", up to EiB. At most 10 characters.
std::string BytesText(uint64_t bytes);

// "0 ns", "950 ns", "1.2 us", "34.0 ms", "7.1 s", "7200 s". Of an infinite or
// negative time, something short.
std::string DurationText(absl::Duration time);

}  // namespace lissom

#endif  // LISSOM_UTIL_STRINGS_H_
