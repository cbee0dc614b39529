// The machine's files: contents, errors, locks, and that no descriptor stays.
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lissom/file_system.h"
#include "lissom/status.h"

namespace lissom {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const IoContext kContext;
const IoContext kTable{.kind = IoContext::Kind::kTable};

absl::Status Append(WritableFile& file, std::string_view bytes) {
  return file.Append({&bytes, 1}, kContext);
}

std::set<int> OpenDescriptors() {
  std::set<int> descriptors;
  DIR* const list = ::opendir("/proc/self/fd");
  while (const dirent* entry = ::readdir(list)) {
    const int fd = std::atoi(entry->d_name);
    // "." and ".." look like 0, which is there anyway.
    if (fd != ::dirfd(list)) descriptors.insert(fd);
  }
  ::closedir(list);
  return descriptors;
}

// A directory of its own, gone afterwards, and a check that every descriptor
// opened meanwhile was closed.
class PosixFileSystemTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "lissom_posix_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    descriptors_ = OpenDescriptors();
  }
  void TearDown() override {
    EXPECT_EQ(OpenDescriptors(), descriptors_);
    std::error_code error;
    std::filesystem::remove_all(directory_, error);
  }

  std::string Path(const std::string& name) const {
    return directory_ + "/" + name;
  }
  std::unique_ptr<WritableFile> Create(const std::string& name) {
    auto file = fs_->Create(Path(name), kContext);
    EXPECT_TRUE(file.ok()) << file.status();
    return std::move(file).value();
  }
  void Write(const std::string& name, std::string_view bytes) {
    auto file = Create(name);
    ASSERT_TRUE(Append(*file, bytes).ok());
    ASSERT_TRUE(file->Close().ok());
  }
  std::string Contents(const std::string& name) const {
    std::ifstream in(Path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::shared_ptr<FileSystem> fs_ = FileSystem::Posix();
  std::string directory_;
  std::set<int> descriptors_;
};

// --- Files

TEST_F(PosixFileSystemTest, ReadsWhatWasAppended) {
  auto file = Create("f");
  const std::string_view pieces[] = {"one ", "", "two"};
  ASSERT_TRUE(file->Append(pieces, kContext).ok());
  ASSERT_TRUE(file->Append({}, kContext).ok());
  EXPECT_EQ(file->size(), 7u);
  auto reader = *fs_->OpenForRead(Path("f"), kTable);
  char scratch[16];
  EXPECT_EQ(*reader->Read(0, 16, scratch, kContext), "one two");
  EXPECT_EQ(*reader->Read(4, 2, scratch, kContext), "tw");
  EXPECT_EQ(*reader->Read(7, 2, scratch, kContext), "");
  EXPECT_EQ(*reader->Read(100, 2, scratch, kContext), "");
  EXPECT_EQ(*reader->Read(~0ull, 2, scratch, kContext), "");
  EXPECT_EQ(*reader->Size(), 7u);
  reader->Prefetch(0, 1 << 20, kContext);
  reader->Prefetch(~0ull, 5, kContext);
  ASSERT_TRUE(file->Sync(kContext).ok());
  ASSERT_TRUE(file->Close().ok());
  EXPECT_FALSE(file->Close().ok());
  EXPECT_FALSE(Append(*file, "x").ok());
}

TEST_F(PosixFileSystemTest, MorePiecesThanOneCallTakes) {
  std::vector<std::string> strings;
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    strings.push_back(i % 7 == 0 ? "" : absl::StrCat(i, ","));
    expected += strings.back();
  }
  const std::vector<std::string_view> pieces(strings.begin(), strings.end());
  auto file = Create("f");
  ASSERT_TRUE(file->Append(pieces, kContext).ok());
  ASSERT_TRUE(file->Append(pieces, kContext).ok());
  EXPECT_EQ(file->size(), 2 * expected.size());
  EXPECT_EQ(Contents("f"), expected + expected);
}

