// A file under a limit: it asks for every byte, before it appends it, and what
// stands in the file is what was appended, however it was cut.
#include "db/output/limited_file.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "util/memory_file_system.h"

namespace lissom {
namespace {

class LimitedFileTest : public testing::Test {
 protected:
  std::unique_ptr<WritableFile> New(MayAppend may_append) {
    auto file = files_.Create("/file", {});
    EXPECT_TRUE(file.ok()) << file.status();
    return NewLimitedFile(*std::move(file), std::move(may_append));
  }
  std::string Bytes() { return files_.GetBytes("/file").value_or("?"); }

  MemoryFileSystem files_;
};

TEST_F(LimitedFileTest, IsWrittenInThePartsThatAreAllowed) {
  for (uint64_t part = 1; part <= 12; ++part) {
    std::string asked;
    uint64_t allowed = 0;
    auto file = New([&](uint64_t bytes) -> absl::StatusOr<uint64_t> {
      EXPECT_EQ(Bytes().size(), allowed);  // All that was allowed so far.
      const uint64_t now = std::min(bytes, part);
      allowed += now;
      absl::StrAppend(&asked, bytes, " ");
      return now;
    });
    const std::vector<std::string_view> pieces = {"abc", "", "defgh", "i", ""};
    ASSERT_TRUE(file->Append(pieces, {}).ok());
    EXPECT_EQ(Bytes(), "abcdefghi");
    EXPECT_EQ(file->size(), 9u);
    if (part == 4) {
      EXPECT_EQ(asked, "9 5 1 ");
    }
    ASSERT_TRUE(file->Append(std::vector<std::string_view>{"xy"}, {}).ok());
    EXPECT_EQ(Bytes(), "abcdefghixy");
    EXPECT_EQ(file->size(), 11u);
    EXPECT_EQ(allowed, 11u);
    ASSERT_TRUE(file->Sync({}).ok());
    ASSERT_TRUE(file->Close().ok());
    ASSERT_TRUE(files_.RemoveFile("/file", {}).ok());
  }
}

TEST_F(LimitedFileTest, NothingIsNotAskedFor) {
  auto file = New([](uint64_t) -> absl::StatusOr<uint64_t> {
    ADD_FAILURE();
    return 1;
  });
  EXPECT_TRUE(file->Append({}, {}).ok());
  EXPECT_TRUE(file->Append(std::vector<std::string_view>{"", ""}, {}).ok());
}

TEST_F(LimitedFileTest, ARefusalEndsTheAppend) {
  auto file = New([](uint64_t bytes) -> absl::StatusOr<uint64_t> {
    if (bytes < 4) return absl::CancelledError("enough");
    return 2;
  });
  EXPECT_EQ(file->Append(std::vector<std::string_view>{"abcdef"}, {}),
            absl::CancelledError("enough"));
  EXPECT_EQ(Bytes(), "abcd");
  EXPECT_EQ(file->size(), 4u);
}

}  // namespace
}  // namespace lissom
