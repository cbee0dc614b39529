// How events are written down, for people and for programs.
#include "db/metrics/event.h"

#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lissom {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Event Make(EventKind kind, EventData data) {
  return {.kind = kind,
          .data = std::move(data),
          .at = absl::FromUnixMicros(1'795'231'843'123'456)};
}

FlushEvent Flush() {
  return {.job = 12,
          .memtables = 2,
          .memtable_bytes = 64 << 20,
          .memtable_entries = 34567,
          .table = 23,
          .written_bytes = 43'200'000,
          .entries_written = 34000,
          .time = absl::Milliseconds(120)};
}

CompactionEvent Compaction() {
  return {.job = 13,
          .reason = "level-size",
          .start_level = 4,
          .output_level = 5,
          .inputs = {7, 8, 9},
          .read_bytes = 3 << 20,
          .outputs = {31},
          .written_bytes = 2 << 20,
          .entries_in = 1200,
          .entries_out = 1000,
          .time = absl::Milliseconds(1234)};
}

TableEvent Table() {
  return {.number = 23,
          .path = "/db/000023.sst",
          .job = 12,
          .level = 0,
          .bytes = 4096,
          .entries = 10};
}

TEST(Event, EachKindHasAName) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kEventKinds; ++i) {
    names.insert(EventName(static_cast<EventKind>(i)));
  }
  EXPECT_EQ(names.size(), kEventKinds);
  EXPECT_EQ(EventName(EventKind::kResumed), "resumed");
}

TEST(Event, AFlush) {
  const Event begin = Make(EventKind::kFlushBegin, Flush());
  EXPECT_EQ(EventAsText(begin),
            "flush 12 begins: 2 memtables, 34567 entries, 64.0 MiB");
  EXPECT_EQ(EventAsJson(begin),
            R"({"event":"flush_begin","time_micros":1795231843123456,)"
            R"("job":12,"memtables":2,"memtable_bytes":67108864,)"
            R"("memtable_entries":34567})");
  const Event end = Make(EventKind::kFlushCompleted, Flush());
  EXPECT_EQ(EventAsText(end),
            "flush 12: table 23, 34000 entries, 41.2 MiB in 120.0 ms");
  EXPECT_EQ(EventAsJson(end),
            R"({"event":"flush_completed","time_micros":1795231843123456,)"
            R"("job":12,"memtables":2,"memtable_bytes":67108864,)"
            R"("memtable_entries":34567,"table":23,"written_bytes":43200000,)"
            R"("entries_written":34000,"micros":120000,"status":"OK"})");
  EXPECT_EQ(EventLevel(end), LogLevel::kInfo);
}

TEST(Event, AFlushThatLeavesNothing) {
  FlushEvent flush = Flush();
  flush.table = std::nullopt;
  const Event end = Make(EventKind::kFlushCompleted, flush);
  EXPECT_EQ(EventAsText(end), "flush 12: nothing left to write, in 120.0 ms");
  EXPECT_THAT(EventAsJson(end), Not(HasSubstr("\"table\"")));
}

