#include "benchmarks/compare/compare_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lissom::bench {
namespace {

using Arguments = std::vector<std::string>;

TEST(CompareFlags, AreWhatWasSaid) {
  const absl::StatusOr<CompareFlags> flags = ParseCompareFlags(
      {"--quick", "--json=a.json", "--rounds=3", "--engines=lissom,lmdb"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->mode, Mode::kQuick);
  EXPECT_EQ(flags->json, "a.json");
  const Plan plan = PlanOf(*flags);
  EXPECT_EQ(plan.rounds, 3u);
  EXPECT_EQ(plan.read_keys, 1'000'000u);
  EXPECT_EQ(plan.engines, (Arguments{"lissom", "lmdb"}));
}

TEST(CompareFlags, OtherSizesAreNotToBeQuotedAsTheMode) {
  EXPECT_EQ(NameOf(PlanOf(*ParseCompareFlags({"--engines=lissom,lmdb"}))),
            "standard");
  for (const char* flag : {"--read_keys=5000", "--write_keys=5000",
                           "--rounds=3", "--slice_seconds=1"}) {
    EXPECT_EQ(NameOf(PlanOf(*ParseCompareFlags({flag}))), "custom") << flag;
  }
}

TEST(CompareFlags, WithoutAnyIsTheStandardComparison) {
  EXPECT_EQ(ParseCompareFlags({})->mode, Mode::kStandard);
}

TEST(CompareFlags, PartsLeaveOutTheOthers) {
  const Plan read = PlanOf(*ParseCompareFlags({"--full", "--parts=read"}));
  EXPECT_FALSE(read.write);
  EXPECT_TRUE(read.read);
  EXPECT_FALSE(read.latency);
  EXPECT_EQ(read.ycsb_records, 0u);
  EXPECT_EQ(read.sustained_seconds, 0);
  EXPECT_TRUE(PlanOf(*ParseCompareFlags({"--parts=latency"})).read);
  const Plan full = PlanOf(*ParseCompareFlags({"--full", "--parts=ycsb"}));
  EXPECT_FALSE(full.write || full.read);
  EXPECT_GT(full.ycsb_records, 0u);
  EXPECT_EQ(full.large_bytes, 0u);
}

TEST(CompareFlags, ServingIsSaidAlone) {
  EXPECT_TRUE(ParseCompareFlags({"--serve"})->serve);
  EXPECT_FALSE(ParseCompareFlags({"--serve", "--quick"}).ok());
}

TEST(CompareFlags, MistakesAreNamed) {
  struct Row {
    Arguments arguments;
    std::string message;
  };
  const std::string engines =
      "some of lissom,rocksdb,leveldb,lmdb,null,lissom-defaults,"
      "rocksdb-defaults,leveldb-defaults,rocksdb-blobs,rocksdb-tuned";
  const std::string parts =
      "some of write,read,latency,sustained,ycsb,large,beyond";
  const Row rows[] = {
      {{"--fast"}, "unknown flag '--fast'; --help shows those there are"},
      {{"quick"}, "unknown flag 'quick'; --help shows those there are"},
      {{""}, "unknown flag ''; --help shows those there are"},
      {{"--quick", "--"}, "unknown flag '--'; --help shows those there are"},
      {{"-quick"}, "unknown flag '-quick'; --help shows those there are"},
      {{"--jso=x"}, "unknown flag '--jso=x'; --help shows those there are"},
      {{"--quick=1"}, "--quick takes no value"},
      {{"--help="}, "--help takes no value"},
      {{"--json"}, "--json wants a file: --json=..."},
      {{"--json="}, "--json wants a file, not ''"},
      {{"--html="}, "--html wants a file, not ''"},
      {{"--svg"}, "--svg wants a file: --svg=..."},
      {{"--dir="}, "--dir wants a directory, not ''"},
      {{"--render"}, "--render wants a JSON file: --render=..."},
      {{"--rounds=0"}, "--rounds wants a number from 1 to 1000, not '0'"},
      {{"--rounds=1001"}, "--rounds wants a number from 1 to 1000, not '1001'"},
      {{"--rounds=-1"}, "--rounds wants a number from 1 to 1000, not '-1'"},
      {{"--rounds=two"}, "--rounds wants a number from 1 to 1000, not 'two'"},
      {{"--pairs=1.5"}, "--pairs wants a number from 1 to 1000, not '1.5'"},
      {{"--read_keys=10"},
       "--read_keys wants a number from 1000 to 1000000000, not '10'"},
      {{"--write_keys=99999999999999999999"},
       "--write_keys wants a number from 1000 to 1000000000, not "
       "'99999999999999999999'"},
      {{"--slice_seconds="},
       "--slice_seconds wants a number from 1 to 3600, not ''"},
      {{"--engines=lissom,wiredtiger"},
       "--engines wants " + engines + ", not 'lissom,wiredtiger'"},
      {{"--engines=lissom,lissom"},
       "--engines wants " + engines + ", not 'lissom,lissom'"},
      {{"--engines="}, "--engines wants " + engines + ", not ''"},
      {{"--parts=reads"}, "--parts wants " + parts + ", not 'reads'"},
      {{"--parts=read,"}, "--parts wants " + parts + ", not 'read,'"},
      {{"--quick", "--parts=ycsb"},
       "--parts=ycsb is a part of --full: give both"},
      {{"--parts=read,beyond"},
       "--parts=beyond is a part of --full: give both"},
      {{"--quick", "--full"}, "--quick, --full and --ci exclude each other"},
      {{"--ci", "--ci"}, "--quick, --full and --ci exclude each other"},
      {{"--calibrate", "--quick"},
       "--calibrate is a measurement of its own, without --quick"},
      {{"--calibrate", "--render=a"},
       "--calibrate is a measurement of its own, without --render"},
      {{"--calibrate", "--html=a"},
       "--calibrate is a measurement of its own, without --html"},
      {{"--calibrate", "--rounds=2"},
       "--calibrate is a measurement of its own, without --rounds"},
      {{"--pairs=2"}, "--pairs is --calibrate's: give both"},
      {{"--db_bench=x"}, "--db_bench is --calibrate's: give both"},
      {{"--render=a.json", "--quick", "--html=b"},
       "--render draws what was measured, without --quick"},
      {{"--render=a.json", "--html=b", "--engines=lissom"},
       "--render draws what was measured, without --engines"},
      {{"--render=a.json"},
       "--render wants --html=FILE or --svg=FILE to draw to"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(ParseCompareFlags(row.arguments).status(),
              absl::InvalidArgumentError(row.message));
  }
}

TEST(CompareFlags, HelpNamesEachFlag) {
  for (const char* flag :
       {"--quick", "--full", "--ci", "--dir=...", "--render=...",
        "--engines=...", "--calibrate", "--db_bench=..."}) {
    EXPECT_THAT(CompareHelp(), testing::HasSubstr(flag));
  }
  EXPECT_THAT(CompareHelp(), testing::Not(testing::HasSubstr("--serve")));
}

}  // namespace
}  // namespace lissom::bench
