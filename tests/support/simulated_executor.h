// SimulatedExecutor runs background work in the caller's thread: when somebody
// waits, or when the test says so. Tasks of one priority start in the order
// they came, as Executor promises; which priority comes next is drawn from a
// seed. So a whole database runs in one thread in an order that replays.
//
// Threads: one. A wait that no queued task can end is a deadlock: it aborts.
#ifndef LISSOM_TESTS_SUPPORT_SIMULATED_EXECUTOR_H_
#define LISSOM_TESTS_SUPPORT_SIMULATED_EXECUTOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <utility>

#include "lissom/executor.h"
#include "util/random.h"

namespace lissom {

class SimulatedExecutor final : public Executor {
 public:
  explicit SimulatedExecutor(uint64_t seed) : random_(seed) {}

  void Schedule(Priority priority, std::function<void()> task) override {
    queues_[static_cast<size_t>(priority)].push_back(std::move(task));
  }

  void Await(Wait& wait) override {
    while (!wait.Done()) {
      wait.Unlock();
      if (!RunOne()) {
        std::fprintf(stderr, "a wait that nothing can end\n");
        std::abort();
      }
      wait.Lock();
    }
  }

  // Runs a task; false if there is none.
  bool RunOne() {
    if (queued() == 0) return false;
    size_t next = random_.Uniform(queues_.size());
    if (queues_[next].empty()) next = 1 - next;
    const std::function<void()> task = std::move(queues_[next].front());
    queues_[next].pop_front();  // First: the task may schedule and wait.
    task();
    return true;
  }

  size_t queued() const { return queues_[0].size() + queues_[1].size(); }

 private:
  Random random_;
  std::array<std::deque<std::function<void()>>, 2> queues_;  // By Priority.
};

}  // namespace lissom

#endif  // LISSOM_TESTS_SUPPORT_SIMULATED_EXECUTOR_H_
