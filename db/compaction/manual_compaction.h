// ManualCompaction is somebody's request to compact a range of keys, and how
// far it has come. The scheduler moves it on; pure like it.
//
// Stages, one level each, from level 0 to the deepest level that has tables in
// the range:
//   level 0     one plan takes all its tables of the range to the base level;
//   level n     its tables of the range go down, a chunk of them at a time, in
//               the order of their keys, up to the key that the last of them
//               ended with when the stage began;
//   rewrite     if that was asked for: the deepest level's tables that are
//   older
//               than the request are written anew where they are.
// Each stage comes once and passes each key once: however much is written
// meanwhile, the request comes to an end.
//
// The first plan of it that fails, or is called off, ends it.
// Threads: guarded by its scheduler's owner's mutex.
#ifndef LISSOM_DB_COMPACTION_MANUAL_COMPACTION_H_
#define LISSOM_DB_COMPACTION_MANUAL_COMPACTION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "db/compaction/compaction.h"
#include "db/compaction/plan_maker.h"
#include "db/version/version.h"

namespace lissom {

class ManualCompaction {
 public:
  // Of tables that hold a key in [begin, end]; nullopt: open.
  ManualCompaction(std::optional<std::string> begin,
                   std::optional<std::string> end, bool rewrite_last_level);

  // Nothing more is to be done, and no plan of it runs.
  bool done() const { return done_; }
  // Of one that is done: OK, kCancelled, or the failure that ended it.
  const absl::Status& status() const { return status_; }

  // --- For the scheduler -----------------------------------------------------

  // Passes on to the stage that has something to do in `version`; done if there
  // is none.
  void Settle(const Version& version);
  // Nothing of it runs: unless it wants a plan, it is to be settled.
  bool idle() const { return !done_ && running_ == 0; }
  // The plan to run next, free or not; nullopt if there is none before those
  // that run have ended. After Settle with the same version.
  std::optional<CompactionPlan> Want(const PlanMaker& maker) const;
  void NoteStarted(const CompactionPlan& plan);
  void NoteEnded(const absl::Status& status);
  // Ends it with `status` once no plan of it runs; they see the flag.
  void Stop(absl::Status status);

  const std::shared_ptr<std::atomic<bool>>& cancelled() const {
    return cancelled_;
  }

 private:
  // How far a stage has come.
  struct Walk {
    std::string end;                   // No table that begins behind it.
    std::optional<std::string> after;  // No table that begins before or at it.
    bool all_taken = false;            // Level 0: in one go.
  };

  void BeginStage(const Version& version);
  void BeginWalk(const Version& version);
  Version::Level Rest(const Version& version) const;
  int DeepestLevel(const Version& version) const;
  CompactionPlan ChunkDown(const PlanMaker& maker, Version::Level rest) const;
  Version::Level ChunkToRewrite(const PlanMaker& maker,
                                const Version::Level& rest) const;

  const std::optional<std::string> begin_;
  const std::optional<std::string> end_;
  const bool rewrite_last_level_;
  const std::shared_ptr<std::atomic<bool>> cancelled_ =
      std::make_shared<std::atomic<bool>>(false);

  int level_ = 0;  // The stage's.
  bool rewriting_ = false;
  std::optional<Walk> walk_;  // None: the stage has not begun.
  // Of all tables when the request came; none yet: 0.
  uint64_t largest_number_ = 0;
  int running_ = 0;  // Plans.
  bool stopped_ = false;
  bool done_ = false;
  absl::Status status_;
};

}  // namespace lissom

#endif  // LISSOM_DB_COMPACTION_MANUAL_COMPACTION_H_
