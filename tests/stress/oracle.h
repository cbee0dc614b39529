// Oracle knows what every read may answer while writers are at work.
//
// The keys belong to slots: a single one to a slot of its own, or three far
// apart to a set that is always written in one batch. A slot counts up: its
// revision n says by itself (from the seed) whether it deletes the keys or what
// their values are, so nothing but numbers is kept:
//
//   floor  the newest revision that a reader must see: acknowledged, or seen
//   begun  the newest revision that a writer has begun
//   kept   the newest revision that the death of the process must not undo
//
//        floor                 begun
//   ..----|------- window -------|         read before a read begins and after
//                                          it has ended, these bound its answer
//
// One writer at a time claims a slot, so a window is rarely wider than one.
// The slots may lie in memory that processes share: they stay true when their
// user is killed between two instructions.
// Thread-safe.
#ifndef LISSOM_TESTS_STRESS_ORACLE_H_
#define LISSOM_TESTS_STRESS_ORACLE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lissom::stress {

struct Slot {
  std::atomic<uint64_t> floor{0};
  std::atomic<uint64_t> begun{0};
  std::atomic<uint64_t> kept{0};
  std::atomic<uint32_t> claimed{0};
};

// The revisions that an answer may show.
struct Window {
  uint64_t low = 0;
  uint64_t high = 0;
};

// A key by its place: `part` is 0 in a single slot, 0 to 2 in a set.
struct KeyPlace {
  uint64_t slot = 0;
  uint32_t part = 0;
  friend bool operator==(const KeyPlace&, const KeyPlace&) = default;
};

// What a read found: a revision, or nothing.
using Seen = std::optional<uint64_t>;

class Oracle {
 public:
  static constexpr uint32_t kSetKeys = 3;

  struct Shape {
    uint64_t seed = 0;
    uint64_t keys = 0;
    uint64_t value_least = 0;
    uint64_t value_most = 0;
    bool giants = false;  // One value in thousands is 16 times as long.
  };

  // Slots that keys take: singles first, then sets.
  static uint64_t SlotsOf(const Shape& shape);
  // `slots` has SlotsOf(shape) elements and outlives the oracle.
  Oracle(const Shape& shape, Slot* slots);

  // So that this process has all its memory from now on.
  void Touch();

  uint64_t slots() const { return singles_ + sets_; }
  uint64_t singles() const { return singles_; }
  uint32_t parts(uint64_t slot) const { return slot < singles_ ? 1 : kSetKeys; }

  // Keys of one part sort as their slots do, apart from those of other parts.
  std::string KeyOf(KeyPlace place) const;
  // What keys of this place begin with, and no others.
  std::string HeadOf(KeyPlace place) const;
  // Ends the run if there is no such key.
  KeyPlace PlaceOf(std::string_view key, std::string_view operation) const;

  // What a revision says. The first one is always a value.
  bool Deletes(uint64_t slot, uint64_t revision) const;
  void MakeValue(KeyPlace place, uint64_t revision, std::string* value) const;

  // --- Writing
  bool TryClaim(uint64_t slot);  // Never waits.
  void Release(uint64_t slot);
  // The revision to write next. Requires: claimed, like all up to Release.
  uint64_t Begin(uint64_t slot);
  void Acknowledge(uint64_t slot, uint64_t revision, bool logged);
  // The write was refused with "nothing was written": a reader who has seen it
  // ends the run. A write that may or may not have been done is left alone.
  void TakeBack(uint64_t slot, uint64_t revision);

  // --- Reading
  uint64_t Floor(uint64_t slot) const { return slots_[slot].floor.load(); }
  uint64_t Begun(uint64_t slot) const { return slots_[slot].begun.load(); }
  uint64_t Kept(uint64_t slot) const { return slots_[slot].kept.load(); }

  // The revision of a value, all of whose bytes are looked at; ends the run if
  // it is none of this key's.
  uint64_t RevisionOf(KeyPlace place, std::string_view value,
                      std::string_view operation) const;
  // Ends the run unless some revision of the window says what was seen.
  void Check(KeyPlace place, Window window, Seen seen,
             std::string_view operation) const;
  // What was seen is from now on the least that reads must see. (Not what a
  // reader beside the writer sees: it may see a write before its writer shows
  // it.)
  void NoteSeen(uint64_t slot, Seen seen);

  // --- What outlives the process
  // Everything up to the present floors: the numbers for KeepUpTo.
  void CopyFloors(uint64_t* floors) const;
  // A Flush or a Close that began after CopyFloors has returned.
  void KeepUpTo(const uint64_t* floors);
  // After a close in the midst of writes: those without the log that it did
  // not wait for may be gone. Requires: nobody reads or writes.
  void ForgetUnkept();
  // After a death: `seen` is what was recovered, and what was in flight beyond
  // it is gone for good. True if something acknowledged is gone.
  bool Restart(uint64_t slot, Seen seen);

 private:
  uint64_t Draw(uint64_t slot, uint64_t revision, uint64_t salt) const;
  size_t ValueSize(KeyPlace place, uint64_t revision) const;
  std::string Describe(uint64_t slot, Window window) const;

  const Shape shape_;
  const uint64_t singles_;
  const uint64_t sets_;
  Slot* const slots_;
};

}  // namespace lissom::stress

#endif  // LISSOM_TESTS_STRESS_ORACLE_H_
