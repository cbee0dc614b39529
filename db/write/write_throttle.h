// WriteThrottle slows writes down, a little at first, when flushes and
// compactions fall behind, so that a hard stop is seldom reached.
//
// The desk says, for each cause, how far its debt has come between the point
// where writes begin to be slowed down (pressure 0) and the point where they
// stop (1). The strongest cause sets the price of a byte:
//
//   nanoseconds a KiB = 15,259 * p / (1 - p)
//
//   p      0.1     0.25    0.5    0.75    0.9     0.99
//   MiB/s  576     192     64     21      7.1     0.65
//
// So the rate of writes finds the rate at which the debt is paid, wherever that
// is, and stays there. The leader of the write queue pays: the price of its
// group is added up, and paid in waits of some tens of microseconds or more,
// because no shorter wait is kept by the machine; what a wait takes too long is
// credited to the next ones.
//
// Threads: Set, active and cause by any; Charge, Due and Paid by the leader.
#ifndef LISSOM_DB_WRITE_WRITE_THROTTLE_H_
#define LISSOM_DB_WRITE_WRITE_THROTTLE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "lissom/metrics.h"
#include "util/mutex.h"

namespace lissom {

class WriteThrottle {
 public:
  // How far the debt of `cause` has come: 0 or less for none, 1 and above for
  // as far as it may.
  void Set(StallCause cause, double pressure);

  // Are writes slowed down at all? One relaxed load.
  bool active() const { return nanos_per_kib() != 0; }
  // What is behind the present price. Requires: active() was true.
  StallCause cause() const {
    return static_cast<StallCause>(price_.load(std::memory_order_relaxed) >>
                                   kCauseShift);
  }
  uint64_t nanos_per_kib() const {
    return price_.load(std::memory_order_relaxed) &
           ((uint64_t{1} << kCauseShift) - 1);
  }

  // Adds the price of `bytes` to what is owed.
  void Charge(size_t bytes);
  // The time to wait now; zero while what is owed is less than a wait is worth.
  absl::Duration Due() const;
  // So long was waited.
  void Paid(absl::Duration time);

 private:
  static constexpr int kCauseShift = 56;

  Mutex mu_;
  std::array<double, kStallCauses> pressure_ ABSL_GUARDED_BY(mu_) = {};
  // Cause and price in one. Relaxed: a write may be charged the price before.
  std::atomic<uint64_t> price_{0};
  int64_t owed_nanos_ = 0;  // Leader. Below 0: credit.
};

// kUnavailable: what a write that will not wait gets instead.
absl::Status StalledError(StallCause cause);
// kDeadlineExceeded: what a write gets whose time is over.
absl::Status StallTimeoutError(StallCause cause);

}  // namespace lissom

#endif  // LISSOM_DB_WRITE_WRITE_THROTTLE_H_
