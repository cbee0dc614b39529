// DeeperLevels tells whether any table below a level can hold a key, for keys
// asked in ascending order. One cursor a level, so a whole compaction costs one
// walk over the tables' ends, not a search a key.
// Threads: thread-compatible.
#ifndef LISSOM_DB_OUTPUT_DEEPER_LEVELS_H_
#define LISSOM_DB_OUTPUT_DEEPER_LEVELS_H_

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

#include "db/version/version.h"

namespace lissom {

class DeeperLevels {
 public:
  // Levels below `level` (at least 0) of `version`.
  DeeperLevels(std::shared_ptr<const Version> version, int level);

  // Requires: not before the key of the last call.
  bool MayHold(std::string_view user_key);

 private:
  const std::shared_ptr<const Version> version_;
  const int level_;
  // Of each level: the first table that does not end before the last key.
  std::array<size_t, Version::kLevels> cursors_{};
};

}  // namespace lissom

#endif  // LISSOM_DB_OUTPUT_DEEPER_LEVELS_H_
