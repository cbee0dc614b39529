#include "util/memory_limit.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <memory>

namespace lissom {
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

uint64_t MachineMemory() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_size = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page_size <= 0) return kNoLimit;
  return static_cast<uint64_t>(pages) * static_cast<uint64_t>(page_size);
}

uint64_t AddressSpaceLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return kNoLimit;
  }
  return limit.rlim_cur;
}

// Of cgroup v2, as a container sees its own.
uint64_t ControlGroupLimit(FileSystem& files) {
  const auto file = files.OpenForRead("/sys/fs/cgroup/memory.max", IoContext{});
  if (!file.ok()) return kNoLimit;
  std::array<char, 32> scratch;
  const auto text = (*file)->Read(0, scratch.size(), scratch.data(), {});
  return text.ok() ? ParseMemoryMax(*text) : kNoLimit;
}

}  // namespace

uint64_t ParseMemoryMax(std::string_view text) {
  uint64_t bytes = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), bytes);
  const bool whole = end == text.data() + text.size() || *end == '\n';
  return error == std::errc() && whole ? bytes : kNoLimit;
}

uint64_t ProcessMemoryLimit(FileSystem& machine_files) {
  return std::min(
      {MachineMemory(), AddressSpaceLimit(), ControlGroupLimit(machine_files)});
}

}  // namespace lissom
