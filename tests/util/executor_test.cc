// The thread pool: that tasks run once and in order, and that neither a wait in
// a task, nor a missing thread, nor the pool's end loses one.
#include "lissom/executor.h"

#include <pthread.h>

#include <atomic>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
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
