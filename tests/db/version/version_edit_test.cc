#include "db/version/version_edit.h"

#include <cstdint>
#include <string>
#include <vector>

#include "db/version/version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/shape.h"
#include "tests/support/test_env.h"
#include "util/coding.h"
#include "util/random.h"

namespace lissom {
namespace {

using ::testing::HasSubstr;

std::string RandomBytes(Random& random) {
  std::string bytes(random.Uniform(20), '\0');
  for (char& c : bytes) c = static_cast<char>(random.Next());
  return bytes;
}

// Small, middling and huge numbers alike; at most `max`.
uint64_t RandomNumber(Random& random, uint64_t max = UINT64_MAX) {
  const uint64_t n = random.Next() >> random.Uniform(64);
  return n > max ? max : n;
}

uint64_t RandomFileNumber(Random& random) {
  return RandomNumber(random, kMaxFileNumber - 1) + 1;
}

InternalKey RandomKey(Random& random) {
  return InternalKey(RandomBytes(random),
                     PackTrailer(RandomNumber(random, kMaxSequence),
                                 static_cast<EntryKind>(random.Next() & 0xff)));
}

TableMetadata RandomTable(Random& random) {
  TableMetadata table;
  table.number = RandomFileNumber(random);
  table.size = RandomNumber(random);
  table.tail_size = RandomNumber(random, table.size);
  table.id = random.NextFileId();
  table.smallest = RandomKey(random);
  table.largest = RandomKey(random);
  table.largest_exclusive = random.OneIn(4);
  table.largest_sequence = RandomNumber(random, kMaxSequence);
  table.smallest_sequence = RandomNumber(random, table.largest_sequence);
  if (random.OneIn(4)) {
    table.global_sequence = RandomNumber(random, kMaxSequence);
  }
  table.entries = RandomNumber(random);
  table.tombstones = RandomNumber(random, table.entries);
  table.raw_key_bytes = RandomNumber(random);
  table.raw_value_bytes = RandomNumber(random);
  table.codec = static_cast<uint8_t>(random.Next());
  table.filter_id = static_cast<uint8_t>(random.Next());
  table.temperature = static_cast<uint8_t>(random.Next());
  table.creation_time = RandomNumber(random);
  while (random.OneIn(3)) table.blob_files.push_back(RandomFileNumber(random));
  return table;
}

int RandomLevel(Random& random) {
  return static_cast<int>(random.Uniform(Version::kLevels));
}

VersionEdit RandomEdit(Random& random) {
  VersionEdit edit;
  if (random.OneIn(3)) edit.comparator = RandomBytes(random);
  if (random.OneIn(3)) edit.database_id = random.NextFileId();
  if (random.OneIn(2)) {
    edit.min_log_number = RandomNumber(random, kMaxFileNumber);
  }
  if (random.OneIn(2)) {
    edit.next_file_number = RandomNumber(random, kMaxFileNumber);
  }
  if (random.OneIn(2)) {
    edit.flushed_sequence = RandomNumber(random, kMaxSequence);
  }
  if (random.OneIn(2)) {
    edit.last_sequence = RandomNumber(random, kMaxSequence);
  }
  while (random.OneIn(2)) {
    edit.logs_created.push_back(
        {.number = RandomFileNumber(random), .id = random.NextFileId()});
  }
  while (random.OneIn(3)) {
    edit.logs_closed.push_back({.number = RandomFileNumber(random),
                                .length = RandomNumber(random),
                                .chain_hash = random.Next()});
  }
  while (random.OneIn(2)) {
    edit.removed.push_back(
        {.level = RandomLevel(random), .number = RandomFileNumber(random)});
  }
  while (!random.OneIn(3)) {
    edit.added.push_back(
        {.level = RandomLevel(random), .table = RandomTable(random)});
  }
  return edit;
}

// A field as db/FORMAT.md draws it.
std::string Field(int tag, std::string_view value) {
  std::string out(1, static_cast<char>(tag));
  AppendLengthPrefixed(&out, value);
  return out;
}

std::string Varint(uint64_t value) {
  std::string out;
  AppendVarint64(&out, value);
  return out;
}

constexpr int kMust = 0x80;

absl::StatusCode CodeOf(std::string_view bytes) {
  return VersionEdit::Decode(bytes).status().code();
}

VersionEdit EditWithTable() {
  VersionEdit edit;
  edit.added.push_back(
      {.level = 2, .table = testing::ParseTable("7[apple-pear]@70-90:8K")});
  return edit;
}

TEST(VersionEdit, AnEmptyEditIsNoBytes) {
  EXPECT_EQ(VersionEdit().Encode(), "");
  const auto decoded = VersionEdit::Decode("");
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, VersionEdit());
}

TEST(VersionEdit, RandomEditsComeBackAsTheyWere) {
  Random random(TestSeed());
  for (uint64_t i = 0; i < Scaled(20000); ++i) {
    const VersionEdit edit = RandomEdit(random);
    const auto decoded = VersionEdit::Decode(edit.Encode());
    ASSERT_TRUE(decoded.ok()) << i << ": " << decoded.status();
    ASSERT_EQ(*decoded, edit) << i;
  }
}

// No truncation reads as something else: a field is whole, or the edit is bad.
TEST(VersionEdit, TruncationsAreRefusedUnlessTheyEndBetweenFields) {
  Random random(TestSeed());
  for (uint64_t i = 0; i < Scaled(300); ++i) {
    const VersionEdit edit = RandomEdit(random);
    const std::string bytes = edit.Encode();
    for (size_t n = 0; n < bytes.size(); ++n) {
      const auto decoded = VersionEdit::Decode(bytes.substr(0, n));
      if (decoded.ok()) {
        ASSERT_EQ(decoded->Encode(), bytes.substr(0, n));
      } else {
        ASSERT_EQ(decoded.status().code(), absl::StatusCode::kDataLoss);
      }
    }
  }
}

TEST(VersionEdit, FlippedBitsNeverCrash) {
  Random random(TestSeed());
  for (uint64_t i = 0; i < Scaled(100); ++i) {
    const std::string bytes = RandomEdit(random).Encode();
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] ^= static_cast<char>(1 << (bit % 8));
      const auto decoded = VersionEdit::Decode(flipped);
      if (decoded.ok()) {
        // What is believed can be written and read again.
        ASSERT_TRUE(VersionEdit::Decode(decoded->Encode()).ok());
        continue;
      }
      const absl::StatusCode code = decoded.status().code();
      ASSERT_TRUE(code == absl::StatusCode::kDataLoss ||
                  code == absl::StatusCode::kUnimplemented)
          << decoded.status();
    }
  }
}

