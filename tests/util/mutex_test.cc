// Mutex, CondVar and Await.
#include "util/mutex.h"

#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

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

}  // namespace
}  // namespace lissom
