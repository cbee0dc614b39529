// What a Metrics says by itself: names of causes, and figures that derive from
// others.
#include "lissom/metrics.h"

#include <set>
#include <string_view>

#include "gtest/gtest.h"

namespace lissom {
namespace {

TEST(StallCause, EachHasAName) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kStallCauses; ++i) {
    const std::string_view name = StallCauseName(static_cast<StallCause>(i));
    EXPECT_NE(name, "unknown");
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(StallCauseName(StallCause::kWalSize), "wal_size");
  EXPECT_EQ(StallCauseName(static_cast<StallCause>(kStallCauses)), "unknown");
}

TEST(Metrics, DerivedFiguresOfAnEmptyDatabaseAreZero) {
  const Metrics metrics;
  EXPECT_EQ(metrics.WriteAmplification(), 0);
  EXPECT_EQ(metrics.WriteAmplificationWithWal(), 0);
  EXPECT_EQ(metrics.SpaceAmplification(), 0);
  EXPECT_EQ(metrics.CompressionRatio(), 0);
  EXPECT_EQ(metrics.CacheHitRate(), 0);
  EXPECT_EQ(metrics.levels[3].CompressionRatio(), 0);
}

TEST(Metrics, WriteAmplificationIsTablesWrittenAByteOfBatches) {
  Metrics metrics;
  metrics.bytes_written = 1000;
  metrics.wal_bytes = 1100;
  metrics.flush_bytes = 900;
  metrics.compaction_read_bytes = 7777;
  metrics.compaction_written_bytes = 2100;
  EXPECT_DOUBLE_EQ(metrics.WriteAmplification(), 3.0);
  EXPECT_DOUBLE_EQ(metrics.WriteAmplificationWithWal(), 4.1);
}

TEST(Metrics, RatiosOfSpace) {
  Metrics metrics;
  metrics.levels[0].raw_bytes = 100;
  metrics.levels[0].bytes = 100;
  metrics.levels[6].raw_bytes = 900;
  metrics.levels[6].bytes = 300;
  metrics.table_bytes = 400;
  metrics.estimated_live_bytes = 320;
  EXPECT_DOUBLE_EQ(metrics.levels[6].CompressionRatio(), 3.0);
  EXPECT_DOUBLE_EQ(metrics.CompressionRatio(), 2.5);
  EXPECT_DOUBLE_EQ(metrics.SpaceAmplification(), 1.25);
}

TEST(Metrics, CacheHitRateIsOfTheQuestions) {
  Metrics metrics;
  metrics.block_cache_hits = 3;
  metrics.block_cache_misses = 1;
  EXPECT_DOUBLE_EQ(metrics.CacheHitRate(), 0.75);
}

TEST(Metrics, AStallIsFoundByItsCause) {
  Metrics metrics;
  metrics.stalls[1].count = 5;
  EXPECT_EQ(metrics.stall(StallCause::kLevel0Files).count, 5u);
  EXPECT_EQ(metrics.stall(StallCause::kMemtables).count, 0u);
}

}  // namespace
}  // namespace lissom
