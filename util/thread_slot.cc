#include "util/thread_slot.h"

#include <atomic>
#include <bit>

namespace lissom {
namespace internal {
namespace {

// A bit for each slot that a living thread has. Acquire when it is taken pairs
// with release when it is given back: counts that are not added with one
// instruction must not be lost from owner to owner.
constinit std::atomic<uint32_t> taken{0};
static_assert(kThreadSlots == 32);
constinit std::atomic<uint32_t> next_shared{0};  // Relaxed: any will do.

uint32_t NextShared() {
  return kThreadSlots + next_shared.fetch_add(1, std::memory_order_relaxed) %
                            kSharedThreadSlots;
}

struct GiveBack {
  // Other destructors of the thread may still count: as one of many.
  ~GiveBack() {
    const uint32_t slot = thread_slot;
    thread_slot = NextShared();
    taken.fetch_and(~(uint32_t{1} << slot), std::memory_order_release);
  }
};

}  // namespace

constinit thread_local uint32_t thread_slot = kNoThreadSlot;

uint32_t TakeThreadSlot() {
  uint32_t before = taken.load(std::memory_order_relaxed);
  while (~before != 0) {
    const int slot = std::countr_one(before);
    if (taken.compare_exchange_weak(before, before | uint32_t{1} << slot,
                                    std::memory_order_acquire,
                                    std::memory_order_relaxed)) {
      thread_slot = static_cast<uint32_t>(slot);
      // Made here, destroyed when the thread ends.
      static thread_local const GiveBack give_back;
      return thread_slot;
    }
  }
  thread_slot = NextShared();
  return thread_slot;
}

}  // namespace internal
}  // namespace lissom
