// MultiGet answers as as many Gets at one moment would.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/fault_injection_file_system.h"
#include "util/memory_file_system.h"
#include "util/random.h"

namespace lissom {
namespace {

class MultiGetTest : public testing::Test {
 protected:
  MultiGetTest()
      : files_(std::make_shared<FaultInjectionFileSystem>(
            std::make_shared<MemoryFileSystem>(
                MemoryFileSystem::Options{.record_operations = false}))) {
    Open(size_t{8} << 20);
  }

  void Open(size_t cache_bytes) {
    db_.reset();
    Options options;
    options.create_if_missing = true;
    options.file_system = files_;
    options.executor = std::make_shared<SimulatedExecutor>(1);
    options.info_log = std::make_shared<NullLogger>();
    options.write_buffer_size = size_t{64} << 10;
    options.target_file_size_base = size_t{32} << 10;
    options.max_bytes_for_level_base = uint64_t{64} << 10;
    options.block_cache_size = cache_bytes;
    db_ = *DB::Open(options, "/db");
  }

  // Compares MultiGet of `keys` with Gets.
  void Check(const ReadOptions& options, const std::vector<std::string>& keys) {
    std::vector<std::string_view> views(keys.begin(), keys.end());
    std::vector<PinnedValue> values(keys.size());
    std::vector<absl::Status> statuses(keys.size());
    for (absl::Status& status : statuses) status = absl::UnknownError("old");
    for (PinnedValue& value : values) value.CopyInline("old");
    db_->MultiGet(options, views, values, statuses);
    for (size_t i = 0; i < keys.size(); ++i) {
      std::string value;
      const absl::Status status = db_->Get(options, keys[i], &value);
      ASSERT_EQ(statuses[i], status) << keys[i];
      if (status.ok()) {
        ASSERT_EQ(values[i].view(), value) << keys[i];
      } else {
        ASSERT_EQ(values[i].view(), "") << keys[i];
      }
    }
  }

  const std::shared_ptr<FaultInjectionFileSystem> files_;
  std::unique_ptr<DB> db_;
};

TEST_F(MultiGetTest, AnswersAsGetDoes) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(testing::Message() << "LISSOM_SEED=" << seed);
  Random random(seed);
  for (const size_t cache_bytes : {size_t{8} << 20, size_t{0}}) {
    Open(cache_bytes);
    std::unique_ptr<const Snapshot> snapshot;
    for (int round = 0; round < 150; ++round) {
      for (int i = 0; i < 60; ++i) {
        const std::string key = "key" + std::to_string(random.Uniform(3000));
        if (random.OneIn(5)) {
          ASSERT_TRUE(db_->Delete({}, key).ok());
        } else {
          // Some values are copied out, some pinned.
          const std::string value(random.Uniform(random.OneIn(9) ? 3000 : 90),
                                  static_cast<char>('a' + i % 26));
          ASSERT_TRUE(db_->Put({}, key, value).ok());
        }
      }
      if (random.OneIn(10)) snapshot = db_->GetSnapshot();
      if (random.OneIn(15)) {
        ASSERT_TRUE(db_->WaitForIdle().ok());
      }
      std::vector<std::string> keys(random.Uniform(100));
      for (std::string& key : keys) {
        key = "key" + std::to_string(random.Uniform(3300));
      }
      ReadOptions options;
      if (random.OneIn(3)) options.snapshot = snapshot.get();
      ASSERT_NO_FATAL_FAILURE(Check(options, keys));
    }
  }
}

TEST_F(MultiGetTest, TakesNoKeysAndTheSameKeyTwice) {
  ASSERT_TRUE(db_->Put({}, "a", "1").ok());
  Check({}, {});
  Check({}, {"a", "a", "b", "b", "", "a"});
}

TEST_F(MultiGetTest, SpansOfDifferentLengthsAreRefused) {
  ASSERT_TRUE(db_->Put({}, "a", "1").ok());
  const std::string_view keys[] = {"a", "b"};
  PinnedValue values[1];
  absl::Status statuses[3];
  db_->MultiGet({}, keys, values, statuses);
  for (const absl::Status& status : statuses) {
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  }
}

TEST_F(MultiGetTest, AKeyThatIsTooLongConcernsNoOther) {
  ASSERT_TRUE(db_->Put({}, "a", "1").ok());
  ASSERT_TRUE(db_->Put({}, std::string(1 << 20, 'k'), "long").ok());
  Check({}, {std::string((1 << 20) + 1, 'k'), "a", std::string(1 << 20, 'k')});
}

TEST_F(MultiGetTest, ADamagedTableConcernsOnlyItsKeys) {
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(
        db_->Put({}, "key" + std::to_string(10000 + i), std::string(100, 'v'))
            .ok());
  }
  ASSERT_TRUE(db_->Flush().ok());
  ASSERT_TRUE(db_->WaitForIdle().ok());
  Open(0);
  std::string value;
  ASSERT_TRUE(db_->Get({}, "key10000", &value).ok());  // Opens a table.
  ASSERT_TRUE(db_->Put({}, "new", "1").ok());
  files_->Arm({.op = FileOp::kRead, .sticky = true});
  const std::string_view keys[] = {"key10000", "new", "key11999"};
  PinnedValue values[3];
  absl::Status statuses[3];
  db_->MultiGet({}, keys, values, statuses);
  EXPECT_TRUE(absl::IsInternal(statuses[0])) << statuses[0];
  EXPECT_TRUE(statuses[1].ok()) << statuses[1];
  EXPECT_TRUE(absl::IsInternal(statuses[2])) << statuses[2];
  files_->DisarmAll();
}

