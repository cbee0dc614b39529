// Each kind of call fails as armed, and no other does.
#include "util/fault_injection_file_system.h"

#include <atomic>
#include <cerrno>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lissom/status.h"
#include "util/memory_file_system.h"

namespace lissom {
namespace {

using Kind = IoContext::Kind;
using Effect = Fault::Effect;

const IoContext kContext;
const IoContext kWal{.kind = Kind::kWal};
const IoContext kTable{.kind = Kind::kTable};

absl::Status Append(WritableFile& file, std::string_view bytes,
                    const IoContext& context = kContext) {
  return file.Append({&bytes, 1}, context);
}

class FaultInjectionFileSystemTest : public ::testing::Test {
 protected:
  std::unique_ptr<WritableFile> Create(const std::string& path,
                                       const IoContext& context) {
    auto file = fs_.Create(path, context);
    EXPECT_TRUE(file.ok()) << file.status();
    return std::move(file).value();
  }
  std::unique_ptr<RandomAccessFile> Open(const std::string& path,
                                         const IoContext& context) {
    auto file = fs_.OpenForRead(path, context);
    EXPECT_TRUE(file.ok()) << file.status();
    return std::move(file).value();
  }
  // Arms `fault` as armed_ and makes one call of `op`, and no other call after.
  absl::Status Do(FileOp op, const Fault& fault);

