#include "util/mutex.h"

namespace lissom {
namespace {

class MutexWait final : public Wait {
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

 private:
  Mutex& mu_;
  CondVar& cv_;
  bool held_ = true;
  absl::FunctionRef<bool()> done_;
};

}  // namespace

void Await(Executor& executor, Mutex& mu, CondVar& cv,
           absl::FunctionRef<bool()> done) {
  MutexWait wait(mu, cv, done);
  try {
    executor.Await(wait);
  } catch (...) {  // Whoever waits may be known to others: it must not vanish.
  }
  // An executor that gave up is done without.
  if (!wait.held()) wait.Lock();
  while (!wait.Done()) wait.Block();
}

}  // namespace lissom
