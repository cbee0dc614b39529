// CompactionScheduler says which compactions run: it knows those under way,
// picks the next that may run beside them, serves requests for ranges first,
// and remembers what failed. A pure state machine: no I/O, no clock; its owner
// carries plans out, installs their edits and reports how they ended.
//
//   Next --> plan --> RunCompaction --> VersionSet::Apply --> Finished
//
// Plans under way share no table and no key range of an output level
// (plan_maker.h), so they may be installed in any order.
//
// Failures (P6): a compaction that fails makes all automatic ones wait, 1, 2, 4
// ... 256 s; one that finds a table damaged puts that in quarantine instead,
// for waiting would not mend it. Requests for ranges do not wait: who asks is
// told.
//
// Threads: guarded by its owner's mutex.
// Exceptions: std::bad_alloc, and what a comparator throws; then nothing has
//   changed.
#ifndef LISSOM_DB_COMPACTION_COMPACTION_SCHEDULER_H_
#define LISSOM_DB_COMPACTION_COMPACTION_SCHEDULER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "db/compaction/compaction.h"
#include "db/compaction/leveled_picker.h"
#include "db/compaction/manual_compaction.h"
#include "db/compaction/plan_maker.h"
#include "db/version/version.h"
#include "lissom/options.h"

namespace lissom {

class CompactionScheduler {
 public:
  using VersionPtr = std::shared_ptr<const Version>;

  // What the world is like at a call.
  struct Moment {
    absl::Duration now;                      // Clock::Monotonic().
    absl::Time wall = absl::InfinitePast();  // Clock::Now(); for `ttl`.
    // The oldest sequence that anybody reads at, the visible one if there is no
    // snapshot. 0: unknown; then tombstones of the last level stay.
    SequenceNumber oldest_snapshot = 0;
  };

  // `options` must outlive the scheduler.
  explicit CompactionScheduler(const ColumnFamilyOptions& options);

  // The most urgent plan that can run now, marked as running; nullopt if there
  // is none. `version`, here and below: the current one.
  std::optional<CompactionPlan> Next(const VersionPtr& version,
                                     const Moment& moment);

  // A plan of Next has ended: its edit is in `version`, or it failed.
  // kCancelled is no failure. Call it for every plan of Next, with kCancelled
  // also if the edit could not be applied (that is more than a failed
  // compaction).
  void Finished(const CompactionPlan& plan, const absl::Status& status,
                const VersionPtr& version, const Moment& moment);

  // Would Next give a plan, or end a request? Costs a walk over the tables'
  // metadata.
  bool HasWork(const VersionPtr& version, const Moment& moment) const;

  // When Next may give a plan that it does not give at this moment, though the
  // shape stays as it is and no compaction failed.
  PickAgain WhenToPickAgain(const Version& version, const Moment& moment) const;

  // When automatic compactions that wait after a failure go on.
  std::optional<absl::Duration> RetryAt() const;
  // The last failure, with Severity::kJob; OK once a later plan succeeded.
  const absl::Status& error() const { return error_; }
  int running() const { return static_cast<int>(running_.size()); }
  bool quarantined(uint64_t number) const {
    return state_.quarantined.contains(number);
  }

  // For a throttle; see level_targets.h.
  double Score(const Version& version) const;
  uint64_t PendingBytes(const Version& version) const;

  // Asks for a range to be compacted (manual_compaction.h). It is done at once
  // if there is nothing to do. From then on done() may change in Next,
  // Finished and Cancel.
  std::shared_ptr<const ManualCompaction> AddManual(
      std::optional<std::string> begin, std::optional<std::string> end,
      const CompactRangeOptions& options, const VersionPtr& version);
  // Ends a request with kCancelled, as soon as its plans have ended.
  void Cancel(const ManualCompaction& request);

 private:
  // What is remembered of a plan: not the plan, whose version would live on.
  struct Running {
    Claims claims;
    std::shared_ptr<ManualCompaction> request;  // Or null.
    uint64_t failures_before = 0;
  };
  struct Choice {
    CompactionPlan plan;
    std::shared_ptr<ManualCompaction> request;  // Or null.
  };

  std::optional<Choice> Choose(const VersionPtr& version, const Moment& moment,
                               LeveledPickerState& state) const;
  std::optional<Choice> ChooseManual(const VersionPtr& version,
                                     Claims& claims) const;
  bool AnyUnsettled(const VersionPtr& version) const;
  Claims AllClaims() const;
  bool MayRun(const Moment& moment) const;
  void SettleRequests(const VersionPtr& version);
  void NoteSuccess(const Running& ended);
  void NoteFailure(const absl::Status& status, absl::Duration now);
  bool QuarantineDamaged(const absl::Status& status);

  const ColumnFamilyOptions& options_;
  LeveledPickerState state_;
  uint64_t last_id_ = 0;
  std::map<uint64_t, Running> running_;                      // By id.
  std::vector<std::shared_ptr<ManualCompaction>> requests_;  // Not done.
  int failures_in_a_row_ = 0;
  uint64_t failures_ = 0;  // Of all times.
  absl::Duration retry_at_ = absl::ZeroDuration();
  absl::Status error_;
};

}  // namespace lissom

#endif  // LISSOM_DB_COMPACTION_COMPACTION_SCHEDULER_H_
