#include "benchmarks/compare/result.h"

#include <algorithm>

#include "benchmarks/compare/statistics.h"

namespace lissom::bench {
namespace {

bool Counts(const Cell& cell, const Sample& sample) {
  return !sample.busy || IsDisturbed(cell, sample.engine);
}

template <typename Value>
Spread SpreadOver(const Cell& cell, std::string_view engine, Value value) {
  std::vector<double> values;
  for (const Sample& sample : cell.samples) {
    if (sample.engine == engine && Counts(cell, sample)) {
      values.push_back(value(sample));
    }
  }
  return SpreadOf(values);
}

}  // namespace

bool IsDisturbed(const Cell& cell, std::string_view engine) {
  bool any = false;
  for (const Sample& sample : cell.samples) {
    if (sample.engine != engine) continue;
    if (!sample.busy) return false;
    any = true;
  }
  return any;
}

Spread ValuesOf(const Cell& cell, std::string_view engine) {
  return SpreadOver(cell, engine, [](const Sample& s) { return s.value; });
}

Spread CpuOf(const Cell& cell, std::string_view engine) {
  return SpreadOver(cell, engine, [](const Sample& s) {
    return s.cpu_seconds * 1e6 /
           static_cast<double>(std::max<uint64_t>(s.operations, 1));
  });
}

Spread RatiosOf(const Cell& cell, std::string_view engine,
                std::string_view other) {
  // A pair of which one was disturbed says nothing. Where none is left, all
  // count, and the cell is marked.
  const auto ratios = [&](bool all) {
    std::vector<double> result;
    for (const Sample& ours : cell.samples) {
      if (ours.engine != engine || (ours.busy && !all)) continue;
      for (const Sample& theirs : cell.samples) {
        if (theirs.engine == other && theirs.round == ours.round &&
            (!theirs.busy || all) && theirs.value > 0) {
          result.push_back(ours.value / theirs.value);
        }
      }
    }
    return result;
  };
  const std::vector<double> undisturbed = ratios(false);
  return SpreadOf(undisturbed.empty() ? ratios(true) : undisturbed);
}

const Cell* FindCell(const Result& result, std::string_view id) {
  for (const Cell& cell : result.cells) {
    if (cell.id == id) return &cell;
  }
  return nullptr;
}

uint64_t SlicesThrownAway(const Result& result) {
  uint64_t count = 0;
  for (const Cell& cell : result.cells) {
    for (const Sample& sample : cell.samples) count += sample.busy ? 1 : 0;
  }
  for (const LatencyRun& run : result.latencies) count += run.busy ? 1 : 0;
  return count;
}

uint64_t Slices(const Result& result) {
  uint64_t count = result.latencies.size();
  for (const Cell& cell : result.cells) count += cell.samples.size();
  return count;
}

}  // namespace lissom::bench