  std::shared_ptr<MemoryFileSystem> memory_ =
      std::make_shared<MemoryFileSystem>();
  FaultInjectionFileSystem fs_{memory_};
  uint64_t armed_ = 0;
};

absl::Status FaultInjectionFileSystemTest::Do(FileOp op, const Fault& fault) {
  EXPECT_TRUE(memory_->SetBytes("/there", "bytes").ok());
  memory_->RemoveFile("/new", kContext).IgnoreError();
  memory_->RemoveDirectory("/new").IgnoreError();
  auto reader = Open("/there", kContext);
  auto writer = Create("/written", kContext);
  EXPECT_TRUE(memory_->RemoveFile("/written", kContext).ok());
  if (op == FileOp::kRemoveDirectory) {
    EXPECT_TRUE(memory_->CreateDirectory("/new").ok());
  }
  char scratch[8];
  armed_ = fs_.Arm(fault);
  switch (op) {
    case FileOp::kOpen:
      return fs_.OpenForRead("/there", kContext).status();
    case FileOp::kCreate:
      return fs_.Create("/new", kContext).status();
    case FileOp::kRead:
      return reader->Read(0, 8, scratch, kContext).status();
    case FileOp::kAppend:
      return Append(*writer, "bytes");
    case FileOp::kSync:
      return writer->Sync(kContext);
    case FileOp::kAllocate:
      return writer->Allocate(100, kContext);
    case FileOp::kTrim:
      return writer->TrimToSize(kContext);
    case FileOp::kClose:
      return writer->Close();
    case FileOp::kRemove:
      return fs_.RemoveFile("/there", kContext);
    case FileOp::kRename:
      return fs_.RenameFile("/there", "/new", kContext);
    case FileOp::kList:
      return fs_.ListDirectory("/").status();
    case FileOp::kInfo:
      return fs_.GetFileInfo("/there").status();
    case FileOp::kMakeDirectory:
      return fs_.CreateDirectory("/new");
    case FileOp::kRemoveDirectory:
      return fs_.RemoveDirectory("/new");
    case FileOp::kSyncDirectory:
      return fs_.SyncDirectory("/");
    case FileOp::kLock:
      return fs_.LockFile("/LOCK").status();
  }
  return absl::InternalError("no such operation");
}

TEST_F(FaultInjectionFileSystemTest, EachOperationFailsAndOnlyThatOne) {
  for (size_t i = 0; i < kFileOpCount; ++i) {
    for (size_t j = 0; j < kFileOpCount; ++j) {
      const auto failing = static_cast<FileOp>(i);
      const auto called = static_cast<FileOp>(j);
      SCOPED_TRACE(absl::StrCat(ToString(called), " while ", ToString(failing),
                                " fails"));
      fs_.ResetCounters();
      const absl::Status status =
          Do(called, {.op = failing, .error_number = ENOSPC});
      EXPECT_EQ(fs_.hits(armed_), i == j ? 1u : 0u);
      EXPECT_GE(fs_.count(called), 1u);
      if (i != j) {
        EXPECT_TRUE(status.ok()) << status;
      } else {
        EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
        EXPECT_EQ(DetailOf(status)->error_number, ENOSPC);
      }
      fs_.DisarmAll();
    }
  }
}

TEST_F(FaultInjectionFileSystemTest, SkipsAndSticks) {
  auto file = Create("/f", kWal);
  const uint64_t once = fs_.Arm({.op = FileOp::kSync, .skip = 2});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(file->Sync(kWal).ok(), i != 2);
  EXPECT_EQ(fs_.hits(once), 1u);
  const uint64_t sticky =
      fs_.Arm({.op = FileOp::kSync, .skip = 1, .sticky = true});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(file->Sync(kWal).ok(), i < 1);
  fs_.Disarm(sticky);
  EXPECT_TRUE(file->Sync(kWal).ok());
  EXPECT_EQ(fs_.hits(sticky), 4u);
  EXPECT_EQ(fs_.hits(12345), 0u);
}

TEST_F(FaultInjectionFileSystemTest, PicksByKindAndPath) {
  auto log = Create("/1.log", kWal);
  auto table = Create("/2.sst", kTable);
  fs_.Arm({.op = FileOp::kAppend, .kind = Kind::kTable, .sticky = true});
  EXPECT_TRUE(Append(*log, "x", kWal).ok());
  EXPECT_FALSE(Append(*table, "x", kTable).ok());
  // A context of kOther stands for what the file was opened as.
  EXPECT_FALSE(Append(*table, "x").ok());
  fs_.DisarmAll();
  fs_.Arm({.path_contains = "1.log", .sticky = true});
  EXPECT_TRUE(Append(*table, "x", kTable).ok());
  EXPECT_FALSE(Append(*log, "x", kWal).ok());
  EXPECT_FALSE(fs_.RenameFile("/2.sst", "/1.log", kTable).ok());
}

TEST_F(FaultInjectionFileSystemTest, AHalfAppendLeavesAPrefix) {
  auto file = Create("/f", kWal);
  ASSERT_TRUE(Append(*file, "first.").ok());
  fs_.Arm({.op = FileOp::kAppend, .effect = Effect::kHalf});
  const std::string_view pieces[] = {"abc", "def"};
  const absl::Status status = file->Append(pieces, kWal);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(DetailOf(status)->offset, 6u);
  EXPECT_EQ(*memory_->GetBytes("/f"), "first.abc");
  EXPECT_EQ(file->size(), 6u);
}

TEST_F(FaultInjectionFileSystemTest, DoneIsDoneAndStillAnError) {
  ASSERT_TRUE(memory_->SetBytes("/a", "x").ok());
  fs_.Arm({.op = FileOp::kRename, .effect = Effect::kDone});
  EXPECT_FALSE(fs_.RenameFile("/a", "/b", kContext).ok());
  EXPECT_EQ(*memory_->GetBytes("/b"), "x");
  auto file = Create("/f", kWal);
  ASSERT_TRUE(memory_->SyncDirectory("/").ok());
  ASSERT_TRUE(Append(*file, "log").ok());
  fs_.Arm({.op = FileOp::kSync, .effect = Effect::kDone});
  EXPECT_FALSE(file->Sync(kWal).ok());
  EXPECT_EQ(*memory_->CrashImageNow(CrashPolicy::SyncedOnly())->GetBytes("/f"),
            "log");
}

TEST_F(FaultInjectionFileSystemTest, ASyncThatLosesThePages) {
  auto file = Create("/f", kWal);
  ASSERT_TRUE(memory_->SyncDirectory("/").ok());
  ASSERT_TRUE(Append(*file, "log").ok());
  fs_.Arm({.op = FileOp::kSync, .on_hit = [&](const std::string& path) {
             ASSERT_TRUE(memory_->DropUnsynced(path).ok());
           }});
  EXPECT_FALSE(file->Sync(kWal).ok());
  EXPECT_EQ(fs_.uses_after_failed_sync(), 0u);
  EXPECT_TRUE(file->Sync(kWal).ok());  // The lie that callers must not believe.
  EXPECT_EQ(fs_.uses_after_failed_sync(), 1u);
  EXPECT_EQ(*memory_->GetBytes("/f"), "log");
  EXPECT_EQ(*memory_->CrashImageNow(CrashPolicy::SyncedOnly())->GetBytes("/f"),
            std::string(3, '\0'));
}

TEST_F(FaultInjectionFileSystemTest, ReadsComeShortOrWrong) {
  ASSERT_TRUE(memory_->SetBytes("/f", "abcdef").ok());
  auto file = Open("/f", kTable);
  char scratch[8];
  fs_.Arm({.op = FileOp::kRead, .effect = Effect::kShortRead});
  EXPECT_EQ(*file->Read(0, 6, scratch, kTable), "abc");
  fs_.Arm({.op = FileOp::kRead, .effect = Effect::kCorruptRead});
  EXPECT_EQ(*file->Read(0, 6, scratch, kTable), "abctef");
  EXPECT_EQ(*file->Read(0, 6, scratch, kTable), "abcdef");
  // A batch: each request is a read.
  fs_.Arm({.op = FileOp::kRead, .skip = 1});
  ReadRequest requests[2];
  for (ReadRequest& request : requests) {
    request.size = 3;
    request.scratch = scratch;
  }
  file->ReadBatch(requests, kTable);
  EXPECT_TRUE(requests[0].status.ok());
  EXPECT_FALSE(requests[1].status.ok());
  EXPECT_EQ(requests[1].result, "");
}

TEST_F(FaultInjectionFileSystemTest, AFailedCloseClosesAllTheSame) {
  auto file = Create("/f", kWal);
  fs_.Arm({.op = FileOp::kClose});
  EXPECT_FALSE(file->Close().ok());
  EXPECT_FALSE(Append(*file, "x").ok());
}

TEST_F(FaultInjectionFileSystemTest, CountsCallsAndBytesByKind) {
  auto log = Create("/1.log", kWal);
  auto table = Create("/2.sst", kTable);
  ASSERT_TRUE(Append(*log, "12345", kWal).ok());
  ASSERT_TRUE(Append(*table, "123", kTable).ok());
  ASSERT_TRUE(log->Sync(kWal).ok());
  ASSERT_TRUE(fs_.SyncDirectory("/").ok());
  fs_.Arm({.op = FileOp::kAppend});
  EXPECT_FALSE(Append(*log, "never", kWal).ok());
  EXPECT_EQ(fs_.count(FileOp::kAppend), 3u);
  EXPECT_EQ(fs_.count(FileOp::kAppend, Kind::kWal), 2u);
  EXPECT_EQ(fs_.count(FileOp::kSync, Kind::kWal), 1u);
  EXPECT_EQ(fs_.count(FileOp::kSyncDirectory, Kind::kDirectory), 1u);
  EXPECT_EQ(fs_.bytes_appended(Kind::kWal), 5u);
  EXPECT_EQ(fs_.bytes_appended(Kind::kTable), 3u);
  char scratch[8];
  auto reader = Open("/1.log", kWal);
  ASSERT_TRUE(reader->Read(0, 4, scratch, kWal).ok());
  EXPECT_EQ(fs_.bytes_read(Kind::kWal), 4u);
  fs_.ResetCounters();
  EXPECT_EQ(fs_.count(FileOp::kAppend), 0u);
  EXPECT_EQ(fs_.bytes_appended(Kind::kWal), 0u);
  EXPECT_EQ(fs_.bytes_read(Kind::kWal), 0u);
}

TEST_F(FaultInjectionFileSystemTest, PassesSizesTrimsAndLocksOn) {
  auto file = Create("/f", kWal);
  ASSERT_TRUE(file->Allocate(100, kWal).ok());
  ASSERT_TRUE(Append(*file, "abc").ok());
  EXPECT_EQ(file->size(), 3u);
  auto reader = Open("/f", kWal);
  EXPECT_EQ(*reader->Size(), 100u);
  ASSERT_TRUE(file->TrimToSize(kWal).ok());
  EXPECT_EQ(*reader->Size(), 3u);
  auto lock = fs_.LockFile("/LOCK");
  ASSERT_TRUE(lock.ok());
  EXPECT_FALSE(memory_->LockFile("/LOCK").ok());
  lock->reset();
  EXPECT_TRUE(memory_->LockFile("/LOCK").ok());
}

TEST_F(FaultInjectionFileSystemTest, IsArmedWhileInUse) {
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> failures = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      auto file = *fs_.Create(absl::StrCat("/", t), kWal);
      while (!stop.load()) failures += file->Sync(kWal).ok() ? 0 : 1;
    });
  }
  uint64_t hits = 0;
  for (int i = 0; i < 100; ++i) {
    const uint64_t fault = fs_.Arm({.op = FileOp::kSync});
    while (fs_.hits(fault) == 0) std::this_thread::yield();
    fs_.Disarm(fault);
    hits += fs_.hits(fault);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures.load(), hits);
}

}  // namespace
}  // namespace lissom
