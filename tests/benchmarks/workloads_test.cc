// Each workload by name: the program runs it, and its result line says what was
// to be done.
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "benchmarks/workload.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/benchmarks/program.h"

namespace lissom::bench {
namespace {

using testing::HasSubstr;

struct Line {
  uint64_t operations = 0;
  bool has_megabytes = false;
  std::string message;
};

// The result lines of a run, by name. Each has the form that db_bench's have.
std::map<std::string, Line> LinesOf(const std::string& out) {
  static const std::regex kLine(
      R"((\w+) {0,12} :\s+[0-9]+\.[0-9]{3} micros/op [0-9]+ ops/sec )"
      R"([0-9]+\.[0-9]{3} seconds ([0-9]+) operations;)"
      R"(( +[0-9]+\.[0-9] MB/s)?( \(.*\))?)");
  std::map<std::string, Line> lines;
  std::istringstream text(out);
  for (std::string line; std::getline(text, line);) {
    std::smatch match;
    if (!std::regex_match(line, match, kLine)) continue;
    lines[match[1]] = {
        .operations = std::stoull(match[2]),
        .has_megabytes = match[3].matched,
        .message = match[4].matched ? match[4].str().substr(1) : ""};
  }
  return lines;
}

std::map<std::string, Line> RunAll(const std::vector<std::string>& more) {
  const TestFolder folder;
  std::vector<std::string> arguments = {"--db=" + (folder / "db"),
                                        "--num=1000"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Ended ended = Run(folder, arguments);
  EXPECT_EQ(ended.code, 0) << ended.err;
  return LinesOf(ended.out);
}

TEST(Workloads, EachDoesItsCount) {
  struct Expected {
    std::string name;
    uint64_t operations;
    bool has_megabytes;
    std::string message = "";
  };
  const std::vector<Expected> all = {
      {"fillseq", 1000, true},
      {"overwrite", 1000, true},
      {"readrandom", 1000, true, "(1000 of 1000 found)"},
      {"readmissing", 1000, false, "(0 of 1000 found)"},
      {"readhot", 1000, true, "(1000 of 1000 found)"},
      {"readseq", 1000, true},
      {"readreverse", 1000, true},
      {"seekrandom", 1000, false, "(1000 of 1000 found)"},
      {"multireadrandom", 1000, true, "(1000 of 1000 found)"},
      {"readwhilewriting", 1000, true, "(1000 of 1000 found)"},
      {"readrandomwriterandom", 1000, false,
       "( reads:900 writes:100 total:1000 found:900)"},
      {"updaterandom", 1000, true, "( updates:1000 found:1000)"},
      {"flush", 1, false},
      {"compact", 1, false},
      {"waitforidle", 1, false},
      {"waitforcompaction", 1, false},
      {"deleterandom", 1000, false},
      {"deleteseq", 1000, false},
      {"fillrandom", 1000, true},
      {"fillbatch", 1000, true},
      {"fillsync", 1, true, "(1 ops)"},
      {"ycsbload", 1000, true},
      {"ycsba", 1000, true},
      {"ycsbb", 1000, true},
      {"ycsbc", 1000, true, "(1000 of 1000 found)"},
      {"ycsbd", 1000, true},
      {"ycsbe", 1000, true},
      {"ycsbf", 1000, true, "(1000 of 1000 found)"},
  };
  std::string names;
  for (const Expected& expected : all) names += expected.name + ",";
  const std::map<std::string, Line> lines = RunAll({"--benchmarks=" + names});
  for (const Expected& expected : all) {
    const auto line = lines.find(expected.name);
    ASSERT_NE(line, lines.end()) << expected.name;
    EXPECT_EQ(line->second.operations, expected.operations) << expected.name;
    EXPECT_EQ(line->second.has_megabytes, expected.has_megabytes)
        << expected.name;
    if (!expected.message.empty()) {
      EXPECT_EQ(line->second.message, expected.message);
    }
  }
  // None was left out but those that print something else.
  for (const Workload& workload : AllWorkloads()) {
    EXPECT_NE(lines.count(std::string(workload.name)) > 0, workload.prints)
        << workload.name;
  }
}

// Each of N threads does the whole count; a load puts each record once.
TEST(Workloads, ThreadsEachDoTheWholeCount) {
  const auto lines =
      RunAll({"--threads=3", "--batch_size=7",
              "--benchmarks=ycsbload,ycsbc,fillseq,overwrite,readrandom,"
              "multireadrandom,readwhilewriting,readseq,deleteseq,compact"});
  EXPECT_EQ(lines.at("ycsbload").operations, 1000U);
  EXPECT_EQ(lines.at("ycsbc").message, "(1000 of 1000 found)");
  for (const char* name : {"fillseq", "overwrite", "readrandom",
                           "multireadrandom", "readwhilewriting", "readseq"}) {
    EXPECT_EQ(lines.at(name).operations, 3000U) << name;
  }
  EXPECT_EQ(lines.at("compact").operations, 1U);
}

TEST(Workloads, CountsHaveFlagsOfTheirOwn) {
  const auto lines = RunAll(
      {"--reads=10", "--writes=200", "--deletes=30", "--readwritepercent=50",
       ("--benchmarks=fillseq,readrandom,readseq,seekrandom,"
        "readrandomwriterandom,updaterandom,deleteseq,readmissing")});
  EXPECT_EQ(lines.at("fillseq").operations, 200U);
  EXPECT_EQ(lines.at("readrandom").operations, 10U);
  EXPECT_EQ(lines.at("readseq").operations, 10U);
  EXPECT_EQ(lines.at("seekrandom").operations, 10U);
  EXPECT_EQ(lines.at("readrandomwriterandom").operations, 200U);
  EXPECT_THAT(lines.at("readrandomwriterandom").message,
              HasSubstr("reads:100 writes:100"));
  EXPECT_EQ(lines.at("updaterandom").operations, 200U);
  EXPECT_EQ(lines.at("deleteseq").operations, 30U);
}

// What was deleted is gone, and what reads follow sees it.
TEST(Workloads, DeletesDelete) {
  const auto lines =
      RunAll({"--benchmarks=fillseq,deleteseq,readrandom,readseq"});
  EXPECT_EQ(lines.at("readrandom").message, "(0 of 1000 found)");
  EXPECT_EQ(lines.at("readseq").operations, 0U);
}

TEST(Workloads, SeeksMoveOnAndBack) {
  const auto lines =
      RunAll({"--seek_nexts=5", "--benchmarks=fillseq,seekrandom"});
  EXPECT_TRUE(lines.at("seekrandom").has_megabytes);
  const auto back = RunAll({"--seek_nexts=5", "--reverse_iterator",
                            "--benchmarks=fillseq,seekrandom"});
  EXPECT_TRUE(back.at("seekrandom").has_megabytes);
}

// A duration takes the place of the count where keys are random.
TEST(Workloads, ADurationEndsWhatIsRandom) {
  const auto lines = RunAll({"--duration=1", "--ops_between_duration_checks=10",
                             "--benchmarks=fillseq,readrandom,readseq"});
  EXPECT_EQ(lines.at("fillseq").operations, 1000U);
  EXPECT_EQ(lines.at("readseq").operations, 1000U);
  EXPECT_EQ(lines.at("readrandom").operations % 10, 0U);
  EXPECT_NE(lines.at("readrandom").operations, 1000U);
}

}  // namespace
}  // namespace lissom::bench
