#include "tests/support/shape.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "util/strings.h"

namespace lissom::testing {
namespace {

[[noreturn]] void Fail(std::string_view text, const char* what) {
  std::fprintf(stderr, "not a shape: %s: \"%s\"\n", what,
               std::string(text).c_str());
  std::abort();
}

// Takes everything up to the first of `ends` off `text`; all of it if there is
// none. The end stays.
std::string_view TakeUntil(std::string_view* text, const char* ends) {
  const std::string_view taken = text->substr(0, text->find_first_of(ends));
  text->remove_prefix(taken.size());
  return taken;
}

bool TakeChar(std::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

uint64_t ParseNumber(std::string_view digits) {
  if (digits.empty()) Fail(digits, "a number is missing");
  uint64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') Fail(digits, "not a number");
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

uint64_t ParseSize(std::string_view text) {
  if (text.empty()) Fail(text, "a size is missing");
  static constexpr std::string_view kUnits = "BKMG";
  const size_t unit = kUnits.find(text.back());
  if (unit == std::string_view::npos) return ParseNumber(text);
  text.remove_suffix(1);
  return ParseNumber(text) << (10 * unit);
}

// Splits off the next word or line.
bool TakePart(std::string_view* text, char separator, std::string_view* part) {
  while (TakeChar(text, separator)) {
  }
  if (text->empty()) return false;
  const char ends[] = {separator, '\0'};
  *part = TakeUntil(text, ends);
  return true;
}

std::shared_ptr<const TableFile> MakeTable(std::string_view text) {
  // No source: nobody can open it.
  return std::make_shared<TableFile>(nullptr, ParseTable(text));
}

}  // namespace

TableMetadata ParseTable(std::string_view text) {
  const std::string_view all = text;
  TableMetadata table;
  table.number = ParseNumber(TakeUntil(&text, "["));
  if (!TakeChar(&text, '[')) Fail(all, "no [");
  const std::string smallest(TakeUntil(&text, "-"));
  if (!TakeChar(&text, '-')) Fail(all, "no - between keys");
  const std::string largest(TakeUntil(&text, "]"));
  if (!TakeChar(&text, ']')) Fail(all, "no ]");
  table.smallest_sequence = table.number * 10;
  table.largest_sequence = table.number * 10 + 9;
  if (TakeChar(&text, '@')) {
    table.smallest_sequence = ParseNumber(TakeUntil(&text, "-"));
    if (!TakeChar(&text, '-')) Fail(all, "no - between sequences");
    table.largest_sequence = ParseNumber(TakeUntil(&text, ":!~"));
  }
  table.size = uint64_t{1} << 20;
  if (TakeChar(&text, ':')) table.size = ParseSize(TakeUntil(&text, "!~"));
  if (TakeChar(&text, '!'))
    table.tombstones = ParseNumber(TakeUntil(&text, "~"));
  if (TakeChar(&text, '~')) {
    table.creation_time = ParseNumber(std::exchange(text, {}));
  }
  if (!text.empty()) Fail(all, "bytes behind a table");
  // The newest version of the smallest key, the oldest of the largest.
  table.smallest = InternalKey(
      smallest, PackTrailer(table.largest_sequence, EntryKind::kPut));
  table.largest = InternalKey(
      largest, PackTrailer(table.smallest_sequence, EntryKind::kPut));
  table.tail_size = table.size < 4096 ? table.size : 4096;
  table.id = {.high = 0x73686170, .low = table.number};
  table.entries = table.largest_sequence - table.smallest_sequence + 1;
  return table;
}

std::shared_ptr<const Version> ParseShape(std::string_view text,
                                          const KeyOrder& order) {
  std::array<Version::Level, Version::kLevels> levels;
  std::string_view line;
  while (TakePart(&text, '\n', &line)) {
    std::string_view word;
    if (!TakePart(&line, ' ', &word) || word.front() == '#') continue;
    if (!TakeChar(&word, 'L')) Fail(word, "no level");
    const uint64_t level = ParseNumber(TakeUntil(&word, ":"));
    if (word != ":") Fail(word, "no : behind the level");
    if (level >= levels.size()) Fail(word, "no such level");
    while (TakePart(&line, ' ', &word))
      levels[level].push_back(MakeTable(word));
  }
  return std::make_shared<Version>(order, std::move(levels));
}

std::shared_ptr<const Version> ParseShape(std::string_view text) {
  return ParseShape(text, KeyOrder(BytewiseComparator()));
}

std::string ToString(const TableMetadata& table) {
  return absl::StrCat(table.number, "[", Escape(table.smallest.user_key), "-",
                      Escape(table.largest.user_key), "]");
}

std::string ToString(const Version::Level& tables) {
  std::string out;
  for (const auto& table : tables) {
    absl::StrAppend(&out, out.empty() ? "" : " ", ToString(table->meta()));
  }
  return out;
}

std::string ToString(const Version& version) {
  std::string out;
  for (int n = 0; n < Version::kLevels; ++n) {
    if (version.level(n).empty()) continue;
    absl::StrAppend(&out, out.empty() ? "" : "\n", "L", n, ": ",
                    ToString(version.level(n)));
  }
  return out;
}

}  // namespace lissom::testing
