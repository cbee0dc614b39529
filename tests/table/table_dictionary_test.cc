// Tables with a dictionary: they read like others, are smaller, and every way
// in which the dictionary can be wrong is an error that names file and offset.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "lissom/status.h"
#include "table/block_dictionary.h"
#include "table/format.h"
#include "table/properties.h"
#include "tests/table/table_testing.h"

namespace lissom {
namespace {

using testing::HasSubstr;

TableBuilderOptions WithDictionary(size_t bytes, size_t block_size = 512) {
  TableBuilderOptions options = BuilderOptions();
  options.block_size = block_size;
  options.compression = Compression::Zstd(1, bytes);
  return options;
}

TableBuilderOptions Without(TableBuilderOptions options) {
  options.compression = Compression::Zstd(options.compression.level());
  return options;
}

// The parts at the end of a table, taken apart and put together again.
struct Tail {
  explicit Tail(const TestTable& table) : id(table.options.id) {
    const uint64_t at = table.bytes->size() - Footer::kSize;
    EXPECT_FALSE(footer.Decode(id, at, table.bytes->substr(at)));
    EXPECT_FALSE(properties.Decode(table.bytes->substr(
        footer.properties.offset, footer.properties.stored_size)));
  }
  // `table` with these properties.
  TestTable Put(TestTable table) const {
    auto bytes = std::make_shared<std::string>(
        table.bytes->substr(0, footer.properties.offset));
    Footer changed = footer;
    properties.AppendTo(bytes.get());
    changed.properties.stored_size =
        static_cast<uint32_t>(bytes->size() - footer.properties.offset);
    SealBlock(id, footer.properties.offset, Codec::kNone,
              footer.properties.offset, bytes.get());
    changed.AppendTo(bytes->size(), bytes.get());
    table.bytes = bytes;
    return table;
  }
  FileId id;
  Footer footer;
  TableProperties properties;
};

// Get, MultiGet and scans both ways.
void ExpectReads(const TableReader& reader,
                 const std::vector<TestEntry>& entries) {
  std::vector<LookupKey> keys;
  keys.reserve(entries.size());
  for (const TestEntry& e : entries) {
    keys.emplace_back(e.key.user_key, e.key.view().sequence());
  }
  for (size_t i = 0; i < entries.size(); i += 7) {
    const EpochGuard guard;
    PointResult result;
    const auto found = reader.Get(keys[i], {}, &result);
    ASSERT_TRUE(found.ok()) << found.status();
    ASSERT_TRUE(*found);
    ASSERT_EQ(result.value, entries[i].value);
  }
  for (size_t i = 0; i < entries.size(); i += 32) {
    const EpochGuard guard;
    std::vector<PointRequest> requests;
    for (size_t k = i; k < std::min(i + 32, entries.size()); ++k) {
      requests.push_back({.table = &reader, .key = &keys[k]});
    }
    TableReader::MultiGet(requests, {.fill_cache = i % 64 == 0});
    for (size_t k = 0; k < requests.size(); ++k) {
      ASSERT_TRUE(requests[k].status.ok()) << requests[k].status;
      ASSERT_TRUE(requests[k].found);
      ASSERT_EQ(requests[k].result.value, entries[i + k].value);
    }
  }
  for (const bool forward : {true, false}) {
    const auto it = reader.NewIterator({.auto_readahead = true});
    forward ? it->SeekToFirst() : it->SeekToLast();
    for (size_t n = 0; n < entries.size(); ++n) {
      const TestEntry& e = entries[forward ? n : entries.size() - 1 - n];
      ASSERT_TRUE(it->Valid()) << it->status();
      ASSERT_EQ(it->key(), e.key.view());
      ASSERT_EQ(it->value(), e.value);
      forward ? it->Next() : it->Prev();
    }
    EXPECT_FALSE(it->Valid());
    EXPECT_TRUE(it->status().ok());
  }
}

// The first error of opening the table and reading or verifying all of it.
absl::Status ErrorOf(const TestTable& table) {
  const auto reader = OpenTable(table, table.bytes, NewCache(0));
  if (!reader.ok()) return reader.status();
  const auto it = (*reader)->NewIterator({});
  for (it->SeekToFirst(); it->Valid(); it->Next()) continue;
  const absl::Status verified =
      (*reader)->Verify({}, [] { return absl::OkStatus(); });
  // What a scan cannot read, Verify does not accept.
  EXPECT_TRUE(it->status().ok() || !verified.ok());
  return it->status().ok() ? verified : it->status();
}

TEST(TableDictionary, MakesTablesSmallerThatReadTheSame) {
  for (const auto& [keys, versions] : std::vector<std::pair<int, int>>{
           {500, 1}, {3000, 1}, {40, 200}, {3, 6000}, {40'000, 1}}) {
    SCOPED_TRACE(absl::StrCat(keys, " keys of ", versions, " versions"));
    const auto entries = AlikeEntries(keys, versions);
    const TestTable table = BuildTable(WithDictionary(2048), entries);
    EXPECT_TRUE(Tail(table).properties.dictionary.has_value());
    const TestTable plain = BuildTable(Without(WithDictionary(2048)), entries);
    EXPECT_LT(table.bytes->size(), plain.bytes->size());
    const auto reader = MustOpen(table);
    ASSERT_NO_FATAL_FAILURE(ExpectReads(*reader, entries));
    EXPECT_EQ(ErrorOf(table), absl::OkStatus());
    EXPECT_EQ(table.summary.codec, plain.summary.codec);
    EXPECT_EQ(table.summary.raw_value_bytes, plain.summary.raw_value_bytes);
    // The blocks, the index and the filters are those of the other table.
    EXPECT_EQ(Tail(table).properties.data_blocks,
              Tail(plain).properties.data_blocks);
    EXPECT_NEAR(static_cast<double>(table.summary.tail_size),
                static_cast<double>(plain.summary.tail_size), 2200);
  }
}

TEST(TableDictionary, OpensWithOneReadAndIsChargedForItsDictionary) {
  const auto entries = AlikeEntries(40'000);
  const TestTable table = BuildTable(WithDictionary(4096), entries);
  const TestTable plain = BuildTable(Without(WithDictionary(4096)), entries);
  std::atomic<int> reads = 0;
  const auto reader = MustOpen(table, NewCache(), &reads);
  EXPECT_EQ(reads, 1);
  const auto dictionary = Tail(table).properties.dictionary;
  ASSERT_TRUE(dictionary.has_value());
  EXPECT_GE(reader->memory_bytes(),
            MustOpen(plain)->memory_bytes() + dictionary->stored_size + 20'000);
  // A wrong hint, so that the dictionary lies before what was read.
  TestTable other = table;
  other.summary.tail_size = Footer::kSize;
  ASSERT_NO_FATAL_FAILURE(ExpectReads(*MustOpen(other), entries));
}

TEST(TableDictionary, IsLeftOutWhereItDoesNotPay) {
  // Too small, incompressible, or in blocks that are large.
  Random random(TestSeed());
  std::vector<TestEntry> noise = AlikeEntries(2000);
  for (TestEntry& e : noise) {
    for (char& c : e.value) c = static_cast<char>(random.Next());
  }
  const std::vector<std::pair<TableBuilderOptions, std::vector<TestEntry>>>
      cases = {{WithDictionary(1024), AlikeEntries(1)},
               {WithDictionary(1024), AlikeEntries(20)},
               {WithDictionary(16384), AlikeEntries(300)},
               {WithDictionary(1024), noise},
               {WithDictionary(1024, 64 << 10), AlikeEntries(30'000)}};
  for (const auto& [options, entries] : cases) {
    // Byte by byte what it is if nobody asked for a dictionary.
    EXPECT_EQ(*BuildTable(options, entries).bytes,
              *BuildTable(Without(options), entries).bytes);
  }
}

TEST(TableDictionary, HoldsNoMoreThanItSays) {
  const TableBuilderOptions options = WithDictionary(1024);
  std::string bytes;
  auto builder = TableBuilder::Create(
      options, "t", std::make_unique<StringWritableFile>(&bytes));
  uint64_t raw = 0;
  for (const TestEntry& e : AlikeEntries(60'000)) {
    ASSERT_TRUE(builder->Add(e.key.view(), e.value).ok());
    raw += e.key.user_key.size() + e.value.size();
    const uint64_t size = builder->EstimatedFileSize();
    // Held blocks count as they are, written ones as they were stored.
    if (raw < DictionarySampleBytes(options.compression) / 2) {
      EXPECT_GE(size + 1024, raw);
    }
    if (raw > 200'000) {
      EXPECT_LT(size, raw * 9 / 10);
    }
  }
  EXPECT_GT(bytes.size(), size_t{512} << 10);  // Written as it went.
  const uint64_t estimate = builder->EstimatedFileSize();
  const auto summary = builder->Finish();
  ASSERT_TRUE(summary.ok());
  EXPECT_NEAR(static_cast<double>(estimate),
              static_cast<double>(summary->file_size),
              static_cast<double>(summary->file_size) / 50);
}

TEST(TableDictionary, EveryFlippedByteOfItIsFoundAtOnce) {
  const TestTable table = BuildTable(WithDictionary(1024), AlikeEntries(800));
  const auto dictionary = Tail(table).properties.dictionary;
  ASSERT_TRUE(dictionary.has_value());
  const uint64_t end =
      dictionary->offset + dictionary->stored_size + kBlockTrailerSize;
  for (uint64_t at = dictionary->offset; at < end; ++at) {
    for (const int mask : {0x01, 0x80, 0xff}) {
      auto bytes = std::make_shared<std::string>(*table.bytes);
      (*bytes)[at] = static_cast<char>((*bytes)[at] ^ mask);
      const absl::Status status = OpenTable(table, bytes).status();
      ASSERT_TRUE(absl::IsDataLoss(status)) << at << " " << status;
      const auto detail = DetailOf(status);
      ASSERT_TRUE(detail.has_value());
      EXPECT_EQ(detail->file, "test.table");
      EXPECT_EQ(detail->offset, dictionary->offset);
    }
  }
}

TEST(TableDictionary, BlocksThatNeedAMissingOneAreDataLoss) {
  const TestTable table = BuildTable(WithDictionary(1024), AlikeEntries(800));
  Tail tail(table);
  ASSERT_TRUE(tail.properties.dictionary.has_value());
  tail.properties.dictionary.reset();
  const absl::Status status = ErrorOf(tail.Put(table));
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("needs a dictionary"));
  EXPECT_EQ(DetailOf(status)->file, "test.table");
  EXPECT_EQ(DetailOf(status)->offset, 0u);  // The first block.
}

TEST(TableDictionary, AHostilePlaceOrSizeIsDataLoss) {
  const TestTable table = BuildTable(WithDictionary(1024), AlikeEntries(800));
  const BlockHandle good = *Tail(table).properties.dictionary;
  const uint64_t size = table.bytes->size();
  // Elsewhere, at other blocks, and larger than anything may be.
  for (const auto& [offset, stored] :
       std::vector<std::pair<uint64_t, uint32_t>>{
           {0, 100},
           {size, 100},
           {~uint64_t{0}, 100},
           {~uint64_t{0} - 100, 200},
           {good.offset, good.stored_size + 1},
           {good.offset, good.stored_size - 1},
           {good.offset, 0},
           {good.offset, kMaxDictionaryBytes + 1},
           {0, static_cast<uint32_t>(kMaxBlockSize)},
           {Tail(table).footer.top.offset,
            Tail(table).footer.top.stored_size}}) {
    SCOPED_TRACE(absl::StrCat(offset, " + ", stored));
    Tail tail(table);
    tail.properties.dictionary = {offset, stored, stored};
    const absl::Status status = ErrorOf(tail.Put(table));
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_TRUE(DetailOf(status).has_value());
  }
}

TEST(TableDictionary, TheOneOfAnotherTableIsDataLossOrTheSame) {
  // Another table's, under a right checksum: wrong bytes are never believed
  // unless they parse, and a parse is in bounds.
  const TestTable table = BuildTable(WithDictionary(1024), AlikeEntries(800));
  const BlockHandle place = *Tail(table).properties.dictionary;
  Random random(TestSeed());
  for (int round = 0; round < 1500; ++round) {
    auto bytes = std::make_shared<std::string>(*table.bytes);
    std::string content = bytes->substr(place.offset, place.stored_size);
    for (uint64_t flips = 1 + random.Uniform(3); flips > 0; --flips) {
      const size_t span = random.OneIn(4) ? content.size() : 160;
      content[random.Uniform(span)] ^=
          static_cast<char>(1 << random.Uniform(8));
    }
    SealBlock(table.options.id, place.offset, Codec::kNone, 0, &content);
    bytes->replace(place.offset, content.size(), content);
    TestTable changed = table;
    changed.bytes = bytes;
    const absl::Status status = ErrorOf(changed);
    EXPECT_TRUE(status.ok() || absl::IsDataLoss(status) ||
                absl::IsUnimplemented(status))
        << status;
  }
}

TEST(TableDictionary, ADamagedBlockIsFoundWithoutItsChecksumToo) {
  const auto entries = AlikeEntries(800);
  const TestTable table = BuildTable(WithDictionary(1024), entries);
  Random random(TestSeed());
  for (int round = 0; round < 1500; ++round) {
    auto bytes = std::make_shared<std::string>(*table.bytes);
    const size_t at = random.Uniform(Tail(table).properties.data_bytes);
    (*bytes)[at] ^= static_cast<char>(1 << random.Uniform(8));
    const auto reader = OpenTable(table, bytes);
    ASSERT_TRUE(reader.ok());
    for (const bool verify : {true, false}) {
      const auto it = (*reader)->NewIterator({.verify_checksums = verify});
      size_t n = 0;
      for (it->SeekToFirst(); it->Valid(); it->Next()) ++n;
      EXPECT_LE(n, 1'000'000u);
      if (verify) {
        EXPECT_TRUE(absl::IsDataLoss(it->status())) << it->status();
      }
    }
  }
}

TEST(TableDictionary, ItsPlaceInThePropertiesReadsBackAndMustBeUnderstood) {
  TableProperties properties;
  properties.comparator = "c";
  properties.dictionary = {1'000'000, 4096, 4096};
  std::string bytes;
  properties.AppendTo(&bytes);
  TableProperties decoded;
  EXPECT_FALSE(decoded.Decode(bytes));
  EXPECT_EQ(decoded.dictionary, properties.dictionary);
  // An odd tag: who does not know it refuses the table.
  EXPECT_EQ(static_cast<int>(bytes[bytes.size() - 7]), 27);
  bytes.pop_back();
  EXPECT_TRUE(decoded.Decode(bytes));
}

}  // namespace
}  // namespace lissom
