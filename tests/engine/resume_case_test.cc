// Going on after a failure, case by case: what stays as it was, when it goes on
// by itself and when it must not, a disk that is full a hundred times, and
// threads that write meanwhile. Every operation in turn: resume_test.cc.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "db/filename.h"
#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/engine/resume_options.h"
#include "tests/support/history.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/fault_injection_file_system.h"
#include "util/manual_clock.h"
#include "util/memory_file_system.h"
#include "util/sync_point.h"

namespace lissom {
namespace {

using Kind = IoContext::Kind;
using Effect = Fault::Effect;

class ResumeCase : public testing::Test {
 protected:
  ResumeCase() { Open(); }

  void Open() {
    db_.reset();
    executor_ = std::make_shared<SimulatedExecutor>(++seed_, clock_);
    Options options = SmallOptions(files_, seed_);
    options.executor = executor_;
    options.clock = clock_;
    options.comparator = comparator_;
    if (pool_ != nullptr) {
      options.executor = pool_;
      options.clock = Clock::System();
    }
    auto db = DB::Open(options, "/db");
    ASSERT_TRUE(db.ok()) << db.status();
    db_ = *std::move(db);
  }

  // Writes are refused from now on.
  void FailALogAppend(int error_number, Effect effect = Effect::kNothing) {
    files_->Arm({.op = FileOp::kAppend,
                 .kind = Kind::kWal,
                 .error_number = error_number,
                 .effect = effect});
    EXPECT_FALSE(db_->Put({}, "failed", "x").ok());
    files_->DisarmAll();
  }

  bool Refused() { return absl::IsFailedPrecondition(db_->SyncWal()); }
  void RunAll() {
    while (executor_->RunOne()) {
    }
  }

  class Throwing final : public Comparator {
   public:
    int Compare(std::string_view a, std::string_view b) const override {
      if (throws) throw std::runtime_error("boom");
      return a.compare(b);
    }
    std::string_view Name() const override { return "test.Throwing"; }
    bool throws = false;
  };

