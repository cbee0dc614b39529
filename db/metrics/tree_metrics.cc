#include "db/metrics/tree_metrics.h"

#include <algorithm>
#include <string_view>

namespace lissom {
namespace {

static_assert(Metrics::kLevels == Version::kLevels);

bool IsCovered(const Version& version, int level, const TableMetadata& table) {
  return level + 1 < Version::kLevels &&
         version.OverlapsBelow(level + 1, table.smallest.user_key,
                               table.largest.user_key);
}

uint64_t LiveBytesOfSorted(const Version& version, int level) {
  uint64_t bytes = 0;
  for (const auto& table : version.level(level)) {
    if (!IsCovered(version, level, table->meta())) bytes += table->meta().size;
  }
  return bytes;
}

// The tables of level 0 overlap: of each knot of them the largest counts.
uint64_t LiveBytesOfLevel0(const Version& version) {
  const KeyOrder& order = version.order();
  Version::Level tables = version.level(0);
  std::sort(tables.begin(), tables.end(), [&](const auto& a, const auto& b) {
    return order.CompareUser(a->meta().smallest.user_key,
                             b->meta().smallest.user_key) < 0;
  });
  uint64_t bytes = 0;
  uint64_t largest_of_knot = 0;
  std::string_view end_of_knot;
  bool in_knot = false;
  for (const auto& table : tables) {
    const TableMetadata& meta = table->meta();
    if (IsCovered(version, 0, meta)) continue;
    const bool joins =
        in_knot && order.CompareUser(meta.smallest.user_key, end_of_knot) <= 0;
    if (!joins) {
      bytes += largest_of_knot;
      largest_of_knot = 0;
    }
    largest_of_knot = std::max(largest_of_knot, meta.size);
    if (!joins || order.CompareUser(meta.largest.user_key, end_of_knot) > 0) {
      end_of_knot = meta.largest.user_key;
    }
    in_knot = true;
  }
  return bytes + largest_of_knot;
}

}  // namespace

void SetTreeMetrics(const Version& version, Metrics* metrics) {
  metrics->tables = 0;
  metrics->table_bytes = 0;
  metrics->estimated_live_bytes = LiveBytesOfLevel0(version);
  uint64_t entries = 0;
  uint64_t tombstones = 0;
  for (int level = 0; level < Version::kLevels; ++level) {
    LevelMetrics& to = metrics->levels[static_cast<size_t>(level)];
    to.tables = version.level(level).size();
    to.bytes = version.LevelBytes(level);
    to.raw_bytes = 0;
    for (const auto& table : version.level(level)) {
      const TableMetadata& meta = table->meta();
      to.raw_bytes += meta.raw_key_bytes + meta.raw_value_bytes;
      entries += meta.entries;
      tombstones += meta.tombstones;
    }
    metrics->tables += to.tables;
    metrics->table_bytes += to.bytes;
    if (level > 0) {
      metrics->estimated_live_bytes += LiveBytesOfSorted(version, level);
    }
  }
  const uint64_t dead = std::min(entries, 2 * tombstones);
  metrics->estimated_keys = entries - dead + metrics->memtable_entries;
}

}  // namespace lissom
