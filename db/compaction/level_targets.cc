#include "db/compaction/level_targets.h"

#include <algorithm>
#include <cstddef>

namespace lissom {
namespace {

constexpr int kLastLevel = Version::kLevels - 1;

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

double CompactionScore(const Version& version,
                       const ColumnFamilyOptions& options) {
  const LevelTargets targets = ComputeLevelTargets(version, options);
  double score = static_cast<double>(version.level(0).size()) /
                 std::max(options.level0_file_num_compaction_trigger, 1);
  for (int n = targets.base_level; n < kLastLevel; ++n) {
    const uint64_t target = targets.bytes[static_cast<size_t>(n)];
    score = std::max(score, static_cast<double>(version.LevelBytes(n)) /
                                static_cast<double>(target));
  }
  return score;
}

uint64_t CompactionDebt(const Version& version,
                        const ColumnFamilyOptions& options) {
  const LevelTargets targets = ComputeLevelTargets(version, options);
  double debt = 0;
  double arriving = 0;  // At the level below, from above.
  const auto count = static_cast<int>(version.level(0).size());
  if (count > 0 && count >= options.level0_file_num_compaction_trigger) {
    arriving = static_cast<double>(version.LevelBytes(0));
    // Level 0 overlaps all of the base level, as a rule.
    debt =
        arriving + static_cast<double>(version.LevelBytes(targets.base_level));
  }
  for (int n = targets.base_level; n < kLastLevel; ++n) {
    const double bytes = static_cast<double>(version.LevelBytes(n)) + arriving;
    const auto target =
        static_cast<double>(targets.bytes[static_cast<size_t>(n)]);
    arriving = std::max(bytes - target, 0.0);
    const auto below = static_cast<double>(version.LevelBytes(n + 1));
    if (arriving > 0) debt += arriving * (1 + below / bytes);
  }
  return static_cast<uint64_t>(debt);
}

}  // namespace lissom