  uint64_t seed_ = 100;
  const std::shared_ptr<MemoryFileSystem> memory_ =
      std::make_shared<MemoryFileSystem>(
          MemoryFileSystem::Options{.record_operations = false});
  const std::shared_ptr<FaultInjectionFileSystem> files_ =
      std::make_shared<FaultInjectionFileSystem>(memory_);
  const std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  std::shared_ptr<const Comparator> comparator_ = BytewiseComparator();
  std::shared_ptr<Executor> pool_;
  std::shared_ptr<SimulatedExecutor> executor_;
  std::unique_ptr<DB> db_;
};

TEST_F(ResumeCase, WithoutAFailureItDoesNothing) {
  ASSERT_TRUE(db_->Put({}, "a", "1").ok());
  const uint64_t creates = files_->count(FileOp::kCreate);
  EXPECT_TRUE(db_->Resume().ok());
  EXPECT_EQ(files_->count(FileOp::kCreate), creates);
  EXPECT_EQ(executor_->timers(), 0u);
  ASSERT_TRUE(db_->Close().ok());
  EXPECT_TRUE(absl::IsCancelled(db_->Resume()));
}

TEST_F(ResumeCase, TheSequencesOfAFailedWriteAreSpent) {
  ASSERT_TRUE(db_->Put({}, "a", "1").ok());
  EXPECT_EQ(db_->LatestSequence(), 1u);
  FailALogAppend(EIO, Effect::kDone);
  EXPECT_EQ(db_->LatestSequence(), 1u);
  ASSERT_TRUE(db_->Resume().ok());
  ASSERT_TRUE(db_->Put({}, "b", "2").ok());
  EXPECT_EQ(db_->LatestSequence(), 3u);
  EXPECT_TRUE(IsNotFound(db_->Get("failed").status()));
  Open();
  EXPECT_EQ(db_->LatestSequence(), 3u);
  EXPECT_TRUE(IsNotFound(db_->Get("failed").status()));
  EXPECT_EQ(db_->Get("b").value_or("?"), "2");
}

TEST_F(ResumeCase, ASnapshotReadsOnAsBefore) {
  ASSERT_TRUE(db_->Put({}, "a", "old").ok());
  const auto snapshot = db_->GetSnapshot();
  ASSERT_TRUE(db_->Put({}, "a", "new").ok());
  const auto iterator = db_->NewIterator();
  FailALogAppend(EIO);
  ASSERT_TRUE(db_->Resume().ok());
  ASSERT_TRUE(db_->Put({}, "a", "newest").ok());
  std::string value;
  ASSERT_TRUE(db_->Get({.snapshot = snapshot.get()}, "a", &value).ok());
  EXPECT_EQ(value, "old");
  iterator->SeekToFirst();
  ASSERT_TRUE(iterator->Valid());
  EXPECT_EQ(iterator->value(), "new");
}

TEST_F(ResumeCase, WhatNoLogHasIsKept) {
  ASSERT_TRUE(db_->Put({.disable_wal = true}, "unlogged", "1").ok());
  FailALogAppend(EIO);
  ASSERT_TRUE(db_->Resume().ok());
  EXPECT_EQ(db_->Get("unlogged").value_or("?"), "1");
  Options options =
      SmallOptions(memory_->CrashImageNow(CrashPolicy::SyncedOnly()), 1);
  auto db = DB::Open(options, "/db");
  ASSERT_TRUE(db.ok()) << db.status();
  EXPECT_EQ((*db)->Get("unlogged").value_or("?"), "1")
      << "Resume is a flush as well";
}

TEST_F(ResumeCase, ByItselfItTriesAfter1And2And4Seconds) {
  FailALogAppend(ENOSPC);
  const uint64_t full = files_->Arm(
      {.op = FileOp::kCreate, .sticky = true, .error_number = ENOSPC});
  uint64_t tries = 0;
  for (int wait = 1; wait <= 64; wait *= 2) {
    clock_->Advance(absl::Seconds(wait) - absl::Milliseconds(1));
    RunAll();
    EXPECT_EQ(files_->hits(full), tries) << "too early, with " << wait;
    clock_->Advance(absl::Milliseconds(1));
    RunAll();
    EXPECT_EQ(files_->hits(full), ++tries) << "after " << wait;
    EXPECT_TRUE(Refused());
    EXPECT_EQ(executor_->timers(), 1u);
  }
  files_->DisarmAll();
  clock_->Advance(absl::Seconds(128));
  RunAll();
  EXPECT_FALSE(Refused());
  EXPECT_EQ(executor_->timers(), 0u);
  // The next failure begins anew.
  FailALogAppend(ENOSPC);
  clock_->Advance(absl::Seconds(1));
  RunAll();
  EXPECT_FALSE(Refused());
}

TEST_F(ResumeCase, AnErrorThatDoesNotPassWaitsForTheCall) {
  FailALogAppend(EROFS);
  EXPECT_EQ(executor_->timers(), 0u);
  clock_->Advance(absl::Hours(1));
  RunAll();
  EXPECT_TRUE(Refused());
  EXPECT_TRUE(db_->Resume().ok());
  EXPECT_TRUE(db_->Put({}, "a", "1").ok());
}

TEST_F(ResumeCase, AfterDataLossItMustBeOpenedAnew) {
  ASSERT_TRUE(db_->Put({}, "a", "1").ok());
  FailALogAppend(ENOENT);  // kDataLoss: a file that must be there is not.
  EXPECT_EQ(executor_->timers(), 0u);
  const absl::Status status = db_->Resume();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_EQ(DetailOf(status)->kind, ErrorKind::kMissingFile);
  EXPECT_TRUE(Refused());
  EXPECT_EQ(db_->Get("a").value_or("?"), "1");
  Open();
  EXPECT_TRUE(db_->Put({}, "b", "2").ok());
  EXPECT_EQ(db_->Get("a").value_or("?"), "1");
}

TEST_F(ResumeCase, AMemtableWithHalfAWriteIsNotWrittenOut) {
  auto comparator = std::make_shared<Throwing>();
  comparator_ = comparator;
  ASSERT_TRUE(db_->Close().ok());
  ASSERT_TRUE(DB::Destroy(SmallOptions(files_, 1), "/db").ok());
  Open();
  ASSERT_TRUE(db_->Put({}, "a", "1").ok());
  comparator->throws = true;
  EXPECT_FALSE(db_->Put({}, "b", "2").ok());
  comparator->throws = false;
  EXPECT_EQ(executor_->timers(), 0u);
  EXPECT_TRUE(absl::IsFailedPrecondition(db_->Resume()));
  EXPECT_TRUE(Refused());
  EXPECT_TRUE(IsNotFound(db_->Get("b").status()));
}

// What runs while a Resume waits for a compaction may be the try by itself that
// is due: it must not wait for the one there is.
TEST_F(ResumeCase, ATryByItselfDoesNotGetInTheWayOfACall) {
  for (int round = 0; round < 20; ++round) {
    Open();
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(db_->Put({}, "a", std::to_string(i)).ok());
      ASSERT_TRUE(db_->Flush().ok());
    }
    FailALogAppend(EIO);
    clock_->Advance(absl::Seconds(2));  // Due; a compaction may be queued too.
    ASSERT_TRUE(db_->Resume().ok());
    ASSERT_TRUE(db_->Put({}, "a", "1").ok());
    RunAll();
    EXPECT_FALSE(Refused());
  }
}

// Nor wait behind a leader that waits for room, when there is nothing to do.
TEST_F(ResumeCase, ATryByItselfThatComesTooLateLeavesWritersAlone) {
  for (int round = 0; round < 20; ++round) {
    Open();
    FailALogAppend(EIO);
    ASSERT_TRUE(db_->Resume().ok());
    clock_->Advance(absl::Seconds(2));
    for (int i = 0; i < 80; ++i) {
      ASSERT_TRUE(db_->Put({}, std::to_string(i), std::string(8000, 'x')).ok());
    }
    ASSERT_TRUE(db_->WaitForIdle().ok());
  }
}

TEST_F(ResumeCase, ATimerOutlivesTheDatabase) {
  FailALogAppend(EIO);
  EXPECT_EQ(executor_->timers(), 1u);
  EXPECT_FALSE(db_->Close().ok());
  const uint64_t creates = files_->count(FileOp::kCreate);
  clock_->Advance(absl::Seconds(2));
  RunAll();
  db_.reset();
  clock_->Advance(absl::Seconds(500));
  RunAll();
  EXPECT_EQ(files_->count(FileOp::kCreate), creates);
}

TEST_F(ResumeCase, AFullDiskAHundredTimes) {
  Random random(TestSeed());
  History history;
  size_t most_files = 0;
  for (uint64_t round = 0; round < Scaled(100, 10); ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round);
    files_->Arm({.op = FileOp::kAppend,
                 .skip = random.Uniform(60),
                 .sticky = true,
                 .error_number = ENOSPC});
    absl::Status status;
    while (status.ok()) {
      const std::string key = "key" + std::to_string(random.Uniform(100));
      const std::string value =
          std::to_string(round) + std::string(random.Uniform(4000), 'v');
      status = db_->Put({.sync = random.OneIn(4)}, key, value);
      if (status.ok()) history.Put(key, value);
      if (status.ok() && random.OneIn(20)) status = db_->Flush();
    }
    // A background flush may have met it first.
    if (!absl::IsFailedPrecondition(status)) {
      EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    }
    status = db_->Put({}, "refused", "");
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    ASSERT_TRUE(DetailOf(status).has_value());
    EXPECT_EQ(DetailOf(status)->kind, ErrorKind::kNoSpace);
    status = db_->Resume();
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << "still full: " << status;
    EXPECT_TRUE(Refused());
    history.EndBatch();
    EXPECT_TRUE(history
                    .Find(History::HashOf(*db_).value_or(0), history.batches(),
                          history.batches())
                    .has_value());
    const auto listed = memory_->ListDirectory("/db");
    most_files = std::max(most_files, listed->size());
    files_->DisarmAll();
    if (random.OneIn(2)) {
      ASSERT_TRUE(db_->Resume().ok());
    } else {
      clock_->Advance(absl::Seconds(256));
      RunAll();
      ASSERT_FALSE(Refused());
    }
    EXPECT_TRUE(history
                    .Find(History::HashOf(*db_).value_or(0), history.batches(),
                          history.batches())
                    .has_value());
  }
  EXPECT_LT(most_files, 40u) << "tries that failed fill the directory";
  EXPECT_EQ(files_->uses_after_failed_sync(), 0u);
  Open();
  EXPECT_TRUE(history
                  .Find(History::HashOf(*db_).value_or(0), history.batches(),
                        history.batches())
                  .has_value());
}

