#include "benchmarks/compare/result.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <string>

#include "benchmarks/compare/summary.h"

namespace lissom::bench {
namespace {

std::string Sampled() {
  std::ifstream file(LISSOM_TESTDATA "/result.json");
  return {std::istreambuf_iterator<char>(file), {}};
}

Result Example() {
  absl::StatusOr<Result> result = FromJson(Sampled());
  EXPECT_TRUE(result.ok()) << result.status();
  return *std::move(result);
}

// Samples of both engines, round by round.
Cell CellOf(const std::vector<double>& ours, const std::vector<double>& theirs,
            const std::vector<bool>& busy) {
  Cell cell{.id = "x", .title = "X", .group = "read", .samples = {}};
  for (size_t i = 0; i < ours.size(); ++i) {
    cell.samples.push_back(
        {.engine = "lissom", .round = i, .value = ours[i], .operations = 10});
    cell.samples.push_back({.engine = "rocksdb",
                            .round = i,
                            .value = theirs[i],
                            .operations = 10,
                            .busy = busy[i]});
  }
  return cell;
}

TEST(Result, JsonComesBackAsItWas) {
  const Result example = Example();
  const std::string json = ToJson(example);
  const absl::StatusOr<Result> again = FromJson(json);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(ToJson(*again), json);
  EXPECT_EQ(example.cells.size(), 11u);
  EXPECT_EQ(example.cells[1].samples[0].engine, "lissom");
  EXPECT_EQ(example.machine.cores, 2u);
  EXPECT_EQ(example.engines[1].settings[0].name, "cache");
}

TEST(Result, NumbersThatJsonCannotSayAreZero) {
  Result result;
  result.seconds = std::nan("");
  EXPECT_EQ(FromJson(ToJson(result))->seconds, 0);
}

TEST(Result, BytesThatAreNoTextDoNotLoseTheMeasurement) {
  Result result;
  result.machine.cpu = "\xff\xfe";
  EXPECT_TRUE(FromJson(ToJson(result)).ok());
}

TEST(Result, WhatIsWrongWithAFileIsNamed) {
  struct Row {
    std::string from;  // Replaced in the example by `to`.
    std::string to;
    std::string message;
  };
  const Row rows[] = {
      {"{\"program\"", "\"program\"", "this is no JSON"},
      {"lissom_compare\"", "lissom_bench\"",
       "this is no result of lissom_compare"},
      {"\"schema\":1", "\"schema\":2",
       "this has another schema; this program reads schema 1"},
      {"\"schema\":1", "\"schema\":\"1\"",
       "this has another schema; this program reads schema 1"},
      {"\"mode\":", "\"made\":", "result.mode is missing"},
      {"\"seconds\":181.5", "\"seconds\":\"long\"",
       "result.seconds is not a number"},
      {"\"read_keys\":1000000", "\"read_keys\":-1",
       "result.read_keys is not a whole number"},
      {"\"cores\":2", "\"cores\":2.5",
       "result.machine.cores is not a whole number"},
      {"\"cpu\":\"Example", "\"CPU\":\"Example",
       "result.machine.cpu is missing"},
      {"\"checks_on\":false", "\"checks_on\":0",
       "result.checks_on is not true or false"},
      {"\"round\":0", "\"raund\":0",
       "result.cells[0].samples[0].round is missing"},
      {"\"samples\":[", "\"samples\":{}, \"x\":[",
       "result.cells[0].samples is not an array"},
      {"\"machine\":{", "\"machine\":[], \"x\":{",
       "result.machine is not an object"},
      {"\"lissom_commit\":\"0123abc\"", "\"lissom_commit\":7",
       "result.lissom_commit is not a string"},
  };
  for (const Row& row : rows) {
    std::string text = Sampled();
    const size_t at = text.find(row.from);
    ASSERT_NE(at, std::string::npos) << row.from;
    text.replace(at, row.from.size(), row.to);
    EXPECT_EQ(FromJson(text).status(), absl::InvalidArgumentError(row.message));
  }
  EXPECT_EQ(FromJson("").status().message(), "this is no JSON");
  EXPECT_EQ(FromJson("[]").status().message(),
            "this is no result of lissom_compare");
}

TEST(Result, RatiosAreTakenWithinARound) {
  const Cell cell = CellOf({10, 40, 90}, {10, 20, 30}, {false, false, false});
  const Spread ratio = RatiosOf(cell, "lissom", "rocksdb");
  EXPECT_EQ(ratio.count, 3u);
  EXPECT_EQ(ratio.least, 1);
  EXPECT_EQ(ratio.median, 2);
  EXPECT_EQ(ratio.most, 3);
  EXPECT_EQ(RatiosOf(cell, "lissom", "leveldb").count, 0u);
}

TEST(Result, ABusySampleTakesItsPairWithIt) {
  const Cell cell = CellOf({10, 40, 90}, {10, 20, 30}, {false, false, true});
  EXPECT_EQ(RatiosOf(cell, "lissom", "rocksdb").most, 2);
  EXPECT_EQ(ValuesOf(cell, "rocksdb").count, 2u);
  EXPECT_EQ(ValuesOf(cell, "lissom").count, 3u);
  EXPECT_FALSE(IsDisturbed(cell, "rocksdb"));
}

TEST(Result, WhereAllWereBusyAllCountAndTheCellIsMarked) {
  const Cell cell = CellOf({10, 40}, {10, 20}, {true, true});
  EXPECT_TRUE(IsDisturbed(cell, "rocksdb"));
  EXPECT_FALSE(IsDisturbed(cell, "lissom"));
  EXPECT_FALSE(IsDisturbed(cell, "leveldb"));
  EXPECT_EQ(RatiosOf(cell, "lissom", "rocksdb").count, 2u);
  EXPECT_EQ(ValuesOf(cell, "rocksdb").count, 2u);
  EXPECT_TRUE(RatioRows({&cell}, "rocksdb")[0].disturbed);
}

TEST(Result, ProcessorTimeIsCountedByOperation) {
  Cell cell = CellOf({10}, {10}, {false});
  cell.samples[0].cpu_seconds = 0.00005;
  EXPECT_DOUBLE_EQ(CpuOf(cell, "lissom").median, 5);
}

TEST(Result, SlicesThrownAwayAreCounted) {
  const Result example = Example();
  EXPECT_EQ(SlicesThrownAway(example), 10u);
  EXPECT_EQ(Slices(example), 114u);
}

TEST(Summary, OursStandsFirstAndVariantsAreNoPeers) {
  EXPECT_EQ(EnginesIn(Example()),
            (std::vector<std::string>{"lissom", "rocksdb", "leveldb", "null"}));
  EXPECT_TRUE(IsPeer("rocksdb"));
  EXPECT_FALSE(IsPeer("lissom"));
  EXPECT_FALSE(IsPeer("null"));
  EXPECT_FALSE(IsPeer("rocksdb-defaults"));
}

TEST(Summary, ACurveIsTheMedianOfItsRunsWithoutTheBusyOnes) {
  Result result;
  for (const double micros : {1.0, 2.0, 3.0, 1000.0}) {
    result.latencies.push_back({.engine = "lissom",
                                .operation = "get",
                                .offered = 5,
                                .done = 5,
                                .percentiles = {{99, micros}},
                                .busy = micros > 100});
  }
  const std::vector<LatencyCurve> curves = CurvesOf(result, "get");
  ASSERT_EQ(curves.size(), 1u);
  EXPECT_EQ(curves[0].percentiles[0].micros, 2);
  EXPECT_TRUE(CurvesOf(result, "put").empty());
}

TEST(Summary, AmplificationIsBytesOverBytes) {
  Result result;
  result.amplifications.push_back({.engine = "lissom",
                                   .cell = "x",
                                   .put_bytes = 10,
                                   .written_bytes = 30,
                                   .live_bytes = 8,
                                   .disk_bytes = 10});
  const auto sums = AmplificationsOf(result, "x");
  ASSERT_EQ(sums.size(), 1u);
  EXPECT_EQ(sums[0].write, 3);
  EXPECT_EQ(sums[0].space, 1.25);
}

}  // namespace
}  // namespace lissom::bench
