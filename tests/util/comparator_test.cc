// The built-in orders, held against their definitions.
#include "lissom/comparator.h"

#include <algorithm>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/test_env.h"
#include "util/random.h"

namespace lissom {
namespace {

int Sign(int v) { return (v > 0) - (v < 0); }

// Short keys over few byte values, the extreme ones among them, meet often.
std::string RandomKey(Random& random) {
  static constexpr char kBytes[] = {'\0',   '\1',   'a',    'b',
                                    '\x7f', '\x80', '\xfe', '\xff'};
  std::string key(random.Uniform(12), '\0');
  for (char& c : key) c = kBytes[random.Uniform(sizeof kBytes)];
  return key;
}

class BuiltIn : public testing::TestWithParam<bool> {
 protected:
  const std::shared_ptr<const Comparator> order_ =
      GetParam() ? ReverseBytewiseComparator() : BytewiseComparator();
};

TEST_P(BuiltIn, OrdersUnsignedBytes) {
  Random random(TestSeed());
  for (uint64_t i = 0; i < Scaled(20'000); ++i) {
    const std::string a = RandomKey(random), b = RandomKey(random);
    const bool less = std::lexicographical_compare(
        a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
          return static_cast<unsigned char>(x) < static_cast<unsigned char>(y);
        });
    int expected = a == b ? 0 : less ? -1 : 1;
    if (GetParam()) expected = -expected;
    ASSERT_EQ(Sign(order_->Compare(a, b)), expected);
  }
}

TEST_P(BuiltIn, HeadsNeverContradictTheOrder) {
  ASSERT_TRUE(order_->HasHeads());
  Random random(TestSeed());
  uint64_t told_apart = 0;
  for (uint64_t i = 0; i < Scaled(50'000); ++i) {
    const std::string prefix = RandomKey(random);
    const std::string x = RandomKey(random), y = RandomKey(random);
    if (order_->Head(x) < order_->Head(y)) {
      ++told_apart;
      ASSERT_LT(order_->Compare(prefix + x, prefix + y), 0);
    }
  }
  EXPECT_GT(told_apart, Scaled(50'000) / 4);
}

TEST_P(BuiltIn, SeparatorsSeparate) {
  Random random(TestSeed());
  for (uint64_t i = 0; i < Scaled(50'000); ++i) {
    std::string start = RandomKey(random), limit = RandomKey(random);
    if (order_->Compare(start, limit) == 0) continue;
    if (order_->Compare(start, limit) > 0) std::swap(start, limit);
    std::string separator = start;
    order_->FindShortestSeparator(&separator, limit);
    ASSERT_LE(order_->Compare(start, separator), 0);
    ASSERT_LT(order_->Compare(separator, limit), 0);
    ASSERT_LE(separator.size(), start.size());
    std::string successor = start;
    order_->FindShortSuccessor(&successor);
    ASSERT_LE(order_->Compare(start, successor), 0);
    ASSERT_LE(successor.size(), start.size());
  }
}

INSTANTIATE_TEST_SUITE_P(, BuiltIn, testing::Bool(), [](const auto& param) {
  return param.param ? "ReverseBytewise" : "Bytewise";
});

TEST(Bytewise, ShortensKeys) {
  std::string key = "abcdefgh";
  BytewiseComparator()->FindShortestSeparator(&key, "abzz");
  EXPECT_EQ(key, "abd");
  key = "abcdefgh";
  BytewiseComparator()->FindShortSuccessor(&key);
  EXPECT_EQ(key, "b");
  key = "\xff\xff";
  BytewiseComparator()->FindShortSuccessor(&key);
  EXPECT_EQ(key, "\xff\xff");
}

TEST(Comparators, HaveNamesOfTheirOwn) {
  EXPECT_EQ(BytewiseComparator()->Name(), "lissom.BytewiseComparator");
  EXPECT_EQ(ReverseBytewiseComparator()->Name(),
            "lissom.ReverseBytewiseComparator");
}

}  // namespace
}  // namespace lissom
