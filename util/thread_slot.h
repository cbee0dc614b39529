// ThreadSlot is a small number for the calling thread, to spread what threads
// write to. While at most kThreadSlots threads use it, each has a number of its
// own; it goes back when the thread ends, and the next thread that gets it sees
// everything that the one before wrote. Threads beyond that share the numbers
// from kThreadSlots on.
//
// Cost: a thread-local load and a comparison; the first call of a thread a
// little more. Never fails, allocates or locks.
#ifndef LISSOM_UTIL_THREAD_SLOT_H_
#define LISSOM_UTIL_THREAD_SLOT_H_

#include <cstddef>
#include <cstdint>

namespace lissom {

inline constexpr uint32_t kThreadSlots = 32;       // One thread each.
inline constexpr uint32_t kSharedThreadSlots = 8;  // All other threads.

namespace internal {
inline constexpr uint32_t kNoThreadSlot = ~uint32_t{0};
extern constinit thread_local uint32_t thread_slot;
uint32_t TakeThreadSlot();
}  // namespace internal

// Below kThreadSlots + kSharedThreadSlots.
inline uint32_t ThreadSlot() {
  const uint32_t slot = internal::thread_slot;
  return slot != internal::kNoThreadSlot ? slot : internal::TakeThreadSlot();
}
// Has `slot`, which ThreadSlot returned to this thread, no other thread?
inline bool IsExclusive(uint32_t slot) { return slot < kThreadSlots; }

}  // namespace lissom

#endif  // LISSOM_UTIL_THREAD_SLOT_H_
