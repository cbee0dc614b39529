// What a byte costs under pressure, and how the debt is paid.
#include "db/write/write_throttle.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lissom {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;

double MibPerSecond(uint64_t nanos_per_kib) {
  return 1e9 / static_cast<double>(nanos_per_kib) / 1024;
}

TEST(WriteThrottle, ThePriceIsAsTheTableSays) {
  struct Row {
    double pressure;
    double mib_per_second;
  };
  for (const Row& row : std::vector<Row>{{0.1, 576},
                                         {0.25, 192},
                                         {0.5, 64},
                                         {0.75, 21.3},
                                         {0.9, 7.11},
                                         {0.99, 0.646}}) {
    WriteThrottle throttle;
    throttle.Set(StallCause::kMemtables, row.pressure);
    EXPECT_NEAR(MibPerSecond(throttle.nanos_per_kib()), row.mib_per_second,
                row.mib_per_second / 100)
        << row.pressure;
  }
}

TEST(WriteThrottle, CostsNothingUnderNoPressure) {
  WriteThrottle throttle;
  EXPECT_FALSE(throttle.active());
  for (const double pressure :
       {0.5, 0.0099, 0.5, 0.0, 0.5, -3.0, 0.5, std::nan("")}) {
    throttle.Set(StallCause::kLevel0Files, pressure);
    EXPECT_EQ(throttle.active(), pressure == 0.5) << pressure;
  }
  throttle.Set(StallCause::kLevel0Files, 0.01);
  EXPECT_TRUE(throttle.active());
}

TEST(WriteThrottle, NoPressureCostsMoreThanTheMost) {
  WriteThrottle throttle;
  throttle.Set(StallCause::kMemtables, 0.99);
  const uint64_t most = throttle.nanos_per_kib();
  for (const double pressure :
       {1.0, 7.5, 1e300, std::numeric_limits<double>::infinity()}) {
    throttle.Set(StallCause::kMemtables, pressure);
    EXPECT_EQ(throttle.nanos_per_kib(), most) << pressure;
    EXPECT_EQ(throttle.cause(), StallCause::kMemtables);
  }
}

TEST(WriteThrottle, TheStrongestCauseCounts) {
  WriteThrottle throttle;
  throttle.Set(StallCause::kLevel0Files, 0.3);
  const uint64_t at_three_tenths = throttle.nanos_per_kib();
  EXPECT_EQ(throttle.cause(), StallCause::kLevel0Files);
  throttle.Set(StallCause::kPendingCompaction, 0.6);
  EXPECT_EQ(throttle.cause(), StallCause::kPendingCompaction);
  EXPECT_GT(throttle.nanos_per_kib(), at_three_tenths);
  throttle.Set(StallCause::kMemtables, 0.2);
  EXPECT_EQ(throttle.cause(), StallCause::kPendingCompaction);
  throttle.Set(StallCause::kPendingCompaction, 0);
  EXPECT_EQ(throttle.cause(), StallCause::kLevel0Files);
  EXPECT_EQ(throttle.nanos_per_kib(), at_three_tenths);
}

TEST(WriteThrottle, SmallDebtsAddUpToAWait) {
  WriteThrottle throttle;
  throttle.Set(StallCause::kMemtables, 0.5);  // 15,258 ns a KiB.
  for (int i = 1; i <= 3; ++i) {
    throttle.Charge(kKiB);
    EXPECT_EQ(throttle.Due(), absl::ZeroDuration()) << i;
  }
  throttle.Charge(kKiB);
  EXPECT_EQ(
      throttle.Due(),
      absl::Nanoseconds(4 * static_cast<int64_t>(throttle.nanos_per_kib())));
}

TEST(WriteThrottle, WhatWasWaitedIsPaid) {
  WriteThrottle throttle;
  throttle.Set(StallCause::kMemtables, 0.5);
  throttle.Charge(64 * kKiB);
  const absl::Duration due = throttle.Due();
  throttle.Paid(due / 4);
  EXPECT_EQ(throttle.Due(), due - due / 4);
  throttle.Paid(due - due / 4);
  EXPECT_EQ(throttle.Due(), absl::ZeroDuration());
}

TEST(WriteThrottle, AWaitThatTookTooLongIsCreditedButNotForLong) {
  WriteThrottle throttle;
  throttle.Set(StallCause::kMemtables, 0.5);
  const auto price = static_cast<int64_t>(throttle.nanos_per_kib());
  throttle.Charge(64 * kKiB);
  throttle.Paid(throttle.Due() + absl::Microseconds(500));
  throttle.Charge(64 * kKiB);
  EXPECT_EQ(throttle.Due(),
            absl::Nanoseconds(64 * price) - absl::Microseconds(500));
  throttle.Paid(absl::Seconds(10));
  throttle.Charge(128 * kKiB);
  EXPECT_EQ(throttle.Due(),
            absl::Nanoseconds(128 * price) - absl::Milliseconds(1))
      << "ten seconds buy no more than a millisecond";
}

TEST(WriteThrottle, NoBatchIsMadeToPayForMinutes) {
  WriteThrottle throttle;
  throttle.Set(StallCause::kMemtables, 5);
  for (int i = 0; i < 3; ++i) {
    throttle.Charge(1024 * kMiB);
    EXPECT_EQ(throttle.Due(), absl::Milliseconds(100));
  }
  throttle.Charge(std::numeric_limits<size_t>::max());
  EXPECT_EQ(throttle.Due(), absl::Milliseconds(100));
}

TEST(WriteThrottle, AnInactiveOneChargesNothing) {
  WriteThrottle throttle;
  throttle.Charge(1024 * kMiB);
  EXPECT_EQ(throttle.Due(), absl::ZeroDuration());
}

TEST(WriteThrottle, ManyMaySetIt) {
  WriteThrottle throttle;
  std::vector<std::thread> threads;
  for (size_t c = 0; c < kStallCauses; ++c) {
    threads.emplace_back([&throttle, c] {
      for (int i = 0; i < 1000; ++i) {
        throttle.Set(static_cast<StallCause>(c), (i % 10) / 10.0);
        if (throttle.active()) {
          EXPECT_LT(static_cast<size_t>(throttle.cause()), kStallCauses);
        }
      }
      throttle.Set(static_cast<StallCause>(c), 0.1 * static_cast<double>(c));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(throttle.cause(), static_cast<StallCause>(kStallCauses - 1));
}

TEST(StallErrors, NameTheCause) {
  for (size_t c = 0; c < kStallCauses; ++c) {
    const auto cause = static_cast<StallCause>(c);
    const std::string name(StallCauseName(cause));
    const absl::Status stalled = StalledError(cause);
    EXPECT_TRUE(absl::IsUnavailable(stalled));
    EXPECT_THAT(std::string(stalled.message()), ::testing::HasSubstr(name));
    const absl::Status late = StallTimeoutError(cause);
    EXPECT_TRUE(absl::IsDeadlineExceeded(late));
    EXPECT_THAT(std::string(late.message()), ::testing::HasSubstr(name));
  }
}

}  // namespace
}  // namespace lissom
