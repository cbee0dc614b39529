// A verified table is whole and says the truth about itself: every flipped
// byte is found, and so is a table whose checksums hold and whose blocks
// contradict one another.
#include "table/table_verifier.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lissom/status.h"
#include "table/bloom_filter.h"
#include "table/data_block_builder.h"
#include "tests/table/table_testing.h"

namespace lissom {
namespace {

absl::Status GoOn() { return absl::OkStatus(); }

// Opens and verifies `bytes` as the table that `like` is.
absl::Status Verify(const TestTable& like,
                    std::shared_ptr<const std::string> bytes,
                    size_t readahead_bytes = 0) {
  const auto reader = OpenTable(like, std::move(bytes), NewCache(0));
  if (!reader.ok()) return reader.status();
  return (*reader)->Verify({.readahead_bytes = readahead_bytes}, GoOn);
}

std::vector<TestEntry> SomeEntries(int count, int versions) {
  std::vector<TestEntry> entries;
  for (int i = 0; i < count; ++i) {
    for (int v = versions; v > 0; --v) {
      entries.push_back({InternalKey(absl::StrCat("key", 100'000 + i),
                                     PackTrailer(static_cast<SequenceNumber>(v),
                                                 v == 2 ? EntryKind::kDelete
                                                        : EntryKind::kPut)),
                         std::string(static_cast<size_t>(i % 90), 'v')});
    }
  }
  return entries;
}

TEST(TableVerifier, AcceptsWhatTheBuilderMakes) {
  for (const FilterPolicy& filter :
       {FilterPolicy::None(), FilterPolicy::Bloom(10)}) {
    for (const Compression& compression :
         {Compression::None(), Compression::Zstd(1)}) {
      for (const auto& [count, versions] : std::vector<std::pair<int, int>>{
               {1, 1}, {50, 3}, {20, 2000}, {40'000, 1}}) {
        TableBuilderOptions options = BuilderOptions();
        options.block_size = 512;
        options.filter_policy = filter;
        options.compression = compression;
        const TestTable table =
            BuildTable(options, SomeEntries(count, versions));
        EXPECT_EQ(Verify(table, table.bytes), absl::OkStatus())
            << count << " keys of " << versions << " versions";
        EXPECT_EQ(Verify(table, table.bytes, 64 << 10), absl::OkStatus());
      }
    }
  }
}

TEST(TableVerifier, FindsEveryFlippedByte) {
  for (const Compression& compression :
       {Compression::None(), Compression::Zstd(1)}) {
    TableBuilderOptions options = BuilderOptions();
    options.block_size = 300;
    options.compression = compression;
    const TestTable table = BuildTable(options, SomeEntries(40, 1));
    for (size_t at = 0; at < table.bytes->size(); ++at) {
      auto bytes = std::make_shared<std::string>(*table.bytes);
      (*bytes)[at] = static_cast<char>((*bytes)[at] ^ 0x10);
      const absl::Status status = Verify(table, bytes);
      ASSERT_TRUE(absl::IsDataLoss(status)) << "byte " << at << status;
      const auto detail = DetailOf(status);
      ASSERT_TRUE(detail.has_value());
      EXPECT_EQ(detail->file, "test.table");
      // Names the block that the byte is in: it begins there or before.
      EXPECT_LE(detail->offset, at) << status;
    }
  }
}

TEST(TableVerifier, EndsWhenItMayNotGoOn) {
  const TestTable table = BuildTable(BuilderOptions(), SomeEntries(1000, 1));
  const auto reader = MustOpen(table, NewCache(0));
  int asked = 0;
  const absl::Status status = reader->Verify({}, [&]() -> absl::Status {
    return ++asked < 5 ? absl::OkStatus() : absl::CancelledError("enough");
  });
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  EXPECT_EQ(asked, 5);
}

// --- Tables that lie, under right checksums ---------------------------------

TestEntry Entry(const std::string& key, SequenceNumber sequence = 5) {
  return {InternalKey(key, PackTrailer(sequence, EntryKind::kPut)), "value"};
}

// A table of one partition, made by hand; true to itself unless changed.
struct Forgery {
  std::vector<std::vector<TestEntry>> blocks = {{Entry("a"), Entry("b")},
                                                {Entry("d"), Entry("e")}};
  std::vector<InternalKey> separators = {InternalKey("c", 0),
                                         InternalKey("e", 0)};
  InternalKey top_separator = InternalKey("e", 0);
  std::vector<std::string> filter_keys = {"a", "b", "d", "e"};
  size_t gap = 0;  // Bytes between the data and the partition.
  // Hash that "d" is stored with; its tag comes from there.
  uint64_t hash_of_d = KeyHash("d");
  TableProperties properties = {
      .comparator = "",
      .entries = 4,
      .raw_key_bytes = 4,
      .raw_value_bytes = 20,
      .data_blocks = 2,
      .smallest = Entry("a").key,
      .largest = Entry("e").key,
      .smallest_sequence = 5,
      .largest_sequence = 5,
      .filter = FilterId::kBlockedBloom,
  };

  absl::Status Verify() const {
    const FileId id = BuilderOptions().id;
    auto file = std::make_shared<std::string>();
    const auto write = [&](const std::string& block) {
      const BlockHandle handle = {
          .offset = file->size(),
          .stored_size = static_cast<uint32_t>(block.size()),
          .raw_size = static_cast<uint32_t>(block.size())};
      file->append(block);
      SealBlock(id, handle.offset, Codec::kNone, handle.offset, file.get());
      return handle;
    };
    IndexBlockBuilder partition;
    for (size_t b = 0; b < blocks.size(); ++b) {
      DataBlockBuilder block;
      for (const TestEntry& e : blocks[b]) {
        block.Add(e.key.view(),
                  e.key.user_key == "d" ? hash_of_d : KeyHash(e.key.user_key),
                  e.value);
      }
      std::string bytes;
      block.Finish(&bytes);
      partition.Add(separators[b].view(), write(bytes));
    }
    TableProperties said = properties;
    said.comparator = std::string(BytewiseComparator()->Name());
    said.data_bytes += file->size();
    file->append(gap, 'x');
    std::vector<uint64_t> hashes;
    for (const std::string& key : filter_keys) hashes.push_back(KeyHash(key));
    std::string filter;
    AppendBloomFilter(hashes, 10, 6, &filter);
    std::string bytes;
    partition.Finish(filter, &bytes);
    IndexBlockBuilder top;
    top.Add(top_separator.view(), write(bytes));
    bytes.clear();
    top.Finish({}, &bytes);
    Footer footer;
    footer.id = id;
    footer.top = write(bytes);
    bytes.clear();
    said.AppendTo(&bytes);
    footer.properties = write(bytes);
    footer.AppendTo(file->size(), file.get());
    return lissom::Verify(
        {.bytes = file, .summary = {}, .options = BuilderOptions()}, file);
  }
};

void ExpectFound(const Forgery& forgery, const std::string& what) {
  const absl::Status status = forgery.Verify();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_NE(std::string(status.message()).find(what), std::string::npos)
      << status;
}

TEST(TableVerifier, AcceptsATableMadeByHand) {
  EXPECT_EQ(Forgery().Verify(), absl::OkStatus());
}

TEST(TableVerifier, FindsKeysOutOfOrderInABlock) {
  Forgery forgery;
  std::swap(forgery.blocks[0][0], forgery.blocks[0][1]);
  ExpectFound(forgery, "out of order");
}

TEST(TableVerifier, FindsAKeyThatComesTwice) {
  Forgery forgery;
  forgery.blocks[0][1] = forgery.blocks[0][0];
  ExpectFound(forgery, "out of order");
}

TEST(TableVerifier, FindsKeysBehindOrBeforeTheirSeparators) {
  Forgery behind;
  behind.separators[0] = InternalKey("aa", 0);
  ExpectFound(behind, "separator");
  Forgery before;
  before.separators[0] = InternalKey("dd", 0);
  ExpectFound(before, "out of order");
  Forgery top;
  top.top_separator = InternalKey("f", 0);
  ExpectFound(top, "top index");
}

TEST(TableVerifier, FindsKeysThatPointReadsDoNot) {
  Forgery filter;
  filter.filter_keys = {"x"};
  ExpectFound(filter, "point reads");
  Forgery tag;
  tag.hash_of_d = ~KeyHash("d");
  ExpectFound(tag, "point reads");
}

TEST(TableVerifier, FindsBytesOutsideOfBlocks) {
  Forgery forgery;
  forgery.gap = 3;
  ExpectFound(forgery, "no block covers");
}

TEST(TableVerifier, FindsPropertiesThatMiscount) {
  for (auto change : {+[](TableProperties& p) { ++p.entries; },
                      +[](TableProperties& p) { ++p.tombstones; },
                      +[](TableProperties& p) { ++p.raw_key_bytes; },
                      +[](TableProperties& p) { ++p.raw_value_bytes; },
                      +[](TableProperties& p) { ++p.data_blocks; },
                      +[](TableProperties& p) { ++p.data_bytes; },
                      +[](TableProperties& p) { p.smallest.user_key = "A"; },
                      +[](TableProperties& p) { p.largest.user_key = "f"; }}) {
    Forgery forgery;
    change(forgery.properties);
    ExpectFound(forgery, "properties");
  }
}

// --- ApproximateOffset ------------------------------------------------------

TEST(ApproximateOffset, GrowsWithTheKeyFromNothingToTheFileSize) {
  const TestTable table = BuildTable(BuilderOptions(), SomeEntries(40'000, 1));
  std::atomic<int> reads = 0;
  const auto reader = MustOpen(table, NewCache(), &reads);
  const int after_open = reads;
  const auto at = [&](const std::string& key) {
    return static_cast<double>(
        *reader->ApproximateOffset({key, ~uint64_t{0}}, {}));
  };
  const auto size = static_cast<double>(table.bytes->size());
  EXPECT_EQ(at(""), 0);
  EXPECT_NEAR(at("key110000"), size / 4, size / 50);
  EXPECT_NEAR(at("key120000"), size / 2, size / 50);
  EXPECT_EQ(at("key2"), size);
  EXPECT_LE(reads, after_open + 2);  // Partitions, no data.
}

}  // namespace
}  // namespace lissom
