// A table against a sorted list of the same entries: every way to read it.
#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/table/table_testing.h"

namespace lissom {
namespace {

// Shorter keys first: an order without heads.
class ByLength final : public Comparator {
 public:
  int Compare(std::string_view a, std::string_view b) const override {
    if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
    return a.compare(b);
  }
  std::string_view Name() const override { return "test.ByLength"; }
};

std::shared_ptr<const Comparator> RandomComparator(Random& random) {
  switch (random.Uniform(4)) {
    case 0:
      return ReverseBytewiseComparator();
    case 1:
      return std::make_shared<ByLength>();
    default:
      return BytewiseComparator();
  }
}

std::string RandomBytes(Random& random, size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random.Next());
  return bytes;
}

std::string RandomKey(Random& random, int shape, uint64_t space) {
  const unsigned long long n = random.Uniform(space);
  char buffer[64];
  switch (shape) {
    case 0:
      std::snprintf(buffer, sizeof buffer, "user%012llu", n);
      return buffer;
    case 1:
      std::snprintf(buffer, sizeof buffer, "%016llu", n);
      return buffer;
    case 2:
      return absl::StrCat("https://example.org/", n % 7, "/articles/", n,
                          n % 3 == 0 ? "/index.html" : "");
    case 3:
      return RandomBytes(random, random.Uniform(12));
    case 4:  // Heads alike, zeros that heads cannot tell from the end.
      return std::string(random.Uniform(20), '\0') +
             std::string(random.Uniform(2), 'x');
    default:
      return std::string("one key");
  }
}

std::vector<TestEntry> RandomEntries(Random& random, const KeyOrder& order) {
  const int shape = static_cast<int>(random.Uniform(6));
  const size_t count = 1 + random.Uniform(random.OneIn(3) ? 20 : 3000);
  const size_t max_value =
      random.OneIn(10) ? 100'000 / (1 + count / 50) : 1 + random.Uniform(200);
  const bool one_kind = random.OneIn(2);
  const bool repetitive = random.OneIn(2);
  const auto before = [&](const InternalKey& a, const InternalKey& b) {
    return order.Compare(a.view(), b.view()) < 0;
  };
  std::set<InternalKey, decltype(before)> keys(before);
  for (size_t i = 0; i < count; ++i) {
    const EntryKind kind =
        !one_kind && random.OneIn(4) ? EntryKind::kDelete : EntryKind::kPut;
    const uint64_t sequence = random.OneIn(100)
                                  ? kMaxSequence - random.Uniform(3)
                                  : random.Uniform(count * 2);
    keys.insert(InternalKey(RandomKey(random, shape, 1 + count),
                            PackTrailer(sequence, kind)));
  }
  std::vector<TestEntry> entries;
  for (const InternalKey& key : keys) {
    const size_t size = random.Uniform(max_value + 1);
    entries.push_back(
        {key, repetitive ? std::string(size, 'v') : RandomBytes(random, size)});
  }
  return entries;
}

// A fixture that reads a table and the list side by side.
class Model {
 public:
  Model(const KeyOrder& order, const std::vector<TestEntry>& entries)
      : order_(order), entries_(entries) {}

  // Index of the first entry not before `target`.
  size_t LowerBound(const InternalKeyView& target) const {
    return static_cast<size_t>(
        std::partition_point(entries_.begin(), entries_.end(),
                             [&](const TestEntry& e) {
                               return order_.Compare(e.key.view(), target) < 0;
                             }) -
        entries_.begin());
  }

  void ExpectGet(const TableReader& reader, const TableReadOptions& options,
                 std::string_view key, SequenceNumber sequence) const {
    const LookupKey lookup(key, sequence);
    const size_t i = LowerBound(lookup.seek_key());
    const bool present = i < entries_.size() && entries_[i].key.user_key == key;
    const EpochGuard guard;
    PointResult result;
    const absl::StatusOr<bool> found = reader.Get(lookup, options, &result);
    ASSERT_TRUE(found.ok()) << found.status();
    ASSERT_EQ(*found, present) << DebugString(lookup.seek_key());
    if (!present) return;
    ASSERT_EQ(PackTrailer(result.sequence, result.kind),
              entries_[i].key.trailer);
    ASSERT_EQ(result.value, entries_[i].value);
  }