TEST(VersionEdit, RandomBytesNeverCrash) {
  Random random(TestSeed());
  for (uint64_t i = 0; i < Scaled(100000); ++i) {
    std::string bytes;
    while (!random.OneIn(5)) {
      // Tags that exist, with whatever behind them.
      const int tag = kMust | static_cast<int>(random.Uniform(13));
      bytes += Field(tag, RandomBytes(random));
    }
    VersionEdit::Decode(bytes).IgnoreError();
  }
}

TEST(VersionEdit, UnknownFieldsAreSkippedOrRefusedAsTheirBitSays) {
  const VersionEdit edit = EditWithTable();
  const auto skipped =
      VersionEdit::Decode(Field(99, "whatever") + edit.Encode());
  ASSERT_TRUE(skipped.ok()) << skipped.status();
  EXPECT_EQ(*skipped, edit);

  const auto refused =
      VersionEdit::Decode(edit.Encode() + Field(kMust | 99, "whatever"));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(refused.status().message(), HasSubstr("edit field 99"));
}

// The bytes of EditWithTable() with `more` at the end of the table's fields.
std::string WithTableField(const std::string& more) {
  const std::string bytes = EditWithTable().Encode();
  Decoder in(bytes);
  uint8_t tag = 0;
  std::string_view table;
  EXPECT_TRUE(in.ReadByte(&tag) && in.ReadLengthPrefixed(&table) && in.empty());
  return Field(tag, std::string(table) + more);
}

TEST(VersionEdit, UnknownFieldsOfATableToo) {
  const auto skipped = VersionEdit::Decode(WithTableField(Field(77, "new")));
  ASSERT_TRUE(skipped.ok()) << skipped.status();
  EXPECT_EQ(*skipped, EditWithTable());

  const auto refused =
      VersionEdit::Decode(WithTableField(Field(kMust | 77, "new")));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(refused.status().message(), HasSubstr("table field 77"));
}

