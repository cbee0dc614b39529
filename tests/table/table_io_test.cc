// What a table reads of its file, when, and what it does when it may not: the
// windows of scans, the batches of MultiGet, reads from the cache only, reads
// with a deadline.
#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "table/table_reader.h"
#include "tests/table/table_testing.h"
#include "util/epoch.h"
#include "util/manual_clock.h"

namespace lissom {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// What was asked of a file.
struct Asked {
  std::vector<std::pair<uint64_t, size_t>> reads;  // Offset and size.
  std::vector<size_t> batches;                     // Sizes of ReadBatch calls.
  std::vector<uint64_t> prefetched;                // Offsets.
  std::vector<absl::Duration> deadlines;           // Of reads.

  size_t bytes() const {
    size_t sum = 0;
    for (const auto& [offset, size] : reads) sum += size;
    return sum;
  }
};

class WatchedFile final : public RandomAccessFile {
 public:
  WatchedFile(std::shared_ptr<const std::string> bytes, Asked& asked)
      : file_(std::move(bytes)), asked_(asked) {}

  absl::StatusOr<std::string_view> Read(
      uint64_t offset, size_t size, char* scratch,
      const IoContext& context) const override {
    asked_.reads.emplace_back(offset, size);
    asked_.deadlines.push_back(context.deadline);
    return file_.Read(offset, size, scratch, context);
  }
  void ReadBatch(std::span<ReadRequest> requests,
                 const IoContext& context) const override {
    asked_.batches.push_back(requests.size());
    RandomAccessFile::ReadBatch(requests, context);
  }
  void Prefetch(uint64_t offset, uint64_t, const IoContext&) const override {
    asked_.prefetched.push_back(offset);
  }
  absl::StatusOr<uint64_t> Size() const override { return file_.Size(); }

