// Mutex, MutexLock, CondVar: absl's, with what our builds need on top.
//
// The packaged Abseil is not built for TSan, which then sees no happens-before
// through an absl::Mutex and reports false races; these wrappers tell it. Use
// them everywhere; absl::Mutex itself appears nowhere else.
#ifndef LISSOM_UTIL_MUTEX_H_
#define LISSOM_UTIL_MUTEX_H_

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"
#include "lissom/clock.h"
#include "lissom/executor.h"
#include "util/thread_scheduler.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LISSOM_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define LISSOM_TSAN 1
#endif

#ifdef LISSOM_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace lissom {

class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    BeforeLock();
    LockAsScheduled();
    AfterLock();
  }
  void Unlock() ABSL_UNLOCK_FUNCTION() {
    BeforeUnlock();
    mu_.Unlock();
    AfterUnlock();
    NoteUnlocked();
  }
  // Checked where Abseil checks; tells -Wthread-safety that the lock is held.
  void AssertHeld() const ABSL_ASSERT_EXCLUSIVE_LOCK() { mu_.AssertHeld(); }

 private:
  friend class CondVar;

#ifdef LISSOM_TSAN
  void BeforeLock() { __tsan_mutex_pre_lock(this, 0); }
  void AfterLock() { __tsan_mutex_post_lock(this, 0, 0); }
  void BeforeUnlock() { __tsan_mutex_pre_unlock(this, 0); }
  void AfterUnlock() { __tsan_mutex_post_unlock(this, 0); }
#else
  void BeforeLock() {}
  void AfterLock() {}
  void BeforeUnlock() {}
  void AfterUnlock() {}
#endif

#ifdef LISSOM_CHECKS
  void LockAsScheduled() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    ThreadScheduler* const scheduler = ThreadScheduler::current;
    if (scheduler == nullptr) return mu_.Lock();
    scheduler->Reach("lock");
    while (!mu_.TryLock()) scheduler->Block(this);
  }
  void NoteUnlocked() {
    ThreadScheduler* const scheduler = ThreadScheduler::current;
    if (scheduler != nullptr) scheduler->Unblock(this);
  }
#else
  void LockAsScheduled() ABSL_NO_THREAD_SAFETY_ANALYSIS { mu_.Lock(); }
  void NoteUnlocked() {}
#endif

  mutable absl::Mutex mu_;
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
    mu.BeforeUnlock();
    mu.AfterUnlock();
    cv_.Wait(&mu.mu_);
    mu.BeforeLock();
    mu.AfterLock();
  }
  // The same, but for no longer than `time`.
  void WaitFor(Mutex& mu, absl::Duration time)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    if (PauseAsScheduled(mu)) return;
    mu.BeforeUnlock();
    mu.AfterUnlock();
    cv_.WaitWithTimeout(&mu.mu_, time);
    mu.BeforeLock();
    mu.AfterLock();
  }
  void Signal() {
    cv_.Signal();
    NoteSignal();
  }
  void SignalAll() {
    cv_.SignalAll();
    NoteSignal();
  }

 private:
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

  absl::CondVar cv_;
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
