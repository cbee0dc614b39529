// Writers that will not wait, writes that the log does not get, and writes that
// are made to wait. What a group is, and what its failure leaves, is left to
// write_path_test.
#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "db/recovery/log_replay.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/write/write_path_world.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/random.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

// Opens once.
class Gate {
 public:
  void Open() {
    MutexLock lock(mu_);
    open_ = true;
    opened_.SignalAll();
  }
  void Wait() {
    MutexLock lock(mu_);
    while (!open_) opened_.Wait(mu_);
  }

 private:
  Mutex mu_;
  CondVar opened_;
  bool open_ ABSL_GUARDED_BY(mu_) = false;
};

class WritePatienceTest : public WritePathTest {
 protected:
  static Patience Unwilling() { return {.no_slowdown = true}; }
  Patience Until(absl::Duration from_now) {
    return {.deadline = clock_.Monotonic() + from_now};
  }
  Call WritingWith(WriteBatch batch, Patience patience) {
    return [this, batch = std::move(batch), patience] {
      WriteRequest request = RequestOf(batch);
      request.patience = patience;
      return Write(request);
    };
  }
  absl::Status WriteUnlogged(const WriteBatch& batch) {
    WriteRequest request = RequestOf(batch);
    request.disable_wal = true;
    return Write(request);
  }
  Call WritingUnlogged(WriteBatch batch) {
    return [this, batch = std::move(batch)] { return WriteUnlogged(batch); };
  }

  // A call in a thread of its own, and what it returned.
  struct Started {
    absl::Status status;
    std::thread thread;
    const absl::Status& Join() {
      thread.join();
      return status;
    }
  };
  std::unique_ptr<Started> Start1(Call call) {
    auto started = std::make_unique<Started>();
    started->thread =
        std::thread([raw = started.get(), call = std::move(call)] {
          raw->status = call();
        });
    return started;
  }
  // The same, when it has its place in the queue, behind a leader.
  std::unique_ptr<Started> Queue1(Call call) {
    const int waits = executor_.waits();
    auto started = Start1(std::move(call));
    executor_.UntilWaits(waits + 1);
    return started;
  }
  // A leader that stalls for `cause` until EndStall.
  void BeginStall(StallCause cause) {
    Gate stalled;
    path_->NeedRoom();
    make_room_ = [this, cause, &stalled] {
      path_->NoteStall(cause);
      stalled.Open();
      room_.Wait();
      return absl::OkStatus();
    };
    leader_ = Start1(Writing(Puts({"leader"})));
    stalled.Wait();
  }
  absl::Status EndStall() {
    room_.Open();
    return leader_->Join();
  }

  void SwitchAfterEnd(uint64_t number) {
    EXPECT_TRUE(path_
                    ->RunExclusive([&] {
                      LISSOM_RETURN_IF_ERROR(path_->EndLog());
                      SwitchTo(number);
                      return absl::OkStatus();
                    })
                    .ok());
  }
  // What a recovery would find: the first sequence of each batch and its keys.
  std::vector<std::pair<SequenceNumber, std::string>> Replayed(
      std::vector<uint64_t> logs, SequenceNumber flushed = 0) {
    ManifestState manifest;
    manifest.flushed_sequence = flushed;
    for (const uint64_t number : logs) {
      manifest.logs.push_back({number, HeaderOf(number).id});
    }
    std::vector<std::pair<SequenceNumber, std::string>> found;
    const auto result =
        ReplayLogs({.file_system = *disk_,
                    .directory = kDirectory,
                    .mode = WalRecoveryMode::kAbsolute,
                    .manifest = manifest,
                    .present = std::move(logs)},
                   [&](std::string_view bytes, SequenceNumber first) {
                     const auto batch = WriteBatch::FromData(bytes);
                     EXPECT_TRUE(batch.ok());
                     if (batch->Count() > 0)
                       found.emplace_back(first, KeysOf(*batch));
                     return absl::OkStatus();
                   });
    EXPECT_TRUE(result.ok()) << result.status();
    last_replayed_ = result.ok() ? result->last_applied : 0;
    return found;
  }
  static std::string KeysOf(const WriteBatch& batch) {
    struct Keys final : WriteBatch::Handler {
      absl::Status Put(std::string_view key, std::string_view) override {
        keys.append(key);
        return absl::OkStatus();
      }
      absl::Status Delete(std::string_view) override {
        return absl::OkStatus();
      }
      std::string keys;
    } handler;
    EXPECT_TRUE(batch.Iterate(&handler).ok());
    return handler.keys;
  }

