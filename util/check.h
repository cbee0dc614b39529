// LISSOM_DCHECK catches our own mistakes in builds with LISSOM_CHECKS (tests,
// debug); it is nothing in a release build. What must hold in release too is
// not checked but returned as a Status: the library never ends its host.
#ifndef LISSOM_UTIL_CHECK_H_
#define LISSOM_UTIL_CHECK_H_

#include <cstdio>
#include <cstdlib>

namespace lissom::internal {

[[noreturn]] inline void CheckFailed(const char* file, int line,
                                     const char* condition) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace lissom::internal

#ifdef LISSOM_CHECKS
#define LISSOM_DCHECK(condition) \
  (static_cast<bool>(condition)  \
       ? static_cast<void>(0)    \
       : ::lissom::internal::CheckFailed(__FILE__, __LINE__, #condition))
#else
#define LISSOM_DCHECK(condition) static_cast<void>(sizeof(!(condition)))
#endif

namespace lissom {

// For code that does more than one expression under checks.
#ifdef LISSOM_CHECKS
inline constexpr bool kChecksOn = true;
#else
inline constexpr bool kChecksOn = false;
#endif

}  // namespace lissom

#endif  // LISSOM_UTIL_CHECK_H_
