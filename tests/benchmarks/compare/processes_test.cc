#include "benchmarks/compare/processes.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

namespace lissom::bench {
namespace {

constexpr char kStat[] =
    "cpu  100 20 30 4000 50 6 4 10 7 0\n"
    "cpu0 50 10 15 2000 25 3 2 5 0 0\n";

// A process that has used `user` and `system` ticks.
std::string PidStat(const std::string& name, uint64_t flags, int user,
                    int system) {
  return "7 (" + name + ") S 1 7 7 0 -1 " + std::to_string(flags) +
         " 11 12 13 14 " + std::to_string(user) + " " + std::to_string(system) +
         " 0 0 20 0 1 0 5 6 7\n";
}

constexpr uint64_t kOrdinary = 0x400000;
constexpr uint64_t kKernelThread = 0x200000 | 0x8000;

// An imitation of /proc, rewritten before each look.
class FakeProc {
 public:
  FakeProc() {
    std::string path = testing::TempDir() + "fake_proc_XXXXXX";
    root_ = mkdtemp(path.data());
  }
  ~FakeProc() { std::filesystem::remove_all(root_); }

  void Write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = std::filesystem::path(root_) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  // `busy` ticks of anybody, idle ones left alone.
  void Machine(int busy, int stolen = 0) {
    Write("stat", "cpu  " + std::to_string(busy) + " 0 0 1000 0 0 0 " +
                      std::to_string(stolen) + " 0 0\n");
  }
  const std::string& root() const { return root_; }

 private:
  std::string root_;
};

TEST(Processes, BusyIsAllButIdleAndWaiting) {
  const std::optional<CpuTotals> totals = ParseProcStat(kStat, 100);
  ASSERT_TRUE(totals.has_value());
  EXPECT_DOUBLE_EQ(totals->busy, 1.60);  // 100 + 20 + 30 + 6 + 4 ticks.
  EXPECT_DOUBLE_EQ(totals->stolen, 0.10);
}

TEST(Processes, WhatIsNoProcStatIsNotUnderstood) {
  EXPECT_FALSE(ParseProcStat("", 100).has_value());
  EXPECT_FALSE(ParseProcStat("intr 1 2 3\n", 100).has_value());
  EXPECT_FALSE(ParseProcStat("cpu  1 2 3 4\n", 100).has_value());
  EXPECT_FALSE(ParseProcStat("cpu  a b c d e f g h i j\n", 100).has_value());
}

TEST(Processes, ANameWithBracketsAndBlanksIsANameOnly) {
  const std::optional<ProcessTimes> times =
      ParsePidStat(PidStat("a) R 9 (b", kOrdinary, 150, 50), 100);
  ASSERT_TRUE(times.has_value());
  EXPECT_DOUBLE_EQ(times->seconds, 2.0);
  EXPECT_FALSE(times->is_kernel);
}

TEST(Processes, KernelThreadsAreKnownByTheirFlag) {
  EXPECT_TRUE(
      ParsePidStat(PidStat("kworker", kKernelThread, 1, 1), 100)->is_kernel);
  EXPECT_FALSE(ParsePidStat("7 (x) S 1", 100).has_value());
  EXPECT_FALSE(ParsePidStat("nothing", 100).has_value());
}

TEST(Processes, OthersAreWhoIsNeitherUsNorTheKernel) {
  using std::chrono::seconds;
  CpuLook before;
  CpuLook after;
  after.when = before.when + seconds(10);
  after.machine.busy = 12;
  after.machine.stolen = 1;
  after.own = 8;
  after.kernel = 2;
  EXPECT_DOUBLE_EQ(OthersCpus(before, after), 0.3);  // (13 - 10) / 10.
  after.own = 20;  // Ticks are coarse: a little more than all there was.
  EXPECT_EQ(OthersCpus(before, after), 0);
}

TEST(Processes, ABuildBesideUsIsSeen) {
  FakeProc proc;
  proc.Machine(1000);
  proc.Write("50/stat", PidStat("lissom_compare", kOrdinary, 100, 0));
  proc.Write("51/stat", PidStat("cc1plus", kOrdinary, 500, 0));
  proc.Write("2/stat", PidStat("kworker", kKernelThread, 10, 10));
  proc.Write("self/stat", "no process");
  const std::optional<CpuLook> before = LookAtCpus(proc.root(), {50});
  ASSERT_TRUE(before.has_value());

  // We use 200 ticks, the kernel 30, the compiler 90.
  proc.Machine(1320);
  proc.Write("50/stat", PidStat("lissom_compare", kOrdinary, 300, 0));
  proc.Write("51/stat", PidStat("cc1plus", kOrdinary, 590, 0));
  proc.Write("2/stat", PidStat("kworker", kKernelThread, 10, 40));
  std::optional<CpuLook> after = LookAtCpus(proc.root(), {50});
  ASSERT_TRUE(after.has_value());
  after->when = before->when + std::chrono::seconds(2);
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  EXPECT_NEAR(OthersCpus(*before, *after), 90 / ticks / 2, 1e-9);
  EXPECT_GT(OthersCpus(*before, *after), kBusyCpus);
}

TEST(Processes, WithoutProcNothingIsKnown) {
  EXPECT_FALSE(LookAtCpus("/nonexistent", {}).has_value());
  FakeProc proc;
  proc.Machine(1);
  EXPECT_TRUE(LookAtCpus(proc.root(), {}).has_value());
  EXPECT_FALSE(LookAtCpus(proc.root(), {99}).has_value());  // It has ended.
}

}  // namespace
}  // namespace lissom::bench