// --- With real threads ------------------------------------------------------

#ifdef LISSOM_CHECKS
// What a flush is about to install must not be written a second time, nor its
// memtable be taken from under it.
TEST_F(ResumeCase, AFlushThatRunsIsWaitedFor) {
  pool_ = Executor::NewThreadPool();
  Open();
  std::atomic<bool> flushing{false}, may_go_on{false}, resuming{false};
  SyncPoints::Set("DbImpl:BeforeFlushInstall", [&] {
    flushing.store(true);
    while (!may_go_on.load()) std::this_thread::yield();
  });
  SyncPoints::Set("DbImpl:Resuming", [&] { resuming.store(true); });
  ASSERT_TRUE(db_->Put({}, "a", "1").ok());
  ASSERT_TRUE(db_->Flush({.wait = false}).ok());
  while (!flushing.load()) std::this_thread::yield();
  ASSERT_TRUE(db_->Put({}, "b", "2").ok());
  FailALogAppend(EIO);
  absl::Status status;
  std::thread thread([&] { status = db_->Resume(); });
  for (int i = 0; i < 2000 && !resuming.load(); ++i) {
    std::this_thread::yield();
  }
  EXPECT_FALSE(resuming.load());
  may_go_on.store(true);
  thread.join();
  SyncPoints::ClearAll();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(db_->Put({}, "c", "3").ok());
  Open();
  EXPECT_EQ(db_->Get("a").value_or("?"), "1");
  EXPECT_EQ(db_->Get("b").value_or("?"), "2");
  EXPECT_EQ(db_->Get("c").value_or("?"), "3");
}
#endif

