// Writes changes slots of the database, one or several in a batch, and tells
// the oracle what has become of each.
#ifndef LISSOM_TESTS_STRESS_WRITES_H_
#define LISSOM_TESTS_STRESS_WRITES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lissom/write_batch.h"
#include "tests/stress/stage.h"
#include "util/random.h"

namespace lissom::stress {

class Writes {
 public:
  Writes(Stage& stage, Random& random) : stage_(stage), random_(random) {}

  // Each returns false if the database was closed.
  bool Change(const Lease& lease);
  // The first revision of `slot`, unless it has one.
  bool Fill(const Lease& lease, uint64_t slot);

 private:
  struct Step {
    uint64_t slot;
    uint64_t revision;
  };

  void Claim(uint64_t slot);
  void AddToBatch(const Step& change);
  WriteOptions DrawOptions();
  absl::Status Write(DB& db, const WriteOptions& options);
  bool Settle(const Lease& lease, const WriteOptions& options,
              const absl::Status& status);

  Stage& stage_;
  Random& random_;
  std::vector<Step> changes_;
  WriteBatch batch_;
  std::string value_;
};

}  // namespace lissom::stress

#endif  // LISSOM_TESTS_STRESS_WRITES_H_
