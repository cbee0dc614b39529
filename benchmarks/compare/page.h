// A Result as something to look at: one HTML page that needs nothing beside
// itself, the picture for the README, and a table for the terminal. Drawing is
// apart from measuring: all three come from the JSON alone.
//
// Pure functions.
#ifndef LISSOM_BENCHMARKS_COMPARE_PAGE_H_
#define LISSOM_BENCHMARKS_COMPARE_PAGE_H_

#include <string>

#include "benchmarks/compare/result.h"

namespace lissom::bench {

std::string ToHtml(const Result& result);

// The most telling ratios to RocksDB, for light and dark backgrounds.
std::string ToHeadlineSvg(const Result& result);

// Medians of each cell, and lissom's ratio to each other engine.
std::string ToText(const Result& result);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_PAGE_H_
