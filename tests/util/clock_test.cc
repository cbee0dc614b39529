#include "lissom/clock.h"

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "util/manual_clock.h"

namespace lissom {
namespace {

TEST(SystemClock, GoesForward) {
  const auto clock = Clock::System();
  const absl::Duration start = clock->Monotonic();
  absl::Duration last = start;
  for (int i = 0; i < 1000; ++i) {
    const absl::Duration now = clock->Monotonic();
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_GT(last, start);
  EXPECT_GT(clock->Now(), absl::FromUnixSeconds(1'700'000'000));
}

TEST(ManualClock, MovesWhenItIsTold) {
  ManualClock clock(absl::FromUnixSeconds(100));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(100));
  const absl::Duration start = clock.Monotonic();
  clock.Advance(absl::Seconds(5));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(105));
  EXPECT_EQ(clock.Monotonic() - start, absl::Seconds(5));
  clock.SetNow(absl::FromUnixSeconds(1));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(1));
  EXPECT_EQ(clock.Monotonic() - start, absl::Seconds(5));
}

}  // namespace
}  // namespace lissom
