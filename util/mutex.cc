#include "util/mutex.h"

#include <algorithm>

namespace lissom {
namespace {

class MutexWait : public Wait {
 public:
  MutexWait(Mutex& mu, CondVar& cv, absl::FunctionRef<bool()> done)
      : mu_(mu), cv_(cv), done_(done) {}

  // The analysis cannot follow a lock through a virtual call.
  bool Done() override { return done_(); }
  void Block() override ABSL_NO_THREAD_SAFETY_ANALYSIS { cv_.Wait(mu_); }
  void Unlock() override ABSL_NO_THREAD_SAFETY_ANALYSIS {
    mu_.Unlock();
    held_ = false;
  }
  void Lock() override ABSL_NO_THREAD_SAFETY_ANALYSIS {
    mu_.Lock();
    held_ = true;
  }
  bool held() const { return held_; }

 protected:
  Mutex& mu_;
  CondVar& cv_;

 private:
  bool held_ = true;
  absl::FunctionRef<bool()> done_;
};

class TimedWait final : public MutexWait {
 public:
  TimedWait(Mutex& mu, CondVar& cv, absl::FunctionRef<bool()> done,
            Clock& clock, absl::Duration deadline)
      : MutexWait(mu, cv, done), clock_(clock), deadline_(deadline) {}

  bool Done() override {
    return MutexWait::Done() || clock_.Monotonic() >= deadline_;
  }
  // Should the injected clock go slower than the machine's, it is asked again.
  void Block() override ABSL_NO_THREAD_SAFETY_ANALYSIS {
    cv_.WaitFor(mu_, deadline_ - clock_.Monotonic());
  }
  absl::Duration Until() const override { return deadline_; }

 private:
  Clock& clock_;
  const absl::Duration deadline_;
};

void AwaitWith(Executor& executor, MutexWait& wait) {
  try {
    executor.Await(wait);
  } catch (...) {  // Whoever waits may be known to others: it must not vanish.
  }
  // An executor that gave up is done without.
  if (!wait.held()) wait.Lock();
  while (!wait.Done()) wait.Block();
}

}  // namespace

void CondVar::SleepFor(Mutex& mu, absl::Duration time) {
  const auto most = absl::ToChronoNanoseconds(std::min(time, absl::Hours(24)));
  Sleep(mu,
        [&](std::unique_lock<std::mutex>& lock) { cv_.wait_for(lock, most); });
}

void Await(Executor& executor, Mutex& mu, CondVar& cv,
           absl::FunctionRef<bool()> done) {
  MutexWait wait(mu, cv, done);
  AwaitWith(executor, wait);
}

bool AwaitUntil(Executor& executor, Clock& clock, absl::Duration deadline,
                Mutex& mu, CondVar& cv, absl::FunctionRef<bool()> done) {
  TimedWait wait(mu, cv, done, clock, deadline);
  AwaitWith(executor, wait);
  return done();
}

}  // namespace lissom
