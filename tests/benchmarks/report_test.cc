#include "benchmarks/report.h"

#include <string>
#include <utility>

#include "benchmarks/repeat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lissom/status.h"

namespace lissom::bench {
namespace {

RunResult Result(std::string_view name, uint64_t operations, double seconds,
                 uint64_t bytes, std::string message = "") {
  RunResult result{.name = name, .latency = {}, .message = std::move(message)};
  result.operations = operations;
  result.seconds = seconds;
  result.thread_seconds = 2 * seconds;
  result.bytes = bytes;
  return result;
}

TEST(ResultLine, IsDbBenchs) {
  EXPECT_EQ(ResultLine(Result("fillseq", 4000, 0.5, 116 << 20)),
            "fillseq      :     250.000 micros/op 8000 ops/sec 0.500 seconds "
            "4000 operations;  232.0 MB/s\n");
  EXPECT_EQ(
      ResultLine(Result("readmissing", 1000, 0.25, 0, "(0 of 1000 found)")),
      "readmissing  :     500.000 micros/op 4000 ops/sec 0.250 seconds "
      "1000 operations; (0 of 1000 found)\n");
  EXPECT_EQ(ResultLine(Result("readrandomwriterandom", 3, 3, 6 << 20, "(x)")),
            "readrandomwriterandom : 2000000.000 micros/op 1 ops/sec 3.000 "
            "seconds 3 operations;    2.0 MB/s (x)\n");
}

TEST(ResultLine, OfNothingDone) {
  EXPECT_EQ(ResultLine(Result("readseq", 0, 0, 0)),
            "readseq      :       0.000 micros/op 0 ops/sec 0.000 seconds 0 "
            "operations;\n");
}

TEST(HistogramText, HasABlockForEachKindOfOperation) {
  RunResult result = Result("ycsbf", 3, 1, 0);
  result.latency[static_cast<size_t>(Op::kRead)].Add(1'000);
  result.latency[static_cast<size_t>(Op::kRead)].Add(3'000);
  result.latency[static_cast<size_t>(Op::kUpdate)].Add(7'000'000);
  EXPECT_EQ(
      HistogramText(result),
      "Microseconds per read:\n"
      "Count: 2 Average: 2.0000  StdDev: 1.00\n"
      "Min: 1  Median: 1.0230  Max: 3\n"
      "Percentiles: P50: 1.02 P75: 3.00 P99: 3.00 P99.9: 3.00 P99.99: 3.00\n"
      "------------------------------------------------------\n"
      "Microseconds per update:\n"
      "Count: 1 Average: 7000.0000  StdDev: 0.00\n"
      "Min: 7000  Median: 7000.0000  Max: 7000\n"
      "Percentiles: P50: 7000.00 P75: 7000.00 P99: 7000.00 P99.9: 7000.00 "
      "P99.99: 7000.00\n"
      "------------------------------------------------------\n");
}

// The rates of a run of db_bench itself, three times readrandom, which it
// showed like this but for the fractions of an operation that its line leaves
// out.
TEST(Repeats, LinesAreDbBenchs) {
  Repeats repeats;
  repeats.Add(Result("readrandom", 2'467'612, 1, 0));
  repeats.Add(Result("readrandom", 2'164'502, 1, 0));
  EXPECT_EQ(AverageLine("readrandom", repeats, false),
            "readrandom [AVG 2 runs] : 2316057 (± 297047) ops/sec\n");
  repeats.Add(Result("readrandom", 2'341'920, 1, 0));
  EXPECT_EQ(AverageLine("readrandom", repeats, false),
            "readrandom [AVG 3 runs] : 2324678 (± 172331) ops/sec\n");
  EXPECT_EQ(AverageLine("readrandom", repeats, true),
            "readrandom [CI95 3 runs] : (2152346, 2497009) ops/sec\n");
  EXPECT_EQ(FinalLines("readrandom", repeats),
            "readrandom [AVG    3 runs] : 2324678 (± 172331) ops/sec\n"
            "readrandom [MEDIAN 3 runs] : 2341920 ops/sec\n");
}

TEST(Repeats, HaveMegabytesWhereTheRunsHave) {
  Repeats repeats;
  repeats.Add(Result("readseq", 100, 1, 1 << 20));
  repeats.Add(Result("readseq", 300, 1, 3 << 20));
  EXPECT_EQ(AverageLine("readseq", repeats, false),
            "readseq [AVG 2 runs] : 200 (± 196) ops/sec;    2.0 (± 2.0) "
            "MB/sec\n");
  EXPECT_EQ(AverageLine("readseq", repeats, true),
            "readseq [CI95 2 runs] : (4, 396) ops/sec; (0.0, 4.0) MB/sec\n");
  EXPECT_EQ(FinalLines("readseq", repeats),
            "readseq [AVG    2 runs] : 200 (± 196) ops/sec;    2.0 (± 2.0) "
            "MB/sec\n"
            "readseq [MEDIAN 2 runs] : 200 ops/sec;    2.0 MB/sec\n");
}

TEST(Step, IsANameAndHowOftenItRuns) {
  const auto is = [](std::string_view text, uint64_t runs, uint64_t warmups) {
    const auto step = ParseStep(text);
    ASSERT_TRUE(step.ok()) << step.status();
    EXPECT_EQ(step->workload->name, "readrandom");
    EXPECT_EQ(step->runs, runs) << text;
    EXPECT_EQ(step->warmups, warmups) << text;
  };
  is("readrandom", 1, 0);
  is("readrandom[X5]", 5, 0);
  is("readrandom[W2]", 1, 2);
  is("readrandom[X5-W2]", 5, 2);
  is("readrandom[W2-X1000]", 1000, 2);
}

}  // namespace
}  // namespace lissom::bench
