// RateLimiter says how fast a database's background work may write: what
// flushes and compactions append to tables, so that they leave the disk to
// others. Put one into DBOptions::rate_limiter; several databases may share it.
// The log, the manifest, reads, and what Open, Resume and Close write are not
// held up.
//
//   auto limiter = lissom::RateLimiter::NewTokenBucket(20 << 20);  // 20 MiB/s
//   if (!limiter.ok()) return limiter.status();
//   options.rate_limiter = *limiter;
//   ...
//   (*limiter)->SetBytesPerSecond(80 << 20).IgnoreError();  // At night.
//
// Too low a rate and writers wait: what they write has to be flushed, and
// compacted some ten times over, in the long run.
//
// Derive from it for rules of your own; this one has compactions wait while
// the users are there:
//
//   class OfficeHours final : public lissom::RateLimiter {
//    public:
//     uint64_t MostBytes() const override { return 1 << 20; }
//     bool Request(uint64_t, lissom::IoContext::Priority priority,
//                  Waiter& waiter) override {
//       if (priority != lissom::IoContext::Priority::kCompaction) return true;
//       while (UsersAreThere()) {
//         if (!waiter.WaitFor(absl::Seconds(1))) return false;
//       }
//       return true;
//     }
//   };
//
// Should a limiter throw, the write goes on without it, and LOG says so.
// Threads: thread-safe.
#ifndef LISSOM_RATE_LIMITER_H_
#define LISSOM_RATE_LIMITER_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lissom/clock.h"
#include "lissom/export.h"
#include "lissom/file_system.h"

namespace lissom {

struct TokenBucketOptions {
  // The bucket holds what comes in during this time: so much may be written at
  // once after a pause, and half of it by one request. 1 ms to 10 s. Longer:
  // fewer, larger bursts.
  absl::Duration refill_period = absl::Milliseconds(100);
  // While flushes and compactions both wait, one grant in so many is a
  // compaction's, the others are flushes'. 2 to 1000.
  int fairness = 10;
  // Null: the machine's. Should be the clock of the databases that use it.
  std::shared_ptr<Clock> clock = nullptr;
};

class LISSOM_EXPORT RateLimiter {
 public:
  // How the caller of Request waits there: lissom's, for use in that call and
  // on its thread only. Call it without a lock of yours.
  class Waiter {
   public:
    virtual ~Waiter() = default;
    // Returns after `time`, on the database's clock. False, perhaps earlier:
    // Request is to return false, for its caller does not want the bytes any
    // more (the database is closed, the compaction cancelled).
    virtual bool WaitFor(absl::Duration time) = 0;
  };

  virtual ~RateLimiter() = default;

  // The most that one Request asks for; what is larger is asked for, and
  // written, in parts. May change. 0 counts as 1.
  virtual uint64_t MostBytes() const = 0;

  // Returns true when `bytes` may be written, and counts them; false, and
  // counts nothing, if `waiter` says that they are not wanted any more.
  // `priority` is kFlush or kCompaction.
  virtual bool Request(uint64_t bytes, IoContext::Priority priority,
                       Waiter& waiter) = 0;

  // From now on; whoever waits is served at the new rate when its wait is over.
  // kInvalidArgument: no such rate. kUnimplemented, the default: it has none.
  virtual absl::Status SetBytesPerSecond(uint64_t bytes_per_second);

  // A token bucket: in any time t no more than bytes_per_second * t + what the
  // bucket holds is granted, flushes before compactions, those of one kind in
  // the order in which they came. kInvalidArgument, naming what is wrong: a
  // rate that is not 1 KiB to 2^50 bytes a second, or a bad option.
  static absl::StatusOr<std::shared_ptr<RateLimiter>> NewTokenBucket(
      uint64_t bytes_per_second, const TokenBucketOptions& options = {});
};

}  // namespace lissom

#endif  // LISSOM_RATE_LIMITER_H_
