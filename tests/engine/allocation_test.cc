// What the hot paths may not do: allocate.
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/allocation_counter.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/memory_file_system.h"

namespace lissom {
namespace {

std::string Key(int n) { return "user" + std::to_string(1000000 + n); }

class AllocationTest : public testing::Test {
 protected:
  AllocationTest() {
    Options options;
    options.create_if_missing = true;
    options.file_system = std::make_shared<MemoryFileSystem>(
        MemoryFileSystem::Options{.record_operations = false});
    options.executor = std::make_shared<SimulatedExecutor>(1);
    options.info_log = std::make_shared<NullLogger>();
    db_ = *DB::Open(options, "/db");
    for (int i = 0; i < 2000; i += 2) {
      EXPECT_TRUE(
          db_->Put({}, Key(i), std::string(i % 20 == 0 ? 2000 : 100, 'v'))
              .ok());
    }
  }

  // Reads hits and misses once to warm up, then counts.
  unsigned long CountGets() {
    PinnedValue value;
    const auto read_all = [&] {
      for (int i = 0; i < 2000; ++i) {
        const absl::Status status = db_->Get({}, Key(i), &value);
        if (status.ok() != (i % 2 == 0)) ADD_FAILURE() << i;
      }
    };
    read_all();
    return CountAllocations(read_all);
  }

  std::unique_ptr<DB> db_;
};

TEST_F(AllocationTest, AGetFromTheMemtableAllocatesNothing) {
  EXPECT_EQ(CountGets(), 0u);
}

TEST_F(AllocationTest, AGetFromCachedBlocksAllocatesNothing) {
  ASSERT_TRUE(db_->Flush().ok());
  ASSERT_TRUE(db_->WaitForIdle().ok());
  EXPECT_EQ(CountGets(), 0u);
}

TEST_F(AllocationTest, AGetThroughSeveralTablesAllocatesNothing) {
  ASSERT_TRUE(db_->Flush().ok());
  ASSERT_TRUE(db_->Put({}, Key(0), "newer").ok());
  ASSERT_TRUE(db_->Flush().ok());
  ASSERT_TRUE(db_->Put({}, Key(2), "newest").ok());
  EXPECT_EQ(CountGets(), 0u);
}

}  // namespace
}  // namespace lissom
