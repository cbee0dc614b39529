// Counts calls of operator new in the whole program, and lets a chosen one
// fail. Include it in exactly one source of a test: it defines the global
// operators. Under a sanitizer, which brings its own, nothing is counted and
// nothing fails: kCountsAllocations says so.
#ifndef LISSOM_TESTS_SUPPORT_ALLOCATION_COUNTER_H_
#define LISSOM_TESTS_SUPPORT_ALLOCATION_COUNTER_H_

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LISSOM_TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LISSOM_TEST_SANITIZED 1
#endif
#endif

namespace lissom {

#ifdef LISSOM_TEST_SANITIZED
inline constexpr bool kCountsAllocations = false;
#else
inline constexpr bool kCountsAllocations = true;
#endif

inline std::atomic<unsigned long> g_allocations{0};

// Allocations of this thread that succeed before one fails; negative: none
// fails. One that failed leaves it at -1.
inline thread_local long t_allocations_left = -1;

// Allocations that `body` makes, on whatever thread.
template <typename Body>
unsigned long CountAllocations(Body body) {
  const unsigned long before = g_allocations.load();
  body();
  return g_allocations.load() - before;
}

// Runs `body`, whose allocation number `n` (from 0, on this thread) throws
// std::bad_alloc. False if it made no more than n.
template <typename Body>
bool WithFailingAllocation(long n, Body body) {
  t_allocations_left = n;
  body();
  const bool failed = t_allocations_left < 0;
  t_allocations_left = -1;
  return failed;
}

namespace internal {
inline void* CountedAllocation(std::size_t size, std::size_t alignment) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (t_allocations_left >= 0 && t_allocations_left-- == 0) return nullptr;
  void* p = nullptr;
  return posix_memalign(&p, alignment, size == 0 ? 1 : size) == 0 ? p : nullptr;
}
inline void* OrThrow(void* p) {
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
}  // namespace internal
}  // namespace lissom

#ifndef LISSOM_TEST_SANITIZED
// NOLINTBEGIN: replacements of the global operators.
// Not inlined: g++ would see malloc meet delete, and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
  return lissom::internal::OrThrow(
      lissom::internal::CountedAllocation(size, alignof(std::max_align_t)));
}
[[gnu::noinline]] void* operator new(std::size_t size,
                                     const std::nothrow_t&) noexcept {
  return lissom::internal::CountedAllocation(size, alignof(std::max_align_t));
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t align) {
  return lissom::internal::OrThrow(lissom::internal::CountedAllocation(
      size, static_cast<std::size_t>(align)));
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
[[gnu::noinline]] void operator delete(void* p, std::align_val_t) noexcept {
  std::free(p);
}
[[gnu::noinline]] void operator delete(void* p, std::size_t,
                                       std::align_val_t) noexcept {
  std::free(p);
}
// NOLINTEND
#endif

#endif  // LISSOM_TESTS_SUPPORT_ALLOCATION_COUNTER_H_
