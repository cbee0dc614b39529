#include "db/background_job.h"

#include <utility>

namespace lissom {

BackgroundJob::BackgroundJob(Executor& executor, Executor::Priority priority,
                             int limit, Mutex& mu, CondVar& cv,
                             std::function<bool()> has_work,
                             std::function<void()> run)
    : executor_(executor),
      priority_(priority),
      limit_(limit),
      mu_(mu),
      cv_(cv),
      has_work_(std::move(has_work)),
      run_(std::move(run)) {}

void BackgroundJob::Poke() {
  mu_.AssertHeld();
  if (scheduled_ || stopped_ || running_ >= limit_ || !has_work_()) return;
  Schedule();
  scheduled_ = true;  // Not before: Schedule may throw.
}

void BackgroundJob::Stop() {
  mu_.AssertHeld();
  stopped_ = true;
}

void BackgroundJob::Schedule() {
  executor_.Schedule(priority_, [this] { RunOnce(); });
}

void BackgroundJob::RunOnce() {
  MutexLock lock(mu_);
  scheduled_ = false;
  ++running_;
  try {
    if (!stopped_ && has_work_()) {
      MutexUnlock unlock(mu_);
      run_();
    }
  } catch (...) {  // Reported as far as it could be; the host lives on.
  }
  // One run a task: others of this priority get their turn in between.
  --running_;
  try {
    Poke();
  } catch (...) {  // An executor that refuses: the next Poke asks it again.
  }
  cv_.SignalAll();
}

}  // namespace lissom
