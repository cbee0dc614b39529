// Counts calls of operator new in the whole program. Include it in exactly one
// source of a test: it defines the global operators.
#ifndef LISSOM_TESTS_SUPPORT_ALLOCATION_COUNTER_H_
#define LISSOM_TESTS_SUPPORT_ALLOCATION_COUNTER_H_

#include <atomic>
#include <cstdlib>
#include <new>

namespace lissom {

inline std::atomic<unsigned long> g_allocations{0};

// Allocations that `body` makes, on whatever thread.
template <typename Body>
unsigned long CountAllocations(Body body) {
  const unsigned long before = g_allocations.load();
  body();
  return g_allocations.load() - before;
}

}  // namespace lissom

// NOLINTBEGIN: replacements of the global operators.
// Not inlined: g++ would see malloc meet delete, and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
  lissom::g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
// NOLINTEND

#endif  // LISSOM_TESTS_SUPPORT_ALLOCATION_COUNTER_H_