TEST(VersionEdit, SingleFieldsMayNotComeTwice) {
  for (int number = 1; number <= 6; ++number) {
    const std::string value =
        number == 2 ? std::string(16, 'i') : std::string("\x05");
    const std::string field = Field(kMust | number, value);
    EXPECT_EQ(CodeOf(field), absl::StatusCode::kOk) << number;
    EXPECT_EQ(CodeOf(field + field), absl::StatusCode::kDataLoss) << number;
  }
  EXPECT_EQ(CodeOf(WithTableField(Field(kMust | 1, Varint(8)))),
            absl::StatusCode::kDataLoss);
  // Statistics neither; a table may refer to many blob files.
  const std::string codec = Field(15, Varint(1));
  EXPECT_EQ(CodeOf(WithTableField(codec)), absl::StatusCode::kOk);
  EXPECT_EQ(CodeOf(WithTableField(codec + codec)), absl::StatusCode::kDataLoss);
  const std::string blob = Field(kMust | 18, Varint(1));
  EXPECT_EQ(CodeOf(WithTableField(blob + blob)), absl::StatusCode::kOk);
}

TEST(VersionEdit, MalformedFieldsAreRefused) {
  const std::string id(16, 'i');
  const struct {
    const char* what;
    std::string bytes;
  } cases[] = {
      {"short id", Field(kMust | 2, id.substr(1))},
      {"long id", Field(kMust | 2, id + "i")},
      {"no number", Field(kMust | 3, "")},
      {"bytes behind a number", Field(kMust | 3, Varint(5) + "x")},
      {"number over 64 bits", Field(kMust | 3, std::string(10, '\xff'))},
      {"next file number too large",
       Field(kMust | 4, Varint(kMaxFileNumber + 1))},
      {"flushed sequence too large",
       Field(kMust | 5, Varint(kMaxSequence + 1))},
      {"last sequence too large", Field(kMust | 6, Varint(kMaxSequence + 1))},
      {"log without id", Field(kMust | 7, Varint(5))},
      {"log 0", Field(kMust | 7, Varint(0) + id)},
      {"log with more", Field(kMust | 7, Varint(5) + id + "x")},
      {"closed log without hash", Field(kMust | 8, Varint(5) + Varint(9))},
      {"closed log 0", Field(kMust | 8, Varint(0) + Varint(9) + "hashhash")},
      {"removed from level 7", Field(kMust | 9, Varint(7) + Varint(1))},
      {"removed table 0", Field(kMust | 9, Varint(1) + Varint(0))},
      {"removed without number", Field(kMust | 9, Varint(1))},
      {"table without level", Field(kMust | 10, "")},
      {"table in level 7",
       Field(kMust | 10, Varint(7) + Field(kMust | 1, Varint(3)))},
      {"table with nothing", Field(kMust | 10, Varint(1))},
      {"length beyond the end", std::string("\x81\x05", 2) + "abc"},
      {"no length", std::string("\x81", 1)},
      {"huge length", std::string("\x81") + Varint(UINT64_MAX)},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(CodeOf(c.bytes), absl::StatusCode::kDataLoss) << c.what;
  }
}

TEST(VersionEdit, TablesThatContradictThemselvesAreRefused) {
  const auto code = [](void (*change)(TableMetadata&)) {
    VersionEdit edit = EditWithTable();
    change(edit.added[0].table);
    return CodeOf(edit.Encode());
  };
  EXPECT_EQ(code([](TableMetadata&) {}), absl::StatusCode::kOk);
  EXPECT_EQ(code([](TableMetadata& t) { t.number = 0; }),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(code([](TableMetadata& t) { t.number = kMaxFileNumber + 1; }),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(code([](TableMetadata& t) { t.tail_size = t.size + 1; }),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(code([](TableMetadata& t) { t.smallest_sequence = 91; }),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(
      code([](TableMetadata& t) { t.largest_sequence = kMaxSequence + 1; }),
      absl::StatusCode::kDataLoss);
  EXPECT_EQ(code([](TableMetadata& t) {
              t.smallest.trailer =
                  PackTrailer(kMaxSequence + 1, EntryKind::kPut);
            }),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(code([](TableMetadata& t) { t.tombstones = t.entries + 1; }),
            absl::StatusCode::kDataLoss);
}

// The bytes of db/FORMAT.md. Until format version 1 they may change; the page
// then changes too.
TEST(VersionEdit, LooksAsTheFormatPageSays) {
  VersionEdit edit;
  edit.comparator = "x";
  edit.min_log_number = 4;
  edit.next_file_number = 300;
  edit.removed.push_back({.level = 1, .number = 9});
  EXPECT_EQ(edit.Encode(), std::string("\x81\x01x"
                                       "\x83\x01\x04"
                                       "\x84\x02\xac\x02"
                                       "\x89\x02\x01\x09"));
}

}  // namespace
}  // namespace lissom
