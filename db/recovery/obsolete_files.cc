#include "db/recovery/obsolete_files.h"

#include <optional>

#include "db/filename.h"

namespace lissom {
namespace {

bool IsNeeded(const ParsedFileName& file, const NeededFiles& needed) {
  switch (file.type) {
    case FileType::kTable:
      return needed.tables.contains(file.number);
    case FileType::kWal:
      return file.number >= needed.min_log_number;
    case FileType::kManifest:
      return file.number == needed.manifest_number;
    case FileType::kCurrentTemp:
      return false;
    case FileType::kCurrent:
    case FileType::kLock:
    case FileType::kInfoLog:
      return true;
  }
  return true;
}

}  // namespace

std::vector<std::string> ObsoleteFiles(const std::vector<std::string>& listing,
                                       const NeededFiles& needed) {
  std::vector<std::string> obsolete;
  for (const std::string& name : listing) {
    const std::optional<ParsedFileName> file = ParseFileName(name);
    if (file.has_value() && !IsNeeded(*file, needed)) obsolete.push_back(name);
  }
  return obsolete;
}

}  // namespace lissom
