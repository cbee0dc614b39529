// JsonLine writes one JSON object as one line of printable ASCII, for logs:
//
//   JsonLine line;
//   line.Add("event", "flush_completed").Add("job", 7).Add("tables", numbers);
//   std::move(line).Finish()  // {"event":"flush_completed","job":7,...}
//
// Strings are any bytes: UTF-8 is kept, as \u escapes; a byte that is none
// becomes U+FFFD. Numbers that JSON has no word for (infinite, not a number)
// become null. Members stand in the order of their Add; that no name comes
// twice is the caller's business.
// Thread-compatible.
#ifndef LISSOM_UTIL_JSON_LINE_H_
#define LISSOM_UTIL_JSON_LINE_H_

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lissom {

// Appends `bytes` as a JSON string with its quotes.
void AppendJsonString(std::string* to, std::string_view bytes);

class JsonLine {
 public:
  JsonLine& Add(std::string_view name, std::string_view value) {
    Name(name);
    AppendJsonString(&text_, value);
    return *this;
  }
  JsonLine& Add(std::string_view name, const char* value) {
    return Add(name, std::string_view(value));
  }
  template <std::integral T>
  JsonLine& Add(std::string_view name, T value) {
    Name(name);
    if constexpr (std::same_as<T, bool>) {
      text_ += value ? "true" : "false";
    } else {
      text_ += std::to_string(value);
    }
    return *this;
  }
  JsonLine& Add(std::string_view name, double value);
  JsonLine& Add(std::string_view name, std::span<const uint64_t> values);

  std::string Finish() && { return std::move(text_) + '}'; }

 private:
  void Name(std::string_view name) {
    if (text_.size() > 1) text_ += ',';
    AppendJsonString(&text_, name);
    text_ += ':';
  }

  std::string text_ = "{";
};

}  // namespace lissom

#endif  // LISSOM_UTIL_JSON_LINE_H_