TEST_F(ResumeCase, WritersGoOnAsSoonAsTheyMay) {
  pool_ = Executor::NewThreadPool();
  Open();
  constexpr int kWriters = 3;
  const uint64_t rounds = Scaled(30, 5);
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> refusals{0};
  std::atomic<int> begun{0};
  std::vector<uint64_t> written(kWriters, 0);
  std::vector<std::thread> writers(kWriters);
  for (int w = 0; w < kWriters; ++w) {
    writers[w] = std::thread([&, w] {
      const std::string key = "writer" + std::to_string(w);
      for (uint64_t n = 1; !stop.load(); ++n) {
        const std::string value = std::to_string(n) + std::string(500, 'v');
        if (db_->Put({.sync = n % 8 == 0}, key, value).ok()) {
          if (written[w] == 0) begun.fetch_add(1);
          written[w] = n;
        } else {
          refusals.fetch_add(1);
          std::this_thread::yield();
        }
      }
    });
  }
  const std::vector<Fault> faults = {
      {.op = FileOp::kAppend, .kind = Kind::kWal},
      {.op = FileOp::kSync, .kind = Kind::kWal},
      {.op = FileOp::kAppend, .kind = Kind::kTable},
      {.op = FileOp::kCreate, .kind = Kind::kWal},
      {.op = FileOp::kSync, .kind = Kind::kManifest}};
  for (uint64_t round = 0; round < rounds; ++round) {
    const uint64_t fault = files_->Arm(faults[round % faults.size()]);
    const uint64_t before = refusals.load();
    while (files_->hits(fault) == 0 || refusals.load() == before) {
      std::this_thread::yield();
      // A compaction may have met it, and is only done again.
      if (files_->hits(fault) > 0 && db_->SyncWal().ok()) break;
    }
    ASSERT_TRUE(db_->Resume().ok());
  }
  // The last failure may come to light only now.
  while (begun.load() < kWriters || !db_->WaitForIdle().ok()) {
    ASSERT_TRUE(db_->Resume().ok());
    std::this_thread::yield();
  }
  stop.store(true);
  for (std::thread& writer : writers) writer.join();
  for (int w = 0; w < kWriters; ++w) {
    const std::string key = "writer" + std::to_string(w);
    EXPECT_EQ(db_->Get(key).value_or("?"),
              std::to_string(written[w]) + std::string(500, 'v'));
  }
  ASSERT_TRUE(db_->Close().ok());
  EXPECT_EQ(files_->uses_after_failed_sync(), 0u);
  Open();
  for (int w = 0; w < kWriters; ++w) {
    const std::string key = "writer" + std::to_string(w);
    EXPECT_EQ(db_->Get(key).value_or("?"),
              std::to_string(written[w]) + std::string(500, 'v'));
  }
}

}  // namespace
}  // namespace lissom
