// The program as people start it: what it writes, says and returns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "benchmarks/compare/result.h"

namespace lissom::bench {
namespace {

using ::testing::HasSubstr;

struct Outcome {
  int exit_code = -1;
  std::string out;  // Standard output and error.
};

class LissomCompareTest : public testing::Test {
 protected:
  LissomCompareTest() {
    std::string path = testing::TempDir() + "lissom_compare_test_XXXXXX";
    directory_ = mkdtemp(path.data());
  }
  ~LissomCompareTest() override { std::filesystem::remove_all(directory_); }

  // Interrupts it as soon as it has said `last_words`, if that is not empty.
  static Outcome Run(const std::string& arguments,
                     const std::string& last_words = "") {
    const std::string command =
        "echo $$; exec " LISSOM_COMPARE_PROGRAM " " + arguments + " 2>&1";
    Outcome outcome;
    FILE* const pipe = popen(command.c_str(), "r");
    int pid = 0;
    EXPECT_EQ(std::fscanf(pipe, "%d\n", &pid), 1);
    for (int c = 0; (c = std::fgetc(pipe)) != EOF;) {
      outcome.out += static_cast<char>(c);
      if (!last_words.empty() && outcome.out.ends_with(last_words)) {
        kill(pid, SIGINT);
      }
    }
    const int status = pclose(pipe);
    if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
    return outcome;
  }

  std::string PathOf(const std::string& name) const {
    return directory_ + "/" + name;
  }
  std::string TextOf(const std::string& name) const {
    std::ifstream file(PathOf(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string directory_;
};

TEST_F(LissomCompareTest, CtrlCKeepsWhatWasMeasured) {
  // Loading that many would take minutes.
  const Outcome outcome =
      Run("--ci --read_keys=100000000 --write_keys=2000" +
              (" --dir=" + PathOf("work")) + " --json=" + PathOf("r.json"),
          "Loading\n");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("Not all was measured: lissom, "));
  EXPECT_THAT(outcome.out, HasSubstr(": interrupted\n"));
  const absl::StatusOr<Result> result = FromJson(TextOf("r.json"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(result->cells.empty());
  ASSERT_EQ(result->notes.size(), 1u);
  EXPECT_THAT(result->notes[0], HasSubstr("interrupted"));
  EXPECT_TRUE(std::filesystem::is_empty(PathOf("work")));
}

TEST_F(LissomCompareTest, MeasuresAllEnginesAndWritesAllOutputs) {
  const Outcome outcome =
      Run("--ci --read_keys=5000 --write_keys=5000 --dir=" + PathOf("work") +
          " --json=" + PathOf("r.json") + " --html=" + PathOf("r.html") +
          " --svg=" + PathOf("r.svg") + " --commit=abc");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("written: " + PathOf("r.html")));

  const absl::StatusOr<Result> result = FromJson(TextOf("r.json"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->mode, "custom");
  EXPECT_EQ(result->lissom_commit, "abc");
  EXPECT_EQ(result->cells.size(), 17u);
  for (const Cell& cell : result->cells) {
    ASSERT_EQ(cell.samples.size(), 5u) << cell.id;
    // The same questions, the same answers: null knows none.
    for (const Sample& sample : cell.samples) {
      EXPECT_GT(sample.value, 0) << cell.id << " " << sample.engine;
      if (sample.engine == "null") continue;
      EXPECT_EQ(sample.found, cell.samples[0].found)
          << cell.id << " " << sample.engine;
      EXPECT_EQ(sample.operations, cell.samples[0].operations)
          << cell.id << " " << sample.engine;
    }
  }
  EXPECT_FALSE(result->series.empty());
  EXPECT_EQ(result->latencies.size(), 8u);  // Two operations, four stores.
  EXPECT_THAT(TextOf("r.html"), HasSubstr("</html>"));
  EXPECT_THAT(TextOf("r.svg"), HasSubstr("</svg>"));
  // Databases are large; none is left behind.
  EXPECT_TRUE(std::filesystem::is_empty(PathOf("work")));
}

TEST_F(LissomCompareTest, WhatWasLeftOutIsWrittenToo) {
  // Memory is no place for data larger than memory.
  std::error_code error;
  const auto space = std::filesystem::space("/dev/shm", error);
  if (error || space.available >= uint64_t{48} << 30) {
    GTEST_SKIP() << "no small /dev/shm";
  }
  const Outcome outcome =
      Run("--full --parts=beyond --dir=/dev/shm --json=" + PathOf("r.json"));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  const absl::StatusOr<Result> result = FromJson(TextOf("r.json"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->cells.empty());
  ASSERT_EQ(result->notes.size(), 1u);
  EXPECT_THAT(result->notes[0], HasSubstr("was left out"));
}

TEST_F(LissomCompareTest, DrawsWhatWasMeasuredBefore) {
  const Outcome outcome = Run(
      "--render=" LISSOM_TESTDATA "/result.json --html=" + PathOf("a.html") +
      " --svg=" + PathOf("a.svg"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_THAT(TextOf("a.html"), HasSubstr("lissom beside RocksDB and LevelDB"));
  EXPECT_THAT(TextOf("a.svg"), HasSubstr("random reads"));
}

TEST_F(LissomCompareTest, HelpIsNoMistake) {
  const Outcome outcome = Run("--help");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("--calibrate"));
}

TEST_F(LissomCompareTest, MistakesHaveAMessageAndAnExitCodeAndNoOutput) {
  std::ofstream(PathOf("bad.json")) << "{}";
  std::ofstream(PathOf("file")) << "no directory";
  struct Row {
    std::string arguments;
    int exit_code;
    std::string message;
  };
  const std::string html = " --html=" + PathOf("out.html");
  const Row rows[] = {
      {"--fast" + html, 2,
       "lissom_compare: unknown flag '--fast'; --help shows those there are\n"},
      {"--ci --quick" + html, 2,
       "lissom_compare: --quick, --full and --ci exclude each other\n"},
      {"--render=" + PathOf("none.json") + html, 1,
       "lissom_compare: reading " + PathOf("none.json") +
           ": No such file or directory\n"},
      {"--render=" + PathOf("bad.json") + html, 2,
       "lissom_compare: " + PathOf("bad.json") +
           ": this is no result of lissom_compare\n"},
      {"--render=" LISSOM_TESTDATA "/result.json --html=" +
           PathOf("no/where.html"),
       1,
       "lissom_compare: writing " + PathOf("no/where.html") +
           ": No such file or directory\n"},
      {"--ci --quiet --dir=" + PathOf("file") + html, 1,
       "lissom_compare: --dir=" + PathOf("file") + ": Not a directory\n"},
      {"--calibrate --quiet --pairs=1 --read_keys=1000 "
       "--db_bench=/nonexistent --dir=" +
           PathOf("work"),
       1, "lissom_compare: /nonexistent: No such file or directory\n"},
  };
  for (const Row& row : rows) {
    const Outcome outcome = Run(row.arguments);
    EXPECT_EQ(outcome.out, row.message);
    EXPECT_EQ(outcome.exit_code, row.exit_code) << row.arguments;
    EXPECT_FALSE(std::filesystem::exists(PathOf("out.html")));
  }
}

}  // namespace
}  // namespace lissom::bench
