// Metrics as texts for people. Their form may change; who wants numbers reads
// Metrics, or the properties that are numbers.
#ifndef LISSOM_DB_METRICS_STATS_TEXT_H_
#define LISSOM_DB_METRICS_STATS_TEXT_H_

#include <string>

#include "db/version/version.h"
#include "lissom/metrics.h"

namespace lissom {

// Everything that matters: levels, writes, reads, cache, background work,
// stalls by cause, latencies.
std::string StatsText(const Metrics& metrics);

// Of each level: tables and bytes.
std::string LevelsText(const Metrics& metrics);

// Stalls by cause; a line that says so if there were none.
std::string StallsText(const Metrics& metrics);

// The tree as a picture: a bar a level, its width by the logarithm of its
// bytes.
std::string ShapeText(const Metrics& metrics);

// Every table, level by level: number, size, entries, range of keys.
std::string TablesText(const Version& version);

// What the tables of a level hold, of all levels together if it is negative:
// "tables=3; entries=100; ...".
std::string AggregatedText(const Version& version, int level);

}  // namespace lissom

#endif  // LISSOM_DB_METRICS_STATS_TEXT_H_
