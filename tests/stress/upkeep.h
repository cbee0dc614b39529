// Upkeep calls what an operator calls, while the load goes on: flushes, syncs,
// compactions and their cancelling, checks of all checksums, numbers, a reader
// beside the writer.
#ifndef LISSOM_TESTS_STRESS_UPKEEP_H_
#define LISSOM_TESTS_STRESS_UPKEEP_H_

#include <atomic>
#include <cstdint>
#include <stop_token>
#include <vector>

#include "tests/stress/stage.h"
#include "util/mutex.h"
#include "util/random.h"

namespace lissom::stress {

// What the workers' upkeep shares: long calls are made one at a time, and one
// worker may cancel another's.
struct UpkeepShare {
  std::atomic<bool> compacting{false};
  std::atomic<bool> verifying{false};
  Mutex mu;
  std::stop_source stop ABSL_GUARDED_BY(mu);
};

class Upkeep {
 public:
  Upkeep(Stage& stage, UpkeepShare& share, Random& random);

  // Each returns false if the database was closed.
  bool Flush(const Lease& lease);
  bool SyncWal(const Lease& lease);
  bool CompactRange(const Lease& lease);
  bool CancelCompactRange(const Lease& lease);
  bool Verify(const Lease& lease);
  bool LookAtNumbers(const Lease& lease);
  bool OpenReadOnly(const Lease& lease);

 private:
  bool Judge(const Lease& lease, const absl::Status& status,
             std::string_view operation);

  Stage& stage_;
  UpkeepShare& share_;
  Random& random_;
  std::vector<uint64_t> floors_;
  uint64_t sequence_ = 0;  // The last one seen in sequence_round_.
  uint64_t sequence_round_ = 0;
};

}  // namespace lissom::stress

#endif  // LISSOM_TESTS_STRESS_UPKEEP_H_