  Gate room_;
  std::unique_ptr<Started> leader_;
  SequenceNumber last_replayed_ = 0;
};

// --- Out of patience --------------------------------------------------------

TEST_F(WritePatienceTest, TheRoomMakerKnowsTheLeadersPatience) {
  path_->NeedRoom();
  make_room_ = [] { return StalledError(StallCause::kLevel0Files); };
  const absl::Status status = WritingWith(Puts({"a"}), Unwilling())();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_TRUE(last_patience_.no_slowdown);
  EXPECT_EQ(visible(), 0u);
  EXPECT_EQ(appends(), 0u);
  // The next one's patience may be greater: it is asked again.
  make_room_ = nullptr;
  EXPECT_TRUE(Write(Puts({"b"})).ok());
  EXPECT_EQ(made_room_, 2);
  EXPECT_FALSE(last_patience_.no_slowdown);
  EXPECT_EQ(last_patience_.deadline, absl::InfiniteDuration());
}

TEST_F(WritePatienceTest, ALeaderWhoseTimeIsOverAsksForTheNext) {
  path_->NeedRoom();
  make_room_ = [] { return StallTimeoutError(StallCause::kMemtables); };
  const absl::Status status =
      WritingWith(Puts({"a"}), Until(absl::Seconds(3)))();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_EQ(last_patience_.deadline, clock_.Monotonic() + absl::Seconds(3));
  make_room_ = nullptr;
  EXPECT_TRUE(Write(Puts({"b"})).ok());
  EXPECT_EQ(made_room_, 2);
  EXPECT_THAT(OrdinalsIn(kFirstLog), ElementsAre(1));
}

TEST_F(WritePatienceTest, WithoutAStallNobodyIsTurnedAway) {
  EXPECT_TRUE(WritingWith(Puts({"a"}), Unwilling())().ok());
  EXPECT_TRUE(WritingWith(Puts({"b"}), Until(absl::ZeroDuration()))().ok())
      << "it need not wait";
  const auto statuses = Queued({WritingWith(Puts({"c"}), Unwilling()),
                                WritingWith(Puts({"d"}), Unwilling())});
  EXPECT_THAT(statuses, Each(absl::OkStatus()))
      << "a leader at work is no stall";
  EXPECT_EQ(visible(), 4u);
}

TEST_F(WritePatienceTest, WhoWillNotWaitLeavesAStalledQueue) {
  const auto behind = [&](const char* key, Patience patience) {
    return WritingWith(Puts({key}), patience);
  };
  BeginStall(StallCause::kPendingCompaction);
  EXPECT_TRUE(path_->stopped());
  auto a = Queue1(behind("a", {}));
  auto c = Queue1(behind("c", {}));
  // It comes to a queue that is stalled: from the end.
  for (int i = 0; i < 3; ++i) {
    const absl::Status status = behind("b", Unwilling())();
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_THAT(
        std::string(status.message()),
        HasSubstr(std::string(StallCauseName(StallCause::kPendingCompaction))));
  }
  auto d = Queue1(behind("d", {}));
  ASSERT_TRUE(EndStall().ok());
  EXPECT_TRUE(a->Join().ok());
  EXPECT_TRUE(c->Join().ok());
  EXPECT_TRUE(d->Join().ok());
  EXPECT_FALSE(path_->stopped());
  EXPECT_THAT(
      Replayed({kFirstLog}),
      ElementsAre(Pair(1, "leader"), Pair(2, "a"), Pair(3, "c"), Pair(4, "d")));
  EXPECT_EQ(visible(), 4u);
}

