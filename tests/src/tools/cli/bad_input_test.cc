// What bad input gets: each row of tests/testdata/cli/bad_input/*.txt is a
// command, the exact message and the exit code. After a row nothing is there
// that was not there before, and the database `db` holds what it held.
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/src/tools/cli/transcript.h"

namespace lissom::tools {
namespace {

namespace fs = std::filesystem;

// Without the files of db, which an opener may rename and replace.
std::vector<std::string> FilesBesideDb(const Shell& shell) {
  std::vector<std::string> files = shell.Files();
  std::erase_if(
      files, [](const std::string& file) { return file.starts_with("db/"); });
  return files;
}

bool IsSetup(const Step& step) {
  return step.comment.find("## setup") != std::string::npos;
}

size_t RunTable(const fs::path& path) {
  Transcript table = ReadTranscript(path);
  Shell shell;
  size_t rows = 0;
  std::string content;  // Of db, after the setup.
  for (Step& step : table.steps) {
    SCOPED_TRACE(path.string() + ":" + std::to_string(step.line) + ": $ " +
                 step.command);
    if (IsSetup(step)) {
      EXPECT_EQ(shell.Run(step.command), "");
      content = shell.Run("lissom dump db -f ldb");
      continue;
    }
    ++rows;
    const std::vector<std::string> files = FilesBesideDb(shell);
    const std::string output = shell.Run(step.command);
    if (Recording()) step.expected = output;
    EXPECT_EQ(output, step.expected) << "LISSOM_RECORD=1 writes the file anew";
    EXPECT_NE(output.find("\n[exit "), std::string::npos) << "a success";
    EXPECT_EQ(FilesBesideDb(shell), files) << "something was left";
    EXPECT_EQ(shell.Run("lissom dump db -f ldb"), content) << "db was changed";
  }
  if (Recording()) WriteTranscript(path, table);
  return rows;
}

TEST(BadInput, IsRefusedAndLeavesNothing) {
  size_t rows = 0;
  for (const auto& entry : fs::directory_iterator(LISSOM_BAD_INPUT)) {
    rows += RunTable(entry.path());
  }
  EXPECT_GE(rows, 90u);
}

}  // namespace
}  // namespace lissom::tools
