// What a LOG tells, and what it does not make of nonsense.
#include "src/tools/report/history.h"

#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lissom/db.h"
#include "util/manual_clock.h"
#include "util/memory_file_system.h"

namespace lissom::tools {
namespace {

void SetBytes(MemoryFileSystem& files, const std::string& path,
              std::string_view bytes) {
  auto file = files.Create(path, {});
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Append({&bytes, 1}, {}).ok());
  ASSERT_TRUE((*file)->Close().ok());
}

TEST(History, TakesTheEventsThatItKnows) {
  Session session;
  EXPECT_FALSE(AddLine("2026-11-21T03:30:43.123456Z I closed: OK", &session));
  EXPECT_FALSE(
      AddLine("I {\"event\":\"table_created\",\"time_micros\":9}", &session));
  EXPECT_EQ(session.begin, 0);
  EXPECT_TRUE(
      AddLine("2026-11-21T03:30:43.123456Z I {\"event\":"
              "\"flush_completed\",\"time_micros\":100,"
              "\"written_bytes\":7,\"micros\":30,\"status\":\"OK\"}",
              &session));
  EXPECT_TRUE(
      AddLine("I {\"event\":\"compaction_completed\",\"time_micros\":"
              "120,\"output_level\":5,\"move\":false,"
              "\"written_bytes\":8,\"micros\":10,\"status\":\"OK\"}",
              &session));
  EXPECT_TRUE(
      AddLine("I {\"event\":\"stall_condition_changed\",\"time_micros\""
              ":130,\"now\":\"stopped\"}",
              &session));
  EXPECT_EQ(session.begin, 100);
  EXPECT_EQ(session.end, 130);
  ASSERT_EQ(session.written.size(), 2u);
  EXPECT_EQ(session.written[0].level, 0);
  EXPECT_EQ(session.written[0].micros, 30);
  EXPECT_EQ(session.written[1].level, 5);
  EXPECT_EQ(session.written[1].bytes, 8u);
  ASSERT_EQ(session.stalls.size(), 1u);
  EXPECT_EQ(session.stalls[0].now, StallCondition::kStopped);
}

TEST(History, MovesAndFailuresWroteNothing) {
  Session session;
  EXPECT_TRUE(
      AddLine("{\"event\":\"compaction_completed\",\"time_micros\":1,"
              "\"move\":true,\"written_bytes\":8,\"status\":\"OK\"}",
              &session));
  EXPECT_TRUE(
      AddLine("{\"event\":\"flush_completed\",\"time_micros\":2,"
              "\"written_bytes\":8,\"status\":\"INTERNAL: x\"}",
              &session));
  EXPECT_TRUE(session.written.empty());
}

TEST(History, NonsenseIsPassedOver) {
  const char* kLines[] = {
      "",
      "{\"event\":\"",
      "{\"event\":\"metrics\"}",
      "{\"event\":\"metrics\",\"time_micros\":-5}",
      "{\"event\":\"metrics\",\"time_micros\":\"1\"}",
      "{\"event\":\"metrics\",\"time_micros\":1",
      "{\"event\":\"metrics\",\"time_micros\":1}x",
      "{\"event\":\"flush\",\"time_micros\":1}",
      "[[[[[[[[{\"event\":\"metrics\"",
  };
  for (const char* line : kLines) {
    Session session;
    EXPECT_FALSE(AddLine(line, &session)) << line;
    EXPECT_EQ(session.begin, 0);
  }
  Session session;
  EXPECT_TRUE(
      AddLine("{\"event\":\"metrics\",\"time_micros\":1e300,\"time_micros\":50,"
              "\"bytes_written\":-1,\"level_bytes\":[1,\"x\",[3],4,5,6,7,8,9],"
              "\"level_written_bytes\":{},\"wal_bytes\":99999999999999999999}",
              &session));
  ASSERT_EQ(session.points.size(), 1u);
  EXPECT_EQ(session.points[0].bytes_written, 0u);
  EXPECT_EQ(session.points[0].level_bytes[0], 1u);
  EXPECT_EQ(session.points[0].level_bytes[1], 0u);
  EXPECT_EQ(session.points[0].level_bytes[6], 7u);
  EXPECT_TRUE(
      AddLine("{\"event\":\"compaction_completed\",\"time_micros\":60,"
              "\"output_level\":7,\"status\":\"OK\"}",
              &session));
  EXPECT_TRUE(session.written.empty());
}

TEST(History, TimeDoesNotRunBack) {
  Session session;
  AddLine("{\"event\":\"metrics\",\"time_micros\":100}", &session);
  AddLine("{\"event\":\"metrics\",\"time_micros\":40}", &session);
  EXPECT_EQ(session.points[1].at, 100);
  EXPECT_EQ(session.end, 100);
}

TEST(History, ReadsBothLogsOldestFirst) {
  MemoryFileSystem files;
  ASSERT_TRUE(files.CreateDirectory("/db").ok());
  EXPECT_TRUE(ReadHistory(files, "/db")->sessions.empty());
  SetBytes(files, "/db/LOG.old",
           "{\"event\":\"metrics\",\"time_micros\":100}\n");
  SetBytes(files, "/db/LOG",
           std::string(100'000, 'x') +
               "\n{\"event\":\"metrics\",\"time_micros\":200}\n"
               "{\"event\":\"metrics\",\"time_micros\":300}");
  const auto history = ReadHistory(files, "/db");
  ASSERT_TRUE(history.ok()) << history.status();
  ASSERT_EQ(history->sessions.size(), 2u);
  EXPECT_EQ(history->sessions[0].begin, 100);
  EXPECT_EQ(history->sessions[1].begin, 200);
  // A line that is not ended is being written.
  EXPECT_EQ(history->sessions[1].points.size(), 1u);
  EXPECT_FALSE(history->cut);
}

// The two sides of the format: what a database writes is what is read here.
TEST(History, IsWhatADatabaseWrites) {
  Options options;
  options.create_if_missing = true;
  auto files = std::make_shared<MemoryFileSystem>();
  options.file_system = files;
  options.clock = std::make_shared<ManualClock>(absl::FromUnixSeconds(1000));
  auto db = DB::Open(options, "/db");
  ASSERT_TRUE(db.ok()) << db.status();
  ASSERT_TRUE((*db)->Put({}, "key", std::string(5000, 'v')).ok());
  ASSERT_TRUE((*db)->Flush().ok());
  ASSERT_TRUE((*db)->CompactRange({}, std::nullopt, std::nullopt).ok());
  EXPECT_FALSE((*db)->Get("other").ok());
  ASSERT_TRUE((*db)->Close().ok());
  const auto history = ReadHistory(*files, "/db");
  ASSERT_TRUE(history.ok()) << history.status();
  ASSERT_EQ(history->sessions.size(), 1u);
  const Session& session = history->sessions[0];
  EXPECT_EQ(session.begin, 1'000'000'000);
  ASSERT_GE(session.written.size(), 1u);
  EXPECT_GT(session.written[0].bytes, 0u);
  ASSERT_EQ(session.points.size(), 2u);
  EXPECT_GT(session.points[1].bytes_written, 5000u);
  EXPECT_EQ(session.points[1].level_written[0], session.written[0].bytes);
  EXPECT_GT(session.points[1].live_bytes, 0u);
}

}  // namespace
}  // namespace lissom::tools
