// CompactionPlan is what a picker decided and a compaction job carries out:
// which tables become which level. A value; it keeps the Version it was made
// for, and with it the files.
//
// Three kinds (CheckPlan says of a given plan whether its invariants hold):
//   down      from a level to one below it.
//     - `inputs` are all tables of the start level that share a user key with
//       one of them: nothing older stays above, no key's versions are split;
//     - `overlapping` are all tables of the output level within the inputs'
//       range;
//     - no level between start and output has a table.
//   rewrite   start and output are the same level, below 0: its tables are
//     written anew where they are. `inputs` as above.
//   merge     start and output are level 0: tables that follow each other in
//     age become one, so that reads meet fewer of them.
#ifndef LISSOM_DB_COMPACTION_COMPACTION_H_
#define LISSOM_DB_COMPACTION_COMPACTION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "db/version/version.h"

namespace lissom {

struct CompactionPlan {
  enum class Reason {
    kLevel0Count,  // Level 0 has too many tables.
    kLevelSize,    // The start level is larger than its target.
    kTombstones,   // Much of the table is tombstones.
    kAge,          // The table is older than ColumnFamilyOptions::ttl.
    kManual,       // Somebody asked for it.
  };

  std::shared_ptr<const Version> version;
  Reason reason = Reason::kLevel0Count;
  double score = 0;  // How urgent; 1 and above is due. 0: not by size.
  int start_level = 0;
  int output_level = 0;
  Version::Level inputs;        // Of the start level, in its order.
  Version::Level overlapping;   // Of the output level, in its order.
  Version::Level grandparents;  // Of the level below it, within the range.
  bool trivial_move = false;    // Name the inputs in the output level.

  // Given by the scheduler: what it knows the plan by, and the flag by which
  // somebody calls it off (relaxed: a late look only wastes work) or null.
  uint64_t id = 0;
  std::shared_ptr<const std::atomic<bool>> cancelled;

  bool stays_in_level() const { return start_level == output_level; }
  uint64_t input_bytes() const;    // Of inputs and overlapping.
  uint64_t input_entries() const;  // Likewise.
};

// kInternal: the plan breaks an invariant; carrying it out would lose keys or
// bring old versions back. Cheap: ends of tables only.
absl::Status CheckPlan(const CompactionPlan& plan);

// "level0-count", "level-size", ...: for logs.
std::string_view ReasonName(CompactionPlan::Reason reason);

// "compact 7 5 L0 + 3 L1 -> L1", "move 7 L1 -> L2", "rewrite 7 L6" or
// "merge 7 5 4 L0".
std::string DebugString(const CompactionPlan& plan);

}  // namespace lissom

#endif  // LISSOM_DB_COMPACTION_COMPACTION_H_
