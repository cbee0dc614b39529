// One door to the world: files, time, randomness, threads and pages are asked
// for in one file each, so that a database can be run without them. Reads the
// symbols that the library's objects leave undefined, as nm prints them.
#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lissom {
namespace {

struct Door {
  std::string what;            // What lies behind it.
  std::set<std::string> keys;  // Objects that may go through.
  std::set<std::string> calls;
  std::vector<std::string> prefixes;  // Of demangled names.
};

// Mutexes and condition variables are util/mutex.h's and need no entry here.
const std::vector<Door>& Doors() {
  static const auto* doors = new std::vector<Door>{
      {"files: go through FileSystem",
       {"posix_file_system.cc"},
       {"open",
        "open64",
        "openat",
        "openat64",
        "creat",
        "read",
        "__read_chk",
        "write",
        "pread",
        "pread64",
        "pwrite",
        "pwrite64",
        "readv",
        "writev",
        "preadv",
        "pwritev",
        "preadv64",
        "pwritev64",
        "fsync",
        "fdatasync",
        "syncfs",
        "sync",
        "rename",
        "renameat",
        "renameat2",
        "link",
        "linkat",
        "symlink",
        "unlink",
        "unlinkat",
        "remove",
        "mkdir",
        "mkdirat",
        "rmdir",
        "opendir",
        "fdopendir",
        "readdir",
        "readdir64",
        "stat",
        "stat64",
        "fstat",
        "fstat64",
        "lstat",
        "lstat64",
        "fstatat",
        "fstatat64",
        "statx",
        "statvfs",
        "statvfs64",
        "access",
        "faccessat",
        "fopen",
        "fopen64",
        "freopen",
        "fdopen",
        "ftruncate",
        "ftruncate64",
        "truncate",
        "truncate64",
        "fallocate",
        "fallocate64",
        "posix_fallocate",
        "posix_fadvise",
        "posix_fadvise64",
        "flock",
        "fcntl",
        "fcntl64",
        "lseek",
        "lseek64",
        "close",
        "dup",
        "readlink",
        "realpath",
        "getcwd",
        "chdir",
        "mkstemp",
        "mkdtemp",
        "tmpfile",
        "sync_file_range",
        "copy_file_range",
        "sendfile",
        "io_setup",
        "io_submit"},
       {"std::basic_filebuf<", "std::basic_ifstream<", "std::basic_ofstream<",
        "std::basic_fstream<", "std::filesystem::"}},
      {"time: go through Clock",
       {"clock.cc",
        "mutex.cc",    // Waits that end.
        "random.cc"},  // Seeds from the clock if the kernel has no bytes.
       {"clock_gettime", "gettimeofday", "time", "clock", "times", "nanosleep",
        "clock_nanosleep", "usleep", "sleep", "timespec_get"},
       {"std::chrono::_V2::system_clock::now",
        "std::chrono::_V2::steady_clock::now", "absl::Now(",
        "absl::lts_20220623::Now(", "absl::lts_20220623::GetCurrentTimeNanos",
        "absl::lts_20220623::SleepFor", "AbslInternalSleepFor"}},
      {"randomness: go through Random",
       {"random.cc"},
       {"getrandom", "getentropy", "rand", "srand", "random", "srandom",
        "rand_r", "drand48", "lrand48", "arc4random"},
       {"std::random_device::"}},
      {"threads: go through Executor",
       {"executor.cc"},
       {"pthread_create", "thrd_create", "fork", "vfork", "posix_spawn",
        "clone", "system", "popen"},
       {"std::thread::_M_start_thread"}},
      {"anonymous memory: belongs to util/arena, block_memory and page_buffer",
       {"arena.cc", "block_memory.cc", "page_buffer.cc"},
       {"mmap", "mmap64", "munmap", "mremap", "madvise", "mlock", "brk",
        "sbrk"},
       {}},
      {"raw system calls: only the standard library's, for a "
       "std::stop_callback",
       {"on_stop.cc"},
       {"syscall"},
       {}},
  };
  return *doors;
}

struct Symbol {
  std::string object;  // "clock.cc"
  std::string name;    // "clock_gettime", "absl::Now()"
};

// Of a line "path/liblissom_util.a:clock.cc.o:        U clock_gettime@GLIBC".
Symbol ParseLine(const std::string& line) {
  static const std::string kMark = ".o:";
  const size_t end = line.find(kMark);
  const size_t kind = line.find(" U ");
  if (end == std::string::npos || kind == std::string::npos) return {};
  const size_t start = line.find_last_of(":/", end) + 1;
  Symbol symbol{line.substr(start, end - start), line.substr(kind + 3)};
  const size_t version = symbol.name.find('@');
  return {symbol.object, symbol.name.substr(0, version)};
}

bool LeadsThrough(const Door& door, const std::string& name) {
  if (door.calls.count(name) != 0) return true;
  return std::any_of(door.prefixes.begin(), door.prefixes.end(),
                     [&](const std::string& prefix) {
                       return name.compare(0, prefix.size(), prefix) == 0;
                     });
}

std::vector<std::string> Violations(std::istream& symbols) {
  std::vector<std::string> violations;
  for (std::string line; std::getline(symbols, line);) {
    const Symbol symbol = ParseLine(line);
    for (const Door& door : Doors()) {
      if (LeadsThrough(door, symbol.name) &&
          door.keys.count(symbol.object) == 0) {
        violations.push_back(symbol.object + " calls " + symbol.name + "; " +
                             door.what);
      }
    }
  }
  return violations;
}

// What nm says of one library.
std::string UndefinedSymbols(const std::string& library) {
  const std::string command =
      std::string(LISSOM_NM) + " -A -C -u '" + library + "' 2>&1";
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return output;
  std::array<char, 4096> buffer;
  for (size_t n; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    output.append(buffer.data(), n);
  }
  EXPECT_EQ(pclose(pipe), 0) << output;
  return output;
}

TEST(OneDoor, OnlyTheDoorsReachTheWorld) {
  std::ifstream list(LISSOM_LIBRARIES_FILE);
  bool seen_a_door = false;
  int libraries = 0;
  for (std::string library; std::getline(list, library);) {
    if (library.empty()) continue;
    ++libraries;
    const std::string output = UndefinedSymbols(library);
    std::istringstream symbols(output);
    EXPECT_THAT(Violations(symbols), testing::IsEmpty()) << library;
    // Proof that the output is what we take it for.
    if (output.find("clock.cc.o:") != std::string::npos &&
        output.find(" U clock_gettime") != std::string::npos) {
      seen_a_door = true;
    }
  }
  EXPECT_GT(libraries, 2) << "no libraries in " LISSOM_LIBRARIES_FILE;
  EXPECT_TRUE(seen_a_door) << "nm shows no symbols that we know";
}

TEST(OneDoorRules, NameWhoCallsWhat) {
  std::istringstream symbols(
      "\n/b/liblissom_util.a:posix_file_system.cc.o:         U open64\n"
      "/b/liblissom_util.a:coding.cc.o:         U memcpy@GLIBC_2.14\n"
      "/b/liblissom_util.a:info_log.cc.o:         U fopen@GLIBC_2.2.5\n"
      "/b/liblissom_table.a:x.cc.o:         U absl::Now()\n"
      "/b/liblissom_table.a:x.cc.o:         U std::chrono::_V2::steady_clock::"
      "now()\n"
      "/b/liblissom_table.a:x.cc.o:         U read\n"
      "/b/liblissom_table.a:x.cc.o:         U lissom::read(int)\n"
      "/b/liblissom_table.a:x.cc.o:         T write\n"
      "/b/liblissom_wal.a:y.cc.o:         U pthread_create\n");
  EXPECT_THAT(
      Violations(symbols),
      testing::ElementsAre(
          "info_log.cc calls fopen; files: go through FileSystem",
          "x.cc calls absl::Now(); time: go through Clock",
          "x.cc calls std::chrono::_V2::steady_clock::now(); time: go through "
          "Clock",
          "x.cc calls read; files: go through FileSystem",
          "y.cc calls pthread_create; threads: go through Executor"));
}

}  // namespace
}  // namespace lissom
