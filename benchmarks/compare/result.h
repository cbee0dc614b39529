// What a comparison has measured: raw samples, never only what was made of
// them, so that a page can be drawn, or an opinion revised, without measuring
// anew. As JSON it is the file that `lissom_compare` writes; README.md
// describes its members.
//
// Plain values; pure functions.
#ifndef LISSOM_BENCHMARKS_COMPARE_RESULT_H_
#define LISSOM_BENCHMARKS_COMPARE_RESULT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "benchmarks/compare/machine.h"
#include "benchmarks/compare/statistics.h"

namespace lissom::bench {

// One engine, one slice.
struct Sample {
  std::string engine;
  uint64_t round = 0;  // Samples of a round are neighbours in time: a pair.
  double value = 0;    // In the cell's unit.
  uint64_t operations = 0;
  double seconds = 0;
  double cpu_seconds = 0;  // User and system, of all threads of the engine.
  uint64_t found = 0;
  double others_cpus = 0;  // That other processes kept busy meanwhile.
  bool busy = false;       // Thrown away: too much of that.
};

// One question, asked of each engine in turn.
struct Cell {
  std::string id;     // "readrandom".
  std::string title;  // "Random reads".
  std::string group;  // "write", "read", "ycsb", "large" or "beyond".
  uint64_t threads = 1;
  std::vector<Sample> samples;
};

// Operations a second, interval by interval.
struct Series {
  std::string engine;
  std::string cell;
  double interval_seconds = 0;
  std::vector<double> values;
};

struct Percentile {
  double percent = 0;
  double micros = 0;
};
// For JSON (json_fields.h).
template <typename Visit>
void Fields(Percentile& p, Visit visit) {
  visit("percent", p.percent);
  visit("micros", p.micros);
}

// A run at a fixed load, that each engine was offered alike.
struct LatencyRun {
  std::string engine;
  std::string operation;  // "get" or "put".
  double offered = 0;     // Operations a second.
  double done = 0;        // The same, as it came out.
  uint64_t round = 0;
  std::vector<Percentile> percentiles;  // Rising; the last is 100.
  bool busy = false;
};

// Bytes behind the bytes that were put.
struct Amplification {
  std::string engine;
  std::string cell;
  uint64_t round = 0;
  double put_bytes = 0;
  double written_bytes = 0;  // By the engine's system calls, log included.
  double live_bytes = 0;     // Of keys and values that can be read.
  double disk_bytes = 0;     // Of its directory, settled.
};

struct Memory {
  std::string engine;
  std::string phase;  // "write" or "read".
  double peak_bytes = 0;
};

struct Fact {
  std::string name;
  std::string value;
};

struct EngineFacts {
  std::string engine;
  std::string version;
  std::vector<Fact> settings;
};

struct Result {
  std::string mode;   // "quick", "standard", "full", "ci" or "custom".
  std::string label;  // What the mode means for a reader.
  std::string date;
  double seconds = 0;  // All of it took.
  uint64_t read_keys = 0;
  uint64_t write_keys = 0;
  std::string command;
  MachineFacts machine;
  std::string lissom_commit;  // Empty: not known.
  bool checks_on = false;     // lissom was built with its debug checks.
  std::vector<EngineFacts> engines;
  std::vector<Cell> cells;
  std::vector<Series> series;
  std::vector<LatencyRun> latencies;
  std::vector<Amplification> amplifications;
  std::vector<Memory> memory;
  std::vector<std::string> notes;  // What was left out, and why.
};

std::string ToJson(const Result& result);

// kInvalidArgument: not JSON, a member is missing, or has the wrong type; the
// message names it.
absl::StatusOr<Result> FromJson(std::string_view text);

// --- What is made of the samples ---------------------------------------------

// A cell without an undisturbed sample of an engine: all of them count, and
// the page says so.
bool IsDisturbed(const Cell& cell, std::string_view engine);

// The spread of an engine's values.
Spread ValuesOf(const Cell& cell, std::string_view engine);

// The spread of `engine` over `other`, each ratio of two samples of a round.
Spread RatiosOf(const Cell& cell, std::string_view engine,
                std::string_view other);

// Processor microseconds an operation.
Spread CpuOf(const Cell& cell, std::string_view engine);

const Cell* FindCell(const Result& result, std::string_view id);

uint64_t SlicesThrownAway(const Result& result);
uint64_t Slices(const Result& result);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_RESULT_H_
