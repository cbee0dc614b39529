// Clock tells the time to lissom. Inject one to run a database in simulated
// time. Thread-safe.
#ifndef LISSOM_CLOCK_H_
#define LISSOM_CLOCK_H_

#include <memory>

#include "absl/time/time.h"
#include "lissom/export.h"

namespace lissom {

class LISSOM_EXPORT Clock {
 public:
  virtual ~Clock() = default;

  // The wall clock. May jump either way; used in logs and properties only.
  virtual absl::Time Now() = 0;

  // Time since an arbitrary start; never goes backwards. Used for every
  // interval and deadline.
  virtual absl::Duration Monotonic() = 0;

  // The machine's clock: CLOCK_REALTIME and CLOCK_MONOTONIC.
  static std::shared_ptr<Clock> System();
};

}  // namespace lissom

#endif  // LISSOM_CLOCK_H_
