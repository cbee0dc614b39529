// The line of numbers that a database writes into its log now and then, so that
// a history remains when it is closed: tools draw it (src/tools/report).
#ifndef LISSOM_DB_METRICS_METRICS_LINE_H_
#define LISSOM_DB_METRICS_METRICS_LINE_H_

#include <string>

#include "absl/time/time.h"
#include "lissom/metrics.h"

namespace lissom {

// Between two lines; the last one, of Close, comes whenever that is. A line
// follows a flush or compaction, whose own lines are longer: so the log grows
// by less than half, and nothing happens in a database that is idle.
inline constexpr absl::Duration kMetricsLineInterval = absl::Seconds(10);

// One line of JSON, in the form of an event: it begins with "event":"metrics"
// and "time_micros" (since 1970). Counters are those since Open; lists have a
// number for each level. Below 4096 bytes, so that no log cuts it.
std::string MetricsAsJson(const Metrics& metrics, absl::Time at);

}  // namespace lissom

#endif  // LISSOM_DB_METRICS_METRICS_LINE_H_
