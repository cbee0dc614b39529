// The path of a batch: who goes together, what a group costs, in which order
// its steps come, and what a failure of each leaves behind. What recovery makes
// of the logs is left to tests/db/recovery and tests/engine.
#include "db/write/write_path.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "db/filename.h"
#include "db/memtable/batch_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lissom/status.h"
#include "lissom/write_batch.h"
#include "tests/db/wal/log_test_util.h"
#include "tests/db/write/write_path_world.h"
#include "tests/support/test_env.h"
#include "util/fault_injection_file_system.h"
#include "util/memory_file_system.h"

namespace lissom {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// --- One write --------------------------------------------------------------

TEST_F(WritePathTest, AWriteIsLoggedAndSeen) {
  Start(40);
  EXPECT_EQ(visible(), 40u);
  const WriteBatch batch = Puts({"a", "b"});
  ASSERT_TRUE(Write(batch).ok());
  EXPECT_EQ(visible(), 42u);
  EXPECT_THAT(ReadLog(kFirstLog).records,
              ElementsAre(TestRecord{41, std::string(batch.data())}));
  Memtable::Entry entry;
  ASSERT_TRUE(path_->memtable()->Get(LookupKey("b", 42), &entry));
  EXPECT_EQ(entry.sequence, 42u);
  EXPECT_EQ(appends(), 1u);
  EXPECT_EQ(syncs(), 0u);
}

TEST_F(WritePathTest, ASyncedWriteSurvivesAPowerCut) {
  ASSERT_TRUE(Write(Puts({"a"})).ok());
  ASSERT_TRUE(Write(Puts({"b"}), true).ok());
  ASSERT_TRUE(Write(Puts({"c"})).ok());
  ASSERT_TRUE(disk_->SyncDirectory("/").ok());
  ASSERT_TRUE(disk_->SyncDirectory(kDirectory).ok());
  const auto image = disk_->CrashImageNow(CrashPolicy::SyncedOnly());
  const ReadResult left =
      ReadBytes(*image->GetBytes(WalFileName(kDirectory, kFirstLog)),
                HeaderOf(kFirstLog));
  EXPECT_EQ(left.records.size(), 2u) << "and not the one behind it";
  EXPECT_EQ(path_->sync_mark(), (SyncMark{kFirstLog, left.end.offset}));
}

TEST_F(WritePathTest, ABatchWithoutChangesIsLoggedAndTakesNoSequence) {
  WriteBatch note;
  note.PutLogData("note");
  ASSERT_TRUE(Write(note).ok());
  ASSERT_TRUE(Write(Puts({"a"})).ok());
  EXPECT_EQ(visible(), 1u);
  EXPECT_THAT(OrdinalsIn(kFirstLog), ElementsAre(1, 1));
}

TEST_F(WritePathTest, NothingIsVisibleBeforeAllOfItIsInTheMemtable) {
  ASSERT_TRUE(Write(Puts({"a"})).ok());
  uint64_t compared = 0;
  comparator_->hook = [&] {
    ++compared;
    EXPECT_EQ(visible(), 1u);
    EXPECT_EQ(OrdinalsIn(kFirstLog).size(), 2u) << "the log comes first";
    EXPECT_EQ(syncs(), 1u) << "and its sync";
  };
  ASSERT_TRUE(Write(Puts({"b", "c", "d"}), true).ok());
  EXPECT_GT(compared, 0u);
  EXPECT_EQ(visible(), 4u);
}

// --- Groups -----------------------------------------------------------------

TEST_F(WritePathTest, AGroupCostsOneAppendAndOneSync) {
  const auto statuses = Queued(
      {Writing(Puts({"a"})), Writing(Puts({"b", "c"}), true),
       Writing(Puts({"d"})), Writing(Puts({"e"}), true), Writing(Puts({"f"}))});
  EXPECT_THAT(statuses, Each(absl::OkStatus()));
  EXPECT_EQ(appends(), 1u);
  EXPECT_EQ(syncs(), 1u);
  EXPECT_EQ(visible(), 6u);
  EXPECT_THAT(OrdinalsIn(kFirstLog), ElementsAre(1, 2, 4, 5, 6))
      << "a record a batch, in the order of the queue";
  EXPECT_EQ(path_->memtable()->entries(), 6u);
}

TEST_F(WritePathTest, AGroupThatNobodyWantsSyncedIsNot) {
  const auto statuses = Queued({Writing(Puts({"a"})), Writing(Puts({"b"}))});
  EXPECT_THAT(statuses, Each(absl::OkStatus()));
  EXPECT_EQ(appends(), 1u);
  EXPECT_EQ(syncs(), 0u);
}

TEST_F(WritePathTest, OneThatWantsASyncMakesItForAll) {
  const auto statuses = Queued(
      {Writing(Puts({"a"})), Writing(Puts({"b"})), Writing(Puts({"c"}), true)});
  EXPECT_THAT(statuses, Each(absl::OkStatus()));
  EXPECT_EQ(syncs(), 1u);
  EXPECT_EQ(path_->sync_mark().offset, ReadLog(kFirstLog).end.offset);
}

TEST_F(WritePathTest, TheSyncOfAGroupIsNotTheNextOnes) {
  const auto statuses = Queued(
      {Writing(Puts({"a"}), true),
       [&] { return path_->RunExclusive([] { return absl::OkStatus(); }); },
       Writing(Puts({"b"}))});
  EXPECT_THAT(statuses, Each(absl::OkStatus()));
  EXPECT_EQ(appends(), 2u);
  EXPECT_EQ(syncs(), 1u);
  EXPECT_LT(path_->sync_mark().offset, ReadLog(kFirstLog).end.offset);
}

// Batches of these sizes, all queued; how many appends they take.
struct Grouping {
  const char* what;
  std::vector<size_t> bytes;
  uint64_t groups;
};

TEST_F(WritePathTest, AGroupEndsWhereItsBytesDo) {
  const std::vector<Grouping> groupings = {
      {"128 KiB behind a small leader", {100, 64 * kKiB, 64 * kKiB}, 1},
      {"a byte more", {100, 64 * kKiB, 64 * kKiB + 1}, 2},
      {"the last small leader", {128 * kKiB, 128 * kKiB}, 1},
      {"a byte more behind it", {128 * kKiB, 128 * kKiB + 1}, 2},
      {"the first large leader", {128 * kKiB + 1, 896 * kKiB - 1}, 1},
      {"more than a mebibyte with it", {128 * kKiB + 1, 896 * kKiB}, 2},
      {"a leader above the limit", {1025 * kKiB, 20}, 2},
      {"a small one behind one too large", {100, 200 * kKiB, 100}, 2},
  };
  for (const Grouping& g : groupings) {
    SCOPED_TRACE(g.what);
    Start();
    std::vector<Call> calls;
    for (const size_t bytes : g.bytes) {
      calls.push_back(
          Writing(PutOf(absl::StrCat("k", calls.size()), bytes), true));
    }
    EXPECT_THAT(Queued(calls), Each(absl::OkStatus()));
    EXPECT_EQ(appends(), g.groups);
    EXPECT_EQ(syncs(), g.groups);
    EXPECT_EQ(visible(), g.bytes.size());
    EXPECT_EQ(OrdinalsIn(kFirstLog).size(), g.bytes.size());
  }
}

TEST_F(WritePathTest, ManyWritersLoseNothingAndShareNoSequence) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed));
  constexpr uint64_t kWriters = 4;
  const uint64_t writes = Scaled(300, 20);
  // Every so often somebody asks for room and gets a fresh log.
  uint64_t log_number = kFirstLog;
  make_room_ = [&] {
    SwitchTo(++log_number);
    return absl::OkStatus();
  };
  std::vector<std::thread> writers;
  for (uint64_t w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      Random random(seed + w);
      for (uint64_t i = 0; i < writes; ++i) {
        WriteBatch batch;
        batch.Put(absl::StrCat("w", w), absl::StrCat(i));
        if (random.OneIn(2)) batch.Delete("both");
        if (random.OneIn(20)) path_->NeedRoom();
        EXPECT_TRUE(Write(batch, random.OneIn(8)).ok());
      }
    });
  }
  for (std::thread& writer : writers) writer.join();

  SequenceNumber next = 1;
  std::map<std::string, uint64_t> written;
  for (uint64_t number = kFirstLog; number <= log_number; ++number) {
    for (const TestRecord& record : ReadLog(number).records) {
      ASSERT_EQ(record.ordinal, next);
      const auto batch = WriteBatch::FromData(record.payload);
      ASSERT_TRUE(batch.ok()) << batch.status();
      next += batch->Count();
      auto reader = BatchReader::Open(record.payload);
      BatchEntry entry;
      ASSERT_TRUE(*reader->Next(&entry));
      // A writer's writes are in the order in which it made them.
      ASSERT_EQ(entry.value, std::to_string(written[std::string(entry.key)]++));
    }
  }
  EXPECT_EQ(written.size(), kWriters);
  for (const auto& [key, count] : written) EXPECT_EQ(count, writes) << key;
  EXPECT_EQ(visible(), next - 1);
  EXPECT_GT(log_number, kFirstLog);
}

