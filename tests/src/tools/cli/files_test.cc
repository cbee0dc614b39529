// Output and NewFile: nothing half-written stays, and no failure is lost.
#include <fcntl.h>
#include <unistd.h>

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
