// What a page or a table says of a Result, in the order it says it: which
// engines and cells there are, and curves made of many runs.
//
// Pure functions.
#ifndef LISSOM_BENCHMARKS_COMPARE_SUMMARY_H_
#define LISSOM_BENCHMARKS_COMPARE_SUMMARY_H_

#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/compare/charts.h"
#include "benchmarks/compare/result.h"

namespace lissom::bench {

// The engine that is compared, and the one that its targets are set against.
inline constexpr std::string_view kOurs = "lissom";
inline constexpr std::string_view kAnchor = "rocksdb";

// Another store: not ours, not null, and not one of them with other settings,
// which stand in tables only.
bool IsPeer(std::string_view engine);

// "RocksDB" for "rocksdb".
std::string DisplayName(std::string_view engine);

// What a reader is told first.
struct HeadlineCell {
  std::string_view cell;
  std::string_view words;
};
inline constexpr HeadlineCell kHeadlineCells[] = {
    {"readrandom", "random reads"},
    {"multireadrandom", "reads in batches of 32"},
    {"fillrandom", "random writes"},
    {"seekrandom", "seeks"},
    {"readseq", "forward scan"}};

// Of the cell, ours first, then in the order of their first sample.
std::vector<std::string> EnginesIn(const Cell& cell);
std::vector<std::string> EnginesIn(const Result& result);

// Cells of a group that have samples, in the result's order.
std::vector<const Cell*> CellsOf(const Result& result, std::string_view group);

// One row a cell that both engines took part in.
std::vector<RatioRow> RatioRows(const std::vector<const Cell*>& cells,
                                std::string_view other);

// The percentiles of an operation, each the median of its runs: undisturbed
// ones, unless there are none.
struct LatencyCurve {
  std::string engine;
  double offered = 0;
  double done = 0;
  std::vector<Percentile> percentiles;
};
std::vector<LatencyCurve> CurvesOf(const Result& result,
                                   std::string_view operation);

// Medians over the rounds.
struct AmplificationSummary {
  std::string engine;
  double write = 0;  // Bytes written a byte put.
  double space = 0;  // Bytes on disk a byte that can be read.
};
std::vector<AmplificationSummary> AmplificationsOf(const Result& result,
                                                   std::string_view cell);
std::vector<std::string> AmplifiedCells(const Result& result);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_SUMMARY_H_
