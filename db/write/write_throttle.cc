#include "db/write/write_throttle.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "util/strings.h"

namespace lissom {
namespace {

// The price at pressure 1/2: 64 MiB a second.
constexpr double kNanosPerKibAtHalf = 1e9 / (64.0 * 1024);
// The least and the most that a write is slowed down: below the one nobody
// would notice, above the other it would rather be a stop.
constexpr double kLeastPressure = 0.01;
constexpr double kMostPressure = 0.99;

constexpr int64_t kLeastWaitNanos = 50'000;
// One wait at most, and the most that may be owed: a huge batch is not made to
// pay for minutes.
constexpr int64_t kMostWaitNanos = 100'000'000;
// Waits that took longer than asked for buy later ones, but not long after.
constexpr int64_t kMostCreditNanos = 1'000'000;

std::string_view Meaning(StallCause cause) {
  switch (cause) {
    case StallCause::kMemtables:
      return "the memtables are full, and their flush is not done";
    case StallCause::kLevel0Files:
      return "level 0 has too many tables";
    case StallCause::kPendingCompaction:
      return "compactions have too much to do";
    case StallCause::kMemoryBudget:
      return "memory_budget is used up";
    case StallCause::kSpaceLimit:
      return "max_space_bytes is used up";
    case StallCause::kWalSize:
      return "the logs are larger than max_total_wal_size";
  }
  return "";
}

}  // namespace

void WriteThrottle::Set(StallCause cause, double pressure) {
  MutexLock lock(mu_);
  pressure_[static_cast<size_t>(cause)] = pressure;
  const auto strongest = std::max_element(pressure_.begin(), pressure_.end());
  if (!(*strongest >= kLeastPressure)) {
    price_.store(0, std::memory_order_relaxed);
    return;
  }
  const double p = std::min(*strongest, kMostPressure);
  const auto nanos = static_cast<uint64_t>(kNanosPerKibAtHalf * p / (1 - p));
  const auto from = static_cast<uint64_t>(strongest - pressure_.begin());
  price_.store(from << kCauseShift | std::max<uint64_t>(nanos, 1),
               std::memory_order_relaxed);
}

void WriteThrottle::Charge(size_t bytes) {
  const double price =
      static_cast<double>(nanos_per_kib()) * static_cast<double>(bytes) / 1024;
  owed_nanos_ += static_cast<int64_t>(
      std::min(price, static_cast<double>(kMostWaitNanos)));
  owed_nanos_ = std::min(owed_nanos_, kMostWaitNanos);
}

absl::Duration WriteThrottle::Due() const {
  return owed_nanos_ < kLeastWaitNanos ? absl::ZeroDuration()
                                       : absl::Nanoseconds(owed_nanos_);
}

void WriteThrottle::Paid(absl::Duration time) {
  owed_nanos_ -= absl::ToInt64Nanoseconds(time);
  owed_nanos_ = std::max(owed_nanos_, -kMostCreditNanos);
}

absl::Status StalledError(StallCause cause) {
  return absl::UnavailableError(absl::StrCat("no_slowdown, and writes stall (",
                                             ToAbsl(StallCauseName(cause)),
                                             "): ", ToAbsl(Meaning(cause))));
}

absl::Status StallTimeoutError(StallCause cause) {
  return absl::DeadlineExceededError(absl::StrCat(
      "the write's timeout passed while writes stall (",
      ToAbsl(StallCauseName(cause)), "): ", ToAbsl(Meaning(cause))));
}

}  // namespace lissom
