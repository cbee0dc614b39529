#include "util/random.h"

#include <sys/random.h>

#include <chrono>

namespace lissom {

uint64_t SystemSeed() {
  uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed) {
    // Before the kernel's pool is ready, or under a filter that forbids the
    // call: the clock still tells two processes apart.
    seed = static_cast<uint64_t>(
        std::chrono::steady_clock::now().time_since_epoch().count());
  }
  return seed;
}

}  // namespace lissom
