// The token bucket: how much passes in which time, who goes first, who gives
// up; in the time of a clock that moves only when somebody waits.
#include "lissom/rate_limiter.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/test_env.h"
#include "util/manual_clock.h"
#include "util/random.h"

namespace lissom {
namespace {

using Priority = IoContext::Priority;

constexpr uint64_t kRate = 1'000'000;
constexpr uint64_t kBurst = kRate / 10;

// Lets the clock pass what is waited for; before that, does what a test wants
// done meanwhile.
class PassTime final : public RateLimiter::Waiter {
 public:
  explicit PassTime(ManualClock& clock, std::function<void()> before = nullptr)
      : clock_(clock), before_(std::move(before)) {}
  bool WaitFor(absl::Duration time) override {
    ++waits;
    EXPECT_GT(time, absl::ZeroDuration());
    const absl::Duration until = clock_.Monotonic() + time;
    if (before_ != nullptr) before_();
    const absl::Duration left = until - clock_.Monotonic();
    if (left > absl::ZeroDuration()) clock_.Advance(left);
    return true;
  }
  int waits = 0;

 private:
  ManualClock& clock_;
  const std::function<void()> before_;
};

class GivesUp final : public RateLimiter::Waiter {
 public:
  bool WaitFor(absl::Duration) override { return false; }
};

class RateLimiterTest : public testing::Test {
 protected:
  std::shared_ptr<RateLimiter> New(int fairness = 10) {
    auto limiter = RateLimiter::NewTokenBucket(
        kRate, {.fairness = fairness, .clock = clock_});
    EXPECT_TRUE(limiter.ok()) << limiter.status();
    return *std::move(limiter);
  }
  bool Request(RateLimiter& limiter, uint64_t bytes,
               Priority priority = Priority::kCompaction) {
    PassTime waiter(*clock_);
    return limiter.Request(bytes, priority, waiter);
  }
  double Seconds() { return absl::ToDoubleSeconds(clock_->Monotonic()); }

