// Worker is one thread of the load: it draws what to do next, does it to the
// leased database and has every answer checked.
//
//   Writes   Put, Delete, Write: with each option now and then
//   Reads    Get, MultiGet, scans; snapshots and iterators that are held
//   Upkeep   flushes, compactions, checks, numbers, readers beside the writer
#ifndef LISSOM_TESTS_STRESS_WORKER_H_
#define LISSOM_TESTS_STRESS_WORKER_H_

#include <cstdint>
#include <vector>

#include "lissom/clock.h"
#include "tests/stress/oracle.h"
#include "tests/stress/reads.h"
#include "tests/stress/session.h"
#include "tests/stress/stage.h"
#include "tests/stress/tally.h"
#include "tests/stress/upkeep.h"
#include "tests/stress/writes.h"
#include "util/random.h"

namespace lissom::stress {

class Worker {
 public:
  Worker(Stage& stage, UpkeepShare& share, uint64_t seed);

  // Writes the slots that this worker of `workers` shall fill, most of them.
  void Fill(uint64_t index, uint64_t workers);
  // Until the session stops.
  void Run();

 private:
  bool Step(const Lease& lease);

  Stage& stage_;
  Random random_;
  Writes writes_;
  Reads reads_;
  Upkeep upkeep_;
};

}  // namespace lissom::stress

#endif  // LISSOM_TESTS_STRESS_WORKER_H_
