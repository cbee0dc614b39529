// ReadOptions: reads from memory only, deadlines, iterators that give up, and
// what scans read ahead.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/fault_injection_file_system.h"
#include "util/manual_clock.h"
#include "util/memory_file_system.h"

namespace lissom {
namespace {

std::string Key(int n) { return "key" + std::to_string(100'000 + n); }

class ReadOptionsTest : public testing::Test {
 protected:
  ReadOptionsTest() { Open(); }

  void Open() {
    db_.reset();
    Options options;
    options.create_if_missing = true;
    options.file_system = files_;
    options.clock = clock_;
    options.executor = std::make_shared<SimulatedExecutor>(1);
    options.info_log = std::make_shared<NullLogger>();
    options.block_size = 1024;
    options.block_cache_size = size_t{8} << 20;
    options.level0_file_num_compaction_trigger = 8;
    db_ = *DB::Open(options, "/db");
  }

  void PutAll(int begin, int end) {
    for (int i = begin; i < end; ++i) {
      ASSERT_TRUE(db_->Put({}, Key(i), std::string(100, 'v')).ok());
    }
  }

  // 5000 keys in a table that is not open, 5000 to 5010 in the memtable.
  void FillAndReopen() {
    PutAll(0, 5000);
    ASSERT_TRUE(db_->Flush().ok());
    Open();
    PutAll(5000, 5010);
    files_->ResetCounters();
  }

  absl::Status Get(const ReadOptions& options, int n) {
    PinnedValue value;
    return db_->Get(options, Key(n), &value);
  }

  uint64_t reads() const {
    return files_->count(FileOp::kRead, IoContext::Kind::kTable);
  }
  uint64_t opens() const {
    return files_->count(FileOp::kOpen, IoContext::Kind::kTable);
  }

  const std::shared_ptr<FaultInjectionFileSystem> files_ =
      std::make_shared<FaultInjectionFileSystem>(
          std::make_shared<MemoryFileSystem>(
              MemoryFileSystem::Options{.record_operations = false}));
  const std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  std::unique_ptr<DB> db_;
};

constexpr ReadTier kCacheOnly = ReadTier::kCacheOnly;

// --- read_tier --------------------------------------------------------------

TEST_F(ReadOptionsTest, FromTheCacheOnlyAGetDoesNoIo) {
  FillAndReopen();
  const ReadOptions cached = {.read_tier = kCacheOnly};
  EXPECT_TRUE(Get(cached, 5003).ok());  // In the memtable.
  EXPECT_TRUE(absl::IsUnavailable(Get(cached, 7)));
  EXPECT_EQ(opens(), 0u);
  ASSERT_TRUE(Get({}, 7).ok());
  const uint64_t before = reads();
  EXPECT_TRUE(Get(cached, 7).ok());
  EXPECT_TRUE(absl::IsUnavailable(Get(cached, 4000)));
  EXPECT_TRUE(absl::IsNotFound(Get(cached, 9'999)));  // In no table's range.
  EXPECT_EQ(reads(), before);
}

TEST_F(ReadOptionsTest, FromTheCacheOnlyMultiGetAnswersEachKeyByItself) {
  FillAndReopen();
  ASSERT_TRUE(Get({}, 7).ok());
  const uint64_t before = reads();
  const std::vector<std::string> keys = {Key(5003), Key(7), Key(4000),
                                         Key(9'999)};
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  std::vector<PinnedValue> values(4);
  std::vector<absl::Status> statuses(4);
  db_->MultiGet({.read_tier = kCacheOnly}, views, values, statuses);
  EXPECT_TRUE(statuses[0].ok()) << statuses[0];
  EXPECT_TRUE(statuses[1].ok()) << statuses[1];
  EXPECT_EQ(values[1].view(), std::string(100, 'v'));
  EXPECT_TRUE(absl::IsUnavailable(statuses[2])) << statuses[2];
  EXPECT_TRUE(absl::IsNotFound(statuses[3])) << statuses[3];
  EXPECT_EQ(reads(), before);
}

TEST_F(ReadOptionsTest, FromTheCacheOnlyAnIteratorEndsWhereIoWouldBegin) {
  FillAndReopen();
  const auto it = db_->NewIterator({.read_tier = kCacheOnly});
  it->SeekToFirst();
  EXPECT_FALSE(it->Valid());
  EXPECT_TRUE(absl::IsUnavailable(it->status())) << it->status();
  EXPECT_EQ(opens(), 0u);
  ASSERT_TRUE(Get({}, 0).ok());
  const uint64_t before = reads();
  int shown = 0;
  for (it->SeekToFirst(); it->Valid(); it->Next()) ++shown;
  EXPECT_GT(shown, 1);
  EXPECT_LT(shown, 50);
  EXPECT_TRUE(absl::IsUnavailable(it->status())) << it->status();
  it->SeekToLast();  // The table's last block has to be asked, too.
  EXPECT_FALSE(it->Valid());
  EXPECT_TRUE(absl::IsUnavailable(it->status())) << it->status();
  EXPECT_EQ(reads(), before);
}

TEST_F(ReadOptionsTest, FromTheCacheOnlyAnIteratorShowsWhatMemoryHas) {
  FillAndReopen();
  ReadOptions options = {.read_tier = kCacheOnly};
  options.iterate_lower_bound = Key(5000);  // No table is there.
  const auto it = db_->NewIterator(options);
  int shown = 0;
  for (it->SeekToFirst(); it->Valid(); it->Next()) ++shown;
  EXPECT_EQ(shown, 10);
  EXPECT_TRUE(it->status().ok()) << it->status();
  EXPECT_EQ(opens(), 0u);
}

// --- deadline ---------------------------------------------------------------

TEST_F(ReadOptionsTest, AfterTheDeadlineAGetDoesNoIo) {
  FillAndReopen();
  clock_->Advance(absl::Seconds(10));
  const ReadOptions late = {.deadline = absl::Seconds(10)};
  EXPECT_TRUE(absl::IsDeadlineExceeded(Get(late, 7)));
  EXPECT_EQ(opens(), 0u);
  EXPECT_TRUE(Get(late, 5003).ok());  // In the memtable.
  EXPECT_TRUE(Get({.deadline = absl::Seconds(11)}, 7).ok());
  EXPECT_TRUE(Get(late, 7).ok());  // Cached by now.
  EXPECT_TRUE(absl::IsDeadlineExceeded(Get(late, 4000)));
}

TEST_F(ReadOptionsTest, AfterTheDeadlineMultiGetAnswersEachKeyByItself) {
  FillAndReopen();
  clock_->Advance(absl::Seconds(10));
  const std::vector<std::string> keys = {Key(7), Key(5003)};
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  std::vector<PinnedValue> values(2);
  std::vector<absl::Status> statuses(2);
  db_->MultiGet({.deadline = absl::Seconds(9)}, views, values, statuses);
  EXPECT_TRUE(absl::IsDeadlineExceeded(statuses[0])) << statuses[0];
  EXPECT_TRUE(statuses[1].ok()) << statuses[1];
}

TEST_F(ReadOptionsTest, AScanOfCachedBlocksEndsSoonAfterTheDeadline) {
  FillAndReopen();
  const auto warm_up = db_->NewIterator();
  for (warm_up->SeekToFirst(); warm_up->Valid(); warm_up->Next()) {
  }
  ASSERT_TRUE(warm_up->status().ok());
  const auto it = db_->NewIterator({.deadline = absl::Seconds(10)});
  int shown = 0;
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    if (++shown == 1000) clock_->Advance(absl::Seconds(10));
  }
  EXPECT_TRUE(absl::IsDeadlineExceeded(it->status())) << it->status();
  EXPECT_LT(shown, 1500);
}

TEST_F(ReadOptionsTest, AMoveOverDeletionsEndsSoonAfterTheDeadline) {
  PutAll(0, 5000);
  for (int i = 0; i < 5000; ++i) {
    ASSERT_TRUE(db_->Delete({}, Key(i)).ok());
  }
  clock_->Advance(absl::Seconds(10));
  const auto it = db_->NewIterator({.deadline = absl::Seconds(10)});
  it->SeekToFirst();
  EXPECT_TRUE(absl::IsDeadlineExceeded(it->status())) << it->status();
  it->SeekToLast();
  EXPECT_TRUE(absl::IsDeadlineExceeded(it->status())) << it->status();
}

// --- max_skipped_entries ----------------------------------------------------

// "a", a hundred deleted keys, "z".
class SkipTest : public ReadOptionsTest {
 protected:
  SkipTest() {
    EXPECT_TRUE(db_->Put({}, "a", "1").ok());
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(db_->Delete({}, Key(i)).ok());
    EXPECT_TRUE(db_->Put({}, "z", "1").ok());
  }
};

TEST_F(SkipTest, AMoveStepsOverAsManyEntriesAsItMay) {
  for (const uint64_t limit : {uint64_t{0}, uint64_t{100}, uint64_t{1000}}) {
    const auto it = db_->NewIterator({.max_skipped_entries = limit});
    it->SeekToFirst();
    ASSERT_TRUE(it->Valid());
    it->Next();
    ASSERT_TRUE(it->Valid()) << limit << it->status();
    EXPECT_EQ(it->key(), "z");
    it->Prev();
    ASSERT_TRUE(it->Valid()) << limit << it->status();
    EXPECT_EQ(it->key(), "a");
  }
}

TEST_F(SkipTest, AMoveGivesUpBeyondTheLimit) {
  const auto it = db_->NewIterator({.max_skipped_entries = 99});
  it->SeekToFirst();
  ASSERT_TRUE(it->Valid());
  it->Next();
  EXPECT_FALSE(it->Valid());
  EXPECT_TRUE(absl::IsUnavailable(it->status())) << it->status();
  it->SeekToLast();
  ASSERT_TRUE(it->Valid()) << it->status();
  EXPECT_EQ(it->key(), "z");
  it->Prev();
  EXPECT_FALSE(it->Valid());
  EXPECT_TRUE(absl::IsUnavailable(it->status())) << it->status();
}

TEST_F(SkipTest, TheIteratorMaySeekAgain) {
  const auto it = db_->NewIterator({.max_skipped_entries = 50});
  it->Seek("b");
  ASSERT_TRUE(absl::IsUnavailable(it->status())) << it->status();
  it->Seek(Key(60));  // Each move counts by itself.
  ASSERT_TRUE(it->Valid()) << it->status();
  EXPECT_EQ(it->key(), "z");
  it->SeekForPrev(Key(30));
  ASSERT_TRUE(it->Valid()) << it->status();
  EXPECT_EQ(it->key(), "a");
}

TEST_F(SkipTest, HiddenVersionsCount) {
  const std::unique_ptr<const Snapshot> before = db_->GetSnapshot();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(db_->Put({}, "b" + std::to_string(i), "too young").ok());
  }
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(db_->Put({}, "z", std::to_string(i)).ok());
  }
  ReadOptions options = {.snapshot = before.get(), .max_skipped_entries = 150};
  const auto it = db_->NewIterator(options);
  it->Seek("b");
  EXPECT_TRUE(absl::IsUnavailable(it->status())) << it->status();
  it->SeekForPrev("y");
  EXPECT_TRUE(absl::IsUnavailable(it->status())) << it->status();
  options.max_skipped_entries = 205;
  const auto patient = db_->NewIterator(options);
  patient->Seek("b");
  ASSERT_TRUE(patient->Valid()) << patient->status();
  EXPECT_EQ(patient->value(), "1");
  patient->SeekForPrev("y");
  EXPECT_TRUE(patient->Valid()) << patient->status();
  EXPECT_EQ(patient->key(), "a");
}

// --- readahead_size ---------------------------------------------------------

TEST_F(ReadOptionsTest, AScanReadsFewTimesAndSeeksReadABlock) {
  FillAndReopen();  // About 600 blocks.
  const auto scan = [&](const ReadOptions& options) {
    Open();
    files_->ResetCounters();
    int shown = 0;
    EXPECT_TRUE(ForEach(*db_, options, [&](std::string_view, std::string_view) {
                  ++shown;
                  return true;
                }).ok());
    EXPECT_EQ(shown, 5010);
    return reads();
  };
  EXPECT_LT(scan({}), 20u);
  EXPECT_GT(scan({.readahead_size = 1}), 500u);
  EXPECT_LT(scan({.readahead_size = 256 << 10}), 10u);

  Open();
  const auto it = db_->NewIterator();
  it->Seek(Key(0));
  ASSERT_TRUE(it->Valid());
  const uint64_t bytes = files_->bytes_read(IoContext::Kind::kTable);
  for (int i = 500; i < 5000; i += 500) {
    it->Seek(Key(i));
    ASSERT_TRUE(it->Valid());
  }
  EXPECT_LT(files_->bytes_read(IoContext::Kind::kTable) - bytes, 9u * 1500);
}

}  // namespace
}  // namespace lissom
