// The thread pool: that tasks run once and in order, and that neither a wait in
// a task, nor a missing thread, nor the pool's end loses one.
#include "lissom/executor.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lissom/clock.h"
#include "util/mutex.h"
#include "util/sync_point.h"

namespace lissom {
namespace {

using Priority = Executor::Priority;

// Opens once; whoever waits goes through the executor's Await. Outlives the
// pool whose tasks use it.
class Gate {
 public:
  void Open() {
    MutexLock lock(mu_);
    open_ = true;
    opened_.SignalAll();
  }
  void WaitFor(Executor& executor) {
    MutexLock lock(mu_);
    // The analysis does not see that done() runs under the lock.
    Await(executor, mu_, opened_,
          [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return open_; });
  }

 private:
  Mutex mu_;
  CondVar opened_;
  bool open_ ABSL_GUARDED_BY(mu_) = false;
};

TEST(ThreadPool, RunsTasksInOrderBeforeItEnds) {
  std::vector<int> low, high;
  auto pool = Executor::NewThreadPool();
  for (int i = 0; i < 100; ++i) {
    pool->Schedule(Priority::kLow, [&low, i] { low.push_back(i); });
    pool->Schedule(Priority::kHigh, [&high, i] { high.push_back(i); });
  }
  pool.reset();
  ASSERT_EQ(low.size(), 100u);
  EXPECT_EQ(low, high);
  for (size_t i = 0; i < 100; ++i) EXPECT_EQ(low[i], static_cast<int>(i));
}

TEST(ThreadPool, EndsWithoutHavingRunAnything) { Executor::NewThreadPool(); }

TEST(ThreadPool, AFlushDoesNotWaitForACompaction) {
  Gate compaction_may_end, flushed;
  auto pool = Executor::NewThreadPool();
  pool->Schedule(Priority::kLow,
                 [&, raw = pool.get()] { compaction_may_end.WaitFor(*raw); });
  pool->Schedule(Priority::kHigh, [&] { flushed.Open(); });
  flushed.WaitFor(*pool);
  compaction_may_end.Open();
}

TEST(ThreadPool, NeverRunsATaskInsideSchedule) {
  const std::thread::id caller = std::this_thread::get_id();
  std::thread::id runner;
  Gate done;
  auto pool = Executor::NewThreadPool();
  pool->Schedule(Priority::kLow, [&] {
    runner = std::this_thread::get_id();
    char name[16];
    pthread_getname_np(pthread_self(), name, sizeof name);
    EXPECT_EQ(std::string(name), "lissom-compact");
    done.Open();
  });
  done.WaitFor(*pool);
  EXPECT_NE(runner, caller);
}

TEST(ThreadPool, ATaskMayWaitForOneBehindIt) {
  Gate inner, outer;
  auto pool = Executor::NewThreadPool();
  pool->Schedule(Priority::kLow, [&] {
    pool->Schedule(Priority::kLow, [&] { inner.Open(); });
    inner.WaitFor(*pool);
    outer.Open();
  });
  outer.WaitFor(*pool);
}

TEST(ThreadPool, MayEndInOneOfItsOwnTasks) {
  struct State {  // Shared: the pool's threads may outlast the test.
    Gate go, all_ran;
    std::atomic<int> ran{0};
  };
  auto state = std::make_shared<State>();
  auto pool = Executor::NewThreadPool();
  Executor* const raw = pool.get();
  raw->Schedule(Priority::kLow, [state, raw, owner = pool] {
    state->go.WaitFor(*raw);  // Then `owner` is the last reference.
    for (Priority priority : {Priority::kLow, Priority::kHigh}) {
      raw->Schedule(priority, [state] {
        if (++state->ran == 2) state->all_ran.Open();
      });
    }
  });
  pool.reset();
  state->go.Open();
  auto other = Executor::NewThreadPool();  // Any executor will do for waiting.
  state->all_ran.WaitFor(*other);
}

TEST(ThreadPool, LetsGoOfATaskBeforeItIsWaitedFor) {
  std::weak_ptr<int> held;
  {
    auto pool = Executor::NewThreadPool();
    auto owner = std::make_shared<int>(1);
    held = owner;
    pool->Schedule(Priority::kLow, [owner = std::move(owner)] {});
  }
  EXPECT_TRUE(held.expired());
}

TEST(ThreadPool, TakesTasksFromManyThreads) {
  std::atomic<int> ran{0};
  auto pool = Executor::NewThreadPool();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 1000; ++i) {
        auto done = std::make_shared<Gate>();
        pool->Schedule(t % 2 == 0 ? Priority::kLow : Priority::kHigh,
                       [&ran, done] {
                         ++ran;
                         done->Open();
                       });
        done->WaitFor(*pool);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ran, 4000);
}

// --- Several threads --------------------------------------------------------

TEST(ThreadPool, RunsAsManyLowTasksAtOnceAsItHasThreads) {
  constexpr int kThreads = 3;
  Mutex mu;
  CondVar changed;
  int begun = 0;
  auto pool = Executor::NewThreadPool(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    pool->Schedule(Priority::kLow, [&] {
      MutexLock lock(mu);
      ++begun;
      changed.SignalAll();
      // Blocks its thread: none runs another's task meanwhile.
      while (begun < kThreads) changed.Wait(mu);
    });
  }
  pool.reset();
  EXPECT_EQ(begun, kThreads);
}

TEST(ThreadPool, HasNoMoreThreadsThanItWasGiven) {
  for (const int threads : {-1, 0, 1, 2}) {
    Mutex mu;
    std::set<std::thread::id> ids;
    auto pool = Executor::NewThreadPool(threads);
    for (int i = 0; i < 200; ++i) {
      pool->Schedule(Priority::kLow, [&] {
        MutexLock lock(mu);
        ids.insert(std::this_thread::get_id());
      });
    }
    pool.reset();
    EXPECT_LE(ids.size(), static_cast<size_t>(std::max(threads, 1)));
  }
}

TEST(ThreadPool, LowTasksStartInOrderWhateverThreadsThereAre) {
  Mutex mu;
  std::vector<int> order;
  auto pool = Executor::NewThreadPool(1);
  for (int i = 0; i < 100; ++i) {
    pool->Schedule(Priority::kLow, [&, i] {
      MutexLock lock(mu);
      order.push_back(i);
    });
  }
  pool.reset();
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(order.size(), 100u);
}

// --- Timers -----------------------------------------------------------------

TEST(ThreadPool, TimersComeInTheOrderOfTheirTimesAndNotBefore) {
  const auto clock = Clock::System();
  struct Timer {
    absl::Duration earliest, latest, ran;
  };
  std::vector<Timer> timers(20);
  std::vector<size_t> order;
  Gate last;
  auto pool = Executor::NewThreadPool();
  for (size_t i = 0; i < timers.size(); ++i) {
    const auto delay = absl::Microseconds((i * 7 % timers.size()) * 300);
    timers[i].earliest = clock->Monotonic() + delay;
    EXPECT_TRUE(pool->ScheduleAfter(delay, Priority::kLow, [&, i] {
      timers[i].ran = clock->Monotonic();
      order.push_back(i);
      if (order.size() == timers.size()) last.Open();
    }));
    timers[i].latest = clock->Monotonic() + delay;
  }
  last.WaitFor(*pool);
  for (size_t n = 0; n < order.size(); ++n) {
    const Timer& timer = timers[order[n]];
    EXPECT_GE(timer.ran, timer.earliest);
    if (n > 0) {
      EXPECT_GE(timer.latest, timers[order[n - 1]].earliest);
    }
  }
}

TEST(ThreadPool, ATimerRunsBesideALongTaskOfTheOtherPriority) {
  for (const Priority timer : {Priority::kHigh, Priority::kLow}) {
    Gate fired;
    Mutex mu;
    CondVar changed;
    bool may_end = false;
    auto pool = Executor::NewThreadPool();  // Ends before what its tasks use.
    pool->Schedule(timer == Priority::kHigh ? Priority::kLow : Priority::kHigh,
                   [&] {
                     MutexLock lock(mu);
                     while (!may_end) changed.Wait(mu);
                   });
    pool->ScheduleAfter(absl::Milliseconds(1), timer, [&] { fired.Open(); });
    fired.WaitFor(*pool);
    MutexLock lock(mu);
    may_end = true;
    changed.SignalAll();
  }
}

TEST(ThreadPool, ATimerThatIsDueWhileItsThreadIsBusyRunsAfterwards) {
  const auto clock = Clock::System();
  std::vector<int> order;
  Gate fired;
  auto pool = Executor::NewThreadPool();
  pool->Schedule(Priority::kLow, [&] {
    pool->ScheduleAfter(absl::ZeroDuration(), Priority::kLow, [&] {
      order.push_back(2);
      fired.Open();
    });
    const absl::Duration due = clock->Monotonic();
    while (clock->Monotonic() <= due) {
    }
    order.push_back(1);
  });
  fired.WaitFor(*pool);
  EXPECT_THAT(order, ::testing::ElementsAre(1, 2));
}

TEST(ThreadPool, ATimerMayWaitInATaskForAnother) {
  Gate inner, outer;
  auto pool = Executor::NewThreadPool();
  pool->ScheduleAfter(absl::Milliseconds(1), Priority::kLow, [&] {
    pool->Schedule(Priority::kLow, [&] { inner.Open(); });
    inner.WaitFor(*pool);
    outer.Open();
  });
  outer.WaitFor(*pool);
}

TEST(ThreadPool, ATimerWhoseTimeHasNotComeIsDroppedAtTheEnd) {
  auto held = std::make_shared<int>(0);
  auto pool = Executor::NewThreadPool();
  Executor* const raw = pool.get();
  EXPECT_TRUE(pool->ScheduleAfter(absl::Hours(1), Priority::kHigh,
                                  [held] { ++*held; }));
  // The last task comes too late for any timer.
  pool->Schedule(Priority::kLow, [raw, held] {
    for (int i = 0; i < 10; ++i) {
      raw->ScheduleAfter(absl::Hours(1), Priority::kLow, [held] { ++*held; });
    }
  });
  pool.reset();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(*held, 0);
}

TEST(ThreadPool, WhatADroppedTimerHeldMayCallThePool) {
  std::atomic<int> ran{0};
  auto pool = Executor::NewThreadPool();
  std::shared_ptr<void> calls_at_its_end(nullptr, [&, raw = pool.get()](void*) {
    raw->Schedule(Priority::kLow, [&] { ++ran; });
  });
  pool->ScheduleAfter(absl::Hours(1), Priority::kLow,
                      [held = std::move(calls_at_its_end)] {});
  pool.reset();
  EXPECT_EQ(ran, 1);
}

TEST(ThreadPool, TakesTimersFromManyThreads) {
  std::atomic<int> left{400};
  Gate all;
  auto pool = Executor::NewThreadPool(2);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        pool->ScheduleAfter(absl::Microseconds((i * 37) % 500),
                            t % 2 == 0 ? Priority::kLow : Priority::kHigh, [&] {
                              if (--left == 0) all.Open();
                            });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  all.WaitFor(*pool);
}

#ifdef LISSOM_CHECKS

// The idle thread must not end before the busy one's tasks are done: they may
// want it. Whether a wrong one has ended is up to the scheduler, so many times.
TEST(ThreadPool, ItsEndRunsWhatTasksSchedule) {
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> ran{0};
    Gate ending;
    SyncPoints::Set("ThreadPool:Ending", [&] { ending.Open(); });
    auto pool = Executor::NewThreadPool();
    pool->Schedule(Priority::kHigh, [] {});
    pool->Schedule(Priority::kLow, [&, raw = pool.get()] {
      ending.WaitFor(*raw);
      for (int i = 0; i < 100; ++i) std::this_thread::yield();
      for (int i = 0; i < 10; ++i) {
        raw->Schedule(Priority::kHigh, [&ran, raw] {
          raw->Schedule(Priority::kLow, [&ran] { ++ran; });
        });
      }
    });
    pool.reset();
    SyncPoints::ClearAll();
    ASSERT_EQ(ran, 10);
  }
}

