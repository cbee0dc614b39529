// What a read-only opener makes of a directory; what comes between its steps
// is tests/engine/read_only_test.cc's affair.
#include "db/recovery/read_only_state.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lissom/db.h"
#include "lissom/status.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/fault_injection_file_system.h"
#include "util/memory_file_system.h"

namespace lissom {
namespace {

class ReadOnlyStateTest : public testing::Test {
 protected:
  // Four tables of level 0, and a log.
  ReadOnlyStateTest() {
    Options options;
    options.create_if_missing = true;
    options.file_system = files_;
    options.executor = std::make_shared<SimulatedExecutor>(1);
    options.info_log = std::make_shared<NullLogger>();
    options.level0_file_num_compaction_trigger = 10;
    writer_ = *DB::Open(options, "/db");
    for (int i = 0; i < 4; ++i) {
      Put("key" + std::to_string(i));
      EXPECT_TRUE(writer_->Flush().ok());
    }
    files_->ResetCounters();
  }

  void Put(const std::string& key) {
    EXPECT_TRUE(writer_->Put({}, key, std::string(5000, 'v')).ok());
  }

  ReadOnlyDeps Deps() const {
    return {.file_system = files_,
            .directory = "/db",
            .order = KeyOrder(BytewiseComparator()),
            .cache = std::make_shared<BlockCache>(0)};
  }

  void RemoveTables() {
    const std::vector<std::string> names = *files_->ListDirectory("/db");
    for (const std::string& name : names) {
      if (name.find(".sst") != std::string::npos) {
        ASSERT_TRUE(files_->RemoveFile("/db/" + name, {}).ok());
      }
    }
  }

  const std::shared_ptr<FaultInjectionFileSystem> files_ =
      std::make_shared<FaultInjectionFileSystem>(
          std::make_shared<MemoryFileSystem>());
  std::unique_ptr<DB> writer_;
};

TEST_F(ReadOnlyStateTest, OpensAsManyTablesAsItMay) {
  ReadOnlyDeps deps = Deps();
  for (const size_t limit : {0u, 3u, 100u}) {
    files_->ResetCounters();
    deps.open_tables = limit;
    const auto state = LoadReadOnlyState(deps);
    ASSERT_TRUE(state.ok()) << state.status();
    EXPECT_EQ(state->version->TableCount(), 4u);
    EXPECT_EQ(files_->count(FileOp::kOpen, IoContext::Kind::kTable),
              std::min<size_t>(limit, 4));
  }
}

TEST_F(ReadOnlyStateTest, ATableThatIsGoneBeforeItIsOpenIsUnavailable) {
  ReadOnlyDeps deps = Deps();
  deps.open_tables = 1;
  const auto state = LoadReadOnlyState(deps);
  ASSERT_TRUE(state.ok()) << state.status();
  RemoveTables();
  const auto& tables = state->version->level(0);
  EXPECT_TRUE(tables[0]->Pin().ok());
  for (int i = 1; i < 4; ++i) {
    const absl::Status status = tables[static_cast<size_t>(i)]->Pin().status();
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  }
}

TEST_F(ReadOnlyStateTest, WithoutDescriptorsItOpensWhatItCan) {
  files_->Arm({.op = FileOp::kOpen,
               .kind = IoContext::Kind::kTable,
               .skip = 2,
               .sticky = true,
               .error_number = EMFILE});
  const auto state = LoadReadOnlyState(Deps());
  files_->DisarmAll();
  ASSERT_TRUE(state.ok()) << state.status();
  RemoveTables();
  EXPECT_TRUE(state->version->level(0)[1]->Pin().ok());
  EXPECT_FALSE(state->version->level(0)[3]->Pin().ok());
}

TEST_F(ReadOnlyStateTest, AMissingTableIsDamageIfNobodyIsAtWork) {
  RemoveTables();
  for (const size_t limit : {0u, 100u}) {
    ReadOnlyDeps deps = Deps();
    deps.open_tables = limit;
    const auto state = LoadReadOnlyState(deps);
    EXPECT_TRUE(absl::IsDataLoss(state.status())) << state.status();
    EXPECT_EQ(DetailOf(state.status())->kind, ErrorKind::kMissingFile);
  }
}

TEST_F(ReadOnlyStateTest, LogsGoIntoMemtablesOfTheGivenSize) {
  for (int i = 0; i < 100; ++i) Put("log" + std::to_string(i));
  ReadOnlyDeps deps = Deps();
  deps.memtable_bytes = 100'000;
  const auto state = LoadReadOnlyState(deps);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_GE(state->memtables.size(), 4u);
  EXPECT_LE(state->memtables.size(), 8u);
  // Newest first.
  EXPECT_EQ(state->memtables.front()->largest_sequence(), 104u);
  EXPECT_EQ(state->last_sequence, 104u);
}

}  // namespace
}  // namespace lissom
