#include "db/compaction/manual_compaction.h"

#include <algorithm>
#include <utility>

#include "util/check.h"

namespace lissom {
namespace {

using Reason = CompactionPlan::Reason;

uint64_t LargestNumber(const Version& version) {
  uint64_t largest = 0;
  for (int n = 0; n < Version::kLevels; ++n) {
    for (const auto& table : version.level(n)) {
      largest = std::max(largest, table->meta().number);
    }
  }
  return largest;
}

}  // namespace

ManualCompaction::ManualCompaction(std::optional<std::string> begin,
                                   std::optional<std::string> end,
                                   bool rewrite_last_level)
    : begin_(std::move(begin)),
      end_(std::move(end)),
      rewrite_last_level_(rewrite_last_level) {}

void ManualCompaction::Settle(const Version& version) {
  if (largest_number_ == 0) largest_number_ = LargestNumber(version);
  while (!done_ && running_ == 0) {
    if (stopped_) {
      done_ = true;
    } else if (!walk_.has_value()) {
      BeginStage(version);
    } else if (!Rest(version).empty()) {
      return;
    } else {  // The stage has ended.
      walk_.reset();
      if (rewriting_) {
        done_ = true;
      } else {
        ++level_;
      }
    }
  }
}

// Begins the stage of level_, or the rewriting, or ends it all.
void ManualCompaction::BeginStage(const Version& version) {
  const int deepest = DeepestLevel(version);
  if (level_ == 0 || level_ < deepest) {
    BeginWalk(version);
    return;
  }
  // Nothing lies below.
  if (!rewrite_last_level_ || deepest == 0) {
    done_ = true;
    return;
  }
  rewriting_ = true;
  level_ = deepest;
  BeginWalk(version);
}

void ManualCompaction::BeginWalk(const Version& version) {
  walk_ = Walk();
  const Version::Level tables = version.Overlapping(level_, begin_, end_);
  if (tables.empty()) {
    walk_->all_taken = true;
  } else {
    walk_->end = tables.back()->meta().largest.user_key;
  }
}

// The deepest level with tables in the range; 0: none below level 0.
int ManualCompaction::DeepestLevel(const Version& version) const {
  int level = Version::kLevels - 1;
  while (level > 0 && version.Overlapping(level, begin_, end_).empty()) {
    --level;
  }
  return level;
}

// The tables of the stage that were not taken yet.
Version::Level ManualCompaction::Rest(const Version& version) const {
  if (walk_->all_taken) return {};
  Version::Level tables = version.Overlapping(level_, begin_, end_);
  if (level_ == 0) return tables;
  const KeyOrder& order = version.order();
  std::erase_if(tables, [&](const auto& table) {
    const TableMetadata& meta = table->meta();
    return (walk_->after.has_value() &&
            order.CompareUser(meta.smallest.user_key, *walk_->after) <= 0) ||
           order.CompareUser(meta.smallest.user_key, walk_->end) > 0 ||
           (rewriting_ && meta.number > largest_number_);
  });
  return tables;
}

std::optional<CompactionPlan> ManualCompaction::Want(
    const PlanMaker& maker) const {
  if (done_ || stopped_ || !walk_.has_value()) return std::nullopt;
  Version::Level rest = Rest(maker.version());
  if (rest.empty()) return std::nullopt;
  if (level_ == 0) return maker.Down(Reason::kManual, 0, std::move(rest));
  if (rewriting_) {
    return maker.Stay(Reason::kManual, level_, ChunkToRewrite(maker, rest));
  }
  return ChunkDown(maker, std::move(rest));
}

CompactionPlan ManualCompaction::ChunkDown(const PlanMaker& maker,
                                           Version::Level rest) const {
  CompactionPlan plan = maker.Down(Reason::kManual, level_, {rest[0]});
  if (plan.trivial_move) {
    maker.WidenMove(plan, TotalBytes(rest));
    return plan;
  }
  for (size_t count = 2; count <= rest.size(); ++count) {
    CompactionPlan wider = maker.Down(
        Reason::kManual, level_,
        {rest.begin(), rest.begin() + static_cast<ptrdiff_t>(count)});
    if (wider.input_bytes() > maker.MaxExpandedBytes()) break;
    plan = std::move(wider);
  }
  return plan;
}

// The first tables of `rest`, as long as they are neighbours in their level.
Version::Level ManualCompaction::ChunkToRewrite(
    const PlanMaker& maker, const Version::Level& rest) const {
  const Version::Level& tables = maker.version().level(level_);
  auto at = std::find(tables.begin(), tables.end(), rest[0]);
  LISSOM_DCHECK(at != tables.end());
  Version::Level chunk = {rest[0]};
  uint64_t bytes = rest[0]->meta().size;
  for (size_t i = 1; i < rest.size() && *++at == rest[i]; ++i) {
    bytes += rest[i]->meta().size;
    if (bytes > maker.MaxExpandedBytes()) break;
    chunk.push_back(rest[i]);
  }
  return chunk;
}

void ManualCompaction::NoteStarted(const CompactionPlan& plan) {
  if (level_ == 0) {
    walk_->all_taken = true;
  } else {
    walk_->after = plan.inputs.back()->meta().largest.user_key;
  }
  ++running_;
}

void ManualCompaction::NoteEnded(const absl::Status& status) {
  --running_;
  if (!status.ok()) Stop(status);
}

void ManualCompaction::Stop(absl::Status status) {
  cancelled_->store(true, std::memory_order_relaxed);
  if (!stopped_ && !done_) status_ = std::move(status);
  stopped_ = true;
  if (running_ == 0) done_ = true;
}

}  // namespace lissom