  // `at`: where the iterator should stand; size of the list or -1: nowhere.
  void ExpectAt(const InternalIterator& it, ptrdiff_t at) const {
    ASSERT_TRUE(it.status().ok()) << it.status();
    if (at < 0 || at >= static_cast<ptrdiff_t>(entries_.size())) {
      ASSERT_FALSE(it.Valid());
      return;
    }
    ASSERT_TRUE(it.Valid());
    const TestEntry& e = entries_[static_cast<size_t>(at)];
    ASSERT_EQ(it.key(), e.key.view())
        << DebugString(it.key()) << " for " << DebugString(e.key.view());
    ASSERT_EQ(it.value(), e.value);
  }

  void Walk(InternalIterator& it, Random& random, int steps) const {
    ptrdiff_t at = -1;
    const auto size = static_cast<ptrdiff_t>(entries_.size());
    for (int i = 0; i < steps; ++i) {
      const bool valid = at >= 0 && at < size;
      const InternalKey target = RandomTarget(random);
      const auto low = static_cast<ptrdiff_t>(LowerBound(target.view()));
      switch (random.Uniform(valid ? 12 : 4)) {
        case 0:
          it.SeekToFirst();
          at = 0;
          break;
        case 1:
          it.SeekToLast();
          at = size - 1;
          break;
        case 2:
          it.Seek(target.view());
          at = low;
          break;
        case 3:
          it.SeekForPrev(target.view());
          at = low < size && entries_[static_cast<size_t>(low)].key == target
                   ? low
                   : low - 1;
          break;
        case 4:
        case 5:
        case 6:
        case 7:
          it.Next();
          ++at;
          break;
        default:
          it.Prev();
          --at;
      }
      ASSERT_NO_FATAL_FAILURE(ExpectAt(it, at));
    }
  }

  // A key of the list, or one near it, or any.
  InternalKey RandomTarget(Random& random) const {
    InternalKey key = entries_[random.Uniform(entries_.size())].key;
    switch (random.Uniform(6)) {
      case 0:
        key.user_key.push_back('\0');
        break;
      case 1:
        if (!key.user_key.empty()) key.user_key.pop_back();
        break;
      case 2:
        if (!key.user_key.empty()) ++key.user_key.back();
        break;
      case 3:
        key.user_key = RandomBytes(random, random.Uniform(20));
        break;
      default:
        break;
    }
    if (random.OneIn(2)) {
      key.trailer = SeekTrailer(random.Uniform(entries_.size() * 2 + 1));
    }
    if (random.OneIn(10)) key.trailer = 0;
    return key;
  }

