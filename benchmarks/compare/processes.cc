#include "benchmarks/compare/processes.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

// PF_KTHREAD in the kernel's include/linux/sched.h.
constexpr uint64_t kKernelThread = 0x00200000;

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<absl::string_view> Words(std::string_view text) {
  return absl::StrSplit(ToAbsl(text), absl::ByAnyChar(" \n"),
                        absl::SkipEmpty());
}

// Words [first, first + count) added up; nullopt if one is no number.
std::optional<double> Sum(const std::vector<absl::string_view>& words,
                          std::initializer_list<size_t> which) {
  double sum = 0;
  for (const size_t index : which) {
    uint64_t value = 0;
    if (index >= words.size() || !absl::SimpleAtoi(words[index], &value)) {
      return std::nullopt;
    }
    sum += static_cast<double>(value);
  }
  return sum;
}

double TicksPerSecond() {
  return static_cast<double>(std::max<int64_t>(sysconf(_SC_CLK_TCK), 1));
}

double KernelThreadSeconds(const std::string& proc) {
  double sum = 0;
  std::error_code error;
  std::filesystem::directory_iterator entry(proc, error);
  for (; !error && entry != std::filesystem::directory_iterator();
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (std::isdigit(static_cast<unsigned char>(name.front())) == 0) continue;
    const std::optional<ProcessTimes> times = ParsePidStat(
        ReadAll(absl::StrCat(proc, "/", name, "/stat")), TicksPerSecond());
    if (times.has_value() && times->is_kernel) sum += times->seconds;
  }
  return sum;
}

}  // namespace

std::optional<CpuTotals> ParseProcStat(std::string_view text,
                                       double ticks_per_second) {
  const std::vector<absl::string_view> words =
      Words(text.substr(0, text.find('\n')));
  if (words.empty() || words[0] != "cpu") return std::nullopt;
  // cpu user nice system idle iowait irq softirq steal
  const std::optional<double> busy = Sum(words, {1, 2, 3, 6, 7});
  const std::optional<double> stolen = Sum(words, {8});
  if (!busy.has_value() || !stolen.has_value()) return std::nullopt;
  return CpuTotals{.busy = *busy / ticks_per_second,
                   .stolen = *stolen / ticks_per_second};
}

std::optional<ProcessTimes> ParsePidStat(std::string_view text,
                                         double ticks_per_second) {
  // The name stands in brackets and may hold anything, brackets too.
  const size_t bracket = text.rfind(')');
  if (bracket == std::string_view::npos) return std::nullopt;
  const std::vector<absl::string_view> words = Words(text.substr(bracket + 1));
  // Behind the name: state ppid pgrp session tty tpgid flags minflt cminflt
  // majflt cmajflt utime stime
  uint64_t flags = 0;
  const std::optional<double> ticks = Sum(words, {11, 12});
  if (!ticks.has_value() || !absl::SimpleAtoi(words[6], &flags)) {
    return std::nullopt;
  }
  return ProcessTimes{.seconds = *ticks / ticks_per_second,
                      .is_kernel = (flags & kKernelThread) != 0};
}

std::optional<CpuLook> LookAtCpus(const std::string& proc,
                                  const std::vector<pid_t>& own) {
  const std::optional<CpuTotals> machine =
      ParseProcStat(ReadAll(proc + "/stat"), TicksPerSecond());
  if (!machine.has_value()) return std::nullopt;
  CpuLook look{.machine = *machine,
               .kernel = KernelThreadSeconds(proc),
               .own = 0,
               .when = std::chrono::steady_clock::now()};
  for (const pid_t pid : own) {
    const std::optional<ProcessTimes> times = ParsePidStat(
        ReadAll(absl::StrCat(proc, "/", pid, "/stat")), TicksPerSecond());
    if (!times.has_value()) return std::nullopt;
    look.own += times->seconds;
  }
  return look;
}

double OthersCpus(const CpuLook& before, const CpuLook& after) {
  const double seconds =
      std::chrono::duration<double>(after.when - before.when).count();
  const double others = (after.machine.busy - before.machine.busy) +
                        (after.machine.stolen - before.machine.stolen) -
                        (after.kernel - before.kernel) -
                        (after.own - before.own);
  return std::max(others, 0.0) / std::max(seconds, 1e-3);
}

}  // namespace lissom::bench
