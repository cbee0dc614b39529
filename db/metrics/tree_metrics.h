// What the shape of the tree says about the metrics.
#ifndef LISSOM_DB_METRICS_TREE_METRICS_H_
#define LISSOM_DB_METRICS_TREE_METRICS_H_

#include "db/version/version.h"
#include "lissom/metrics.h"

namespace lissom {

// Sets what `version` alone decides: tables and bytes, of levels and in all,
// live bytes, keys. Of the levels target and score stay as they are: a
// policy's. Requires: memtable_entries is set (its keys are counted too).
//
// Live bytes: the tables that no table below has keys in common with; what lies
// above others is taken for overwrites of them. In level 0, of tables that
// overlap one another only the largest counts. Keys: entries, less two for
// each tombstone (itself and what it hides).
//
// Cost: a search in each deeper level for each table.
void SetTreeMetrics(const Version& version, Metrics* metrics);

}  // namespace lissom

#endif  // LISSOM_DB_METRICS_TREE_METRICS_H_
