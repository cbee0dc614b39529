#include "benchmarks/compare/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "benchmarks/compare/charts.h"
#include "benchmarks/compare/result.h"

namespace lissom::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Result Example() {
  std::ifstream file(LISSOM_TESTDATA "/result.json");
  return FromJson(std::string(std::istreambuf_iterator<char>(file), {}))
      .value();
}

// The first element that is closed wrongly or not at all; "" if all are right.
std::string UnbalancedTag(const std::string& markup) {
  const std::set<std::string> kVoid = {"meta", "!doctype"};
  const std::regex tag("<(/?)([a-z0-9!]+)[^>]*?(/?)>");
  std::vector<std::string> open;
  for (std::sregex_iterator it(markup.begin(), markup.end(), tag), end;
       it != end; ++it) {
    const std::string name = (*it)[2];
    if (kVoid.count(name) != 0 || (*it)[3] == "/") continue;
    if ((*it)[1] != "/") {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return "/" + name;
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

size_t Count(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) {
    ++count;
  }
  return count;
}

TEST(Page, HasAPictureForEachQuestion) {
  const std::string html = ToHtml(Example());
  for (const char* heading :
       {"<h1>lissom beside RocksDB and LevelDB</h1>",
        "<h2>How many times RocksDB</h2>", "<h2>Throughput over time</h2>",
        "<h2>Latency at a fixed load</h2>", "<h2>Amplification</h2>",
        "<h2>Processor and memory</h2>", "<h2>All figures</h2>",
        "<h2>How it was measured</h2>"}) {
    EXPECT_THAT(html, HasSubstr(heading));
  }
  // Ratios of writes and reads, two over time, get and put, bytes and disk,
  // processor of writes and reads, memory.
  EXPECT_EQ(Count(html, "<svg "), 11u);
  for (const Cell& cell : Example().cells) {
    EXPECT_THAT(html, HasSubstr("<tr><td>" + cell.title + "</td>"));
  }
}

TEST(Page, NeedsNothingBesideItself) {
  const std::string html = ToHtml(Example());
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("<link")));
  EXPECT_THAT(html, Not(HasSubstr("src=")));
  EXPECT_THAT(html, Not(HasSubstr("href")));
  EXPECT_THAT(html, Not(HasSubstr("url(")));
  EXPECT_THAT(html, Not(HasSubstr("@import")));
  // The name of SVG's namespace is no address that anybody asks.
  EXPECT_EQ(Count(html, "://"),
            Count(html, "xmlns=\"http://www.w3.org/2000/svg\""));
}

TEST(Page, ClosesWhatItOpens) {
  EXPECT_EQ(UnbalancedTag(ToHtml(Example())), "");
  EXPECT_EQ(UnbalancedTag(ToHeadlineSvg(Example())), "");
  EXPECT_EQ(UnbalancedTag("<p><b></p></b>"), "/p");  // It can fail.
}

TEST(Page, FitsAPhoneAndTheDark) {
  const std::string html = ToHtml(Example());
  EXPECT_THAT(html, HasSubstr("name=\"viewport\""));
  EXPECT_THAT(html, HasSubstr("@media (prefers-color-scheme:dark)"));
  EXPECT_THAT(html, HasSubstr("viewBox=\"0 0 400 "));
}

TEST(Page, EscapesWhatTheSystemOrTheFileSays) {
  Result result = Example();
  const std::string evil = "<script>alert('x')</script>&\"";
  result.label = result.machine.cpu = result.machine.kernel = evil;
  result.date = result.command = result.lissom_commit = evil;
  result.notes = {evil};
  result.cells[0].title = evil;
  result.engines[0].settings = {{evil, evil}};
  result.engines[0].engine = evil;
  for (Series& series : result.series) series.cell = evil;
  for (Cell& cell : result.cells) cell.samples[0].engine = evil;
  const std::string html = ToHtml(result);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)"));
  EXPECT_EQ(UnbalancedTag(html), "");
  EXPECT_THAT(ToHeadlineSvg(result), Not(HasSubstr("<script")));
}

