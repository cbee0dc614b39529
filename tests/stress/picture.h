// Picture is what a stretch of neighbouring keys holds at one moment, as an
// iterator shows it: the first pass is compared with the oracle, all that comes
// later, either way and by any move, with the first pass.
//
// Thread-compatible.
#ifndef LISSOM_TESTS_STRESS_PICTURE_H_
#define LISSOM_TESTS_STRESS_PICTURE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "lissom/iterator.h"
#include "tests/stress/oracle.h"
#include "tests/stress/tally.h"
#include "util/random.h"

namespace lissom::stress {

// Keys of one part of neighbouring slots, all single or all of sets.
struct Stretch {
  uint32_t part = 0;
  uint64_t first = 0;
  uint64_t count = 0;
};

class Picture {
 public:
  // What a reader must see at the least.
  enum class Least { kFloor, kKept };

  // Borrowed.
  Picture(Oracle& oracle, Tally& tally, Stretch stretch);

  // To be called around the moment: before the snapshot or iterator is made,
  // and when it is there. Forgets an earlier pass.
  void BeforeMoment(Least least = Least::kFloor);
  void AfterMoment();

  // Bounds that hold just the stretch.
  std::string Lower() const;
  std::string Upper() const;

  // One pass. An error of the iterator's is returned; then nothing is known.
  absl::Status Scan(Iterator& it, bool backwards, std::string_view operation);
  // Moves here and there. Requires: a pass, and an iterator with the bounds.
  absl::Status Walk(Iterator& it, Random& random, uint64_t moves,
                    std::string_view operation);

  // Ends the run unless the other, of the same slots, shows the same.
  void CompareWith(const Picture& other, std::string_view operation) const;

  bool passed() const { return passed_; }
  const Stretch& stretch() const { return stretch_; }
  Seen SeenAt(uint64_t slot) const { return seen_[slot - stretch_.first]; }

 private:
  KeyPlace PlaceAt(uint64_t index) const {
    return {stretch_.first + index, stretch_.part};
  }
  uint64_t IndexOf(std::string_view key, std::string_view operation) const;
  Seen Read(Iterator& it, uint64_t index, std::string_view operation);
  void Accept(std::vector<Seen> seen, std::string_view operation);
  // The entry at or after `index`, at or before it; stretch_.count: none.
  uint64_t AtOrAfter(uint64_t index) const;
  uint64_t AtOrBefore(uint64_t index) const;
  // One move; returns the index where the iterator must be.
  uint64_t Move(Iterator& it, Random& random, uint64_t at);
  absl::Status Expect(Iterator& it, uint64_t index, std::string_view operation);

  Oracle& oracle_;
  Tally& tally_;
  const Stretch stretch_;
  std::vector<Window> windows_;
  std::vector<Seen> seen_;
  Least least_ = Least::kFloor;
  bool passed_ = false;
};

}  // namespace lissom::stress

#endif  // LISSOM_TESTS_STRESS_PICTURE_H_
