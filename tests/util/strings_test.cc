#include "util/strings.h"

#include <string>

#include "gtest/gtest.h"

namespace lissom {
namespace {

TEST(Escape, ShowsAnyBytesAsPrintableOnes) {
  EXPECT_EQ(Escape(""), "");
  EXPECT_EQ(Escape("user 7~"), "user 7~");
  EXPECT_EQ(Escape(std::string_view("\0\n\x7f\xff", 4)),
            "\\x00\\x0a\\x7f\\xff");
  EXPECT_EQ(Escape("a\\x00"), "a\\x5cx00");  // So that nothing reads two ways.
}

TEST(Escape, CutsWhatIsLong) {
  EXPECT_EQ(Escape("abc", 3), "abc");
  EXPECT_EQ(Escape("abcd", 3), "abc...");
  EXPECT_EQ(Escape("abcd", 0), "...");
  EXPECT_EQ(Escape(std::string(65, 'x')), std::string(64, 'x') + "...");
}

TEST(Strings, CrossTheBridgeToAbseilAndBack) {
  const std::string_view bytes("a\0b", 3);
  EXPECT_EQ(ToAbsl(bytes).size(), 3u);
  EXPECT_EQ(ToStd(ToAbsl(bytes)), bytes);
  EXPECT_EQ(ToStd(ToAbsl({})), "");
}

}  // namespace
}  // namespace lissom