// --- Failures ---------------------------------------------------------------

TEST_F(WritePathTest, AFailedAppendFailsItsGroupAndLatches) {
  for (const auto effect :
       {Fault::Effect::kNothing, Fault::Effect::kHalf, Fault::Effect::kDone}) {
    for (const int error_number : {EIO, ENOSPC}) {
      Start();
      ASSERT_TRUE(Write(Puts({"a"})).ok());
      files_.Arm({.op = FileOp::kAppend,
                  .error_number = error_number,
                  .effect = effect});
      const auto statuses =
          Queued({Writing(Puts({"b", "c"})), Writing(Puts({"d"}), true)});
      EXPECT_THAT(statuses, Each(statuses[0]));
      EXPECT_EQ(statuses[0].code(), error_number == EIO
                                        ? absl::StatusCode::kInternal
                                        : absl::StatusCode::kResourceExhausted);
      EXPECT_EQ(syncs(), 0u) << "nothing to sync behind a failed append";
      EXPECT_EQ(visible(), 1u);
      EXPECT_EQ(path_->memtable()->entries(), 1u);
      EXPECT_EQ(path_->last_sequence(), 4u) << "spent";
      ExpectLatched(statuses[0]);
    }
  }
}

TEST_F(WritePathTest, AFailedSyncFailsAlsoThoseThatDidNotWantIt) {
  for (const auto effect : {Fault::Effect::kNothing, Fault::Effect::kDone}) {
    Start();
    ASSERT_TRUE(Write(Puts({"a"})).ok());
    const SyncMark mark = path_->sync_mark();
    files_.Arm({.op = FileOp::kSync, .effect = effect});
    const auto statuses =
        Queued({Writing(Puts({"b"})), Writing(Puts({"c", "d"}), true)});
    EXPECT_THAT(statuses, Each(statuses[0]));
    EXPECT_EQ(statuses[0].code(), absl::StatusCode::kInternal);
    EXPECT_EQ(visible(), 1u);
    EXPECT_EQ(path_->memtable()->entries(), 1u)
        << "what could not be made durable is not readable";
    EXPECT_EQ(path_->last_sequence(), 4u) << "spent";
    EXPECT_EQ(path_->sync_mark(), mark);
    ExpectLatched(statuses[0]);
  }
}

