// The log of the next memtable is made in the background, so that no writer
// waits for its syncs; and by the writer, where that has not come to be.
#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/fault_injection_file_system.h"
#include "util/memory_file_system.h"

namespace lissom {
namespace {

constexpr IoContext::Kind kWal = IoContext::Kind::kWal;

class NextLog : public testing::Test {
 protected:
  NextLog() { Open(WalRecoveryMode::kPointInTime); }

  void Open(WalRecoveryMode mode) {
    db_.reset();
    Options options;
    options.create_if_missing = true;
    options.file_system = files_;
    options.executor = executor_;
    options.write_buffer_size = size_t{64} << 10;
    options.max_write_buffer_number = 20;
    options.wal_recovery_mode = mode;
    auto opened = DB::Open(options, "/db");
    ASSERT_TRUE(opened.ok()) << opened.status();
    db_ = *std::move(opened);
  }

  // Nothing of the background runs meanwhile.
  void WriteUntilSealed() {
    const auto sealed = [this] {
      return *db_->GetIntProperty("lissom.num-immutable-mem-table");
    };
    for (const uint64_t before = sealed(); sealed() == before; ++written_) {
      ASSERT_TRUE(db_->Put({}, Key(written_), std::string(100, 'v')).ok());
    }
  }
  void RunBackground() {
    while (executor_->RunOne()) {
    }
  }
  void ExpectAllThere() {
    for (uint64_t i = 0; i < written_; ++i) {
      ASSERT_TRUE(db_->Get(Key(i)).ok()) << i;
    }
  }
  uint64_t Syncs() const {
    return files_->count(FileOp::kSync) + files_->count(FileOp::kSyncDirectory);
  }
  static std::string Key(uint64_t i) { return absl::StrFormat("key%06d", i); }

  const std::shared_ptr<FaultInjectionFileSystem> files_ =
      std::make_shared<FaultInjectionFileSystem>(
          std::make_shared<MemoryFileSystem>());
  const std::shared_ptr<SimulatedExecutor> executor_ =
      std::make_shared<SimulatedExecutor>(TestSeed());
  std::unique_ptr<DB> db_;
  uint64_t written_ = 0;
};

TEST_F(NextLog, NoWriterSyncsAnythingForIt) {
  WriteUntilSealed();  // The first one pays.
  for (int round = 0; round < 5; ++round) {
    RunBackground();
    files_->ResetCounters();
    WriteUntilSealed();
    EXPECT_EQ(Syncs(), 0u);
    EXPECT_EQ(files_->count(FileOp::kCreate), 0u);
  }
  ExpectAllThere();
}

TEST_F(NextLog, AWriterThatIsFasterMakesItsOwn) {
  for (int round = 0; round < 5; ++round) {
    files_->ResetCounters();
    WriteUntilSealed();
    EXPECT_EQ(files_->count(FileOp::kCreate, kWal), 1u);
  }
  files_->ResetCounters();
  RunBackground();
  EXPECT_EQ(files_->count(FileOp::kCreate, kWal), 1u) << "but one is wanted";
  ExpectAllThere();
  Open(WalRecoveryMode::kAbsolute);
  ExpectAllThere();
}

TEST_F(NextLog, AFailureOfTheDiskIsLatchedAsAWritersWouldBe) {
  const struct {
    FileOp op;
    IoContext::Kind kind;
  } rows[] = {{FileOp::kCreate, kWal},
              {FileOp::kAppend, kWal},
              {FileOp::kSync, kWal},
              {FileOp::kSyncDirectory, IoContext::Kind::kDirectory},
              {FileOp::kSync, IoContext::Kind::kManifest}};
  for (const auto& row : rows) {
    SCOPED_TRACE(ToString(row.op));
    WriteUntilSealed();
    const uint64_t fault = files_->Arm({.op = row.op, .kind = row.kind});
    RunBackground();
    EXPECT_EQ(files_->hits(fault), 1u);
    EXPECT_EQ(db_->Put({}, "refused", "value").code(),
              absl::StatusCode::kFailedPrecondition);
    ASSERT_TRUE(db_->Resume().ok());
  }
  ExpectAllThere();
  Open(WalRecoveryMode::kAbsolute);
  ExpectAllThere();
}

TEST_F(NextLog, WithoutRoomTheWriterTriesAgain) {
  for (const FileOp op :
       {FileOp::kCreate, FileOp::kAppend, FileOp::kSync, FileOp::kAllocate}) {
    SCOPED_TRACE(ToString(op));
    WriteUntilSealed();
    const uint64_t fault =
        files_->Arm({.op = op, .kind = kWal, .error_number = ENOSPC});
    RunBackground();
    EXPECT_EQ(files_->hits(fault), 1u);
    files_->ResetCounters();
    WriteUntilSealed();
    // A refusal of room is none of a log.
    EXPECT_EQ(files_->count(FileOp::kCreate, kWal),
              op == FileOp::kAllocate ? 0u : 1u);
    RunBackground();
  }
  ExpectAllThere();
}

TEST_F(NextLog, OneThatWasNeverUsedIsClosedAndReadBackLikeTheOthers) {
  WriteUntilSealed();
  RunBackground();
  ASSERT_TRUE(db_->Put({}, Key(written_++), "the last").ok());
  ASSERT_TRUE(db_->Close().ok());
  Open(WalRecoveryMode::kAbsolute);
  ExpectAllThere();
}

TEST_F(NextLog, AResumeForgetsIt) {
  WriteUntilSealed();
  RunBackground();
  files_->Arm({.op = FileOp::kAppend, .kind = kWal});
  EXPECT_FALSE(db_->Put({}, "lost", "value").ok());
  ASSERT_TRUE(db_->Resume().ok());
  for (int round = 0; round < 3; ++round) {
    WriteUntilSealed();
    RunBackground();
  }
  Open(WalRecoveryMode::kAbsolute);
  ExpectAllThere();
}

}  // namespace
}  // namespace lissom
