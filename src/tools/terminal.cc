#include "src/tools/terminal.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace lissom::tools {
namespace {

constexpr int kBarWidth = 32;
constexpr int kLabelWidth = 26;

// One horizontal rule: corners and crossings around cells of these widths.
std::string Rule(const std::vector<size_t>& widths, const char* left,
                 const char* cross, const char* right) {
  std::string line = left;
  for (size_t column = 0; column < widths.size(); ++column) {
    if (column > 0) line += cross;
    for (size_t i = 0; i < widths[column] + 2; ++i) line += "─";
  }
  return line + right + "\n";
}

std::string Row(const std::vector<size_t>& widths,
                const std::vector<std::string>& cells) {
  std::string line = "│";
  for (size_t column = 0; column < cells.size(); ++column) {
    const std::string pad(widths[column] - cells[column].size(), ' ');
    const bool left = column == 0;
    absl::StrAppend(&line, " ", left ? cells[column] : pad,
                    left ? pad : cells[column], " │");
  }
  return line + "\n";
}

}  // namespace

std::string WithCommas(uint64_t number) {
  std::string digits = std::to_string(number);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<size_t>(at), ",");
  }
  return digits;
}

std::string HumanBytes(uint64_t bytes) {
  const double value = static_cast<double>(bytes);
  if (bytes < 1000) return absl::StrCat(bytes, " B");
  if (bytes < 1'000'000) return absl::StrFormat("%.1f KB", value / 1e3);
  if (bytes < 1'000'000'000) return absl::StrFormat("%.1f MB", value / 1e6);
  return absl::StrFormat("%.2f GB", value / 1e9);
}

std::string HumanSeconds(double seconds) {
  if (seconds < 0.1) return absl::StrFormat("%.1f ms", seconds * 1e3);
  return absl::StrFormat("%.2f s", seconds);
}

Progress::Progress(std::string label, uint64_t total, std::FILE* to)
    : label_(std::move(label)),
      total_(total),
      to_(to),
      terminal_(isatty(fileno(to)) == 1),
      start_(std::chrono::steady_clock::now()),
      drawn_(start_) {}

Progress::~Progress() { Erase(); }

void Progress::Erase() {
  if (!bar_shown_) return;
  std::fputs("\r\033[K", to_);
  std::fflush(to_);
  bar_shown_ = false;
}

void Progress::Draw() {
  if (!terminal_ || total_ == 0) return;
  const TimePoint now = std::chrono::steady_clock::now();
  if (now - drawn_ < std::chrono::milliseconds(50)) return;
  drawn_ = now;
  bar_shown_ = true;
  const uint64_t part = std::min(done_, total_);
  const int filled = static_cast<int>(part * kBarWidth / total_);
  std::string bar;
  for (int i = 0; i < kBarWidth; ++i) bar += i < filled ? "█" : "░";
  std::fprintf(to_, "\r%-*s %s %3d %%", kLabelWidth, label_.c_str(),
               bar.c_str(), static_cast<int>(part * 100 / total_));
  std::fflush(to_);
}

double Progress::seconds() const {
  const TimePoint until = finished_ ? end_ : std::chrono::steady_clock::now();
  return std::chrono::duration<double>(until - start_).count();
}

void Progress::Finish(const std::string& noun) {
  end_ = std::chrono::steady_clock::now();
  finished_ = true;
  Erase();
  const double rate = static_cast<double>(done_) / std::max(seconds(), 1e-9);
  std::fprintf(to_, "%-*s %s %s in %s, %s a second\n", kLabelWidth,
               label_.c_str(), WithCommas(done_).c_str(), noun.c_str(),
               HumanSeconds(seconds()).c_str(),
               WithCommas(static_cast<uint64_t>(rate)).c_str());
  std::fflush(to_);
}

Table::Table(std::vector<std::string> header) {
  rows_.push_back(std::move(header));
  AddLine();
}

void Table::AddRow(std::vector<std::string> cells) {
  rows_.push_back(std::move(cells));
}

void Table::AddLine() { rows_.emplace_back(); }

std::string Table::ToString() const {
  std::vector<size_t> widths(rows_.front().size());
  for (const std::vector<std::string>& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string box = Rule(widths, "┌", "┬", "┐");
  for (const std::vector<std::string>& row : rows_) {
    box += row.empty() ? Rule(widths, "├", "┼", "┤") : Row(widths, row);
  }
  return box + Rule(widths, "└", "┴", "┘");
}

}  // namespace lissom::tools
