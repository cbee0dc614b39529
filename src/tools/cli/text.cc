#include "src/tools/cli/text.h"

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

constexpr char kDigits[] = "0123456789ABCDEF";

// 0 to 15; -1: `c` is no digit.
int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte that two digits at `at` name; -1: there are none.
int ByteAt(std::string_view text, size_t at) {
  if (at + 2 > text.size()) return -1;
  const int high = DigitOf(text[at]);
  const int low = DigitOf(text[at + 1]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

absl::Status BadEscape(std::string_view text, size_t at) {
  // As it was given: with one backslash.
  const std::string shown = ToEscaped(text.substr(at + 1, 3));
  return absl::InvalidArgumentError(absl::StrCat(
      "'\\", shown,
      "' is no escape: write \\\\ for a backslash, \\xNN for a byte"));
}

// The length of the UTF-8 sequence at the start of `s`; 0: there is none.
size_t SequenceLength(std::string_view s) {
  const auto byte = [&s](size_t i) { return static_cast<uint8_t>(s[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || s.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what is above U+10FFFF.
  if (lead == 0xE0 && byte(1) < 0xA0) return 0;
  if (lead == 0xED && byte(1) > 0x9F) return 0;
  if (lead == 0xF0 && byte(1) < 0x90) return 0;
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

void AppendDigits(std::string_view bytes, std::string* to) {
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    *to += kDigits[byte >> 4];
    *to += kDigits[byte & 15];
  }
}

}  // namespace

void AppendEscaped(std::string_view bytes, std::string* to) {
  for (const char c : bytes) {
    if (c == '\\') {
      *to += "\\\\";
    } else if (c >= 0x20 && c < 0x7F) {
      *to += c;
    } else {
      const auto byte = static_cast<uint8_t>(c);
      *to += "\\x";
      *to += kDigits[byte >> 4];
      *to += kDigits[byte & 15];
    }
  }
}

std::string ToEscaped(std::string_view bytes) {
  std::string text;
  AppendEscaped(bytes, &text);
  return text;
}

absl::StatusOr<std::string> FromEscaped(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      bytes += text[at];
      continue;
    }
    const char kind = at + 1 < text.size() ? text[at + 1] : '\0';
    if (kind == 'x') {
      const int byte = ByteAt(text, at + 2);
      if (byte < 0) return BadEscape(text, at);
      bytes += static_cast<char>(byte);
      at += 3;
      continue;
    }
    if (kind == '\\') {
      bytes += '\\';
    } else if (kind == 'n') {
      bytes += '\n';
    } else if (kind == 't') {
      bytes += '\t';
    } else if (kind == 'r') {
      bytes += '\r';
    } else {
      return BadEscape(text, at);
    }
    ++at;
  }
  return bytes;
}

void AppendHex(std::string_view bytes, std::string* to) {
  *to += "0x";
  AppendDigits(bytes, to);
}

std::string ToHex(std::string_view bytes) {
  std::string text;
  AppendHex(bytes, &text);
  return text;
}

std::string ToBareHex(std::string_view bytes) {
  std::string text;
  AppendDigits(bytes, &text);
  return text;
}

absl::StatusOr<std::string> FromHex(std::string_view text) {
  const std::string_view digits =
      text.starts_with("0x") || text.starts_with("0X") ? text.substr(2) : text;
  std::string bytes;
  bytes.reserve(digits.size() / 2);
  for (size_t at = 0; at < digits.size(); at += 2) {
    const int byte = ByteAt(digits, at);
    if (byte < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", Escape(text),
                       "' is no hexadecimal: two digits a byte, with or "
                       "without 0x before them"));
    }
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

bool IsUtf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t length = SequenceLength(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

}  // namespace lissom::tools
