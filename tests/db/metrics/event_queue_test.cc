// Events reach every listener in order, from the executor, without a lock; and
// all of them before Close returns. Listeners that throw, wait, post and close.
#include "db/metrics/event_queue.h"

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/manual_clock.h"
#include "util/mutex.h"

namespace lissom {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Writes down what it is told. Thread-safe.
class Recorder final : public EventListener {
 public:
  void OnFlushBegin(const FlushEvent& e) override {
    Note(absl::StrCat("begin ", e.job));
    if (on_flush) on_flush(e);
  }
  void OnFlushCompleted(const FlushEvent& e) override {
    Note(absl::StrCat("end ", e.job));
  }
  void OnCompactionBegin(const CompactionEvent&) override { Note("compact"); }
  void OnCompactionCompleted(const CompactionEvent&) override {
    Note("compacted");
  }
  void OnTableCreated(const TableEvent&) override { Note("created"); }
  void OnTableDeleted(const TableEvent&) override { Note("deleted"); }
  void OnStallConditionChanged(const StallEvent& e) override {
    Note(absl::StrCat("stall ", static_cast<int>(e.before), ">",
                      static_cast<int>(e.now), " ", static_cast<int>(e.cause)));
  }
  void OnBackgroundError(const BackgroundErrorEvent&) override {
    Note("error");
  }
  void OnResumed(const ResumedEvent&) override { Note("resumed"); }

  std::vector<std::string> notes() const {
    MutexLock lock(mu_);
    return notes_;
  }

  std::function<void(const FlushEvent&)> on_flush;

 private:
  void Note(std::string note) {
    MutexLock lock(mu_);
    notes_.push_back(std::move(note));
  }

  mutable Mutex mu_;
  std::vector<std::string> notes_ ABSL_GUARDED_BY(mu_);
};

class Lines final : public Logger {
 public:
  void Log(LogLevel, std::string_view line) override {
    lines.emplace_back(line);
    if (throws) throw std::runtime_error("no log");
  }
  std::vector<std::string> lines;
  bool throws = false;
};

class EventQueueTest : public testing::Test {
 protected:
  explicit EventQueueTest(size_t listeners = 1) {
    for (size_t i = 0; i < listeners; ++i) {
      listeners_.push_back(std::make_shared<Recorder>());
    }
  }

  EventQueue& Open(Executor& executor) {
    queue_.emplace(
        EventQueueDeps{.executor = executor,
                       .clock = clock_,
                       .log = log_,
                       .listeners = {listeners_.begin(), listeners_.end()}});
    return *queue_;
  }
  EventQueue& Open() { return Open(executor_); }
  ~EventQueueTest() override {
    if (queue_.has_value()) queue_->Close();
  }

  void Begin(uint64_t job) {
    queue_->Post(EventKind::kFlushBegin, FlushEvent{.job = job});
  }
  void Stall(StallCondition before, StallCondition now,
             StallCause cause = StallCause::kMemtables) {
    queue_->Post(EventKind::kStallConditionChanged,
                 StallEvent{.before = before, .now = now, .cause = cause});
  }
  void RunAll() {
    while (executor_.RunOne()) {
    }
  }
  Recorder& listener(size_t i = 0) { return *listeners_[i]; }

