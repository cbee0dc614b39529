// Mutex, MutexLock, CondVar: std's, with clang's thread-safety annotations, a
// check of who holds a lock, and a place where a test's schedule switches
// threads.
//
// Not absl::Mutex: the packaged Abseil looks for lock cycles in release builds,
// too, which was a sixth of the instructions of a Put; and it is not built for
// TSan, which then sees no happens-before through it.
#ifndef LISSOM_UTIL_MUTEX_H_
#define LISSOM_UTIL_MUTEX_H_

#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "lissom/clock.h"
#include "lissom/executor.h"
#include "util/thread_scheduler.h"

#ifdef LISSOM_CHECKS
#include <atomic>
#include <thread>

#include "util/check.h"
#endif

namespace lissom {

class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    LockAsScheduled();
    NoteLocked();
  }
  void Unlock() ABSL_UNLOCK_FUNCTION() {
    NoteRelease();
    mu_.unlock();
    NoteUnlocked();
  }
  // Checked where checks are on; tells -Wthread-safety that the lock is held.
  void AssertHeld() const ABSL_ASSERT_EXCLUSIVE_LOCK() { CheckHeld(); }

 private:
  friend class CondVar;

#ifdef LISSOM_CHECKS
  void LockAsScheduled() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    ThreadScheduler* const scheduler = ThreadScheduler::current;
    if (scheduler == nullptr) return mu_.lock();
    scheduler->Reach("lock");
    while (!mu_.try_lock()) scheduler->Block(this);
  }
  void NoteUnlocked() {
    ThreadScheduler* const scheduler = ThreadScheduler::current;
    if (scheduler != nullptr) scheduler->Unblock(this);
  }
  void NoteLocked() {
    holder_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  }
  void NoteRelease() {
    CheckHeld();
    holder_.store(std::thread::id(), std::memory_order_relaxed);
  }
  void CheckHeld() const {
    LISSOM_DCHECK(holder_.load(std::memory_order_relaxed) ==
                  std::this_thread::get_id());
  }

  std::atomic<std::thread::id> holder_;
#else
  void LockAsScheduled() { mu_.lock(); }
  void NoteUnlocked() {}
  void NoteLocked() {}
  void NoteRelease() {}
  void CheckHeld() const {}
#endif

  std::mutex mu_;
};

// Holds a Mutex for a scope.
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mu) ABSL_EXCLUSIVE_LOCK_FUNCTION(mu) : mu_(mu) {
    mu_.Lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mu_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mu_;
};

// release_capability, for which the packaged Abseil has no name: its
// ABSL_UNLOCK_FUNCTION does not tell the analysis that a scope takes the lock
// back at its end.
#if defined(__clang__)
#define LISSOM_RELEASE(...) __attribute__((release_capability(__VA_ARGS__)))
#else
#define LISSOM_RELEASE(...)
#endif

// Lets go of a held Mutex for a scope: I/O in the midst of a locked function.
class ABSL_SCOPED_LOCKABLE MutexUnlock {
 public:
  explicit MutexUnlock(Mutex& mu) LISSOM_RELEASE(mu) : mu_(mu) { mu_.Unlock(); }
  // The end of a scope that had released is, to the analysis, its release.
  ~MutexUnlock() LISSOM_RELEASE() { mu_.Lock(); }
  MutexUnlock(const MutexUnlock&) = delete;
  MutexUnlock& operator=(const MutexUnlock&) = delete;

 private:
  Mutex& mu_;
};

class CondVar {
 public:
  // Releases `mu`, sleeps, takes it again. May wake without a signal.
  void Wait(Mutex& mu) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    if (WaitAsScheduled(mu)) return;
    Sleep(mu, [this](std::unique_lock<std::mutex>& lock) { cv_.wait(lock); });
  }
  // The same, but for about `time` at most; a day, if that is less.
  void WaitFor(Mutex& mu, absl::Duration time)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    if (PauseAsScheduled(mu)) return;
    SleepFor(mu, time);
  }
  void Signal() {
    cv_.notify_one();
    NoteSignal();
  }
  void SignalAll() {
    cv_.notify_all();
    NoteSignal();
  }

 private:
  // The lock is the caller's before and after.
  template <typename Sleeping>
  static void Sleep(Mutex& mu, const Sleeping& sleeping) {
    std::unique_lock<std::mutex> lock(mu.mu_, std::adopt_lock);
    mu.NoteRelease();
    sleeping(lock);
    mu.NoteLocked();
    lock.release();
  }
  void SleepFor(Mutex& mu, absl::Duration time);

#ifdef LISSOM_CHECKS
  // Nobody else runs before Block, so no signal is missed. Who waits with a
  // scheduler is woken by every signal, as any waiter may be.
  bool WaitAsScheduled(Mutex& mu) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    ThreadScheduler* const scheduler = ThreadScheduler::current;
    if (scheduler == nullptr) return false;
    mu.Unlock();
    scheduler->Block(this);
    mu.Lock();
    return true;
  }
  // The time may be over whenever others have run.
  static bool PauseAsScheduled(Mutex& mu) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    ThreadScheduler* const scheduler = ThreadScheduler::current;
    if (scheduler == nullptr) return false;
    mu.Unlock();
    scheduler->Reach("timed wait");
    mu.Lock();
    return true;
  }
  void NoteSignal() {
    ThreadScheduler* const scheduler = ThreadScheduler::current;
    if (scheduler != nullptr) scheduler->Unblock(this);
  }
#else
  static bool WaitAsScheduled(Mutex&) { return false; }
  static bool PauseAsScheduled(Mutex&) { return false; }
  void NoteSignal() {}
#endif

  std::condition_variable cv_;
};

// Waits, in the way `executor` has for it, until done(). Whoever can make it
// true signals `cv` with `mu` held. Requires: mu is held; it is released while
// waiting. Every wait for other work goes through here. Never throws: should
// the executor, the thread just blocks.
void Await(Executor& executor, Mutex& mu, CondVar& cv,
           absl::FunctionRef<bool()> done) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);

// The same, but until `deadline` on `clock` at the latest. Returns done().
bool AwaitUntil(Executor& executor, Clock& clock, absl::Duration deadline,
                Mutex& mu, CondVar& cv, absl::FunctionRef<bool()> done)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);

}  // namespace lissom

#endif  // LISSOM_UTIL_MUTEX_H_
