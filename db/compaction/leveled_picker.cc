#include "db/compaction/leveled_picker.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "db/output/table_output.h"
#include "table/bloom_filter.h"
#include "table/format.h"
#include "util/check.h"

namespace lissom {
namespace {

constexpr int kLastLevel = Version::kLevels - 1;

// A compaction may take more of its start level, if that costs nothing below,
// up to so many targets' worth of bytes.
constexpr uint64_t kMaxExpandedTargets = 25;

struct KeyRange {
  std::string_view begin;
  std::string_view end;
};

void Extend(const KeyOrder& order, const Version::Level& tables,
            std::optional<KeyRange>& range) {
  for (const auto& table : tables) {
    const TableMetadata& meta = table->meta();
    if (!range.has_value()) {
      range = KeyRange{meta.smallest.user_key, meta.largest.user_key};
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

uint64_t TotalBytes(const Version::Level& tables) {
  uint64_t bytes = 0;
  for (const auto& table : tables) bytes += table->meta().size;
  return bytes;
}

class LeveledPicker {
 public:
  LeveledPicker(std::shared_ptr<const Version> version,
                const ColumnFamilyOptions& options,
                const LeveledPickerState& state)
      : version_(std::move(version)),
        options_(options),
        state_(state),
        targets_(ComputeLevelTargets(*version_, options)) {}

  std::optional<CompactionPlan> Pick() const {
    for (const auto& [score, level] : DueLevels()) {
      std::optional<CompactionPlan> plan =
          level == 0 ? PickLevel0() : PickLevel(level);
      if (!plan.has_value()) continue;  // All of it quarantined.
      plan->score = score;
      LISSOM_DCHECK(CheckPlan(*plan).ok());
      return plan;
    }
    return std::nullopt;
  }

 private:
  // Levels to compact, the most urgent first; of equals the upper one.
  std::vector<std::pair<double, int>> DueLevels() const {
    std::vector<std::pair<double, int>> due;
    const double trigger = options_.level0_file_num_compaction_trigger;
    const double count = static_cast<double>(version_->level(0).size());
    if (count > 0 && count >= trigger) {
      due.emplace_back(count / std::max(trigger, 1.0), 0);
    }
    for (int n = targets_.base_level; n < kLastLevel; ++n) {
      const auto target =
          static_cast<double>(targets_.bytes[static_cast<size_t>(n)]);
      const auto bytes = static_cast<double>(version_->LevelBytes(n));
      if (bytes > target) due.emplace_back(bytes / target, n);
    }
    std::stable_sort(due.begin(), due.end(), [](const auto& a, const auto& b) {
      return a.first > b.first;
    });
    return due;
  }

  // The oldest table that may go, and all tables that share keys with it.
  std::optional<CompactionPlan> PickLevel0() const {
    const Version::Level& tables = version_->level(0);
    for (auto seed = tables.rbegin(); seed != tables.rend(); ++seed) {
      const TableMetadata& meta = (*seed)->meta();
      std::optional<CompactionPlan> plan =
          MakePlan(CompactionPlan::Reason::kLevel0Count, 0,
                   {meta.smallest.user_key, meta.largest.user_key});
      if (plan.has_value()) return plan;
    }
    return std::nullopt;
  }

  // The table that overlaps the least, in proportion, beginning the search
  // behind the last one that went.
  std::optional<CompactionPlan> PickLevel(int level) const {
    const Version::Level& tables = version_->level(level);
    const std::vector<uint64_t> overlaps = OverlappingBytes(level);
    const std::optional<std::string>& last =
        state_.last_key[static_cast<size_t>(level)];
    size_t first = 0;
    while (last.has_value() && first < tables.size() &&
           version_->order().CompareUser(tables[first]->meta().largest.user_key,
                                         *last) <= 0) {
      ++first;
    }
    std::vector<std::pair<double, size_t>> candidates;
    for (size_t i = 0; i < tables.size(); ++i) {
      const size_t index = (first + i) % tables.size();
      const double size = static_cast<double>(tables[index]->meta().size);
      candidates.emplace_back(
          static_cast<double>(overlaps[index]) / std::max(size, 1.0), index);
    }
    std::stable_sort(
        candidates.begin(), candidates.end(),
        [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [ratio, index] : candidates) {
      const TableMetadata& meta = tables[index]->meta();
      std::optional<CompactionPlan> plan =
          MakePlan(CompactionPlan::Reason::kLevelSize, level,
                   {meta.smallest.user_key, meta.largest.user_key});
      if (plan.has_value()) return plan;
    }
    return std::nullopt;
  }

  // Of each table of `level`: bytes of the tables below that it overlaps. One
  // walk over both levels.
  std::vector<uint64_t> OverlappingBytes(int level) const {
    const KeyOrder& order = version_->order();
    const Version::Level& below = version_->level(level + 1);
    std::vector<uint64_t> overlaps;
    size_t first = 0;
    for (const auto& table : version_->level(level)) {
      const TableMetadata& meta = table->meta();
      while (first < below.size() &&
             order.CompareUser(below[first]->meta().largest.user_key,
                               meta.smallest.user_key) < 0) {
        ++first;
      }
      uint64_t bytes = 0;
      for (size_t i = first;
           i < below.size() &&
           order.CompareUser(below[i]->meta().smallest.user_key,
                             meta.largest.user_key) <= 0;
           ++i) {
        bytes += below[i]->meta().size;
      }
      overlaps.push_back(bytes);
    }
    return overlaps;
  }

  // The plan that takes the tables of `level` in `range` down; nullopt if it
  // needs a quarantined table.
  std::optional<CompactionPlan> MakePlan(CompactionPlan::Reason reason,
                                         int level, KeyRange range) const {
    CompactionPlan plan;
    plan.version = version_;
    plan.reason = reason;
    plan.start_level = level;
    plan.output_level = level == 0 ? targets_.base_level : level + 1;
    plan.inputs = version_->Overlapping(level, range.begin, range.end);
    plan.overlapping = Below(plan.output_level, plan.inputs, {});
    if (IsQuarantined(plan.inputs) || IsQuarantined(plan.overlapping)) {
      return std::nullopt;
    }
    ExpandInputs(plan);
    if (plan.output_level < kLastLevel) {
      plan.grandparents =
          Below(plan.output_level + 1, plan.inputs, plan.overlapping);
    }
    plan.trivial_move = MayMove(plan);
    return plan;
  }

  // The tables of `level` within the range of all of `a` and `b`.
  Version::Level Below(int level, const Version::Level& a,
                       const Version::Level& b) const {
    std::optional<KeyRange> range;
    Extend(version_->order(), a, range);
    Extend(version_->order(), b, range);
    return version_->Overlapping(level, range->begin, range->end);
  }

  // Takes more tables of the start level if they need no more of the output
  // level: they go down at the price of their own bytes.
  void ExpandInputs(CompactionPlan& plan) const {
    if (plan.overlapping.empty()) return;
    Version::Level more =
        Below(plan.start_level, plan.inputs, plan.overlapping);
    if (more.size() <= plan.inputs.size() || IsQuarantined(more)) return;
    const uint64_t bytes = TotalBytes(more) + TotalBytes(plan.overlapping);
    if (bytes / kMaxExpandedTargets > options_.target_file_size_base) return;
    if (Below(plan.output_level, more, {}) != plan.overlapping) return;
    plan.inputs = std::move(more);
  }

  bool IsQuarantined(const Version::Level& tables) const {
    return std::any_of(tables.begin(), tables.end(), [&](const auto& table) {
      return state_.quarantined.contains(table->meta().number);
    });
  }

  // May the one input be named in the output level instead of being rewritten?
  bool MayMove(const CompactionPlan& plan) const {
    if (plan.inputs.size() != 1 || !plan.overlapping.empty()) return false;
    const TableMetadata& table = plan.inputs[0]->meta();
    const bool is_compressed =
        table.codec != static_cast<uint8_t>(Codec::kNone);
    const bool has_filter =
        table.filter_id != static_cast<uint8_t>(FilterId::kNone);
    if (is_compressed != CompressionOf(options_, plan.output_level).enabled() ||
        has_filter != (options_.filter_policy.bits_per_key() > 0)) {
      return false;
    }
    // Tombstones that hide nothing would stay for ever: nothing comes to
    // compact them again.
    if (table.tombstones > 0 &&
        !version_->OverlapsBelow(plan.output_level, table.smallest.user_key,
                                 table.largest.user_key)) {
      return false;
    }
    return TotalBytes(plan.grandparents) <=
           MaxGrandparentBytes(options_.target_file_size_base);
  }

  const std::shared_ptr<const Version> version_;
  const ColumnFamilyOptions& options_;
  const LeveledPickerState& state_;
  const LevelTargets targets_;
};

}  // namespace

LevelTargets ComputeLevelTargets(const Version& version,
                                 const ColumnFamilyOptions& options) {
  // The size of the data: the last level's, or while the tree is out of shape
  // the largest level's.
  uint64_t largest = 0;
  int first_nonempty = kLastLevel;
  for (int n = kLastLevel; n >= 1; --n) {
    largest = std::max(largest, version.LevelBytes(n));
    if (!version.level(n).empty()) first_nonempty = n;
  }
  const auto base_bytes = static_cast<double>(options.max_bytes_for_level_base);
  const double multiplier = options.max_bytes_for_level_multiplier;
  std::array<double, Version::kLevels> bytes{};
  int level = kLastLevel;
  bytes[kLastLevel] = static_cast<double>(largest);
  while (level > 1 && multiplier > 1 &&
         bytes[static_cast<size_t>(level)] > base_bytes) {
    bytes[static_cast<size_t>(level - 1)] =
        bytes[static_cast<size_t>(level)] / multiplier;
    --level;
  }
  // Levels that the data has shrunk away from, or that the options have: level
  // 0 must not pass by them, and they may hold a little until they drain.
  for (; level > first_nonempty; --level) {
    bytes[static_cast<size_t>(level - 1)] = base_bytes / multiplier;
  }
  LevelTargets targets;
  targets.base_level = level;
  for (size_t n = static_cast<size_t>(level); n < bytes.size(); ++n) {
    targets.bytes[n] = std::max<uint64_t>(static_cast<uint64_t>(bytes[n]), 1);
  }
  return targets;
}

std::optional<CompactionPlan> PickLeveledCompaction(
    std::shared_ptr<const Version> version, const ColumnFamilyOptions& options,
    LeveledPickerState& state) {
  std::optional<CompactionPlan> plan =
      LeveledPicker(std::move(version), options, state).Pick();
  if (plan.has_value() && plan->start_level > 0) {
    state.last_key[static_cast<size_t>(plan->start_level)] =
        plan->inputs.back()->meta().largest.user_key;
  }
  return plan;
}

bool NeedsCompaction(const std::shared_ptr<const Version>& version,
                     const ColumnFamilyOptions& options,
                     const LeveledPickerState& state) {
  return LeveledPicker(version, options, state).Pick().has_value();
}

}  // namespace lissom
