// Metrics as JSON: the names of lissom/metrics.h, in its order. A ratio that
// the struct computes is a member, too ("write_amplification"); levels and
// stalls are arrays of objects, latencies objects, in nanoseconds.
#ifndef LISSOM_SRC_TOOLS_CLI_METRICS_JSON_H_
#define LISSOM_SRC_TOOLS_CLI_METRICS_JSON_H_

#include "lissom/metrics.h"
#include "nlohmann/json.hpp"

namespace lissom::tools {

nlohmann::ordered_json ToJson(const Metrics& metrics);

// Of one level, with its number as "level".
nlohmann::ordered_json ToJson(const LevelMetrics& metrics, size_t level);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_CLI_METRICS_JSON_H_
