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

absl::Status Broken(const CompactionPlan& plan, absl::string_view what) {
  return absl::InternalError(
      absl::StrCat("plan \"", DebugString(plan), "\": ", what));
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
      plan.output_level <= plan.start_level ||
      plan.output_level >= Version::kLevels) {
    return absl::InternalError("a plan without inputs or levels");
  }
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
      (plan.inputs.size() != 1 || !plan.overlapping.empty())) {
    return Broken(plan, "moves more than one table that nothing overlaps");
  }
  return absl::OkStatus();
}

std::string DebugString(const CompactionPlan& plan) {
  std::string out = plan.trivial_move ? "move" : "compact";
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
  absl::StrAppend(&out, " -> L", plan.output_level);
  return out;
}

}  // namespace lissom