TEST_F(WritePatienceTest, WhoWaitsWhenTheStallBeginsLeavesFromTheMiddle) {
  // All queue while a leader is at work, which is no reason to leave.
  Gate leads, all_there;
  std::vector<std::unique_ptr<Started>> calls;
  calls.push_back(Start1([&] {
    return path_->RunExclusive([&] {
      leads.Open();
      all_there.Wait();
      return absl::OkStatus();
    });
  }));
  leads.Wait();
  Gate stalled;
  path_->NeedRoom();
  make_room_ = [&] {
    path_->NoteStall(StallCause::kMemtables);
    stalled.Open();
    room_.Wait();
    return absl::OkStatus();
  };
  calls.push_back(Queue1(Writing(Puts({"leader"}))));
  calls.push_back(Queue1(WritingWith(Puts({"x"}), Unwilling())));
  calls.push_back(Queue1(Writing(Puts({"a"}))));
  calls.push_back(Queue1(WritingWith(Puts({"y"}), Unwilling())));
  calls.push_back(Queue1(WritingWith(Puts({"z"}), Unwilling())));
  calls.push_back(Queue1(Writing(Puts({"b"}))));
  calls.push_back(Queue1(WritingWith(Puts({"last"}), Unwilling())));
  all_there.Open();
  stalled.Wait();
  for (const size_t unwilling : {2, 4, 5, 7}) {
    const absl::Status& status = calls[unwilling]->Join();
    EXPECT_TRUE(absl::IsUnavailable(status)) << unwilling << ": " << status;
  }
  calls.push_back(Queue1(Writing(Puts({"c"}))));
  room_.Open();
  for (const size_t patient : {0, 1, 3, 6, 8}) {
    EXPECT_TRUE(calls[patient]->Join().ok()) << patient;
  }
  EXPECT_THAT(
      Replayed({kFirstLog}),
      ElementsAre(Pair(1, "leader"), Pair(2, "a"), Pair(3, "b"), Pair(4, "c")));
}

TEST_F(WritePatienceTest, WhoseTimePassesInTheQueueLeaves) {
  BeginStall(StallCause::kMemtables);
  auto a = Queue1(Writing(Puts({"a"})));
  auto late = Queue1(WritingWith(Puts({"late"}), Until(absl::Milliseconds(2))));
  auto b = Queue1(WritingWith(Puts({"b"}), Until(absl::Hours(1))));
  clock_.Advance(absl::Milliseconds(2));
  const absl::Status& status = late->Join();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("memtables"));
  const absl::Status at_once =
      WritingWith(Puts({"no time"}), Until(absl::ZeroDuration()))();
  EXPECT_TRUE(absl::IsDeadlineExceeded(at_once)) << at_once;
  ASSERT_TRUE(EndStall().ok());
  EXPECT_TRUE(a->Join().ok());
  EXPECT_TRUE(b->Join().ok());
  EXPECT_THAT(Replayed({kFirstLog}),
              ElementsAre(Pair(1, "leader"), Pair(2, "a"), Pair(3, "b")));
}

