// How many tables are open: never more than may be, whoever reads them and
// however; what is in use stays, and what is closed leaves nothing behind.
#include "db/version/open_tables.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "lissom/status.h"
#include "tests/db/output/table_world.h"
#include "tests/support/counting_file_system.h"
#include "tests/support/test_env.h"

namespace lissom {
namespace {

class OpenTablesTest : public testing::Test {
 protected:
  // Entry `i` is the only one of table `i`.
  static std::string Key(size_t i) { return absl::StrFormat("%04d", i); }
  static std::string Value(size_t i) { return absl::StrCat("value ", i); }

  void MakeTables(size_t count, const OpenTableLimits& limits) {
    source_.file_system = files_;
    source_.open_tables = std::make_shared<OpenTables>(limits);
    const auto source = std::make_shared<TableSource>(source_);
    for (size_t i = 0; i < count; ++i) {
      const auto table =
          world_.Make({Put(Key(i), 1, Value(i))}, ColumnFamilyOptions());
      tables_.push_back(std::make_shared<TableFile>(source, table->meta()));
    }
    files_->ResetMost();
  }

  // Reads entry `i` by way of `reader`.
  static void Read(size_t i, const TableReader& reader,
                   const TableReadOptions& options = {}) {
    const EpochGuard guard;
    const std::string key = Key(i);
    PointResult result;
    const auto found = reader.Get(LookupKey(key, 9), options, &result);
    ASSERT_TRUE(found.ok()) << found.status();
    ASSERT_TRUE(*found);
    ASSERT_EQ(result.value, Value(i));
  }

  TablePin Pin(size_t i) const {
    auto pin = tables_[i]->Pin();
    EXPECT_TRUE(pin.ok()) << pin.status();
    return *std::move(pin);
  }
  void Use(size_t i) const { Read(i, *Pin(i).get()); }

  // Is it found without opening it? Counts as a use.
  bool IsOpen(size_t i) const {
    const EpochGuard guard;
    return tables_[i]->Borrow() != nullptr;
  }
  size_t CountOpen() const {
    size_t count = 0;
    for (size_t i = 0; i < tables_.size(); ++i) count += IsOpen(i) ? 1u : 0u;
    return count;
  }

  OpenTables& open_tables() const { return *source_.open_tables; }

  TableWorld world_;
  const std::shared_ptr<CountingFileSystem> files_ =
      std::make_shared<CountingFileSystem>(world_.source().file_system);
  TableSource source_ = world_.source();
  std::vector<std::shared_ptr<const TableFile>> tables_;
};

TEST_F(OpenTablesTest, NoMoreAreOpenThanMayBe) {
  MakeTables(60, {.tables = 10});
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < tables_.size(); ++i) {
      Use(i);
      ASSERT_LE(open_tables().count(), 10u);
      ASSERT_EQ(open_tables().count(), static_cast<uint64_t>(files_->open()));
    }
  }
  EXPECT_EQ(files_->most_open(), 10);
  EXPECT_EQ(CountOpen(), 10u);
}

TEST_F(OpenTablesTest, WhoFitsIsOpenedOnce) {
  MakeTables(10, {.tables = 10});
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < tables_.size(); ++i) Use(i);
  }
  EXPECT_EQ(open_tables().opens(), 10u);
}

TEST_F(OpenTablesTest, WhoWasUsedSinceGetsASecondChance) {
  MakeTables(20, {.tables = 4});
  for (size_t i = 0; i < 4; ++i) Use(i);
  for (size_t i = 4; i < 20; ++i) {
    ASSERT_TRUE(IsOpen(0)) << i;  // Which uses it.
    Use(i);
  }
  EXPECT_TRUE(IsOpen(0));
  EXPECT_FALSE(IsOpen(1));
}