 private:
  const StringReadFile file_;
  Asked& asked_;
};

std::string Key(int n) { return absl::StrCat("key", 100'000 + n); }

// Data blocks of about 1 KiB; the tests count in them.
TestTable MakeTable(int begin, int end, FilterPolicy filter,
                    Compression compression = Compression::None()) {
  TableBuilderOptions options = BuilderOptions();
  options.block_size = 1024;
  options.filter_policy = filter;
  options.compression = compression;
  std::vector<TestEntry> entries;
  for (int i = begin; i < end; ++i) {
    entries.push_back({InternalKey(Key(i), PackTrailer(5, EntryKind::kPut)),
                       std::string(100, static_cast<char>('a' + i % 26))});
  }
  return BuildTable(options, entries);
}

class TableIoTest : public testing::Test {
 protected:
  static constexpr int kEntries = 20'000;

  std::unique_ptr<TableReader> Open(const TestTable& table, Asked& asked,
                                    std::shared_ptr<BlockCache> cache) {
    auto reader = TableReader::Open(
        {.order = table.options.order,
         .cache = std::move(cache),
         .id = table.options.id,
         .file_size = table.bytes->size(),
         .tail_size = table.summary.tail_size},
        "test.table", std::make_unique<WatchedFile>(table.bytes, asked));
    EXPECT_TRUE(reader.ok()) << reader.status();
    asked = {};
    return *std::move(reader);
  }
  std::unique_ptr<TableReader> Open(
      std::shared_ptr<BlockCache> cache = NewCache()) {
    return Open(table_, asked_, std::move(cache));
  }

  absl::StatusOr<bool> Get(const TableReader& reader, const std::string& key,
                           const TableReadOptions& options) {
    const EpochGuard guard;
    const LookupKey lookup(key, kMaxSequence);
    PointResult result;
    return reader.Get(lookup, options, &result);
  }

  // Of several partitions: they are blocks to be read, too.
  const TestTable table_ = MakeTable(0, kEntries, FilterPolicy::Bloom(10));
  Asked asked_;
};

// --- Windows ----------------------------------------------------------------

// The reads that are not of a block alone.
std::vector<size_t> Windows(const Asked& asked) {
  std::vector<size_t> sizes;
  for (const auto& [offset, size] : asked.reads) {
    if (size % (16 << 10) == 0) sizes.push_back(size);
  }
  return sizes;
}

TEST_F(TableIoTest, AScanReadsAheadInWindowsThatDouble) {
  const auto reader = Open();
  const auto it = reader->NewIterator({.auto_readahead = true});
  int count = 0;
  for (it->SeekToFirst(); it->Valid(); it->Next()) ++count;
  EXPECT_EQ(count, kEntries);
  const std::vector<size_t> windows = Windows(asked_);
  ASSERT_GE(windows.size(), 6u);
  EXPECT_THAT(std::vector<size_t>(windows.begin(), windows.begin() + 6),
              ElementsAre(16 << 10, 32 << 10, 64 << 10, 128 << 10, 256 << 10,
                          256 << 10));
  // Two blocks before the first window, then windows; partitions by themselves.
  EXPECT_LT(asked_.reads.size(), windows.size() + 10);
}

TEST_F(TableIoTest, AScanBackwardsReadsAheadBackwards) {
  const auto reader = Open();
  const auto it = reader->NewIterator({.auto_readahead = true});
  int count = 0;
  for (it->SeekToLast(); it->Valid(); it->Prev()) ++count;
  EXPECT_EQ(count, kEntries);
  const std::vector<size_t> windows = Windows(asked_);
  ASSERT_GE(windows.size(), 6u);
  EXPECT_EQ(windows[0], 16u << 10);
  EXPECT_EQ(windows[4], 256u << 10);
  EXPECT_LT(asked_.reads.size(), windows.size() + 10);
  // The first window ends where the block before it began.
  const auto first =
      std::find_if(asked_.reads.begin(), asked_.reads.end(),
                   [](const auto& read) { return read.second == 16u << 10; });
  EXPECT_EQ(first->first + first->second, std::prev(first)->first);
  // Nothing is read twice but what lies where two windows meet.
  EXPECT_LT(asked_.bytes(), table_.bytes->size() * 5 / 4);
}

TEST_F(TableIoTest, SeeksReadABlockEach) {
  const auto reader = Open();
  const auto it = reader->NewIterator({.auto_readahead = true});
  for (int i = 100; i < kEntries; i += 500) {
    it->Seek({Key(i), SeekTrailer(kMaxSequence)});
    ASSERT_TRUE(it->Valid());
    it->Next();
  }
  EXPECT_THAT(Windows(asked_), IsEmpty());
}

TEST_F(TableIoTest, AJumpClosesTheWindow) {
  const auto reader = Open();
  const auto it = reader->NewIterator({.auto_readahead = true});
  it->SeekToFirst();
  for (int i = 0; i < 1000; ++i) it->Next();
  ASSERT_FALSE(Windows(asked_).empty());
  asked_ = {};
  it->Seek({Key(kEntries / 2), SeekTrailer(kMaxSequence)});
  ASSERT_TRUE(it->Valid());
  for (int i = 0; i < 8; ++i) it->Next();  // Within the next block at most.
  EXPECT_THAT(Windows(asked_), IsEmpty());
}

TEST_F(TableIoTest, NothingIsReadAheadOfCachedBlocks) {
  const auto reader = Open();
  for (int round = 0; round < 2; ++round) {
    asked_ = {};
    const auto it = reader->NewIterator({.auto_readahead = true});
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
    }
  }
  EXPECT_THAT(asked_.reads, IsEmpty());
}

TEST_F(TableIoTest, EveryOtherBlockInTheCacheKeepsTheWindowClosed) {
  const auto reader = Open();
  {
    // About nine entries a block: every second block.
    const auto it = reader->NewIterator({});
    for (int i = 0; i < 2000; i += 18)
      it->Seek({Key(i), SeekTrailer(kMaxSequence)});
  }
  asked_ = {};
  const auto it = reader->NewIterator({.auto_readahead = true});
  it->SeekToFirst();
  for (int i = 0; i < 1900; ++i) it->Next();
  EXPECT_LT(Windows(asked_).size(), 8u);
  EXPECT_GT(asked_.reads.size(), 50u);
}

TEST_F(TableIoTest, AGivenWindowIsUsedFromTheFirstBlockOn) {
  const auto reader = Open();
  const auto it = reader->NewIterator(
      {.readahead_bytes = 64 << 10, .auto_readahead = true});
  it->SeekToFirst();
  ASSERT_TRUE(it->Valid());
  EXPECT_THAT(Windows(asked_), ElementsAre(64 << 10));
}

TEST_F(TableIoTest, ScansWithWindowsShowWhatOthersDo) {
  const uint64_t seed = TestSeed();
  Random random(seed);
  const TestTable packed =
      MakeTable(0, 5000, FilterPolicy::Bloom(10), Compression::Zstd(1));
  Asked asked;
  for (const TestTable* table : {&table_, &packed}) {
    const auto reader = Open(*table, asked, NewCache(0));
    const auto plain = reader->NewIterator({});
    const auto ahead = reader->NewIterator({.auto_readahead = true});
    for (int i = 0; i < 300; ++i) {
      const InternalKey target(
          Key(static_cast<int>(random.Uniform(kEntries + 10))),
          SeekTrailer(kMaxSequence));
      const bool forward = random.OneIn(2);
      plain->Seek(target.view());
      ahead->Seek(target.view());
      for (uint64_t n = random.Uniform(100); n > 0 && plain->Valid(); --n) {
        ASSERT_TRUE(ahead->Valid()) << ahead->status();
        ASSERT_EQ(plain->key(), ahead->key());
        ASSERT_EQ(plain->value(), ahead->value());
        forward ? plain->Next() : plain->Prev();
        forward ? ahead->Next() : ahead->Prev();
      }
      ASSERT_EQ(plain->Valid(), ahead->Valid());
    }
  }
}

// --- Batches ----------------------------------------------------------------

// The keys' values, by MultiGet over `readers` in turn.
std::vector<PointRequest> MultiGet(
    const std::vector<const TableReader*>& readers,
    const std::vector<LookupKey>& keys, const TableReadOptions& options) {
  std::vector<PointRequest> requests(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    requests[i].table = readers[i % readers.size()];
    requests[i].key = &keys[i];
  }
  TableReader::MultiGet(requests, options);
  return requests;
}

TEST_F(TableIoTest, MultiGetReadsMissingBlocksInABatch) {
  const auto reader = Open();
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) texts.push_back(Key(i * 1000));
  std::vector<LookupKey> keys;
  for (const std::string& text : texts) keys.emplace_back(text, kMaxSequence);
  const EpochGuard guard;
  const auto requests = MultiGet({reader.get()}, keys, {});
  for (size_t i = 0; i < keys.size(); ++i) {
    ASSERT_TRUE(requests[i].status.ok()) << requests[i].status;
    ASSERT_TRUE(requests[i].found);
    ASSERT_EQ(requests[i].result.value,
              std::string(100, static_cast<char>('a' + i * 1000 % 26)));
  }
  ASSERT_THAT(asked_.batches, SizeIs(2));
  EXPECT_LT(asked_.batches[0], 10u);  // Partitions, each of them once.
  EXPECT_EQ(asked_.batches[1], 20u);  // Data blocks.
  asked_ = {};
  MultiGet({reader.get()}, keys, {});
  EXPECT_THAT(asked_.reads, IsEmpty());
}

TEST_F(TableIoTest, KeysOfOneBlockShareItsRead) {
  const auto reader = Open();
  std::vector<std::string> texts = {Key(0), Key(1), Key(2), Key(1)};
  std::vector<LookupKey> keys;
  for (const std::string& text : texts) keys.emplace_back(text, kMaxSequence);
  for (const bool fill_cache : {false, true}) {
    asked_ = {};
    const EpochGuard guard;
    const auto requests =
        MultiGet({reader.get()}, keys, {.fill_cache = fill_cache});
    for (size_t i = 0; i < keys.size(); ++i) {
      ASSERT_TRUE(requests[i].found) << i;
      EXPECT_EQ(requests[i].result.value[0], texts[i].back() - '0' + 'a');
    }
    EXPECT_THAT(asked_.batches, ElementsAre(1, 1));
  }
}

TEST_F(TableIoTest, OtherFilesAreAskedToBeginWhileOneIsRead) {
  const TestTable other = MakeTable(0, 1000, FilterPolicy::None());
  Asked asked_other;
  const auto first = Open();
  const auto second = Open(other, asked_other, NewCache());
  std::vector<std::string> texts;
  for (int i = 0; i < 10; ++i) texts.push_back(Key(i * 90));
  std::vector<LookupKey> keys;
  for (const std::string& text : texts) keys.emplace_back(text, kMaxSequence);
  const EpochGuard guard;
  const auto requests = MultiGet({first.get(), second.get()}, keys, {});
  for (const PointRequest& request : requests) EXPECT_TRUE(request.found);
  EXPECT_THAT(asked_.prefetched, IsEmpty());
  EXPECT_THAT(asked_other.prefetched, SizeIs(5));
  EXPECT_EQ(asked_other.batches.back(), 5u);
}

TEST_F(TableIoTest, AFailedReadOfABatchConcernsItsKeysAlone) {
  auto damaged = std::make_shared<std::string>(*table_.bytes);
  (*damaged)[100] = static_cast<char>((*damaged)[100] ^ 1);  // Block 0.
  const auto reader = *OpenTable(table_, damaged);
  std::vector<std::string> texts = {Key(0), Key(5000), Key(1)};
  std::vector<LookupKey> keys;
  for (const std::string& text : texts) keys.emplace_back(text, kMaxSequence);
  const EpochGuard guard;
  const auto requests = MultiGet({reader.get()}, keys, {});
  EXPECT_TRUE(absl::IsDataLoss(requests[0].status)) << requests[0].status;
  EXPECT_TRUE(requests[1].found);
  EXPECT_TRUE(absl::IsDataLoss(requests[2].status)) << requests[2].status;
}

TEST_F(TableIoTest, AShortReadOfABatchConcernsItsKeyAlone) {
  class CutFile final : public RandomAccessFile {
   public:
    explicit CutFile(std::shared_ptr<const std::string> whole)
        : whole_(std::move(whole)) {}
    absl::StatusOr<std::string_view> Read(
        uint64_t offset, size_t size, char* scratch,
        const IoContext& context) const override {
      return whole_.Read(offset, size, scratch, context);
    }
    void ReadBatch(std::span<ReadRequest> requests,
                   const IoContext& context) const override {
      RandomAccessFile::ReadBatch(requests, context);
      requests.back().result.remove_suffix(1);
    }
    absl::StatusOr<uint64_t> Size() const override { return whole_.Size(); }

   private:
    const StringReadFile whole_;
  };
  auto reader =
      TableReader::Open({.order = table_.options.order,
                         .cache = NewCache(),
                         .id = table_.options.id,
                         .file_size = table_.bytes->size()},
                        "test.table", std::make_unique<CutFile>(table_.bytes));
  ASSERT_TRUE(reader.ok()) << reader.status();
  ASSERT_TRUE(Get(**reader, Key(5000), {}).ok());  // Has its partition loaded.
  std::vector<std::string> texts = {Key(4900), Key(5100)};
  std::vector<LookupKey> keys;
  for (const std::string& text : texts) keys.emplace_back(text, kMaxSequence);
  const EpochGuard guard;
  const auto requests = MultiGet({reader->get()}, keys, {});
  EXPECT_TRUE(requests[0].found) << requests[0].status;
  EXPECT_TRUE(absl::IsDataLoss(requests[1].status)) << requests[1].status;
}

// --- From the cache only ----------------------------------------------------

TEST_F(TableIoTest, FromTheCacheOnlyNothingIsRead) {
  const auto reader = Open();
  const TableReadOptions cached = {.cache_only = true};
  EXPECT_TRUE(absl::IsUnavailable(Get(*reader, Key(7), cached).status()));
  ASSERT_TRUE(*Get(*reader, Key(7), {}));
  asked_ = {};
  EXPECT_TRUE(*Get(*reader, Key(7), cached));
  EXPECT_TRUE(*Get(*reader, Key(8), cached));  // Of the same block.
  EXPECT_TRUE(absl::IsUnavailable(Get(*reader, Key(3000), cached).status()));
  const auto it = reader->NewIterator(cached);
  it->SeekToFirst();
  ASSERT_TRUE(it->Valid());
  while (it->Valid()) it->Next();
  EXPECT_TRUE(absl::IsUnavailable(it->status())) << it->status();
  it->SeekToFirst();
  EXPECT_TRUE(it->Valid());
  EXPECT_THAT(asked_.reads, IsEmpty());
}

TEST_F(TableIoTest, FromTheCacheOnlyMultiGetAnswersWhatItCan) {
  const auto reader = Open();
  ASSERT_TRUE(*Get(*reader, Key(7), {}));
  asked_ = {};
  std::vector<std::string> texts = {Key(3000), Key(7), Key(19'999)};
  std::vector<LookupKey> keys;
  for (const std::string& text : texts) keys.emplace_back(text, kMaxSequence);
  const EpochGuard guard;
  const auto requests = MultiGet({reader.get()}, keys, {.cache_only = true});
  EXPECT_TRUE(absl::IsUnavailable(requests[0].status)) << requests[0].status;
  EXPECT_TRUE(requests[1].status.ok() && requests[1].found);
  EXPECT_TRUE(absl::IsUnavailable(requests[2].status)) << requests[2].status;
  EXPECT_THAT(asked_.reads, IsEmpty());
}

// --- Deadlines --------------------------------------------------------------

TEST_F(TableIoTest, AfterTheDeadlineNothingIsRead) {
  const auto reader = Open();
  ManualClock clock;
  const TableReadOptions options = {
      .clock = &clock,
      .io = {.kind = IoContext::Kind::kTable, .deadline = absl::Seconds(5)}};
  EXPECT_TRUE(*Get(*reader, Key(7), options));
  EXPECT_THAT(asked_.deadlines, SizeIs(2));
  EXPECT_THAT(asked_.deadlines, Each(absl::Seconds(5)));
  clock.Advance(absl::Seconds(5));
  asked_ = {};
  EXPECT_TRUE(*Get(*reader, Key(7), options));  // From memory.
  EXPECT_TRUE(
      absl::IsDeadlineExceeded(Get(*reader, Key(3000), options).status()));
  const auto it = reader->NewIterator(options);
  it->Seek({Key(9000), SeekTrailer(kMaxSequence)});
  EXPECT_FALSE(it->Valid());
  EXPECT_TRUE(absl::IsDeadlineExceeded(it->status())) << it->status();
  EXPECT_THAT(asked_.reads, IsEmpty());
}

}  // namespace
}  // namespace lissom
