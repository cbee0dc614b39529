// A load that comes whether or not the engine keeps up: each operation has a
// moment at which it is due, and its latency counts from there. A stall then
// costs all who would have come meanwhile, as it would cost a service's users,
// and not only the one that was caught in it (coordinated omission).
#ifndef LISSOM_BENCHMARKS_COMPARE_OFFERED_LOAD_H_
#define LISSOM_BENCHMARKS_COMPARE_OFFERED_LOAD_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "benchmarks/compare/result.h"
#include "benchmarks/engine.h"

namespace lissom::bench {

enum class OfferedOperation { kGet, kPut };

struct Offer {
  OfferedOperation operation = OfferedOperation::kGet;
  double rate = 0;     // Operations a second, above 0.
  double seconds = 0;  // For which they come.
  uint64_t keys = 0;
  uint64_t value_size = 100;
  uint64_t seed = 0;
};

struct Offered {
  uint64_t operations = 0;
  double seconds = 0;  // Until the last was done.
  uint64_t found = 0;
  std::vector<Percentile> percentiles;  // Rising; the last is 100.
};

// One thread, which spins while it waits. What is still due after twice the
// time is left out: the engine cannot carry the load, and the latencies say so.
absl::StatusOr<Offered> OfferLoad(Engine& engine, const Offer& offer);

// Of latencies in nanoseconds; sorts them. 0 if there are none.
std::vector<Percentile> PercentilesOf(std::span<uint64_t> nanos);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_OFFERED_LOAD_H_
