// Shuffle maps the numbers below n onto themselves, one to one and without
// order: keys that are each put once, at random, without a table of them.
// Immutable.
#ifndef LISSOM_BENCHMARKS_COMPARE_SHUFFLE_H_
#define LISSOM_BENCHMARKS_COMPARE_SHUFFLE_H_

#include <bit>
#include <cstdint>

#include "util/random.h"

namespace lissom::bench {

class Shuffle {
 public:
  // Requires: 0 < n < 2^62.
  Shuffle(uint64_t n, uint64_t seed)
      : n_(n),
        half_((std::bit_width(n | 1) + 1) / 2),
        mask_((uint64_t{1} << half_) - 1) {
    Random random(seed);
    for (uint64_t& key : keys_) key = random.Next() | 1;
  }

  // Requires: i < n.
  uint64_t operator()(uint64_t i) const {
    // The four rounds permute a power of four that is at most 8 times n;
    // following one of its cycles leads back below n.
    do i = Permute(i);
    while (i >= n_);
    return i;
  }

 private:
  uint64_t Permute(uint64_t value) const {
    uint64_t left = value >> half_;
    uint64_t right = value & mask_;
    for (const uint64_t key : keys_) {
      const uint64_t mixed =
          ((right + key) * 0x9e3779b97f4a7c15u) >> (64 - half_);
      const uint64_t next = left ^ mixed;
      left = right;
      right = next;
    }
    return left << half_ | right;
  }

  const uint64_t n_;
  const int half_;  // Bits of each of a number's two halves.
  const uint64_t mask_;
  uint64_t keys_[4];
};

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_SHUFFLE_H_
