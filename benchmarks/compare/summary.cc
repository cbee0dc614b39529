#include "benchmarks/compare/summary.h"

#include <algorithm>
#include <cstddef>

namespace lissom::bench {
namespace {

void AddOnce(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  if (name == kOurs) {
    names.insert(names.begin(), name);
  } else {
    names.push_back(name);
  }
}

}  // namespace

bool IsPeer(std::string_view engine) {
  return engine != kOurs && engine != "null" &&
         engine.find('-') == std::string_view::npos;
}

std::string DisplayName(std::string_view engine) {
  if (engine == "rocksdb") return "RocksDB";
  if (engine == "leveldb") return "LevelDB";
  if (engine == "lmdb") return "LMDB";
  return std::string(engine);
}

std::vector<std::string> EnginesIn(const Cell& cell) {
  std::vector<std::string> names;
  for (const Sample& sample : cell.samples) AddOnce(names, sample.engine);
  return names;
}

std::vector<std::string> EnginesIn(const Result& result) {
  std::vector<std::string> names;
  for (const Cell& cell : result.cells) {
    for (const std::string& name : EnginesIn(cell)) AddOnce(names, name);
  }
  return names;
}

std::vector<const Cell*> CellsOf(const Result& result, std::string_view group) {
  std::vector<const Cell*> cells;
  for (const Cell& cell : result.cells) {
    if (cell.group == group && !cell.samples.empty()) cells.push_back(&cell);
  }
  return cells;
}

std::vector<RatioRow> RatioRows(const std::vector<const Cell*>& cells,
                                std::string_view other) {
  std::vector<RatioRow> rows;
  for (const Cell* cell : cells) {
    const Spread ratio = RatiosOf(*cell, kOurs, other);
    if (ratio.count == 0) continue;
    rows.push_back(
        {.label = cell->title,
         .ratio = ratio,
         .disturbed = IsDisturbed(*cell, kOurs) || IsDisturbed(*cell, other)});
  }
  return rows;
}

std::vector<LatencyCurve> CurvesOf(const Result& result,
                                   std::string_view operation) {
  std::vector<std::string> engines;
  for (const LatencyRun& run : result.latencies) {
    if (run.operation == operation) AddOnce(engines, run.engine);
  }
  std::vector<LatencyCurve> curves;
  for (const std::string& engine : engines) {
    std::vector<const LatencyRun*> all;
    std::vector<const LatencyRun*> calm;
    for (const LatencyRun& run : result.latencies) {
      if (run.operation != operation || run.engine != engine) continue;
      all.push_back(&run);
      if (!run.busy) calm.push_back(&run);
    }
    const std::vector<const LatencyRun*>& runs = calm.empty() ? all : calm;
    LatencyCurve curve{.engine = engine, .percentiles = {}};
    std::vector<double> done;
    done.reserve(runs.size());
    for (const LatencyRun* run : runs) done.push_back(run->done);
    curve.offered = runs.front()->offered;
    curve.done = Median(done);
    for (size_t i = 0; i < runs.front()->percentiles.size(); ++i) {
      std::vector<double> micros;
      for (const LatencyRun* run : runs) {
        if (i < run->percentiles.size()) {
          micros.push_back(run->percentiles[i].micros);
        }
      }
      curve.percentiles.push_back(
          {.percent = runs.front()->percentiles[i].percent,
           .micros = Median(micros)});
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

std::vector<std::string> AmplifiedCells(const Result& result) {
  std::vector<std::string> cells;
  for (const Amplification& one : result.amplifications) {
    AddOnce(cells, one.cell);
  }
  return cells;
}

std::vector<AmplificationSummary> AmplificationsOf(const Result& result,
                                                   std::string_view cell) {
  std::vector<std::string> engines;
  for (const Amplification& one : result.amplifications) {
    if (one.cell == cell) AddOnce(engines, one.engine);
  }
  std::vector<AmplificationSummary> sums;
  for (const std::string& engine : engines) {
    std::vector<double> write;
    std::vector<double> space;
    for (const Amplification& one : result.amplifications) {
      if (one.cell != cell || one.engine != engine) continue;
      write.push_back(one.written_bytes / std::max(one.put_bytes, 1.0));
      space.push_back(one.disk_bytes / std::max(one.live_bytes, 1.0));
    }
    sums.push_back(
        {.engine = engine, .write = Median(write), .space = Median(space)});
  }
  return sums;
}

}  // namespace lissom::bench
