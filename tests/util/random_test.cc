#include "util/random.h"

#include <array>

#include "gtest/gtest.h"

namespace lissom {
namespace {

// Replaying a seed of an old failure needs the old sequence.
TEST(Random, NeverChangesItsSequence) {
  Random random(301);
  EXPECT_EQ(random.Next(), 0xe7a648bb5f5ea4c9u);
  EXPECT_EQ(random.Next(), 0xad318613f85c5f9eu);
  EXPECT_EQ(random.Next(), 0x38e060f3fa118003u);
}

TEST(Random, IsUniform) {
  Random random(1);
  std::array<int, 10> count{};
  for (int i = 0; i < 100'000; ++i) ++count[random.Uniform(10)];
  for (int n : count) {
    EXPECT_GT(n, 9'500);
    EXPECT_LT(n, 10'500);
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(random.Uniform(1), 0u);
  int ones = 0;
  for (int i = 0; i < 100'000; ++i) ones += random.OneIn(4) ? 1 : 0;
  EXPECT_NEAR(ones, 25'000, 800);
}

TEST(Random, SeedsThatAreNearGiveOtherSequences) {
  EXPECT_NE(Random(0).Next(), 0u);
  EXPECT_NE(Random(0).Next(), Random(1).Next());
  EXPECT_NE(Random(1).Next(), Random(2).Next());
}

TEST(Random, DrawsFileIdsThatDiffer) {
  Random random(7);
  const FileId a = random.NextFileId(), b = random.NextFileId();
  EXPECT_NE(a, b);
  EXPECT_NE(a.high, a.low);
}

TEST(SystemSeed, Differs) { EXPECT_NE(SystemSeed(), SystemSeed()); }

}  // namespace
}  // namespace lissom
