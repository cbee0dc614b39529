// The formats of load and dump: what a writer writes its reader reads, and what
// is broken is named by file and line and can be passed over.
#include "src/tools/cli/record.h"

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_env.h"
#include "util/random.h"

namespace lissom::tools {
namespace {

using Entries = std::vector<std::pair<std::string, std::string>>;

// Everything a reader says of `text`: entries, and messages as "! message".
Entries ReadAll(const RecordFormat& format, const std::string& text) {
  std::FILE* const file = std::tmpfile();
  EXPECT_EQ(std::fwrite(text.data(), 1, text.size(), file), text.size());
  std::rewind(file);
  Entries entries;
  LineReader lines(fileno(file), "in");
  const std::unique_ptr<RecordReader> reader = NewRecordReader(format, lines);
  Record record;
  while (true) {
    const absl::StatusOr<bool> more = reader->Next(&record);
    if (!more.ok()) {
      EXPECT_TRUE(absl::IsInvalidArgument(more.status()));
      entries.emplace_back("!", std::string(more.status().message()));
    } else if (!*more) {
      break;
    } else {
      entries.emplace_back(record.key, record.value);
    }
  }
  std::fclose(file);
  return entries;
}

std::string WriteAll(const RecordFormat& format, const Entries& entries) {
  const std::unique_ptr<RecordWriter> writer = NewRecordWriter(format);
  std::string text;
  for (const auto& [key, value] : entries) {
    const absl::Status added = writer->Add(key, value, &text);
    EXPECT_TRUE(added.ok()) << added;
  }
  writer->Finish(&text);
  return text;
}

std::string RandomBytes(Random& random, uint64_t most) {
  std::string bytes(random.Uniform(most + 1), '\0');
  // Now and then text, so that formats with two spellings show both.
  const bool text = random.Uniform(2) == 0;
  for (char& c : bytes) {
    c = static_cast<char>(text ? 0x20 + random.Uniform(0x5F) : random.Next());
  }
  return bytes;
}

class AnyBytes : public ::testing::TestWithParam<const char*> {};

TEST_P(AnyBytes, ReadBack) {
  Random random(TestSeed());
  for (uint64_t round = 0; round < Scaled(300); ++round) {
    Entries entries;
    for (uint64_t i = random.Uniform(20); i > 0; --i) {
      // Some are longer than the buffer of a LineReader.
      const uint64_t most = random.Uniform(50) == 0 ? 100'000 : 60;
      entries.emplace_back(RandomBytes(random, 30), RandomBytes(random, most));
    }
    const RecordFormat format = {.name = GetParam(),
                                 .hex = random.Uniform(2) == 0};
    const std::string text = WriteAll(format, entries);
    ASSERT_EQ(ReadAll(format, text), entries) << text.substr(0, 1000);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, AnyBytes,
                         ::testing::Values("tsv", "jsonl", "ldb"));

TEST(Lines, AnyKeysWithoutNewlinesReadBack) {
  Random random(TestSeed());
  Entries entries;
  for (int i = 0; i < 1000; ++i) {
    std::string key = RandomBytes(random, 80);
    std::erase(key, '\n');
    entries.emplace_back(key, "");
  }
  const RecordFormat format = {.name = "lines"};
  EXPECT_EQ(ReadAll(format, WriteAll(format, entries)), entries);
}

TEST(Deb822, StanzasReadBack) {
  Random random(TestSeed());
  Entries entries;
  for (int i = 0; i < 300; ++i) {
    const std::string name = absl::StrCat("p", random.Next());
    std::string value = "Package: " + name;
    for (uint64_t line = random.Uniform(5); line > 0; --line) {
      std::string text = RandomBytes(random, 30);
      std::erase(text, '\n');
      absl::StrAppend(&value, "\n", line % 2 == 0 ? "F" : " x", line, ":",
                      text);
    }
    entries.emplace_back(name, value);
  }
  const RecordFormat format = {.name = "deb822"};
  EXPECT_EQ(ReadAll(format, WriteAll(format, entries)), entries);
}

TEST(Deb822, AKeyMayBeMadeOfSeveralFields) {
  const RecordFormat format = {.name = "deb822",
                               .key_fields = {"package", "Arch"}};
  EXPECT_EQ(ReadAll(format,
                    "\n\nPackage:  a \nArch: x\n\n\n# c\nARCH:y\n"
                    "PACKAGE:\tb"),
            (Entries{{"a/x", "Package:  a \nArch: x"},
                     {"b/y", "# c\nARCH:y\nPACKAGE:\tb"}}));
}

TEST(Deb822, DifferentFieldsMakeDifferentKeys) {
  const RecordFormat format = {.name = "deb822", .key_fields = {"A", "B"}};
  EXPECT_EQ(ReadAll(format, "A: a\nB: b/c\n\nA: a/b\nB: c\n"),
            (Entries{{"a/b/c", "A: a\nB: b/c"},
                     {"!",
                      "in:4: field 'A' has a '/', which joins the fields of a "
                      "key"}}));
}

TEST(Deb822, ALineOfBlanksEndsAStanza) {
  EXPECT_EQ(ReadAll({.name = "deb822"}, "Package: a\n \t\nPackage: b\n \n\n"),
            (Entries{{"a", "Package: a"}, {"b", "Package: b"}}));
}

TEST(Deb822, ABrokenStanzaIsPassedOverWhole) {
  EXPECT_EQ(ReadAll({.name = "deb822"},
                    "Package: a\nnonsense\nmore nonsense\n\nPackage: b\n\n"
                    "X: 1\n\n x\nPackage: c\n\nPackage: d\nPackage: e\n\n"
                    "Package:\n\n: x\n\nPackage: f\n"),
            (Entries{{"!", "in:2: 'nonsense' is no line 'Field: text'"},
                     {"b", "Package: b"},
                     {"!", "in:7: the stanza has no field 'Package'"},
                     {"!", "in:9: ' x' is no line 'Field: text'"},
                     {"!", "in:13: the stanza has a second field 'Package'"},
                     {"!", "in:15: the stanza has an empty field 'Package'"},
                     {"!", "in:17: ': x' is no line 'Field: text'"},
                     {"f", "Package: f"}}));
}

TEST(Deb822, WhatIsNoStanzaOfItsKeyIsNotWritten) {
  const auto writer = NewRecordWriter({.name = "deb822"});
  std::string text;
  for (const char* value :
       {"", "\n", "Package: k\n", "\nPackage: k", "Package: k\n\nX: 1",
        "Package: k\n \nX: 1", "Package: other", "X: 1", "no stanza"}) {
    EXPECT_FALSE(writer->Add("k", value, &text).ok()) << value;
  }
  EXPECT_EQ(text, "");
  EXPECT_TRUE(writer->Add("k", "Package: k", &text).ok());
  EXPECT_EQ(text, "Package: k\n\n");
}

TEST(Lines, EntriesWithValuesAreNotWritten) {
  const auto writer = NewRecordWriter({.name = "lines"});
  std::string text;
  EXPECT_FALSE(writer->Add("k", "v", &text).ok());
  EXPECT_FALSE(writer->Add("k\nl", "", &text).ok());
  EXPECT_EQ(text, "");
}

TEST(Ldb, BothFormsOfLdbAreRead) {
  EXPECT_EQ(ReadAll({.name = "ldb"},
                    "0x61 ==> 0x31\n0x62 ==> 0x\nKeys in range: 2\n"
                    "0x63 : 0x33\n"),
            (Entries{{"a", "1"}, {"b", ""}, {"c", "3"}}));
}

TEST(Ldb, MissingRecordsAreNoticed) {
  EXPECT_EQ(ReadAll({.name = "ldb"}, "0x61 ==> 0x31\nKeys in range: 2\n"),
            (Entries{{"a", "1"},
                     {"!", "in:2: 'Keys in range: 2', and 1 came before it"}}));
}

TEST(Jsonl, BrokenLinesSayWhatIsWrong) {
  EXPECT_EQ(
      ReadAll({.name = "jsonl"},
              "{\"key\":\"a\"}\n[]\n{\"key\":1,\"value\":\"\"}\n{\n"
              "{\"key\":\"a\",\"key_hex\":\"61\",\"value\":\"\"}\n"
              "{\"key\":\"a\",\"value\":\"\",\"ttl\":1}\n"
              "{\"key_hex\":\"6\",\"value\":\"\"}\n"
              "{\"value\":\"\\u00e9\",\"key\":\"ok\"}\n"),
      (Entries{
          {"!", "in:1: neither 'value' nor 'value_hex' in the object"},
          {"!", "in:2: the line is no JSON object"},
          {"!", "in:3: 'key' is no string"},
          {"!", "in:4: no JSON: the line ends too early"},
          {"!", "in:5: both 'key' and 'key_hex' in the object"},
          {"!", "in:6: unknown member 'ttl': a record has key and value"},
          {"!",
           "in:7: 'key_hex': '6' is no hexadecimal: two digits a byte, with or "
           "without 0x before them"},
          {"ok", "\xC3\xA9"}}));
}

TEST(Sizes, OverTheLimitIsABrokenRecordAndNotKept) {
  RecordFormat format = {.name = "tsv"};
  format.max_key_bytes = 4;
  format.max_value_bytes = 10;
  const std::string long_line(1'000'000, 'x');
  EXPECT_EQ(
      ReadAll(format, "12345\tv\nk\t12345678901\n" + long_line + "\t\nk\tv\n"),
      (Entries{{"!", "in:1: the key has 5 bytes, and may have 4"},
               {"!", "in:2: the value has 11 bytes, and may have 10"},
               {"!", "in:3: the line is longer than 312 bytes"},
               {"k", "v"}}));
  format.name = "deb822";
  EXPECT_EQ(ReadAll(format, "Package: k\n\nPackage:k\n\nPackage:" + long_line +
                                "\nX: y\n\nPackage:l\nX:"),
            (Entries{{"k", "Package: k"},
                     {"k", "Package:k"},
                     {"!", "in:5: the stanza is longer than 10 bytes"},
                     {"!", "in:9: the stanza is longer than 10 bytes"}}));
}

TEST(LineReader, LinesOfAnyLengthComeWhole) {
  Random random(TestSeed());
  std::string text;
  std::vector<std::string> expected;
  for (int i = 0; i < 200; ++i) {
    std::string line = RandomBytes(random, i % 10 == 0 ? 200'000 : 100);
    std::erase(line, '\n');
    text += line + "\n";
    expected.push_back(std::move(line));
  }
  text.pop_back();  // The last newline may be missing.
  std::FILE* const file = std::tmpfile();
  ASSERT_EQ(std::fwrite(text.data(), 1, text.size(), file), text.size());
  std::rewind(file);
  LineReader lines(fileno(file), "in");
  for (const std::string& line : expected) {
    ASSERT_EQ(*lines.Next(1'000'000), LineReader::Found::kLine);
    ASSERT_EQ(lines.line(), line);
  }
  // An empty last line without a newline is none.
  if (!expected.back().empty()) {
    EXPECT_EQ(*lines.Next(1'000'000), LineReader::Found::kEnd);
  }
  EXPECT_EQ(lines.bytes_read(), text.size());
  std::fclose(file);
}

}  // namespace
}  // namespace lissom::tools
