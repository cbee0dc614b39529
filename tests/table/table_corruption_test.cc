// Damaged and hostile tables: every read gives the right answer or an error.
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lissom/status.h"
#include "table/data_block.h"
#include "table/data_block_builder.h"
#include "table/format.h"
#include "table/index_block.h"
#include "table/properties.h"
#include "tests/table/table_testing.h"
#include "util/coding.h"

namespace lissom {
namespace {

std::vector<TestEntry> SmallEntries() {
  std::vector<TestEntry> entries;
  for (int i = 0; i < 24; ++i) {
    entries.push_back(
        {InternalKey(
             absl::StrCat("key", 100 + i / 2),
             PackTrailer(static_cast<SequenceNumber>(50 - i),
                         i % 7 == 0 ? EntryKind::kDelete : EntryKind::kPut)),
         std::string(20 + static_cast<size_t>(i % 5), 'v')});
  }
  return entries;
}

TestTable SmallTable(bool compressed) {
  TableBuilderOptions options = BuilderOptions();
  options.block_size = 300;
  if (compressed) options.compression = Compression::Zstd(1);
  return BuildTable(options, SmallEntries());
}

bool IsHonest(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsUnimplemented(status);
}

// Reads everything in every way. True if all answers were right, false if an
// error said that the file is bad. A wrong answer fails the test.
bool ReadAll(const TestTable& like, std::shared_ptr<const std::string> bytes) {
  const auto entries = SmallEntries();
  const auto reader = OpenTable(like, std::move(bytes));
  if (!reader.ok()) {
    EXPECT_TRUE(IsHonest(reader.status())) << reader.status();
    EXPECT_TRUE(DetailOf(reader.status()).has_value());
    return false;
  }
  bool clean = true;
  for (const TestEntry& e : entries) {
    const EpochGuard guard;
    PointResult result;
    const auto found = (*reader)->Get(
        LookupKey(e.key.user_key, e.key.view().sequence()), {}, &result);
    if (!found.ok()) {
      EXPECT_TRUE(IsHonest(found.status())) << found.status();
      clean = false;
      continue;
    }
    EXPECT_TRUE(*found);
    EXPECT_EQ(result.sequence, e.key.view().sequence());
    EXPECT_EQ(result.value, e.value);
  }
  for (bool forward : {true, false}) {
    const auto it = (*reader)->NewIterator({.readahead_bytes = 512});
    forward ? it->SeekToFirst() : it->SeekToLast();
    size_t n = 0;
    for (; it->Valid(); forward ? it->Next() : it->Prev(), ++n) {
      if (n >= entries.size()) break;
      const TestEntry& e = entries[forward ? n : entries.size() - 1 - n];
      EXPECT_EQ(it->key(), e.key.view());
      EXPECT_EQ(it->value(), e.value);
    }
    if (it->status().ok()) {
      EXPECT_EQ(n, entries.size()) << "a scan ended early without an error";
    } else {
      EXPECT_TRUE(IsHonest(it->status())) << it->status();
      EXPECT_FALSE(it->Valid());
      clean = false;
    }
  }
  return clean;
}

class TableCorruption : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(RawAndZstd, TableCorruption, testing::Bool());

TEST_P(TableCorruption, EveryFlippedByteIsSeen) {
  const TestTable table = SmallTable(GetParam());
  ASSERT_TRUE(ReadAll(table, table.bytes));
  for (size_t at = 0; at < table.bytes->size(); ++at) {
    for (int mask : {0x01, 0x80, 0xff}) {
      SCOPED_TRACE(absl::StrCat("byte ", at, " xor ", mask));
      auto bytes = std::make_shared<std::string>(*table.bytes);
      (*bytes)[at] = static_cast<char>((*bytes)[at] ^ mask);
      EXPECT_FALSE(ReadAll(table, bytes)) << "no read noticed";
    }
  }
}

TEST_P(TableCorruption, EveryTruncationIsSeen) {
  TestTable table = SmallTable(GetParam());
  for (size_t size = 0; size < table.bytes->size(); ++size) {
    SCOPED_TRACE(size);
    auto bytes = std::make_shared<std::string>(table.bytes->substr(0, size));
    const auto wrong_size = OpenTable(table, bytes);
    EXPECT_TRUE(absl::IsDataLoss(wrong_size.status())) << wrong_size.status();
    // Even if the manifest agreed with the size.
    TestTable agreed = table;
    agreed.bytes = bytes;
    EXPECT_TRUE(absl::IsDataLoss(OpenTable(agreed, bytes).status()));
  }
}

TEST_P(TableCorruption, AnyBlockMovedElsewhereIsSeen) {
  const TestTable table = SmallTable(GetParam());
  // Data blocks of equal size change places.
  for (size_t shift : {1u, 7u, 64u}) {
    auto bytes = std::make_shared<std::string>(*table.bytes);
    std::rotate(bytes->begin(), bytes->begin() + static_cast<ptrdiff_t>(shift),
                bytes->end());
    EXPECT_FALSE(ReadAll(table, bytes));
  }
}

TEST(TableCorruptionOf, AnotherTableOfTheSameSizeIsSeen) {
  const TestTable table = SmallTable(false);
  TableBuilderOptions options = table.options;
  options.id.low ^= 1;
  const TestTable other = BuildTable(options, SmallEntries());
  ASSERT_EQ(other.bytes->size(), table.bytes->size());
  const auto opened = OpenTable(table, other.bytes);
  EXPECT_TRUE(absl::IsDataLoss(opened.status())) << opened.status();
  // A data block of the other table in ours.
  auto bytes = std::make_shared<std::string>(*table.bytes);
  bytes->replace(0, 200, other.bytes->substr(0, 200));
  std::string tail = other.bytes->substr(0, 400);
  bytes->replace(0, 400, tail);
  EXPECT_FALSE(ReadAll(table, bytes));
}

TEST(TableCorruptionOf, ComparatorsAreNotMixed) {
  TestTable table = SmallTable(false);
  table.options.order = KeyOrder(ReverseBytewiseComparator());
  EXPECT_TRUE(absl::IsInvalidArgument(OpenTable(table, table.bytes).status()));
}

TEST(TableCorruptionOf, ANewerFormatIsUnimplemented) {
  const TestTable table = SmallTable(false);
  auto bytes = std::make_shared<std::string>(*table.bytes);
  const uint64_t at = bytes->size() - Footer::kSize;
  Footer footer;
  ASSERT_FALSE(footer.Decode(table.options.id, at, bytes->substr(at)));
  footer.min_reader_version = 1;
  bytes->resize(at);
  footer.AppendTo(at, bytes.get());
  EXPECT_TRUE(absl::IsUnimplemented(OpenTable(table, bytes).status()));
}

// Changes a few bytes, biased to what breaks parsers.
void Mutate(Random& random, std::string* bytes) {
  static constexpr uint8_t kEvil[] = {0, 1, 2, 0x7f, 0x80, 0xfe, 0xff};
  for (uint64_t n = 1 + random.Uniform(4); n > 0 && !bytes->empty(); --n) {
    // Mostly near the front, where the lengths are.
    const size_t span =
        random.OneIn(3) ? bytes->size() : std::min<size_t>(64, bytes->size());
    const size_t at = random.Uniform(span);
    switch (random.Uniform(4)) {
      case 0:
        (*bytes)[at] = static_cast<char>(random.Next());
        break;
      case 1:
        (*bytes)[at] = static_cast<char>(kEvil[random.Uniform(7)]);
        break;
      case 2:
        bytes->erase(at, 1 + random.Uniform(9));
        break;
      default:
        bytes->insert(at, 1 + random.Uniform(9),
                      static_cast<char>(kEvil[random.Uniform(7)]));
    }
  }
}

// Touches all that a reader of the block could touch.
void UseBlock(const DataBlock& block, const KeyOrder& order) {
  uint64_t sum = 0;
  const auto touch = [&sum](std::string_view bytes) {
    for (char c : bytes) sum += static_cast<uint8_t>(c);
  };
  DataBlockCursor cursor(order);
  cursor.Attach(&block);
  for (cursor.SeekToFirst(); cursor.Valid(); cursor.Next()) {
    touch(cursor.key().user_key);
    touch(cursor.value());
    block.Find(LookupKey(cursor.key().user_key, 3));
    block.Find(LookupKey(cursor.key().user_key, kMaxSequence));
  }
  for (cursor.SeekToLast(); cursor.Valid(); cursor.Prev()) ++sum;
  cursor.Seek({"key105", SeekTrailer(20)});
  cursor.Seek({"zzz", 0});
  asm volatile("" : : "r"(sum));
}

TEST(HostileBlocks, ADataBlockOfAnyBytesIsHandledInBounds) {
  Random random(TestSeed());
  const KeyOrder order(BytewiseComparator());
  int parsed = 0;
  for (int round = 0; round < 20'000; ++round) {
    DataBlockBuilder builder;
    const uint64_t count = 1 + random.Uniform(12);
    const bool equal = random.OneIn(2);
    for (uint64_t i = 0; i < count; ++i) {
      const std::string key =
          absl::StrCat("key", 100 + i) + std::string(equal ? 0 : i % 3, 'x');
      builder.Add({key, PackTrailer(random.Uniform(1000), EntryKind::kPut)},
                  KeyHash(key), std::string(random.Uniform(30), 'v'));
    }
    std::string bytes;
    builder.Finish(&bytes);
    Mutate(random, &bytes);
    const Ref<DataBlock> block = DataBlock::Allocate(bytes.size());
    std::copy(bytes.begin(), bytes.end(), block->mutable_data());
    if (block->Parse(bytes.size())) continue;
    ++parsed;
    UseBlock(*block, order);
  }
  EXPECT_GT(parsed, 1000) << "the mutations reach nothing behind Parse";
}

TEST(HostileBlocks, AnIndexBlockOfAnyBytesIsHandledInBounds) {
  Random random(TestSeed());
  const KeyOrder order(BytewiseComparator());
  for (int round = 0; round < 20'000; ++round) {
    IndexBlockBuilder builder;
    uint64_t offset = random.Uniform(1000);
    for (uint64_t i = 0; i < 1 + random.Uniform(12); ++i) {
      const std::string key = absl::StrCat("key", 100 + i);
      const BlockHandle handle = {.offset = offset,
                                  .stored_size = 100,
                                  .raw_size = i % 2 == 0 ? 100u : 200u};
      builder.Add({key, random.OneIn(4) ? 77u : 0u}, handle);
      offset += 100 + kBlockTrailerSize;
    }
    std::string filter;
    const uint64_t hashes[] = {KeyHash("key105"), KeyHash("key101")};
    AppendBloomFilter(hashes, 10, 6, &filter);
    std::string bytes;
    builder.Finish(filter, &bytes);
    Mutate(random, &bytes);
    const Ref<IndexBlock> block = MakeRef<IndexBlock>();
    if (block->Parse(bytes, order, FilterId::kBlockedBloom, 1 << 20)) continue;
    // Allocations stay in proportion to the bytes.
    ASSERT_LT(block->charge(), 4096 + bytes.size() * 40);
    for (uint32_t i = 0; i < block->count(); ++i) {
      const BlockHandle& h = block->handle(i);
      ASSERT_LE(h.offset + h.stored_size + kBlockTrailerSize, 1u << 20);
      ASSERT_LE(block->Find(block->separator(i), order), block->count());
    }
    for (uint64_t h : {hashes[0], random.Next()}) {
      static_cast<void>(block->filter().MayContain(h));
    }
  }
}

TEST(HostileBlocks, PropertiesOfAnyBytesAreHandled) {
  Random random(TestSeed());
  for (int round = 0; round < 20'000; ++round) {
    TableProperties properties;
    properties.comparator = "c";
    properties.smallest = InternalKey("a", 5);
    std::string bytes;
    properties.AppendTo(&bytes);
    Mutate(random, &bytes);
    TableProperties decoded;
    static_cast<void>(decoded.Decode(bytes));
  }
}

// The whole file, with mutated blocks under right checksums.
TEST(HostileBlocks, AFileWithRightChecksumsNeverCrashesAReader) {
  Random random(TestSeed());
  const TestTable table = SmallTable(false);
  const uint64_t footer_at = table.bytes->size() - Footer::kSize;
  Footer footer;
  ASSERT_FALSE(footer.Decode(table.options.id, footer_at,
                             table.bytes->substr(footer_at)));
  const uint64_t partition_at =
      table.summary.file_size - table.summary.tail_size;
  for (int round = 0; round < 5'000; ++round) {
    auto bytes = std::make_shared<std::string>(*table.bytes);
    // [begin, end) of a block's stored bytes: any but its trailer.
    const std::pair<uint64_t, uint64_t> blocks[] = {
        {partition_at, footer.top.offset - kBlockTrailerSize},
        {footer.top.offset, footer.top.offset + footer.top.stored_size},
        {footer.properties.offset,
         footer.properties.offset + footer.properties.stored_size}};
    const auto [begin, end] = blocks[random.Uniform(3)];
    std::string content = bytes->substr(begin, end - begin);
    const size_t size = content.size();
    Mutate(random, &content);
    content.resize(size, '\0');
    std::string sealed = content;
    SealBlock(table.options.id, begin, Codec::kNone, 0, &sealed);
    bytes->replace(begin, sealed.size(), sealed);
    const auto reader = OpenTable(table, bytes);
    if (!reader.ok()) continue;
    const EpochGuard guard;
    PointResult result;
    for (const char* key : {"", "key105", "zzz"}) {
      (*reader)
          ->Get(LookupKey(key, 40), {.verify_checksums = random.OneIn(2)},
                &result)
          .IgnoreError();
    }
    const auto it = (*reader)->NewIterator({});
    int steps = 0;
    for (it->SeekToFirst(); it->Valid() && steps < 1000; it->Next()) ++steps;
    for (it->SeekToLast(); it->Valid() && steps < 2000; it->Prev()) ++steps;
    ASSERT_LT(steps, 2000);
  }
}

TEST(HostileBlocks, ASmallFileCannotAskForGigabytes) {
  EXPECT_EQ(MaxRawSize(1), 1u << 20);
  EXPECT_EQ(MaxRawSize(10'000), 10'240'000u);
  EXPECT_EQ(MaxRawSize(0xffffffff), kMaxBlockSize);
  IndexBlockBuilder builder;
  builder.Add({"k", 0}, {.offset = 0, .stored_size = 50, .raw_size = 1u << 30});
  std::string bytes;
  builder.Finish({}, &bytes);
  const Ref<IndexBlock> block = MakeRef<IndexBlock>();
  EXPECT_TRUE(block->Parse(bytes, KeyOrder(BytewiseComparator()),
                           FilterId::kNone, 1 << 20));
}

TEST(TableProperties, UnknownFieldsAreSkippedOrRefusedAsTheySay) {
  std::string bytes;
  TableProperties properties;
  properties.comparator = "c";
  properties.AppendTo(&bytes);
  std::string skippable = bytes;
  AppendVarint64(&skippable, 1000);
  AppendLengthPrefixed(&skippable, "new");
  TableProperties decoded;
  EXPECT_FALSE(decoded.Decode(skippable));
  EXPECT_EQ(decoded.comparator, "c");
  std::string required = bytes;
  AppendVarint64(&required, 1001);
  AppendLengthPrefixed(&required, "new");
  EXPECT_TRUE(decoded.Decode(required).newer);
  // A filter of an unknown kind: tag 3, id 9, skippable or not.
  EXPECT_FALSE(decoded.Decode(std::string_view("\x03\x02\x09\x01", 4)));
  EXPECT_EQ(decoded.filter, FilterId::kNone);
  EXPECT_TRUE(decoded.Decode(std::string_view("\x03\x02\x09\x00", 4)).newer);
}

}  // namespace
}  // namespace lissom
