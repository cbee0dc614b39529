// Keys to places: what a report draws its bars by.
#include "src/tools/report/key_axis.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/shape.h"

namespace lissom::tools {
namespace {

using NewTable = VersionEdit::NewTable;

std::vector<NewTable> Tables(const std::vector<std::string>& shapes) {
  std::vector<NewTable> tables;
  tables.reserve(shapes.size());
  for (const std::string& shape : shapes) {
    tables.push_back({.level = 1, .table = testing::ParseTable(shape)});
  }
  return tables;
}

TEST(KeyAxis, AStretchIsAsWideAsItsBytes) {
  const auto tables = Tables({"1[a-c]:1M", "2[d-f]:3M", "3[g-i]:4M"});
  const KeyAxis axis(tables, false);
  const auto width = [&](size_t i) {
    const KeyAxis::Span span = axis.Of(tables[i].table);
    return span.end - span.begin;
  };
  EXPECT_EQ(axis.Of(tables[0].table).begin, 0);
  EXPECT_DOUBLE_EQ(axis.Of(tables[2].table).end, 1);
  EXPECT_NEAR(width(1) / width(0), 3, 0.1);
  EXPECT_NEAR(width(2) / width(0), 4, 0.1);
  EXPECT_LT(axis.Of(tables[0].table).end, axis.Of(tables[1].table).begin);
}

TEST(KeyAxis, ATableAboveLiesOverWhatItCovers) {
  const auto tables = Tables({"1[a-c]", "2[d-f]", "3[b-e]:1K", "4[a-f]"});
  const KeyAxis axis(tables, false);
  EXPECT_GT(axis.Of(tables[2].table).begin, axis.Of(tables[0].table).begin);
  EXPECT_LT(axis.Of(tables[2].table).end, axis.Of(tables[1].table).end);
  EXPECT_EQ(axis.Of(tables[3].table).begin, 0);
  EXPECT_DOUBLE_EQ(axis.Of(tables[3].table).end, 1);
}

TEST(KeyAxis, OneKeyHasItsBytesToo) {
  const auto alone = Tables({"1[k-k]"});
  const KeyAxis::Span span = KeyAxis(alone, false).Of(alone[0].table);
  EXPECT_EQ(span.begin, 0);
  EXPECT_DOUBLE_EQ(span.end, 1);
  const auto two = Tables({"1[a-a]:1M", "2[b-c]:1M"});
  const KeyAxis axis(two, false);
  EXPECT_NEAR(axis.Of(two[0].table).end, 0.49, 0.02);
}

TEST(KeyAxis, TheReverseOrderRunsTheOtherWay) {
  auto tables = Tables({"1[a-c]", "2[d-f]"});
  for (NewTable& t : tables) std::swap(t.table.smallest, t.table.largest);
  const KeyAxis axis(tables, true);
  EXPECT_EQ(axis.Of(tables[1].table).begin, 0);
  EXPECT_EQ(axis.KeyAt(0), "f");
  EXPECT_EQ(axis.KeyAt(1), "a");
}

TEST(KeyAxis, KnowsTheKeyAtAPlace) {
  const auto tables = Tables({"1[user/10-user/15]", "2[user/16-user/19]"});
  const KeyAxis axis(tables, false);
  EXPECT_EQ(axis.KeyAt(0), "user/10");
  EXPECT_EQ(axis.KeyAt(1), "user/19");
  EXPECT_EQ(axis.KeyAt(0.25), "user/10");
  EXPECT_EQ(axis.shared_prefix(), 6u);
  const KeyAxis none({}, false);
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.KeyAt(0.5), "");
}

}  // namespace
}  // namespace lissom::tools
