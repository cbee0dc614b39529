// Session is the database under stress through all its closes and reopens:
// workers lease what is open, the conductor closes it, under their feet or when
// all of them rest, and opens it again with other options.
//
// Threads: workers call Lease and what is const; one conductor the rest.
#ifndef LISSOM_TESTS_STRESS_SESSION_H_
#define LISSOM_TESTS_STRESS_SESSION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "lissom/db.h"
#include "tests/stress/oracle.h"
#include "tests/stress/stress_flags.h"
#include "tests/stress/tally.h"
#include "util/mutex.h"

namespace lissom::stress {

// The database of one open; null: the run is over.
struct Lease {
  std::shared_ptr<DB> db;
  uint64_t round = 0;
};

class Session {
 public:
  // All borrowed.
  Session(const Flags& flags, Oracle& oracle, Tally& tally);

  // --- Workers
  // The open database; waits while there is none or a pause is wanted.
  Lease Next() ABSL_LOCKS_EXCLUDED(mu_);
  // True if the worker shall ask for the next lease.
  bool Stale(const Lease& lease) const {
    return paused_.load() || stopped_.load() || round_.load() != lease.round;
  }
  // True if calls on the lease may end with kCancelled.
  bool MayBeClosed(const Lease& lease) const {
    return closing_.load() || round_.load() != lease.round;
  }

  // --- The conductor
  // `workers`: how many lease. A failure ends the run.
  void Open(uint64_t workers) ABSL_LOCKS_EXCLUDED(mu_);
  // With `in_the_midst` while workers go on, otherwise when all of them wait or
  // the session was stopped.
  void Close(bool in_the_midst) ABSL_LOCKS_EXCLUDED(mu_);
  // Rounds of other processes: options are drawn by the round.
  void SkipRounds(uint64_t count) { round_.store(count); }
  // No more leases; workers end.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  // Null while closed.
  Lease Peek() const ABSL_LOCKS_EXCLUDED(mu_);
  const Flags& flags() const { return flags_; }
  // Of a reader beside the writer: little memory.
  Options ReadOnlyOptions() const;

 private:
  Options DrawOptions(uint64_t round) const;
  // Until all of them wait for a lease, or the session was stopped.
  void AwaitWorkers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Flags& flags_;
  Oracle& oracle_;
  Tally& tally_;

  mutable Mutex mu_;
  CondVar changed_;
  std::shared_ptr<DB> db_ ABSL_GUARDED_BY(mu_);
  uint64_t workers_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t waiting_ ABSL_GUARDED_BY(mu_) = 0;
  // Written under mu_; read without it.
  std::atomic<uint64_t> round_{0};
  std::atomic<bool> paused_{false};
  std::atomic<bool> closing_{false};
  std::atomic<bool> stopped_{false};
};

}  // namespace lissom::stress

#endif  // LISSOM_TESTS_STRESS_SESSION_H_
