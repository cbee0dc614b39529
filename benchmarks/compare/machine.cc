#include "benchmarks/compare/machine.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace lissom::bench {
namespace {

// What stands behind `separator` in the first line that begins with `name`.
std::string FieldOf(const char* path, std::string_view name, char separator) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    const size_t from =
        line.find_first_not_of(" \t\"", line.find(separator) + 1);
    if (from == std::string::npos) return {};
    const size_t to = line.find_last_not_of(" \t\"") + 1;
    return line.substr(from, to - from);
  }
  return {};
}

}  // namespace

MachineFacts DescribeMachine() {
  MachineFacts machine;
  machine.cpu = FieldOf("/proc/cpuinfo", "model name", ':');
  machine.cores = static_cast<uint64_t>(sysconf(_SC_NPROCESSORS_ONLN));
  machine.memory_bytes = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                         static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  utsname name = {};
  if (uname(&name) == 0) {
    machine.kernel = absl::StrCat(name.sysname, " ", name.release);
  }
  machine.system = FieldOf("/etc/os-release", "PRETTY_NAME", '=');
#if defined(__clang__)
  machine.compiler = absl::StrCat("clang ", __clang_version__);
#else
  machine.compiler = absl::StrCat("g++ ", __VERSION__);
#endif
  return machine;
}

std::string NowAsText() {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(),
                          absl::UTCTimeZone());
}

}  // namespace lissom::bench
