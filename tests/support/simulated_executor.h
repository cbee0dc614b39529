// SimulatedExecutor runs background work in the caller's thread: when somebody
// waits, or when the test says so. Which task comes next is drawn from a seed,
// so a whole database runs in one thread in an order that replays.
//
// Threads: one. A wait that no queued task can end is a deadlock: it aborts.
#ifndef LISSOM_TESTS_SUPPORT_SIMULATED_EXECUTOR_H_
#define LISSOM_TESTS_SUPPORT_SIMULATED_EXECUTOR_H_

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <utility>
#include <vector>

#include "lissom/executor.h"
#include "util/random.h"

namespace lissom {

class SimulatedExecutor final : public Executor {
 public:
  explicit SimulatedExecutor(uint64_t seed) : random_(seed) {}

  void Schedule(Priority, std::function<void()> task) override {
    tasks_.push_back(std::move(task));
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
    if (tasks_.empty()) return false;
    const size_t index = random_.Uniform(tasks_.size());
    std::function<void()> task = std::move(tasks_[index]);
    tasks_.erase(tasks_.begin() + static_cast<ptrdiff_t>(index));
    task();
    return true;
  }

  size_t queued() const { return tasks_.size(); }

 private:
  Random random_;
  std::vector<std::function<void()>> tasks_;
};

}  // namespace lissom

#endif  // LISSOM_TESTS_SUPPORT_SIMULATED_EXECUTOR_H_
