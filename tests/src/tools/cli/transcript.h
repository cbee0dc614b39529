// Transcripts: what a person at a shell sees, as a file that is a test. Its
// format is in tests/testdata/cli/README.md.
//
// Thread-compatible.
#ifndef LISSOM_TESTS_SRC_TOOLS_CLI_TRANSCRIPT_H_
#define LISSOM_TESTS_SRC_TOOLS_CLI_TRANSCRIPT_H_

#include <filesystem>
#include <string>
#include <vector>

namespace lissom::tools {

struct Step {
  std::string comment;   // "## " lines above the command.
  std::string command;   // Without "$ " and "> "; may have several lines.
  std::string expected;  // What follows it, "[exit N]" included.
  size_t line = 0;       // Of the command.
};

struct Transcript {
  std::vector<Step> steps;
  std::string rest;  // "## " lines after the last step.
};

Transcript ReadTranscript(const std::filesystem::path& path);
void WriteTranscript(const std::filesystem::path& path,
                     const Transcript& transcript);

// The words behind "## needs:" in any comment that no program of PATH has.
std::vector<std::string> MissingPrograms(const Transcript& transcript);

// A directory of its own in which commands are run by bash, with `lissom`, the
// built program, in PATH. Removed by the destructor.
class Shell {
 public:
  Shell();
  ~Shell();
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  // Stdout and stderr together, and "[exit N]" unless N is 0; stdin is empty.
  std::string Run(const std::string& command);

  // Paths of everything in the directory, below directories too, sorted.
  std::vector<std::string> Files() const;

 private:
  std::filesystem::path root_;
};

// True if transcripts are to be written anew: LISSOM_RECORD=1.
bool Recording();

}  // namespace lissom::tools

#endif  // LISSOM_TESTS_SRC_TOOLS_CLI_TRANSCRIPT_H_
