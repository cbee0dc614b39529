#include "db/compaction/leveled_picker.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "util/check.h"

namespace lissom {
namespace {

using Reason = CompactionPlan::Reason;

constexpr int kLastLevel = Version::kLevels - 1;

// Level 0 merges with itself from so many tables over its trigger on, and at
// least so many at once.
constexpr int kLevel0Patience = 2;
constexpr size_t kLeastMerged = 4;

// Are so many of the table's entries tombstones that it should go?
bool IsMostlyTombstones(const TableMetadata& table) {
  return table.tombstones > 0 && table.tombstones >= table.entries / 4;
}

// Tables are old from then on; those that do not know their age never.
absl::Time OldFrom(const TableMetadata& table,
                   const ColumnFamilyOptions& options) {
  if (options.ttl <= absl::ZeroDuration() || table.creation_time == 0) {
    return absl::InfiniteFuture();
  }
  return absl::FromUnixSeconds(static_cast<int64_t>(table.creation_time) + 1) +
         options.ttl;
}

class LeveledPicker {
 public:
  LeveledPicker(std::shared_ptr<const Version> version,
                const ColumnFamilyOptions& options, const PickContext& context,
                const LeveledPickerState& state)
      : version_(std::move(version)),
        options_(options),
        context_(context),
        state_(state),
        targets_(ComputeLevelTargets(*version_, options)),
        maker_(version_, options, targets_.base_level, state.quarantined,
               context.claims) {}

  std::optional<CompactionPlan> Pick() const {
    std::optional<CompactionPlan> plan = PickAny();
    LISSOM_DCHECK(!plan.has_value() || CheckPlan(*plan).ok());
    return plan;
  }

 private:
  std::optional<CompactionPlan> PickAny() const {
    const std::vector<std::pair<double, int>> due = DueLevels();
    for (const auto& [score, level] : due) {
      std::optional<CompactionPlan> plan =
          level == 0 ? PickLevel0() : PickLevel(level);
      if (!plan.has_value()) continue;  // Busy or quarantined.
      plan->score = score;
      return plan;
    }
    // What is due must not find its tables taken when its turn comes.
    const bool is_busy = !context_.claims.tables.empty();
    if (!due.empty() && is_busy) return std::nullopt;
    std::optional<CompactionPlan> plan = PickTombstones();
    return plan.has_value() ? std::move(plan) : PickOld();
  }

  // Levels to compact, the most urgent first; of equals the upper one.
  std::vector<std::pair<double, int>> DueLevels() const {
    std::vector<std::pair<double, int>> due;
    const double trigger = options_.level0_file_num_compaction_trigger;
    const auto count = static_cast<double>(RemainingIn(0).count);
    if (count > 0 && count >= trigger) {
      due.emplace_back(count / std::max(trigger, 1.0), 0);
    }
    for (int n = targets_.base_level; n < kLastLevel; ++n) {
      const auto target =
          static_cast<double>(targets_.bytes[static_cast<size_t>(n)]);
      const auto bytes = static_cast<double>(RemainingIn(n).bytes);
      if (bytes > target) due.emplace_back(bytes / target, n);
    }
    std::stable_sort(due.begin(), due.end(), [](const auto& a, const auto& b) {
      return a.first > b.first;
    });
    return due;
  }

  // What a level holds but for what is on its way down.
  struct Amount {
    size_t count = 0;
    uint64_t bytes = 0;
  };
  Amount RemainingIn(int level) const {
    const Version::Level& tables = version_->level(level);
    Amount amount = {.count = tables.size(),
                     .bytes = version_->LevelBytes(level)};
    const std::set<uint64_t>& leaving = context_.claims.leaving;
    if (leaving.empty()) return amount;
    for (const auto& table : tables) {
      if (!leaving.contains(table->meta().number)) continue;
      --amount.count;
      amount.bytes -= table->meta().size;
    }
    return amount;
  }

  std::optional<CompactionPlan> IfFree(CompactionPlan plan) const {
    if (!maker_.IsFree(plan)) return std::nullopt;
    return plan;
  }

