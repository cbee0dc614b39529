#include "db/memtable/memtable.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/db/memtable/key_shapes.h"
#include "tests/support/test_env.h"
#include "util/random.h"

namespace lissom {
namespace {

struct Before {
  const KeyOrder* order;
  bool operator()(const InternalKey& a, const InternalKey& b) const {
    return order->Compare(a.view(), b.view()) < 0;
  }
};
using Model = std::map<InternalKey, std::string, Before>;

void ExpectAt(const InternalIterator& it, const Model& model,
              Model::const_iterator at) {
  ASSERT_EQ(it.Valid(), at != model.end());
  if (!it.Valid()) return;
  ASSERT_EQ(InternalKey(it.key()), at->first) << DebugString(it.key());
  ASSERT_EQ(it.value(), at->second);
}

void ExpectSameBothWays(const Memtable& memtable, const Model& model) {
  auto it = memtable.NewIterator();
  it->SeekToFirst();
  for (auto at = model.begin(); at != model.end(); ++at) {
    ASSERT_NO_FATAL_FAILURE(ExpectAt(*it, model, at));
    it->Next();
  }
  ASSERT_FALSE(it->Valid());
  it->SeekToLast();
  for (auto at = model.rbegin(); at != model.rend(); ++at) {
    ASSERT_NO_FATAL_FAILURE(ExpectAt(*it, model, std::prev(at.base())));
    it->Prev();
  }
  ASSERT_FALSE(it->Valid());
}

void ExpectSameFinds(const Memtable& memtable, const Model& model,
                     const std::string& key, SequenceNumber sequence) {
  const LookupKey lookup(key, sequence);
  const auto at = model.lower_bound(InternalKey(lookup.seek_key()));
  Memtable::Entry entry;
  const bool found = memtable.Get(lookup, &entry);
  ASSERT_EQ(found, at != model.end() && at->first.user_key == key);
  if (found) {
    ASSERT_EQ(entry.sequence, at->first.view().sequence());
    ASSERT_EQ(entry.kind, at->first.view().kind());
    ASSERT_EQ(entry.value, at->second);
  }
  auto it = memtable.NewIterator();
  it->Seek(lookup.seek_key());
  ASSERT_NO_FATAL_FAILURE(ExpectAt(*it, model, at));
  if (it->Valid()) {
    it->Prev();
    ASSERT_NO_FATAL_FAILURE(ExpectAt(
        *it, model, at == model.begin() ? model.end() : std::prev(at)));
    it->SeekForPrev(at->first.view());  // An entry's own key finds it.
    ASSERT_NO_FATAL_FAILURE(ExpectAt(*it, model, at));
  }
  it->SeekForPrev(lookup.seek_key());
  ASSERT_NO_FATAL_FAILURE(
      ExpectAt(*it, model, at == model.begin() ? model.end() : std::prev(at)));
  if (it->Valid()) {
    it->Next();
    ASSERT_NO_FATAL_FAILURE(ExpectAt(*it, model, at));
  }
}

void RunAgainstModel(std::shared_ptr<const Comparator> comparator,
                     const KeyShape& shape, uint64_t seed, uint64_t entries) {
  SCOPED_TRACE(std::string(shape.name) +
               ", LISSOM_SEED=" + std::to_string(seed));
  Random random(seed);
  const KeyOrder order(std::move(comparator));
  Model model(Before{&order});
  Ref<Memtable> memtable = Memtable::Create(order, 7);
  EXPECT_TRUE(memtable->empty());
  ExpectSameBothWays(*memtable, model);
  for (uint64_t i = 1; i <= entries; ++i) {
    const std::string key = shape.key(random, i);
    const EntryKind kind =
        random.OneIn(5) ? EntryKind::kDelete : EntryKind::kPut;
    const std::string value = std::to_string(i);
    memtable->Add(i, kind, key, value);
    model.emplace(InternalKey(key, PackTrailer(i, kind)), value);
    if (random.OneIn(4)) {
      ASSERT_NO_FATAL_FAILURE(
          ExpectSameFinds(*memtable, model, shape.key(random, i),
                          random.OneIn(2) ? i : random.Uniform(i + 2)));
    }
    if ((i & (i - 1)) == 0 || i == 33 || i == entries) {
      ASSERT_NO_FATAL_FAILURE(ExpectSameBothWays(*memtable, model));
    }
  }
  EXPECT_EQ(memtable->entries(), entries);
  EXPECT_EQ(memtable->largest_sequence(), entries);
}

TEST(Memtable, IsAMapInBytewiseOrder) {
  const uint64_t seed = TestSeed();
  for (const KeyShape& shape : KeyShapes()) {
    RunAgainstModel(BytewiseComparator(), shape, seed, 8000);
  }
}
TEST(Memtable, IsAMapInReverseOrder) {
  const uint64_t seed = TestSeed();
  for (const KeyShape& shape : KeyShapes()) {
    RunAgainstModel(ReverseBytewiseComparator(), shape, seed, 8000);
  }
}
TEST(Memtable, IsAMapInAnOrderWithoutHeads) {
  const uint64_t seed = TestSeed();
  for (const KeyShape& shape : KeyShapes()) {
    RunAgainstModel(std::make_shared<Headless>(), shape, seed, 4000);
  }
}
TEST(Memtable, IsAMapInAnOrderWithHeadsOfItsOwn) {
  const uint64_t seed = TestSeed();
  for (const KeyShape& shape : KeyShapes()) {
    RunAgainstModel(std::make_shared<ByLength>(), shape, seed, 4000);
  }
}

TEST(Memtable, FindsEachOfAMillionVersionsOfOneKey) {
  constexpr uint64_t kVersions = 1000000;
  Ref<Memtable> memtable = Memtable::Create(KeyOrder(BytewiseComparator()), 1);
  for (uint64_t i = 1; i <= kVersions; ++i) {
    memtable->Add(2 * i, EntryKind::kPut, "k", std::to_string(i));
  }
  Memtable::Entry entry;
  for (uint64_t i = 1; i <= kVersions; i += 7) {
    ASSERT_TRUE(memtable->Get(LookupKey("k", 2 * i + 1), &entry));
    ASSERT_EQ(entry.sequence, 2 * i);
  }
  EXPECT_FALSE(memtable->Get(LookupKey("k", 1), &entry));
  EXPECT_FALSE(memtable->Get(LookupKey("", kMaxSequence), &entry));
}

TEST(Memtable, TakesKeysOfAMebibyteAndLargeValues) {
  Ref<Memtable> memtable = Memtable::Create(KeyOrder(BytewiseComparator()), 1);
  const std::string large(size_t{40} << 20, 'v');
  memtable->Add(1, EntryKind::kPut, "large first", large);
  for (int i = 0; i < 100; ++i) {
    const std::string key = std::string(1 << 20, 'k') + std::to_string(i);
    memtable->Add(2, EntryKind::kPut, key, "small");
    Memtable::Entry entry;
    ASSERT_TRUE(memtable->Get(LookupKey(key, 2), &entry));
    ASSERT_EQ(entry.value, "small");
  }
  Memtable::Entry entry;
  ASSERT_TRUE(memtable->Get(LookupKey("large first", 9), &entry));
  EXPECT_TRUE(entry.value == large);
  EXPECT_GT(memtable->memory_bytes(), large.size() + (size_t{100} << 20));
}

TEST(Memtable, ReportsWhatItHolds) {
  Ref<Memtable> memtable = Memtable::Create(KeyOrder(BytewiseComparator()), 1);
  EXPECT_LT(memtable->memory_bytes(), 16u << 10);
  Random random(1);
  uint64_t held = 0;
  for (uint64_t i = 1; i <= 100000; ++i) {
    memtable->Add(i, EntryKind::kPut, RandomBytes(random, 16, 256),
                  std::string(100, 'v'));
    held += 116;
  }
  EXPECT_GT(memtable->memory_bytes(), held);
  EXPECT_LT(memtable->memory_bytes(), held * 2);
}

TEST(Memtable, AnIteratorKeepsItAlive) {
  Ref<Memtable> memtable = Memtable::Create(KeyOrder(BytewiseComparator()), 1);
  memtable->Add(1, EntryKind::kPut, "a", "1");
  auto it = memtable->NewIterator();
  memtable.reset();
  it->SeekToFirst();
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(it->value(), "1");
}

// The i-th key, in an order in which neighbours come at any time, several
// versions of some.
std::string ScrambledKey(uint64_t i) {
  const uint64_t n = i * 0x9e3779b97f4a7c15u >> 40;
  return Format("user%08d", n % 20000);
}

void ReadWhileWriting(const Memtable& memtable, const KeyOrder& order,
                      const std::atomic<uint64_t>& visible, uint64_t entries,
                      uint64_t seed) {
  Random random(seed);
  for (uint64_t now = 0; now < entries;) {
    now = visible.load(std::memory_order_acquire);
    if (now == 0) continue;
    for (int i = 0; i < 500; ++i) {
      now = visible.load(std::memory_order_acquire);
      const uint64_t n = 1 + random.Uniform(now);
      const std::string key = ScrambledKey(n);
      Memtable::Entry entry;
      ASSERT_TRUE(memtable.Get(LookupKey(key, n), &entry)) << key << "@" << n;
      ASSERT_EQ(entry.sequence, n);
      ASSERT_EQ(entry.value, key);
    }
    if (!random.OneIn(20) && now < entries) continue;
    const bool forward = random.OneIn(2);
    auto it = memtable.NewIterator();
    uint64_t seen = 0;
    InternalKey last;
    for (forward ? it->SeekToFirst() : it->SeekToLast(); it->Valid();
         forward ? it->Next() : it->Prev()) {
      if (!last.user_key.empty()) {
        const int way = order.Compare(last.view(), it->key());
        ASSERT_TRUE(forward ? way < 0 : way > 0) << DebugString(it->key());
      }
      last = InternalKey(it->key());
      if (it->key().sequence() <= now) ++seen;
    }
    ASSERT_EQ(seen, now);  // Each entry that was visible when it began.
  }
}

TEST(Memtable, ReadersSeeAllThatWasAddedBeforeWhileOneWrites) {
  constexpr uint64_t kEntries = 60000;
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("LISSOM_SEED=" + std::to_string(seed));
  const KeyOrder order(BytewiseComparator());
  Ref<Memtable> memtable = Memtable::Create(order, 1);
  std::atomic<uint64_t> visible{0};
  std::vector<std::thread> readers;
  for (uint64_t i = 0; i < 3; ++i) {
    readers.emplace_back([&, i] {
      ReadWhileWriting(*memtable, order, visible, kEntries, seed + i);
    });
  }
  for (uint64_t i = 1; i <= kEntries; ++i) {
    const std::string key = ScrambledKey(i);
    memtable->Add(i, EntryKind::kPut, key, key);
    visible.store(i, std::memory_order_release);
  }
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace lissom
