// What our programs show people: numbers that read well, a progress bar, a
// table. A bar appears on a terminal only; a file or a pipe gets plain lines.
//
// Thread-compatible.
#ifndef LISSOM_SRC_TOOLS_TERMINAL_H_
#define LISSOM_SRC_TOOLS_TERMINAL_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace lissom::tools {

// 1234567 as "1,234,567".
std::string WithCommas(uint64_t number);

// Bytes as "512 B", "3.4 KB", "50.2 MB": powers of ten.
std::string HumanBytes(uint64_t bytes);

// "0.52 s", or "3.1 ms" below a tenth of a second.
std::string HumanSeconds(double seconds);

// Measures one step and shows how far it is.
//
//   Progress progress("load", records.size());
//   for (...) { ...; progress.Add(); }
//   progress.Finish("records");   // load   63,666 records in 0.52 s, ...
class Progress {
 public:
  // `to`: stdout or stderr, where it appears.
  Progress(std::string label, uint64_t total, std::FILE* to = stdout);
  ~Progress();  // Clears an unfinished bar, so that an error stands alone.
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap: looks at the clock once in 512 calls.
  void Add(uint64_t count = 1) {
    done_ += count;
    if ((++calls_ & 511) == 0) Draw();
  }

  bool terminal() const { return terminal_; }

  // Replaces the bar by one line that says what was done and how fast.
  void Finish(const std::string& noun);

  uint64_t done() const { return done_; }
  double seconds() const;  // Since construction, or until Finish.

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  void Draw();
  void Erase();

  const std::string label_;
  const uint64_t total_;
  std::FILE* const to_;
  const bool terminal_;
  const TimePoint start_;
  TimePoint drawn_;
  TimePoint end_;
  uint64_t done_ = 0;
  uint64_t calls_ = 0;
  bool bar_shown_ = false;
  bool finished_ = false;
};

// Rows of cells in a box. The first column is flush left, the others right.
class Table {
 public:
  explicit Table(std::vector<std::string> header);

  // Requires: as many cells as the header has.
  void AddRow(std::vector<std::string> cells);
  void AddLine();  // A rule between rows.

  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;  // An empty row is a rule.
};

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_TERMINAL_H_
