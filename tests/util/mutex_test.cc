// Mutex, CondVar and Await.
#include "util/mutex.h"

#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "lissom/clock.h"
#include "tests/support/simulated_executor.h"
#include "util/manual_clock.h"

namespace lissom {
namespace {

struct Counter {
  Mutex mu;
  CondVar changed;
  int value ABSL_GUARDED_BY(mu) = 0;
};

TEST(Mutex, ExcludesOthers) {
  Counter counter;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) {
        MutexLock lock(counter.mu);
        ++counter.value;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  MutexLock lock(counter.mu);
  EXPECT_EQ(counter.value, 40'000);
}

TEST(MutexUnlock, LetsOthersInForAScope) {
  Counter counter;
  MutexLock lock(counter.mu);
  {
    MutexUnlock unlock(counter.mu);
    std::thread([&] {
      MutexLock inner(counter.mu);
      counter.value = 7;
    }).join();
  }
  EXPECT_EQ(counter.value, 7);
}

TEST(CondVar, TwoThreadsTakeTurns) {
  Counter counter;
  const auto take_turns = [&](int parity) {
    for (int i = 0; i < 500; ++i) {
      MutexLock lock(counter.mu);
      while (counter.value % 2 != parity) counter.changed.Wait(counter.mu);
      ++counter.value;
      counter.changed.SignalAll();
    }
  };
  std::thread odd([&] { take_turns(1); });
  take_turns(0);
  odd.join();
  MutexLock lock(counter.mu);
  EXPECT_EQ(counter.value, 1000);
}

// Runs what was scheduled when somebody waits.
class RunsInWaits final : public Executor {
 public:
  void Schedule(Priority, std::function<void()> task) override {
    task_ = std::move(task);
  }
  void Await(Wait& wait) override {
    while (!wait.Done()) {
      wait.Unlock();
      std::exchange(task_, nullptr)();
      wait.Lock();
    }
  }

 private:
  std::function<void()> task_;
};

TEST(Await, LetsAnExecutorRunTasksWithoutTheLock) {
  Counter counter;
  RunsInWaits executor;
  executor.Schedule(Executor::Priority::kLow, [&] {
    MutexLock lock(counter.mu);
    counter.value = 1;
  });
  MutexLock lock(counter.mu);
  Await(executor, counter.mu, counter.changed,
        [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return counter.value == 1; });
  EXPECT_EQ(counter.value, 1);
  counter.mu.AssertHeld();
}

// Gives a wait up without the lock, with an exception or without one.
class GivesUp final : public Executor {
 public:
  explicit GivesUp(bool throws) : throws_(throws) {}
  void Schedule(Priority, std::function<void()>) override {}
  void Await(Wait& wait) override {
    wait.Unlock();
    if (throws_) throw std::runtime_error("tired");
  }

 private:
  const bool throws_;
};

TEST(Await, GoesOnWithoutAnExecutorThatGaveUp) {
  for (const bool throws : {false, true}) {
    GivesUp executor(throws);
    Counter counter;
    std::thread other([&] {
      MutexLock lock(counter.mu);
      counter.value = 1;
      counter.changed.SignalAll();
    });
    {
      MutexLock lock(counter.mu);
      Await(executor, counter.mu, counter.changed,
            [&]()
                ABSL_NO_THREAD_SAFETY_ANALYSIS { return counter.value == 1; });
      EXPECT_EQ(counter.value, 1);
      counter.mu.AssertHeld();
    }
    other.join();
  }
}

TEST(Await, BlocksUntilSignalled) {
  const std::shared_ptr<Executor> pool = Executor::NewThreadPool();
  Counter counter;
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) {
      MutexLock lock(counter.mu);
      ++counter.value;
      counter.changed.SignalAll();
    }
  });
  {
    MutexLock lock(counter.mu);
    Await(*pool, counter.mu, counter.changed,
          [&]()
              ABSL_NO_THREAD_SAFETY_ANALYSIS { return counter.value == 100; });
    EXPECT_EQ(counter.value, 100);
  }
  other.join();
}

// --- With an end ------------------------------------------------------------

TEST(AwaitUntil, TheManualClockStandsAtTheDeadlineThen) {
  auto clock = std::make_shared<ManualClock>();
  clock->Advance(absl::Seconds(5));
  SimulatedExecutor executor(1, clock);
  Counter counter;
  MutexLock lock(counter.mu);
  EXPECT_FALSE(AwaitUntil(executor, *clock, absl::Seconds(8), counter.mu,
                          counter.changed, [] { return false; }));
  EXPECT_EQ(clock->Monotonic(), absl::Seconds(8));
  counter.mu.AssertHeld();
}

