#include "src/tools/report/html.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/tools/cli/text.h"
#include "src/tools/terminal.h"

namespace lissom::tools {

std::string Escaped(std::string_view text) {
  std::string html;
  html.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += c;
    }
  }
  return html;
}

std::string KeyText(std::string_view key, size_t max_bytes) {
  std::string text = Escaped(ToEscaped(key.substr(0, max_bytes)));
  if (key.size() > max_bytes) text += "…";
  return text;
}

std::string Percent(double share) {
  const double percent = share * 100;
  if (percent <= 0) return "0 %";
  if (percent < 0.1) return "&lt; 0.1 %";
  if (percent < 10) return absl::StrFormat("%.1f %%", percent);
  return absl::StrFormat("%.0f %%", percent);
}

std::string Decimal(double value) {
  return absl::StrFormat("%.*f", value < 10 ? 2 : value < 100 ? 1 : 0, value);
}

std::string AgeText(absl::Duration age) {
  const double seconds = std::max(0.0, absl::ToDoubleSeconds(age));
  const auto text = [](double value, const char* unit) {
    return absl::StrFormat("%.*f %s", value < 9.95 ? 1 : 0, value, unit);
  };
  if (seconds < 100) return absl::StrFormat("%.0f s", seconds);
  if (seconds < 100 * 60) return text(seconds / 60, "min");
  if (seconds < 48 * 3600) return text(seconds / 3600, "h");
  return text(seconds / 86400, "days");
}

std::string Number(double value) {
  if (!std::isfinite(value)) return "0";
  std::string text = absl::StrFormat("%.2f", value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string Commas(uint64_t number) { return WithCommas(number); }

}  // namespace lissom::tools
