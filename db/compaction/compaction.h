// CompactionPlan is what a picker decided and a compaction job carries out:
// which tables become which level. A value; it keeps the Version it was made
// for, and with it the files.
//
// Invariants that every plan has (CheckPlan says so of a given one):
//   - `inputs` are all tables of the start level that share a user key with one
//     of them: nothing older stays above, and no key's versions are split;
//   - `overlapping` are all tables of the output level within the inputs'
//   range;
//   - no level between start and output has a table.
#ifndef LISSOM_DB_COMPACTION_COMPACTION_H_
#define LISSOM_DB_COMPACTION_COMPACTION_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "db/version/version.h"

namespace lissom {

struct CompactionPlan {
  enum class Reason {
    kLevel0Count,  // Level 0 has too many tables.
    kLevelSize,    // The start level is larger than its target.
  };

  std::shared_ptr<const Version> version;
  Reason reason = Reason::kLevel0Count;
  double score = 0;  // How urgent; 1 and above is due.
  int start_level = 0;
  int output_level = 0;
  Version::Level inputs;        // Of the start level, in its order.
  Version::Level overlapping;   // Of the output level, in its order.
  Version::Level grandparents;  // Of the level below it, within the range.
  bool trivial_move = false;    // Name the one input in the output level.

  uint64_t input_bytes() const;    // Of inputs and overlapping.
  uint64_t input_entries() const;  // Likewise.
};

// kInternal: the plan breaks an invariant; carrying it out would lose keys or
// bring old versions back. Cheap: ends of tables only.
absl::Status CheckPlan(const CompactionPlan& plan);

// "compact 7 5 L0 + 3 L1 -> L1" or "move 7 L1 -> L2".
std::string DebugString(const CompactionPlan& plan);

}  // namespace lissom

#endif  // LISSOM_DB_COMPACTION_COMPACTION_H_