TEST(AwaitUntil, WhatHappensBeforeEndsIt) {
  for (const bool timer : {false, true}) {
    auto clock = std::make_shared<ManualClock>();
    SimulatedExecutor executor(1, clock);
    Counter counter;
    const auto count = [&] {
      MutexLock lock(counter.mu);
      counter.value = 1;
    };
    if (timer) {
      executor.ScheduleAfter(absl::Seconds(3), Executor::Priority::kLow, count);
    } else {
      executor.Schedule(Executor::Priority::kLow, count);
    }
    MutexLock lock(counter.mu);
    EXPECT_TRUE(AwaitUntil(
        executor, *clock, absl::Seconds(8), counter.mu, counter.changed,
        [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return counter.value == 1; }));
    EXPECT_EQ(clock->Monotonic(), absl::Seconds(timer ? 3 : 0));
  }
}

TEST(AwaitUntil, ADeadlineThatHasPassedAsksOnce) {
  const auto clock = std::make_shared<ManualClock>();
  clock->Advance(absl::Seconds(5));
  SimulatedExecutor executor(1, clock);
  executor.Schedule(Executor::Priority::kLow, [] { FAIL(); });
  Counter counter;
  MutexLock lock(counter.mu);
  for (const absl::Duration deadline :
       {absl::Seconds(5), absl::ZeroDuration(), -absl::InfiniteDuration()}) {
    EXPECT_FALSE(AwaitUntil(executor, *clock, deadline, counter.mu,
                            counter.changed, [] { return false; }));
    EXPECT_TRUE(AwaitUntil(executor, *clock, deadline, counter.mu,
                           counter.changed, [] { return true; }));
  }
  EXPECT_EQ(executor.queued(), 1u);
}

TEST(AwaitUntil, OnTheMachinesClockItEndsToo) {
  const std::shared_ptr<Executor> pool = Executor::NewThreadPool();
  const auto clock = Clock::System();
  const absl::Duration start = clock->Monotonic();
  Counter counter;
  MutexLock lock(counter.mu);
  EXPECT_FALSE(AwaitUntil(*pool, *clock, start + absl::Milliseconds(3),
                          counter.mu, counter.changed, [] { return false; }));
  EXPECT_GE(clock->Monotonic() - start, absl::Milliseconds(3));
  counter.mu.AssertHeld();
}

TEST(AwaitUntil, ASignalComesBeforeTheDeadline) {
  const std::shared_ptr<Executor> pool = Executor::NewThreadPool();
  const auto clock = Clock::System();
  Counter counter;
  std::thread other([&] {
    MutexLock lock(counter.mu);
    counter.value = 1;
    counter.changed.SignalAll();
  });
  {
    MutexLock lock(counter.mu);
    EXPECT_TRUE(AwaitUntil(
        *pool, *clock, clock->Monotonic() + absl::Hours(1), counter.mu,
        counter.changed,
        [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return counter.value == 1; }));
  }
  other.join();
}

// The wait asks the injected clock, whatever the machine's says.
TEST(AwaitUntil, AClockThatAnotherMovesEndsIt) {
  const std::shared_ptr<Executor> pool = Executor::NewThreadPool();
  ManualClock clock;
  std::thread other([&] { clock.Advance(absl::Milliseconds(2)); });
  Counter counter;
  {
    MutexLock lock(counter.mu);
    EXPECT_FALSE(AwaitUntil(*pool, clock, absl::Milliseconds(2), counter.mu,
                            counter.changed, [] { return false; }));
  }
  EXPECT_EQ(clock.Monotonic(), absl::Milliseconds(2));
  other.join();
}

TEST(AwaitUntil, GoesOnWithoutAnExecutorThatGaveUp) {
  for (const bool throws : {false, true}) {
    GivesUp executor(throws);
    const auto clock = Clock::System();
    Counter counter;
    MutexLock lock(counter.mu);
    EXPECT_FALSE(AwaitUntil(executor, *clock,
                            clock->Monotonic() + absl::Milliseconds(1),
                            counter.mu, counter.changed, [] { return false; }));
    counter.mu.AssertHeld();
  }
}

TEST(CondVar, WaitForEndsByItself) {
  Counter counter;
  MutexLock lock(counter.mu);
  counter.changed.WaitFor(counter.mu, absl::Milliseconds(1));
  counter.changed.WaitFor(counter.mu, absl::ZeroDuration());
  counter.changed.WaitFor(counter.mu, -absl::Seconds(1));
  counter.mu.AssertHeld();
}

TEST(CondVar, WaitForLetsOthersIn) {
  Counter counter;
  std::thread other([&] {
    MutexLock lock(counter.mu);
    counter.value = 1;
    counter.changed.SignalAll();
  });
  {
    MutexLock lock(counter.mu);
    while (counter.value == 0) {
      counter.changed.WaitFor(counter.mu, absl::Hours(1));
    }
  }
  other.join();
}

}  // namespace
}  // namespace lissom
