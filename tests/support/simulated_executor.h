// SimulatedExecutor runs background work in the caller's thread: when somebody
// waits, or when the test says so. Tasks of one priority start in the order
// they came, as Executor promises; which priority comes next is drawn from a
// seed. So a whole database runs in one thread in an order that replays.
//
// Time: with a ManualClock, it passes when there is nothing else to do: a wait
// lets it come to the next timer, or to its own end. Without one, a wait with
// an end sleeps, and timers are refused.
//
// Threads: one. A wait that no queued task can end is a deadlock: it aborts.
#ifndef LISSOM_TESTS_SUPPORT_SIMULATED_EXECUTOR_H_
#define LISSOM_TESTS_SUPPORT_SIMULATED_EXECUTOR_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "absl/time/time.h"
#include "lissom/executor.h"
#include "util/manual_clock.h"
#include "util/random.h"

namespace lissom {

class SimulatedExecutor final : public Executor {
 public:
  explicit SimulatedExecutor(uint64_t seed,
                             std::shared_ptr<ManualClock> clock = nullptr)
      : random_(seed), clock_(std::move(clock)) {}

  bool ScheduleAfter(absl::Duration delay, Priority priority,
                     std::function<void()> task) override {
    if (clock_ == nullptr) return false;
    timers_.emplace(clock_->Monotonic() + delay,
                    std::pair(priority, std::move(task)));
    return true;
  }

  void Schedule(Priority priority, std::function<void()> task) override {
    queues_[static_cast<size_t>(priority)].push_back(std::move(task));
  }

  void Await(Wait& wait) override {
    while (!wait.Done()) {
      wait.Unlock();
      const bool ran = RunOne() || PassTime(wait.Until());
      wait.Lock();
      if (ran) continue;
      if (wait.Until() == absl::InfiniteDuration()) {
        std::fprintf(stderr, "a wait that nothing can end\n");
        std::abort();
      }
      wait.Block();
    }
  }

  // Runs a task; false if there is none.
  bool RunOne() {
    TakeDueTimers();
    if (queued() == 0) return false;
    size_t next = random_.Uniform(queues_.size());
    if (queues_[next].empty()) next = 1 - next;
    const std::function<void()> task = std::move(queues_[next].front());
    queues_[next].pop_front();  // First: the task may schedule and wait.
    task();
    return true;
  }

  size_t queued() const { return queues_[0].size() + queues_[1].size(); }
  size_t timers() const { return timers_.size(); }

 private:
  void TakeDueTimers() {
    while (!timers_.empty() && timers_.begin()->first <= clock_->Monotonic()) {
      auto timer = timers_.extract(timers_.begin());
      Schedule(timer.mapped().first, std::move(timer.mapped().second));
    }
  }

  // Moves the clock to the next timer or to `until`, whichever comes first.
  bool PassTime(absl::Duration until) {
    if (clock_ == nullptr) return false;
    if (!timers_.empty()) until = std::min(until, timers_.begin()->first);
    if (until == absl::InfiniteDuration()) return false;
    const absl::Duration now = clock_->Monotonic();
    if (until > now) clock_->Advance(until - now);
    return true;
  }

  Random random_;
  const std::shared_ptr<ManualClock> clock_;
  std::multimap<absl::Duration, std::pair<Priority, std::function<void()>>>
      timers_;
  std::array<std::deque<std::function<void()>>, 2> queues_;  // By Priority.
};

}  // namespace lissom

#endif  // LISSOM_TESTS_SUPPORT_SIMULATED_EXECUTOR_H_
