#include "src/tools/cli/words.h"

#include <cstddef>

#include "absl/status/status.h"
#include "src/tools/cli/text.h"
#include "util/status_macros.h"

namespace lissom::tools {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// Takes one word off the front of *line, which does not begin with a blank.
absl::StatusOr<std::string> TakeWord(std::string_view* line) {
  std::string word;  // With its escapes of text.h.
  bool quoted = false;
  size_t at = 0;
  for (; at < line->size() && (quoted || !IsBlank((*line)[at])); ++at) {
    const char c = (*line)[at];
    if (c == '"') {
      quoted = !quoted;
      continue;
    }
    if (c != '\\' || at + 1 == line->size()) {
      word += c;
      continue;
    }
    const char next = (*line)[++at];
    if (next != '"' && next != ' ') word += c;
    word += next;
  }
  if (quoted) {
    return absl::InvalidArgumentError("a \" without its end");
  }
  line->remove_prefix(at);
  return FromEscaped(word);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> SplitWords(std::string_view line) {
  std::vector<std::string> words;
  while (true) {
    while (!line.empty() && IsBlank(line.front())) line.remove_prefix(1);
    if (line.empty()) return words;
    LISSOM_ASSIGN_OR_RETURN(std::string word, TakeWord(&line));
    words.push_back(std::move(word));
  }
}

}  // namespace lissom::tools
