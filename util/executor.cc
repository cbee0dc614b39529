// Executor::NewThreadPool: one thread for each priority.
//
// A thread is started by the first task of its priority. If the system has
// none to give, the other thread serves both queues, the urgent one first; if
// there is no thread at all, tasks run in whoever waits for them (Await, or the
// destructor). Every Schedule tries to start the thread anew.
#include "lissom/executor.h"

#include <pthread.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <deque>
#include <exception>
#include <optional>
#include <thread>
#include <utility>

#include "util/mutex.h"
#include "util/sync_point.h"

namespace lissom {
namespace {

using Task = std::function<void()>;
using Priority = Executor::Priority;

constexpr size_t kPriorities = 2;
size_t IndexOf(Priority priority) { return static_cast<size_t>(priority); }

// What the threads share with the pool. They own it together: the last
// reference to a pool may go in one of its own tasks, whose thread then
// outlives the pool.
class Queues : public std::enable_shared_from_this<Queues> {
 public:
  void Push(Priority priority, Task task) {
    MutexLock lock(mu_);
    queues_[IndexOf(priority)].push_back(std::move(task));
    if (!ending_) StartThread(priority);
    stranded_.store(!AnyThread(), std::memory_order_relaxed);
    changed_.SignalAll();
  }

  // May RunOneMeanwhile find a task for the calling thread? One load for the
  // host's threads, whose waits are many.
  bool MayRunMeanwhile() const {
    return serving_ == this || stranded_.load(std::memory_order_relaxed);
  }

  // Runs a task that is the calling thread's to run (see Next); false if there
  // is none.
  bool RunOneMeanwhile() {
    std::optional<Task> task;
    {
      MutexLock lock(mu_);
      task = Next(serving_ == this ? std::optional(serving_as_) : std::nullopt);
      if (task.has_value()) ++running_;
    }
    if (!task.has_value()) return false;
    Finish(*std::move(task));
    return true;
  }

  // Runs what is queued, and what that queues; then no thread is left. Called
  // in a task of the pool, it leaves that to the threads, which end by
  // themselves: each waits for the other's tasks, this one among them.
  void End() {
    std::array<std::thread, kPriorities> threads;
    {
      MutexLock lock(mu_);
      ending_ = true;
      threads.swap(threads_);
      changed_.SignalAll();
    }
    LISSOM_SYNC_POINT("ThreadPool:Ending");
    for (std::thread& thread : threads) {
      if (!thread.joinable()) continue;
      serving_ == this ? thread.detach() : thread.join();
    }
    while (serving_ != this && RunOneMeanwhile()) {
    }
  }

 private:
  // Takes the next task for a thread that serves `own` off its queue: of its
  // own priority, or of one that has no thread, the urgent one first. For a
  // thread that is none of ours: any, if we have no thread.
  std::optional<Task> Next(std::optional<Priority> own)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    for (Priority priority : {Priority::kHigh, Priority::kLow}) {
      std::deque<Task>& queue = queues_[IndexOf(priority)];
      if (queue.empty()) continue;
      if (own != priority && has_thread_[IndexOf(priority)]) continue;
      if (!own.has_value() && AnyThread()) continue;
      Task task = std::move(queue.front());
      queue.pop_front();
      return task;
    }
    return std::nullopt;
  }

  bool AnyThread() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return has_thread_[0] || has_thread_[1];
  }
  bool AllDone() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return running_ == 0 && queues_[0].empty() && queues_[1].empty();
  }

  void StartThread(Priority priority) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (has_thread_[IndexOf(priority)]) return;
    // The host's signal handlers stay on the host's threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      LISSOM_SYNC_POINT("ThreadPool:StartThread");  // Holding mu_.
      threads_[IndexOf(priority)] =
          std::thread([self = shared_from_this(), priority] {
            pthread_setname_np(pthread_self(), priority == Priority::kHigh
                                                   ? "lissom-flush"
                                                   : "lissom-compact");
            self->Serve(priority);
          });
      has_thread_[IndexOf(priority)] = true;
    } catch (const std::exception&) {  // system_error or bad_alloc.
      // See the top of the file.
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void Serve(Priority priority) {
    serving_ = this;
    serving_as_ = priority;
    MutexLock lock(mu_);
    while (true) {
      std::optional<Task> task = Next(priority);
      if (!task.has_value()) {
        // A task that still runs elsewhere may queue one for us.
        if (ending_ && AllDone()) return;
        changed_.Wait(mu_);
        continue;
      }
      ++running_;
      MutexUnlock unlock(mu_);
      Finish(*std::move(task));
    }
  }

  void Finish(Task task) {
    task();
    task = nullptr;  // What it holds goes before it counts as finished.
    MutexLock lock(mu_);
    --running_;
    if (ending_) changed_.SignalAll();
  }

  // The pool that the thread belongs to, and its priority there.
  static constinit thread_local const Queues* serving_;
  static constinit thread_local Priority serving_as_;

  Mutex mu_;  // A leaf.
  CondVar changed_;
  std::array<std::deque<Task>, kPriorities> queues_ ABSL_GUARDED_BY(mu_);
  std::array<std::thread, kPriorities> threads_ ABSL_GUARDED_BY(mu_);
  std::array<bool, kPriorities> has_thread_ ABSL_GUARDED_BY(mu_) = {};
  int running_ ABSL_GUARDED_BY(mu_) = 0;
  bool ending_ ABSL_GUARDED_BY(mu_) = false;
  // There are tasks and no thread. Written under mu_. Relaxed: who waits for a
  // task knows of it by other means, which order this too.
  std::atomic<bool> stranded_{false};
};

constinit thread_local const Queues* Queues::serving_ = nullptr;
constinit thread_local Priority Queues::serving_as_ = Priority::kLow;

class ThreadPool final : public Executor {
 public:
  ~ThreadPool() override { queues_->End(); }

  void Schedule(Priority priority, Task task) override {
    queues_->Push(priority, std::move(task));
  }

  // A task that waits for one behind it in the queue would wait for ever, so
  // its thread runs queued tasks before it sleeps.
  void Await(Wait& wait) override {
    while (!wait.Done()) {
      if (!queues_->MayRunMeanwhile()) {
        wait.Block();
        continue;
      }
      wait.Unlock();
      const bool ran = queues_->RunOneMeanwhile();
      wait.Lock();
      if (!ran && !wait.Done()) wait.Block();
    }
  }

 private:
  const std::shared_ptr<Queues> queues_ = std::make_shared<Queues>();
};

}  // namespace

std::shared_ptr<Executor> Executor::NewThreadPool() {
  return std::make_shared<ThreadPool>();
}

}  // namespace lissom
