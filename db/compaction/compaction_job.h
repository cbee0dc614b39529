// A compaction carries out a plan: it merges the plan's tables, leaves out what
// nobody can see any more, and writes the rest as tables of the output level.
// Its result is a VersionEdit; the caller applies it.
//
// All or nothing: until the edit is applied the tree is as it was, and whatever
// goes wrong (an I/O error, a damaged input, a count that does not add up,
// cancellation) leaves no file behind and every input untouched.
// Threads: any one may run it; the tables of a plan are immutable. No two plans
//   that share a level may run at once.
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
#include "lissom/options.h"

namespace lissom {

struct CompactionInput {
  const CompactionPlan& plan;
  const ColumnFamilyOptions& options;
  // Ascending; the last element stands for now.
  std::vector<SequenceNumber> snapshots;
  std::function<bool()> cancelled;  // Asked now and then; null: never.
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