  // The plan that takes the table, and what must go with it, down.
  std::optional<CompactionPlan> Down(Reason reason, int level,
                                     const TableFile& table) const {
    if (!maker_.IsFree(table)) return std::nullopt;
    const TableMetadata& meta = table.meta();
    return IfFree(
        maker_.Down(reason, level,
                    version_->Overlapping(level, meta.smallest.user_key,
                                          meta.largest.user_key)));
  }

  // The oldest table that may go, and all tables that share keys with it.
  std::optional<CompactionPlan> PickLevel0() const {
    const Version::Level& tables = version_->level(0);
    for (auto table = tables.rbegin();
         !context_.claims.level0_down && table != tables.rend(); ++table) {
      std::optional<CompactionPlan> plan =
          Down(Reason::kLevel0Count, 0, **table);
      if (!plan.has_value()) continue;
      if (plan->trivial_move) maker_.WidenMove(*plan, UINT64_MAX);
      return plan;
    }
    return PickMerge();
  }

  std::optional<CompactionPlan> PickMerge() const {
    const Version::Level& tables = version_->level(0);
    const int trigger = options_.level0_file_num_compaction_trigger;
    // Without a plan under way nobody would free the way down.
    if (context_.claims.tables.empty() ||
        std::ssize(tables) < trigger + kLevel0Patience) {
      return std::nullopt;
    }
    Version::Level inputs;
    uint64_t bytes = 0;
    for (const auto& table : tables) {
      if (!maker_.IsFree(*table)) break;
      // With n tables n - 1 go away; is a byte of them dearer with this one?
      const uint64_t more = bytes + table->meta().size;
      if (inputs.size() >= 2 &&
          more / inputs.size() > bytes / (inputs.size() - 1)) {
        break;
      }
      bytes = more;
      inputs.push_back(table);
    }
    if (inputs.size() < kLeastMerged) return std::nullopt;
    return IfFree(maker_.Stay(Reason::kLevel0Count, 0, std::move(inputs)));
  }

  // The table that overlaps the least, in proportion, beginning the search
  // behind the last one that went.
  std::optional<CompactionPlan> PickLevel(int level) const {
    const Version::Level& tables = version_->level(level);
    for (const size_t index : ByOverlap(level)) {
      std::optional<CompactionPlan> plan =
          Down(Reason::kLevelSize, level, *tables[index]);
      if (!plan.has_value()) continue;
      if (plan->trivial_move) {
        // No more than makes the level small enough.
        maker_.WidenMove(*plan, RemainingIn(level).bytes -
                                    targets_.bytes[static_cast<size_t>(level)]);
      }
      return plan;
    }
    return std::nullopt;
  }

