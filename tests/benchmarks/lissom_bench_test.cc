// The program as a whole: what it writes, and what it does to directories.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/benchmarks/program.h"

namespace lissom::bench {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

// --- A checker of the part of JSON Schema that our schema uses.

bool HasType(const Json& value, const std::string& type) {
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  return type == "null" && value.is_null();
}

class SchemaChecker {
 public:
  explicit SchemaChecker(Json schema) : root_(std::move(schema)) {}

  std::vector<std::string> Check(const Json& value) {
    Check(value, root_, "$");
    return flaws_;
  }

 private:
  void Check(const Json& value, const Json& schema, const std::string& at) {
    if (schema.contains("$ref")) {
      const std::string ref = schema["$ref"];
      return Check(value, root_.at(Json::json_pointer(ref.substr(1))), at);
    }
    for (const auto& [word, rule] : schema.items()) {
      if (word == "type") {
        CheckType(value, rule, at);
      } else if (word == "const") {
        if (value != rule) Flaw(at, "is not " + rule.dump());
      } else if (word == "minimum") {
        if (value < rule) Flaw(at, "is below " + rule.dump());
      } else if (word == "minItems") {
        if (value.size() < rule) Flaw(at, "has too few items");
      } else if (word == "maxItems") {
        if (value.size() > rule) Flaw(at, "has too many items");
      } else if (word == "required") {
        for (const std::string name : rule) {
          if (!value.contains(name)) Flaw(at, "lacks " + name);
        }
      } else if (word == "items") {
        for (size_t i = 0; i < value.size(); ++i) {
          std::string item = at;
          item += "[" + std::to_string(i) + "]";
          Check(value[i], rule, item);
        }
      } else if (word == "additionalProperties") {
        CheckOthers(value, schema, at);
      } else if (word == "properties") {
        for (const auto& [name, member] : rule.items()) {
          if (!value.contains(name)) continue;
          Check(value[name], member, std::string(at).append(".").append(name));
        }
      } else if (word != "description" && word != "title" &&
                 word != "$schema" && word != "$defs") {
        Flaw(at, "is under a rule that this test does not know: " + word);
      }
    }
  }

  void CheckType(const Json& value, const Json& rule, const std::string& at) {
    const Json types = rule.is_array() ? rule : Json::array({rule});
    for (const std::string type : types) {
      if (HasType(value, type)) return;
    }
    Flaw(at, "is no " + rule.dump());
  }

  void CheckOthers(const Json& value, const Json& schema,
                   const std::string& at) {
    const Json& rule = schema["additionalProperties"];
    for (const auto& [name, member] : value.items()) {
      if (schema.contains("properties") &&
          schema["properties"].contains(name)) {
        continue;
      }
      if (rule == false) {
        Flaw(at, "has an unknown member " + name);
      } else {
        Check(member, rule, std::string(at).append(".").append(name));
      }
    }
  }

  void Flaw(const std::string& at, const std::string& what) {
    flaws_.push_back(at + " " + what);
  }

