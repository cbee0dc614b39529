// Executor::NewThreadPool: one thread for each priority.
#include "lissom/executor.h"

#include <pthread.h>

#include <deque>
#include <system_error>
#include <thread>
#include <utility>

#include "util/mutex.h"

namespace lissom {
namespace {

class ThreadPool final : public Executor {
 public:
  // Throws std::system_error if no thread can be had. With one thread only,
  // that one serves both queues, the urgent one first.
  ThreadPool() {
    low_thread_ = std::thread([this] { Run(Priority::kLow); });
    pthread_setname_np(low_thread_.native_handle(), "lissom-compact");
    try {
      high_thread_ = std::thread([this] { Run(Priority::kHigh); });
      pthread_setname_np(high_thread_.native_handle(), "lissom-flush");
    } catch (const std::system_error&) {
      MutexLock lock(mu_);
      one_thread_ = true;
    }
  }

  ~ThreadPool() override {
    {
      MutexLock lock(mu_);
      ending_ = true;
      cv_.SignalAll();
    }
    if (high_thread_.joinable()) high_thread_.join();
    low_thread_.join();
  }

  void Schedule(Priority priority, std::function<void()> task) override {
    MutexLock lock(mu_);
    (priority == Priority::kHigh ? high_ : low_).push_back(std::move(task));
    cv_.SignalAll();
  }

 private:
  // The queue that a thread of this priority serves next; null if all are
  // empty.
  std::deque<std::function<void()>>* Next(Priority priority)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (priority == Priority::kHigh || one_thread_) {
      if (!high_.empty()) return &high_;
    }
    if (priority == Priority::kLow && !low_.empty()) return &low_;
    return nullptr;
  }

  void Run(Priority priority) {
    MutexLock lock(mu_);
    while (true) {
      std::deque<std::function<void()>>* const queue = Next(priority);
      if (queue == nullptr) {
        if (ending_) return;
        cv_.Wait(mu_);
        continue;
      }
      std::function<void()> task = std::move(queue->front());
      queue->pop_front();
      MutexUnlock unlock(mu_);
      task();
      task = nullptr;  // Whatever it holds goes before the lock is taken.
    }
  }

  Mutex mu_;
  CondVar cv_;
  std::deque<std::function<void()>> high_ ABSL_GUARDED_BY(mu_);
  std::deque<std::function<void()>> low_ ABSL_GUARDED_BY(mu_);
  bool one_thread_ ABSL_GUARDED_BY(mu_) = false;
  bool ending_ ABSL_GUARDED_BY(mu_) = false;
  std::thread low_thread_;
  std::thread high_thread_;
};

}  // namespace

std::shared_ptr<Executor> Executor::NewThreadPool() {
  try {
    return std::make_shared<ThreadPool>();
  } catch (const std::system_error&) {
    return nullptr;
  }
}

}  // namespace lissom
