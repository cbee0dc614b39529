// StripedCounters count events of many threads without making them share a
// cache line: a thread adds to a stripe, a reader sums all. Striped is the same
// for other things that threads keep apart.
//
// The first kThreadSlots threads have a stripe each (util/thread_slot.h) and
// add with a plain load and store, 1 to 2 ns; only others need a locked
// instruction, because they share.
//
// Threads: thread-safe. A sum is of some moment between the call and the
// return of each stripe's load; of a quiet time it is exact.
#ifndef LISSOM_UTIL_STRIPED_COUNTER_H_
#define LISSOM_UTIL_STRIPED_COUNTER_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "util/thread_slot.h"

namespace lissom {

// A T for each stripe. T's members are atomics: stripes of threads beyond
// kThreadSlots have several users, and readers look at all.
template <typename T>
class Striped {
 public:
  struct Mine {
    T& value;
    bool exclusive;  // No other thread writes to it.
  };
  // The calling thread's stripe. Not to be kept beyond the thread's life.
  Mine mine() {
    const uint32_t slot = ThreadSlot();
    return {stripes_[slot].value, IsExclusive(slot)};
  }

  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const Stripe& stripe : stripes_) visit(stripe.value);
  }
  template <typename Visit>
  void ForEach(Visit visit) {
    for (Stripe& stripe : stripes_) visit(stripe.value);
  }

 private:
  struct alignas(64) Stripe {
    T value{};
  };
  std::array<Stripe, kThreadSlots + kSharedThreadSlots> stripes_;
};

// Adds to a counter of a stripe.
inline void AddTo(std::atomic<uint64_t>& counter, uint64_t n, bool exclusive) {
  if (exclusive) {
    counter.store(counter.load(std::memory_order_relaxed) + n,
                  std::memory_order_relaxed);
  } else {
    counter.fetch_add(n, std::memory_order_relaxed);
  }
}

// kCount counters that are often added to together.
template <size_t kCount>
class StripedCounters {
 public:
  void Add(size_t counter, uint64_t n = 1) {
    const auto mine = stripes_.mine();
    AddTo(mine.value[counter], n, mine.exclusive);
  }
  uint64_t Sum(size_t counter) const {
    uint64_t sum = 0;
    stripes_.ForEach([&](const Values& values) {
      sum += values[counter].load(std::memory_order_relaxed);
    });
    return sum;
  }

 private:
  using Values = std::array<std::atomic<uint64_t>, kCount>;
  Striped<Values> stripes_;
};

}  // namespace lissom

#endif  // LISSOM_UTIL_STRIPED_COUNTER_H_
