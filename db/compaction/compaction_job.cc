#include "db/compaction/compaction_job.h"

#include <memory>
#include <string_view>
#include <utility>

#include "db/output/deeper_levels.h"
#include "db/version/level_iterator.h"
#include "table/merging_iterator.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

// Reads of this size keep a disk streaming and cost little memory.
constexpr size_t kReadaheadBytes = size_t{1} << 20;

// All entries of the plan's tables in order. Tables of level 0 overlap and are
// sources of their own; those of a level below are one source.
std::unique_ptr<InternalIterator> NewInputIterator(const CompactionPlan& plan) {
  const TableReadOptions options = {
      .verify_checksums = true,
      .fill_cache = false,
      .readahead_bytes = kReadaheadBytes,
      .io = {.kind = IoContext::Kind::kTable,
             .priority = IoContext::Priority::kCompaction}};
  const KeyOrder& order = plan.version->order();
  std::vector<std::unique_ptr<InternalIterator>> sources;
  if (plan.start_level == 0) {
    for (const auto& table : plan.inputs) {
      sources.push_back(
          NewLevelIterator(order, Version::Tables(&table, 1), options));
    }
  } else {
    sources.push_back(NewLevelIterator(order, plan.inputs, options));
  }
  if (!plan.overlapping.empty()) {
    sources.push_back(NewLevelIterator(order, plan.overlapping, options));
  }
  return NewMergingIterator(order, std::move(sources));
}

VersionEdit EditOf(const CompactionPlan& plan,
                   std::vector<TableMetadata> tables) {
  VersionEdit edit;
  for (const auto& table : plan.inputs) {
    edit.removed.push_back(
        {.level = plan.start_level, .number = table->meta().number});
  }
  for (const auto& table : plan.overlapping) {
    edit.removed.push_back(
        {.level = plan.output_level, .number = table->meta().number});
  }
  for (TableMetadata& table : tables) {
    edit.added.push_back(
        {.level = plan.output_level, .table = std::move(table)});
  }
  return edit;
}

}  // namespace

absl::StatusOr<CompactionResult> RunCompaction(const OutputDeps& deps,
                                               const CompactionInput& input) {
  const CompactionPlan& plan = input.plan;
  LISSOM_RETURN_IF_ERROR(CheckPlan(plan));
  CompactionResult result;
  if (plan.trivial_move) {
    result.edit = EditOf(plan, {plan.inputs[0]->meta()});
    return result;
  }
  const std::unique_ptr<InternalIterator> entries = NewInputIterator(plan);
  DeeperLevels deeper(plan.version, plan.output_level);
  EntryFilter filter(input.snapshots, [&deeper](std::string_view user_key) {
    return deeper.MayHold(user_key);
  });
  OutputOptions options = OutputOptionsFor(input.options, plan.output_level);
  options.grandparents = plan.grandparents;
  TableOutput output(deps, std::move(options));
  // The manifest says how many entries the inputs hold: fewer were read than
  // that means that some were lost on the way.
  LISSOM_ASSIGN_OR_RETURN(
      OutputResult written,
      MergeToTables({.entries = *entries,
                     .expected_entries = plan.input_entries(),
                     .cancelled = input.cancelled},
                    filter, output));
  result.counts = written.counts;
  result.edit = EditOf(plan, std::move(written.tables));
  return result;
}

absl::StatusOr<VersionEdit> RunCompaction(
    const TableSource& source, const ColumnFamilyOptions& options,
    const CompactionPlan& plan, std::vector<SequenceNumber> snapshots,
    std::function<uint64_t()> new_file_number,
    std::function<FileId()> new_file_id, const std::atomic<bool>& cancelled) {
  const OutputDeps deps{.source = source,
                        .new_file_number = std::move(new_file_number),
                        .new_file_id = std::move(new_file_id)};
  LISSOM_ASSIGN_OR_RETURN(
      CompactionResult result,
      RunCompaction(deps, {.plan = plan,
                           .options = options,
                           .snapshots = std::move(snapshots),
                           .cancelled = [&cancelled] {
                             return cancelled.load(std::memory_order_relaxed);
                           }}));
  return std::move(result.edit);
}

}  // namespace lissom
