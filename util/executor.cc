// Executor::NewThreadPool: a lane of threads for each priority.
//
// A thread is started by a task that finds none idle in its lane. If the system
// has none to give, the other lane's threads serve both queues, the urgent one
// first; if there is no thread at all, tasks run in whoever waits for them
// (Await, or the destructor). Every Schedule tries to start a thread anew.
//
// Timers: a thread that has nothing to do sleeps until the next one is due. As
// long as all threads are busy a timer waits, as any task would.
#include "lissom/executor.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <exception>
#include <map>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "lissom/clock.h"
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
  explicit Queues(size_t low_threads) {
    lanes_[IndexOf(Priority::kLow)].limit = low_threads;
  }

  void Push(Priority priority, Task task) {
    MutexLock lock(mu_);
    Enqueue(priority, std::move(task));
    changed_.SignalAll();
  }

  void PushLater(absl::Duration delay, Priority priority, Task task) {
    MutexLock lock(mu_);
    if (ending_) return;
    timers_.emplace(clock_->Monotonic() + delay,
                    Timer{priority, std::move(task)});
    // Somebody must be there to look at the time: of this priority, so that it
    // waits for no long task of another.
    if (lane(priority).threads == 0) StartThread(priority);
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
  // themselves: each waits for the others' tasks, this one among them.
  void End() {
    std::vector<std::thread> threads;
    std::multimap<absl::Duration, Timer> dropped;
    {
      MutexLock lock(mu_);
      dropped.swap(timers_);
    }
    dropped.clear();  // Without the lock: what a task held may call the pool.
    {
      MutexLock lock(mu_);
      ending_ = true;
      dropped.swap(timers_);
      threads.swap(threads_);
      changed_.SignalAll();
    }
    LISSOM_SYNC_POINT("ThreadPool:Ending");
    for (std::thread& thread : threads) {
      serving_ == this ? thread.detach() : thread.join();
    }
    while (serving_ != this && RunOneMeanwhile()) {
    }
  }

 private:
  struct Lane {
    std::deque<Task> queue;
    size_t limit = 1;  // Threads it may have.
    size_t threads = 0;
    size_t idle = 0;  // Of them.
  };
  struct Timer {
    Priority priority;
    Task task;
  };

  Lane& lane(Priority priority) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return lanes_[IndexOf(priority)];
  }

  void Enqueue(Priority priority, Task task)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    Lane& own = lane(priority);
    own.queue.push_back(std::move(task));
    if (!ending_ && own.idle < own.queue.size()) StartThread(priority);
    stranded_.store(!AnyThread(), std::memory_order_relaxed);
  }

  // Moves what is due to its queue.
  void TakeDueTimers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    while (!timers_.empty() && timers_.begin()->first <= clock_->Monotonic()) {
      auto timer = timers_.extract(timers_.begin());
      Enqueue(timer.mapped().priority, std::move(timer.mapped().task));
      changed_.SignalAll();
    }
  }

  // Takes the next task for a thread that serves `own` off its queue: of its
  // own priority, or of one that has no thread, the urgent one first. For a
  // thread that is none of ours: any, if we have no thread.
  std::optional<Task> Next(std::optional<Priority> own)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    TakeDueTimers();
    for (Priority priority : {Priority::kHigh, Priority::kLow}) {
      Lane& from = lane(priority);
      if (from.queue.empty()) continue;
      if (own != priority && from.threads > 0) continue;
      if (!own.has_value() && AnyThread()) continue;
      Task task = std::move(from.queue.front());
      from.queue.pop_front();
      return task;
    }
    return std::nullopt;
  }

  bool AnyThread() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return lanes_[0].threads + lanes_[1].threads > 0;
  }
  bool AllDone() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return running_ == 0 && lanes_[0].queue.empty() && lanes_[1].queue.empty();
  }

  void StartThread(Priority priority) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    Lane& own = lane(priority);
    if (own.threads >= own.limit) return;
    // The host's signal handlers stay on the host's threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      LISSOM_SYNC_POINT("ThreadPool:StartThread");  // Holding mu_.
      threads_.reserve(threads_.size() + 1);
      threads_.emplace_back([self = shared_from_this(), priority] {
        pthread_setname_np(pthread_self(), priority == Priority::kHigh
                                               ? "lissom-flush"
                                               : "lissom-compact");
        self->Serve(priority);
      });
      ++own.threads;
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
        ++lane(priority).idle;
        Sleep();
        --lane(priority).idle;
        continue;
      }
      ++running_;
      MutexUnlock unlock(mu_);
      Finish(*std::move(task));
    }
  }

  // Until something changes, or the next timer is due.
  void Sleep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (timers_.empty()) {
      changed_.Wait(mu_);
    } else {
      changed_.WaitFor(mu_, timers_.begin()->first - clock_->Monotonic());
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

  const std::shared_ptr<Clock> clock_ = Clock::System();
  Mutex mu_;  // A leaf.
  CondVar changed_;
  std::array<Lane, kPriorities> lanes_ ABSL_GUARDED_BY(mu_);
  std::multimap<absl::Duration, Timer> timers_ ABSL_GUARDED_BY(mu_);
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mu_);
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
  explicit ThreadPool(size_t low_threads)
      : queues_(std::make_shared<Queues>(low_threads)) {}
  ~ThreadPool() override { queues_->End(); }

  bool ScheduleAfter(absl::Duration delay, Priority priority,
                     Task task) override {
    queues_->PushLater(delay, priority, std::move(task));
    return true;
  }

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
  const std::shared_ptr<Queues> queues_;
};

}  // namespace

bool Executor::ScheduleAfter(
    absl::Duration /*delay*/, Priority /*priority*/,
    // NOLINTNEXTLINE(performance-unnecessary-value-param): overrides keep it.
    std::function<void()> /*task*/) {
  return false;
}

std::shared_ptr<Executor> Executor::NewThreadPool(int low_threads) {
  return std::make_shared<ThreadPool>(
      static_cast<size_t>(std::max(low_threads, 1)));
}

}  // namespace lissom
