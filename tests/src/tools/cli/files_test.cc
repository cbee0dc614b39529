// Output and NewFile: nothing half-written stays, and no failure is lost.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "gtest/gtest.h"
#include "src/tools/cli/new_file.h"
#include "src/tools/cli/output.h"

namespace lissom::tools {
namespace {

namespace fs = std::filesystem;

class FilesTest : public ::testing::Test {
 protected:
  FilesTest() {
    std::string name = ::testing::TempDir() + "/lissom-files-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  ~FilesTest() override { fs::remove_all(root_); }

  std::string Path(const std::string& name) const { return root_ / name; }
  size_t Count() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(root_), {}));
  }
  std::string Content(const std::string& name) const {
    std::ifstream file(root_ / name);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

 private:
  fs::path root_;
};

TEST_F(FilesTest, AFileAppearsWhenItIsCommitted) {
  auto file = NewFile::Create(Path("f"), false);
  ASSERT_TRUE(file.ok()) << file.status();
  Output out((*file)->fd(), "f");
  out.Write("hello");
  ASSERT_TRUE(out.Flush().ok());
  EXPECT_FALSE(fs::exists(Path("f")));
  ASSERT_TRUE((*file)->Commit().ok());
  file->reset();
  EXPECT_EQ(Content("f"), "hello");
  EXPECT_EQ(Count(), 1u);
}

TEST_F(FilesTest, WithoutCommitNothingIsLeft) {
  auto file = NewFile::Create(Path("f"), false);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(Count(), 1u);  // The temporary one.
  file->reset();
  EXPECT_EQ(Count(), 0u);
}

TEST_F(FilesTest, AnExistingFileIsReplacedOnlyOnRequest) {
  std::ofstream(Path("f")) << "old";
  EXPECT_TRUE(
      absl::IsAlreadyExists(NewFile::Create(Path("f"), false).status()));
  auto file = NewFile::Create(Path("f"), true);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(Content("f"), "old");
  ASSERT_TRUE((*file)->Commit().ok());
  EXPECT_EQ(Content("f"), "");
}

TEST_F(FilesTest, WhoeverWasFasterKeepsTheName) {
  auto file = NewFile::Create(Path("f"), false);
  ASSERT_TRUE(file.ok());
  std::ofstream(Path("f")) << "another's";
  EXPECT_TRUE(absl::IsAlreadyExists((*file)->Commit()));
  file->reset();
  EXPECT_EQ(Content("f"), "another's");
  EXPECT_EQ(Count(), 1u);
}

TEST_F(FilesTest, AReplacedFileKeepsItsMode) {
  std::ofstream(Path("f")) << "old";
  for (const mode_t mode : {0600u, 0640u, 0666u}) {
    ASSERT_EQ(::chmod(Path("f").c_str(), mode), 0);
    auto file = NewFile::Create(Path("f"), true);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE((*file)->Commit().ok());
    EXPECT_EQ(fs::status(Path("f")).permissions(), fs::perms{mode});
  }
}

TEST_F(FilesTest, ALinkStaysAndItsTargetIsWritten) {
  fs::create_directory(Path("d"));
  std::ofstream(Path("d/f")) << "old";
  fs::create_symlink("d/f", Path("link"));
  fs::create_symlink("link", Path("link2"));
  EXPECT_TRUE(
      absl::IsAlreadyExists(NewFile::Create(Path("link2"), false).status()));
  auto file = NewFile::Create(Path("link2"), true);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Commit().ok());
  EXPECT_TRUE(fs::is_symlink(Path("link2")));
  EXPECT_TRUE(fs::is_symlink(Path("link")));
  EXPECT_EQ(Content("d/f"), "");
  EXPECT_EQ(Count(), 3u);
  // One that leads nowhere yet, too.
  fs::create_symlink("d/g", Path("link3"));
  file = NewFile::Create(Path("link3"), false);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Commit().ok());
  EXPECT_TRUE(fs::is_symlink(Path("link3")));
  EXPECT_TRUE(fs::exists(Path("d/g")));
}

