// One kind of background work: at most one run at a time, again as long as
// there is work, and neither lost nor stuck when something throws.
#include "db/background_job.h"

#include <atomic>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"

namespace lissom {
namespace {

// Passes tasks on, or refuses them; remembers their priorities.
class RefusingExecutor final : public Executor {
 public:
  void Schedule(Priority priority, std::function<void()> task) override {
    ++asked;
    if (refuse) throw std::bad_alloc();
    priorities.push_back(priority);
    queue.Schedule(priority, std::move(task));
  }
  void Await(Wait& wait) override { queue.Await(wait); }

  SimulatedExecutor queue{1};
  bool refuse = false;
  int asked = 0;
  std::vector<Priority> priorities;
};

class BackgroundJobTest : public ::testing::Test {
 protected:
  bool HasWork() {
    mu_.AssertHeld();
    if (ask_throws_) throw std::runtime_error("a clock's");
    return work_ > 0;
  }
  void Run() {
    {
      MutexLock lock(mu_);  // Not held by the caller: else this never ends.
      ++runs_;
      --work_;
      EXPECT_FALSE(job_.idle());
    }
    if (during_) during_();
  }

  void AddWork(int n) {
    MutexLock lock(mu_);
    work_ += n;
  }
  void Poke() {
    MutexLock lock(mu_);
    job_.Poke();
  }
  void Stop() {
    MutexLock lock(mu_);
    job_.Stop();
  }
  bool idle() {
    MutexLock lock(mu_);
    return job_.idle();
  }
  size_t queued() const { return executor_.queue.queued(); }
  bool RunOne() { return executor_.queue.RunOne(); }