  // The indexes of a level's tables, the one to take first first.
  std::vector<size_t> ByOverlap(int level) const {
    const Version::Level& tables = version_->level(level);
    const std::vector<uint64_t> overlaps = OverlappingBytes(level);
    const double entry_bytes = EntryBytes(level + 1);
    const std::optional<std::string>& last =
        state_.last_key[static_cast<size_t>(level)];
    const size_t first =
        last.has_value()
            ? static_cast<size_t>(
                  std::partition_point(
                      tables.begin(), tables.end(),
                      [&](const auto& table) {
                        return version_->order().CompareUser(
                                   table->meta().largest.user_key, *last) <= 0;
                      }) -
                  tables.begin())
            : 0;
    std::vector<std::pair<double, size_t>> candidates;
    for (size_t i = 0; i < tables.size(); ++i) {
      const size_t index = (first + i) % tables.size();
      const TableMetadata& meta = tables[index]->meta();
      const double weight = static_cast<double>(meta.size) +
                            static_cast<double>(meta.tombstones) * entry_bytes;
      candidates.emplace_back(
          static_cast<double>(overlaps[index]) / std::max(weight, 1.0), index);
    }
    std::stable_sort(
        candidates.begin(), candidates.end(),
        [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<size_t> order;
    order.reserve(candidates.size());
    for (const auto& [ratio, index] : candidates) order.push_back(index);
    return order;
  }

  // Of an entry of `level`, about.
  double EntryBytes(int level) const {
    uint64_t entries = 0;
    for (const auto& table : version_->level(level)) {
      entries += table->meta().entries;
    }
    return static_cast<double>(version_->LevelBytes(level)) /
           static_cast<double>(std::max<uint64_t>(entries, 1));
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

  struct Found {
    int level = 0;
    std::shared_ptr<const TableFile> table;
  };

  std::optional<CompactionPlan> PickTombstones() const {
    std::vector<Found> found;
    for (int n = 1; n <= kLastLevel; ++n) {
      for (const auto& table : version_->level(n)) {
        const TableMetadata& meta = table->meta();
        if (!IsMostlyTombstones(meta)) continue;
        if (n == kLastLevel &&
            meta.largest_sequence > context_.oldest_snapshot) {
          continue;
        }
        found.push_back({.level = n, .table = table});
      }
    }
    std::stable_sort(
        found.begin(), found.end(), [](const Found& a, const Found& b) {
          return a.table->meta().tombstones > b.table->meta().tombstones;
        });
    for (const auto& [level, table] : found) {
      std::optional<CompactionPlan> plan =
          level < kLastLevel
              ? Down(Reason::kTombstones, level, *table)
              : IfFree(maker_.Stay(Reason::kTombstones, level, {table}));
      if (plan.has_value()) return plan;
    }
    return std::nullopt;
  }

  std::optional<CompactionPlan> PickOld() const {
    if (options_.ttl <= absl::ZeroDuration()) return std::nullopt;
    std::vector<Found> found;
    for (int n = 0; n < kLastLevel; ++n) {
      for (const auto& table : version_->level(n)) {
        if (OldFrom(table->meta(), options_) > context_.now) continue;
        found.push_back({.level = n, .table = table});
      }
    }
    std::stable_sort(
        found.begin(), found.end(), [](const Found& a, const Found& b) {
          return a.table->meta().creation_time < b.table->meta().creation_time;
        });
    for (const auto& [level, table] : found) {
      std::optional<CompactionPlan> plan = Down(Reason::kAge, level, *table);
      if (plan.has_value()) return plan;
    }
    return std::nullopt;
  }

  const std::shared_ptr<const Version> version_;
  const ColumnFamilyOptions& options_;
  const PickContext& context_;
  const LeveledPickerState& state_;
  const LevelTargets targets_;
  const PlanMaker maker_;
};

}  // namespace

std::optional<CompactionPlan> PickLeveledCompaction(
    std::shared_ptr<const Version> version, const ColumnFamilyOptions& options,
    const PickContext& context, LeveledPickerState& state) {
  std::optional<CompactionPlan> plan =
      LeveledPicker(std::move(version), options, context, state).Pick();
  if (plan.has_value() && plan->reason == Reason::kLevelSize) {
    state.last_key[static_cast<size_t>(plan->start_level)] =
        plan->inputs.back()->meta().largest.user_key;
  }
  return plan;
}

PickAgain WhenToPickAgain(const Version& version,
                          const ColumnFamilyOptions& options,
                          const PickContext& context) {
  PickAgain again;
  for (const auto& table : version.level(kLastLevel)) {
    const TableMetadata& meta = table->meta();
    if (IsMostlyTombstones(meta) &&
        meta.largest_sequence > context.oldest_snapshot) {
      again.snapshot = std::min(again.snapshot, meta.largest_sequence);
    }
  }
  for (int n = 0; n < kLastLevel; ++n) {
    for (const auto& table : version.level(n)) {
      const absl::Time old_from = OldFrom(table->meta(), options);
      if (old_from > context.now) again.time = std::min(again.time, old_from);
    }
  }
  return again;
}

bool NeedsCompaction(const std::shared_ptr<const Version>& version,
                     const ColumnFamilyOptions& options,
                     const PickContext& context,
                     const LeveledPickerState& state) {
  return LeveledPicker(version, options, context, state).Pick().has_value();
}

std::optional<CompactionPlan> PickLeveledCompaction(
    std::shared_ptr<const Version> version, const ColumnFamilyOptions& options,
    LeveledPickerState& state) {
  return PickLeveledCompaction(std::move(version), options, PickContext(),
                               state);
}

bool NeedsCompaction(const std::shared_ptr<const Version>& version,
                     const ColumnFamilyOptions& options,
                     const LeveledPickerState& state) {
  return NeedsCompaction(version, options, PickContext(), state);
}

}  // namespace lissom
