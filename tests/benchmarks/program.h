// Runs lissom_bench as its users do, and keeps what it says.
#ifndef LISSOM_TESTS_BENCHMARKS_PROGRAM_H_
#define LISSOM_TESTS_BENCHMARKS_PROGRAM_H_

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace lissom::bench {

// A directory of the running test's own, removed at its end.
class TestFolder {
 public:
  TestFolder() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::path(testing::TempDir()) /
            ("lissom_bench_" + std::string(test->test_suite_name()) + "_" +
             test->name() + "_" + std::to_string(getpid()));
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  std::string operator/(const std::string& name) const {
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

inline std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Ended {
  int code = -1;  // 128 + the signal's number if one ended it.
  std::string out;
  std::string err;
};

// The program with these arguments, started; Await waits for its end.
class Started {
 public:
  Started(const TestFolder& folder, std::vector<std::string> arguments)
      : out_(folder / "stdout"), err_(folder / "stderr") {
    arguments.insert(arguments.begin(), LISSOM_BENCH_PROGRAM);
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ != 0) return;
    const int out = open(out_.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
    const int err = open(err_.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }

  pid_t pid() const { return pid_; }

  Ended Await() {
    int status = 0;
    waitpid(pid_, &status, 0);
    return {.code = WIFEXITED(status) ? WEXITSTATUS(status)
                                      : 128 + WTERMSIG(status),
            .out = ReadWhole(out_),
            .err = ReadWhole(err_)};
  }

 private:
  const std::string out_;
  const std::string err_;
  pid_t pid_ = -1;
};

inline Ended Run(const TestFolder& folder,
                 const std::vector<std::string>& arguments) {
  return Started(folder, arguments).Await();
}

}  // namespace lissom::bench

#endif  // LISSOM_TESTS_BENCHMARKS_PROGRAM_H_
