#include "util/latency_histogram.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/test_env.h"

namespace lissom {
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

TEST(ConcurrentLatencyHistogram, SaysWhatAPlainOneWouldSay) {
  Random random(TestSeed());
  LatencyHistogram plain;
  ConcurrentLatencyHistogram concurrent(3);
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t nanos = random.Next() >> random.Uniform(64);
    plain.Add(nanos);
    concurrent.Add(nanos);
  }
  const LatencyHistogram read = concurrent.Read();
  EXPECT_EQ(read.count(), plain.count());
  EXPECT_EQ(read.max(), plain.max());
  for (const double percent : {0.0, 1.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
    EXPECT_EQ(read.Percentile(percent), plain.Percentile(percent)) << percent;
  }
}

TEST(ConcurrentLatencyHistogram, LosesNothingAmongThreads) {
  constexpr uint64_t kThreads = 8;
  constexpr uint64_t kTimes = 10'000;
  ConcurrentLatencyHistogram histogram(2);
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < kTimes; ++i) histogram.Add(t * kTimes + i);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(histogram.Read().count(), kThreads * kTimes);
  EXPECT_EQ(histogram.Read().max(), kThreads * kTimes - 1);
}

}  // namespace
}  // namespace lissom
