#include "src/tools/terminal.h"

#include "gtest/gtest.h"

namespace lissom::tools {
namespace {

TEST(Terminal, NumbersHaveCommas) {
  EXPECT_EQ(WithCommas(0), "0");
  EXPECT_EQ(WithCommas(999), "999");
  EXPECT_EQ(WithCommas(1000), "1,000");
  EXPECT_EQ(WithCommas(123456), "123,456");
  EXPECT_EQ(WithCommas(18446744073709551615u), "18,446,744,073,709,551,615");
}

TEST(Terminal, BytesAndSecondsHaveTheirUnit) {
  EXPECT_EQ(HumanBytes(999), "999 B");
  EXPECT_EQ(HumanBytes(1500), "1.5 KB");
  EXPECT_EQ(HumanBytes(51'100'000), "51.1 MB");
  EXPECT_EQ(HumanBytes(2'340'000'000), "2.34 GB");
  EXPECT_EQ(HumanSeconds(0.0125), "12.5 ms");
  EXPECT_EQ(HumanSeconds(1.5), "1.50 s");
}

TEST(Table, TheFirstColumnIsFlushLeftTheOthersRight) {
  Table table({"step", "n"});
  table.AddRow({"load", "1,000"});
  table.AddLine();
  table.AddRow({"x", "7"});
  EXPECT_EQ(table.ToString(),
            "┌──────┬───────┐\n"
            "│ step │     n │\n"
            "├──────┼───────┤\n"
            "│ load │ 1,000 │\n"
            "├──────┼───────┤\n"
            "│ x    │     7 │\n"
            "└──────┴───────┘\n");
}

TEST(Progress, CountsAndStopsItsClock) {
  Progress progress("step", 3);
  progress.Add();
  progress.Add(2);
  progress.Finish("things");
  const double seconds = progress.seconds();
  EXPECT_EQ(progress.done(), 3u);
  EXPECT_EQ(progress.seconds(), seconds);
}

}  // namespace
}  // namespace lissom::tools
