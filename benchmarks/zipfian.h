// The random choices of YCSB (Cooper et al., "Benchmarking cloud serving
// systems with YCSB", SoCC 2010). Zipfian numbers are drawn as in Gray et al.,
// "Quickly generating billion-record synthetic databases", SIGMOD 1994: two
// powers a draw, whatever the count of items; the two most popular items have
// exactly their share, the others nearly.
// Thread-compatible.
#ifndef LISSOM_BENCHMARKS_ZIPFIAN_H_
#define LISSOM_BENCHMARKS_ZIPFIAN_H_

#include <cstdint>

#include "util/random.h"

namespace lissom::bench {

inline constexpr double kZipfianTheta = 0.99;  // YCSB's.

// Sum of 1 / i^theta for i from 1 to `items`: exact for the first thousands,
// then to 12 digits by the Euler-Maclaurin formula. Requires: items > 0,
// 0 < theta < 1.
double Zeta(uint64_t items, double theta = kZipfianTheta);

// Item i of n, from 0, comes with probability 1 / (i + 1)^theta / Zeta(n).
class Zipfian {
 public:
  // Requires: items > 0.
  explicit Zipfian(uint64_t items);

  uint64_t Next(Random& random) const;
  // To `items` items; cheap where few are new. Requires: not fewer than now.
  void Grow(uint64_t items);
  uint64_t items() const { return items_; }

 private:
  void Derive();

  uint64_t items_;
  double zeta_;
  double eta_ = 0;
};

// FNV-1a over the eight bytes, lowest first: how YCSB scatters numbers.
uint64_t Scatter(uint64_t number);

// Items that are as popular as in a Zipfian, but lie anywhere. As in YCSB they
// are drawn from 10^10 and folded, so that the hottest has 3.8 % of the draws
// however many there are.
class ScatteredZipfian {
 public:
  explicit ScatteredZipfian(uint64_t items) : items_(items), ranks_(kRanks) {}
  uint64_t Next(Random& random) const {
    return Scatter(ranks_.Next(random)) % items_;
  }

  static constexpr uint64_t kRanks = 10'000'000'000;

 private:
  const uint64_t items_;
  const Zipfian ranks_;
};

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_ZIPFIAN_H_
