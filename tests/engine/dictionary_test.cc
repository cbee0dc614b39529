// Databases whose levels have dictionaries: flushes, compactions in parts and
// moves make tables with them, which read like all others and are smaller.
#include <memory>
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/memory_file_system.h"
#include "util/random.h"

namespace lissom {
namespace {

std::string Key(uint64_t n) { return "user" + std::to_string(1'000'000 + n); }

std::string Value(Random& random) {
  return "{\"user\":\"user" + std::to_string(random.Uniform(100'000)) +
         "\",\"status\":\"active\",\"city\":\"Lisbon\",\"visits\":" +
         std::to_string(random.Uniform(1000)) + "}";
}

constexpr uint64_t kKeys = 8000;

class DictionaryTest : public testing::Test {
 protected:
  // A new database of which all tables are in the last level.
  void Fill(Compression compression) {
    db_.reset();
    Options options;
    options.create_if_missing = true;
    options.file_system = std::make_shared<MemoryFileSystem>(
        MemoryFileSystem::Options{.record_operations = false});
    options.executor = std::make_shared<SimulatedExecutor>(1);
    options.info_log = std::make_shared<NullLogger>();
    options.block_size = 1024;
    options.block_cache_size = size_t{8} << 20;
    options.write_buffer_size = size_t{128} << 10;
    options.target_file_size_base = size_t{128} << 10;
    options.max_bytes_for_level_base = uint64_t{256} << 10;
    options.max_subcompactions = 3;
    options.compression = {compression};
    db_ = *DB::Open(options, "/db");
    Random random(7);
    for (uint64_t i = 0; i < 2 * kKeys; ++i) {
      ASSERT_TRUE(db_->Put({}, Key(i * 7 % kKeys), Value(random)).ok());
    }
    ASSERT_TRUE(db_->Flush().ok());
    ASSERT_TRUE(db_->WaitForIdle().ok());
  }

  std::string Contents(bool forward) {
    std::string all;
    const auto it = db_->NewIterator({});
    forward ? it->SeekToFirst() : it->SeekToLast();
    for (; it->Valid(); forward ? it->Next() : it->Prev()) {
      all.append(it->key()).append("=").append(it->value()).append("\n");
    }
    EXPECT_TRUE(it->status().ok()) << it->status();
    return all;
  }

  std::unique_ptr<DB> db_;
};

TEST_F(DictionaryTest, MakesADatabaseSmallerThatReadsTheSame) {
  Fill(Compression::Zstd(1));
  const std::string forward = Contents(true);
  const std::string backward = Contents(false);
  const Metrics plain = db_->GetMetrics();
  Fill(Compression::Zstd(1, 1024));
  EXPECT_EQ(Contents(true), forward);
  EXPECT_EQ(Contents(false), backward);
  const Metrics small = db_->GetMetrics();
  EXPECT_GT(small.CompressionRatio(), plain.CompressionRatio() * 1.05);
  EXPECT_LT(small.compaction_written_bytes, plain.compaction_written_bytes);
  for (uint64_t i = 0; i < kKeys; i += 3) {
    EXPECT_TRUE(db_->Get(Key(i)).ok());
  }
  EXPECT_EQ(db_->VerifyChecksums(), absl::OkStatus());
}

TEST_F(DictionaryTest, ItsMemoryIsThatOfOpenTables) {
  Fill(Compression::Zstd(1));
  Contents(true);
  const Metrics plain = db_->GetMetrics();
  Fill(Compression::Zstd(1, 1024));
  Contents(true);
  const Metrics with = db_->GetMetrics();
  EXPECT_GT(with.table_memory_bytes,
            plain.table_memory_bytes + with.open_tables * 10'000);
}

}  // namespace
}  // namespace lissom