TEST_F(PosixFileSystemTest, ServesABatchOfReads) {
  Write("f", "0123456789");
  auto reader = *fs_->OpenForRead(Path("f"), kTable);
  char scratch[2][4];
  ReadRequest requests[2];
  for (int i : {0, 1}) {
    requests[i].offset = i == 0 ? 8 : 2;
    requests[i].size = 4;
    requests[i].scratch = scratch[i];
  }
  reader->ReadBatch(requests, kContext);
  EXPECT_TRUE(requests[0].status.ok());
  EXPECT_EQ(requests[0].result, "89");
  EXPECT_EQ(requests[1].result, "2345");
}

// A file-size limit is the one way here to make the kernel write only a part.
TEST_F(PosixFileSystemTest, AWriteCutShortGoesOnAndReportsTheError) {
  auto file = Create("f");
  ASSERT_TRUE(Append(*file, "1234").ok());
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit limit = {.rlim_cur = 10, .rlim_max = before.rlim_max};
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  const std::string_view pieces[] = {"567", "89abcdef"};
  const absl::Status status = file->Append(pieces, kContext);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DetailOf(status)->error_number, EFBIG);
  EXPECT_EQ(DetailOf(status)->offset, 10u);
  EXPECT_EQ(DetailOf(status)->file, Path("f"));
  EXPECT_EQ(Contents("f"), "123456789a");
  EXPECT_EQ(file->size(), 4u);
  ASSERT_TRUE(file->TrimToSize(kContext).ok());
  EXPECT_EQ(Contents("f"), "1234");
}

