// Does `lissom` do and say what its transcripts show? Each file
// tests/testdata/cli/*.txt is a test: a session at a shell, in a directory of
// its own, with the built program.
#include "tests/src/tools/cli/transcript.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lissom::tools {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(LISSOM_TRANSCRIPTS)) {
    if (entry.path().extension() == ".txt") {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

class TranscriptTest : public ::testing::TestWithParam<std::string> {};

TEST_P(TranscriptTest, Holds) {
  const fs::path path = fs::path(LISSOM_TRANSCRIPTS) / (GetParam() + ".txt");
  Transcript transcript = ReadTranscript(path);
  ASSERT_FALSE(transcript.steps.empty()) << path;
  const std::vector<std::string> missing = MissingPrograms(transcript);
  if (!missing.empty()) GTEST_SKIP() << missing[0] << " is not installed";
  Shell shell;
  for (Step& step : transcript.steps) {
    const std::string output = shell.Run(step.command);
    if (Recording()) {
      step.expected = output;
      continue;
    }
    EXPECT_EQ(output, step.expected)
        << path.string() << ":" << step.line << ": $ " << step.command
        << "\n(LISSOM_RECORD=1 writes the file anew)";
  }
  if (Recording()) WriteTranscript(path, transcript);
}

INSTANTIATE_TEST_SUITE_P(Cli, TranscriptTest, ::testing::ValuesIn(Names()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace_if(
                               name.begin(), name.end(),
                               [](char c) { return !std::isalnum(c); }, '_');
                           return name;
                         });

// A verb without a transcript is a verb that nobody shows.
TEST(Transcripts, EveryVerbHasOne) {
  Shell shell;
  const std::string verbs = shell.Run(
      "lissom --help | sed -n '/^Subcommands:/,/^$/s/^  \\([a-z-]*\\) "
      ".*/\\1/p'");
  const std::vector<std::string> names = Names();
  size_t count = 0;
  std::istringstream words(verbs);
  std::string verb;
  while (words >> verb) {
    ++count;
    EXPECT_THAT(names, ::testing::Contains(verb));
  }
  EXPECT_GE(count, 12u) << verbs;
}

}  // namespace
}  // namespace lissom::tools