TEST_F(OpenTablesTest, APinnedTableStaysOpenAndIsFound) {
  MakeTables(20, {.tables = 4});
  const TablePin pin = Pin(7);
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < tables_.size(); ++i) Use(i);
  }
  EXPECT_EQ(Pin(7).get(), pin.get());
  Read(7, *pin.get());
  EXPECT_EQ(files_->most_open(), 4);
}

TEST_F(OpenTablesTest, WhatIsPinnedBeyondTheLimitIsClosedWithItsPin) {
  MakeTables(8, {.tables = 2});
  const TablePin first = Pin(0);
  const TablePin second = Pin(1);
  {
    const TablePin third = Pin(2);
    Read(2, *third.get());
    EXPECT_EQ(open_tables().count(), 3u);
    EXPECT_FALSE(IsOpen(2));
    EXPECT_NE(Pin(2).get(), third.get());
  }
  EXPECT_EQ(open_tables().count(), 2u);
  EXPECT_EQ(files_->open(), 2);
  EXPECT_TRUE(IsOpen(0) && IsOpen(1));
}

// Nobody should open tables inside a guard; who does is safe.
TEST_F(OpenTablesTest, WhatAGuardHasFoundStaysReadableUntilItEnds) {
  MakeTables(40, {.tables = 4});
  Use(0);
  {
    const EpochGuard guard;
    const TableReader* reader = tables_[0]->Borrow();
    ASSERT_NE(reader, nullptr);
    for (size_t i = 1; i < tables_.size(); ++i) Use(i);
    Read(0, *reader);  // ASan watches.
    // What waits for the guard is no reason to close everything else.
    EXPECT_LE(files_->most_open(), 4 + 8 + 1);
    Use(39);
  }
  Use(1);
  EXPECT_LE(files_->open(), 4);
}

TEST_F(OpenTablesTest, TheirMemoryIsBounded) {
  MakeTables(60, {});
  Use(0);
  const uint64_t each = open_tables().bytes();
  ASSERT_GT(each, 0u);
  tables_.clear();
  EXPECT_EQ(open_tables().bytes(), 0u);
  const uint64_t limit = 16 * each;
  MakeTables(60, {.bytes = limit});
  const uint64_t metadata = open_tables().metadata_bytes();
  EXPECT_GT(metadata, 60 * sizeof(TableMetadata));
  const uint64_t allowed =
      std::max(limit - std::min(limit, metadata), limit / 4);
  uint64_t most = 0;
  for (size_t i = 0; i < tables_.size(); ++i) {
    Use(i);
    ASSERT_LE(open_tables().bytes(), allowed);
    most = std::max(most, open_tables().bytes());
  }
  EXPECT_GE(most, allowed - each - each / 4);
}

TEST_F(OpenTablesTest, ATableThatTakesMoreThanAllMayIsReadAllTheSame) {
  MakeTables(3, {.bytes = 1});
  for (size_t i = 0; i < tables_.size(); ++i) {
    Use(i);
    EXPECT_FALSE(IsOpen(i));
  }
  EXPECT_EQ(open_tables().bytes(), 0u);
  EXPECT_EQ(files_->open(), 0);
}

TEST_F(OpenTablesTest, WhatItTakesComesOutOfTheCachesShare) {
  source_.cache = std::make_shared<BlockCache>(1 << 20);
  MakeTables(8, {.tables = 3});
  const uint64_t metadata = open_tables().metadata_bytes();
  EXPECT_EQ(source_.cache->reserved(), metadata);
  for (size_t i = 0; i < tables_.size(); ++i) {
    Use(i);
    ASSERT_EQ(source_.cache->reserved(), metadata + open_tables().bytes());
  }
  tables_.clear();
  EXPECT_EQ(source_.cache->reserved(), 0u);
}

