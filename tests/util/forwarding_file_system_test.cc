#include "util/forwarding_file_system.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "util/memory_file_system.h"

namespace lissom {
namespace {

using ::testing::ElementsAre;

const IoContext kIo = {};

class ForwardingFileSystemTest : public ::testing::Test {
 protected:
  ForwardingFileSystemTest() {
    EXPECT_TRUE(files_->CreateDirectory("/d").ok());
    EXPECT_TRUE(files_->SetBytes("/d/a", "bytes").ok());
  }

  std::shared_ptr<MemoryFileSystem> files_ =
      std::make_shared<MemoryFileSystem>();
};

TEST_F(ForwardingFileSystemTest, PassesEveryCallOn) {
  ForwardingFileSystem front(files_);
  auto file = front.OpenForRead("/d/a", kIo);
  ASSERT_TRUE(file.ok()) << file.status();
  std::string scratch(5, ' ');
  EXPECT_EQ(*(*file)->Read(0, 5, scratch.data(), kIo), "bytes");
  EXPECT_TRUE(front.Create("/d/b", kIo).ok());
  EXPECT_TRUE(front.RenameFile("/d/b", "/d/c", kIo).ok());
  EXPECT_THAT(*front.ListDirectory("/d"),
              testing::UnorderedElementsAre("a", "c"));
  EXPECT_EQ(front.GetFileInfo("/d/a")->size, 5u);
  EXPECT_TRUE(front.RemoveFile("/d/c", kIo).ok());
  EXPECT_TRUE(front.CreateDirectory("/e").ok());
  EXPECT_TRUE(front.SyncDirectory("/e").ok());
  EXPECT_TRUE(front.RemoveDirectory("/e").ok());
  EXPECT_TRUE(front.LockFile("/d/LOCK").ok());
  EXPECT_THAT(files_->Files(), ElementsAre("/d/LOCK", "/d/a"));
}

TEST_F(ForwardingFileSystemTest, AReadOnlyOneRefusesEveryChange) {
  ReadOnlyFileSystem front(files_, "look, do not touch");
  const std::vector<absl::Status> refused = {
      front.Create("/d/b", kIo).status(),    front.RemoveFile("/d/a", kIo),
      front.RenameFile("/d/a", "/d/b", kIo), front.CreateDirectory("/e"),
      front.RemoveDirectory("/d"),           front.SyncDirectory("/d"),
      front.LockFile("/d/LOCK").status()};
  for (const absl::Status& status : refused) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(status.message()),
                testing::EndsWith(": look, do not touch"));
  }
  EXPECT_THAT(files_->Files(), ElementsAre("/d/a"));
  EXPECT_TRUE(front.OpenForRead("/d/a", kIo).ok());
  EXPECT_THAT(*front.ListDirectory("/d"), ElementsAre("a"));
  EXPECT_EQ(front.GetFileInfo("/d/a")->size, 5u);
}

TEST_F(ForwardingFileSystemTest, AFileIsReadThrough) {
  ForwardingRandomAccessFile file(*files_->OpenForRead("/d/a", kIo));
  std::string scratch(3, ' ');
  EXPECT_EQ(*file.Read(1, 3, scratch.data(), kIo), "yte");
  EXPECT_EQ(*file.Size(), 5u);
  ReadRequest request{.offset = 2,
                      .size = 3,
                      .scratch = scratch.data(),
                      .result = {},
                      .status = {}};
  file.ReadBatch(std::span(&request, 1), kIo);
  EXPECT_TRUE(request.status.ok());
  EXPECT_EQ(request.result, "tes");
}

}  // namespace
}  // namespace lissom
