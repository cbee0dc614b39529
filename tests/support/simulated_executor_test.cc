// The executor under the engine's tests: it may choose between priorities, not
// within one, and a seed says all it chooses.
#include "tests/support/simulated_executor.h"

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_env.h"
#include "util/manual_clock.h"

namespace lissom {
namespace {

using Priority = Executor::Priority;
using ::testing::ElementsAre;

// Over when a flag is up, and sees to it that the lock is held when it must be
// and free when it must be.
class FlagWait final : public Wait {
 public:
  explicit FlagWait(const bool& flag) : flag_(flag) {}
  bool Done() override {
    EXPECT_TRUE(locked_);
    return flag_;
  }
  void Block() override { ADD_FAILURE() << "nobody else could wake us"; }
  void Unlock() override {
    EXPECT_TRUE(locked_);
    locked_ = false;
  }
  void Lock() override {
    EXPECT_FALSE(locked_);
    locked_ = true;
  }
  bool locked() const { return locked_; }

 private:
  const bool& flag_;
  bool locked_ = true;
};

// The order in which `count` tasks of each priority run: "L0 H0 L1 ...".
std::string OrderOf(uint64_t seed, int count) {
  SimulatedExecutor executor(seed);
  std::string order;
  for (int i = 0; i < count; ++i) {
    executor.Schedule(Priority::kLow,
                      [&order, i] { absl::StrAppend(&order, "L", i, " "); });
    executor.Schedule(Priority::kHigh,
                      [&order, i] { absl::StrAppend(&order, "H", i, " "); });
  }
  while (executor.RunOne()) {
  }
  return order;
}

TEST(SimulatedExecutor, RunsNothingUntilItIsAsked) {
  SimulatedExecutor executor(1);
  int runs = 0;
  EXPECT_FALSE(executor.RunOne());
  executor.Schedule(Priority::kLow, [&] { ++runs; });
  executor.Schedule(Priority::kHigh, [&] { ++runs; });
  EXPECT_EQ(runs, 0);
  EXPECT_EQ(executor.queued(), 2u);
  EXPECT_TRUE(executor.RunOne());
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(executor.queued(), 1u);
  EXPECT_TRUE(executor.RunOne());
  EXPECT_FALSE(executor.RunOne());
  EXPECT_EQ(runs, 2);
}

TEST(SimulatedExecutor, TasksOfOnePriorityStartInTheOrderTheyCame) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed));
  Random random(seed);
  SimulatedExecutor executor(random.Next());
  std::vector<int> came[2], started[2];
  for (int i = 0; i < 2000; ++i) {
    if (random.OneIn(2)) {
      const size_t queue = random.Uniform(2);
      came[queue].push_back(i);
      executor.Schedule(static_cast<Priority>(queue),
                        [&started, queue, i] { started[queue].push_back(i); });
    } else {
      executor.RunOne();
    }
  }
  while (executor.RunOne()) {
  }
  EXPECT_EQ(started[0], came[0]);
  EXPECT_EQ(started[1], came[1]);
}

TEST(SimulatedExecutor, TheSeedFixesTheOrder) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed));
  EXPECT_EQ(OrderOf(seed, 50), OrderOf(seed, 50));
}

TEST(SimulatedExecutor, SeedsReachEveryOrderOfTwoPriorities) {
  std::set<std::string> orders;
  for (uint64_t seed = 0; seed < 200; ++seed) orders.insert(OrderOf(seed, 2));
  EXPECT_THAT(orders,
              ElementsAre("H0 H1 L0 L1 ", "H0 L0 H1 L1 ", "H0 L0 L1 H1 ",
                          "L0 H0 H1 L1 ", "L0 H0 L1 H1 ", "L0 L1 H0 H1 "));
}

TEST(SimulatedExecutor, AWaitRunsTasksWithoutItsLockUntilItIsOver) {
  SimulatedExecutor executor(1);
  bool flag = false;
  FlagWait wait(flag);
  int runs = 0;
  for (int i = 0; i < 3; ++i) {
    executor.Schedule(Priority::kLow, [&, i] {
      EXPECT_FALSE(wait.locked());
      ++runs;
      flag = i == 1;
    });
  }
  executor.Await(wait);
  EXPECT_TRUE(wait.locked());
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(executor.queued(), 1u);  // It ran no more than it had to.
  executor.Await(wait);              // Over at once.
  EXPECT_EQ(runs, 2);
}

TEST(SimulatedExecutor, ATaskMayScheduleAndWait) {
  SimulatedExecutor executor(1);
  std::vector<std::string> events;
  bool inner_done = false;
  bool outer_done = false;
  executor.Schedule(Priority::kLow, [&] {
    events.push_back("outer begins");
    executor.Schedule(Priority::kHigh, [&] {
      events.push_back("inner");
      inner_done = true;
    });
    FlagWait wait(inner_done);
    executor.Await(wait);
    events.push_back("outer ends");
    outer_done = true;
  });
  FlagWait wait(outer_done);
  executor.Await(wait);
  EXPECT_THAT(events, ElementsAre("outer begins", "inner", "outer ends"));
}

TEST(SimulatedExecutorDeathTest, AWaitThatNothingCanEndAborts) {
  SimulatedExecutor executor(1);
  executor.Schedule(Priority::kLow, [] {});
  const bool never = false;
  FlagWait wait(never);
  EXPECT_DEATH(executor.Await(wait), "a wait that nothing can end");
}

// --- Time -------------------------------------------------------------------

TEST(SimulatedExecutor, WithoutAClockThereAreNoTimers) {
  SimulatedExecutor executor(1);
  EXPECT_FALSE(executor.ScheduleAfter(absl::ZeroDuration(), Priority::kLow,
                                      [] { FAIL(); }));
  EXPECT_FALSE(executor.RunOne());
}

TEST(SimulatedExecutor, ATimerRunsWhenTheTestLetsItsTimePass) {
  auto clock = std::make_shared<ManualClock>();
  SimulatedExecutor executor(1, clock);
  std::string order;
  for (const char* name : {"3", "1", "2", "2b"}) {
    EXPECT_TRUE(executor.ScheduleAfter(absl::Seconds(name[0] - '0'),
                                       Priority::kLow,
                                       [&order, name] { order += name; }));
  }
  EXPECT_EQ(executor.timers(), 4u);
  EXPECT_FALSE(executor.RunOne());
  clock->Advance(absl::Milliseconds(999));
  EXPECT_FALSE(executor.RunOne());
  clock->Advance(absl::Milliseconds(1));
  EXPECT_TRUE(executor.RunOne());
  EXPECT_FALSE(executor.RunOne());
  clock->Advance(absl::Seconds(10));
  while (executor.RunOne()) {
  }
  EXPECT_EQ(order, "122b3");
  EXPECT_EQ(executor.timers(), 0u);
}

TEST(SimulatedExecutor, AWaitLetsTimePassWhenNothingElseIsLeft) {
  auto clock = std::make_shared<ManualClock>();
  SimulatedExecutor executor(1, clock);
  std::vector<absl::Duration> at;
  bool flag = false;
  executor.ScheduleAfter(absl::Seconds(2), Priority::kHigh, [&] {
    at.push_back(clock->Monotonic());
    flag = true;
  });
  executor.Schedule(Priority::kLow, [&] { at.push_back(clock->Monotonic()); });
  FlagWait wait(flag);
  executor.Await(wait);
  EXPECT_THAT(at, ElementsAre(absl::ZeroDuration(), absl::Seconds(2)));
}

}  // namespace
}  // namespace lissom
