// Keys and values as text, for people and for pipes: escapes and hexadecimal.
// Both ways are exact: what one function writes the other reads back.
#ifndef LISSOM_SRC_TOOLS_CLI_TEXT_H_
#define LISSOM_SRC_TOOLS_CLI_TEXT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace lissom::tools {

// Printable ASCII as it is, a backslash as \\, any other byte as \xNN: one
// line, without tabs, safe for a terminal.
std::string ToEscaped(std::string_view bytes);
void AppendEscaped(std::string_view bytes, std::string* to);

// Reads \\, \xNN, and \n, \t, \r; all other bytes stand for themselves.
// kInvalidArgument: another character, or none, after a backslash.
absl::StatusOr<std::string> FromEscaped(std::string_view text);

// "0x" and two capital digits a byte; nothing but "0x" for no bytes. (As ldb
// writes it.) The bare digits: without the "0x".
std::string ToHex(std::string_view bytes);
void AppendHex(std::string_view bytes, std::string* to);
std::string ToBareHex(std::string_view bytes);

// Reads digits of either case, with or without "0x".
// kInvalidArgument: an odd number of them, or something else among them.
absl::StatusOr<std::string> FromHex(std::string_view text);

// True if `bytes` are UTF-8 as RFC 3629 has it: no overlong forms, no
// surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view bytes);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_CLI_TEXT_H_