TEST_F(PosixFileSystemTest, CreateNeverFollowsALink) {
  ASSERT_EQ(::symlink("elsewhere", Path("link").c_str()), 0);
  EXPECT_EQ(fs_->Create(Path("link"), kContext).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(fs_->GetFileInfo(Path("elsewhere"))->type, FileInfo::Type::kAbsent);
}

TEST_F(PosixFileSystemTest, AllocatedRoomIsZerosUntilTrimmed) {
  auto file = Create("f");
  ASSERT_TRUE(Append(*file, "ab").ok());
  ASSERT_TRUE(file->Allocate(10000, kContext).ok());
  ASSERT_TRUE(file->Allocate(5, kContext).ok());  // Never shrinks.
  ASSERT_TRUE(file->Allocate(0, kContext).ok());
  ASSERT_TRUE(Append(*file, "c").ok());
  EXPECT_EQ(Contents("f").substr(0, 3), "abc");
  // The file system here may not have fallocate: then nothing happened.
  EXPECT_THAT(Contents("f").size(), ::testing::AnyOf(3u, 10000u));
  ASSERT_TRUE(file->TrimToSize(kContext).ok());
  EXPECT_EQ(Contents("f"), "abc");
}

TEST_F(PosixFileSystemTest, FilesAndDirectoriesArePrivate) {
  const mode_t old_mask = ::umask(0);
  Write("f", "x");
  ASSERT_TRUE(fs_->CreateDirectory(Path("d")).ok());
  ASSERT_TRUE(fs_->LockFile(Path("LOCK")).ok());
  ::umask(old_mask);
  struct stat info;
  ASSERT_EQ(::stat(Path("f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  ASSERT_EQ(::stat(Path("d").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
  ASSERT_EQ(::stat(Path("LOCK").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
}

TEST_F(PosixFileSystemTest, DescriptorsAreClosedOnExec) {
  Write("f", "x");
  auto writer = Create("w");
  auto reader = *fs_->OpenForRead(Path("f"), kContext);
  auto lock = *fs_->LockFile(Path("LOCK"));
  int found = 0;
  for (int fd : OpenDescriptors()) {
    if (descriptors_.contains(fd)) continue;
    EXPECT_TRUE(::fcntl(fd, F_GETFD) & FD_CLOEXEC) << fd;
    ++found;
  }
  EXPECT_EQ(found, 3);
}

TEST_F(PosixFileSystemTest, OpenFilesOutliveTheirNameAndTheSystem) {
  auto file = Create("f");
  auto reader = *fs_->OpenForRead(Path("f"), kContext);
  ASSERT_TRUE(fs_->RemoveFile(Path("f"), kContext).ok());
  fs_.reset();
  ASSERT_TRUE(Append(*file, "still").ok());
  char scratch[8];
  EXPECT_EQ(*reader->Read(0, 8, scratch, kContext), "still");
}

// --- Names

TEST_F(PosixFileSystemTest, RenameReplacesItsTarget) {
  Write("a", "new");
  Write("b", "old");
  ASSERT_TRUE(fs_->RenameFile(Path("a"), Path("b"), kContext).ok());
  EXPECT_EQ(Contents("b"), "new");
  EXPECT_THAT(*fs_->ListDirectory(directory_), UnorderedElementsAre("b"));
  EXPECT_TRUE(fs_->SyncDirectory(directory_).ok());
}

TEST_F(PosixFileSystemTest, ListsAndRemovesDirectories) {
  ASSERT_TRUE(fs_->CreateDirectory(Path("d")).ok());
  Write("d/f", "x");
  EXPECT_THAT(*fs_->ListDirectory(Path("d")), UnorderedElementsAre("f"));
  EXPECT_FALSE(fs_->RemoveDirectory(Path("d")).ok());
  ASSERT_TRUE(fs_->RemoveFile(Path("d/f"), kContext).ok());
  EXPECT_THAT(*fs_->ListDirectory(Path("d")), IsEmpty());
  ASSERT_TRUE(fs_->RemoveDirectory(Path("d")).ok());
}

TEST_F(PosixFileSystemTest, FileInfoFollowsLinksAndKnowsAbsence) {
  using Type = FileInfo::Type;
  Write("f", "12345");
  ASSERT_EQ(::symlink("f", Path("link").c_str()), 0);
  ASSERT_EQ(::symlink("nowhere", Path("dangling").c_str()), 0);
  ASSERT_EQ(::symlink("loop", Path("loop").c_str()), 0);
  ASSERT_EQ(::mkfifo(Path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(fs_->GetFileInfo(Path("f"))->type, Type::kFile);
  EXPECT_EQ(fs_->GetFileInfo(Path("link"))->size, 5u);
  EXPECT_EQ(fs_->GetFileInfo(Path("dangling"))->type, Type::kAbsent);
  EXPECT_EQ(fs_->GetFileInfo(Path("no"))->type, Type::kAbsent);
  EXPECT_EQ(fs_->GetFileInfo(Path("f/below"))->type, Type::kAbsent);
  EXPECT_EQ(fs_->GetFileInfo(directory_)->type, Type::kDirectory);
  EXPECT_EQ(fs_->GetFileInfo(Path("fifo"))->type, Type::kOther);
  EXPECT_FALSE(fs_->GetFileInfo(Path("loop")).ok());
}

TEST_F(PosixFileSystemTest, ErrorsAreThoseOfTheContract) {
  const absl::Status missing = fs_->OpenForRead(Path("no"), kContext).status();
  EXPECT_TRUE(IsDataLoss(missing)) << missing;
  EXPECT_EQ(DetailOf(missing)->kind, ErrorKind::kMissingFile);
  EXPECT_EQ(DetailOf(missing)->file, Path("no"));
  EXPECT_TRUE(IsDataLoss(fs_->Create(Path("no/f"), kContext).status()));
  EXPECT_TRUE(IsDataLoss(fs_->RemoveFile(Path("no"), kContext)));
  EXPECT_TRUE(IsDataLoss(fs_->RenameFile(Path("no"), Path("x"), kContext)));
  EXPECT_TRUE(IsDataLoss(fs_->ListDirectory(Path("no")).status()));
  EXPECT_TRUE(IsDataLoss(fs_->CreateDirectory(Path("no/d"))));
  EXPECT_TRUE(IsDataLoss(fs_->RemoveDirectory(Path("no"))));
  EXPECT_TRUE(IsDataLoss(fs_->SyncDirectory(Path("no"))));
  EXPECT_TRUE(IsDataLoss(fs_->LockFile(Path("no/LOCK")).status()));
  Write("f", "x");
  EXPECT_EQ(fs_->Create(Path("f"), kContext).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Contents("f"), "x");
  EXPECT_EQ(fs_->CreateDirectory(Path("f")).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(fs_->SyncDirectory(Path("f")).ok());
  EXPECT_FALSE(fs_->ListDirectory(Path("f")).ok());
  EXPECT_FALSE(fs_->RemoveDirectory(Path("f")).ok());
  EXPECT_FALSE(fs_->OpenForRead("", kContext).ok());
}

TEST_F(PosixFileSystemTest, WhatIsNoFileIsAnErrorAndNeverHangs) {
  ASSERT_TRUE(fs_->CreateDirectory(Path("d")).ok());
  ASSERT_EQ(::mkfifo(Path("fifo").c_str(), 0600), 0);
  for (const char* name : {"d", "fifo"}) {
    EXPECT_TRUE(IsDataLoss(fs_->OpenForRead(Path(name), kContext).status()));
    EXPECT_FALSE(fs_->LockFile(Path(name)).ok());
    EXPECT_FALSE(fs_->Create(Path(name), kContext).ok());
  }
  EXPECT_FALSE(fs_->RemoveFile(Path("d"), kContext).ok());
}

TEST_F(PosixFileSystemTest, RunningOutOfDescriptorsIsResourceExhausted) {
  Write("f", "x");
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit limit = {.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  const absl::Status errors[] = {fs_->OpenForRead(Path("f"), kContext).status(),
                                 fs_->Create(Path("g"), kContext).status(),
                                 fs_->ListDirectory(directory_).status(),
                                 fs_->SyncDirectory(directory_),
                                 fs_->LockFile(Path("LOCK")).status()};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  for (const absl::Status& error : errors) {
    EXPECT_EQ(error.code(), absl::StatusCode::kResourceExhausted) << error;
    EXPECT_EQ(DetailOf(error)->kind, ErrorKind::kNoResources);
  }
}

// --- Locks

bool IsLocked(const absl::Status& status) {
  return status.code() == absl::StatusCode::kFailedPrecondition &&
         DetailOf(status).has_value() &&
         DetailOf(status)->kind == ErrorKind::kLocked;
}

// Runs `child` in a forked process and returns its result; forks before any
// thread of the test starts.
template <typename Child>
int InChild(Child child) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(child());
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// A pipe on which one process waits for a word of another.
class Gate {
 public:
  Gate() { EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0); }
  ~Gate() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  void Open(bool word = true) {
    const char c = word ? 'y' : 'n';
    EXPECT_EQ(::write(ends_[1], &c, 1), 1);
  }
  bool Wait() {
    char c = 0;
    EXPECT_EQ(::read(ends_[0], &c, 1), 1);
    return c == 'y';
  }

 private:
  int ends_[2];
};

TEST_F(PosixFileSystemTest, LocksOnceInAProcess) {
  auto lock = fs_->LockFile(Path("LOCK"));
  ASSERT_TRUE(lock.ok()) << lock.status();
  EXPECT_TRUE(IsLocked(fs_->LockFile(Path("LOCK")).status()));
  // Another FileSystem, and refusing must not have undone the lock.
  EXPECT_TRUE(IsLocked(FileSystem::Posix()->LockFile(Path("LOCK")).status()));
  lock->reset();
  EXPECT_TRUE(fs_->LockFile(Path("LOCK")).ok());
  EXPECT_EQ(fs_->GetFileInfo(Path("LOCK"))->type, FileInfo::Type::kFile);
}

TEST_F(PosixFileSystemTest, LocksByAnyName) {
  ASSERT_EQ(::symlink(".", Path("here").c_str()), 0);
  auto lock = *fs_->LockFile(Path("LOCK"));
  ASSERT_EQ(::symlink("LOCK", Path("link").c_str()), 0);
  ASSERT_EQ(::link(Path("LOCK").c_str(), Path("hard").c_str()), 0);
  for (const char* name : {"here/LOCK", "here/./here/LOCK", "link", "hard"}) {
    EXPECT_TRUE(IsLocked(fs_->LockFile(Path(name)).status())) << name;
  }
}

// Reading and closing the file in this process would drop a classic POSIX lock.
TEST_F(PosixFileSystemTest, ClosingAnotherDescriptorLeavesTheLock) {
  auto lock = *fs_->LockFile(Path("LOCK"));
  EXPECT_TRUE(IsLocked(fs_->LockFile(Path("LOCK")).status()));
  ASSERT_TRUE(fs_->OpenForRead(Path("LOCK"), kContext).ok());
  EXPECT_EQ(InChild([&] {
              return IsLocked(fs_->LockFile(Path("LOCK")).status()) ? 0 : 1;
            }),
            0);
}

TEST_F(PosixFileSystemTest, KeepsAnotherProcessOut) {
  Gate locked, tried;
  const pid_t holder = ::fork();
  if (holder == 0) {
    auto lock = fs_->LockFile(Path("LOCK"));
    locked.Open();
    tried.Wait();
    ::_exit(lock.ok() ? 0 : 1);  // The lock goes with the process.
  }
  locked.Wait();
  EXPECT_TRUE(IsLocked(fs_->LockFile(Path("LOCK")).status()));
  tried.Open();
  int status = 0;
  ASSERT_EQ(::waitpid(holder, &status, 0), holder);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(fs_->LockFile(Path("LOCK")).ok());
}

TEST_F(PosixFileSystemTest, AForkedChildIsRefusedAndLeavesTheLockAlone) {
  auto lock = *fs_->LockFile(Path("LOCK"));
  EXPECT_EQ(InChild([&] {
              if (!IsLocked(fs_->LockFile(Path("LOCK")).status())) return 1;
              lock.reset();  // The child's copy of the parent's lock.
              return IsLocked(fs_->LockFile(Path("LOCK")).status()) ? 0 : 2;
            }),
            0);
  // The child's end let go of nothing either.
  EXPECT_EQ(InChild([&] {
              return IsLocked(fs_->LockFile(Path("LOCK")).status()) ? 0 : 1;
            }),
            0);
}

TEST_F(PosixFileSystemTest, UnlockingWorksWhileAChildHoldsTheDescriptor) {
  auto lock = *fs_->LockFile(Path("LOCK"));
  Gate unlocked, reopened;
  const pid_t child = ::fork();
  if (child == 0) {
    unlocked.Wait();
    const bool mine = fs_->LockFile(Path("LOCK")).ok();  // Let go of at once.
    reopened.Open(mine);
    ::pause();  // Goes on holding the inherited descriptor until it is killed.
    ::_exit(0);
  }
  lock.reset();
  {
    auto again = fs_->LockFile(Path("LOCK"));
    EXPECT_TRUE(again.ok()) << again.status();
  }
  unlocked.Open();
  EXPECT_TRUE(reopened.Wait());  // The child itself may have it as well.
  EXPECT_TRUE(fs_->LockFile(Path("LOCK")).ok());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST_F(PosixFileSystemTest, AReplacedLockFileIsLockedAnew) {
  auto lock = *fs_->LockFile(Path("LOCK"));
  ASSERT_TRUE(fs_->RemoveFile(Path("LOCK"), kContext).ok());
  auto second = fs_->LockFile(Path("LOCK"));  // A new file, not the old lock.
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(IsLocked(fs_->LockFile(Path("LOCK")).status()));
  lock.reset();  // Must let go of its own file only.
  EXPECT_TRUE(IsLocked(fs_->LockFile(Path("LOCK")).status()));
}

// Others delete the file all the time; whoever gets a lock while nobody deletes
// must have locked the file that the path names.
TEST_F(PosixFileSystemTest, LockersAndDeletersRace) {
  std::atomic<bool> stop = false;
  std::thread deleter([&] {
    while (!stop.load()) ::unlink(Path("LOCK").c_str());
  });
  for (int i = 0; i < 2000; ++i) {
    auto lock = fs_->LockFile(Path("LOCK"));
    EXPECT_TRUE(lock.ok() || IsLocked(lock.status())) << lock.status();
  }
  stop = true;
  deleter.join();
  auto lock = fs_->LockFile(Path("LOCK"));
  ASSERT_TRUE(lock.ok()) << lock.status();
  EXPECT_EQ(fs_->GetFileInfo(Path("LOCK"))->type, FileInfo::Type::kFile);
}

TEST_F(PosixFileSystemTest, OneOfManyThreadsGetsTheLock) {
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> got = 0;
    std::atomic<int> done = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        auto lock = fs_->LockFile(Path("LOCK"));
        if (lock.ok()) ++got;
        ++done;
        while (done.load() < 4) std::this_thread::yield();
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(got.load(), 1);
  }
}

}  // namespace
}  // namespace lissom
