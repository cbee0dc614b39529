#include "benchmarks/latency_histogram.h"

#include "gtest/gtest.h"
#include "tests/support/test_env.h"

namespace lissom::bench {
namespace {

TEST(LatencyHistogram, APercentileIsNeverBelowAndAtMostAnEighthAbove) {
  Random random(TestSeed());
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t nanos = random.Next() >> (1 + random.Uniform(63));
    LatencyHistogram histogram;
    histogram.Add(nanos);
    histogram.Add(~uint64_t{0} >> 1);  // So that the maximum does not help.
    const uint64_t p50 = histogram.Percentile(50);
    ASSERT_GE(p50, nanos);
    ASSERT_LE(p50 - nanos, nanos / 8);
  }
}

TEST(LatencyHistogram, CountsWhatWasMerged) {
  LatencyHistogram a;
  LatencyHistogram b;
  for (int i = 0; i < 99; ++i) a.Add(5);
  b.Add(1000);
  a.Merge(b);
  EXPECT_EQ(a.Percentile(50), 5u);
  EXPECT_EQ(a.Percentile(99), 5u);
  EXPECT_EQ(a.Percentile(99.9), 1000u);
  EXPECT_EQ(a.max(), 1000u);
}

TEST(LatencyHistogram, AnEmptyOneSaysZero) {
  EXPECT_EQ(LatencyHistogram().Percentile(99), 0u);
}

}  // namespace
}  // namespace lissom::bench