  const std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
};

TEST_F(RateLimiterTest, WhatTheBucketHoldsPassesAtOnce) {
  const auto limiter = New();
  EXPECT_EQ(limiter->MostBytes(), kBurst / 2);
  EXPECT_TRUE(Request(*limiter, kBurst));
  EXPECT_EQ(Seconds(), 0);
  PassTime waiter(*clock_);
  EXPECT_TRUE(limiter->Request(kBurst / 2, Priority::kFlush, waiter));
  EXPECT_EQ(waiter.waits, 1);
  EXPECT_NEAR(Seconds(), 0.05, 1e-5);
}

TEST_F(RateLimiterTest, APauseFillsTheBucketAndNoMore) {
  const auto limiter = New();
  EXPECT_TRUE(Request(*limiter, kBurst));
  clock_->Advance(absl::Seconds(100));
  EXPECT_TRUE(Request(*limiter, kBurst));
  EXPECT_EQ(Seconds(), 100);
  EXPECT_TRUE(Request(*limiter, kBurst));
  EXPECT_NEAR(Seconds(), 100.1, 1e-5);
}

// Whatever is asked for and when: in no time t more than rate * t + a bucket.
TEST_F(RateLimiterTest, TheRateIsNeverPassed) {
  const uint64_t seed = TestSeed();
  Random random(seed);
  const auto limiter = New();
  std::vector<std::pair<double, uint64_t>> granted;
  for (uint64_t i = 0; i < Scaled(2000, 200); ++i) {
    const uint64_t bytes = 1 + random.Uniform(kBurst);
    if (random.Uniform(4) == 0) {
      clock_->Advance(absl::Microseconds(random.Uniform(300'000)));
    }
    ASSERT_TRUE(Request(
        *limiter, bytes,
        random.Uniform(2) == 0 ? Priority::kFlush : Priority::kCompaction));
    granted.emplace_back(Seconds(), bytes);
  }
  for (size_t from = 0; from < granted.size(); ++from) {
    double bytes = 0;
    for (size_t to = from; to < std::min(granted.size(), from + 200); ++to) {
      bytes += static_cast<double>(granted[to].second);
      const double time = granted[to].first - granted[from].first;
      ASSERT_LE(bytes, kRate * time + kBurst + 1) << "LISSOM_SEED=" << seed;
    }
  }
}

// And where there is always somebody who waits, it is used.
TEST_F(RateLimiterTest, TheRateIsUsed) {
  const auto limiter = New();
  uint64_t bytes = 0;
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(Request(*limiter, 37'123));
    bytes += 37'123;
  }
  EXPECT_NEAR(Seconds(), static_cast<double>(bytes - kBurst) / kRate, 0.01);
}

TEST_F(RateLimiterTest, AFlushGoesAheadOfACompactionThatWaitsAlready) {
  const auto limiter = New();
  ASSERT_TRUE(Request(*limiter, kBurst));
  bool flushed = false;
  PassTime waiter(*clock_, [&] {
    if (flushed) return;
    flushed = true;
    EXPECT_TRUE(Request(*limiter, kBurst, Priority::kFlush));
    EXPECT_NEAR(Seconds(), 0.1, 1e-5);
  });
  ASSERT_TRUE(limiter->Request(kBurst, Priority::kCompaction, waiter));
  EXPECT_TRUE(flushed);
  EXPECT_NEAR(Seconds(), 0.2, 1e-4);
}

// While one compaction waits, flushes come one after the other.
TEST_F(RateLimiterTest, ACompactionIsNotStarved) {
  for (const int fairness : {2, 5, 10}) {
    const auto limiter = New(fairness);
    ASSERT_TRUE(Request(*limiter, kBurst));
    int flushes = 0;
    bool inside = false;
    // Another flush waits by the time one was served.
    std::function<void()> flush = [&] {
      if (inside || flushes >= 100) return;
      inside = true;
      ++flushes;
      ASSERT_TRUE(Request(*limiter, kBurst / 2, Priority::kFlush));
      inside = false;
    };
    PassTime waiter(*clock_, flush);
    ASSERT_TRUE(limiter->Request(kBurst / 2, Priority::kCompaction, waiter));
    EXPECT_EQ(flushes, fairness);
  }
}

TEST_F(RateLimiterTest, ThoseOfOneKindAreServedInTheirOrder) {
  const auto limiter = New();
  ASSERT_TRUE(Request(*limiter, kBurst));
  bool second = false;
  PassTime waiter(*clock_, [&] {
    if (std::exchange(second, true)) return;
    // A small one, which could be served sooner.
    PassTime inner(*clock_);
    ASSERT_TRUE(limiter->Request(1, Priority::kCompaction, inner));
    EXPECT_GE(Seconds(), 0.1);
  });
  ASSERT_TRUE(limiter->Request(kBurst, Priority::kCompaction, waiter));
  EXPECT_TRUE(second);
}

TEST_F(RateLimiterTest, WhoGivesUpIsNotCountedAndHoldsNobodyUp) {
  const auto limiter = New();
  ASSERT_TRUE(Request(*limiter, kBurst));
  GivesUp waiter;
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(limiter->Request(kBurst, Priority::kFlush, waiter));
  }
  EXPECT_TRUE(Request(*limiter, kBurst));
  EXPECT_NEAR(Seconds(), 0.1, 1e-5);
  clock_->Advance(absl::Seconds(1));
  EXPECT_TRUE(limiter->Request(kBurst, Priority::kFlush, waiter));
}

TEST_F(RateLimiterTest, AWaiterThatThrowsLeavesNothingBehind) {
  class Throws final : public RateLimiter::Waiter {
    bool WaitFor(absl::Duration) override { throw 7; }
  } waiter;
  const auto limiter = New();
  ASSERT_TRUE(Request(*limiter, kBurst));
  EXPECT_ANY_THROW(limiter->Request(kBurst, Priority::kFlush, waiter));
  EXPECT_TRUE(Request(*limiter, kBurst));
  EXPECT_NEAR(Seconds(), 0.1, 1e-5);
}

TEST_F(RateLimiterTest, TheRateMayChange) {
  const auto limiter = New();
  ASSERT_TRUE(Request(*limiter, kBurst));
  ASSERT_TRUE(limiter->SetBytesPerSecond(10 * kRate).ok());
  EXPECT_EQ(limiter->MostBytes(), 5 * kBurst);
  ASSERT_TRUE(Request(*limiter, kBurst));
  EXPECT_NEAR(Seconds(), 0.01, 1e-5);
  clock_->Advance(absl::Seconds(1));
  // The bucket is as small as the rate from now on.
  ASSERT_TRUE(limiter->SetBytesPerSecond(kRate / 10).ok());
  ASSERT_TRUE(Request(*limiter, kBurst / 10));
  ASSERT_TRUE(Request(*limiter, kBurst / 10));
  EXPECT_NEAR(Seconds(), 1.11, 1e-4);
}

// Asked for before the bucket became smaller than it.
TEST_F(RateLimiterTest, MoreThanTheBucketHoldsLeavesADebt) {
  const auto limiter = New();
  ASSERT_TRUE(Request(*limiter, 5 * kBurst));
  EXPECT_EQ(Seconds(), 0);
  ASSERT_TRUE(Request(*limiter, 1));
  EXPECT_NEAR(Seconds(), 0.4, 1e-4);
}

TEST_F(RateLimiterTest, WhatIsNoRateIsRefused) {
  for (const uint64_t rate :
       {uint64_t{0}, uint64_t{1023}, (uint64_t{1} << 50) + 1, UINT64_MAX}) {
    const absl::Status refusal = absl::InvalidArgumentError(
        "rate limiter: bytes_per_second must be 1 KiB to 2^50");
    EXPECT_EQ(RateLimiter::NewTokenBucket(rate).status(), refusal);
    const auto limiter = New();
    EXPECT_EQ(limiter->SetBytesPerSecond(rate), refusal);
    EXPECT_EQ(limiter->MostBytes(), kBurst / 2);
  }
  for (const uint64_t rate : {uint64_t{1024}, uint64_t{1} << 50}) {
    EXPECT_TRUE(RateLimiter::NewTokenBucket(rate).ok());
  }
  for (const absl::Duration period :
       {absl::ZeroDuration(), absl::Microseconds(999), absl::Seconds(11),
        -absl::Seconds(1), absl::InfiniteDuration()}) {
    EXPECT_EQ(
        RateLimiter::NewTokenBucket(kRate, {.refill_period = period}).status(),
        absl::InvalidArgumentError(
            "rate limiter: refill_period must be 1 ms to 10 s"));
  }
  for (const int fairness : {0, 1, -3, 1001}) {
    EXPECT_EQ(
        RateLimiter::NewTokenBucket(kRate, {.fairness = fairness}).status(),
        absl::InvalidArgumentError("rate limiter: fairness must be 2 to 1000"));
  }
}

TEST_F(RateLimiterTest, OneOfYourOwnNeedsNoRate) {
  class Always final : public RateLimiter {
   public:
    uint64_t MostBytes() const override { return 1; }
    bool Request(uint64_t, IoContext::Priority, Waiter&) override {
      return true;
    }
  } limiter;
  EXPECT_EQ(limiter.SetBytesPerSecond(kRate),
            absl::UnimplementedError("this rate limiter has no rate to set"));
}

// Real threads, whose waits move the clock on.
TEST_F(RateLimiterTest, ManyMayAskAtOnce) {
  const auto limiter = New();
  std::atomic<uint64_t> bytes{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Random random(static_cast<uint64_t>(t));
      GivesUp impatient;
      for (uint64_t i = 0; i < Scaled(500, 50); ++i) {
        const uint64_t wanted = 1 + random.Uniform(kBurst);
        const Priority priority =
            t % 2 == 0 ? Priority::kFlush : Priority::kCompaction;
        const bool granted = i % 7 == 0
                                 ? limiter->Request(wanted, priority, impatient)
                                 : Request(*limiter, wanted, priority);
        if (granted) bytes += wanted;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(static_cast<double>(bytes.load()), Seconds() * kRate + kBurst + 1);
}

}  // namespace
}  // namespace lissom
