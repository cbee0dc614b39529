// Keys and values of every size, group commit counted, misuse of batches: what
// the contract says of single calls.
#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/fault_injection_file_system.h"
#include "util/memory_file_system.h"
#include "util/sync_point.h"

namespace lissom {
namespace {

class LimitsTest : public testing::Test {
 protected:
  Options MakeOptions() {
    Options options;
    options.create_if_missing = true;
    options.file_system = files_;
    options.info_log = std::make_shared<NullLogger>();
    options.write_buffer_size = size_t{1} << 20;
    return options;
  }
  void Reopen() {
    db_.reset();
    db_ = *DB::Open(MakeOptions(), "/db");
  }

  std::shared_ptr<FileSystem> files_ = std::make_shared<MemoryFileSystem>(
      MemoryFileSystem::Options{.record_operations = false});
  std::unique_ptr<DB> db_;
};

TEST_F(LimitsTest, KeysAndValuesOfAnyBytesAndSizeRoundTrip) {
  Reopen();
  std::string all_bytes;
  for (int i = 0; i < 256; ++i) all_bytes += static_cast<char>(i);
  const std::vector<std::string> keys = {
      "",
      std::string(1, '\0'),
      std::string("a\0b", 3),
      std::string(300, '\xff'),
      all_bytes,
      std::string(WriteBatch::kMaxKeyBytes, 'k')};
  const std::vector<std::string> values = {"",
                                           "v",
                                           all_bytes,
                                           std::string(100'000, 'x'),
                                           std::string(5'000'000, 'y'),
                                           "short"};
  for (size_t i = 0; i < keys.size(); ++i) {
    ASSERT_TRUE(db_->Put({}, keys[i], values[i]).ok());
  }
  const auto check = [&] {
    for (size_t i = 0; i < keys.size(); ++i) {
      ASSERT_EQ(*db_->Get(keys[i]), values[i]) << i;
    }
    std::unique_ptr<Iterator> it = db_->NewIterator();
    it->SeekToFirst();
    ASSERT_TRUE(it->Valid());
    EXPECT_EQ(it->key(), "");
    EXPECT_EQ(it->value(), "");
  };
  check();
  Reopen();
  check();
  ASSERT_TRUE(db_->Flush().ok());
  ASSERT_TRUE(db_->WaitForIdle().ok());
  check();
}

TEST_F(LimitsTest, AKeyOrValueOverItsLimitHasNoEffect) {
  Reopen();
  const std::string long_key(WriteBatch::kMaxKeyBytes + 1, 'k');
  EXPECT_EQ(db_->Put({}, long_key, "v").code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(db_->Delete({}, long_key).code(),
            absl::StatusCode::kInvalidArgument);
  std::string value;
  EXPECT_EQ(db_->Get({}, long_key, &value).code(),
            absl::StatusCode::kInvalidArgument);
  WriteBatch batch;
  batch.Put("a", "1");
  batch.Put(long_key, "v");
  batch.Put("b", "2");
  EXPECT_EQ(db_->Write({}, batch).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(IsNotFound(db_->Get("a").status()));
  EXPECT_EQ(db_->LatestSequence(), 0u);
  EXPECT_TRUE(db_->Put({}, "a", "fine").ok());
}

TEST_F(LimitsTest, AValueOfOneGibibyteRoundTrips) {
  if (Scaled(100) < 100) GTEST_SKIP() << "under sanitizers: too large";
  std::string root = testing::TempDir() + "/lissom_large_XXXXXX";
  root = mkdtemp(root.data());
  Options options = MakeOptions();
  options.file_system = FileSystem::Posix();
  {
    std::unique_ptr<DB> db = *DB::Open(options, root + "/db");
    std::string value(WriteBatch::kMaxValueBytes, 'x');
    value[12345] = 'y';
    value.back() = 'z';
    ASSERT_TRUE(db->Put({}, "large", value).ok());
    value.push_back('!');
    EXPECT_EQ(db->Put({}, "too large", value).code(),
              absl::StatusCode::kInvalidArgument);
    value.pop_back();
    PinnedValue pinned;
    ASSERT_TRUE(db->Get({}, "large", &pinned).ok());
    EXPECT_TRUE(pinned.view() == value);
    pinned.Reset();
    db.reset();
    db = *DB::Open(options, root + "/db");  // Through the log into a table.
    ASSERT_TRUE(db->Get({}, "large", &pinned).ok());
    EXPECT_TRUE(pinned.view() == value);
  }
  EXPECT_TRUE(DB::Destroy(options, root + "/db").ok());
}

TEST_F(LimitsTest, AnEmptyBatchAndABatchOfNotesAreFine) {
  Reopen();
  EXPECT_TRUE(db_->Write({.sync = true}, WriteBatch()).ok());
  WriteBatch notes;
  notes.PutLogData("only a note");
  EXPECT_TRUE(db_->Write({}, notes).ok());
  EXPECT_TRUE(db_->Put({}, "k", "v").ok());
  EXPECT_TRUE(db_->Write({}, notes).ok());
  Reopen();
  EXPECT_EQ(*db_->Get("k"), "v");
}

TEST_F(LimitsTest, ASyncWithoutTheWalIsRefused) {
  Reopen();
  const absl::Status status =
      db_->Put({.sync = true, .disable_wal = true}, "k", "v");
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_TRUE(IsNotFound(db_->Get("k").status()));
  EXPECT_EQ(db_->LatestSequence(), 0u);
  EXPECT_TRUE(db_->Put({.disable_wal = true}, "k", "v").ok());
}

TEST_F(LimitsTest, CloseKeepsWhatTheWalWasNotGiven) {
  Reopen();
  ASSERT_TRUE(db_->Put({.disable_wal = true}, "a", "1").ok());
  ASSERT_TRUE(db_->Put({}, "b", "2").ok());
  ASSERT_TRUE(db_->Put({.disable_wal = true}, "c", "3").ok());
  const uint64_t sequence = db_->LatestSequence();
  Reopen();
  EXPECT_EQ(db_->Get("a").value_or("?"), "1");
  EXPECT_EQ(db_->Get("b").value_or("?"), "2");
  EXPECT_EQ(db_->Get("c").value_or("?"), "3");
  EXPECT_EQ(db_->LatestSequence(), sequence);
}

TEST_F(LimitsTest, AHugeBatchIsAtomicAndComplete) {
  Reopen();
  WriteBatch batch;
  for (int i = 0; i < 300'000; ++i) batch.Put(std::to_string(i), "value");
  ASSERT_TRUE(db_->Write({}, batch).ok());
  Reopen();
  size_t count = 0;
  ASSERT_TRUE(ForEach(*db_, {}, [&](std::string_view, std::string_view) {
                ++count;
                return true;
              }).ok());
  EXPECT_EQ(count, 300'000u);
}

TEST_F(LimitsTest, SnapshotsAndIteratorsOfAnotherDatabaseAreRefused) {
  Reopen();
  std::unique_ptr<DB> other = *DB::Open(MakeOptions(), "/other");
  const std::unique_ptr<const Snapshot> snapshot = other->GetSnapshot();
  ReadOptions options;
  options.snapshot = snapshot.get();
  std::string value;
  EXPECT_EQ(db_->Get(options, "k", &value).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(db_->NewIterator(options)->status().code(),
            absl::StatusCode::kInvalidArgument);
}

#ifdef LISSOM_CHECKS
// A disk's sync takes long enough for the other writers to queue up. Here the
// sync point before it waits for just that: until every writer is in the queue.
TEST_F(LimitsTest, EightWritersShareSyncs) {
  constexpr int kWriters = 8;
  constexpr uint64_t kWrites = 250;  // Of each.
  auto faulty = std::make_shared<FaultInjectionFileSystem>(files_);
  files_ = faulty;
  Reopen();
  faulty->ResetCounters();
  std::atomic<int> active{kWriters};
  std::atomic<int> queued{0};
  SyncPoints::Set("WritePath:Joined", [&] { queued.fetch_add(1); });
  SyncPoints::Set("WritePath:Left", [&] { queued.fetch_sub(1); });
  SyncPoints::Set("WritePath:BeforeSync", [&] {
    while (queued.load() < active.load()) std::this_thread::yield();
  });
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (uint64_t i = 0; i < kWrites; ++i) {
        // Every tenth without sync: it rides along.
        EXPECT_TRUE(
            db_->Put({.sync = i % 10 != 9}, std::to_string(w), "v").ok());
      }
      active.fetch_sub(1);
    });
  }
  for (std::thread& writer : writers) writer.join();
  SyncPoints::ClearAll();
  const auto a_write = [&](FileOp op) {
    return static_cast<double>(faulty->count(op, IoContext::Kind::kWal)) /
           (kWriters * kWrites);
  };
  std::printf("%.3f syncs and %.3f writes of the log a Put\n",
              a_write(FileOp::kSync), a_write(FileOp::kAppend));
  EXPECT_LE(a_write(FileOp::kSync), 0.4);
  EXPECT_LE(a_write(FileOp::kSync), a_write(FileOp::kAppend));
}
#endif

}  // namespace
}  // namespace lissom