TEST(Page, SaysWhatMayNotBeQuoted) {
  Result result = Example();
  EXPECT_THAT(ToHtml(result), HasSubstr("This is the quick comparison"));
  EXPECT_THAT(ToHeadlineSvg(result), HasSubstr("quick run"));
  result.mode = "standard";
  EXPECT_THAT(ToHtml(result), Not(HasSubstr("class=\"warn\"")));
  EXPECT_THAT(ToHeadlineSvg(result), Not(HasSubstr("run<")));
  result.checks_on = true;
  EXPECT_THAT(ToHtml(result), HasSubstr("built with its debug checks"));
}

TEST(Page, MarksCellsThatWereAlwaysDisturbed) {
  EXPECT_THAT(ToHtml(Example()), HasSubstr(">Seeks *</text>"));
  EXPECT_THAT(ToHtml(Example()), HasSubstr(">Forward scan</text>"));
}

TEST(Page, SaysHowManySlicesWereThrownAway) {
  EXPECT_THAT(ToHtml(Example()), HasSubstr("10 of 114 slices"));
}

TEST(Page, OfNothingIsAPageToo) {
  EXPECT_EQ(UnbalancedTag(ToHtml({})), "");
  EXPECT_EQ(UnbalancedTag(ToHeadlineSvg({})), "");
  EXPECT_THAT(ToText({}), HasSubstr("operations a second"));
}

TEST(Page, TextHasTheMediansAndTheRatios) {
  const std::string text = ToText(Example());
  EXPECT_THAT(text, HasSubstr("x rocksdb"));
  EXPECT_THAT(text, Not(HasSubstr("x null")));
  EXPECT_THAT(text, HasSubstr("Random reads, 2 threads"));
}

TEST(Charts, NumbersHaveThreeDigits) {
  EXPECT_EQ(ShortNumber(0), "0");
  EXPECT_EQ(ShortNumber(0.456), "0.46");
  EXPECT_EQ(ShortNumber(12.34), "12.3");
  EXPECT_EQ(ShortNumber(999.6), "1.00 k");
  EXPECT_EQ(ShortNumber(845'000), "845 k");
  EXPECT_EQ(ShortNumber(999'999), "1.00 M");
  EXPECT_EQ(ShortNumber(1'234'567), "1.23 M");
  EXPECT_EQ(RatioText(4.24), "4.2×");
  EXPECT_EQ(RatioText(0.5), "0.50×");
  EXPECT_EQ(RatioText(18.3), "18×");
}

TEST(Charts, ABarIsAsLongAsItsValue) {
  const std::string svg = GroupedBars(
      "t", {{"a", {{"lissom", 50, "50"}, {"rocksdb", 100, "100"}}}});
  EXPECT_THAT(svg,
              HasSubstr("width=\"159\" height=\"16\" class=\"fill lissom"));
  EXPECT_THAT(svg,
              HasSubstr("width=\"318\" height=\"16\" class=\"fill rocksdb"));
}

TEST(Charts, SurviveEmptyAndFlatData) {
  EXPECT_EQ(UnbalancedTag(LinePlot({}, {})), "");
  EXPECT_EQ(UnbalancedTag(LinePlot({}, {{"lissom", {{0, 0}, {0, 0}}}})), "");
  EXPECT_EQ(UnbalancedTag(LogPlot({}, {}, {})), "");
  EXPECT_EQ(UnbalancedTag(LogPlot({}, {"p50"}, {{"lissom", {{0, 0}}}})), "");
  EXPECT_EQ(UnbalancedTag(RatioBars("", "lissom", {{"a", {}, false}})), "");
  for (const std::string& svg :
       {LinePlot({}, {{"lissom", {{0, 0}}}}),
        LogPlot({}, {"p50"}, {{"lissom", {{0, 5}}}})}) {
    EXPECT_THAT(svg, Not(HasSubstr("nan")));
    EXPECT_THAT(svg, Not(HasSubstr("inf")));
  }
}

}  // namespace
}  // namespace lissom::bench
