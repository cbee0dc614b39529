// BackgroundJob runs one kind of background work (flushes, compactions): at
// most `limit` runs at a time, and again as long as there is work. A run that
// leaves work for another calls Poke.
//
// Threads: everything under the owner's mutex, which is not held while the work
// runs. Stop, then wait for idle(), before anything the work uses goes away.
#ifndef LISSOM_DB_BACKGROUND_JOB_H_
#define LISSOM_DB_BACKGROUND_JOB_H_

#include <functional>

#include "lissom/executor.h"
#include "util/mutex.h"

namespace lissom {

class BackgroundJob {
 public:
  // `has_work` is asked with `mu` held, `run` is called without it. `cv` is
  // signalled after every run.
  BackgroundJob(Executor& executor, Executor::Priority priority, int limit,
                Mutex& mu, CondVar& cv, std::function<bool()> has_work,
                std::function<void()> run);

  // Has a run begin, if there is work, one more may run, and none is about to
  // begin. Requires, like the others below: the owner's mutex is held (an
  // assertion, because the analysis does not know that it is this mu_).
  void Poke();
  void Stop();  // No further run begins.
  bool idle() const {
    mu_.AssertHeld();
    return !scheduled_ && running_ == 0;
  }
  int running() const {
    mu_.AssertHeld();
    return running_;
  }
  bool scheduled() const {
    mu_.AssertHeld();
    return scheduled_;
  }

 private:
  void RunOnce();
  void Schedule();

  Executor& executor_;
  const Executor::Priority priority_;
  const int limit_;
  Mutex& mu_;
  CondVar& cv_;
  const std::function<bool()> has_work_;
  const std::function<void()> run_;
  bool scheduled_ ABSL_GUARDED_BY(mu_) = false;  // And not begun.
  int running_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace lissom

#endif  // LISSOM_DB_BACKGROUND_JOB_H_
