// What a read-only opener sees of files that a writer has in hand.
#include "db/recovery/beside_writer_files.h"

#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lissom/status.h"
#include "util/memory_file_system.h"

namespace lissom {
namespace {

constexpr IoContext kWal = {.kind = IoContext::Kind::kWal};
constexpr IoContext kTable = {.kind = IoContext::Kind::kTable};

std::string ReadAll(FileSystem& files, const std::string& path,
                    const IoContext& io = kWal) {
  const auto file = files.OpenForRead(path, io);
  if (!file.ok()) return file.status().ToString();
  std::string bytes(*(*file)->Size() + 10, '?');  // More than there is.
  const auto got = (*file)->Read(0, bytes.size(), bytes.data(), io);
  EXPECT_TRUE(got.ok()) << got.status();
  return std::string(got.value());
}

class BesideWriterFilesTest : public testing::Test {
 protected:
  void Append(const std::string& bytes) {
    if (log_ == nullptr) log_ = *base_->Create("/log", kWal);
    const std::string_view piece = bytes;
    ASSERT_TRUE(log_->Append({&piece, 1}, kWal).ok());
  }

  const std::shared_ptr<MemoryFileSystem> base_ =
      std::make_shared<MemoryFileSystem>();
  BesideWriterFiles files_{base_};
  std::unique_ptr<WritableFile> log_;
};

TEST_F(BesideWriterFilesTest, AFrozenLogDoesNotGrow) {
  Append("abc");
  ASSERT_TRUE(files_.Freeze("/log", kWal).ok());
  Append("def");
  EXPECT_EQ(ReadAll(files_, "/log"), "abc");
  EXPECT_EQ(ReadAll(files_, "/log"), "abc");
  files_.Forget();
  EXPECT_EQ(ReadAll(files_, "/log"), "abcdef");
}

TEST_F(BesideWriterFilesTest, PreallocatedZerosStayZeros) {
  Append("abc");
  ASSERT_TRUE(log_->Allocate(1'000'000, kWal).ok());
  const absl::StatusOr<uint64_t> written = files_.Freeze("/log", kWal);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(*written, 3u);
  Append("def");
  EXPECT_EQ(ReadAll(files_, "/log"), "abc" + std::string(999'997, '\0'));
  ASSERT_TRUE(log_->TrimToSize(kWal).ok());  // The writer closes it.
  EXPECT_EQ(ReadAll(files_, "/log"), "abc" + std::string(999'997, '\0'));
}

TEST_F(BesideWriterFilesTest, ALogThatIsNotFrozenIsWhenItIsOpened) {
  Append("abc");
  const auto file = files_.OpenForRead("/log", kWal);
  ASSERT_TRUE(file.ok());
  Append("def");
  EXPECT_EQ(*(*file)->Size(), 3u);
  std::string bytes(6, '?');
  EXPECT_EQ(*(*file)->Read(1, 6, bytes.data(), kWal), "bc");
}

TEST_F(BesideWriterFilesTest, ViewsOfAnySizeEndAtTheLastWrittenByte) {
  std::string content;
  for (const size_t size : {0u, 1u, 4095u, 4097u, 262'143u, 1u, 262'145u}) {
    content += std::string(size, 'x') + std::string(size / 2, '\0');
    Append(std::string(size, 'x') + std::string(size / 2, '\0'));
    ASSERT_TRUE(files_.Freeze("/log", kWal).ok());
    ASSERT_EQ(ReadAll(files_, "/log"), content);
  }
}

TEST_F(BesideWriterFilesTest, AFrozenLogThatIsCutShortIsDamaged) {
  Append("abcdef");
  ASSERT_TRUE(files_.Freeze("/log", kWal).ok());
  ASSERT_TRUE(base_->Truncate("/log", 2).ok());
  const auto file = files_.OpenForRead("/log", kWal);
  std::string bytes(6, '?');
  EXPECT_TRUE(
      absl::IsDataLoss((*file)->Read(0, 6, bytes.data(), kWal).status()));
}

TEST_F(BesideWriterFilesTest, ATableThatIsGoneIsTheWriters) {
  const absl::Status table = files_.OpenForRead("/1.sst", kTable).status();
  EXPECT_TRUE(absl::IsUnavailable(table)) << table;
  EXPECT_EQ(DetailOf(table)->kind, ErrorKind::kMissingFile);
  EXPECT_EQ(DetailOf(table)->file, "/1.sst");
  EXPECT_TRUE(absl::IsDataLoss(files_.OpenForRead("/log", kWal).status()));
}

TEST_F(BesideWriterFilesTest, NothingCanBeChanged) {
  Append("abc");
  const size_t before = base_->operation_count();
  EXPECT_TRUE(absl::IsFailedPrecondition(files_.Create("/a", {}).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(files_.RemoveFile("/log", {})));
  EXPECT_TRUE(absl::IsFailedPrecondition(files_.RenameFile("/log", "/b", {})));
  EXPECT_TRUE(absl::IsFailedPrecondition(files_.CreateDirectory("/d")));
  EXPECT_TRUE(absl::IsFailedPrecondition(files_.RemoveDirectory("/d")));
  EXPECT_TRUE(absl::IsFailedPrecondition(files_.SyncDirectory("/")));
  EXPECT_TRUE(absl::IsFailedPrecondition(files_.LockFile("/LOCK").status()));
  EXPECT_EQ(base_->operation_count(), before);
  EXPECT_EQ(files_.GetFileInfo("/log")->size, 3u);
  EXPECT_EQ(files_.ListDirectory("/")->size(), 1u);
}

}  // namespace
}  // namespace lissom
