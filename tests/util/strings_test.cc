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

TEST(BytesText, HasOneDecimalAndTheUnitThatFits) {
  constexpr uint64_t kKiB = 1024;
  EXPECT_EQ(BytesText(0), "0 B");
  EXPECT_EQ(BytesText(1023), "1023 B");
  EXPECT_EQ(BytesText(kKiB), "1.0 KiB");
  EXPECT_EQ(BytesText(kKiB * 3 / 2), "1.5 KiB");
  EXPECT_EQ(BytesText(kKiB * kKiB - 1), "1.0 MiB");  // Not 1024.0 KiB.
  EXPECT_EQ(BytesText(64 * kKiB * kKiB), "64.0 MiB");
  EXPECT_EQ(BytesText(1000 * kKiB * kKiB * kKiB), "1000.0 GiB");
  EXPECT_EQ(BytesText(UINT64_MAX), "16.0 EiB");
}

TEST(DurationText, HasTheUnitThatFits) {
  EXPECT_EQ(DurationText(absl::ZeroDuration()), "0 ns");
  EXPECT_EQ(DurationText(absl::Nanoseconds(999)), "999 ns");
  EXPECT_EQ(DurationText(absl::Nanoseconds(1250)), "1.2 us");
  EXPECT_EQ(DurationText(absl::Nanoseconds(999'990)), "1.0 ms");
  EXPECT_EQ(DurationText(absl::Milliseconds(34)), "34.0 ms");
  EXPECT_EQ(DurationText(absl::Milliseconds(7100)), "7.1 s");
  EXPECT_EQ(DurationText(absl::Hours(2)), "7200 s");
  EXPECT_EQ(DurationText(absl::InfiniteDuration()), "inf s");
  EXPECT_EQ(DurationText(-absl::Seconds(1)), "-1000000000 ns");
}

}  // namespace
}  // namespace lissom
