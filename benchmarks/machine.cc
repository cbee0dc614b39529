#include "benchmarks/machine.h"

#include <array>
#include <ctime>
#include <fstream>
#include <string_view>
#include <thread>

namespace lissom::bench {
namespace {

// The value of the first "name : value" line; empty: there is none.
std::string CpuInfo(std::string_view name) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    const size_t value = line.find(": ");
    if (value != std::string::npos) return line.substr(value + 2);
  }
  return "";
}

}  // namespace

Machine ThisMachine() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 64> date{};
  const size_t length =
      std::strftime(date.data(), date.size(), "%a %b %e %H:%M:%S %Y", &local);
  return {.date = std::string(date.data(), length),
          .processors = static_cast<int>(std::thread::hardware_concurrency()),
          .cpu = CpuInfo("model name"),
          .cpu_cache = CpuInfo("cache size")};
}

}  // namespace lissom::bench
