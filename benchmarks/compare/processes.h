// Who used the processors, from /proc: a slice during which somebody else was
// busy measures him too, and is thrown away.
//
// Threads: every call reads files and keeps nothing.
#ifndef LISSOM_BENCHMARKS_COMPARE_PROCESSES_H_
#define LISSOM_BENCHMARKS_COMPARE_PROCESSES_H_

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lissom::bench {

// Processor seconds of the machine up to a moment.
struct CpuTotals {
  double busy = 0;    // Of anybody here: user, nice, system, interrupts.
  double stolen = 0;  // Given to other machines on the same host.
};

// From the text of /proc/stat; nullopt if it is none.
std::optional<CpuTotals> ParseProcStat(std::string_view text,
                                       double ticks_per_second);

// Of one process, from the text of /proc/PID/stat.
struct ProcessTimes {
  double seconds = 0;      // User and system, children that ended left out.
  bool is_kernel = false;  // A thread of the kernel: write-back, mostly ours.
};
std::optional<ProcessTimes> ParsePidStat(std::string_view text,
                                         double ticks_per_second);

// A look at the processors at one moment.
struct CpuLook {
  CpuTotals machine;
  double kernel = 0;  // Seconds of the kernel's threads.
  double own = 0;     // Seconds of our processes.
  std::chrono::steady_clock::time_point when;
};

// `proc` is /proc, or a test's imitation. nullopt: it cannot be read, so that
// nothing is known.
std::optional<CpuLook> LookAtCpus(const std::string& proc,
                                  const std::vector<pid_t>& own);

// Processors that others kept busy between two looks, stolen time included:
// 0.2 is a fifth of one processor. Never negative.
double OthersCpus(const CpuLook& before, const CpuLook& after);

// Above it, a slice is thrown away.
inline constexpr double kBusyCpus = 0.2;

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_PROCESSES_H_
