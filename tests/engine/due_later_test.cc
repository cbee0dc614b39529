// Compactions that become due though nothing is written: a snapshot goes, a
// table comes of age.
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/manual_clock.h"
#include "util/memory_file_system.h"

namespace lissom {
namespace {

constexpr int kKeys = 200;

class DueLater : public testing::Test {
 protected:
  void Open(absl::Duration ttl = absl::ZeroDuration()) {
    clock_->SetNow(absl::FromUnixSeconds(1'700'000'000));  // 0 is no age.
    Options options;
    options.create_if_missing = true;
    options.file_system = std::make_shared<MemoryFileSystem>();
    options.clock = clock_;
    options.executor = executor_;
    options.ttl = ttl;
    auto opened = DB::Open(options, "/db");
    ASSERT_TRUE(opened.ok()) << opened.status();
    db_ = *std::move(opened);
  }

  static std::string Key(int i) { return absl::StrFormat("key%06d", i); }
  void PutAll() {
    for (int i = 0; i < kKeys; ++i) {
      ASSERT_TRUE(db_->Put({}, Key(i), "value").ok());
    }
  }
  void DeleteAll() {
    for (int i = 0; i < kKeys; ++i) ASSERT_TRUE(db_->Delete({}, Key(i)).ok());
  }
  void CompactAll() {
    ASSERT_TRUE(db_->CompactRange({}, std::nullopt, std::nullopt).ok());
    ASSERT_TRUE(db_->WaitForIdle().ok());
  }
  // What has come due by itself, and nothing else.
  void RunDue() {
    while (executor_->RunOne()) {
    }
  }
  uint64_t TablesAt(size_t level) {
    return db_->GetMetrics().levels[level].tables;
  }

  const std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  const std::shared_ptr<SimulatedExecutor> executor_ =
      std::make_shared<SimulatedExecutor>(TestSeed(), clock_);
  std::unique_ptr<DB> db_;
};

TEST_F(DueLater, TombstonesThatASnapshotKeptGoWithIt) {
  Open();
  PutAll();
  CompactAll();
  std::unique_ptr<const Snapshot> first = db_->GetSnapshot();
  std::unique_ptr<const Snapshot> second = db_->GetSnapshot();
  DeleteAll();
  CompactAll();
  const auto snapshot_reads = [&] {
    std::string value = "nothing";
    db_->Get({.snapshot = second.get()}, Key(7), &value).IgnoreError();
    return value;
  };
  EXPECT_EQ(TablesAt(6), 1u);
  first.reset();
  RunDue();
  EXPECT_EQ(TablesAt(6), 1u);  // The second one needs it.
  EXPECT_EQ(snapshot_reads(), "value");

  second.reset();
  RunDue();
  EXPECT_EQ(TablesAt(6), 0u);
  EXPECT_EQ(executor_->timers(), 0u);
}

TEST_F(DueLater, ATableGoesDownWhenItComesOfAge) {
  Open(absl::Hours(1));
  PutAll();
  ASSERT_TRUE(db_->Flush().ok());
  ASSERT_TRUE(db_->WaitForIdle().ok());
  EXPECT_EQ(TablesAt(0), 1u);
  EXPECT_EQ(executor_->timers(), 1u);
  // A younger table needs no timer of its own yet.
  clock_->Advance(absl::Minutes(40));
  ASSERT_TRUE(db_->Put({}, "other", "value").ok());
  ASSERT_TRUE(db_->Flush().ok());
  ASSERT_TRUE(db_->WaitForIdle().ok());
  EXPECT_EQ(TablesAt(0), 2u);
  EXPECT_EQ(executor_->timers(), 1u);

  clock_->Advance(absl::Minutes(21));
  RunDue();
  EXPECT_EQ(TablesAt(0), 1u);
  EXPECT_EQ(TablesAt(6), 1u);
  EXPECT_EQ(executor_->timers(), 1u);
  clock_->Advance(absl::Minutes(40));
  RunDue();
  EXPECT_EQ(TablesAt(0), 0u);
  EXPECT_EQ(executor_->timers(), 0u);
}

// The wall clock was set back: the timer comes too early, and again.
TEST_F(DueLater, ATimerThatComesTooEarlyIsSetAgain) {
  Open(absl::Hours(1));
  PutAll();
  ASSERT_TRUE(db_->Flush().ok());
  ASSERT_TRUE(db_->WaitForIdle().ok());
  const absl::Time made = clock_->Now();
  clock_->SetNow(made - absl::Minutes(30));
  clock_->Advance(absl::Minutes(61));
  RunDue();
  EXPECT_EQ(TablesAt(0), 1u);
  EXPECT_EQ(executor_->timers(), 1u);
  clock_->Advance(absl::Minutes(30));
  RunDue();
  EXPECT_EQ(TablesAt(0), 0u);
}

TEST_F(DueLater, SnapshotsAndTimersMayOutliveTheDatabase) {
  Open(absl::Hours(1));
  PutAll();
  CompactAll();
  std::unique_ptr<const Snapshot> closed = db_->GetSnapshot();
  std::unique_ptr<const Snapshot> gone = db_->GetSnapshot();
  DeleteAll();
  CompactAll();
  ASSERT_TRUE(db_->Put({}, "other", "value").ok());
  ASSERT_TRUE(db_->Flush().ok());
  EXPECT_EQ(executor_->timers(), 1u);
  ASSERT_TRUE(db_->Close().ok());
  closed.reset();
  RunDue();
  db_.reset();
  gone.reset();
  clock_->Advance(absl::Hours(2));
  RunDue();
  EXPECT_EQ(executor_->timers(), 0u);
}

}  // namespace
}  // namespace lissom
