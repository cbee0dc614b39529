#include "db/compaction/plan_parts.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace lissom {
namespace {

// Where tables of the plan begin, ascending, each key once, but for the first.
std::vector<std::string_view> PossibleCuts(const CompactionPlan& plan) {
  const KeyOrder& order = plan.version->order();
  std::vector<std::string_view> keys;
  for (const auto* tables : {&plan.inputs, &plan.overlapping}) {
    for (const auto& table : *tables) {
      keys.push_back(table->meta().smallest.user_key);
    }
  }
  std::sort(keys.begin(), keys.end(),
            [&](auto a, auto b) { return order.CompareUser(a, b) < 0; });
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  keys.erase(keys.begin());
  return keys;
}

// Bytes between each two possible cuts: a table's are spread evenly over the
// pieces that it reaches into, for nothing is known of them.
std::vector<double> BytesBetween(const CompactionPlan& plan,
                                 const std::vector<std::string_view>& cuts) {
  const KeyOrder& order = plan.version->order();
  const auto piece_of = [&](std::string_view key) {
    return static_cast<size_t>(
        std::upper_bound(
            cuts.begin(), cuts.end(), key,
            [&](auto a, auto b) { return order.CompareUser(a, b) < 0; }) -
        cuts.begin());
  };
  std::vector<double> bytes(cuts.size() + 1, 0);
  for (const auto* tables : {&plan.inputs, &plan.overlapping}) {
    for (const auto& table : *tables) {
      const TableMetadata& meta = table->meta();
      const size_t first = piece_of(meta.smallest.user_key);
      const size_t last = piece_of(meta.largest.user_key);
      for (size_t i = first; i <= last; ++i) {
        bytes[i] += static_cast<double>(meta.size) /
                    static_cast<double>(last - first + 1);
      }
    }
  }
  return bytes;
}

}  // namespace

std::vector<std::string> CutPlan(const CompactionPlan& plan, size_t most_parts,
                                 uint64_t least_bytes) {
  const uint64_t total = plan.input_bytes();
  const size_t parts = std::min<uint64_t>(
      most_parts, total / std::max<uint64_t>(least_bytes, 1));
  if (parts < 2 || plan.output_level == 0) return {};
  const std::vector<std::string_view> cuts = PossibleCuts(plan);
  const std::vector<double> bytes = BytesBetween(plan, cuts);
  const double share = static_cast<double>(total) / static_cast<double>(parts);
  std::vector<std::string> taken;
  double before = 0;      // Bytes before the cut that is looked at.
  double wanted = share;  // Bytes before the cut that is wanted.
  for (size_t i = 0; i < cuts.size() && taken.size() + 1 < parts; ++i) {
    before += bytes[i];
    // The next cut may come closer.
    if (std::abs(before + bytes[i + 1] - wanted) < std::abs(before - wanted)) {
      continue;
    }
    taken.emplace_back(cuts[i]);
    // A large piece may have passed several.
    while (wanted <= before || before + share / 2 > wanted) wanted += share;
  }
  return taken;
}

}  // namespace lissom
