// Load is one process' share of a stress run: workers on a database that is
// opened, closed and opened again until time is up.
#ifndef LISSOM_TESTS_STRESS_LOAD_H_
#define LISSOM_TESTS_STRESS_LOAD_H_

#include <atomic>
#include <cstdint>

#include "tests/stress/oracle.h"
#include "tests/stress/stress_flags.h"
#include "tests/stress/tally.h"

namespace lissom::stress {

// What outlives a process that is killed; followed by the oracle's slots.
struct SharedState {
  Tally tally;
  std::atomic<bool> filled{false};  // The first load is done.
  std::atomic<uint64_t> lives{0};   // Processes that have been at work.
};

struct LoadPlan {
  const Flags& flags;
  SharedState& shared;
  Oracle& oracle;
  double seconds = 0;  // Of load; then everything is checked.
};

// Returns if every answer was right, and ends the process otherwise.
void RunLoad(const LoadPlan& plan);

}  // namespace lissom::stress

#endif  // LISSOM_TESTS_STRESS_LOAD_H_
