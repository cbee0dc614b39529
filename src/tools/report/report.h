// A report is one HTML page that draws a database: its tree of tables over the
// space of keys, and what its LOG tells of writes, stalls, cache and filters.
//
// The page needs nothing but itself: styles and pictures (SVG) are in it, there
// is no script, and nothing is loaded. Its size is bounded, however large the
// tree: from some hundred tables a level on, a bar stands for several.
#ifndef LISSOM_SRC_TOOLS_REPORT_REPORT_H_
#define LISSOM_SRC_TOOLS_REPORT_REPORT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "db/version/version_set.h"
#include "lissom/file_system.h"
#include "src/tools/report/history.h"

namespace lissom::tools {

// What a page begins with: so that a report is never mistaken.
inline constexpr std::string_view kReportMark =
    "<!DOCTYPE html>\n<!-- lissom report -->\n";

struct ReportData {
  std::string directory = {};
  absl::Time made = absl::UnixEpoch();  // Ages are counted from here.
  ManifestState manifest = {};
  uint64_t log_files = 0;  // Of the WAL: what is not in tables yet.
  uint64_t log_bytes = 0;
  History history = {};
};

// Reads manifest and LOG of a database, which may be open elsewhere. Changes
// nothing. kInvalidArgument: no database is there; else ReadManifest's errors.
absl::StatusOr<ReportData> CollectReport(FileSystem& files,
                                         const std::string& directory,
                                         absl::Time now);

// The page.
std::string RenderReport(const ReportData& data);

// Writes `page` to `path` in one step: under another name, which is renamed
// when it is whole. A file that is there is replaced if it is a report, or with
// `force`; else kAlreadyExists, and it is untouched, as it is on every error.
absl::Status WriteReport(const std::string& path, std::string_view page,
                         bool force);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_REPORT_REPORT_H_
