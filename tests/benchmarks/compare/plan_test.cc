#include "benchmarks/compare/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "benchmarks/compare/engines.h"
#include "benchmarks/workload.h"

namespace lissom::bench {
namespace {

using Names = std::vector<std::string>;

TEST(Plan, RoundsGoForthAndBack) {
  const Names engines = {"lissom", "rocksdb"};
  EXPECT_EQ(RoundOrder(engines, 0), (Names{"lissom", "rocksdb"}));
  EXPECT_EQ(RoundOrder(engines, 1), (Names{"rocksdb", "lissom"}));
  EXPECT_EQ(RoundOrder(engines, 2), (Names{"lissom", "rocksdb"}));
}

TEST(Plan, OthersTakePartInEverySecondRoundAndNullInOne) {
  const Names engines = {"lissom", "rocksdb", "leveldb", "null"};
  EXPECT_EQ(RoundOrder(engines, 0), engines);
  EXPECT_EQ(RoundOrder(engines, 1), (Names{"rocksdb", "lissom"}));
  EXPECT_EQ(RoundOrder(engines, 2), (Names{"lissom", "rocksdb", "leveldb"}));
}

TEST(Plan, EveryModeAsksOfEnginesThatThereAre) {
  for (const Mode mode :
       {Mode::kCi, Mode::kQuick, Mode::kStandard, Mode::kFull}) {
    const Plan plan = PlanFor(mode);
    ASSERT_GE(plan.engines.size(), 2u);
    EXPECT_EQ(plan.engines[0], "lissom");
    EXPECT_EQ(plan.engines[1], "rocksdb");
    for (const std::string& engine : plan.engines) {
      EXPECT_TRUE(std::find(EngineNames().begin(), EngineNames().end(),
                            engine) != EngineNames().end())
          << engine;
    }
    EXPECT_GT(plan.rounds, 0u);
    EXPECT_NE(plan.slice_seconds > 0, plan.slice_operations > 0);
    EXPECT_NE(LabelOf(plan).find(std::string(ModeName(mode))),
              std::string::npos);
  }
}

TEST(Plan, TheStandardIsWhatTheProtocolAsksFor) {
  const Plan plan = PlanFor(Mode::kStandard);
  EXPECT_EQ(plan.read_keys, 10'000'000u);
  EXPECT_EQ(plan.write_keys, 3'000'000u);
  EXPECT_EQ(plan.rounds, 5u);
  EXPECT_GE(plan.slice_seconds, 2);
}

TEST(Plan, EveryCellIsAWorkloadAndHasAnIdOfItsOwn) {
  std::set<std::string_view> ids;
  for (const ReadCell& cell : ReadCells()) {
    EXPECT_NE(FindWorkload(cell.workload), nullptr) << cell.workload;
    EXPECT_TRUE(ids.insert(cell.id).second) << cell.id;
  }
  for (const char* name : {"fillsync", "fillseq", "fillrandom", "overwrite",
                           "ycsbload", "ycsba", "ycsbf"}) {
    EXPECT_NE(FindWorkload(name), nullptr) << name;
  }
}

}  // namespace
}  // namespace lissom::bench
