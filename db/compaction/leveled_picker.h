// The leveled policy: which tables to compact next, from the shape of the tree
// alone. No I/O, no clock; the same shape, options, context and state give the
// same plan.
//
// The rules, in their order:
//   1. Size. The most urgent level goes first (tables or bytes, divided by the
//      target, see level_targets.h; what is on its way down is not counted).
//      Within a level the table goes that overlaps the fewest bytes below for
//      each byte of its own, a tombstone counting as the entry it will remove
//      too; among equals the next one after the last that went, so that all of
//      them get their turn.
//   2. Level 0 into itself, when it is long and its way down is busy: the
//      youngest tables become one, as long as a table more makes the price for
//      each table that goes away no higher.
//   3. Tombstones, when nothing is due by size: a table below level 0 goes down
//      if a quarter of its entries are tombstones, the one with most of them
//      first. On the last level it is rewritten, but only if everybody reads at
//      sequences that let every tombstone of it go: so a table is rewritten
//      once, and one that a snapshot needs waits for it.
//   4. Age, likewise: a table whose entries are older than `ttl` goes down, the
//      oldest first, until the last level.
// Rules 3 and 4 only ever take tables down, or all tombstones out of the last
// level: they come to an end.
#ifndef LISSOM_DB_COMPACTION_LEVELED_PICKER_H_
#define LISSOM_DB_COMPACTION_LEVELED_PICKER_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "db/compaction/compaction.h"
#include "db/compaction/level_targets.h"
#include "db/compaction/plan_maker.h"
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

// What the policy must know besides the shape.
struct PickContext {
  Claims claims;  // Of the plans under way.
  // Nobody reads below it, now or later. 0: unknown.
  SequenceNumber oldest_snapshot = 0;
  absl::Time now = absl::InfinitePast();  // The wall clock, for ages.
};

// The next compaction, and *state moved past it; nullopt if none is due, or
// what is due cannot be done beside the plans under way or because of
// quarantined tables.
std::optional<CompactionPlan> PickLeveledCompaction(
    std::shared_ptr<const Version> version, const ColumnFamilyOptions& options,
    const PickContext& context, LeveledPickerState& state);

// Would PickLeveledCompaction give a plan?
bool NeedsCompaction(const std::shared_ptr<const Version>& version,
                     const ColumnFamilyOptions& options,
                     const PickContext& context,
                     const LeveledPickerState& state);

// What may make a plan due though the shape stays as it is.
struct PickAgain {
  // As soon as nobody reads below it; kMaxSequence: no snapshot matters.
  SequenceNumber snapshot = kMaxSequence;
  absl::Time time = absl::InfiniteFuture();  // Later than `now`.
};
PickAgain WhenToPickAgain(const Version& version,
                          const ColumnFamilyOptions& options,
                          const PickContext& context);

// The same with no plan under way, and nothing known of snapshots and time.
std::optional<CompactionPlan> PickLeveledCompaction(
    std::shared_ptr<const Version> version, const ColumnFamilyOptions& options,
    LeveledPickerState& state);
bool NeedsCompaction(const std::shared_ptr<const Version>& version,
                     const ColumnFamilyOptions& options,
                     const LeveledPickerState& state);

}  // namespace lissom

#endif  // LISSOM_DB_COMPACTION_LEVELED_PICKER_H_
