// What the levels of a tree should be like, by the leveled policy, and how far
// the tree is from it. Pure.
//
// Levels' targets derive from below: the last level is as large as the data is,
// each level above it `multiplier` times smaller, up to the base level, the
// first whose target is at most max_bytes_for_level_base. Level 0 compacts
// straight into the base level; the levels between stay empty. So at most
// about 1/multiplier of the data is overwritten garbage, at any size.
//
//   L0   4 tables       due: level0_file_num_compaction_trigger
//   L4   60 MB  of 80   base level
//   L5  900 MB  of 800  due: larger than its target
//   L6    8 GB          the last level is never due
#ifndef LISSOM_DB_COMPACTION_LEVEL_TARGETS_H_
#define LISSOM_DB_COMPACTION_LEVEL_TARGETS_H_

#include <array>
#include <cstdint>

#include "db/version/version.h"
#include "lissom/options.h"

namespace lissom {

struct LevelTargets {
  int base_level = Version::kLevels - 1;
  // Of levels base_level and below; 0 above.
  std::array<uint64_t, Version::kLevels> bytes{};
};
LevelTargets ComputeLevelTargets(const Version& version,
                                 const ColumnFamilyOptions& options);

// How urgent the most urgent level is: tables of level 0, or bytes of a level,
// divided by what there should be; 1 and above is due. Of level 0 also where it
// is below 1, so that a throttle can see it coming.
double CompactionScore(const Version& version,
                       const ColumnFamilyOptions& options);

// The bytes that compactions must read before every level is within its target:
// what is over a target is merged into the level below at the ratio of the two
// levels, and then weighs there. 0 if nothing is due.
uint64_t CompactionDebt(const Version& version,
                        const ColumnFamilyOptions& options);

}  // namespace lissom

#endif  // LISSOM_DB_COMPACTION_LEVEL_TARGETS_H_