TEST_F(WritePatienceTest, TimePassesBehindALeaderAtWorkToo) {
  absl::Status late;
  EXPECT_TRUE(path_
                  ->RunExclusive([&] {
                    std::thread thread([&] {
                      late = WritingWith(Puts({"late"}),
                                         Until(absl::ZeroDuration()))();
                    });
                    thread.join();
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(late)) << late;
  EXPECT_TRUE(Write(Puts({"a"})).ok());
  EXPECT_EQ(visible(), 1u);
}

TEST_F(WritePatienceTest, WhoWasTakenAlongSeesTheGroupsEnd) {
  bool once = true;
  comparator_->hook = [&] {  // In the midst of the group's insert.
    if (!std::exchange(once, false)) return;
    clock_.Advance(absl::Hours(2));
    const int waits = executor_.waits();
    path_->NoteStall(StallCause::kMemtables);  // Wakes them all.
    // Those with a deadline wait on, now without one.
    for (int i = 0; i < 1'000'000 && executor_.waits() < waits + 2; ++i) {
      std::this_thread::yield();
    }
    EXPECT_EQ(executor_.waits(), waits + 2);
  };
  const auto statuses = Queued({Writing(Puts({"a", "b"})),
                                WritingWith(Puts({"c"}), Until(absl::Hours(1))),
                                WritingWith(Puts({"d"}), Until(absl::Hours(1))),
                                WritingWith(Puts({"e"}), Unwilling())});
  EXPECT_THAT(statuses, Each(absl::OkStatus()));
  EXPECT_FALSE(once);
  EXPECT_EQ(visible(), 5u);
  EXPECT_EQ(path_->memtable()->entries(), 5u);
}

// Whoever returned OK is in the log once, in order; whoever left is not.
TEST_F(WritePatienceTest, ManyImpatientWritersLoseNothing) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed));
  constexpr int kWriters = 4;
  const uint64_t writes = Scaled(400, 40);
  Random room_random(seed);
  make_room_ = [&]() -> absl::Status {
    if (last_patience_.no_slowdown) {
      return StalledError(StallCause::kMemtables);
    }
    path_->NoteStall(StallCause::kMemtables);
    for (uint64_t n = room_random.Uniform(50); n > 0; --n) {
      std::this_thread::yield();
    }
    clock_.Advance(absl::Microseconds(room_random.Uniform(300)));
    return clock_.Monotonic() < last_patience_.deadline
               ? absl::OkStatus()
               : StallTimeoutError(StallCause::kMemtables);
  };
  std::atomic<uint64_t> left{0};
  std::vector<std::set<std::string>> written(kWriters);
  std::vector<std::thread> threads;
  for (int t = 0; t < kWriters; ++t) {
    threads.emplace_back([&, t] {
      Random random(seed + 1 + static_cast<uint64_t>(t));
      for (uint64_t i = 0; i < writes; ++i) {
        if (random.OneIn(6)) path_->NeedRoom();
        Patience patience;
        if (random.OneIn(3)) patience = Unwilling();
        if (random.OneIn(3)) {
          patience.deadline =
              clock_.Monotonic() + absl::Microseconds(random.Uniform(200));
        }
        const std::string key = absl::StrCat("w", t, "n", i, ";");
        const absl::Status status = WritingWith(Puts({key}), patience)();
        if (status.ok()) {
          written[t].insert(key);
        } else {
          EXPECT_TRUE(absl::IsUnavailable(status) ||
                      absl::IsDeadlineExceeded(status))
              << status;
          left.fetch_add(1);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> expected;
  for (const auto& keys : written) expected.insert(keys.begin(), keys.end());
  EXPECT_EQ(expected.size() + left.load(), kWriters * writes);
  EXPECT_GT(left.load(), 0u);
  std::set<std::string> found;
  SequenceNumber next = 1;
  for (const auto& [first, key] : Replayed({kFirstLog})) {
    EXPECT_EQ(first, next++);
    EXPECT_TRUE(found.insert(key).second) << key;
  }
  EXPECT_EQ(found, expected);
}

// --- Without the log --------------------------------------------------------

TEST_F(WritePatienceTest, AnUnloggedWriteTouchesNoFile) {
  EXPECT_FALSE(path_->ever_unlogged());
  const size_t operations = disk_->operation_count();
  ASSERT_TRUE(WriteUnlogged(Puts({"a", "b"})).ok());
  EXPECT_EQ(disk_->operation_count(), operations);
  EXPECT_EQ(visible(), 2u);
  EXPECT_EQ(path_->memtable()->entries(), 2u);
  EXPECT_TRUE(path_->ever_unlogged());
  EXPECT_TRUE(path_->memtable_has_unlogged());
}

TEST_F(WritePatienceTest, TheLogSkipsWhatItWasNotGiven) {
  const auto statuses =
      Queued({Writing(Puts({"a"})), WritingUnlogged(Puts({"b", "c"})),
              Writing(Puts({"d"})), WritingUnlogged(Puts({"e"})),
              WritingUnlogged(Puts({"f"}))});
  EXPECT_THAT(statuses, Each(absl::OkStatus()));
  EXPECT_EQ(appends(), 1u) << "one group";
  EXPECT_EQ(visible(), 6u);
  ASSERT_TRUE(Write(Puts({"g"})).ok());
  EXPECT_THAT(Replayed({kFirstLog}),
              ElementsAre(Pair(1, "a"), Pair(4, "d"), Pair(7, "g")));
  EXPECT_EQ(last_replayed_, 7u);
}

TEST_F(WritePatienceTest, ALogEndsWithWhatIsMissingBehindItsLastRecord) {
  ASSERT_TRUE(Write(Puts({"a"})).ok());
  ASSERT_TRUE(WriteUnlogged(Puts({"b", "c"})).ok());
  SwitchAfterEnd(8);
  EXPECT_FALSE(path_->memtable_has_unlogged());
  ASSERT_TRUE(Write(Puts({"d"})).ok());
  EXPECT_THAT(Replayed({7, 8}), ElementsAre(Pair(1, "a"), Pair(4, "d")));
  ASSERT_TRUE(WriteUnlogged(Puts({"e"})).ok());
  SwitchAfterEnd(9);
  SwitchAfterEnd(10);
  ASSERT_TRUE(Write(Puts({"f"})).ok());
  EXPECT_THAT(Replayed({7, 8, 9, 10}),
              ElementsAre(Pair(1, "a"), Pair(4, "d"), Pair(6, "f")));
  EXPECT_EQ(last_replayed_, 6u);
}

TEST_F(WritePatienceTest, ALogThatHasEverythingEndsWithoutAWord) {
  ASSERT_TRUE(Write(Puts({"a"})).ok());
  const uint64_t before = appends();
  EXPECT_TRUE(path_->RunExclusive([&] { return path_->EndLog(); }).ok());
  EXPECT_EQ(appends(), before);
}

TEST_F(WritePatienceTest, AnEndThatFailsLatches) {
  ASSERT_TRUE(WriteUnlogged(Puts({"a"})).ok());
  files_.Arm({.op = FileOp::kAppend});
  const absl::Status status =
      path_->RunExclusive([&] { return path_->EndLog(); });
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  ExpectLatched(status);
}

TEST_F(WritePatienceTest, ASyncMakesTheLoggedOnesDurable) {
  ASSERT_TRUE(WriteUnlogged(Puts({"a"})).ok());
  ASSERT_TRUE(Write(Puts({"b"}), true).ok());
  ASSERT_TRUE(WriteUnlogged(Puts({"c"})).ok());
  EXPECT_EQ(syncs(), 1u);
  EXPECT_TRUE(SyncLogs().ok());
  EXPECT_EQ(syncs(), 1u) << "there is nothing new in the log";
  EXPECT_THAT(Replayed({kFirstLog}), ElementsAre(Pair(2, "b")));
}

TEST_F(WritePatienceTest, AnyMixtureIsReplayedAsItWasLogged) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed));
  Random random(seed);
  for (uint64_t round = 0; round < Scaled(50, 5); ++round) {
    Start();
    std::vector<std::pair<SequenceNumber, std::string>> expected;
    std::vector<uint64_t> logs = {kFirstLog};
    SequenceNumber next = 1;
    for (uint64_t i = random.Uniform(60); i > 0; --i) {
      std::vector<std::string> keys(1 + random.Uniform(3),
                                    absl::StrCat("k", next));
      if (random.OneIn(2)) {
        ASSERT_TRUE(WriteUnlogged(Puts(keys)).ok());
      } else {
        ASSERT_TRUE(Write(Puts(keys)).ok());
        expected.emplace_back(next, KeysOf(Puts(keys)));
      }
      next += keys.size();
      if (random.OneIn(8)) {
        logs.push_back(logs.back() + 1);
        SwitchAfterEnd(logs.back());
      }
    }
    EXPECT_EQ(Replayed(logs), expected);
    EXPECT_EQ(visible(), next - 1);
  }
}

// --- Restart ----------------------------------------------------------------

class RestartTest : public WritePatienceTest {
 protected:
  void Restart(uint64_t number) {
    EXPECT_TRUE(path_
                    ->RunExclusive([&] {
                      path_->Restart(NewMemtable(number),
                                     NewLog(number, path_->last_sequence()));
                      return absl::OkStatus();
                    })
                    .ok());
  }
};

TEST_F(RestartTest, WritesGoOnBehindTheSequencesOfTheFailedGroup) {
  ASSERT_TRUE(Write(Puts({"a"})).ok());
  files_.Arm({.op = FileOp::kAppend, .effect = Fault::Effect::kHalf});
  EXPECT_FALSE(Write(Puts({"b", "c"})).ok());
  EXPECT_TRUE(path_->resumable());
  EXPECT_EQ(visible(), 1u);
  Restart(8);
  EXPECT_TRUE(path_->latched().ok());
  EXPECT_EQ(path_->last_sequence(), 3u);
  EXPECT_EQ(path_->sync_mark(), (SyncMark{8, ReadLog(8).end.offset}));
  ASSERT_TRUE(Write(Puts({"d"}), true).ok());
  EXPECT_EQ(visible(), 4u);
  EXPECT_THAT(Replayed({8}, 3), ElementsAre(Pair(4, "d")));
}

TEST_F(RestartTest, TheLogsBeforeAreNotTouchedAgain) {
  ASSERT_TRUE(Write(Puts({"a"})).ok());
  SwitchTo(8);
  ASSERT_TRUE(Write(Puts({"b"})).ok());
  files_.Arm({.op = FileOp::kSync, .path_contains = "000007"});
  EXPECT_FALSE(Write(Puts({"c"}), true).ok());
  Restart(9);
  const size_t begin = disk_->operation_count();
  ASSERT_TRUE(Write(Puts({"d"}), true).ok());
  EXPECT_THAT(SyncsSince(begin), ElementsAre("/db/000009.log"));
  EXPECT_EQ(files_.uses_after_failed_sync(), 0u);
  EXPECT_TRUE(path_
                  ->RunExclusive([&] {
                    return path_->CloseLogs([](const LogWriter& log) {
                      EXPECT_EQ(log.header().number, 9u);
                    });
                  })
                  .ok());
  EXPECT_EQ(files_.uses_after_failed_sync(), 0u);
}

TEST_F(RestartTest, WhatTheOldLogHadToSkipTheNewOneHasNot) {
  ASSERT_TRUE(WriteUnlogged(Puts({"a", "b"})).ok());
  path_->Latch(absl::InternalError("a flush failed"));
  Restart(8);
  EXPECT_FALSE(path_->memtable_has_unlogged());
  ASSERT_TRUE(Write(Puts({"c"})).ok());
  EXPECT_THAT(Replayed({8}, 2), ElementsAre(Pair(3, "c")));
}

TEST_F(RestartTest, AfterHalfAGroupInTheMemtableThereIsNoWayBack) {
  comparator_->hook = [n = 0]() mutable {
    if (++n == 2) throw std::bad_alloc();
  };
  EXPECT_FALSE(Write(Puts({"a", "b", "c"})).ok());
  EXPECT_FALSE(path_->resumable());
}

TEST_F(RestartTest, AFailureBesideAWriteThatSucceedsIsNoReason) {
  comparator_->hook = [&] { path_->Latch(absl::InternalError("a flush")); };
  EXPECT_TRUE(Write(Puts({"a", "b"})).ok());
  comparator_->hook = nullptr;
  EXPECT_TRUE(path_->resumable());
}

TEST_F(RestartTest, AClosedPathStaysClosed) {
  EXPECT_TRUE(path_
                  ->RunExclusive([&] {
                    EXPECT_TRUE(path_->CloseLogs([](const LogWriter&) {}).ok());
                    path_->Restart(NewMemtable(8), NewLog(8, 0));
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_TRUE(absl::IsCancelled(Write(Puts({"a"}))));
}

// --- When a memtable is full ------------------------------------------------

TEST_F(WritePatienceTest, ALargeBatchGetsAMemtableOfItsOwn) {
  Start(0, 64 * kKiB);
  uint64_t log = kFirstLog;
  make_room_ = [&] {
    EXPECT_TRUE(asked_to_seal_);
    SwitchTo(++log);
    return absl::OkStatus();
  };
  ASSERT_TRUE(Write(PutOf("first", 64 * kKiB)).ok());
  EXPECT_EQ(made_room_, 0) << "it was empty";
  ASSERT_TRUE(Write(Puts({"a"})).ok());
  EXPECT_EQ(made_room_, 1) << "it was full";
  ASSERT_TRUE(Write(PutOf("small", 60 * kKiB)).ok());
  EXPECT_EQ(made_room_, 1);
  Start(0, 64 * kKiB);
  log = kFirstLog;
  ASSERT_TRUE(Write(Puts({"a"})).ok());
  ASSERT_TRUE(Write(PutOf("large", 64 * kKiB)).ok());
  EXPECT_EQ(made_room_, 1);
  EXPECT_THAT(OrdinalsIn(8), ElementsAre(2));
  EXPECT_EQ(path_->memtable()->entries(), 1u);
}

TEST_F(WritePatienceTest, LongLogsEndAMemtableEarly) {
  max_wal_bytes_ = 64 * kKiB;
  Start(0, 100 * kKiB * kKiB);
  uint64_t log = kFirstLog;
  make_room_ = [&] {
    EXPECT_TRUE(asked_to_seal_);
    SwitchTo(++log);
    return absl::OkStatus();
  };
  for (int i = 0; i < 7; ++i) {
    ASSERT_TRUE(Write(PutOf("k", 10 * kKiB)).ok());
  }
  EXPECT_EQ(made_room_, 0);
  ASSERT_TRUE(Write(PutOf("k", 4 * kKiB)).ok());
  EXPECT_EQ(made_room_, 1) << "70 KiB of log";
  ASSERT_TRUE(Write(PutOf("k", kKiB)).ok());
  EXPECT_EQ(made_room_, 1) << "the end of so short a log would free nothing";
  ASSERT_TRUE(Write(PutOf("k", 4 * kKiB)).ok());
  ASSERT_TRUE(Write(PutOf("k", kKiB)).ok());
  EXPECT_EQ(made_room_, 2) << "the first log is still there";
  // And when it is not, it counts no more.
  path_->ReleaseLogsBelow(9);
  ASSERT_TRUE(Write(PutOf("k", 40 * kKiB)).ok());
  ASSERT_TRUE(Write(PutOf("k", 10 * kKiB)).ok());
  ASSERT_TRUE(Write(PutOf("k", kKiB)).ok());
  EXPECT_EQ(made_room_, 2);
}

// --- Throttled --------------------------------------------------------------

// In one thread; time passes where somebody waits.
class WriteThrottledTest : public WritePatienceTest {
 protected:
  WriteThrottledTest() {
    use_executor_ = &simulated_;
    Start();
  }

  absl::Duration now() { return clock_.Monotonic(); }

  SimulatedExecutor simulated_{
      1, std::shared_ptr<ManualClock>(std::shared_ptr<void>(), &clock_)};
};

TEST_F(WriteThrottledTest, TheNextLeaderPays) {
  path_->throttle().Set(StallCause::kLevel0Files, 0.5);
  const auto price = static_cast<int64_t>(path_->throttle().nanos_per_kib());
  ASSERT_TRUE(Write(PutOf("a", 64 * kKiB)).ok());
  EXPECT_EQ(now(), absl::ZeroDuration()) << "nothing was owed before it";
  ASSERT_TRUE(Write(Puts({"b"})).ok());
  EXPECT_EQ(now(), absl::Nanoseconds(64 * price));
  EXPECT_THAT(stalls_, ElementsAre(Pair(StallCause::kLevel0Files,
                                        absl::Nanoseconds(64 * price))));
  ASSERT_TRUE(Write(Puts({"c"})).ok());
  EXPECT_EQ(now(), absl::Nanoseconds(64 * price)) << "too little to wait for";
  EXPECT_FALSE(path_->stopped());
  EXPECT_EQ(visible(), 3u);
}

TEST_F(WriteThrottledTest, UnloggedBytesCostAsMuch) {
  path_->throttle().Set(StallCause::kLevel0Files, 0.5);
  ASSERT_TRUE(WriteUnlogged(PutOf("a", 64 * kKiB)).ok());
  ASSERT_TRUE(Write(Puts({"b"})).ok());
  EXPECT_GT(now(), absl::Microseconds(900));
}

TEST_F(WriteThrottledTest, WhoWillNotBeSlowedDownIsTurnedAway) {
  path_->throttle().Set(StallCause::kPendingCompaction, 0.5);
  ASSERT_TRUE(Write(PutOf("a", 64 * kKiB)).ok());
  const absl::Status status = WritingWith(Puts({"b"}), Unwilling())();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(now(), absl::ZeroDuration());
  EXPECT_THAT(stalls_, IsEmpty());
  EXPECT_EQ(visible(), 1u);
  path_->throttle().Set(StallCause::kPendingCompaction, 0);
  EXPECT_TRUE(WritingWith(Puts({"c"}), Unwilling())().ok());
}

TEST_F(WriteThrottledTest, WhoHasTooLittleTimePaysWhatItHas) {
  path_->throttle().Set(StallCause::kLevel0Files, 0.5);
  const auto price = static_cast<int64_t>(path_->throttle().nanos_per_kib());
  ASSERT_TRUE(Write(PutOf("a", 64 * kKiB)).ok());
  const absl::Status status =
      WritingWith(Puts({"b"}), Until(absl::Microseconds(300)))();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(std::string(StallCauseName(StallCause::kLevel0Files))));
  EXPECT_EQ(now(), absl::Microseconds(300));
  ASSERT_TRUE(Write(Puts({"c"})).ok());
  EXPECT_EQ(now(), absl::Nanoseconds(64 * price)) << "the rest";
  EXPECT_EQ(visible(), 2u);
}

TEST_F(WriteThrottledTest, AFailureEndsTheWait) {
  path_->throttle().Set(StallCause::kLevel0Files, 0.5);
  ASSERT_TRUE(Write(PutOf("a", 64 * kKiB)).ok());
  simulated_.ScheduleAfter(
      absl::Microseconds(100), Executor::Priority::kHigh,
      [this] { path_->Latch(absl::InternalError("a flush failed")); });
  EXPECT_TRUE(absl::IsFailedPrecondition(Write(Puts({"b"}))));
  EXPECT_EQ(now(), absl::Microseconds(100));
}

TEST_F(WriteThrottledTest, TheSecondHalfOfTheLastMemtableFillsSlowly) {
  Start(0, 256 * kKiB);
  path_->SetLastMemtable(true);
  while (path_->memtable()->memory_bytes() < 120 * kKiB) {
    ASSERT_TRUE(Write(PutOf("k", 4 * kKiB)).ok());
  }
  EXPECT_FALSE(path_->throttle().active());
  std::vector<uint64_t> prices;
  while (path_->memtable()->memory_bytes() < 240 * kKiB) {
    ASSERT_TRUE(Write(PutOf("k", 16 * kKiB)).ok());
    prices.push_back(path_->throttle().nanos_per_kib());
  }
  EXPECT_TRUE(std::is_sorted(prices.begin(), prices.end()));
  EXPECT_GT(prices.back(), 10 * (prices.front() + 1));
  EXPECT_EQ(path_->throttle().cause(), StallCause::kMemtables);
  EXPECT_GT(now(), absl::ZeroDuration());
  path_->SetLastMemtable(false);
  EXPECT_FALSE(path_->throttle().active());
}

}  // namespace
}  // namespace lissom