TEST_F(FilesTest, TheRestOfAKilledProcessIsNotInTheWay) {
  std::ofstream(Path("f.part-" + std::to_string(::getpid()))) << "rest";
  auto file = NewFile::Create(Path("f"), false);
  ASSERT_TRUE(file.ok()) << file.status();
  auto other = NewFile::Create(Path("f"), false);  // Nor is our own.
  EXPECT_TRUE(other.ok()) << other.status();
}

TEST_F(FilesTest, ANewNameIsNobodyElsesInAnyWay) {
  for (const Naming way : {Naming::kRename, Naming::kLink, Naming::kCheck}) {
    SCOPED_TRACE(static_cast<int>(way));
    std::ofstream(Path("from")) << "new";
    EXPECT_EQ(RenameToNew(Path("from"), Path("to"), way), 0);
    EXPECT_EQ(Content("to"), "new");
    EXPECT_EQ(Count(), 1u);
    std::ofstream(Path("from")) << "newer";
    EXPECT_EQ(RenameToNew(Path("from"), Path("to"), way), EEXIST);
    EXPECT_EQ(Content("to"), "new");
    EXPECT_EQ(Content("from"), "newer");
    fs::remove(Path("to"));
    EXPECT_EQ(RenameToNew(Path("absent"), Path("to"), way), ENOENT);
  }
}

TEST_F(FilesTest, ANameThatCannotBeMadeDurableIsSaid) {
  EXPECT_TRUE(SyncName(Path("f")).ok());
  EXPECT_EQ(SyncName(Path("absent/f")).message(),
            "cannot sync " + Path("absent") + ": No such file or directory");
  if (::geteuid() == 0) GTEST_SKIP() << "root may open any directory";
  auto file = NewFile::Create(Path("f"), false);
  ASSERT_TRUE(file.ok()) << file.status();
  fs::permissions(Path(""), fs::perms{0300});
  const absl::Status status = (*file)->Commit();
  fs::permissions(Path(""), fs::perms{0700});
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  EXPECT_TRUE(fs::exists(Path("f")));
}

TEST_F(FilesTest, WhatADirectoryWouldHoldIsSeenThroughLinks) {
  fs::create_directory(Path("d"));
  fs::create_directory(Path("d/e"));
  fs::create_directory_symlink("d", Path("link"));
  fs::create_symlink("d/f", Path("f"));
  for (const char* in : {"d/f", "d/../d/f", "link/f", "f"}) {
    EXPECT_TRUE(WouldBeIn(Path("link"), Path(in))) << in;
  }
  for (const char* out : {"d", "g", "d/e/f", "absent/f"}) {
    EXPECT_FALSE(WouldBeIn(Path("d"), Path(out))) << out;
  }
}

TEST_F(FilesTest, ADeviceIsWrittenDirectly) {
  auto file = NewFile::Create("/dev/null", false);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE((*file)->Commit().ok());
}

TEST_F(FilesTest, AFullDiskIsReportedOnceItIsKnown) {
  const int fd = ::open("/dev/full", O_WRONLY);
  Output out(fd, "there");
  out.Write("x");
  EXPECT_TRUE(out.good());  // In the buffer.
  const absl::Status status = out.Flush();
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_EQ(status.message(), "cannot write there: No space left on device");
  EXPECT_FALSE(out.good());
  out.Write("y");
  EXPECT_EQ(out.Flush(), status);
  ::close(fd);
}

TEST_F(FilesTest, AReaderThatWentAwayIsNoError) {
  std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  Output out(ends[1], "a pipe");
  out.Write(std::string(1 << 20, 'x'));
  EXPECT_FALSE(out.good());
  EXPECT_TRUE(out.Flush().ok());
  ::close(ends[1]);
}

TEST_F(FilesTest, LargeAndSmallWritesKeepTheirOrder) {
  auto file = NewFile::Create(Path("f"), false);
  ASSERT_TRUE(file.ok());
  Output out((*file)->fd(), "f");
  std::string expected;
  for (int i = 0; i < 50; ++i) {
    const std::string piece(static_cast<size_t>(i % 7 == 0 ? 100'000 : i * 500),
                            static_cast<char>('a' + i % 26));
    out.Write(piece);
    expected += piece;
  }
  ASSERT_TRUE(out.Flush().ok());
  ASSERT_TRUE((*file)->Commit().ok());
  EXPECT_EQ(Content("f"), expected);
}

}  // namespace
}  // namespace lissom::tools