  SimulatedExecutor executor_{1};
  ManualClock clock_;
  std::shared_ptr<Lines> log_ = std::make_shared<Lines>();
  std::vector<std::shared_ptr<Recorder>> listeners_;
  std::optional<EventQueue> queue_;
};

class TwoListeners : public EventQueueTest {
 protected:
  TwoListeners() : EventQueueTest(2) {}
};
class NoListener : public EventQueueTest {
 protected:
  NoListener() : EventQueueTest(0) {}
};

TEST_F(EventQueueTest, EveryKindReachesItsMethod) {
  EventQueue& queue = Open();
  queue.Post(EventKind::kFlushBegin, FlushEvent{.job = 1});
  queue.Post(EventKind::kFlushCompleted, FlushEvent{.job = 1});
  queue.Post(EventKind::kCompactionBegin, CompactionEvent{});
  queue.Post(EventKind::kCompactionCompleted, CompactionEvent{});
  queue.Post(EventKind::kTableCreated, TableEvent{});
  queue.Post(EventKind::kTableDeleted, TableEvent{});
  queue.Post(EventKind::kStallConditionChanged,
             StallEvent{.now = StallCondition::kStopped});
  queue.Post(EventKind::kBackgroundError, BackgroundErrorEvent{});
  queue.Post(EventKind::kResumed, ResumedEvent{});
  RunAll();
  EXPECT_THAT(listener().notes(),
              ElementsAre("begin 1", "end 1", "compact", "compacted", "created",
                          "deleted", "stall 0>2 0", "error", "resumed"));
}

TEST_F(EventQueueTest, NothingIsToldInsidePost) {
  Open();
  Begin(1);
  EXPECT_THAT(listener().notes(), IsEmpty());
  EXPECT_EQ(executor_.queued(), 1u);
  Begin(2);
  EXPECT_EQ(executor_.queued(), 1u);  // One task tells both.
  RunAll();
  EXPECT_THAT(listener().notes(), ElementsAre("begin 1", "begin 2"));
}

TEST_F(TwoListeners, AllAreToldInTheOrderOfTheOptions) {
  Open();
  std::vector<int> order;
  listener(0).on_flush = [&](const FlushEvent&) { order.push_back(0); };
  listener(1).on_flush = [&](const FlushEvent&) { order.push_back(1); };
  Begin(1);
  Begin(2);
  RunAll();
  EXPECT_THAT(order, ElementsAre(0, 1, 0, 1));
}

TEST_F(TwoListeners, WhatOneThrowsKeepsNothingFromTheOthers) {
  Open();
  listener(0).on_flush = [](const FlushEvent&) {
    throw std::runtime_error("a listener's");
  };
  Begin(1);
  Begin(2);
  RunAll();
  EXPECT_THAT(listener(0).notes(), ElementsAre("begin 1", "begin 2"));
  EXPECT_THAT(listener(1).notes(), ElementsAre("begin 1", "begin 2"));
}

TEST_F(EventQueueTest, PostWritesTwoLinesAtOnce) {
  clock_.Advance(absl::Seconds(5));
  Open();
  Begin(7);
  ASSERT_EQ(log_->lines.size(), 2u);
  EXPECT_THAT(log_->lines[0], HasSubstr("flush 7 begins"));
  EXPECT_THAT(
      log_->lines[1],
      HasSubstr(R"({"event":"flush_begin","time_micros":5000000,"job":7)"));
  RunAll();
  EXPECT_EQ(log_->lines.size(), 2u);
}

TEST_F(EventQueueTest, UnderALockTheLinesAreWrittenLater) {
  EventQueue& queue = Open();
  queue.PostLocked(EventKind::kFlushBegin, FlushEvent{.job = 7});
  EXPECT_THAT(log_->lines, IsEmpty());
  RunAll();
  EXPECT_EQ(log_->lines.size(), 2u);
  EXPECT_THAT(listener().notes(), ElementsAre("begin 7"));
}

TEST_F(NoListener, IsNoReasonNotToWriteLines) {
  EventQueue& queue = Open();
  Begin(1);
  EXPECT_EQ(log_->lines.size(), 2u);
  EXPECT_EQ(executor_.queued(), 0u);  // And there is nothing else to do.
  queue.PostLocked(EventKind::kFlushBegin, FlushEvent{.job = 2});
  RunAll();
  EXPECT_EQ(log_->lines.size(), 4u);
}

TEST_F(EventQueueTest, ALogThatThrowsDoesNoHarm) {
  log_->throws = true;
  EventQueue& queue = Open();
  Begin(1);
  queue.PostLocked(EventKind::kFlushBegin, FlushEvent{.job = 2});
  RunAll();
  EXPECT_EQ(log_->lines.size(), 4u);
  EXPECT_THAT(listener().notes(), ElementsAre("begin 1", "begin 2"));
}

using enum StallCondition;

TEST_F(EventQueueTest, ChangesOfTheStallConditionAreMergedWhileTheyWait) {
  Open();
  for (int i = 0; i < 1000; ++i) {
    Stall(kNormal, kDelayed, StallCause::kMemtables);
    Stall(kDelayed, kStopped, StallCause::kLevel0Files);
    Stall(kStopped, kNormal, StallCause::kLevel0Files);
  }
  Stall(kNormal, kDelayed, StallCause::kMemtables);
  Stall(kDelayed, kStopped, StallCause::kLevel0Files);
  RunAll();
  EXPECT_THAT(listener().notes(), ElementsAre("stall 0>2 1"));
}

TEST_F(EventQueueTest, AMergedEndKeepsTheCauseOfWhatEnds) {
  Open();
  Stall(kNormal, kStopped, StallCause::kWalSize);
  RunAll();
  Stall(kStopped, kDelayed, StallCause::kWalSize);
  Stall(kDelayed, kNormal, StallCause::kMemtables);
  RunAll();
  EXPECT_THAT(listener().notes(), ElementsAre("stall 0>2 5", "stall 2>0 5"));
}

TEST_F(EventQueueTest, AMergeCrossesNoOtherEvent) {
  Open();
  Stall(kNormal, kStopped);
  Begin(1);
  Stall(kStopped, kNormal);
  RunAll();
  EXPECT_THAT(listener().notes(),
              ElementsAre("stall 0>2 0", "begin 1", "stall 2>0 0"));
}

TEST_F(EventQueueTest, CloseTellsWhatNoTaskHasTold) {
  EventQueue& queue = Open();
  Begin(1);
  Begin(2);
  queue.Close();
  EXPECT_THAT(listener().notes(), ElementsAre("begin 1", "begin 2"));
  RunAll();  // The task comes late.
  EXPECT_EQ(listener().notes().size(), 2u);
}

TEST_F(EventQueueTest, AfterCloseThereAreLinesOnly) {
  EventQueue& queue = Open();
  queue.Close();
  Begin(1);
  queue.PostLocked(EventKind::kFlushBegin, FlushEvent{.job = 2});
  queue.Close();
  EXPECT_EQ(log_->lines.size(), 2u);
  EXPECT_THAT(listener().notes(), IsEmpty());
  EXPECT_EQ(executor_.queued(), 0u);
}

TEST_F(EventQueueTest, ATaskMayStartAfterTheQueueIsGone) {
  EventQueue& queue = Open();
  Begin(1);
  queue.Close();
  queue_.reset();
  std::weak_ptr<Recorder> weak = listeners_[0];
  listeners_.clear();
  log_.reset();
  EXPECT_FALSE(weak.expired());  // The task keeps what it needs,
  RunAll();
  EXPECT_TRUE(weak.expired());  // and no longer.
}

TEST_F(EventQueueTest, AListenersOwnEventsComeInALaterRound) {
  Open();
  listener().on_flush = [&](const FlushEvent& e) {
    if (e.job < 3) Begin(e.job + 1);
  };
  Begin(1);
  EXPECT_TRUE(executor_.RunOne());
  EXPECT_THAT(listener().notes(), ElementsAre("begin 1"));
  EXPECT_EQ(executor_.queued(), 1u);
  RunAll();
  EXPECT_THAT(listener().notes(), ElementsAre("begin 1", "begin 2", "begin 3"));
}

// What a listener does that calls Flush: it waits, and its thread runs tasks.
TEST_F(EventQueueTest, ATaskWithinATellingTellsNothing) {
  Open();
  listener().on_flush = [&](const FlushEvent& e) {
    if (e.job != 1) return;
    Begin(3);
    bool waited = false;
    executor_.Schedule(Executor::Priority::kLow, [&] { waited = true; });
    Mutex mu;
    CondVar cv;
    MutexLock lock(mu);
    Await(executor_, mu, cv, [&] { return waited; });
    // 2 stands behind us, 3 came just now.
    EXPECT_THAT(listener().notes(), ElementsAre("begin 1"));
  };
  Begin(1);
  Begin(2);
  RunAll();
  EXPECT_THAT(listener().notes(), ElementsAre("begin 1", "begin 2", "begin 3"));
}

TEST_F(EventQueueTest, AListenerMayClose) {
  EventQueue& queue = Open();
  listener().on_flush = [&](const FlushEvent& e) {
    if (e.job != 1) return;
    Begin(3);  // Before Close.
    queue.Close();
    EXPECT_THAT(listener().notes(), ElementsAre("begin 1"));
    Begin(4);  // After it.
  };
  Begin(1);
  Begin(2);
  EXPECT_TRUE(executor_.RunOne());
  EXPECT_THAT(listener().notes(), ElementsAre("begin 1", "begin 2", "begin 3"));
  EXPECT_EQ(executor_.queued(), 0u);  // It may be gone: nothing asks it more.
}

TEST_F(EventQueueTest, AListenerMayCloseInTheMidstOfClose) {
  EventQueue& queue = Open();
  listener().on_flush = [&](const FlushEvent&) { queue.Close(); };
  Begin(1);
  Begin(2);
  queue.Close();
  EXPECT_THAT(listener().notes(), ElementsAre("begin 1", "begin 2"));
}

// Refuses tasks.
class FullExecutor final : public Executor {
 public:
  void Schedule(Priority, std::function<void()>) override {
    throw std::runtime_error("full");
  }
};

TEST_F(EventQueueTest, AnExecutorThatThrowsDelaysThemUntilClose) {
  FullExecutor full;
  EventQueue& queue = Open(full);
  Begin(1);
  Begin(2);
  queue.Close();
  EXPECT_THAT(listener().notes(), ElementsAre("begin 1", "begin 2"));
}

class ThrowingClock final : public Clock {
 public:
  absl::Time Now() override { throw std::runtime_error("no time"); }
  absl::Duration Monotonic() override { return absl::ZeroDuration(); }
};

TEST_F(EventQueueTest, AClockThatThrowsCostsTheTimeOnly) {
  ThrowingClock clock;
  EventQueue queue({.executor = executor_,
                    .clock = clock,
                    .log = log_,
                    .listeners = {listeners_[0]}});
  queue.Post(EventKind::kFlushBegin, FlushEvent{.job = 1});
  queue.Close();
  EXPECT_THAT(listener().notes(), ElementsAre("begin 1"));
}

TEST_F(EventQueueTest, JobsAreNumberedFromOne) {
  EventQueue& queue = Open();
  EXPECT_EQ(queue.NewJob(), 1u);
  EXPECT_EQ(queue.NewJob(), 2u);
}

// With threads: each poster's events arrive in its order, one at a time, none
// lost, and Close in the midst of it.
TEST_F(EventQueueTest, ManyThreadsPostAndManyClose) {
  constexpr uint64_t kPosters = 4;
  const uint64_t per_poster = Scaled(2'000);
  log_ = nullptr;
  const std::shared_ptr<Executor> pool = Executor::NewThreadPool();
  int inside = 0;  // A race if two tell at once: TSan would say so.
  std::vector<std::vector<uint64_t>> seen(kPosters);
  listener().on_flush = [&](const FlushEvent& e) {
    EXPECT_EQ(++inside, 1);
    seen[e.job % kPosters].push_back(e.job / kPosters);
    --inside;
  };
  EventQueue queue({.executor = *pool,
                    .clock = clock_,
                    .log = std::make_shared<NullLogger>(),
                    .listeners = {listeners_[0]}});
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kPosters; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < per_poster; ++i) {
        queue.Post(EventKind::kFlushBegin, FlushEvent{.job = i * kPosters + t});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  threads.clear();
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      queue.Close();
      EXPECT_EQ(listener().notes().size(), kPosters * per_poster);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<uint64_t>& jobs : seen) {
    ASSERT_EQ(jobs.size(), per_poster);
    for (uint64_t i = 0; i < per_poster; ++i) ASSERT_EQ(jobs[i], i);
  }
}

TEST_F(EventQueueTest, CloseWaitsForAListenerOnAnotherThread) {
  const std::shared_ptr<Executor> pool = Executor::NewThreadPool();
  Mutex mu;
  CondVar cv;
  bool inside = false;
  bool may_go = false;
  listener().on_flush = [&](const FlushEvent& e) {
    if (e.job != 1) return;
    MutexLock lock(mu);
    inside = true;
    cv.SignalAll();
    while (!may_go) cv.Wait(mu);
  };
  EventQueue& queue = Open(*pool);
  Begin(1);
  {
    MutexLock lock(mu);
    while (!inside) cv.Wait(mu);
  }
  Begin(2);
  bool closed = false;  // Under mu.
  std::thread closer([&] {
    queue.Close();
    EXPECT_THAT(listener().notes(), ElementsAre("begin 1", "begin 2"));
    MutexLock lock(mu);
    closed = true;
  });
  {
    MutexLock lock(mu);
    EXPECT_FALSE(closed);
    may_go = true;
    cv.SignalAll();
  }
  closer.join();
  queue_.reset();
}

}  // namespace
}  // namespace lissom
