// The leveled policy: which tables to compact next, from the shape of the tree
// alone. No I/O, no clock; the same shape, options and state give the same
// plan.
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
//
// The most urgent level goes first (tables or bytes, divided by the target).
// Within a level the table goes that overlaps the fewest bytes below for each
// byte of its own; among equals the next one after the last that went, so that
// all of them get their turn.
#ifndef LISSOM_DB_COMPACTION_LEVELED_PICKER_H_
#define LISSOM_DB_COMPACTION_LEVELED_PICKER_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "db/compaction/compaction.h"
#include "db/version/version.h"
#include "lissom/options.h"

namespace lissom {

// What the policy remembers from plan to plan. In memory only.
struct LeveledPickerState {
  // Tables that no plan may touch: a compaction found them damaged.
  std::set<uint64_t> quarantined;
  // Largest user key of what went last from each level.
  std::array<std::optional<std::string>, Version::kLevels> last_key;
};

// What the levels of a shape should be like.
struct LevelTargets {
  int base_level = Version::kLevels - 1;
  // Of levels base_level and below; 0 above.
  std::array<uint64_t, Version::kLevels> bytes{};
};
LevelTargets ComputeLevelTargets(const Version& version,
                                 const ColumnFamilyOptions& options);

// The next compaction, and *state moved past it; nullopt if none is due, or
// what is due cannot be done because of quarantined tables.
std::optional<CompactionPlan> PickLeveledCompaction(
    std::shared_ptr<const Version> version, const ColumnFamilyOptions& options,
    LeveledPickerState& state);

// Is there a compaction to do?
bool NeedsCompaction(const std::shared_ptr<const Version>& version,
                     const ColumnFamilyOptions& options,
                     const LeveledPickerState& state);

}  // namespace lissom

#endif  // LISSOM_DB_COMPACTION_LEVELED_PICKER_H_
