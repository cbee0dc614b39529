// Names of the files in a database's directory:
//
//   000012.sst  a table          000007.log  a WAL        MANIFEST-000003
//   CURRENT     names the manifest in force
//   CURRENT.000003.tmp  about to become CURRENT; left by a crash: garbage
//   LOCK        held by the opener       LOG, LOG.old  the operator's log
//
// Numbers come from one counter, have at least six digits, never come twice.
#ifndef LISSOM_DB_FILENAME_H_
#define LISSOM_DB_FILENAME_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lissom {

enum class FileType {
  kTable,
  kWal,
  kManifest,
  kCurrent,
  kCurrentTemp,
  kLock,
  kInfoLog
};

struct ParsedFileName {
  FileType type;
  uint64_t number = 0;  // 0 for files without one.
};

// nullopt: not a name of ours.
std::optional<ParsedFileName> ParseFileName(std::string_view name);

std::string TableFileName(const std::string& directory, uint64_t number);
std::string WalFileName(const std::string& directory, uint64_t number);
std::string ManifestFileName(const std::string& directory, uint64_t number);
std::string CurrentFileName(const std::string& directory);
std::string CurrentTempFileName(const std::string& directory, uint64_t number);
std::string LockFileName(const std::string& directory);
std::string InfoLogFileName(const std::string& directory);

}  // namespace lissom

#endif  // LISSOM_DB_FILENAME_H_
