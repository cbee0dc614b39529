#include "db/compaction/compaction_job.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "db/compaction/part_runner.h"
#include "db/compaction/plan_parts.h"
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

// Tables of old entries are old, whatever young ones they got beside them.
uint64_t OldestCreationTime(const CompactionPlan& plan) {
  uint64_t oldest = 0;
  for (const auto* tables : {&plan.inputs, &plan.overlapping}) {
    for (const auto& table : *tables) {
      const uint64_t time = table->meta().creation_time;
      if (time != 0 && (oldest == 0 || time < oldest)) oldest = time;
    }
  }
  return oldest;
}

OutputOptions OptionsOf(const CompactionInput& input) {
  const CompactionPlan& plan = input.plan;
  OutputOptions options = OutputOptionsFor(input.options, plan.output_level);
  options.grandparents = plan.grandparents;
  options.creation_time = OldestCreationTime(plan);
  // Level 0 counts tables: there one is better than several.
  if (plan.output_level == 0) options.target_bytes = UINT64_MAX;
  return options;
}

// Merges the parts of one plan.
class Merge {
 public:
  Merge(const OutputDeps& deps, const CompactionInput& input)
      : deps_(deps),
        input_(input),
        options_(OptionsOf(input)),
        cuts_(CutPlan(input.plan, static_cast<size_t>(input.max_parts),
                      options_.target_bytes)),
        parts_(cuts_.size() + 1) {}

  size_t count() const { return parts_.size(); }

  // Each part once, from any thread.
  absl::Status Run(size_t index, const std::atomic<bool>& stop) {
    const CompactionPlan& plan = input_.plan;
    const std::unique_ptr<InternalIterator> entries = NewInputIterator(plan);
    DeeperLevels deeper(plan.version, plan.output_level);
    // A merge within level 0 leaves older tables there: its tombstones stay.
    EntryFilter filter(
        input_.snapshots,
        plan.output_level == 0
            ? EntryFilter::MayLieDeeper()
            : [&deeper](std::string_view key) { return deeper.MayHold(key); });
    PartInput part = {.entries = *entries,
                      .begin = std::nullopt,
                      .end = std::nullopt,
                      .cancelled = [&] {
                        return stop.load(std::memory_order_relaxed) ||
                               IsCancelled();
                      }};
    if (index > 0) part.begin = cuts_[index - 1];
    if (index < cuts_.size()) part.end = cuts_[index];
    parts_[index].output = std::make_unique<TableOutput>(deps_, options_);
    LISSOM_ASSIGN_OR_RETURN(parts_[index].result,
                            MergePart(part, filter, *parts_[index].output));
    return absl::OkStatus();
  }

  // What all parts have made together, durable. After the last one.
  absl::StatusOr<CompactionResult> Finish() {
    CompactionResult result;
    std::vector<TableMetadata> tables;
    for (Part& part : parts_) {
      Add(part.result.counts, result.counts);
      for (TableMetadata& table : part.result.tables) {
        if (!tables.empty() &&
            deps_.source.order.CompareUser(tables.back().largest.user_key,
                                           table.smallest.user_key) >= 0) {
          return absl::InternalError(
              absl::StrCat("new table ", table.number,
                           " does not begin behind the part before it"));
        }
        tables.push_back(std::move(table));
      }
    }
    // The manifest says how many entries the inputs hold: fewer were read than
    // that means that some were lost on the way.
    LISSOM_RETURN_IF_ERROR(CheckEntriesRead(result.counts.entries_in,
                                            input_.plan.input_entries()));
    if (!tables.empty()) {
      LISSOM_RETURN_IF_ERROR(
          deps_.source.file_system->SyncDirectory(deps_.source.directory));
    }
    result.edit = EditOf(input_.plan, std::move(tables));
    for (Part& part : parts_) part.output->Release();
    return result;
  }

 private:
  struct Part {
    std::unique_ptr<TableOutput> output;  // Of a part that began.
    OutputResult result;                  // Of one that succeeded.
  };

  bool IsCancelled() const {
    const auto& flag = input_.plan.cancelled;
    return (flag != nullptr && flag->load(std::memory_order_relaxed)) ||
           (input_.cancelled != nullptr && input_.cancelled());
  }

  static void Add(const OutputCounts& part, OutputCounts& sum) {
    sum.entries_in += part.entries_in;
    sum.entries_out += part.entries_out;
    sum.shadowed += part.shadowed;
    sum.obsolete_tombstones += part.obsolete_tombstones;
    sum.bytes_written += part.bytes_written;
  }

  const OutputDeps& deps_;
  const CompactionInput& input_;
  const OutputOptions options_;
  const std::vector<std::string> cuts_;
  std::vector<Part> parts_;
};

}  // namespace

absl::StatusOr<CompactionResult> RunCompaction(const OutputDeps& deps,
                                               const CompactionInput& input) {
  const CompactionPlan& plan = input.plan;
  LISSOM_RETURN_IF_ERROR(CheckPlan(plan));
  if (plan.trivial_move) {
    CompactionResult result;
    std::vector<TableMetadata> tables;
    for (const auto& table : plan.inputs) tables.push_back(table->meta());
    result.edit = EditOf(plan, std::move(tables));
    return result;
  }
  Merge merge(deps, input);
  LISSOM_RETURN_IF_ERROR(
      RunParts(input.executor, merge.count(),
               [&](size_t part, const std::atomic<bool>& stop) {
                 return merge.Run(part, stop);
               }));
  return merge.Finish();
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
