// A compaction carries out a plan: it merges the plan's tables, leaves out what
// nobody can see any more, and writes the rest as tables of the output level.
// Its result is a VersionEdit; the caller applies it.
//
// A large one may be cut into parts, key ranges that are merged side by side
// (plan_parts.h, part_runner.h), each into tables of its own.
//
// All or nothing: until the edit is applied the tree is as it was, and whatever
// goes wrong in any part (an I/O error, a damaged input, a count that does not
// add up, cancellation) leaves no file behind and every input untouched.
// Threads: any one may run it; the tables of a plan are immutable. Plans that
//   PlanMaker::IsFree lets run beside each other may.
#ifndef LISSOM_DB_COMPACTION_COMPACTION_JOB_H_
#define LISSOM_DB_COMPACTION_COMPACTION_JOB_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "db/compaction/compaction.h"
#include "db/output/table_output.h"
#include "db/version/version_edit.h"
#include "lissom/executor.h"
#include "lissom/options.h"

namespace lissom {

struct CompactionInput {
  const CompactionPlan& plan;
  const ColumnFamilyOptions& options;
  // Ascending; the last element stands for now.
  std::vector<SequenceNumber> snapshots;
  std::function<bool()> cancelled;  // Asked now and then; null: never.

  // Cut into at most so many parts, none much smaller than a table's target.
  // With an executor its free threads take parts: then `cancelled` and what is
  // in OutputDeps must be thread-safe.
  int max_parts = 1;
  Executor* executor = nullptr;
};

struct CompactionResult {
  VersionEdit edit;     // Tables removed and added, nothing else.
  OutputCounts counts;  // All 0 for a move.
};

// kCancelled; kDataLoss naming the damaged input; kInternal: the plan, the
// order or the counts are wrong; I/O errors. A move does no I/O.
absl::StatusOr<CompactionResult> RunCompaction(const OutputDeps& deps,
                                               const CompactionInput& input);

// The same with nothing but the edit wanted. `cancelled` may be set by any
// thread (relaxed: a late look only wastes work).
absl::StatusOr<VersionEdit> RunCompaction(
    const TableSource& source, const ColumnFamilyOptions& options,
    const CompactionPlan& plan, std::vector<SequenceNumber> snapshots,
    std::function<uint64_t()> new_file_number,
    std::function<FileId()> new_file_id, const std::atomic<bool>& cancelled);

}  // namespace lissom

#endif  // LISSOM_DB_COMPACTION_COMPACTION_JOB_H_
