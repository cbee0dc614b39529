// How far a tree is from what it should be. What the targets are is drawn in
// tests/testdata/compaction/leveled.txt.
#include "db/compaction/level_targets.h"

#include "gtest/gtest.h"
#include "tests/support/shape.h"

namespace lissom {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

ColumnFamilyOptions SmallOptions() {
  ColumnFamilyOptions options;
  options.max_bytes_for_level_base = 10 * kMiB;
  return options;
}

uint64_t DebtMiB(std::string_view shape) {
  return CompactionDebt(*testing::ParseShape(shape), SmallOptions()) / kMiB;
}
double Score(std::string_view shape) {
  return CompactionScore(*testing::ParseShape(shape), SmallOptions());
}

TEST(CompactionDebt, IsNothingWhenNothingIsDue) {
  EXPECT_EQ(DebtMiB(""), 0u);
  EXPECT_EQ(DebtMiB("L0: 3[a-z]:9M 2[a-z]:9M 1[a-z]:9M\nL5: 9[a-z]:6M\n"
                    "L6: 10[a-z]:60M"),
            0u);
}

TEST(CompactionDebt, OfLevel0IsItselfAndTheBaseLevel) {
  EXPECT_EQ(DebtMiB("L0: 4[a-z]:2M 3[a-z]:2M 2[a-z]:2M 1[a-z]:2M"), 8u);
  EXPECT_EQ(DebtMiB("L0: 4[a-z]:1M 3[a-z]:1M 2[a-z]:1M 1[a-z]:1M\n"
                    "L5: 9[a-z]:5M\nL6: 10[a-z]:100M"),
            9u);
}

TEST(CompactionDebt, OfALevelIsWhatIsTooMuchAndWhatThatMeetsBelow) {
  // 10 too much, with 5 of the level below to each.
  EXPECT_EQ(DebtMiB("L5: 9[a-z]:20M\nL6: 10[a-z]:100M"), 60u);
}

TEST(CompactionDebt, GoesOnToTheLevelsBelow) {
  // 4 and 10 into level 5, which then has 4 too many, with 100 / 14 to each.
  EXPECT_EQ(DebtMiB("L0: 4[a-z]:1M 3[a-z]:1M 2[a-z]:1M 1[a-z]:1M\n"
                    "L5: 9[a-z]:10M\nL6: 10[a-z]:100M"),
            14u + 4u + 28u);
}

TEST(CompactionScore, IsThatOfTheMostUrgentLevel) {
  EXPECT_EQ(Score(""), 0);
  EXPECT_EQ(Score("L0: 1[a-z]"), 0.25);
  EXPECT_EQ(Score("L0: 2[a-z] 1[a-z]\nL5: 9[a-z]:30M\nL6: 10[a-z]:100M"), 3);
  EXPECT_EQ(Score("L6: 10[a-z]:1000M"), 0);
}

}  // namespace
}  // namespace lissom
