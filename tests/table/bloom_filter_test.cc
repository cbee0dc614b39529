#include "table/bloom_filter.h"

#include <cmath>

#include "tests/table/table_testing.h"

namespace lissom {
namespace {

TEST(BloomFilter, NeverForgetsAKeyAndErrsAsOftenAsComputed) {
  Random random(TestSeed());
  for (double bits : {1.0, 5.0, 8.0, 10.0, 14.0, 20.0, 33.3}) {
    for (size_t keys : {size_t{1}, size_t{30}, size_t{20'000}}) {
      std::vector<uint64_t> hashes(keys);
      for (uint64_t& hash : hashes) hash = random.Next();
      const int probes = BloomProbes(bits);
      std::string bytes;
      AppendBloomFilter(hashes, bits, probes, &bytes);
      EXPECT_EQ(bytes.size(), BloomFilterSize(keys, bits));
      BloomFilterView filter;
      ASSERT_EQ(filter.Parse(bytes), nullptr);
      for (uint64_t hash : hashes) ASSERT_TRUE(filter.MayContain(hash));
      if (keys < 20'000) continue;
      constexpr int kTrials = 400'000;
      int wrong = 0;
      for (int i = 0; i < kTrials; ++i) {
        wrong += filter.MayContain(random.Next()) ? 1 : 0;
      }
      const double expected = BloomFalsePositiveRate(bits, probes) * kTrials;
      // Six standard deviations, and what the fill of one filter varies by.
      EXPECT_NEAR(wrong, expected, 6 * std::sqrt(expected) + expected * 0.1)
          << bits << " bits a key";
    }
  }
}

TEST(BloomFilter, TenBitsAKeyErrOnceInAHundred) {
  EXPECT_EQ(BloomProbes(10), 6);
  EXPECT_LT(BloomFalsePositiveRate(10, 6), 0.0105);
  EXPECT_LT(BloomFalsePositiveRate(14, BloomProbes(14)), 0.0025);
  EXPECT_LT(BloomFalsePositiveRate(20, BloomProbes(20)), 0.0006);
}

TEST(BloomFilter, RefusesWhatIsNoFilter) {
  BloomFilterView filter;
  EXPECT_NE(filter.Parse(""), nullptr);
  EXPECT_NE(filter.Parse(std::string(64, '\1')), nullptr);
  EXPECT_NE(filter.Parse(std::string(65, '\0')), nullptr);    // No probes.
  EXPECT_NE(filter.Parse(std::string(65, '\xff')), nullptr);  // 255 of them.
  EXPECT_EQ(filter.Parse(std::string(65, '\6')), nullptr);
}

}  // namespace
}  // namespace lissom
