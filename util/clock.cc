#include "lissom/clock.h"

#include <ctime>

#include "absl/time/clock.h"

namespace lissom {
namespace {

class SystemClock final : public Clock {
 public:
  absl::Time Now() override { return absl::Now(); }
  absl::Duration Monotonic() override {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return absl::DurationFromTimespec(t);
  }
};

}  // namespace

std::shared_ptr<Clock> Clock::System() {
  return std::make_shared<SystemClock>();
}

}  // namespace lissom
