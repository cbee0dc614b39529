#include "db/compaction/plan_maker.h"

#include <algorithm>
#include <utility>

#include "db/output/table_output.h"
#include "table/bloom_filter.h"
#include "table/format.h"
#include "util/check.h"

namespace lissom {
namespace {

constexpr int kLastLevel = Version::kLevels - 1;

void Extend(const KeyOrder& order, const Version::Level& tables,
            std::optional<KeySpan>& range) {
  for (const auto& table : tables) {
    const TableMetadata& meta = table->meta();
    if (!range.has_value()) {
      range = KeySpan{meta.smallest.user_key, meta.largest.user_key};
      continue;
    }
    if (order.CompareUser(meta.smallest.user_key, range->begin) < 0) {
      range->begin = meta.smallest.user_key;
    }
    if (order.CompareUser(meta.largest.user_key, range->end) > 0) {
      range->end = meta.largest.user_key;
    }
  }
}

bool Meet(const KeyOrder& order, const KeySpan& range,
          const Claims::Output& output) {
  return order.CompareUser(range.begin, output.end) <= 0 &&
         order.CompareUser(output.begin, range.end) <= 0;
}

}  // namespace

std::optional<KeySpan> RangeOf(const KeyOrder& order, const Version::Level& a,
                               const Version::Level& b) {
  std::optional<KeySpan> range;
  Extend(order, a, range);
  Extend(order, b, range);
  return range;
}

uint64_t TotalBytes(const Version::Level& tables) {
  uint64_t bytes = 0;
  for (const auto& table : tables) bytes += table->meta().size;
  return bytes;
}

void Claims::Add(const KeyOrder& order, const CompactionPlan& plan) {
  for (const auto& table : plan.inputs) {
    tables.insert(table->meta().number);
    if (!plan.stays_in_level()) leaving.insert(table->meta().number);
  }
  for (const auto& table : plan.overlapping) {
    tables.insert(table->meta().number);
  }
  if (plan.output_level == 0) {
    level0_merge = true;
    return;
  }
  if (plan.start_level == 0) level0_down = true;
  const std::optional<KeySpan> range =
      RangeOf(order, plan.inputs, plan.overlapping);
  outputs.push_back({.level = plan.output_level,
                     .begin = std::string(range->begin),
                     .end = std::string(range->end)});
}

PlanMaker::PlanMaker(std::shared_ptr<const Version> version,
                     const ColumnFamilyOptions& options, int base_level,
                     const std::set<uint64_t>& quarantined,
                     const Claims& claims)
    : version_(std::move(version)),
      options_(options),
      base_level_(base_level),
      quarantined_(quarantined),
      claims_(claims) {}

uint64_t PlanMaker::MaxExpandedBytes() const {
  constexpr uint64_t kMaxExpandedTargets = 25;
  return options_.target_file_size_base > UINT64_MAX / kMaxExpandedTargets
             ? UINT64_MAX
             : kMaxExpandedTargets * options_.target_file_size_base;
}

CompactionPlan PlanMaker::Down(CompactionPlan::Reason reason, int level,
                               Version::Level inputs) const {
  CompactionPlan plan;
  plan.version = version_;
  plan.reason = reason;
  plan.start_level = level;
  plan.output_level = level == 0 ? base_level_ : level + 1;
  plan.inputs = std::move(inputs);
  plan.overlapping = Below(plan.output_level, plan.inputs, {});
  ExpandInputs(plan);
  FindGrandparents(plan);
  plan.trivial_move = plan.inputs.size() == 1 && plan.overlapping.empty() &&
                      MayMove(plan.inputs[0]->meta(), plan.output_level);
  return plan;
}

CompactionPlan PlanMaker::Stay(CompactionPlan::Reason reason, int level,
                               Version::Level inputs) const {
  CompactionPlan plan;
  plan.version = version_;
  plan.reason = reason;
  plan.start_level = level;
  plan.output_level = level;
  plan.inputs = std::move(inputs);
  if (level > 0) FindGrandparents(plan);
  return plan;
}

// The tables of `level` within the range of all of `a` and `b`.
Version::Level PlanMaker::Below(int level, const Version::Level& a,
                                const Version::Level& b) const {
  const std::optional<KeySpan> range = RangeOf(version_->order(), a, b);
  LISSOM_DCHECK(range.has_value());
  return version_->Overlapping(level, range->begin, range->end);
}

void PlanMaker::FindGrandparents(CompactionPlan& plan) const {
  if (plan.output_level >= kLastLevel) return;
  plan.grandparents =
      Below(plan.output_level + 1, plan.inputs, plan.overlapping);
}

// Takes more tables of the start level if they need no more of the output
// level: they go down at the price of their own bytes.
void PlanMaker::ExpandInputs(CompactionPlan& plan) const {
  if (plan.overlapping.empty()) return;
  CompactionPlan wider = plan;
  wider.inputs = Below(plan.start_level, plan.inputs, plan.overlapping);
  if (wider.inputs.size() <= plan.inputs.size()) return;
  if (wider.input_bytes() > MaxExpandedBytes()) return;
  if (Below(plan.output_level, wider.inputs, {}) != plan.overlapping) return;
  if (!IsFree(wider)) return;
  plan.inputs = std::move(wider.inputs);
}

bool PlanMaker::IsFree(const TableFile& table) const {
  const uint64_t number = table.meta().number;
  return !quarantined_.contains(number) && !claims_.tables.contains(number);
}

bool PlanMaker::IsFree(const CompactionPlan& plan) const {
  const auto is_free = [this](const auto& table) { return IsFree(*table); };
  if (!std::all_of(plan.inputs.begin(), plan.inputs.end(), is_free) ||
      !std::all_of(plan.overlapping.begin(), plan.overlapping.end(), is_free)) {
    return false;
  }
  if (plan.output_level == 0) return !claims_.level0_merge;
  if (plan.start_level == 0 && claims_.level0_down) return false;
  const KeyOrder& order = version_->order();
  const std::optional<KeySpan> range =
      RangeOf(order, plan.inputs, plan.overlapping);
  return std::none_of(claims_.outputs.begin(), claims_.outputs.end(),
                      [&](const Claims::Output& output) {
                        return output.level == plan.output_level &&
                               Meet(order, *range, output);
                      });
}

std::optional<uint64_t> PlanMaker::QuarantinedIn(
    const CompactionPlan& plan) const {
  for (const auto* tables : {&plan.inputs, &plan.overlapping}) {
    for (const auto& table : *tables) {
      if (quarantined_.contains(table->meta().number)) {
        return table->meta().number;
      }
    }
  }
  return std::nullopt;
}

// May a table that nothing overlaps in `output_level` be named there instead of
// being rewritten?
bool PlanMaker::MayMove(const TableMetadata& table, int output_level) const {
  const bool is_compressed = table.codec != static_cast<uint8_t>(Codec::kNone);
  const bool has_filter =
      table.filter_id != static_cast<uint8_t>(FilterId::kNone);
  if (is_compressed != CompressionOf(options_, output_level).enabled() ||
      has_filter != (options_.filter_policy.bits_per_key() > 0)) {
    return false;
  }
  // Tombstones that hide nothing would stay for ever: nothing comes to compact
  // them again.
  if (table.tombstones > 0 &&
      !version_->OverlapsBelow(output_level, table.smallest.user_key,
                               table.largest.user_key)) {
    return false;
  }
  if (output_level == kLastLevel) return true;
  const Version::Level grandparents = version_->Overlapping(
      output_level + 1, table.smallest.user_key, table.largest.user_key);
  return TotalBytes(grandparents) <=
         MaxGrandparentBytes(options_.target_file_size_base);
}

void PlanMaker::WidenMove(CompactionPlan& plan, uint64_t most_bytes) const {
  LISSOM_DCHECK(plan.trivial_move);
  const Version::Level& tables = version_->level(plan.start_level);
  const auto at = std::find(tables.begin(), tables.end(), plan.inputs[0]);
  LISSOM_DCHECK(at != tables.end());
  uint64_t bytes = TotalBytes(plan.inputs);
  // Below level 0 the next keys, in level 0 the next younger table: the older
  // ones had their turn.
  const ptrdiff_t step = plan.start_level == 0 ? -1 : 1;
  for (ptrdiff_t i = at - tables.begin() + step;
       i >= 0 && i < std::ssize(tables); i += step) {
    const auto& table = tables[static_cast<size_t>(i)];
    bytes += table->meta().size;
    if (bytes > most_bytes || !WidenMoveBy(plan, table)) break;
  }
  FindGrandparents(plan);
}

bool PlanMaker::WidenMoveBy(
    CompactionPlan& plan, const std::shared_ptr<const TableFile>& table) const {
  if (!MayMove(table->meta(), plan.output_level)) return false;
  CompactionPlan wider = plan;
  wider.inputs.insert(
      plan.start_level == 0 ? wider.inputs.begin() : wider.inputs.end(), table);
  if (!IsFree(wider) || !CheckPlan(wider).ok()) return false;
  plan.inputs = std::move(wider.inputs);
  return true;
}

}  // namespace lissom
