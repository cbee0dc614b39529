// Which keys lie below a level, asked in ascending order as compactions do.
#include "db/output/deeper_levels.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/shape.h"
#include "tests/support/test_env.h"
#include "util/random.h"

namespace lissom {
namespace {

using testing::ParseShape;

// The letters that may lie below `level`, in the order of `keys`.
std::string Held(std::shared_ptr<const Version> version, int level,
                 const std::string& keys = "abcdefghijklmnopqrstuvwxyz") {
  DeeperLevels deeper(std::move(version), level);
  std::string held;
  for (const char key : keys) {
    if (deeper.MayHold(std::string(1, key))) held += key;
  }
  return held;
}

TEST(DeeperLevels, SaysWhichKeysLieBelow) {
  EXPECT_EQ(Held(ParseShape("L0: 9[a-z]\nL1: 8[a-z]\n"
                            "L2: 1[b-c] 2[f-g] 3[h-h]\nL5: 4[e-f] 5[x-y]"),
                 1),
            "bcefghxy");
}

TEST(DeeperLevels, OfTheLastLevelIsNothing) {
  EXPECT_EQ(Held(ParseShape("L6: 1[a-z]"), 6), "");
}

TEST(DeeperLevels, OfLevelZeroAreAllTheOthers) {
  EXPECT_EQ(
      Held(ParseShape("L0: 9[a-z]\nL1: 1[a-a]\nL3: 3[c-c]\nL6: 6[f-f]"), 0),
      "acf");
}

TEST(DeeperLevels, OfAnEmptyTreeIsNothing) {
  EXPECT_EQ(Held(ParseShape("L0: 9[a-z]"), 0), "");
}

TEST(DeeperLevels, MayBeAskedOfAKeyTwice) {
  EXPECT_EQ(Held(ParseShape("L2: 1[b-c] 2[c1-d]"), 1, "aabbccddee"), "bbccdd");
}

TEST(DeeperLevels, MayBeAskedOfTheLastKeyFirst) {
  EXPECT_EQ(Held(ParseShape("L2: 1[a-b] 2[d-f] 3[h-z]"), 1, "z"), "z");
}

TEST(DeeperLevels, GoesByTheOrderOfTheKeys) {
  const auto version =
      ParseShape("L1: 1[z-x] 2[f-c]", KeyOrder(ReverseBytewiseComparator()));
  EXPECT_EQ(Held(version, 0, "zyxwgfedcba"), "zyxfedc");
}

TEST(DeeperLevels, KeepsItsVersion) {
  std::shared_ptr<const Version> version = ParseShape("L1: 1[a-c]");
  const std::weak_ptr<const Version> watch = version;
  {
    DeeperLevels deeper(std::move(version), 0);
    EXPECT_FALSE(watch.expired());
    EXPECT_TRUE(deeper.MayHold("b"));
  }
  EXPECT_TRUE(watch.expired());
}

TEST(DeeperLevels, AgreesWithALookAtEveryTable) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed));
  Random random(seed);
  constexpr int kKeys = 100;
  for (uint64_t round = 0; round < Scaled(300, 10); ++round) {
    std::string shape;
    std::array<std::array<bool, kKeys>, Version::kLevels> held{};
    int number = 0;
    for (int level = 1; level < Version::kLevels; ++level) {
      absl::StrAppend(&shape, "L", level, ":");
      auto key = static_cast<int>(random.Uniform(kKeys));
      while (key < kKeys && !random.OneIn(6)) {
        const int last = std::min<int>(
            kKeys - 1, key + static_cast<int>(random.Uniform(15)));
        absl::StrAppend(&shape, " ", ++number, "[", 100 + key, "-", 100 + last,
                        "]");
        for (int k = key; k <= last; ++k) {
          held[static_cast<size_t>(level)][static_cast<size_t>(k)] = true;
        }
        key = last + 1 + static_cast<int>(random.Uniform(20));
      }
      shape += "\n";
    }
    const auto start = static_cast<int>(random.Uniform(Version::kLevels));
    DeeperLevels deeper(ParseShape(shape), start);
    for (int key = 0; key < kKeys;
         key += 1 + static_cast<int>(random.Uniform(9))) {
      bool expected = false;
      for (int level = start + 1; level < Version::kLevels; ++level) {
        expected = expected ||
                   held[static_cast<size_t>(level)][static_cast<size_t>(key)];
      }
      ASSERT_EQ(deeper.MayHold(absl::StrCat(100 + key)), expected)
          << key << " below " << start << " of\n"
          << shape;
    }
  }
}

}  // namespace
}  // namespace lissom
