// Pieces of HTML and SVG. Whatever comes from a database goes through Escaped
// or KeyText: keys and names are any bytes.
#ifndef LISSOM_SRC_TOOLS_REPORT_HTML_H_
#define LISSOM_SRC_TOOLS_REPORT_HTML_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace lissom::tools {

// Text as HTML shows it, in elements and attributes.
std::string Escaped(std::string_view text);

// A key: the first `max_bytes` of it, bytes that do not print as \xNN, and then
// as HTML.
std::string KeyText(std::string_view key, size_t max_bytes = 24);

// A share of 1 in percent: "0 %", "0.4 %", "12 %".
std::string Percent(double share);

// "1.23", "12.3", "123": three digits.
std::string Decimal(double value);

// "40 s", "3.1 min", "5.0 h", "12 days".
std::string AgeText(absl::Duration age);

// An SVG number: two decimals at most.
std::string Number(double value);

// 1234567 as "1,234,567".
std::string Commas(uint64_t number);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_REPORT_HTML_H_
