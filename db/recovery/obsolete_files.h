// Which files of a directory may go: a pure difference of sets.
#ifndef LISSOM_DB_RECOVERY_OBSOLETE_FILES_H_
#define LISSOM_DB_RECOVERY_OBSOLETE_FILES_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace lissom {

// What a database needs of its directory.
struct NeededFiles {
  std::set<uint64_t> tables;
  uint64_t min_log_number = 0;
  uint64_t manifest_number = 0;
};

// The names in `listing` that are ours and not needed: tables no Version names,
// logs below the minimum, other manifests, leftovers of a switch of CURRENT.
// Files that are not ours are never among them.
std::vector<std::string> ObsoleteFiles(const std::vector<std::string>& listing,
                                       const NeededFiles& needed);

}  // namespace lissom

#endif  // LISSOM_DB_RECOVERY_OBSOLETE_FILES_H_
