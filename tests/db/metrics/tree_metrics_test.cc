// What a tree's shape says in numbers. Trees are drawn as text
// (tests/support/shape.h); a table's size is 1 MiB unless it says otherwise.
#include "db/metrics/tree_metrics.h"

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "lissom/comparator.h"
#include "tests/support/shape.h"

namespace lissom {
namespace {

constexpr uint64_t kMiB = 1 << 20;

Metrics Of(std::string_view shape) {
  Metrics metrics;
  SetTreeMetrics(*testing::ParseShape(shape), &metrics);
  return metrics;
}

TEST(TreeMetrics, OfAnEmptyTreeAreZero) {
  Metrics metrics;
  metrics.tables = metrics.table_bytes = metrics.estimated_keys = 7;
  metrics.levels[2].tables = metrics.levels[2].bytes = 7;
  metrics.memtable_entries = 5;
  SetTreeMetrics(*testing::ParseShape(""), &metrics);
  EXPECT_EQ(metrics.tables, 0u);
  EXPECT_EQ(metrics.table_bytes, 0u);
  EXPECT_EQ(metrics.estimated_live_bytes, 0u);
  EXPECT_EQ(metrics.estimated_keys, 5u);
  EXPECT_EQ(metrics.levels[2].tables, 0u);
  EXPECT_EQ(metrics.levels[2].bytes, 0u);
}

TEST(TreeMetrics, CountTablesAndBytesByLevel) {
  const Metrics metrics = Of("L0: 9[a-f] 7[c-k]:3M\nL5: 3[a-d]:10M");
  EXPECT_EQ(metrics.tables, 3u);
  EXPECT_EQ(metrics.table_bytes, 14 * kMiB);
  EXPECT_EQ(metrics.levels[0].tables, 2u);
  EXPECT_EQ(metrics.levels[0].bytes, 4 * kMiB);
  EXPECT_EQ(metrics.levels[5].bytes, 10 * kMiB);
  EXPECT_EQ(metrics.levels[6].tables, 0u);
}

TEST(TreeMetrics, LeaveThePolicysFiguresAlone) {
  Metrics metrics;
  metrics.levels[6].target_bytes = 11;
  metrics.levels[6].score = 0.5;
  SetTreeMetrics(*testing::ParseShape("L6: 3[a-d]"), &metrics);
  EXPECT_EQ(metrics.levels[6].target_bytes, 11u);
  EXPECT_EQ(metrics.levels[6].score, 0.5);
}

TEST(TreeMetrics, WhatLiesAboveOthersIsTakenForOverwrites) {
  EXPECT_EQ(Of("L6: 1[a-d]:8M 2[e-h]:8M").estimated_live_bytes, 16 * kMiB);
  EXPECT_EQ(Of("L5: 3[b-c]:2M\nL6: 1[a-d]:8M").estimated_live_bytes, 8 * kMiB);
  // Nothing lies below g.
  EXPECT_EQ(Of("L5: 3[b-c]:2M 4[g-h]:1M\nL6: 1[a-d]:8M").estimated_live_bytes,
            9 * kMiB);
  // Two levels up.
  EXPECT_EQ(Of("L2: 3[b-c]:2M\nL6: 1[a-d]:8M").estimated_live_bytes, 8 * kMiB);
}

TEST(TreeMetrics, OfAKnotInLevel0TheLargestLives) {
  EXPECT_EQ(Of("L0: 9[a-f]:1M 8[e-k]:5M 7[j-m]:2M").estimated_live_bytes,
            5 * kMiB);
  // Two knots.
  EXPECT_EQ(Of("L0: 9[x-z]:3M 8[a-f]:1M 7[b-c]:2M").estimated_live_bytes,
            5 * kMiB);
  // A long table holds a knot together; the same bounds touch.
  EXPECT_EQ(Of("L0: 9[a-z]:4M 8[b-c]:1M 7[x-y]:2M").estimated_live_bytes,
            4 * kMiB);
  EXPECT_EQ(Of("L0: 9[a-c]:4M 8[c-d]:1M").estimated_live_bytes, 4 * kMiB);
  // What lies above a deeper table is not in it.
  EXPECT_EQ(Of("L0: 9[a-f]:4M 8[x-z]:1M\nL6: 1[b-c]:7M").estimated_live_bytes,
            8 * kMiB);
}

TEST(TreeMetrics, ATombstoneIsTwoKeysLess) {
  TableMetadata table = testing::ParseTable("7[a-k]");
  table.entries = 100;
  table.tombstones = 30;
  table.raw_key_bytes = 1600;
  table.raw_value_bytes = 7000;
  std::array<Version::Level, Version::kLevels> levels;
  levels[6] = {std::make_shared<TableFile>(nullptr, table)};
  Metrics metrics;
  metrics.memtable_entries = 5;
  const KeyOrder order(BytewiseComparator());
  SetTreeMetrics(Version(order, levels), &metrics);
  EXPECT_EQ(metrics.estimated_keys, 45u);
  EXPECT_EQ(metrics.levels[6].raw_bytes, 8600u);

  table.tombstones = 80;  // More than there can be to hide.
  levels[6] = {std::make_shared<TableFile>(nullptr, table)};
  SetTreeMetrics(Version(order, levels), &metrics);
  EXPECT_EQ(metrics.estimated_keys, 5u);
}

}  // namespace
}  // namespace lissom
