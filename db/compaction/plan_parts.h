// How a compaction is cut into parts that are merged side by side: key ranges
// of about equal bytes. Pure, and the same for the same plan: so are the tables
// that come of it, whoever merges which part when.
#ifndef LISSOM_DB_COMPACTION_PLAN_PARTS_H_
#define LISSOM_DB_COMPACTION_PLAN_PARTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "db/compaction/compaction.h"

namespace lissom {

// The user keys that parts begin with, but for the first part's; ascending. At
// most `most_parts` parts, of about `least_bytes` or more. Cuts are where an
// input table begins: tables that overlap altogether cannot be cut. A merge
// within level 0 never is: it makes one table.
std::vector<std::string> CutPlan(const CompactionPlan& plan, size_t most_parts,
                                 uint64_t least_bytes);

}  // namespace lissom

#endif  // LISSOM_DB_COMPACTION_PLAN_PARTS_H_
