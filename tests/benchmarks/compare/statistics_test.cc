#include "benchmarks/compare/statistics.h"

#include <gtest/gtest.h>

namespace lissom::bench {
namespace {

TEST(Statistics, MedianOfAnOddCountIsTheMiddleOne) {
  EXPECT_EQ(Median({9, 1, 5}), 5);
}

TEST(Statistics, MedianOfAnEvenCountIsBetweenTheTwoInTheMiddle) {
  EXPECT_EQ(Median({4, 1, 3, 100}), 3.5);
}

TEST(Statistics, QuantilesLieOnAStraightLineBetweenNeighbours) {
  EXPECT_EQ(Quantile({0, 10, 20, 30, 40}, 0.25), 10);
  EXPECT_EQ(Quantile({0, 10}, 0.25), 2.5);
  EXPECT_EQ(Quantile({7}, 0.9), 7);
}

TEST(Statistics, SpreadHasTheEndsTheQuartilesAndTheMedian) {
  const Spread spread = SpreadOf({5, 1, 4, 2, 3});
  EXPECT_EQ(spread.count, 5u);
  EXPECT_EQ(spread.least, 1);
  EXPECT_EQ(spread.lower, 2);
  EXPECT_EQ(spread.median, 3);
  EXPECT_EQ(spread.upper, 4);
  EXPECT_EQ(spread.most, 5);
}

TEST(Statistics, OneWildRunDoesNotMoveTheMedian) {
  EXPECT_EQ(Median({10, 11, 12, 13, 1e9}), 12);
}

TEST(Statistics, OfNothingIsZero) {
  EXPECT_EQ(Median({}), 0);
  EXPECT_EQ(SpreadOf({}).count, 0u);
  EXPECT_EQ(SpreadOf({}).most, 0);
}

}  // namespace
}  // namespace lissom::bench