  RefusingExecutor executor_;
  Mutex mu_;
  CondVar cv_;
  int work_ = 0;
  int runs_ = 0;
  bool ask_throws_ = false;
  std::function<void()> during_;
  BackgroundJob job_{executor_,
                     Executor::Priority::kHigh,
                     1,
                     mu_,
                     cv_,
                     [this] { return HasWork(); },
                     [this] { Run(); }};
};

TEST_F(BackgroundJobTest, WithoutWorkStartsNothing) {
  Poke();
  EXPECT_EQ(executor_.asked, 0);
  EXPECT_TRUE(idle());
}

TEST_F(BackgroundJobTest, StartsLaterAndWithItsPriority) {
  AddWork(1);
  Poke();
  EXPECT_EQ(runs_, 0) << "not inside Poke";
  EXPECT_FALSE(idle());
  EXPECT_EQ(executor_.priorities,
            std::vector<Executor::Priority>{Executor::Priority::kHigh});
  ASSERT_TRUE(RunOne());
  EXPECT_EQ(runs_, 1);
  EXPECT_TRUE(idle());
  EXPECT_EQ(queued(), 0u);
}

TEST_F(BackgroundJobTest, IsUnderWayOnceHoweverOftenItIsPoked) {
  AddWork(1);
  Poke();
  Poke();
  during_ = [this] {
    Poke();
    EXPECT_EQ(queued(), 0u) << "a second run beside this one";
  };
  EXPECT_EQ(queued(), 1u);
  ASSERT_TRUE(RunOne());
  EXPECT_EQ(runs_, 1);
  EXPECT_EQ(queued(), 0u);
}

TEST_F(BackgroundJobTest, RunsAgainAsLongAsThereIsWorkATaskARun) {
  AddWork(3);
  Poke();
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(RunOne());
    EXPECT_EQ(runs_, i) << "others of its priority come in between";
  }
  EXPECT_FALSE(RunOne());
  EXPECT_TRUE(idle());
}

TEST_F(BackgroundJobTest, RunsAgainForWorkThatCameMeanwhile) {
  AddWork(1);
  Poke();
  during_ = [this] {
    if (runs_ == 1) AddWork(1);  // Without a poke.
  };
  while (RunOne()) {
  }
  EXPECT_EQ(runs_, 2);
}

TEST_F(BackgroundJobTest, DoesNotRunForWorkThatHasGone) {
  AddWork(1);
  Poke();
  AddWork(-1);
  ASSERT_TRUE(RunOne());
  EXPECT_EQ(runs_, 0);
  EXPECT_TRUE(idle());
  AddWork(1);
  Poke();
  ASSERT_TRUE(RunOne());
  EXPECT_EQ(runs_, 1);
}

TEST_F(BackgroundJobTest, StoppedBeforeItStartsItDoesNotRun) {
  AddWork(1);
  Poke();
  Stop();
  EXPECT_FALSE(idle()) << "its task is still queued, and names the job";
  ASSERT_TRUE(RunOne());
  EXPECT_EQ(runs_, 0);
  EXPECT_TRUE(idle());
}

TEST_F(BackgroundJobTest, StoppedWhileItRunsItEndsWithThisRun) {
  AddWork(5);
  Poke();
  during_ = [this] { Stop(); };
  ASSERT_TRUE(RunOne());
  EXPECT_EQ(runs_, 1);
  EXPECT_TRUE(idle());
  Poke();
  EXPECT_EQ(queued(), 0u);
}

TEST_F(BackgroundJobTest, AQuestionThatThrowsLeavesTheJobIdle) {
  AddWork(1);
  Poke();
  ask_throws_ = true;
  ASSERT_TRUE(RunOne());
  EXPECT_TRUE(idle());
  EXPECT_EQ(runs_, 0);
  ask_throws_ = false;
  Poke();
  ASSERT_TRUE(RunOne());
  EXPECT_EQ(runs_, 1);
}

TEST_F(BackgroundJobTest, ARunThatThrowsIsARun) {
  AddWork(2);
  Poke();
  during_ = [this] {
    if (runs_ == 1) throw std::runtime_error("mine");
    throw 7;
  };
  ASSERT_TRUE(RunOne());
  EXPECT_FALSE(idle()) << "there is work left";
  ASSERT_TRUE(RunOne());
  EXPECT_TRUE(idle());
  EXPECT_EQ(runs_, 2);
}

TEST_F(BackgroundJobTest, AnExecutorThatRefusesIsAskedAgainAtTheNextPoke) {
  AddWork(1);
  executor_.refuse = true;
  EXPECT_THROW(Poke(), std::bad_alloc);
  EXPECT_TRUE(idle());
  executor_.refuse = false;
  Poke();
  EXPECT_EQ(executor_.asked, 2);
  ASSERT_TRUE(RunOne());
  EXPECT_EQ(runs_, 1);
}

TEST_F(BackgroundJobTest, ARefusalAfterARunStaysInTheTask) {
  AddWork(2);
  Poke();
  executor_.refuse = true;
  EXPECT_NO_THROW(RunOne());
  EXPECT_EQ(runs_, 1);
  EXPECT_TRUE(idle()) << "Close does not wait for a task that there is not";
  executor_.refuse = false;
  Poke();
  ASSERT_TRUE(RunOne());
  EXPECT_EQ(runs_, 2);
}

// The pool has threads, so whoever waits is woken or waits for ever.
TEST(BackgroundJob, WakesWhoeverWaitsForIt) {
  const std::shared_ptr<Executor> pool = Executor::NewThreadPool();
  ASSERT_NE(pool, nullptr);
  Mutex mu;
  CondVar cv;
  uint64_t work = 0;
  std::atomic<int> running{0};
  BackgroundJob job(
      *pool, Executor::Priority::kLow, 1, mu, cv,
      [&] {
        mu.AssertHeld();
        return work > 0;
      },
      [&] {
        EXPECT_EQ(running.fetch_add(1), 0) << "two at a time";
        {
          MutexLock lock(mu);
          --work;
        }
        running.fetch_sub(1);
      });
  MutexLock lock(mu);
  for (uint64_t i = 0; i < Scaled(500); ++i) {
    work += 3;
    job.Poke();
    if (i % 2 == 0) job.Poke();
    Await(*pool, mu, cv, [&] {
      mu.AssertHeld();
      return work == 0;
    });
  }
  job.Stop();
  Await(*pool, mu, cv, [&] {
    mu.AssertHeld();
    return job.idle();
  });
}

}  // namespace
}  // namespace lissom
