// Bytes as text and back.
#include "src/tools/cli/text.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "src/tools/cli/words.h"
#include "tests/support/test_env.h"
#include "util/random.h"

namespace lissom::tools {
namespace {

std::string RandomBytes(Random& random) {
  std::string bytes(random.Uniform(40), '\0');
  for (char& c : bytes) c = static_cast<char>(random.Next());
  return bytes;
}

TEST(Escapes, ShowOtherBytesThanPrintableAsciiAsHex) {
  EXPECT_EQ(ToEscaped("a b~"), "a b~");
  EXPECT_EQ(ToEscaped("a\\b"), "a\\\\b");
  EXPECT_EQ(ToEscaped(std::string("\0\t\n\x7F\xFF", 5)),
            "\\x00\\x09\\x0A\\x7F\\xFF");
  EXPECT_EQ(ToEscaped(""), "");
}

TEST(Escapes, AnyBytesReadBack) {
  Random random(TestSeed());
  for (uint64_t i = 0; i < Scaled(20'000); ++i) {
    const std::string bytes = RandomBytes(random);
    const std::string text = ToEscaped(bytes);
    EXPECT_EQ(text.find_first_of("\t\n\r"), std::string::npos);
    const auto read = FromEscaped(text);
    ASSERT_TRUE(read.ok()) << text << ": " << read.status();
    ASSERT_EQ(*read, bytes);
  }
}

TEST(Escapes, ThoseOfOtherProgramsAreRead) {
  EXPECT_EQ(*FromEscaped("a\\tb\\nc\\rd"), "a\tb\nc\rd");
  EXPECT_EQ(*FromEscaped("\\x6a\\x6B"), "jk");
}

TEST(Escapes, BrokenOnesAreErrors) {
  for (const char* text :
       {"\\", "a\\", "\\x", "\\x1", "\\xg0", "\\x0g", "\\q", "\\0", "\\X41"}) {
    EXPECT_FALSE(FromEscaped(text).ok()) << text;
  }
}

TEST(Hex, AnyBytesReadBack) {
  Random random(TestSeed());
  for (uint64_t i = 0; i < Scaled(20'000); ++i) {
    const std::string bytes = RandomBytes(random);
    ASSERT_EQ(*FromHex(ToHex(bytes)), bytes);
    ASSERT_EQ(*FromHex(ToBareHex(bytes)), bytes);
  }
}

TEST(Hex, IsWrittenAsLdbWritesIt) {
  EXPECT_EQ(ToHex("a\xFF"), "0x61FF");
  EXPECT_EQ(ToHex(""), "0x");
  EXPECT_EQ(*FromHex("0x61ff"), "a\xFF");
  EXPECT_EQ(*FromHex(""), "");
}

TEST(Hex, BrokenDigitsAreErrors) {
  for (const char* text : {"1", "0x1", "6g", "0x0x", "6 1", "-1", "x"}) {
    EXPECT_FALSE(FromHex(text).ok()) << text;
  }
}

TEST(Utf8, IsWhatRfc3629Allows) {
  for (const char* good :
       {"", "abc", "\xC2\x80", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "a\xC3\xA9z"}) {
    EXPECT_TRUE(IsUtf8(good)) << ToEscaped(good);
  }
  for (const char* bad :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF",
        "\xE1\x80", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xFF", "ok\xE2\x82"}) {
    EXPECT_FALSE(IsUtf8(bad)) << ToEscaped(bad);
  }
}

using Words = std::vector<std::string>;

TEST(Words, EndAtBlanksOutsideOfQuotes) {
  EXPECT_EQ(*SplitWords("get a"), (Words{"get", "a"}));
  EXPECT_EQ(*SplitWords("  put\ta  \"b c\" \r"), (Words{"put", "a", "b c"}));
  EXPECT_EQ(*SplitWords("get \"\""), (Words{"get", ""}));
  EXPECT_EQ(*SplitWords("a\"b \"c"), (Words{"ab c"}));
  EXPECT_EQ(*SplitWords(""), Words());
  EXPECT_EQ(*SplitWords(" \t "), Words());
}

TEST(Words, HaveTheEscapesOfArgumentsAndTwoMore) {
  EXPECT_EQ(*SplitWords("\\x41 \"\\x42\" \\\\ \\\" a\\ b"),
            (Words{"A", "B", "\\", "\"", "a b"}));
}

TEST(Words, OfWhatIsShownAreTheBytes) {
  Random random(TestSeed());
  for (uint64_t i = 0; i < Scaled(5'000); ++i) {
    const std::string bytes = RandomBytes(random);
    // As scan shows it, in quotes for its blanks; a quote needs its escape.
    std::string line = "get \"";
    for (const char c : ToEscaped(bytes))
      line += c == '"' ? "\\\"" : std::string(1, c);
    const auto words = SplitWords(line + "\"");
    ASSERT_TRUE(words.ok()) << line << ": " << words.status();
    ASSERT_EQ(*words, (Words{"get", bytes}));
  }
}

TEST(Words, BrokenOnesAreErrors) {
  for (const char* line : {"\"", "get \"a", "get \\", "get \\q", "\\x4"}) {
    EXPECT_FALSE(SplitWords(line).ok()) << line;
  }
}

}  // namespace
}  // namespace lissom::tools