TEST_F(WritePathTest, AFailedInsertFailsItsGroupAndLatches) {
  struct Row {
    absl::StatusCode code;
    std::function<void()> hook;
  };
  const std::vector<Row> rows = {
      {absl::StatusCode::kResourceExhausted, [] { throw std::bad_alloc(); }},
      {absl::StatusCode::kInternal, [] { throw std::runtime_error("mine"); }},
      {absl::StatusCode::kInternal, [] { throw 7; }},
  };
  for (const Row& row : rows) {
    comparator_->hook = nullptr;
    Start();
    ASSERT_TRUE(Write(Puts({"a"})).ok());
    comparator_->hook = row.hook;
    const auto statuses =
        Queued({Writing(Puts({"b"})), Writing(Puts({"c"}), true)});
    EXPECT_THAT(statuses, Each(statuses[0]));
    EXPECT_EQ(statuses[0].code(), row.code);
    EXPECT_EQ(visible(), 1u);
    EXPECT_EQ(path_->last_sequence(), 3u) << "spent";
    comparator_->hook = nullptr;
    ExpectLatched(statuses[0]);
  }
}

TEST_F(WritePathTest, WhoeverQueuesBehindAFailureIsRefused) {
  files_.Arm({.op = FileOp::kAppend});
  bool ran = false;
  const auto statuses = Queued({Writing(Puts({"a"})),
                                [&] {
                                  return path_->RunExclusive([&] {
                                    ran = true;
                                    return absl::OkStatus();
                                  });
                                },
                                Writing(Puts({"b"}))});
  EXPECT_EQ(statuses[0].code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(ran) << "Close must come through";
  EXPECT_TRUE(statuses[1].ok());
  EXPECT_EQ(statuses[2].code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(appends(), 1u);
}

TEST_F(WritePathTest, TheFirstCauseStays) {
  EXPECT_TRUE(path_->latched().ok());
  path_->Latch(absl::InternalError("the first"));
  path_->Latch(absl::InternalError("the second"));
  ExpectLatched(absl::InternalError("the first"));
}

TEST_F(WritePathTest, EndsWhereSequencesDo) {
  Start(kMaxSequence - 2);
  ASSERT_TRUE(Write(Puts({"a"})).ok());
  const auto statuses = Queued({Writing(Puts({"b"})), Writing(Puts({"c"}))});
  EXPECT_THAT(statuses, Each(statuses[0]));
  EXPECT_EQ(statuses[0].code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(statuses[0].message()), HasSubstr("used up"));
  EXPECT_EQ(visible(), kMaxSequence - 1);
  EXPECT_THAT(OrdinalsIn(kFirstLog), ElementsAre(kMaxSequence - 1));
  ExpectLatched(statuses[0]);
  EXPECT_TRUE(path_
                  ->RunExclusive(
                      [&] { return path_->CloseLogs([](const LogWriter&) {}); })
                  .ok());
}

TEST_F(WritePathTest, TheLastSequenceIsOneToUse) {
  Start(kMaxSequence - 1);
  ASSERT_TRUE(Write(Puts({"a"})).ok());
  EXPECT_EQ(visible(), kMaxSequence);
}

// --- Exclusive leaders ------------------------------------------------------

TEST_F(WritePathTest, AnExclusiveLeaderMeetsNoWriter) {
  std::vector<SequenceNumber> seen;
  const Call look = [&] {
    return path_->RunExclusive([&] {
      EXPECT_EQ(visible(), path_->last_sequence()) << "a write is under way";
      EXPECT_EQ(path_->memtable()->entries(), visible());
      seen.push_back(visible());
      return absl::OkStatus();
    });
  };
  const auto statuses =
      Queued({Writing(Puts({"a"})), Writing(Puts({"b"})), look, look,
              Writing(Puts({"c"})), look, Writing(Puts({"d"}))});
  EXPECT_THAT(statuses, Each(absl::OkStatus()));
  EXPECT_THAT(seen, ElementsAre(2, 2, 3)) << "nor does one overtake it";
  EXPECT_EQ(appends(), 3u);
}

TEST_F(WritePathTest, WhatAnExclusiveActionReturnsIsNotLatched) {
  EXPECT_TRUE(absl::IsAborted(
      path_->RunExclusive([] { return absl::AbortedError("mine"); })));
  EXPECT_EQ(path_->RunExclusive([]() -> absl::Status { throw 7; }).code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(
      path_->RunExclusive([]() -> absl::Status { throw std::bad_alloc(); })
          .code(),
      absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(Write(Puts({"a"})).ok());
}

// --- Several logs -----------------------------------------------------------

TEST_F(WritePathTest, AfterASwitchWritesGoToTheNewLogAndMemtable) {
  ASSERT_TRUE(Write(Puts({"a"})).ok());
  const Ref<Memtable> first = path_->memtable();
  SwitchTo(8);
  ASSERT_TRUE(Write(Puts({"b"})).ok());
  EXPECT_THAT(OrdinalsIn(7), ElementsAre(1));
  EXPECT_THAT(OrdinalsIn(8), ElementsAre(2));
  EXPECT_EQ(first->entries(), 1u);
  EXPECT_EQ(path_->memtable()->log_number(), 8u);
  EXPECT_EQ(path_->memtable()->entries(), 1u);
}

TEST_F(WritePathTest, ASyncTakesOlderLogsAlongOldestFirst) {
  for (const uint64_t next : {8, 9}) {
    ASSERT_TRUE(Write(Puts({"a"})).ok());
    SwitchTo(next);
  }
  ASSERT_TRUE(Write(Puts({"b"})).ok());
  size_t begin = disk_->operation_count();
  ASSERT_TRUE(Write(Puts({"c"}), true).ok());
  EXPECT_THAT(SyncsSince(begin), ElementsAre("/db/000007.log", "/db/000008.log",
                                             "/db/000009.log"));
  begin = disk_->operation_count();
  ASSERT_TRUE(Write(Puts({"d"}), true).ok());
  EXPECT_THAT(SyncsSince(begin), ElementsAre("/db/000009.log"))
      << "what is durable is not synced again";
  begin = disk_->operation_count();
  ASSERT_TRUE(SyncLogs().ok());
  EXPECT_THAT(SyncsSince(begin), IsEmpty());
}

TEST_F(WritePathTest, ANewerLogIsNotSyncedPastAnOlderOneThatFailed) {
  ASSERT_TRUE(Write(Puts({"a"})).ok());
  SwitchTo(8);
  ASSERT_TRUE(Write(Puts({"b"})).ok());
  SwitchTo(9);
  files_.Arm({.op = FileOp::kSync, .path_contains = "000008"});
  const size_t begin = disk_->operation_count();
  const absl::Status status = Write(Puts({"c"}), true);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(DetailOf(status)->file, "/db/000008.log");
  EXPECT_THAT(SyncsSince(begin), ElementsAre("/db/000007.log"));
  EXPECT_EQ(path_->sync_mark(), (SyncMark{7, ReadLog(7).end.offset}))
      << "as far as it came";
  EXPECT_EQ(visible(), 2u);
  ExpectLatched(status);
}

TEST_F(WritePathTest, AReleasedLogIsNotSynced) {
  for (const uint64_t next : {8, 9}) {
    ASSERT_TRUE(Write(Puts({"a"})).ok());
    SwitchTo(next);
  }
  path_->ReleaseLogsBelow(8);
  const size_t begin = disk_->operation_count();
  ASSERT_TRUE(Write(Puts({"b"}), true).ok());
  EXPECT_THAT(SyncsSince(begin),
              ElementsAre("/db/000008.log", "/db/000009.log"));
}

TEST_F(WritePathTest, TheLogInUseIsNeverReleased) {
  path_->ReleaseLogsBelow(100);
  ASSERT_TRUE(Write(Puts({"a"}), true).ok());
  EXPECT_EQ(syncs(), 1u);
}

TEST_F(WritePathTest, RecordsSayHowFarOlderLogsAreDurable) {
  ASSERT_TRUE(Write(Puts({"a"}), true).ok());
  const SyncMark durable = path_->sync_mark();
  ASSERT_TRUE(Write(Puts({"b"})).ok());
  SwitchTo(8);
  EXPECT_EQ(path_->sync_mark(), durable) << "nothing was synced";
  ASSERT_TRUE(Write(Puts({"c"})).ok());
  EXPECT_EQ(ReadLog(8).mark, durable);
  ASSERT_TRUE(SyncLogs().ok());
  const SyncMark synced = path_->sync_mark();
  EXPECT_EQ(synced, (SyncMark{8, ReadLog(8).end.offset}));
  ASSERT_TRUE(Write(Puts({"d"})).ok());
  EXPECT_EQ(ReadLog(8).mark, synced);
}

TEST_F(WritePathTest, SyncLogsLatchesAFailure) {
  ASSERT_TRUE(Write(Puts({"a"})).ok());
  files_.Arm({.op = FileOp::kSync});
  const absl::Status status = SyncLogs();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  ExpectLatched(status);
}

// --- The end ----------------------------------------------------------------

TEST_F(WritePathTest, CloseEndsEveryLogWithTheBytesItReports) {
  for (const uint64_t next : {8, 9}) {
    ASSERT_TRUE(Write(Puts({"a"})).ok());
    SwitchTo(next);
  }
  ASSERT_TRUE(disk_->SyncDirectory(kDirectory).ok());
  ASSERT_TRUE(disk_->SyncDirectory("/").ok());
  std::vector<uint64_t> visited;
  ASSERT_TRUE(path_
                  ->RunExclusive([&] {
                    return path_->CloseLogs([&](const LogWriter& log) {
                      const uint64_t number = log.header().number;
                      visited.push_back(number);
                      const ReadResult read = ReadLog(number);
                      EXPECT_EQ(read.end.kind, LogReader::End::Kind::kClean);
                      EXPECT_EQ(read.end.offset, log.size());
                      EXPECT_EQ(read.chain_hash, log.chain_hash());
                    });
                  })
                  .ok());
  EXPECT_THAT(visited, ElementsAre(7, 8, 9));
  const auto image = disk_->CrashImageNow(CrashPolicy::SyncedOnly());
  for (const uint64_t number : visited) {
    const std::string file = WalFileName(kDirectory, number);
    EXPECT_EQ(*image->GetBytes(file), *disk_->GetBytes(file));
  }
}

TEST_F(WritePathTest, AfterCloseEverythingIsCancelled) {
  const auto close = [this] {
    return path_->RunExclusive(
        [this] { return path_->CloseLogs([](const LogWriter&) {}); });
  };
  const auto statuses = Queued({close, Writing(Puts({"a"}))});
  EXPECT_TRUE(statuses[0].ok()) << statuses[0];
  EXPECT_TRUE(absl::IsCancelled(statuses[1]));
  EXPECT_TRUE(absl::IsCancelled(Write(Puts({"b"}))));
  EXPECT_TRUE(absl::IsCancelled(close()));
  EXPECT_EQ(appends(), 0u);
}

TEST_F(WritePathTest, CloseStopsAtTheFirstLogThatFails) {
  ASSERT_TRUE(Write(Puts({"a"})).ok());
  SwitchTo(8);
  ASSERT_TRUE(Write(Puts({"b"})).ok());
  SwitchTo(9);
  files_.Arm({.op = FileOp::kSync, .path_contains = "000008"});
  std::vector<uint64_t> visited;
  const absl::Status status = path_->RunExclusive([&] {
    return path_->CloseLogs(
        [&](const LogWriter& log) { visited.push_back(log.header().number); });
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(visited, ElementsAre(7)) << "the manifest must not vouch for 8";
}

// --- Room -------------------------------------------------------------------

TEST_F(WritePathTest, AFullMemtableAsksForRoomBeforeTheWrite) {
  Start(0, 256 * kKiB);
  make_room_ = [this] {
    SwitchTo(8);
    return absl::OkStatus();
  };
  uint64_t writes = 0;
  while (path_->memtable()->memory_bytes() < 256 * kKiB) {
    ASSERT_TRUE(Write(PutOf(absl::StrCat(++writes), 10 * kKiB)).ok());
    ASSERT_LT(writes, 100u);
  }
  EXPECT_EQ(made_room_, 0);
  ASSERT_TRUE(Write(Puts({"into the next"})).ok());
  EXPECT_EQ(made_room_, 1);
  EXPECT_THAT(OrdinalsIn(8), ElementsAre(writes + 1));
  ASSERT_TRUE(Write(Puts({"there is room"})).ok());
  EXPECT_EQ(made_room_, 1);
}

TEST_F(WritePathTest, NeedRoomAsksOnce) {
  ASSERT_TRUE(Write(Puts({"a"})).ok());
  path_->NeedRoom();
  path_->NeedRoom();
  EXPECT_EQ(made_room_, 0) << "it is the next leader who asks";
  ASSERT_TRUE(Write(Puts({"b"})).ok());
  ASSERT_TRUE(Write(Puts({"c"})).ok());
  EXPECT_EQ(made_room_, 1);
}

TEST_F(WritePathTest, NoRoomIsTheLeadersErrorOnly) {
  path_->NeedRoom();
  make_room_ = [] { return absl::CancelledError("no room"); };
  const auto statuses =
      Queued({Writing(Puts({"a"})), Writing(Puts({"b"}), true)});
  EXPECT_EQ(statuses[0], absl::CancelledError("no room"));
  EXPECT_TRUE(statuses[1].ok()) << "it asked no more: the hint was taken";
  EXPECT_TRUE(path_->latched().ok());
  EXPECT_THAT(OrdinalsIn(kFirstLog), ElementsAre(1));
  EXPECT_EQ(visible(), 1u) << "who found no room took no sequence";
}

TEST_F(WritePathTest, WhileTheMemtableIsFullEveryLeaderAsks) {
  Start(0, 1);
  make_room_ = [] { return absl::CancelledError("no room"); };
  for (int i = 1; i <= 3; ++i) {
    EXPECT_TRUE(absl::IsCancelled(Write(Puts({"a"}))));
    EXPECT_EQ(made_room_, i);
  }
  EXPECT_EQ(appends(), 0u);
}

TEST_F(WritePathTest, ARoomMakerThatThrowsHoldsNobodyUp) {
  path_->NeedRoom();
  make_room_ = []() -> absl::Status { throw std::runtime_error("mine"); };
  const auto statuses = Queued({Writing(Puts({"a"})), Writing(Puts({"b"}))});
  EXPECT_EQ(statuses[0].code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(statuses[1].ok());
}

TEST_F(WritePathTest, ALatchedPathAsksForNoRoom) {
  path_->Latch(absl::InternalError("cause"));
  path_->NeedRoom();
  EXPECT_TRUE(absl::IsFailedPrecondition(Write(Puts({"a"}))));
  EXPECT_EQ(made_room_, 0);
}

}  // namespace
}  // namespace lissom
