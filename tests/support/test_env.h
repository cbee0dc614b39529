// What random tests share: where the seed comes from and how much work to do.
#ifndef LISSOM_TESTS_SUPPORT_TEST_ENV_H_
#define LISSOM_TESTS_SUPPORT_TEST_ENV_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "lissom/logger.h"
#include "util/random.h"

namespace lissom {

// LISSOM_SEED if it is set, else a fresh seed; printed either way.
inline uint64_t TestSeed() {
  const char* given = std::getenv("LISSOM_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 0) : SystemSeed();
  std::printf("LISSOM_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  return seed;
}

// `full` scaled by LISSOM_SCALE percent (100 if unset), at least `least`.
inline uint64_t Scaled(uint64_t full, uint64_t least = 1) {
  const char* given = std::getenv("LISSOM_SCALE");
  const uint64_t percent =
      given != nullptr ? std::strtoull(given, nullptr, 0) : 100;
  const uint64_t scaled = full * percent / 100;
  return scaled < least ? least : scaled;
}

// A Logger that drops everything.
class NullLogger final : public Logger {
 public:
  void Log(LogLevel, std::string_view) override {}
};

}  // namespace lissom

#endif  // LISSOM_TESTS_SUPPORT_TEST_ENV_H_
