// The bytes of a write batch: those in db/FORMAT.md, and bytes that nobody
// wrote, which are refused or are another batch. WriteBatch itself:
// write_batch_test.
#include "db/memtable/batch_format.h"

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "lissom/write_batch.h"
#include "tests/db/memtable/batch_lines.h"
#include "tests/support/test_env.h"
#include "util/coding.h"
#include "util/random.h"

namespace lissom {
namespace {

std::string Header(uint32_t count) {
  std::string bytes(1, '\0');
  AppendFixed32(&bytes, count);
  return bytes;
}

std::string Entry(uint8_t tag, std::string_view body) {
  std::string bytes(1, static_cast<char>(tag));
  AppendLengthPrefixed(&bytes, body);
  return bytes;
}

std::string PutBody(std::string_view key, std::string_view value) {
  std::string body;
  AppendLengthPrefixed(&body, key);
  body += value;
  return body;
}

constexpr uint8_t kPutTag = static_cast<uint8_t>(EntryKind::kPut);
constexpr uint8_t kDeleteTag = static_cast<uint8_t>(EntryKind::kDelete);
constexpr uint8_t kLogDataTag = static_cast<uint8_t>(EntryKind::kLogData);

bool IsRefusal(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsUnimplemented(status);
}

// What must hold of any bytes: they are refused as one of two codes, or are a
// batch that reads, counts and copies like one. True if they are a batch.
bool RefusedOrWhole(std::string_view bytes) {
  const absl::Status valid = ValidateBatch(bytes);
  const absl::StatusOr<WriteBatch> batch = WriteBatch::FromData(bytes);
  EXPECT_EQ(valid.code(), batch.status().code());
  if (!valid.ok()) {
    EXPECT_TRUE(IsRefusal(valid)) << valid;
    return false;
  }
  if (!batch.ok()) return false;
  EXPECT_EQ(batch->data(), bytes);
  size_t changes = 0;
  for (const std::string& line : LinesOf(*batch)) changes += line[0] != 'L';
  EXPECT_EQ(batch->Count(), changes);
  return true;
}

TEST(BatchFormat, IsWhatFormatMdShows) {
  WriteBatch batch;
  EXPECT_EQ(batch.data(), std::string_view("\0\0\0\0\0", 5));
  batch.Put("a", "b");
  batch.Delete("a");
  batch.PutLogData("hi");
  constexpr std::string_view kBytes(
      "\x00\x02\x00\x00\x00\x01\x03\x01"
      "ab\x00\x01"
      "a\x07\x02"
      "hi",
      17);
  EXPECT_EQ(batch.data(), kBytes);

  std::ifstream page(std::string(LISSOM_SOURCE_DIR) + "/db/FORMAT.md");
  const std::string text{std::istreambuf_iterator<char>(page), {}};
  for (const char* line :
       {"00000000  00 00 00 00 00      ",
        "00000000  00 02 00 00 00 01 03 01  61 62 00 01 61 07 02 68  |",
        "00000010  69                    "}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
}

TEST(BatchFormat, EveryTruncationIsRefusedUnlessOnlyNotesAreGone) {
  WriteBatch batch;
  batch.Put("key", "value");
  batch.Put("", "");
  batch.Delete("");
  batch.Delete(std::string(200, 'k'));
  const size_t changes_end = batch.ByteSize();
  batch.PutLogData("note");
  const size_t first_note_end = batch.ByteSize();
  batch.PutLogData("");
  const std::string bytes(batch.data());
  for (size_t size = 0; size <= bytes.size(); ++size) {
    SCOPED_TRACE(size);
    const bool legal =
        size == changes_end || size == first_note_end || size == bytes.size();
    EXPECT_EQ(RefusedOrWhole(std::string_view(bytes).substr(0, size)), legal);
  }
}

TEST(BatchFormat, EveryFlippedBitIsRefusedOrAnotherBatch) {
  WriteBatch batch;
  batch.Put("key", "value");
  batch.Delete("another key");
  batch.PutLogData("note");
  batch.Put(std::string(130, 'k'), std::string(300, 'v'));
  const std::string bytes(batch.data());
  size_t refused = 0;
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    SCOPED_TRACE(bit);
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    if (!RefusedOrWhole(flipped)) ++refused;
    // The header has no bit to spare: the version, and the true count.
    if (bit < kBatchHeaderBytes * 8) {
      EXPECT_EQ(ValidateBatch(flipped).code(),
                bit < 8 ? absl::StatusCode::kUnimplemented
                        : absl::StatusCode::kInvalidArgument);
    }
  }
  EXPECT_GT(refused, kBatchHeaderBytes * 8);
}

TEST(BatchFormat, RandomBytesNeverCrash) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(testing::Message() << "LISSOM_SEED=" << seed);
  Random random(seed);
  for (uint64_t i = 0; i < Scaled(100'000); ++i) {
    // Half of them get past the header.
    std::string bytes = RandomUpTo(random, 60);
    if (random.OneIn(2)) {
      bytes.insert(0, Header(static_cast<uint32_t>(random.Uniform(4))));
    }
    RefusedOrWhole(bytes);
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

TEST(BatchFormat, UnknownEntriesAreSkippedOrRefusedAsTheirBitSays) {
  for (unsigned tag = 0; tag < 256; ++tag) {
    SCOPED_TRACE(tag);
    const unsigned kind = tag & kBatchKindMask;
    const bool known =
        (tag & kBatchHasFamily) == 0 &&
        (kind == kPutTag || kind == kDeleteTag || kind == kLogDataTag);
    if (known) continue;
    const std::string bytes = Header(2) + Entry(kPutTag, PutBody("a", "1")) +
                              Entry(static_cast<uint8_t>(tag), "whatever") +
                              Entry(kDeleteTag, "b");
    const absl::StatusOr<WriteBatch> batch = WriteBatch::FromData(bytes);
    if ((tag & kBatchMaySkip) == 0) {
      EXPECT_TRUE(absl::IsUnimplemented(batch.status())) << batch.status();
      continue;
    }
    ASSERT_TRUE(batch.ok()) << batch.status();
    EXPECT_EQ(LinesOf(*batch),
              (std::vector<std::string>{"P\"a\"=\"1\"", "D\"b\""}));
    EXPECT_EQ(batch->data(), bytes) << "what is skipped is kept";
  }
}

TEST(BatchFormat, MalformedEntriesAreInvalidArguments) {
  const std::string put = Entry(kPutTag, PutBody("k", "v"));
  const std::string long_key(WriteBatch::kMaxKeyBytes + 1, 'k');
  const std::vector<std::pair<const char*, std::string>> cases = {
      {"nothing", ""},
      {"half a header", std::string(4, '\0')},
      {"a change too many", Header(0) + put},
      {"a change too few", Header(2) + put},
      {"a tag alone", Header(1) + std::string(1, kPutTag)},
      {"a length beyond the end", Header(1) + std::string("\x01\x7f", 2)},
      {"a length of eleven bytes",
       Header(1) + '\x01' + std::string(10, '\x80') + '\x01'},
      {"a length of 2^64 - 1",
       Header(1) + '\x01' + std::string(9, '\xff') + '\x01'},
      {"a put without a key", Header(1) + Entry(kPutTag, "")},
      {"a key beyond its entry", Header(1) + Entry(kPutTag,
                                                   "\x05"
                                                   "abcd")},
      {"a key to put over its limit",
       Header(1) + Entry(kPutTag, PutBody(long_key, ""))},
      {"a key to delete over its limit",
       Header(1) + Entry(kDeleteTag, long_key)},
  };
  for (const auto& [what, bytes] : cases) {
    SCOPED_TRACE(what);
    EXPECT_TRUE(absl::IsInvalidArgument(ValidateBatch(bytes)))
        << ValidateBatch(bytes);
    EXPECT_TRUE(absl::IsInvalidArgument(WriteBatch::FromData(bytes).status()));
  }
}

TEST(BatchFormat, InsertNumbersChangesAndNotNotes) {
  WriteBatch batch;
  batch.Put("a", "1");
  batch.PutLogData("note");
  batch.Delete("b");
  batch.Put("a", "2");
  const Ref<Memtable> memtable =
      Memtable::Create(KeyOrder(BytewiseComparator()), 1);
  ASSERT_TRUE(InsertBatch(batch.data(), 41, *memtable).ok());
  EXPECT_EQ(memtable->entries(), 3u);
  EXPECT_EQ(memtable->largest_sequence(), 43u);
  Memtable::Entry entry;
  ASSERT_TRUE(memtable->Get(LookupKey("a", kMaxSequence), &entry));
  EXPECT_EQ(entry.value, "2") << "of two changes to one key the last wins";
  EXPECT_EQ(entry.sequence, 43u);
  ASSERT_TRUE(memtable->Get(LookupKey("b", kMaxSequence), &entry));
  EXPECT_EQ(entry.kind, EntryKind::kDelete);
  EXPECT_EQ(entry.sequence, 42u);
}

}  // namespace
}  // namespace lissom
