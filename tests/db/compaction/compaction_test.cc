// Plans as values: what they weigh, how they read, and which of them would lose
// keys or bring old versions back.
#include "db/compaction/compaction.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/shape.h"

namespace lissom {
namespace {

using ::testing::HasSubstr;

using Numbers = std::vector<uint64_t>;

Version::Level TablesOf(const Version& version, int level,
                        const Numbers& numbers) {
  Version::Level tables;
  for (const uint64_t number : numbers) {
    for (const auto& table : version.level(level)) {
      if (table->meta().number == number) tables.push_back(table);
    }
  }
  EXPECT_EQ(tables.size(), numbers.size());
  return tables;
}

// Tables of a level into another level, where they overlap these.
CompactionPlan PlanOf(std::shared_ptr<const Version> version, int start_level,
                      const Numbers& inputs, int output_level,
                      const Numbers& overlapping = {}) {
  CompactionPlan plan;
  plan.version = std::move(version);
  plan.start_level = start_level;
  plan.output_level = output_level;
  plan.inputs = TablesOf(*plan.version, start_level, inputs);
  plan.overlapping = TablesOf(*plan.version, output_level, overlapping);
  return plan;
}
CompactionPlan PlanOf(std::string_view shape, int start_level,
                      const Numbers& inputs, int output_level,
                      const Numbers& overlapping = {}) {
  return PlanOf(testing::ParseShape(shape), start_level, inputs, output_level,
                overlapping);
}

void ExpectFine(const CompactionPlan& plan) {
  const absl::Status status = CheckPlan(plan);
  EXPECT_TRUE(status.ok()) << status;
}
void ExpectBroken(const CompactionPlan& plan, const std::string& why) {
  const absl::Status status = CheckPlan(plan);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << DebugString(plan);
  EXPECT_THAT(std::string(status.message()), HasSubstr(why));
}

// --- As a value -------------------------------------------------------------

TEST(CompactionPlan, WeighsInputsAndWhatTheyOverlap) {
  CompactionPlan plan =
      PlanOf("L0: 9[a-f]@90-99:3M 7[c-k]@70-74:2M\nL1: 3[a-d]@30-31:1K", 0,
             {9, 7}, 1, {3});
  EXPECT_EQ(plan.input_bytes(), (5u << 20) + 1024u);
  EXPECT_EQ(plan.input_entries(), 10u + 5u + 2u);
  plan.grandparents = plan.overlapping;
  EXPECT_EQ(plan.input_bytes(), (5u << 20) + 1024u) << "they are not read";
  EXPECT_EQ(CompactionPlan().input_bytes(), 0u);
  EXPECT_EQ(CompactionPlan().input_entries(), 0u);
}

TEST(CompactionPlan, ReadsAsWhatItDoes) {
  const char* kShape = "L0: 9[a-f] 7[c-k]\nL1: 3[a-d] 4[e-z]";
  EXPECT_EQ(DebugString(PlanOf(kShape, 0, {9, 7}, 1, {3, 4})),
            "compact 9 7 L0 + 3 4 L1 -> L1");
  EXPECT_EQ(DebugString(PlanOf(kShape, 1, {4}, 2)), "compact 4 L1 -> L2");
  CompactionPlan move = PlanOf(kShape, 1, {4}, 2);
  move.trivial_move = true;
  EXPECT_EQ(DebugString(move), "move 4 L1 -> L2");
  EXPECT_EQ(DebugString(PlanOf(kShape, 0, {9, 7}, 0)), "merge 9 7 L0");
  EXPECT_EQ(DebugString(PlanOf(kShape, 1, {3, 4}, 1)), "rewrite 3 4 L1");
}

// --- Plans that are fine ----------------------------------------------------

TEST(CheckPlan, TakesWhatPickersMake) {
  const char* kShape =
      "L0: 9[a-f] 8[x-z] 7[c-k]\nL3: 3[a-d] 4[e-l] 5[y-y]\nL4: 1[a-z]";
  ExpectFine(PlanOf(kShape, 0, {9, 7}, 3, {3, 4}));
  ExpectFine(PlanOf(kShape, 0, {9, 8, 7}, 3, {3, 4, 5}));
  ExpectFine(PlanOf(kShape, 3, {4}, 4, {1}));
  ExpectFine(PlanOf(kShape, 3, {4, 5}, 4, {1}));
  ExpectFine(PlanOf(kShape, 4, {1}, 6));
}

TEST(CheckPlan, TakesMovesOfTablesThatNothingOverlaps) {
  const char* kShape =
      "L0: 9[m-p] 8[k-l]\nL1: 3[a-d] 4[e-g] 5[h-z]\nL2: 1[a-d]";
  for (CompactionPlan plan :
       {PlanOf(kShape, 1, {4}, 2), PlanOf(kShape, 1, {4, 5}, 2),
        PlanOf("L0: 9[m-p] 7[a-b] 8[k-l]", 0, {9, 7, 8}, 1)}) {
    plan.trivial_move = true;
    ExpectFine(plan);
  }
}

TEST(CheckPlan, TakesTablesThatStayInTheirLevel) {
  const char* kShape =
      "L0: 9[a-f] 8[x-z] 7[c-k] 6[a-b]\nL3: 3[a-d] 4[e-l] 5[y-y]";
  ExpectFine(PlanOf(kShape, 3, {4}, 3));
  ExpectFine(PlanOf(kShape, 3, {3, 4, 5}, 3));
  ExpectFine(PlanOf(kShape, 0, {9, 8}, 0));
  ExpectFine(PlanOf(kShape, 0, {8, 7, 6}, 0));
}

TEST(CheckPlan, RefusesToStayWithATableBetweenLeftOut) {
  const char* kShape =
      "L0: 9[a-f] 8[x-z] 7[c-k] 6[a-b]\nL3: 3[a-d] 4[e-l] 5[y-y]";
  ExpectBroken(PlanOf(kShape, 3, {3, 5}, 3), "start level");
  const char* kAge = "follow each other in age";
  ExpectBroken(PlanOf(kShape, 0, {9, 7}, 0), kAge);
  ExpectBroken(PlanOf(kShape, 0, {7, 8}, 0), kAge);
  ExpectBroken(PlanOf(kShape, 0, {9}, 0), kAge);
}

TEST(CheckPlan, RefusesToMoveOrMergeWithinALevel) {
  CompactionPlan plan = PlanOf("L3: 3[a-d] 4[e-l]", 3, {3}, 3, {4});
  ExpectBroken(plan, "would move or merge");
  plan.overlapping.clear();
  ExpectFine(plan);
  plan.trivial_move = true;
  ExpectBroken(plan, "would move or merge");
}

TEST(CheckPlan, GoesByTheOrderOfTheKeys) {
  const auto version =
      testing::ParseShape("L1: 5[z-x] 4[w-m] 3[k-a]\nL2: 2[p-g] 1[f-f]",
                          KeyOrder(ReverseBytewiseComparator()));
  ExpectFine(PlanOf(version, 1, {4}, 2, {2}));
  ExpectFine(PlanOf(version, 1, {4, 3}, 2, {2, 1}));
  ExpectBroken(PlanOf(version, 1, {5, 3}, 2, {2, 1}), "start level");
  ExpectBroken(PlanOf(version, 1, {4}, 2, {2, 1}), "output level");
}

// --- Plans that are not -----------------------------------------------------

TEST(CheckPlan, RefusesNoPlanAtAll) {
  const char* kNothing = "without inputs or levels";
  ExpectBroken(CompactionPlan(), kNothing);
  const char* kShape = "L1: 3[a-d]\nL6: 1[a-z]";
  ExpectBroken(PlanOf(kShape, 1, {}, 2), kNothing);
  for (const auto& [start, output] : std::vector<std::pair<int, int>>{
           {1, 0}, {6, 7}, {-1, 1}, {-2, -1}, {-1, -1}}) {
    SCOPED_TRACE(absl::StrCat(start, " to ", output));
    CompactionPlan plan = PlanOf(kShape, 1, {3}, 2);
    plan.start_level = start;
    plan.output_level = output;
    ExpectBroken(plan, kNothing);
  }
  CompactionPlan plan = PlanOf(kShape, 1, {3}, 2);
  plan.version = nullptr;
  ExpectBroken(plan, kNothing);
}

TEST(CheckPlan, RefusesToPassByTablesOnTheWay) {
  const char* kShape = "L0: 9[a-c]\nL2: 3[x-z]\nL4: 1[a-z]";
  ExpectBroken(PlanOf(kShape, 0, {9}, 4, {1}), "passes by tables of level 2");
  ExpectFine(PlanOf(kShape, 0, {9}, 2));
  ExpectFine(PlanOf(kShape, 0, {9}, 1));
}

TEST(CheckPlan, RefusesToLeaveWhatSharesAKeyInTheStartLevel) {
  // Each shares one key with the next.
  const char* kShape = "L0: 9[a-c] 7[c-e] 5[e-g]\nL1: 1[x-z]";
  const char* kLeaves = "start level";
  ExpectBroken(PlanOf(kShape, 0, {9}, 1), kLeaves);
  ExpectBroken(PlanOf(kShape, 0, {9, 7}, 1), kLeaves);
  ExpectBroken(PlanOf(kShape, 0, {7, 5}, 1), kLeaves);
  ExpectBroken(PlanOf(kShape, 0, {9, 5}, 1), kLeaves);
  ExpectFine(PlanOf(kShape, 0, {9, 7, 5}, 1));
}

TEST(CheckPlan, RefusesInputsOutOfTheLevelsOrder) {
  ExpectBroken(PlanOf("L0: 9[a-c] 7[c-e]", 0, {7, 9}, 1), "start level");
  ExpectBroken(PlanOf("L0: 9[a-c] 7[c-e]", 0, {9, 7, 7}, 1), "start level");
  ExpectBroken(PlanOf("L0: 9[a-c]\nL1: 1[a-a] 2[b-b]", 0, {9}, 1, {2, 1}),
               "output level");
}

TEST(CheckPlan, RefusesATableBetweenTheInputsLeftBehind) {
  const char* kShape = "L1: 1[a-b] 3[c-d] 5[e-f]";
  ExpectBroken(PlanOf(kShape, 1, {1, 5}, 2), "start level");
  ExpectFine(PlanOf(kShape, 1, {1, 3, 5}, 2));
  ExpectFine(PlanOf(kShape, 1, {3, 5}, 2));
}

TEST(CheckPlan, RefusesATableOfAnotherVersion) {
  CompactionPlan plan = PlanOf("L1: 1[a-b]", 1, {1}, 2);
  plan.version = testing::ParseShape("L1: 1[a-b]");
  ExpectBroken(plan, "start level");
}

TEST(CheckPlan, RefusesToOverlapOtherTablesThanItSays) {
  const char* kShape = "L0: 9[c-f]\nL1: 1[a-b] 2[b1-c] 3[d-e] 4[f-g] 5[h-i]";
  const char* kOverlap = "output level";
  ExpectFine(PlanOf(kShape, 0, {9}, 1, {2, 3, 4}));
  ExpectBroken(PlanOf(kShape, 0, {9}, 1), kOverlap);
  ExpectBroken(PlanOf(kShape, 0, {9}, 1, {3}), kOverlap);
  ExpectBroken(PlanOf(kShape, 0, {9}, 1, {2, 4}), kOverlap);
  ExpectBroken(PlanOf(kShape, 0, {9}, 1, {3, 4}), kOverlap);
  ExpectBroken(PlanOf(kShape, 0, {9}, 1, {1, 2, 3, 4}), kOverlap);
  ExpectBroken(PlanOf(kShape, 0, {9}, 1, {2, 3, 4, 5}), kOverlap);
}

TEST(CheckPlan, RefusesAMoveThatWouldHaveToMerge) {
  CompactionPlan two = PlanOf("L0: 2[b-c] 1[a-b]", 0, {2, 1}, 1);
  ExpectFine(two);
  two.trivial_move = true;
  ExpectBroken(two, "would have to merge");
  CompactionPlan onto = PlanOf("L1: 1[a-c]\nL2: 2[b-d]", 1, {1}, 2, {2});
  onto.trivial_move = true;
  ExpectBroken(onto, "would have to merge");
}

TEST(CheckPlan, SaysWhichPlanIsBroken) {
  ExpectBroken(PlanOf("L0: 9[a-c] 7[c-e]", 0, {9}, 1), "compact 9 L0 -> L1");
}

}  // namespace
}  // namespace lissom
