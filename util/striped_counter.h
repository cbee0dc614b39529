// StripedCounters count events of many threads without making them share a
// cache line: a thread adds to a stripe, a reader sums all.
//
// Threads: thread-safe. A sum is of some moment between the call and the
// return of each stripe's load; of a quiet time it is exact.
#ifndef LISSOM_UTIL_STRIPED_COUNTER_H_
#define LISSOM_UTIL_STRIPED_COUNTER_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace lissom {

namespace internal {
// The calling thread's number, in the order of first calls.
inline size_t ThreadNumber() {
  static std::atomic<size_t> next{0};
  thread_local const size_t number = next.fetch_add(1);
  return number;
}
}  // namespace internal

// kCount counters that are often added to together.
template <size_t kCount>
class StripedCounters {
 public:
  void Add(size_t counter, uint64_t n = 1) {
    stripes_[internal::ThreadNumber() % kStripes].values[counter].fetch_add(
        n, std::memory_order_relaxed);
  }
  uint64_t Sum(size_t counter) const {
    uint64_t sum = 0;
    for (const Stripe& stripe : stripes_) {
      sum += stripe.values[counter].load(std::memory_order_relaxed);
    }
    return sum;
  }

 private:
  static constexpr size_t kStripes = 16;
  struct alignas(64) Stripe {
    std::array<std::atomic<uint64_t>, kCount> values{};
  };
  std::array<Stripe, kStripes> stripes_;
};

}  // namespace lissom

#endif  // LISSOM_UTIL_STRIPED_COUNTER_H_
