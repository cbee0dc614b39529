// Is the harness fair to RocksDB? Calibrate runs four workloads through this
// program's adapter and through RocksDB's own db_bench with the same settings,
// in turns, and compares what a whole process of each has used of the
// processor.
#ifndef LISSOM_BENCHMARKS_COMPARE_CALIBRATE_H_
#define LISSOM_BENCHMARKS_COMPARE_CALIBRATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "benchmarks/compare/measure.h"
#include "benchmarks/compare/statistics.h"

namespace lissom::bench {

struct Calibration {
  std::string workload;
  // Microseconds of processor time an operation.
  Spread adapter;
  Spread db_bench;
  Spread ratio;  // Adapter over db_bench, pair by pair.
};

struct CalibrationRequest {
  std::string program;    // This one.
  std::string db_bench;   // RocksDB's.
  std::string directory;  // As for Compare.
  uint64_t keys = 1'000'000;
  uint64_t pairs = 10;
};

absl::StatusOr<std::vector<Calibration>> Calibrate(
    const CalibrationRequest& request, Voice& voice);

// A table, and whether each median is within 3 %.
std::string ToText(const std::vector<Calibration>& calibrations);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_CALIBRATE_H_
