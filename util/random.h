// Random: a small seeded generator (xoshiro256**, Blackman and Vigna 2018) for
// file ids, skip-list heights and tests. Not for secrets.
// Thread-compatible.
#ifndef LISSOM_UTIL_RANDOM_H_
#define LISSOM_UTIL_RANDOM_H_

#include <bit>
#include <cstdint>

#include "util/file_id.h"

namespace lissom {

class Random {
 public:
  explicit Random(uint64_t seed) {
    for (uint64_t& word : state_) {  // splitmix64 spreads the seed.
      seed += 0x9e3779b97f4a7c15u;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
      word = z ^ (z >> 31);
    }
  }

  uint64_t Next() {
    const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // Uniform in [0, n). Requires: n > 0. (The bias of the multiplication is
  // below 2^-32 for every n that we use.)
  uint64_t Uniform(uint64_t n) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<uint64_t>((static_cast<Wide>(Next()) * n) >> 64);
  }
  bool OneIn(uint64_t n) { return Uniform(n) == 0; }
  FileId NextFileId() {
    const uint64_t high = Next();
    return {.high = high, .low = Next()};
  }

 private:
  uint64_t state_[4];
};

// A seed from the system.
uint64_t SystemSeed();

}  // namespace lissom

#endif  // LISSOM_UTIL_RANDOM_H_