  const Json root_;
  std::vector<std::string> flaws_;
};

std::vector<std::string> Flaws(const Json& document) {
  return SchemaChecker(Json::parse(ReadWhole(LISSOM_BENCH_SCHEMA)))
      .Check(document);
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

class LissomBench : public testing::Test {
 protected:
  Ended Bench(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "--db=" + db_);
    return Started(folder_, std::move(arguments)).Await();
  }

  const TestFolder folder_;
  const std::string db_ = folder_ / "db";
};

// --- JSON.

TEST_F(LissomBench, JsonFollowsItsSchema) {
  const Ended ended = Bench(
      {"--num=1000", "--output_format=json", "--histogram", "--statistics",
       "--benchmarks=fillseq,readrandom[X3-W1],ycsbf,compact,levelstats"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const Json document = Json::parse(ended.out);
  EXPECT_THAT(Flaws(document), ElementsAre());

  ASSERT_EQ(document["runs"].size(), 8U);
  EXPECT_EQ(document["runs"][0]["name"], "fillseq");
  EXPECT_EQ(document["runs"][0]["operations"], 1000);
  EXPECT_EQ(document["runs"][0]["bytes"], 116'000);
  EXPECT_EQ(document["runs"][0]["latency_micros"]["write"]["count"], 1000);
  EXPECT_EQ(document["runs"][1]["warmup"], true);
  EXPECT_EQ(document["runs"][4]["run"], 3);
  EXPECT_EQ(document["runs"][4]["warmup"], false);
  EXPECT_EQ(document["runs"][4]["found"], 1000);
  EXPECT_THAT(std::string(document["runs"][7]["message"]),
              HasSubstr("level  files"));
  ASSERT_EQ(document["repeats"].size(), 1U);
  EXPECT_EQ(document["repeats"][0]["runs"], 3);
  EXPECT_EQ(document["flags"]["num"], "1000");
  EXPECT_EQ(document["statistics"]["lissom.number.keys.read"], 4000 + 1000);
  EXPECT_EQ(document["error"], nullptr);
}

TEST_F(LissomBench, JsonSaysWhatEndedTheRun) {
  std::filesystem::create_directory(db_);
  std::ofstream(db_ + "/precious") << "data";
  const Ended ended =
      Bench({"--num=10", "--output_format=json", "--benchmarks=fillseq"});
  EXPECT_EQ(ended.code, 1);
  const Json document = Json::parse(ended.out);
  EXPECT_THAT(Flaws(document), ElementsAre());
  EXPECT_EQ("lissom_bench: " + std::string(document["error"]) + "\n",
            ended.err);
}

// The checker itself must be able to fail.
TEST_F(LissomBench, TheSchemaRefusesWhatIsWrong) {
  const Ended ended =
      Bench({"--num=10", "--output_format=json", "--benchmarks=fillseq"});
  const Json good = Json::parse(ended.out);
  ASSERT_THAT(Flaws(good), ElementsAre());
  Json bad = good;
  bad.erase("date");
  bad["format_version"] = 2;
  bad["extra"] = 1;
  bad["flags"]["num"] = 1000;
  bad["runs"][0]["operations"] = -1;
  bad["runs"][0]["threads"] = "one";
  bad["repeats"].push_back({{"name", "x"}});
  EXPECT_THAT(
      Flaws(bad),
      testing::UnorderedElementsAre(
          "$ lacks date", "$ has an unknown member extra",
          "$.format_version is not 1", "$.flags.num is no \"string\"",
          "$.runs[0].operations is below 0",
          "$.runs[0].threads is no \"integer\"", "$.repeats[0] lacks runs",
          "$.repeats[0] lacks ops_per_second",
          "$.repeats[0] lacks mb_per_second"));
}

// --- Text.

TEST_F(LissomBench, HeaderHasDbBenchsLines) {
  const Ended ended =
      Bench({"--num=1000", "--compression_ratio=0.25", "--value_size=200",
             "--benchmark_write_rate_limit=9000000", "--benchmarks=fillseq"});
  ASSERT_EQ(ended.code, 0);
  const std::vector<std::string> lines = LinesOf(ended.out);
  ASSERT_GT(lines.size(), 12U);
  EXPECT_EQ(lines[0], "Keys:       16 bytes each");
  EXPECT_EQ(lines[1],
            "Values:     200 bytes each (50 bytes after compression)");
  EXPECT_EQ(lines[2], "Entries:    1000");
  EXPECT_EQ(lines[3], "Prefix:    0 bytes");
  EXPECT_EQ(lines[5], "RawSize:    0.2 MB (estimated)");
  EXPECT_EQ(lines[6], "FileSize:   0.1 MB (estimated)");
  EXPECT_EQ(lines[7], "Write rate: 9000000 bytes/second");
  EXPECT_EQ(lines[8], "Read rate: 0 ops/second");
  EXPECT_EQ(lines[9], "Compression: none");
  EXPECT_EQ(lines[lines.size() - 2], std::string(48, '-'));
  EXPECT_THAT(lines.back(), StartsWith("fillseq      : "));
  EXPECT_THAT(ended.err, StartsWith("lissom:     version 0."));
  EXPECT_THAT(ended.err, HasSubstr("\nDate:       "));
}

TEST_F(LissomBench, RepeatsWarmUpAndAreSummedUp) {
  const Ended ended = Bench({"--num=100", "--confidence_interval_only",
                             "--benchmarks=fillseq,readrandom[X3-W2]"});
  ASSERT_EQ(ended.code, 0);
  std::vector<std::string> lines = LinesOf(ended.out);
  lines.erase(lines.begin(), lines.end() - 12);
  EXPECT_THAT(lines[0], StartsWith("fillseq "));
  EXPECT_EQ(lines[1], "Warming up benchmark by running 2 times");
  EXPECT_EQ(lines[2], "Running benchmark for 3 times");
  for (const int i : {3, 4, 5, 6, 8}) {
    EXPECT_THAT(lines[i], StartsWith("readrandom   : ")) << i;
  }
  EXPECT_THAT(lines[7], StartsWith("readrandom [CI95 2 runs] : ("));
  EXPECT_THAT(lines[9], StartsWith("readrandom [CI95 3 runs] : ("));
  EXPECT_THAT(lines[10], StartsWith("readrandom [AVG    3 runs] : "));
  EXPECT_THAT(lines[11], StartsWith("readrandom [MEDIAN 3 runs] : "));
}

TEST_F(LissomBench, StatisticsComeAtTheEnd) {
  const Ended ended =
      Bench({"--num=100", "--statistics", "--benchmarks=fillseq,stats"});
  EXPECT_THAT(ended.out, HasSubstr("\nSTATISTICS:\nlissom."));
  EXPECT_THAT(ended.out,
              HasSubstr("\nlissom.number.keys.written COUNT : 100\n"));
}

TEST_F(LissomBench, ReportFileHasARowASecond) {
  const std::string report = folder_ / "report.csv";
  const Ended ended =
      Bench({"--num=100", "--duration=3", "--report_interval_seconds=1",
             "--stats_interval_seconds=1", "--report_file=" + report,
             "--threads=2", "--benchmarks=fillseq,readrandom"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const std::vector<std::string> rows = LinesOf(ReadWhole(report));
  ASSERT_GT(rows.size(), 1U);
  EXPECT_EQ(rows[0], "secs_elapsed,interval_qps");
  EXPECT_THAT(rows[1], MatchesRegex("[0-9]+,[0-9]+"));
  EXPECT_TRUE(std::regex_search(
      ended.err,
      std::regex(R"([0-9/]{10}-[0-9:]{8} \.\.\. thread 1: \([0-9]+,[0-9]+\) )"
                 R"(ops and \([0-9.]+,[0-9.]+\) ops/second in )"
                 R"(\([0-9]+\.[0-9]{6},[0-9]+\.[0-9]{6}\) seconds\n)")))
      << ended.err;
}

TEST_F(LissomBench, AReportFileThatCannotBeWrittenIsAnError) {
  const std::string report = folder_ / "no/report.csv";
  const Ended ended = Bench(
      {"--num=100", "--report_interval_seconds=1", "--report_file=" + report});
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(ended.err, "lissom_bench: " + report + ": cannot be written\n");
  EXPECT_FALSE(std::filesystem::exists(db_));
}

// --- Directories.

TEST_F(LissomBench, WhatIsNoDatabaseIsNeverDestroyed) {
  std::filesystem::create_directory(db_);
  std::ofstream(db_ + "/precious") << "data";
  std::ofstream(db_ + "/CURRENT") << "MANIFEST-000001\n";  // Somebody else's.
  for (const char* benchmarks : {"fillseq", "readrandom"}) {
    for (const char* existing : {"--use_existing_db", "--nouse_existing_db"}) {
      const Ended ended = Bench(
          {"--num=10", existing, std::string("--benchmarks=") + benchmarks});
      EXPECT_EQ(ReadWhole(db_ + "/precious"), "data");
      EXPECT_EQ(ReadWhole(db_ + "/CURRENT"), "MANIFEST-000001\n");
      const bool skipped = std::string(benchmarks) == "fillseq" &&
                           std::string(existing) == "--use_existing_db";
      EXPECT_EQ(ended.code, skipped ? 0 : 1) << benchmarks << existing;
    }
  }
}

TEST_F(LissomBench, ADatabaseIsWorkedOnOnlyWhenAsked) {
  ASSERT_EQ(Bench({"--num=100", "--benchmarks=fillseq"}).code, 0);
  const Ended unasked = Bench({"--num=100", "--benchmarks=readrandom"});
  EXPECT_EQ(unasked.code, 1);
  EXPECT_THAT(unasked.err,
              HasSubstr("lissom_bench: " + db_ +
                        ": a database is there; --use_existing_db works on it, "
                        "a fill workload before readrandom makes it anew\n"));
  const Ended asked = Bench(
      {"--num=100", "--use_existing_db", "--benchmarks=fillseq,readrandom"});
  EXPECT_EQ(asked.code, 0);
  EXPECT_THAT(
      asked.out,
      HasSubstr("fillseq      : skipped (--use_existing_db is true)\n"));
  EXPECT_THAT(asked.out, HasSubstr("(100 of 100 found)"));
}

TEST_F(LissomBench, AnExistingDatabaseMustExist) {
  const Ended ended =
      Bench({"--num=100", "--use_existing_db", "--benchmarks=readrandom"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_FALSE(std::filesystem::exists(db_ + "/CURRENT"));
}

// So many lines of a pipe, waited for a minute at most; fewer, and a failure,
// if they do not come.
std::vector<std::string> ReadLines(int fd, size_t count) {
  std::string text;
  pollfd ready = {.fd = fd, .events = POLLIN, .revents = 0};
  for (char c = 0; LinesOf(text).size() < count || !text.ends_with('\n');) {
    if (poll(&ready, 1, 60'000) != 1 || read(fd, &c, 1) != 1) {
      ADD_FAILURE() << "no more than: " << text;
      break;
    }
    text += c;
  }
  std::vector<std::string> lines = LinesOf(text);
  lines.resize(std::max(lines.size(), count));
  return lines;
}

TEST_F(LissomBench, CtrlCLeavesTheDatabaseUsable) {
  ASSERT_EQ(Bench({"--num=100", "--benchmarks=fillseq"}).code, 0);
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string report = folder_ / "report.csv";
    std::filesystem::remove(report);
    ASSERT_EQ(mkfifo(report.c_str(), 0600), 0);
    const int rows = open(report.c_str(), O_RDWR | O_CLOEXEC);
    // It would take an hour. That the report has a row says that it is at work.
    Started running(folder_, {"--db=" + db_, "--num=100", "--use_existing_db",
                              "--duration=3600", "--report_interval_seconds=1",
                              "--report_file=" + report,
                              "--benchmarks=overwrite,readrandom"});
    EXPECT_EQ(ReadLines(rows, 2)[0], "secs_elapsed,interval_qps");
    kill(running.pid(), signal);
    const Ended ended = running.Await();
    close(rows);
    EXPECT_EQ(ended.code, 130);
    EXPECT_THAT(ended.err, HasSubstr("lissom_bench: interrupted\n"));
    EXPECT_THAT(ended.out, testing::Not(HasSubstr("readrandom")));
    const Ended after =
        Bench({"--num=100", "--use_existing_db", "--benchmarks=readrandom"});
    EXPECT_EQ(after.code, 0) << after.err;
    EXPECT_THAT(after.out, HasSubstr("(100 of 100 found)"));
  }
}

}  // namespace
}  // namespace lissom::bench
