// A table as versions hold it: opened once, by whoever reads it first, and not
// before; a failure to open it says why and is not remembered. When the file
// may go is the VersionSet's affair (version_set_test.cc).
#include "db/version/table_file.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lissom/status.h"
#include "tests/db/output/table_world.h"
#include "util/fault_injection_file_system.h"

namespace lissom {
namespace {

using ::testing::HasSubstr;

class TableFileTest : public testing::Test {
 protected:
  TableFileTest() {
    source_.file_system = file_system_;
    metadata_ =
        world_
            .Make({Put("a", 1, "1"), Put("b", 2, "2")}, ColumnFamilyOptions())
            ->meta();
  }

  TableFile NewTable() const { return NewTable(metadata_); }
  TableFile NewTable(const TableMetadata& metadata) const {
    return TableFile(std::make_shared<TableSource>(source_), metadata);
  }

  std::string Path() const { return TableFileName("/db", metadata_.number); }

  TableWorld world_;
  const std::shared_ptr<FaultInjectionFileSystem> file_system_ =
      std::make_shared<FaultInjectionFileSystem>(world_.source().file_system);
  TableSource source_ = world_.source();
  TableMetadata metadata_;
};

TEST_F(TableFileTest, DoesNotTouchTheFileBeforeItIsRead) {
  {
    const TableFile table = NewTable();
    EXPECT_EQ(table.meta(), metadata_);
  }
  EXPECT_EQ(file_system_->count(FileOp::kOpen), 0u);
}

TEST_F(TableFileTest, ReadsWhatWasWritten) {
  const TableFile table = NewTable();
  const auto reader = table.Pin();
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->entries(), 2u);
  PointResult result;
  const auto found = (*reader)->Get(LookupKey("b", 9), {}, &result);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_TRUE(*found);
  EXPECT_EQ(result.value, "2");
}

TEST_F(TableFileTest, IsOpenedOnceAndWithOneRead) {
  const TableFile table = NewTable();
  const auto first = table.Pin();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(file_system_->count(FileOp::kOpen, IoContext::Kind::kTable), 1u);
  EXPECT_EQ(file_system_->count(FileOp::kRead), 1u);
  const auto second = table.Pin();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(first->get(), second->get());
  EXPECT_EQ(file_system_->count(FileOp::kOpen), 1u);
  EXPECT_EQ(file_system_->count(FileOp::kRead), 1u);
}

// The tables of a database that writes come and go all the time: without this
// the cache would be full of blocks of those that went.
TEST_F(TableFileTest, TakesItsBlocksAlong) {
  source_.cache = std::make_shared<BlockCache>(16 << 20);
  const BlockCache& cache = *source_.cache;
  const auto source = std::make_shared<TableSource>(source_);
  const auto other = std::make_shared<TableFile>(source, metadata_);
  EXPECT_EQ(world_.Read({other}).size(), 2u);
  const size_t usage_of_other = cache.usage();
  EXPECT_GT(usage_of_other, 0u);
  for (const int count : {3, 100'000}) {  // The latter: several partitions.
    SCOPED_TRACE(count);
    std::vector<TestEntry> entries;
    for (int i = 0; i < count; ++i) {
      entries.push_back(Put(absl::StrCat("key", 100'000 + i), 1, "value"));
    }
    auto table = std::make_shared<TableFile>(
        source, world_.Make(entries, ColumnFamilyOptions())->meta());
    EXPECT_EQ(world_.Read({table}).size(), entries.size());
    EXPECT_GT(cache.usage(), usage_of_other + entries.size() * 14);
    table.reset();
    EXPECT_EQ(cache.usage(), usage_of_other);
  }
}

TEST_F(TableFileTest, AFailureToOpenIsNotRemembered) {
  const TableFile table = NewTable();
  for (const FileOp op : {FileOp::kOpen, FileOp::kInfo, FileOp::kRead}) {
    SCOPED_TRACE(ToString(op));
    const uint64_t fault =
        file_system_->Arm({.op = op, .path_contains = Path()});
    EXPECT_FALSE(table.Pin().ok());
    EXPECT_EQ(file_system_->hits(fault), 1u);
  }
  const auto reader = table.Pin();
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->entries(), 2u);
}

TEST_F(TableFileTest, AMissingFileIsDataLossUntilItIsBack) {
  const TableFile table = NewTable();
  const std::string bytes = world_.disk().GetBytes(Path()).value();
  ASSERT_TRUE(world_.disk().RemoveFile(Path(), {}).ok());
  const absl::Status status = table.Pin().status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(status.ToString(), HasSubstr(Path()));
  ASSERT_TRUE(world_.disk().SetBytes(Path(), bytes).ok());
  EXPECT_TRUE(table.Pin().ok());
}

// What the manifest says of a table binds: another file under its name is not
// read as if it were the table.
TEST_F(TableFileTest, AFileThatIsNotTheTableOfTheManifestIsDataLoss) {
  TableMetadata other_size = metadata_;
  ++other_size.size;
  TableMetadata other_id = metadata_;
  other_id.id.low ^= 1;
  for (const TableMetadata& wrong : {other_size, other_id}) {
    const absl::Status status = NewTable(wrong).Pin().status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(status.ToString(), HasSubstr(Path()));
  }
  // A table of the same size that was renamed onto it.
  const TableMetadata other =
      world_.Make({Put("a", 1, "3"), Put("b", 2, "4")}, ColumnFamilyOptions())
          ->meta();
  ASSERT_EQ(other.size, metadata_.size);
  ASSERT_TRUE(world_.disk()
                  .RenameFile(TableFileName("/db", other.number), Path(), {})
                  .ok());
  EXPECT_TRUE(absl::IsDataLoss(NewTable().Pin().status()));
}

TEST_F(TableFileTest, AWrongTailSizeOfTheManifestCostsReadsAndNoMore) {
  for (const uint64_t tail_size :
       {uint64_t{0}, uint64_t{1}, metadata_.size, UINT64_MAX}) {
    TableMetadata metadata = metadata_;
    metadata.tail_size = tail_size;
    const TableFile table = NewTable(metadata);
    const auto reader = table.Pin();
    ASSERT_TRUE(reader.ok()) << tail_size << ": " << reader.status();
    EXPECT_EQ((*reader)->entries(), 2u);
  }
}

TEST_F(TableFileTest, ATableInAnotherOrderIsRefused) {
  source_.order = KeyOrder(ReverseBytewiseComparator());
  const absl::Status status = NewTable().Pin().status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
}

TEST_F(TableFileTest, GoesWithoutItsFile) {
  { EXPECT_TRUE(NewTable().Pin().ok()); }
  EXPECT_TRUE(world_.disk().GetBytes(Path()).ok());
}

// As an iterator may, after the database was closed.
TEST_F(TableFileTest, MayBeOpenedWhenOnlyItIsLeft) {
  auto source = std::make_shared<TableSource>(source_);
  const std::weak_ptr<TableSource> alive = source;
  const auto table = std::make_unique<TableFile>(std::move(source), metadata_);
  source_.cache.reset();
  EXPECT_FALSE(alive.expired());
  EXPECT_TRUE(table->Pin().ok());
}

// Real threads.
TEST_F(TableFileTest, ManyFirstReadersShareOneOpening) {
  for (int round = 0; round < 50; ++round) {
    file_system_->ResetCounters();
    const TableFile table = NewTable();
    constexpr size_t kThreads = 4;
    std::vector<TablePin> readers(kThreads);
    std::atomic<size_t> ready{0};
    std::vector<std::thread> threads;
    for (size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        ++ready;
        while (ready.load() < kThreads) std::this_thread::yield();
        readers[t] = table.Pin().value();
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(file_system_->count(FileOp::kOpen), 1u);
    for (const TablePin& reader : readers) {
      ASSERT_EQ(reader.get(), readers[0].get());
    }
  }
}

}  // namespace
}  // namespace lissom
