// Pace holds the threads that share it to so many units a second, bytes or
// operations: each call books the next piece of time and sleeps until it has
// begun. Sleeping takes longer than asked, by more than an operation does: what
// was lost is made up, up to 10 ms of it. Thread-safe.
#ifndef LISSOM_BENCHMARKS_PACE_H_
#define LISSOM_BENCHMARKS_PACE_H_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <thread>

namespace lissom::bench {

class Pace {
 public:
  // Requires: units_per_second > 0.
  explicit Pace(uint64_t units_per_second)
      : nanos_per_unit_(1e9 / static_cast<double>(units_per_second)) {}

  void Take(uint64_t units) {
    std::chrono::steady_clock::time_point turn;
    {
      const std::lock_guard lock(mu_);
      turn = std::max(free_from_, std::chrono::steady_clock::now() - kMadeUp);
      free_from_ = turn + std::chrono::nanoseconds(static_cast<int64_t>(
                              static_cast<double>(units) * nanos_per_unit_));
    }
    std::this_thread::sleep_until(turn);
  }

 private:
  static constexpr std::chrono::milliseconds kMadeUp{10};

  const double nanos_per_unit_;
  std::mutex mu_;
  std::chrono::steady_clock::time_point free_from_;  // Guarded by mu_.
};

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_PACE_H_
