#include "benchmarks/zipfian.h"

#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

#include "gtest/gtest.h"

namespace lissom::bench {
namespace {

constexpr uint64_t kDraws = 2'000'000;

// The exact share of the `count` most popular of `items`.
double Share(uint64_t count, uint64_t items) {
  double part = 0;
  double all = 0;
  for (uint64_t i = 1; i <= items; ++i) {
    const double weight = std::pow(static_cast<double>(i), -kZipfianTheta);
    if (i <= count) part += weight;
    all += weight;
  }
  return part / all;
}

TEST(Zipfian, ZetaIsTheSum) {
  double sum = 0;
  for (uint64_t i = 1; i <= 300'000; ++i) {
    sum += std::pow(static_cast<double>(i), -kZipfianTheta);
    if (i == 1 || i == 2 || i == 1000 || i == 10'000 || i == 10'001 ||
        i == 300'000) {
      EXPECT_NEAR(Zeta(i), sum, 1e-9) << i;
    }
  }
}

// The number that YCSB has written down for its 10^10 items.
TEST(Zipfian, ZetaOfTenBillionIsYcsbs) {
  EXPECT_NEAR(Zeta(10'000'000'000), 26.46902820178302, 1e-7);
}

TEST(Zipfian, FrequenciesAreRight) {
  constexpr uint64_t kItems = 1000;
  const Zipfian zipfian(kItems);
  Random random(301);
  std::vector<uint64_t> counts(kItems);
  for (uint64_t i = 0; i < kDraws; ++i) ++counts[zipfian.Next(random)];

  const auto share = [&counts](uint64_t most_popular) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < most_popular; ++i) sum += counts[i];
    return static_cast<double>(sum) / static_cast<double>(kDraws);
  };
  // The first two by themselves, and then the curve: Gray's approximation is
  // within a few percent of it (4.3 at ten items).
  EXPECT_NEAR(share(1), Share(1, kItems), 0.001);
  EXPECT_NEAR(share(2), Share(2, kItems), 0.001);
  for (const uint64_t popular : {3, 10, 30, 100, 300}) {
    EXPECT_NEAR(share(popular) / Share(popular, kItems), 1, 0.05) << popular;
  }
  EXPECT_EQ(share(kItems), 1);
  EXPECT_GT(counts[kItems - 1], 0U);  // The last item comes, too.
}

TEST(Zipfian, GrownIsTheSameAsMadeSo) {
  for (const uint64_t more : {1, 500, 50'000}) {
    Zipfian grown(1000);
    grown.Grow(1000 + more);
    const Zipfian made(1000 + more);
    Random a(7);
    Random b(7);
    for (int i = 0; i < 1000; ++i) {
      ASSERT_EQ(grown.Next(a), made.Next(b)) << more;
    }
  }
}

TEST(Zipfian, OneAndTwoItems) {
  Random random(1);
  const Zipfian one(1);
  const Zipfian two(2);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(one.Next(random), 0U);
    ASSERT_LT(two.Next(random), 2U);
  }
}

// Of 64-bit FNV-1a, reckoned elsewhere.
TEST(ScatteredZipfian, ScattersAsFnv1a) {
  EXPECT_EQ(Scatter(0), 0xa8c7f832281a39c5u);
  EXPECT_EQ(Scatter(0x0123456789abcdef), 0x37eb3f3347761c55u);
}

TEST(ScatteredZipfian, TheHottestHasItsShareWhereverItLies) {
  for (const uint64_t items : {10'000, 1'000'000}) {
    const ScatteredZipfian zipfian(items);
    Random random(301);
    std::map<uint64_t, uint64_t> counts;
    for (uint64_t i = 0; i < kDraws; ++i) ++counts[zipfian.Next(random)];
    const auto share = [&counts, items](uint64_t rank) {
      return static_cast<double>(counts[Scatter(rank) % items]) /
             static_cast<double>(kDraws);
    };
    const double hottest = 1 / Zeta(ScatteredZipfian::kRanks);
    EXPECT_NEAR(share(0), hottest, 0.001);
    EXPECT_NEAR(share(1), hottest * std::pow(2, -kZipfianTheta), 0.001);
    EXPECT_LT(counts.rbegin()->first, items);
  }
}

}  // namespace
}  // namespace lissom::bench
