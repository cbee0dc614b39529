// The words of a line of the shell.
#ifndef LISSOM_SRC_TOOLS_CLI_WORDS_H_
#define LISSOM_SRC_TOOLS_CLI_WORDS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace lissom::tools {

// Splits at blanks. Within "double quotes" blanks are part of the word, and ""
// is an empty one; the escapes of text.h, and \" and "\ " besides, hold inside
// of them and outside. kInvalidArgument: a quote without its end, or a bad
// escape.
absl::StatusOr<std::vector<std::string>> SplitWords(std::string_view line);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_CLI_WORDS_H_
