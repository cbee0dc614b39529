#include "tests/src/tools/cli/transcript.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "gtest/gtest.h"

namespace lissom::tools {
namespace {

namespace fs = std::filesystem;

// Of `command` as it stands in a transcript: "$ " before it, "> " on its
// further lines.
std::string Prompted(const std::string& command) {
  std::istringstream lines(command);
  std::string text;
  std::string line;
  while (std::getline(lines, line)) {
    text += text.empty() ? "$ " : line.empty() ? ">" : "> ";
    text += line + "\n";
  }
  return text;
}

}  // namespace

Transcript ReadTranscript(const fs::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  Transcript transcript;
  std::string line;
  bool in_command = false;
  for (size_t number = 1; std::getline(file, line); ++number) {
    if (line.rfind("## ", 0) == 0) {
      transcript.rest += line + "\n";
      in_command = false;
    } else if (line.rfind("$ ", 0) == 0) {
      transcript.steps.push_back({.comment = transcript.rest,
                                  .command = line.substr(2),
                                  .expected = "",
                                  .line = number});
      transcript.rest.clear();
      in_command = true;
    } else if (transcript.steps.empty()) {
      ADD_FAILURE() << path << ":" << number << ": output without a command";
    } else if (in_command && (line == ">" || line.rfind("> ", 0) == 0)) {
      transcript.steps.back().command +=
          "\n" + line.substr(std::min<size_t>(2, line.size()));
    } else {
      in_command = false;
      transcript.steps.back().expected += line + "\n";
    }
  }
  return transcript;
}

void WriteTranscript(const fs::path& path, const Transcript& transcript) {
  std::ofstream file(path);
  for (const Step& step : transcript.steps) {
    file << step.comment << Prompted(step.command) << step.expected;
  }
  file << transcript.rest;
}

std::vector<std::string> MissingPrograms(const Transcript& transcript) {
  static constexpr char kNeeds[] = "## needs:";
  std::vector<std::string> missing;
  for (const Step& step : transcript.steps) {
    const size_t at = step.comment.find(kNeeds);
    if (at == std::string::npos) continue;
    std::istringstream words(step.comment.substr(
        at + sizeof kNeeds - 1,
        step.comment.find('\n', at) - at - sizeof kNeeds + 1));
    std::string word;
    while (words >> word) {
      const std::string test = "command -v " + word + " >/dev/null 2>&1";
      // The tests' own words, one at a time.
      // NOLINTNEXTLINE(concurrency-mt-unsafe)
      if (std::system(test.c_str()) != 0) missing.push_back(word);
    }
  }
  return missing;
}

Shell::Shell() {
  std::string name = ::testing::TempDir() + "/lissom-cli-XXXXXX";
  EXPECT_NE(mkdtemp(name.data()), nullptr) << name;
  root_ = name;
  fs::create_directory(root_ / "bin");
  fs::create_directory(root_ / "work");
  fs::create_symlink(LISSOM_PROGRAM, root_ / "bin" / "lissom");
}

Shell::~Shell() {
  std::error_code ignored;  // What is left in /tmp fails no test.
  fs::remove_all(root_, ignored);
}

std::string Shell::Run(const std::string& command) {
  std::ofstream(root_ / "script") << command << "\n";
  const std::string line = "cd " + (root_ / "work").string() +
                           " && PATH=" + (root_ / "bin").string() +
                           ":$PATH LC_ALL=C.UTF-8 bash ../script 2>&1 " +
                           "</dev/null";
  std::FILE* pipe = popen(line.c_str(), "r");
  if (pipe == nullptr) return "popen failed\n";
  std::string output;
  char buffer[4096];
  size_t count = 0;
  while ((count = std::fread(buffer, 1, sizeof buffer, pipe)) > 0) {
    output.append(buffer, count);
  }
  const int status = pclose(pipe);
  if (!output.empty() && output.back() != '\n') output += "[no newline]\n";
  if (status != 0) {
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : status;
    output += "[exit " + std::to_string(code) + "]\n";
  }
  return output;
}

std::vector<std::string> Shell::Files() const {
  std::vector<std::string> files;
  const fs::path work = root_ / "work";
  for (const auto& entry : fs::recursive_directory_iterator(work)) {
    files.push_back(entry.path().lexically_relative(work).string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool Recording() {
  // Nobody changes the environment.
  // NOLINTNEXTLINE(concurrency-mt-unsafe)
  const char* const record = std::getenv("LISSOM_RECORD");
  return record != nullptr && std::string(record) == "1";
}

}  // namespace lissom::tools
