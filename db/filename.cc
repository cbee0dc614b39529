#include "db/filename.h"

#include <cinttypes>
#include <cstdio>

namespace lissom {
namespace {

std::string Numbered(const std::string& directory, const char* before,
                     uint64_t number, const char* after) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%06" PRIu64, number);
  return directory + "/" + before + digits + after;
}

// At least six digits, no superfluous leading zero, and not over 64 bits: one
// number has one name.
std::optional<uint64_t> ParseNumber(std::string_view digits) {
  if (digits.size() < 6 || digits.size() > 19) return std::nullopt;
  if (digits.size() > 6 && digits[0] == '0') return std::nullopt;
  uint64_t number = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  return number;
}

std::optional<ParsedFileName> ParseNumbered(FileType type,
                                            std::string_view digits) {
  const std::optional<uint64_t> number = ParseNumber(digits);
  if (!number.has_value()) return std::nullopt;
  return ParsedFileName{type, *number};
}

bool Strip(std::string_view* name, std::string_view prefix,
           std::string_view suffix) {
  if (name->size() < prefix.size() + suffix.size() ||
      !name->starts_with(prefix) || !name->ends_with(suffix)) {
    return false;
  }
  name->remove_prefix(prefix.size());
  name->remove_suffix(suffix.size());
  return true;
}

}  // namespace

std::optional<ParsedFileName> ParseFileName(std::string_view name) {
  if (name == "CURRENT") return ParsedFileName{FileType::kCurrent};
  if (name == "LOCK") return ParsedFileName{FileType::kLock};
  if (name == "LOG" || name == "LOG.old")
    return ParsedFileName{FileType::kInfoLog};
  if (Strip(&name, "MANIFEST-", ""))
    return ParseNumbered(FileType::kManifest, name);
  if (Strip(&name, "CURRENT.", ".tmp")) {
    return ParseNumbered(FileType::kCurrentTemp, name);
  }
  if (Strip(&name, "", ".sst")) return ParseNumbered(FileType::kTable, name);
  if (Strip(&name, "", ".log")) return ParseNumbered(FileType::kWal, name);
  return std::nullopt;
}

std::string TableFileName(const std::string& directory, uint64_t number) {
  return Numbered(directory, "", number, ".sst");
}
std::string WalFileName(const std::string& directory, uint64_t number) {
  return Numbered(directory, "", number, ".log");
}
std::string ManifestFileName(const std::string& directory, uint64_t number) {
  return Numbered(directory, "MANIFEST-", number, "");
}
std::string CurrentFileName(const std::string& directory) {
  return directory + "/CURRENT";
}
std::string CurrentTempFileName(const std::string& directory, uint64_t number) {
  return Numbered(directory, "CURRENT.", number, ".tmp");
}
std::string LockFileName(const std::string& directory) {
  return directory + "/LOCK";
}
std::string InfoLogFileName(const std::string& directory) {
  return directory + "/LOG";
}

}  // namespace lissom
