// Where compactions are cut.
#include "db/compaction/plan_parts.h"

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/support/shape.h"

namespace lissom {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

// The cuts, "d h", of all tables of level 0 or 5 into what is in level 6.
std::string Cuts(std::string_view shape, size_t most_parts,
                 uint64_t least_bytes = kMiB) {
  CompactionPlan plan;
  plan.version = testing::ParseShape(shape);
  plan.start_level = plan.version->level(0).empty() ? 5 : 0;
  plan.output_level = 6;
  plan.inputs = plan.version->level(plan.start_level);
  plan.overlapping = plan.version->level(6);
  return absl::StrJoin(CutPlan(plan, most_parts, least_bytes), " ");
}

TEST(CutPlan, CutsIntoPartsOfEqualBytesWhereTablesBegin) {
  const char* kShape = "L5: 1[a-z]\nL6: 2[a-c] 3[d-f] 4[g-i] 5[j-l]";
  EXPECT_EQ(Cuts(kShape, 1), "");
  EXPECT_EQ(Cuts(kShape, 2), "g");
  EXPECT_EQ(Cuts(kShape, 4), "d g j");
  EXPECT_EQ(Cuts(kShape, 64), "d g j");
}

TEST(CutPlan, CountsBytesNotTables) {
  const char* kShape =
      "L5: 1[a-a]\nL6: 2[a-c]:9M 3[d-f]:1M 4[g-i]:1M 5[j-l]:10M";
  EXPECT_EQ(Cuts(kShape, 2), "g");
  EXPECT_EQ(Cuts("L5: 1[a-a]\nL6: 2[a-c]:1M 3[d-f]:1M 4[g-i]:1M 5[j-l]:9M", 2),
            "j");
}

TEST(CutPlan, ATableThatFillsSeveralPartsIsOne) {
  EXPECT_EQ(Cuts("L5: 1[a-a]\nL6: 2[a-c]:30M 3[d-f]:3M 4[g-i]:7M", 4), "d");
}

TEST(CutPlan, MakesNoPartMuchSmallerThanTheLeast) {
  const char* kShape = "L5: 1[a-a]\nL6: 2[a-c]:4M 3[d-f]:4M 4[g-i]:4M";
  EXPECT_EQ(Cuts(kShape, 8, 4 * kMiB), "d g");
  EXPECT_EQ(Cuts(kShape, 8, 6 * kMiB), "d");
  EXPECT_EQ(Cuts(kShape, 8, 7 * kMiB), "");
  EXPECT_EQ(Cuts(kShape, 8, UINT64_MAX), "");
}

TEST(CutPlan, SpreadsATableOverAllThatItReachesInto) {
  // Half of table 9 lies behind g.
  EXPECT_EQ(Cuts("L0: 9[d-i]:8M\nL6: 1[a-c]:4M 2[d-f]:1M 3[g-i]:1M", 2), "g");
}

TEST(CutPlan, CannotCutTablesThatOverlapAltogether) {
  EXPECT_EQ(Cuts("L0: 4[a-z]:9M 3[a-z]:9M 2[a-z]:9M 1[a-z]:9M", 4), "");
}

TEST(CutPlan, NeverCutsAMergeOfLevel0) {
  CompactionPlan plan;
  plan.version = testing::ParseShape("L0: 3[a-c]:9M 2[d-f]:9M 1[g-i]:9M");
  plan.inputs = plan.version->level(0);
  EXPECT_TRUE(CutPlan(plan, 4, kMiB).empty());
}

TEST(CutPlan, GoesByTheOrderOfTheKeys) {
  CompactionPlan plan;
  plan.version = testing::ParseShape("L5: 1[z-s] 2[r-m] 3[l-g] 4[f-a]",
                                     KeyOrder(ReverseBytewiseComparator()));
  plan.start_level = plan.output_level = 5;
  plan.inputs = plan.version->level(5);
  EXPECT_EQ(absl::StrJoin(CutPlan(plan, 2, kMiB), " "), "l");
}

}  // namespace
}  // namespace lissom