// The system refuses the next `times` threads.
class NoThreads {
 public:
  explicit NoThreads(int times) {
    SyncPoints::Set("ThreadPool:StartThread",
                    [left = std::make_shared<int>(times)] {
                      if ((*left)-- > 0) {
                        throw std::system_error(std::make_error_code(
                            std::errc::resource_unavailable_try_again));
                      }
                    });
  }
  ~NoThreads() { SyncPoints::ClearAll(); }
};

TEST(ThreadPool, OneThreadServesBothQueuesIfThereIsNoSecond) {
  const NoThreads none(1);
  Gate high, low;
  auto pool = Executor::NewThreadPool();
  pool->Schedule(Priority::kHigh, [&] { high.Open(); });  // Gets no thread.
  pool->Schedule(Priority::kLow, [&] { low.Open(); });
  high.WaitFor(*pool);
  low.WaitFor(*pool);
}

TEST(ThreadPool, WaitersRunTheTasksIfThereIsNoThread) {
  const NoThreads none(1'000'000);
  Gate low, high;
  bool left_over = false;
  auto pool = Executor::NewThreadPool();
  pool->Schedule(Priority::kLow, [&] {
    pool->Schedule(Priority::kHigh, [&] { high.Open(); });
    high.WaitFor(*pool);
    low.Open();
  });
  low.WaitFor(*pool);
  pool->Schedule(Priority::kLow, [&] { left_over = true; });
  EXPECT_FALSE(left_over);
  pool.reset();
  EXPECT_TRUE(left_over);
}

TEST(ThreadPool, GetsAThreadLaterIfItCan) {
  const NoThreads none(1);
  std::atomic<int> ran{0};
  Gate both;
  auto pool = Executor::NewThreadPool();
  const auto task = [&] {
    if (++ran == 2) both.Open();
  };
  pool->Schedule(Priority::kLow, task);
  pool->Schedule(Priority::kLow, task);
  both.WaitFor(*pool);
}

#endif  // LISSOM_CHECKS

}  // namespace
}  // namespace lissom
