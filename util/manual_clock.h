// ManualClock stands still until it is told to move: time for tests.
// Thread-safe.
#ifndef LISSOM_UTIL_MANUAL_CLOCK_H_
#define LISSOM_UTIL_MANUAL_CLOCK_H_

#include "absl/time/time.h"
#include "lissom/clock.h"
#include "util/mutex.h"

namespace lissom {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(absl::Time now = absl::UnixEpoch()) : now_(now) {}

  absl::Time Now() override {
    MutexLock lock(mu_);
    return now_;
  }
  absl::Duration Monotonic() override {
    MutexLock lock(mu_);
    return monotonic_;
  }

  // Lets time pass, on both clocks. Requires: `time` is not negative.
  void Advance(absl::Duration time) {
    MutexLock lock(mu_);
    now_ += time;
    monotonic_ += time;
  }
  // Sets the wall clock, either way, as an operator would.
  void SetNow(absl::Time now) {
    MutexLock lock(mu_);
    now_ = now;
  }

 private:
  Mutex mu_;
  absl::Time now_ ABSL_GUARDED_BY(mu_);
  absl::Duration monotonic_ ABSL_GUARDED_BY(mu_);
};

}  // namespace lissom

#endif  // LISSOM_UTIL_MANUAL_CLOCK_H_
