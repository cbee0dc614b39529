// One line of JSON, whatever the bytes.
#include "util/json_line.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/test_env.h"

namespace lissom {
namespace {

std::string Json(std::string_view bytes) {
  std::string text;
  AppendJsonString(&text, bytes);
  return text;
}

TEST(JsonLine, IsAnObjectInTheOrderOfItsMembers) {
  const std::vector<uint64_t> tables = {7, 8, 9};
  JsonLine line;
  line.Add("event", "flush_completed")
      .Add("job", 7)
      .Add("bytes", uint64_t{18446744073709551615u})
      .Add("level", -1)
      .Add("ok", true)
      .Add("move", false)
      .Add("score", 1.5)
      .Add("tables", tables);
  EXPECT_EQ(std::move(line).Finish(),
            R"({"event":"flush_completed","job":7,)"
            R"("bytes":18446744073709551615,"level":-1,"ok":true,)"
            R"("move":false,"score":1.5,"tables":[7,8,9]})");
}

TEST(JsonLine, MayBeEmptyAndSoMayItsParts) {
  EXPECT_EQ(JsonLine().Finish(), "{}");
  JsonLine line;
  line.Add("", "").Add("list", std::span<const uint64_t>());
  EXPECT_EQ(std::move(line).Finish(), R"({"":"","list":[]})");
}

TEST(JsonLine, NumbersWithoutAWordAreNull) {
  JsonLine line;
  line.Add("a", std::numeric_limits<double>::infinity())
      .Add("b", -std::numeric_limits<double>::infinity())
      .Add("c", std::nan(""))
      .Add("d", 1e300)
      .Add("e", -0.1)
      .Add("f", std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(std::move(line).Finish(),
            R"({"a":null,"b":null,"c":null,"d":1e+300,"e":-0.1,"f":5e-324})");
}

TEST(JsonLine, EscapesNamesToo) {
  JsonLine line;
  line.Add("a\"b\n", 1);
  EXPECT_EQ(std::move(line).Finish(), R"({"a\"b\u000a":1})");
}

TEST(JsonString, EscapesWhatWouldEndItOrTheLine) {
  EXPECT_EQ(Json("a\"b\\c/d"), R"("a\"b\\c/d")");
  EXPECT_EQ(Json("a\nb\r\t\x01\x7f"), R"("a\u000ab\u000d\u0009\u0001\u007f")");
  EXPECT_EQ(Json(std::string_view("\0x", 2)), R"("\u0000x")");
}

TEST(JsonString, KeepsTextOfAllPlanes) {
  EXPECT_EQ(Json("\xc3\xa4"), R"("\u00e4")");                // a umlaut
  EXPECT_EQ(Json("\xe2\x82\xac"), R"("\u20ac")");            // euro
  EXPECT_EQ(Json("\xf0\x9f\x90\x99"), R"("\ud83d\udc19")");  // octopus
  EXPECT_EQ(Json("\xc2\x80"), R"("\u0080")");                // Ends of lengths.
  EXPECT_EQ(Json("\xdf\xbf"), R"("\u07ff")");
  EXPECT_EQ(Json("\xe0\xa0\x80"), R"("\u0800")");
  EXPECT_EQ(Json("\xef\xbf\xbf"), R"("\uffff")");
  EXPECT_EQ(Json("\xf0\x90\x80\x80"), R"("\ud800\udc00")");
  EXPECT_EQ(Json("\xf4\x8f\xbf\xbf"), R"("\udbff\udfff")");
}

TEST(JsonString, ReplacesBytesThatAreNoText) {
  EXPECT_EQ(Json("\x80"), R"("\ufffd")");
  EXPECT_EQ(Json("\xff"), R"("\ufffd")");
  EXPECT_EQ(Json("a\xc3z"), R"("a\ufffdz")");        // Not continued.
  EXPECT_EQ(Json("\xe2\x82"), R"("\ufffd\ufffd")");  // Cut off.
  EXPECT_EQ(Json("\xc0\xaf"), R"("\ufffd\ufffd")");  // Too long a form
  EXPECT_EQ(Json("\xe0\x80\xaf"), R"("\ufffd\ufffd\ufffd")");  // of '/'.
  EXPECT_EQ(Json("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")");  // A surrogate.
  EXPECT_EQ(Json("\xf4\x90\x80\x80"), R"("\ufffd\ufffd\ufffd\ufffd")");
}

// Is `text` a JSON string of printable ASCII, alone?
bool IsJsonString(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"')
    return false;
  text = text.substr(1, text.size() - 2);
  while (!text.empty()) {
    if (text[0] < 0x20 || text[0] > 0x7e || text[0] == '"') return false;
    size_t length = 1;
    if (text[0] == '\\') {
      length = text.size() > 1 && text[1] == 'u' ? 6 : 2;
      if (text.size() < length) return false;
      if (length == 2 && text[1] != '"' && text[1] != '\\') return false;
      for (size_t i = 2; i < length; ++i) {
        if (std::string_view("0123456789abcdef").find(text[i]) ==
            std::string_view::npos) {
          return false;
        }
      }
    }
    text.remove_prefix(length);
  }
  return true;
}

TEST(JsonString, IsOneLineOfAsciiWhateverTheBytes) {
  Random random(TestSeed());
  for (uint64_t i = 0; i < Scaled(20'000); ++i) {
    std::string bytes;
    for (uint64_t n = random.Uniform(12); n > 0; --n) {
      // Half of them begin or continue a character of several bytes.
      bytes += static_cast<char>(random.OneIn(2) ? random.Uniform(256)
                                                 : 0x80 + random.Uniform(128));
    }
    ASSERT_TRUE(IsJsonString(Json(bytes))) << Json(bytes);
  }
}

}  // namespace
}  // namespace lissom
