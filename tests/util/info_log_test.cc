// The operator's log: its lines, its rotation, and that its own troubles stay
// its own.
#include "util/info_log.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/civil_time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "util/fault_injection_file_system.h"
#include "util/manual_clock.h"
#include "util/memory_file_system.h"

namespace lissom {
namespace {

using ::testing::HasSubstr;

class InfoLogTest : public testing::Test {
 protected:
  std::shared_ptr<Logger> Open() {
    auto log = OpenInfoLog(files_, "/LOG", "/LOG.old", clock_);
    EXPECT_TRUE(log.ok()) << log.status();
    return log.ok() ? *log : nullptr;
  }
  std::string Bytes(const std::string& path) {
    return memory_->GetBytes(path).value_or("(no file)");
  }

  const std::shared_ptr<MemoryFileSystem> memory_ =
      std::make_shared<MemoryFileSystem>();
  const std::shared_ptr<FaultInjectionFileSystem> files_ =
      std::make_shared<FaultInjectionFileSystem>(memory_);
  const std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>(
      absl::FromCivil(absl::CivilSecond(2026, 11, 21, 3, 30, 43),
                      absl::UTCTimeZone()) +
      absl::Nanoseconds(123456789));
};

TEST_F(InfoLogTest, WritesALineAnEvent) {
  const auto log = Open();
  log->Log(LogLevel::kInfo, "opened");
  clock_->Advance(absl::Seconds(17));
  log->Log(LogLevel::kWarning, "slow");
  log->Log(LogLevel::kError, "");
  EXPECT_EQ(Bytes("/LOG"),
            "2026-11-21T03:30:43.123456Z I opened\n"
            "2026-11-21T03:31:00.123456Z W slow\n"
            "2026-11-21T03:31:00.123456Z E \n");
}

TEST_F(InfoLogTest, AMessageCannotForgeALine) {
  const auto log = Open();
  log->Log(LogLevel::kInfo, std::string_view("a\nb\r\0c", 6));
  log->Log(LogLevel::kInfo, std::string(100'000, 'x'));
  const std::string bytes = Bytes("/LOG");
  EXPECT_THAT(bytes, HasSubstr("I a\\x0ab\\x0d\\x00c\n"));
  EXPECT_EQ(std::count(bytes.begin(), bytes.end(), '\n'), 2);
  EXPECT_LT(bytes.size(), 10'000u);
}

TEST_F(InfoLogTest, KeepsTheEscapesOfAMessage) {
  const auto log = Open();
  log->Log(LogLevel::kInfo, R"({"path":"a\"b\\c\u00e4"})");
  log->Log(LogLevel::kInfo, "\\");
  log->Log(LogLevel::kInfo, "\\\n\\");
  EXPECT_THAT(Bytes("/LOG"),
              HasSubstr("I {\"path\":\"a\\\"b\\\\c\\u00e4\"}\n"));
  EXPECT_THAT(Bytes("/LOG"), HasSubstr("I \\\n"));
  EXPECT_THAT(Bytes("/LOG"), HasSubstr("I \\\\x0a\\\n"));
}

TEST_F(InfoLogTest, KeepsTheLogBefore) {
  for (const char* message : {"first", "second", "third"}) {
    Open()->Log(LogLevel::kInfo, message);
  }
  EXPECT_THAT(Bytes("/LOG"), HasSubstr("third"));
  EXPECT_THAT(Bytes("/LOG.old"), HasSubstr("second"));
  EXPECT_EQ(memory_->Files().size(), 2u);
}

TEST_F(InfoLogTest, SaysWhyItCannotBeOpened) {
  files_->Arm({.op = FileOp::kCreate, .error_number = EROFS});
  EXPECT_EQ(OpenInfoLog(files_, "/LOG", "/LOG.old", clock_).status().code(),
            absl::StatusCode::kPermissionDenied);
}

TEST_F(InfoLogTest, DropsALineThatCannotBeWritten) {
  const auto log = Open();
  log->Log(LogLevel::kInfo, "before");
  files_->Arm({.op = FileOp::kAppend, .error_number = ENOSPC});
  log->Log(LogLevel::kInfo, "lost");
  log->Log(LogLevel::kInfo, "after");
  EXPECT_EQ(Bytes("/LOG"),
            "2026-11-21T03:30:43.123456Z I before\n"
            "\n"
            "2026-11-21T03:30:43.123456Z I after\n");
}

TEST_F(InfoLogTest, EndsHalfALineBeforeTheNext) {
  const auto log = Open();
  files_->Arm({.op = FileOp::kAppend,
               .error_number = ENOSPC,
               .effect = Fault::Effect::kHalf});
  log->Log(LogLevel::kInfo, "torn");
  log->Log(LogLevel::kInfo, "whole");
  EXPECT_THAT(Bytes("/LOG"),
              HasSubstr("\n2026-11-21T03:30:43.123456Z I whole\n"));
}

TEST_F(InfoLogTest, LinesOfManyThreadsDoNotMix) {
  const auto log = Open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) log->Log(LogLevel::kInfo, "message");
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::string all;
  for (int i = 0; i < 400; ++i)
    all += "2026-11-21T03:30:43.123456Z I message\n";
  EXPECT_EQ(Bytes("/LOG"), all);
}

}  // namespace
}  // namespace lissom
