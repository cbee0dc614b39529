#include "util/json_line.h"

#include <charconv>
#include <cmath>

namespace lissom {
namespace {

constexpr uint32_t kReplacement = 0xfffd;

unsigned char ByteAt(std::string_view bytes, size_t i) {
  return static_cast<unsigned char>(bytes[i]);
}

// Takes a character of well-formed UTF-8 off `bytes`, or one byte for
// kReplacement: too long a form, surrogates and what lies past U+10FFFF are not
// well-formed. Requires: !bytes->empty().
uint32_t TakeCharacter(std::string_view* bytes) {
  const unsigned char lead = ByteAt(*bytes, 0);
  size_t length = 1;
  uint32_t code = lead;
  uint32_t least = 0;
  if (lead >= 0xc2 && lead < 0xe0) {
    length = 2, code = lead & 0x1f, least = 0x80;
  } else if (lead >= 0xe0 && lead < 0xf0) {
    length = 3, code = lead & 0x0f, least = 0x800;
  } else if (lead >= 0xf0 && lead < 0xf5) {
    length = 4, code = lead & 0x07, least = 0x10000;
  } else if (lead >= 0x80) {
    code = kReplacement;
  }
  bool fine = bytes->size() >= length;
  for (size_t i = 1; fine && i < length; ++i) {
    const unsigned char next = ByteAt(*bytes, i);
    fine = (next & 0xc0) == 0x80;
    code = code << 6 | (next & 0x3f);
  }
  fine = fine && code >= least && code <= 0x10ffff &&
         (code < 0xd800 || code > 0xdfff);
  bytes->remove_prefix(fine ? length : 1);
  return fine ? code : kReplacement;
}

void AppendUnit(std::string* to, uint32_t unit) {
  static constexpr char kHex[] = "0123456789abcdef";
  *to += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) {
    *to += kHex[unit >> shift & 15];
  }
}

}  // namespace

void AppendJsonString(std::string* to, std::string_view bytes) {
  *to += '"';
  while (!bytes.empty()) {
    const uint32_t code = TakeCharacter(&bytes);
    if (code == '"' || code == '\\') {
      *to += '\\';
      *to += static_cast<char>(code);
    } else if (code >= 0x20 && code < 0x7f) {
      *to += static_cast<char>(code);
    } else if (code < 0x10000) {
      AppendUnit(to, code);
    } else {  // A pair of surrogates.
      AppendUnit(to, 0xd800 + ((code - 0x10000) >> 10));
      AppendUnit(to, 0xdc00 + ((code - 0x10000) & 0x3ff));
    }
  }
  *to += '"';
}

JsonLine& JsonLine::Add(std::string_view name, double value) {
  Name(name);
  if (!std::isfinite(value)) {
    text_ += "null";
    return *this;
  }
  char digits[32];  // The shortest that reads back; 24 are enough.
  const auto [end, error] =
      std::to_chars(digits, digits + sizeof(digits), value);
  text_.append(digits, end);
  return *this;
}

JsonLine& JsonLine::Add(std::string_view name,
                        std::span<const uint64_t> values) {
  Name(name);
  text_ += '[';
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) text_ += ',';
    text_ += std::to_string(values[i]);
  }
  text_ += ']';
  return *this;
}

}  // namespace lissom