TEST(Event, AFlushThatFails) {
  FlushEvent flush = Flush();
  flush.status = absl::ResourceExhaustedError("/db/\"x\": no space");
  const Event end = Make(EventKind::kFlushCompleted, flush);
  EXPECT_EQ(EventAsText(end),
            "flush 12 failed after 120.0 ms: RESOURCE_EXHAUSTED: "
            "/db/\"x\": no space");
  EXPECT_THAT(
      EventAsJson(end),
      HasSubstr(R"("status":"RESOURCE_EXHAUSTED: /db/\"x\": no space")"));
  EXPECT_EQ(EventLevel(end), LogLevel::kError);
}

TEST(Event, ACompaction) {
  const Event begin = Make(EventKind::kCompactionBegin, Compaction());
  EXPECT_EQ(EventAsText(begin),
            "compaction 13 begins (level-size): 3 tables of 3.0 MiB, L4 -> L5");
  EXPECT_EQ(EventAsJson(begin),
            R"({"event":"compaction_begin","time_micros":1795231843123456,)"
            R"("job":13,"reason":"level-size","start_level":4,)"
            R"("output_level":5,"move":false,"input_count":3,)"
            R"("inputs":[7,8,9],"read_bytes":3145728})");
  const Event end = Make(EventKind::kCompactionCompleted, Compaction());
  EXPECT_EQ(EventAsText(end),
            "compaction 13: 3 tables of 3.0 MiB, L4 -> L5: 1 table of 2.0 MiB, "
            "1000 of 1200 entries, in 1.2 s");
  EXPECT_THAT(EventAsJson(end),
              HasSubstr(R"("output_count":1,"outputs":[31],)"
                        R"("written_bytes":2097152,"entries_in":1200,)"
                        R"("entries_out":1000,"micros":1234000,)"
                        R"("status":"OK"})"));
}

TEST(Event, AMove) {
  CompactionEvent move = Compaction();
  move.move = true;
  move.inputs = {7};
  EXPECT_EQ(EventAsText(Make(EventKind::kCompactionBegin, move)),
            "compaction 13 moves (level-size): 1 table of 3.0 MiB, L4 -> L5");
  EXPECT_EQ(EventAsText(Make(EventKind::kCompactionCompleted, move)),
            "compaction 13: moved 1 table of 3.0 MiB, L4 -> L5");
}

TEST(Event, ACompactionThatFailsOrIsCancelled) {
  CompactionEvent failed = Compaction();
  failed.status = absl::DataLossError("bad block");
  EXPECT_EQ(EventAsText(Make(EventKind::kCompactionCompleted, failed)),
            "compaction 13 failed after 1.2 s: DATA_LOSS: bad block");
  EXPECT_EQ(EventLevel(Make(EventKind::kCompactionCompleted, failed)),
            LogLevel::kError);
  failed.status = absl::CancelledError("");
  EXPECT_EQ(EventLevel(Make(EventKind::kCompactionCompleted, failed)),
            LogLevel::kInfo);
}

TEST(Event, ATable) {
  const Event created = Make(EventKind::kTableCreated, Table());
  EXPECT_EQ(EventAsText(created),
            "table 23 created in L0: 10 entries, 4.0 KiB");
  EXPECT_EQ(EventAsJson(created),
            R"({"event":"table_created","time_micros":1795231843123456,)"
            R"("table":23,"path":"/db/000023.sst","job":12,"level":0,)"
            R"("bytes":4096,"entries":10})");
  TableEvent gone = {.number = 23, .path = "/db/000023.sst"};
  EXPECT_EQ(EventAsText(Make(EventKind::kTableDeleted, gone)),
            "table 23 deleted");
  EXPECT_EQ(EventAsJson(Make(EventKind::kTableDeleted, gone)),
            R"({"event":"table_deleted","time_micros":1795231843123456,)"
            R"("table":23,"path":"/db/000023.sst","status":"OK"})");
  gone.status = absl::InternalError("unlink: EIO");
  const Event stays = Make(EventKind::kTableDeleted, gone);
  EXPECT_EQ(EventAsText(stays),
            "table 23 could not be deleted; the next open will: INTERNAL: "
            "unlink: EIO");
  EXPECT_EQ(EventLevel(stays), LogLevel::kWarning);
}

TEST(Event, AStall) {
  const Event worse = Make(EventKind::kStallConditionChanged,
                           StallEvent{.before = StallCondition::kDelayed,
                                      .now = StallCondition::kStopped,
                                      .cause = StallCause::kLevel0Files});
  EXPECT_EQ(EventAsText(worse), "writes: stopped, were delayed (level0_files)");
  EXPECT_EQ(EventAsJson(worse),
            R"({"event":"stall_condition_changed",)"
            R"("time_micros":1795231843123456,"before":"delayed",)"
            R"("now":"stopped","cause":"level0_files"})");
  EXPECT_EQ(EventLevel(worse), LogLevel::kWarning);
  EXPECT_EQ(EventLevel(Make(EventKind::kStallConditionChanged,
                            StallEvent{.before = StallCondition::kDelayed})),
            LogLevel::kInfo);
}

TEST(Event, ABackgroundErrorAndItsEnd) {
  const Event error =
      Make(EventKind::kBackgroundError,
           BackgroundErrorEvent{.operation = "wal",
                                .status = absl::InternalError("EIO")});
  EXPECT_EQ(EventAsText(error), "background error (wal): INTERNAL: EIO");
  EXPECT_EQ(EventAsJson(error),
            R"({"event":"background_error","time_micros":1795231843123456,)"
            R"("operation":"wal","status":"INTERNAL: EIO"})");
  EXPECT_EQ(EventLevel(error), LogLevel::kError);
  ResumedEvent resumed = {.cause = absl::InternalError("EIO"),
                          .automatic = true,
                          .refused = absl::Seconds(3)};
  EXPECT_EQ(EventAsText(Make(EventKind::kResumed, resumed)),
            "writes are accepted again, by itself, after 3.0 s; had been "
            "refused for: INTERNAL: EIO");
  EXPECT_EQ(EventAsJson(Make(EventKind::kResumed, resumed)),
            R"({"event":"resumed","time_micros":1795231843123456,)"
            R"("automatic":true,"refused_micros":3000000,)"
            R"("cause":"INTERNAL: EIO"})");
  resumed.automatic = false;
  EXPECT_THAT(EventAsText(Make(EventKind::kResumed, resumed)),
              StartsWith("writes are accepted again, after 3.0 s;"));
}

TEST(Event, StaysALineOfBoundedLength) {
  CompactionEvent large = Compaction();
  for (uint64_t i = 0; i < 10'000; ++i) large.inputs.push_back(1'000'000 + i);
  large.status = absl::DataLossError(std::string(100'000, 'k'));
  const Event event = Make(EventKind::kCompactionCompleted, large);
  EXPECT_LT(EventAsText(event).size(), 4000u);
  EXPECT_LT(EventAsJson(event).size(), 4000u);
  EXPECT_THAT(EventAsJson(event), HasSubstr("\"input_count\":10003"));
}

}  // namespace
}  // namespace lissom
