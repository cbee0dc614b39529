#include "util/strings.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace lissom {

std::string Escape(std::string_view bytes, size_t max_bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == max_bytes) return out + "...";
    const unsigned char c = static_cast<unsigned char>(bytes[i]);
    if (c >= 0x20 && c < 0x7f && c != '\\') {
      out += static_cast<char>(c);
    } else {
      out += "\\x";
      out += kHex[c >> 4];
      out += kHex[c & 15];
    }
  }
  return out;
}

std::string BytesText(uint64_t bytes) {
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  static constexpr std::array kUnits = {"KiB", "MiB", "GiB",
                                        "TiB", "PiB", "EiB"};
  double amount = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  // 1023.95 and more would be printed as 1024.0.
  while (amount >= 1023.95 && unit + 1 < kUnits.size()) {
    amount /= 1024;
    ++unit;
  }
  return absl::StrFormat("%.1f %s", amount, kUnits[unit]);
}

std::string DurationText(absl::Duration time) {
  const double nanos = absl::ToDoubleNanoseconds(time);
  if (nanos < 1000) return absl::StrFormat("%.0f ns", nanos);
  if (nanos < 999.95e3) return absl::StrFormat("%.1f us", nanos / 1e3);
  if (nanos < 999.95e6) return absl::StrFormat("%.1f ms", nanos / 1e6);
  if (nanos < 999.95e9) return absl::StrFormat("%.1f s", nanos / 1e9);
  return absl::StrFormat("%.0f s", nanos / 1e9);
}

}  // namespace lissom