TEST_F(MultiGetTest, AfterCloseEveryStatusIsCancelled) {
  ASSERT_TRUE(db_->Close().ok());
  const std::string_view keys[] = {"a", "b"};
  PinnedValue values[2];
  absl::Status statuses[2];
  db_->MultiGet({}, keys, values, statuses);
  EXPECT_TRUE(absl::IsCancelled(statuses[0]));
  EXPECT_TRUE(absl::IsCancelled(statuses[1]));
}

TEST_F(MultiGetTest, AForeignSnapshotIsRefused) {
  const std::unique_ptr<const Snapshot> snapshot = db_->GetSnapshot();
  Open(0);
  const std::string_view keys[] = {"a"};
  PinnedValue values[1];
  absl::Status statuses[1];
  db_->MultiGet({.snapshot = snapshot.get()}, keys, values, statuses);
  EXPECT_TRUE(absl::IsInvalidArgument(statuses[0])) << statuses[0];
}

// While a table is opened for one key, the blocks with the answers for others
// may go from the cache.
TEST_F(MultiGetTest, AnswersStayGoodWhileTablesAreOpened) {
  const auto key = [](int i) { return "c" + std::to_string(1000 + i); };
  ASSERT_TRUE(db_->Put({}, "b", std::string(1000, 'b')).ok());
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(db_->Put({}, key(i), std::string(1000, 'c')).ok());
  }
  ASSERT_TRUE(db_->CompactRange({}, std::nullopt, std::nullopt).ok());
  // A block of the same size as the others: its memory is used again.
  for (const char* near : {"a1000", "a1001", "a1002", "d1003"}) {
    ASSERT_TRUE(db_->Put({}, near, std::string(1000, 'a')).ok());
  }
  ASSERT_TRUE(db_->Flush().ok());
  ASSERT_TRUE(db_->WaitForIdle().ok());
  ASSERT_TRUE(db_->Close().ok());
  Open(size_t{64} << 10);
  ASSERT_EQ(db_->Get("a1000").value(), std::string(1000, 'a'));
  const uint64_t fault = files_->Arm({.op = FileOp::kOpen,
                                      .kind = IoContext::Kind::kTable,
                                      .on_hit = [&](const std::string&) {
                                        for (int i = 300; i < 1000; ++i) {
                                          ASSERT_EQ(db_->Get(key(i)).value(),
                                                    std::string(1000, 'c'));
                                        }
                                      }});
  const std::vector<std::string_view> keys = {"a1000", "b"};
  std::vector<PinnedValue> values(2);
  std::vector<absl::Status> statuses(2);
  db_->MultiGet({}, keys, values, statuses);
  EXPECT_EQ(files_->hits(fault), 1u);
  ASSERT_TRUE(statuses[0].ok()) << statuses[0];
  EXPECT_EQ(values[0].view(), std::string(1000, 'a'));
  EXPECT_FALSE(statuses[1].ok());
  EXPECT_EQ(db_->Get("b").value(), std::string(1000, 'b'));
}

}  // namespace
}  // namespace lissom
