// Executor runs lissom's background work (flushes, compactions) and serves its
// waits. Inject one to run a database in a thread pool of your own, or a whole
// database in one thread in an order that a test chooses.
#ifndef LISSOM_EXECUTOR_H_
#define LISSOM_EXECUTOR_H_

#include <functional>
#include <memory>

#include "absl/time/time.h"
#include "lissom/export.h"

namespace lissom {

// A thread of lissom that waits for other work, as its Executor sees it. All
// calls come from the waiting thread; the wait's lock is held when Await is
// entered and must be held when it returns.
class LISSOM_EXPORT Wait {
 public:
  virtual ~Wait() = default;
  virtual bool Done() = 0;    // Is the wait over? Requires: lock held.
  virtual void Block() = 0;   // Releases the lock, sleeps until something may
                              // have changed, takes the lock again.
  virtual void Unlock() = 0;  // For executors that run tasks meanwhile.
  virtual void Lock() = 0;
  // When the wait ends by itself, on the injected clock's Monotonic(). For
  // executors that own that clock.
  virtual absl::Duration Until() const { return absl::InfiniteDuration(); }
};

class LISSOM_EXPORT Executor {
 public:
  enum class Priority { kLow, kHigh };  // Compactions; flushes.

  virtual ~Executor() = default;

  // Runs `task` once, later, on any thread, never inside this call. Tasks of
  // one priority start in the order they came. A task may schedule and Await.
  // Thread-safe.
  virtual void Schedule(Priority priority, std::function<void()> task) = 0;

  // Schedules `task` when `delay` has passed. False, and nothing else, if the
  // executor has no timers: what lissom would retry by itself (a failed
  // compaction, writes after a full disk) then waits for the next call that
  // touches it. A task whose time has not come when the executor ends is
  // dropped. Thread-safe.
  virtual bool ScheduleAfter(absl::Duration delay, Priority priority,
                             std::function<void()> task);

  // Returns once wait.Done(). The default blocks the thread; a simulated
  // executor unlocks, runs a queued task, locks and asks again.
  virtual void Await(Wait& wait) {
    while (!wait.Done()) wait.Block();
  }

  // A pool of one thread for kHigh and up to `low_threads` for kLow, shared by
  // nobody. Its destructor runs what is queued, then joins. Null if the system
  // gives no thread.
  static std::shared_ptr<Executor> NewThreadPool(int low_threads = 1);
};

}  // namespace lissom

#endif  // LISSOM_EXECUTOR_H_
