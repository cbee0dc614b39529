// What every open database, writable or not, puts into its Metrics.
#ifndef LISSOM_DB_DB_METRICS_H_
#define LISSOM_DB_DB_METRICS_H_

#include "db/read/reader.h"
#include "db/version/version.h"
#include "lissom/metrics.h"
#include "lissom/options.h"

namespace lissom {

// Of the tree, its tables and its cache. Requires: memtable_entries is set.
void AddTreeMetrics(const Version& version, const TableSource& source,
                    const ColumnFamilyOptions& options, Metrics* metrics);

// Snapshots and iterators.
void AddReaderMetrics(Reader& reader, Metrics* metrics);

}  // namespace lissom

#endif  // LISSOM_DB_DB_METRICS_H_
