#include "db/compaction/compaction.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace lissom {
namespace {

// The tables of `level` in the least range of user keys that holds `tables`.
Version::Level Within(const Version& version, int level,
                      const Version::Level& tables) {
  std::string_view begin = tables[0]->meta().smallest.user_key;
  std::string_view end = tables[0]->meta().largest.user_key;
  for (const auto& table : tables) {
    const TableMetadata& meta = table->meta();
    begin = std::min<std::string_view>(
        begin, meta.smallest.user_key,
        [&](auto a, auto b) { return version.order().CompareUser(a, b) < 0; });
    end = std::max<std::string_view>(
        end, meta.largest.user_key,
        [&](auto a, auto b) { return version.order().CompareUser(a, b) < 0; });
  }
  return version.Overlapping(level, begin, end);
}

// Do two of the tables share a user key?
bool ShareKeys(const Version& version, Version::Level tables) {
  const KeyOrder& order = version.order();
  std::sort(tables.begin(), tables.end(), [&](const auto& a, const auto& b) {
    return order.CompareUser(a->meta().smallest.user_key,
                             b->meta().smallest.user_key) < 0;
  });
  const auto shared = std::adjacent_find(
      tables.begin(), tables.end(), [&](const auto& a, const auto& b) {
        return order.CompareUser(a->meta().largest.user_key,
                                 b->meta().smallest.user_key) >= 0;
      });
  return shared != tables.end();
}

absl::Status Broken(const CompactionPlan& plan, absl::string_view what) {
  return absl::InternalError(
      absl::StrCat("plan \"", DebugString(plan), "\": ", what));
}

// Of a plan whose tables stay in their level.
absl::Status CheckStay(const CompactionPlan& plan) {
  if (plan.trivial_move || !plan.overlapping.empty()) {
    return Broken(plan, "stays in its level, and would move or merge");
  }
  if (plan.start_level > 0) {
    if (Within(*plan.version, plan.start_level, plan.inputs) != plan.inputs) {
      return Broken(plan, "leaves tables of its range in the start level");
    }
    return absl::OkStatus();
  }
  // One table of these has all sequences between its ends to itself only if
  // they follow each other in age.
  const Version::Level& tables = plan.version->level(0);
  const auto first = std::search(tables.begin(), tables.end(),
                                 plan.inputs.begin(), plan.inputs.end());
  if (first == tables.end() || plan.inputs.size() < 2) {
    return Broken(plan, "merges tables that do not follow each other in age");
  }
  return absl::OkStatus();
}

}  // namespace

uint64_t CompactionPlan::input_bytes() const {
  uint64_t bytes = 0;
  for (const auto& table : inputs) bytes += table->meta().size;
  for (const auto& table : overlapping) bytes += table->meta().size;
  return bytes;
}

uint64_t CompactionPlan::input_entries() const {
  uint64_t entries = 0;
  for (const auto& table : inputs) entries += table->meta().entries;
  for (const auto& table : overlapping) entries += table->meta().entries;
  return entries;
}

absl::Status CheckPlan(const CompactionPlan& plan) {
  if (plan.version == nullptr || plan.inputs.empty() || plan.start_level < 0 ||
      plan.output_level < plan.start_level ||
      plan.output_level >= Version::kLevels) {
    return absl::InternalError("a plan without inputs or levels");
  }
  if (plan.stays_in_level()) return CheckStay(plan);
  for (int n = plan.start_level + 1; n < plan.output_level; ++n) {
    if (!plan.version->level(n).empty()) {
      return Broken(plan, absl::StrCat("passes by tables of level ", n));
    }
  }
  // A level below 0 has no user key twice: there any tables are a plan, as long
  // as their range takes in all tables between them.
  if (Within(*plan.version, plan.start_level, plan.inputs) != plan.inputs) {
    return Broken(plan, "leaves tables of its range in the start level");
  }
  if (Within(*plan.version, plan.output_level, plan.inputs) !=
      plan.overlapping) {
    return Broken(plan, "does not take what it overlaps in the output level");
  }
  if (plan.trivial_move &&
      (!plan.overlapping.empty() || ShareKeys(*plan.version, plan.inputs))) {
    return Broken(plan, "moves tables that it would have to merge");
  }
  return absl::OkStatus();
}

std::string_view ReasonName(CompactionPlan::Reason reason) {
  switch (reason) {
    case CompactionPlan::Reason::kLevel0Count:
      return "level0-count";
    case CompactionPlan::Reason::kLevelSize:
      return "level-size";
    case CompactionPlan::Reason::kTombstones:
      return "tombstones";
    case CompactionPlan::Reason::kAge:
      return "age";
    case CompactionPlan::Reason::kManual:
      return "manual";
  }
  return "unknown";
}

std::string DebugString(const CompactionPlan& plan) {
  std::string out = plan.trivial_move        ? "move"
                    : !plan.stays_in_level() ? "compact"
                    : plan.start_level == 0  ? "merge"
                                             : "rewrite";
  for (const auto& table : plan.inputs) {
    absl::StrAppend(&out, " ", table->meta().number);
  }
  absl::StrAppend(&out, " L", plan.start_level);
  if (!plan.overlapping.empty()) {
    absl::StrAppend(&out, " +");
    for (const auto& table : plan.overlapping) {
      absl::StrAppend(&out, " ", table->meta().number);
    }
    absl::StrAppend(&out, " L", plan.output_level);
  }
  if (!plan.stays_in_level()) absl::StrAppend(&out, " -> L", plan.output_level);
  return out;
}

}  // namespace lissom
