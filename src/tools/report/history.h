// History is what the LOG of a database tells of its past: flushes and
// compactions, stalls, and the lines of metrics (db/metrics/metrics_line.h).
//
// A database begins a new LOG whenever it is opened and keeps the one before as
// LOG.old, so there are two sessions at most. Nothing in a LOG is believed:
// what is no event is skipped, and a number that makes no sense is 0.
#ifndef LISSOM_SRC_TOOLS_REPORT_HISTORY_H_
#define LISSOM_SRC_TOOLS_REPORT_HISTORY_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "lissom/event_listener.h"
#include "lissom/file_system.h"
#include "lissom/metrics.h"

namespace lissom::tools {

// Times are microseconds since 1970.

// A flush (to level 0) or a compaction that is done.
struct TablesWritten {
  int64_t end = 0;
  int64_t micros = 0;  // That it took.
  int level = 0;       // To which.
  uint64_t bytes = 0;
};

// From here on writes were in this condition.
struct StallChange {
  int64_t at = 0;
  StallCondition now = StallCondition::kNormal;
};

// A line of metrics: counters since the session began, and gauges.
struct MetricsPoint {
  int64_t at = 0;
  uint64_t bytes_written = 0;
  uint64_t wal_bytes = 0;
  uint64_t filter_useful = 0;
  uint64_t filter_false_positives = 0;
  uint64_t cache_hits = 0;
  uint64_t cache_misses = 0;
  uint64_t live_bytes = 0;
  std::array<uint64_t, Metrics::kLevels> level_bytes{};
  std::array<uint64_t, Metrics::kLevels> level_written{};
  std::array<uint64_t, kStallCauses> stall_micros{};
};

// From an open to a close, or to now. In the order of the lines.
struct Session {
  int64_t begin = 0;  // Of the first and the last event.
  int64_t end = 0;
  std::vector<TablesWritten> written = {};
  std::vector<StallChange> stalls = {};
  std::vector<MetricsPoint> points = {};
};

struct History {
  std::vector<Session> sessions;  // Oldest first; only those with events.
  bool cut = false;               // The front of a LOG was left out.
};

// Takes one line of a LOG. False: no event that we know.
bool AddLine(std::string_view line, Session* session);

// Reads LOG.old and LOG of the directory, the last 64 MiB of each. A file that
// is not there has no session. Errors of reading as they are.
absl::StatusOr<History> ReadHistory(FileSystem& files,
                                    const std::string& directory);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_REPORT_HISTORY_H_
