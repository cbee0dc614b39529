// The bytes of a write batch, and WriteBatch as its writer: what goes in comes
// out, and bytes that nobody wrote are refused or are another batch.
#include "db/memtable/batch_format.h"

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "lissom/write_batch.h"
#include "tests/support/test_env.h"
#include "util/coding.h"
#include "util/random.h"

namespace lissom {
namespace {

// The changes of a batch as lines: P"key"="value", D"key", L"note".
class Lines final : public WriteBatch::Handler {
 public:
  absl::Status Put(std::string_view key, std::string_view value) override {
    return Add('P', key, value);
  }
  absl::Status Delete(std::string_view key) override {
    return Add('D', key, {});
  }
  absl::Status LogData(std::string_view blob) override {
    return Add('L', blob, {});
  }

  std::vector<std::string> lines;
  size_t fail_after = SIZE_MAX;

 private:
  absl::Status Add(char kind, std::string_view key, std::string_view value) {
    if (lines.size() == fail_after) return absl::AbortedError("enough");
    std::string line(1, kind);
    line += '"';
    line += key;
    line += '"';
    if (kind == 'P') {
      line += "=\"";
      line += value;
      line += '"';
    }
    lines.push_back(line);
    return absl::OkStatus();
  }
};

std::vector<std::string> LinesOf(const WriteBatch& batch) {
  Lines lines;
  const absl::Status status = batch.Iterate(&lines);
  EXPECT_TRUE(status.ok()) << status;
  return lines.lines;
}

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

std::string RandomBytes(Random& random, size_t most) {
  std::string bytes(random.Uniform(most + 1), '\0');
  for (char& c : bytes) c = static_cast<char>(random.Next());
  return bytes;
}

// --- The bytes --------------------------------------------------------------

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
    std::string bytes = RandomBytes(random, 60);
    if (random.OneIn(2)) {
      bytes = Header(static_cast<uint32_t>(random.Uniform(4))) + bytes;
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

// --- WriteBatch -------------------------------------------------------------

TEST(WriteBatch, RandomBatchesComeBack) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(testing::Message() << "LISSOM_SEED=" << seed);
  Random random(seed);
  for (uint64_t i = 0; i < Scaled(2000, 10); ++i) {
    WriteBatch batch;
    Lines expected;
    for (uint64_t n = random.Uniform(20); n > 0; --n) {
      const std::string key = RandomBytes(random, 300);
      const std::string value = RandomBytes(random, 300);
      switch (random.Uniform(3)) {
        case 0:
          batch.Put(key, value);
          expected.Put(key, value).IgnoreError();
          break;
        case 1:
          batch.Delete(key);
          expected.Delete(key).IgnoreError();
          break;
        default:
          batch.PutLogData(value);
          expected.LogData(value).IgnoreError();
      }
    }
    ASSERT_EQ(LinesOf(batch), expected.lines);
    const absl::StatusOr<WriteBatch> copy = WriteBatch::FromData(batch.data());
    ASSERT_TRUE(copy.ok()) << copy.status();
    ASSERT_EQ(copy->data(), batch.data());
    ASSERT_EQ(copy->Count(), batch.Count());
    ASSERT_EQ(LinesOf(*copy), expected.lines);
  }
}

TEST(WriteBatch, TakesKeysUpToTheirLimit) {
  const std::string key(WriteBatch::kMaxKeyBytes, 'k');
  WriteBatch batch;
  batch.Put(key, "v");
  batch.Delete(key);
  EXPECT_TRUE(batch.Validate().ok());
  EXPECT_TRUE(ValidateBatch(batch.data()).ok());
}

// A view of that many bytes that nobody may look at: what is over a limit is
// refused by its size alone.
std::string_view Oversized(size_t bytes) { return {"", bytes}; }

TEST(WriteBatch, AnOversizedEntryMakesItInvalidAndChangesNothing) {
  const std::vector<std::pair<const char*, void (*)(WriteBatch&)>> misuses = {
      {"put of a key",
       [](WriteBatch& b) {
         b.Put(Oversized(WriteBatch::kMaxKeyBytes + 1), "");
       }},
      {"put of a value",
       [](WriteBatch& b) {
         b.Put("", Oversized(WriteBatch::kMaxValueBytes + 1));
       }},
      {"delete of a key",
       [](WriteBatch& b) {
         b.Delete(Oversized(WriteBatch::kMaxKeyBytes + 1));
       }},
      {"a note",
       [](WriteBatch& b) {
         b.PutLogData(Oversized(WriteBatch::kMaxBatchBytes));
       }},
  };
  for (const auto& [what, misuse] : misuses) {
    SCOPED_TRACE(what);
    WriteBatch batch;
    batch.Put("a", "1");
    const std::string before(batch.data());
    misuse(batch);
    EXPECT_EQ(batch.data(), before);
    EXPECT_EQ(batch.Count(), 1u);
    EXPECT_TRUE(absl::IsInvalidArgument(batch.Validate()));
    Lines lines;
    EXPECT_TRUE(absl::IsInvalidArgument(batch.Iterate(&lines)));
    EXPECT_TRUE(lines.lines.empty()) << "a part of the batch was shown";

    WriteBatch other;
    other.Append(batch);
    EXPECT_FALSE(other.Validate().ok()) << "Append hides what was lost";
    batch.Put("b", "2");
    EXPECT_FALSE(batch.Validate().ok());
    batch.Clear();
    EXPECT_TRUE(batch.Validate().ok());
    EXPECT_EQ(batch.data(), WriteBatch().data());
  }
}

TEST(WriteBatch, RollbackTakesAnOversizedEntryBack) {
  WriteBatch batch;
  batch.Put("a", "1");
  batch.SetSavePoint();
  batch.Delete(Oversized(WriteBatch::kMaxKeyBytes + 1));
  ASSERT_FALSE(batch.Validate().ok());
  ASSERT_TRUE(batch.RollbackToSavePoint().ok());
  EXPECT_TRUE(batch.Validate().ok());
  EXPECT_EQ(LinesOf(batch), std::vector<std::string>{"P\"a\"=\"1\""});
}

TEST(WriteBatch, RollbackWithoutASavePointIsRefusedWithoutEffect) {
  WriteBatch batch;
  batch.Put("a", "1");
  EXPECT_TRUE(absl::IsInvalidArgument(batch.RollbackToSavePoint()));
  EXPECT_EQ(batch.Count(), 1u);
  batch.SetSavePoint();
  batch.Clear();
  EXPECT_TRUE(absl::IsInvalidArgument(batch.RollbackToSavePoint()))
      << "Clear forgets save points";
}

TEST(WriteBatch, SavePointsNest) {
  WriteBatch batch;
  batch.SetSavePoint();
  batch.Put("a", "1");
  const std::string one(batch.data());
  batch.SetSavePoint();
  batch.Delete("b");
  batch.PutLogData("note");
  const std::string two(batch.data());
  batch.SetSavePoint();
  batch.SetSavePoint();  // Twice in one place.
  batch.Put("c", "3");
  ASSERT_TRUE(batch.RollbackToSavePoint().ok());
  EXPECT_EQ(batch.data(), two);
  ASSERT_TRUE(batch.RollbackToSavePoint().ok());
  EXPECT_EQ(batch.data(), two);
  ASSERT_TRUE(batch.RollbackToSavePoint().ok());
  EXPECT_EQ(batch.data(), one);
  EXPECT_EQ(batch.Count(), 1u);
  ASSERT_TRUE(batch.RollbackToSavePoint().ok());
  EXPECT_EQ(batch.data(), WriteBatch().data());
  EXPECT_FALSE(batch.RollbackToSavePoint().ok());
}

TEST(WriteBatch, AppendsItselfAndOthers) {
  WriteBatch batch;
  batch.Put("a", "1");
  batch.Delete("b");
  batch.Append(batch);
  EXPECT_EQ(batch.Count(), 4u);
  EXPECT_EQ(LinesOf(batch),
            (std::vector<std::string>{"P\"a\"=\"1\"", "D\"b\"", "P\"a\"=\"1\"",
                                      "D\"b\""}));
  batch.Append(WriteBatch());
  EXPECT_EQ(batch.Count(), 4u);
  WriteBatch other;
  other.PutLogData("note");
  other.Append(batch);
  EXPECT_EQ(other.Count(), 4u);
  EXPECT_TRUE(ValidateBatch(other.data()).ok());
}

TEST(WriteBatch, IterateStopsAtTheHandlersError) {
  WriteBatch batch;
  for (const char* key : {"a", "b", "c"}) batch.Delete(key);
  Lines lines;
  lines.fail_after = 2;
  EXPECT_TRUE(absl::IsAborted(batch.Iterate(&lines)));
  EXPECT_EQ(lines.lines, (std::vector<std::string>{"D\"a\"", "D\"b\""}));
}

TEST(WriteBatch, FromDataStartsWithoutSavePoints) {
  WriteBatch batch;
  batch.SetSavePoint();
  batch.Put("a", "1");
  absl::StatusOr<WriteBatch> copy = WriteBatch::FromData(batch.data());
  ASSERT_TRUE(copy.ok());
  EXPECT_FALSE(copy->RollbackToSavePoint().ok());
  copy->Put("b", "2");
  EXPECT_EQ(copy->Count(), 2u);
  EXPECT_TRUE(ValidateBatch(copy->data()).ok());
}

}  // namespace
}  // namespace lissom
