// Which names there are, what they mean, and what a wrong one gets.
#include "db/metrics/properties.h"

#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "db/metrics/stats_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/metrics/sample_metrics.h"
#include "tests/support/test_env.h"

namespace lissom {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kMiB = 1 << 20;

class PropertiesTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::string> Text(std::string_view name) {
    return PropertyText(name, {metrics_, *version_});
  }
  absl::StatusOr<uint64_t> Int(std::string_view name) {
    return PropertyInt(name, {metrics_, *version_});
  }
  std::string Refusal(std::string_view name) {
    const absl::Status status = Text(name).status();
    EXPECT_EQ(Int(name).status(), status) << name;
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name;
    return std::string(status.message());
  }

  Metrics metrics_ = testing::SampleMetrics();
  std::shared_ptr<const Version> version_ = testing::SampleVersion();
};

TEST_F(PropertiesTest, Numbers) {
  const std::vector<std::pair<std::string, uint64_t>> rows = {
      {"num-files-at-level0", 2},
      {"num-files-at-level1", 0},
      {"num-files-at-level6", 2},
      {"size-at-level5", 700 * kMiB},
      {"base-level", 5},
      {"estimate-num-keys", 40'000'000},
      {"estimate-live-data-size", 8192 * kMiB},
      {"live-sst-files-size", 9016 * kMiB},
      {"obsolete-sst-files-size", 11 * kMiB},
      {"total-sst-files-size", 9027 * kMiB},
      {"num-live-versions", 7},
      {"num-open-tables", 4},
      {"estimate-table-readers-mem", 3 * kMiB},
      {"block-cache-capacity", 256 * kMiB},
      {"block-cache-usage", 200 * kMiB},
      {"approximate-memory-usage", 287 * kMiB},
      {"cur-size-active-mem-table", 20 * kMiB},
      {"cur-size-all-mem-tables", 84 * kMiB},
      {"size-all-mem-tables", 84 * kMiB},
      {"num-immutable-mem-table", 2},
      {"num-entries-active-mem-table", 100'000},
      {"num-entries-imm-mem-tables", 350'000},
      {"mem-table-flush-pending", 1},
      {"num-running-flushes", 1},
      {"compaction-pending", 0},
      {"num-running-compactions", 6},
      {"estimate-pending-compaction-bytes", 124 * kMiB},
      {"background-errors", 2},
      {"is-write-stopped", 1},
      {"actual-delayed-write-rate", 16 * kMiB},
      {"min-log-number-to-keep", 41},
      {"num-wal-files", 8},
      {"wal-files-size", 90 * kMiB},
      {"num-open-iterators", 2},
      {"num-snapshots", 1},
      {"oldest-snapshot-sequence", 123456}};
  std::set<std::string> tested;
  for (const auto& [name, value] : rows) {
    for (const char* prefix : {"lissom.", "rocksdb.", "leveldb."}) {
      EXPECT_EQ(*Int(prefix + name), value) << prefix << name;
      EXPECT_EQ(*Text(prefix + name), absl::StrCat(value)) << prefix << name;
    }
    tested.insert(name.find("-at-level") == std::string::npos
                      ? name
                      : name.substr(0, name.size() - 1) + "<N>");
  }
  // No number is left out above.
  std::istringstream list(*Text("lissom.properties"));
  for (std::string name, kind; list >> name >> kind;) {
    if (kind != "number") continue;
    EXPECT_EQ(tested.count(name.substr(7)), 1u) << name;
  }
}

TEST_F(PropertiesTest, TextsAreNoNumbers) {
  for (const char* name :
       {"lissom.stats", "leveldb.stats", "rocksdb.stats", "rocksdb.cfstats",
        "rocksdb.cfstats-no-file-histogram", "rocksdb.dbstats",
        "rocksdb.cf-write-stall-stats", "rocksdb.db-write-stall-stats",
        "rocksdb.levelstats", "lissom.shape", "leveldb.sstables",
        "rocksdb.aggregated-table-properties",
        "rocksdb.aggregated-table-properties-at-level6",
        "rocksdb.compression-ratio-at-level6", "lissom.properties"}) {
    EXPECT_TRUE(Text(name).ok()) << name;
    EXPECT_EQ(
        Int(name).status(),
        absl::InvalidArgumentError(absl::StrCat(
            "property \"", name, "\" is text, not a number: ask GetProperty")));
  }
}

TEST_F(PropertiesTest, TextsAreThoseOfTheirNames) {
  EXPECT_EQ(*Text("leveldb.stats"), StatsText(metrics_));
  EXPECT_EQ(*Text("rocksdb.cfstats"), StatsText(metrics_));
  EXPECT_EQ(*Text("rocksdb.db-write-stall-stats"), StallsText(metrics_));
  EXPECT_EQ(*Text("rocksdb.levelstats"), LevelsText(metrics_));
  EXPECT_EQ(*Text("lissom.shape"), ShapeText(metrics_));
  EXPECT_EQ(*Text("leveldb.sstables"), TablesText(*version_));
  EXPECT_EQ(*Text("lissom.aggregated-table-properties"),
            AggregatedText(*version_, -1));
  EXPECT_EQ(*Text("lissom.aggregated-table-properties-at-level5"),
            AggregatedText(*version_, 5));
}

TEST_F(PropertiesTest, TheCompressionRatioOfAnEmptyLevelIsMinusOne) {
  EXPECT_EQ(*Text("rocksdb.compression-ratio-at-level6"), "2.250");
  EXPECT_EQ(*Text("rocksdb.compression-ratio-at-level3"), "-1");
}

TEST_F(PropertiesTest, NothingUnderflowsBeforeTheGaugesAreSet) {
  metrics_ = Metrics();
  metrics_.active_memtable_entries = 5;
  EXPECT_EQ(*Int("rocksdb.num-immutable-mem-table"), 0u);
  EXPECT_EQ(*Int("rocksdb.num-entries-imm-mem-tables"), 0u);
}

TEST_F(PropertiesTest, EveryNameInTheListIsAnswered) {
  std::istringstream list(*Text("lissom.properties"));
  int count = 0;
  std::set<std::string> names;
  for (std::string name, kind; list >> name >> kind; ++count) {
    EXPECT_TRUE(names.insert(name).second) << name << " comes twice";
    EXPECT_TRUE(kind == "number" || kind == "text") << kind;
    if (const size_t n = name.find("<N>"); n != std::string::npos) {
      name.replace(n, 3, "0");
    }
    EXPECT_TRUE(Text(name).ok()) << name;
    EXPECT_EQ(Int(name).ok(), kind == "number") << name;
  }
  EXPECT_EQ(count, 47);
}

TEST_F(PropertiesTest, AnUnknownNameGetsTheNearest) {
  for (const auto& [wrong, nearest] :
       std::vector<std::pair<std::string, std::string>>{
           {"rocksdb.estimate-num-key", "rocksdb.estimate-num-keys"},
           {"leveldb.stat", "leveldb.stats"},
           {"lissom.Shape", "lissom.shape"},
           {"stats", "lissom.stats"},
           {"numfilesatlevel", "lissom.num-files-at-level<N>"},
           {"rocksdb.block_cache_usage", "rocksdb.block-cache-usage"}}) {
    EXPECT_EQ(Refusal(wrong),
              absl::StrCat("no property \"", wrong, "\"; the nearest is \"",
                           nearest, "\", and \"lissom.properties\" lists all"));
  }
  for (const char* wrong : {"", ".", "lissom.", "rocksdb", "lissom.stats ",
                            "lissom.stats0", "LISSOM.stats"}) {
    EXPECT_THAT(Refusal(wrong), HasSubstr("the nearest is \"")) << wrong;
  }
}

TEST_F(PropertiesTest, LevelsAreZeroToSix) {
  for (const char* wrong : {"7", "9", "", "-1", "00", "1x", "10", " 1"}) {
    const std::string name = absl::StrCat("rocksdb.num-files-at-level", wrong);
    EXPECT_EQ(Refusal(name),
              absl::StrCat("property \"", name, "\": levels are 0 to 6"));
  }
}

TEST_F(PropertiesTest, AnyBytesAreARefusalOfBoundedLength) {
  Random random(TestSeed());
  for (uint64_t i = 0; i < Scaled(2'000); ++i) {
    std::string name = random.OneIn(2) ? "rocksdb." : "";
    for (uint64_t n = random.Uniform(30); n > 0; --n) {
      name += static_cast<char>(random.Uniform(256));
    }
    ASSERT_LT(Refusal(name).size(), 500u);
  }
  EXPECT_LT(Refusal(std::string(10 << 20, 'x')).size(), 500u);
}

}  // namespace
}  // namespace lissom
