// Compare does what a Plan says, from the first process to the last figure.
#ifndef LISSOM_BENCHMARKS_COMPARE_COMPARE_H_
#define LISSOM_BENCHMARKS_COMPARE_COMPARE_H_

#include <string>

#include "absl/status/status.h"
#include "benchmarks/compare/measure.h"
#include "benchmarks/compare/plan.h"
#include "benchmarks/compare/result.h"

namespace lissom::bench {

// `directory` is there and may be filled with databases; nothing of it is
// needed afterwards. *result has what was measured also after an error, with a
// note that it is not all. kInternal: an engine failed, or did not find what it
// was given. kCancelled: it was interrupted.
absl::Status Compare(const Plan& plan, const std::string& program,
                     const std::string& directory, Voice& voice,
                     Result* result);

// --- Its parts, each adding to the result.

// Empty databases, filled and overwritten, round by round.
absl::Status CompareWrites(Bench& bench, Voice& voice, Result* result);
// Databases loaded once, asked in turns; then at a fixed load.
absl::Status CompareReads(Bench& bench, Voice& voice, Result* result);
// The parts that only a full comparison has.
absl::Status CompareYcsb(Bench& bench, Voice& voice, Result* result);
absl::Status CompareLargeValues(Bench& bench, Voice& voice, Result* result);
absl::Status CompareBeyondMemory(Bench& bench, Voice& voice, Result* result);

// The cell of that id; added if it is not there.
Cell& CellNamed(Result& result, const std::string& id, const std::string& title,
                const std::string& group, uint64_t threads = 1);

// Keys that have a value after `puts` puts of random ones of `keys`.
double ExpectedKeys(uint64_t keys, double puts);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_COMPARE_H_