 private:
  const KeyOrder& order_;
  const std::vector<TestEntry>& entries_;
};

TEST(Table, AnswersLikeASortedListWhateverTheOptions) {
  Random seeds(TestSeed());
  for (int round = 0; round < 150; ++round) {
    const uint64_t seed = seeds.Next();
    SCOPED_TRACE(absl::StrCat("round ", round, " seed ", seed));
    Random random(seed);
    TableBuilderOptions options = BuilderOptions(RandomComparator(random));
    options.block_size = size_t{64} << random.Uniform(11);
    if (random.OneIn(2)) {
      options.compression =
          Compression::Zstd(static_cast<int>(random.Uniform(6)) - 3,
                            random.OneIn(2) ? 1024 << random.Uniform(3) : 0);
    }
    options.filter_policy =
        random.OneIn(3)
            ? FilterPolicy::None()
            : FilterPolicy::Bloom(1 + static_cast<double>(random.Uniform(24)));
    const auto entries = RandomEntries(random, options.order);
    const TestTable table = BuildTable(options, entries);
    EXPECT_EQ(table.summary.entries, entries.size());
    EXPECT_EQ(table.summary.smallest, entries.front().key);
    EXPECT_EQ(table.summary.largest, entries.back().key);
    const auto reader =
        MustOpen(table, NewCache(random.OneIn(3) ? 10'000 : 64 << 20));
    EXPECT_EQ(reader->entries(), entries.size());

    const Model model(options.order, entries);
    const TableReadOptions read = {
        .verify_checksums = !random.OneIn(4),
        .fill_cache = !random.OneIn(3),
        .readahead_bytes = random.OneIn(3) ? 1 + random.Uniform(100'000) : 0};
    for (int i = 0; i < 400; ++i) {
      const InternalKey target = model.RandomTarget(random);
      ASSERT_NO_FATAL_FAILURE(model.ExpectGet(
          *reader, read, target.user_key,
          random.OneIn(3) ? kMaxSequence : target.view().sequence()));
    }
    const auto it = reader->NewIterator(read);
    EXPECT_FALSE(it->Valid());
    ASSERT_NO_FATAL_FAILURE(model.Walk(*it, random, 1000));
    it->SeekToFirst();
    for (size_t i = 0; i <= entries.size(); ++i) {
      ASSERT_NO_FATAL_FAILURE(model.ExpectAt(*it, static_cast<ptrdiff_t>(i)));
      if (it->Valid()) it->Next();
    }
    it->SeekToLast();
    for (size_t i = entries.size(); i-- > 0;) {
      ASSERT_NO_FATAL_FAILURE(model.ExpectAt(*it, static_cast<ptrdiff_t>(i)));
      it->Prev();
    }
    EXPECT_FALSE(it->Valid());
    EXPECT_TRUE(it->status().ok());
  }
}

TEST(Table, FindsEachOfTheVersionsOfAKeyThatSpansManyPartitions) {
  TableBuilderOptions options = BuilderOptions();
  options.block_size = 128;
  std::vector<TestEntry> entries = {
      {InternalKey("a", PackTrailer(1, EntryKind::kPut)), "first"}};
  constexpr uint64_t kVersions = 60'000;
  for (uint64_t s = kVersions; s > 0; --s) {
    entries.push_back({InternalKey("k", PackTrailer(2 * s, EntryKind::kPut)),
                       absl::StrCat(s)});
  }
  entries.push_back(
      {InternalKey("z", PackTrailer(1, EntryKind::kPut)), "last"});
  const TestTable table = BuildTable(options, entries);
  const auto reader = MustOpen(table);
  const Model model(options.order, entries);
  for (uint64_t s = 0; s <= 2 * kVersions + 2; s += s < 99 ? 1 : 97) {
    ASSERT_NO_FATAL_FAILURE(model.ExpectGet(*reader, {}, "k", s));
  }
  for (std::string_view key : {"", "a", "b", "z", "zz"}) {
    ASSERT_NO_FATAL_FAILURE(model.ExpectGet(*reader, {}, key, kMaxSequence));
  }
}

TEST(Table, HoldsHugeKeysAndValues) {
  TableBuilderOptions options = BuilderOptions();
  options.compression = Compression::Zstd(1);
  Random random(7);
  std::vector<TestEntry> entries = {
      {InternalKey("", PackTrailer(1, EntryKind::kPut)), ""},
      {InternalKey(std::string(1 << 20, 'a'), PackTrailer(9, EntryKind::kPut)),
       std::string(5 << 20, 'z')},
      {InternalKey(std::string(1 << 20, 'a') + "b",
                   PackTrailer(8, EntryKind::kDelete)),
       ""},
      {InternalKey("b", PackTrailer(1, EntryKind::kPut)),
       RandomBytes(random, 3 << 20)},
      {InternalKey("c", PackTrailer(1, EntryKind::kPut)), "small"}};
  const TestTable table = BuildTable(options, entries);
  const auto reader = MustOpen(table);
  const Model model(options.order, entries);
  for (const TestEntry& e : entries) {
    ASSERT_NO_FATAL_FAILURE(
        model.ExpectGet(*reader, {}, e.key.user_key, kMaxSequence));
  }
  const auto it = reader->NewIterator({.readahead_bytes = 1 << 16});
  ASSERT_NO_FATAL_FAILURE(model.Walk(*it, random, 200));
}

TEST(Table, OpensWithOneReadAndWithoutAHint) {
  std::vector<TestEntry> entries;
  for (int i = 0; i < 100'000; ++i) {
    entries.push_back({InternalKey(absl::StrCat(1'000'000 + i),
                                   PackTrailer(5, EntryKind::kPut)),
                       "value"});
  }
  TestTable table = BuildTable(BuilderOptions(), entries);
  std::atomic<int> reads = 0;
  MustOpen(table, NewCache(), &reads);
  EXPECT_EQ(reads, 1);
  EXPECT_LT(table.summary.tail_size, 8192u);
  const Model model(table.options.order, entries);
  for (uint64_t hint : {uint64_t{0}, uint64_t{1}, table.summary.tail_size - 1,
                        table.summary.tail_size + 1, table.summary.file_size,
                        table.summary.file_size + 1, ~uint64_t{0}}) {
    table.summary.tail_size = hint;
    const auto reader = MustOpen(table);
    ASSERT_NO_FATAL_FAILURE(
        model.ExpectGet(*reader, {}, "1054321", kMaxSequence));
  }
}

TEST(Table, AbsentKeysCostNoBlockReadButForFilterErrors) {
  std::vector<TestEntry> entries;
  for (int i = 0; i < 50'000; ++i) {
    entries.push_back({InternalKey(absl::StrCat(1'000'000 + i),
                                   PackTrailer(5, EntryKind::kPut)),
                       "value"});
  }
  const TestTable table = BuildTable(BuilderOptions(), entries);
  std::atomic<int> reads = 0;
  const auto reader = MustOpen(table, NewCache(), &reads);
  const EpochGuard guard;
  PointResult result;
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = absl::StrCat(1'000'000 + i * 2, "x");
    const auto found = reader->Get(LookupKey(key, kMaxSequence),
                                   {.fill_cache = true}, &result);
    ASSERT_TRUE(found.ok());
    ASSERT_FALSE(*found);
  }
  // A hundredth of them passes the filter; each block is read at most once.
  EXPECT_LT(reads, 400);
}

TEST(TableBuilder, RefusesWhatIsOutOfOrder) {
  const auto key = [](std::string_view user_key, SequenceNumber sequence,
                      EntryKind kind = EntryKind::kPut) {
    return InternalKeyView{user_key, PackTrailer(sequence, kind)};
  };
  const std::pair<InternalKeyView, InternalKeyView> wrong[] = {
      {key("b", 5), key("a", 9)},
      {key("b", 5), key("b", 5)},
      {key("b", 5), key("b", 6)},
      {key("b", 5), key("c", 5, EntryKind::kMerge)},
      {key("b", 5), key("c", kMaxSequence + 1)},
  };
  for (const auto& [first, second] : wrong) {
    std::string bytes;
    auto builder = TableBuilder::Create(
        BuilderOptions(), "t", std::make_unique<StringWritableFile>(&bytes));
    ASSERT_TRUE(builder->Add(first, "").ok());
    EXPECT_EQ(builder->Add(second, "").code(), absl::StatusCode::kInternal);
    // The error stays.
    EXPECT_FALSE(builder->Add(key("x", 1), "").ok());
    EXPECT_FALSE(builder->Finish().ok());
  }
  std::string bytes;
  auto empty = TableBuilder::Create(
      BuilderOptions(), "t", std::make_unique<StringWritableFile>(&bytes));
  EXPECT_FALSE(empty->Finish().ok());
}

TEST(TableBuilder, ForeseesTheFileSize) {
  auto options = BuilderOptions();
  std::string bytes;
  auto builder = TableBuilder::Create(
      options, "t", std::make_unique<StringWritableFile>(&bytes));
  for (int i = 0; i < 30'000; ++i) {
    ASSERT_TRUE(builder
                    ->Add({absl::StrCat(1'000'000 + i),
                           PackTrailer(7, EntryKind::kPut)},
                          std::string(100, 'v'))
                    .ok());
  }
  const auto estimate = static_cast<double>(builder->EstimatedFileSize());
  ASSERT_TRUE(builder->Finish().ok());
  EXPECT_NEAR(static_cast<double>(bytes.size()), estimate, estimate * 0.01);
}

}  // namespace
}  // namespace lissom