TEST_F(OpenTablesTest, BlocksInTheCacheSurviveTheClosingOfTheirTable) {
  MakeTables(8, {.tables = 2});
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < tables_.size(); ++i) Use(i);
  }
  for (size_t i = 0; i < tables_.size(); ++i) {
    const TablePin pin = Pin(i);
    Read(i, *pin.get(), {.cache_only = true});
    Read(i, *pin.get(), {.cache_only = true});  // By the direct way.
  }
}

TEST_F(OpenTablesTest, ATableThatGoesIsClosed) {
  MakeTables(5, {.tables = 5});
  for (size_t i = 0; i < tables_.size(); ++i) Use(i);
  const TablePin pin = Pin(2);
  tables_.clear();
  EXPECT_EQ(open_tables().count(), 1u);
  EXPECT_EQ(open_tables().metadata_bytes(), 0u);
  Read(2, *pin.get());
}

TEST_F(OpenTablesTest, WithoutDescriptorsSomeAreClosedAndItIsTriedAgain) {
  MakeTables(40, {.tables = 30});
  files_->SetLimit(12);
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 0; i < tables_.size(); ++i) Use(i);
  }
  EXPECT_GT(files_->refusals(), 0);
  EXPECT_EQ(files_->most_open(), 12);
}

TEST_F(OpenTablesTest, WithoutDescriptorsForOtherReasonsItIsResourceExhausted) {
  MakeTables(2, {.tables = 30});
  const TablePin pin = Pin(0);
  files_->SetLimit(1);
  const absl::Status status = tables_[1]->Pin().status();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_EQ(DetailOf(status)->kind, ErrorKind::kNoResources);
  EXPECT_EQ(files_->refusals(), 1);  // There was nothing to close.
  Use(0);
  EXPECT_EQ(open_tables().count(), 1u);
}

TEST_F(OpenTablesTest, AFailureToOpenLeavesNothingBehind) {
  MakeTables(2, {.tables = 30});
  world_.failing().FailAt(0, /*sticky=*/true);
  EXPECT_FALSE(tables_[0]->Pin().ok());
  EXPECT_EQ(open_tables().count(), 0u);
  EXPECT_EQ(open_tables().bytes(), 0u);
}

// Real threads: readers that borrow, that pin, that walk, while tables are
// closed all the time, and now and then go.
TEST_F(OpenTablesTest, ReadersAreSafeWhileTablesAreClosed) {
  const uint64_t seed = TestSeed();
  constexpr size_t kTables = 24;
  MakeTables(kTables, {.tables = 6});
  std::atomic<bool> stop{false};
  const auto borrow = [&](uint64_t n) {
    Random random(seed + n);
    while (!stop.load()) {
      const size_t i = random.Uniform(kTables);
      const EpochGuard guard;
      const TableReader* reader = tables_[i]->Borrow();
      if (reader != nullptr) Read(i, *reader);
    }
  };
  const auto pin = [&](uint64_t n) {
    Random random(seed + n);
    for (uint64_t round = 0; round < Scaled(4000, 200); ++round) {
      const size_t i = random.Uniform(kTables);
      const TablePin held = Pin(i);
      if (random.Uniform(2) == 0) {
        Read(i, *held.get());
        continue;
      }
      auto it = held->NewIterator({});
      it->SeekToFirst();
      Use(random.Uniform(kTables));
      ASSERT_TRUE(it->Valid()) << it->status();
      ASSERT_EQ(it->value(), Value(i));
    }
  };
  std::thread borrower([&] { borrow(1); });
  std::thread other_borrower([&] { borrow(2); });
  std::thread pinner([&] { pin(3); });
  pin(4);
  pinner.join();
  stop = true;
  borrower.join();
  other_borrower.join();
  Use(0);
  Use(1);
  EXPECT_LE(files_->open(), 6);
  // Two threads had two pins at most each.
  EXPECT_LE(files_->most_open(), 6 + 8 + 4);
  tables_.clear();
  open_tables().CloseSome();
  EXPECT_EQ(files_->open(), 0);
}

}  // namespace
}  // namespace lissom
