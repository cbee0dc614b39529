// The sections of a report, each a piece of HTML.
#ifndef LISSOM_SRC_TOOLS_REPORT_SECTIONS_H_
#define LISSOM_SRC_TOOLS_REPORT_SECTIONS_H_

#include <array>
#include <string>

#include "src/tools/report/report.h"

namespace lissom::tools {

std::string PageStyle();

// The figures at the top.
std::string Tiles(const ReportData& data);
// The tree: a bar a table, coloured by age, tombstones, size or codec.
std::string TreeSection(const ReportData& data);
// A row a level.
std::string LevelsSection(const ReportData& data);
// Bytes of tables written to each level for a byte of users.
std::string WriteAmplificationSection(const ReportData& data);
// What happened over time: writes, stalls, cache, filters, space.
std::string HistorySection(const ReportData& data);

// The bytes that users wrote, and those that went to tables: by the lines of
// metrics, or, if a LOG has none, by its flushes. 0: nothing is known.
struct WriteTotals {
  double users = 0;
  std::array<double, Metrics::kLevels> levels{};
  bool by_metrics = false;
};
WriteTotals TotalsOf(const History& history);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_REPORT_SECTIONS_H_
