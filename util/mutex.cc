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
  void Unlock() override ABSL_NO_THREAD_SAFETY_ANALYSIS { mu_.Unlock(); }
  void Lock() override ABSL_NO_THREAD_SAFETY_ANALYSIS { mu_.Lock(); }

 private:
  Mutex& mu_;
  CondVar& cv_;
  absl::FunctionRef<bool()> done_;
};

}  // namespace

void Await(Executor& executor, Mutex& mu, CondVar& cv,
           absl::FunctionRef<bool()> done) {
  MutexWait wait(mu, cv, done);
  executor.Await(wait);
}

}  // namespace lissom
