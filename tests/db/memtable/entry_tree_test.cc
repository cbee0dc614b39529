// The tree under a memtable: cursors and finds against a std::map, cursors that
// stand in the tree while it grows, and readers beside a writer. What a
// memtable makes of it is left to memtable_test.
#include "db/memtable/entry_tree.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/db/memtable/key_shapes.h"
#include "tests/support/test_env.h"
#include "util/arena.h"
#include "util/random.h"

namespace lissom {
namespace {

std::vector<std::shared_ptr<const Comparator>> Orders() {
  return {BytewiseComparator(), ReverseBytewiseComparator(),
          std::make_shared<Headless>(), std::make_shared<ByLength>()};
}

// A tree, its arena, and the map that it must be.
class Grove {
 public:
  explicit Grove(std::shared_ptr<const Comparator> comparator)
      : order_(std::move(comparator)),
        tree_(order_, arena_),
        model_(Before{order_}) {}

  void Insert(const std::string& key, SequenceNumber sequence) {
    InsertWritten(Write(key, sequence));
  }
  // The two halves of it: an entry in the arena, and its place in the tree.
  Arena::Ref Write(const std::string& key, SequenceNumber sequence) {
    return StoredEntry::Write(arena_,
                              {key, PackTrailer(sequence, EntryKind::kPut)},
                              absl::StrCat(sequence));
  }
  void InsertWritten(Arena::Ref ref) {
    tree_.Insert(ref);
    const auto* entry =
        reinterpret_cast<const StoredEntry*>(arena_.Resolve(ref));
    model_.emplace(InternalKey(entry->key()), std::string(entry->value()));
  }

  size_t used_bytes() const { return arena_.used_bytes(); }

  // Takes the memory that the arena has yet to give: all chunks, untouched, and
  // of the one in use at most so many times 8 bytes. Returns how many it took.
  uint64_t Starve(uint64_t pieces) {
    try {
      while (true) arena_.Allocate(size_t{5} << 20);
    } catch (const std::bad_alloc&) {
    }
    uint64_t taken = 0;
    try {
      for (; taken < pieces; ++taken) arena_.Allocate(8);
    } catch (const std::bad_alloc&) {
    }
    return taken;
  }

  struct Before {
    KeyOrder order;
    bool operator()(const InternalKey& a, const InternalKey& b) const {
      return order.Compare(a.view(), b.view()) < 0;
    }
  };
  using Model = std::map<InternalKey, std::string, Before>;

  const KeyOrder& order() const { return order_; }
  const EntryTree& tree() const { return tree_; }
  const Model& model() const { return model_; }

 private:
  const KeyOrder order_;
  Arena arena_;
  EntryTree tree_;
  Model model_;
};

void ExpectAt(const EntryTree::Cursor& cursor, const Grove& grove,
              Grove::Model::const_iterator at) {
  ASSERT_EQ(cursor.entry() != nullptr, at != grove.model().end());
  if (cursor.entry() == nullptr) return;
  ASSERT_EQ(InternalKey(cursor.entry()->key()), at->first);
  ASSERT_EQ(cursor.entry()->value(), at->second);
}

void ExpectFinds(const Grove& grove, const InternalKey& target) {
  const Grove::Model& model = grove.model();
  const auto after = model.lower_bound(target);
  const auto before = [&](Grove::Model::const_iterator at) {
    return at == model.begin() ? model.end() : std::prev(at);
  };
  const StoredEntry* found = grove.tree().FindVersion(target.view());
  const bool there =
      after != model.end() && after->first.user_key == target.user_key;
  ASSERT_EQ(found != nullptr, there) << DebugString(target.view());
  if (there) {
    ASSERT_EQ(InternalKey(found->key()), after->first);
  }
  EntryTree::Cursor cursor(grove.tree());
  cursor.Seek(target.view());
  ASSERT_NO_FATAL_FAILURE(ExpectAt(cursor, grove, after));
  if (cursor.entry() != nullptr) {
    EntryTree::Cursor copy = cursor;
    cursor.Prev();
    ASSERT_NO_FATAL_FAILURE(ExpectAt(cursor, grove, before(after)));
    ASSERT_NO_FATAL_FAILURE(ExpectAt(copy, grove, after));
    copy.Next();
    ASSERT_NO_FATAL_FAILURE(ExpectAt(copy, grove, std::next(after)));
  }
  const auto not_after = before(model.upper_bound(target));
  cursor.SeekForPrev(target.view());
  ASSERT_NO_FATAL_FAILURE(ExpectAt(cursor, grove, not_after));
  if (cursor.entry() != nullptr) {
    cursor.Next();
    ASSERT_NO_FATAL_FAILURE(ExpectAt(cursor, grove, std::next(not_after)));
  }
}

void ExpectWalks(const Grove& grove) {
  ASSERT_TRUE(grove.tree().CheckInvariants());
  const Grove::Model& model = grove.model();
  EntryTree::Cursor cursor(grove.tree());
  cursor.SeekToFirst();
  for (auto at = model.begin(); at != model.end(); ++at) {
    ASSERT_NO_FATAL_FAILURE(ExpectAt(cursor, grove, at));
    cursor.Next();
  }
  ASSERT_EQ(cursor.entry(), nullptr);
  cursor.SeekToLast();
  for (auto at = model.end(); at != model.begin();) {
    ASSERT_NO_FATAL_FAILURE(ExpectAt(cursor, grove, --at));
    cursor.Prev();
  }
  ASSERT_EQ(cursor.entry(), nullptr);
}

TEST(EntryTree, WithoutEntriesIsNowhere) {
  for (const auto& order : Orders()) {
    const Grove grove(order);
    EXPECT_TRUE(grove.tree().CheckInvariants());
    EXPECT_EQ(grove.tree().FindVersion({"", SeekTrailer(kMaxSequence)}),
              nullptr);
    EntryTree::Cursor cursor(grove.tree());
    EXPECT_EQ(cursor.entry(), nullptr);
    cursor.SeekToFirst();
    EXPECT_EQ(cursor.entry(), nullptr);
    cursor.SeekToLast();
    EXPECT_EQ(cursor.entry(), nullptr);
    cursor.Seek({"", SeekTrailer(kMaxSequence)});
    EXPECT_EQ(cursor.entry(), nullptr);
    cursor.SeekForPrev({"z", 0});
    EXPECT_EQ(cursor.entry(), nullptr);
  }
}

TEST(EntryTree, TheEmptyKeyIsAKey) {
  for (const auto& order : Orders()) {
    Grove grove(order);
    grove.Insert("", 1);
    grove.Insert(std::string(1, '\0'), 2);
    grove.Insert("", 3);
    ExpectWalks(grove);
    ExpectFinds(grove, InternalKey("", SeekTrailer(kMaxSequence)));
    ExpectFinds(grove, InternalKey("", SeekTrailer(2)));
    ExpectFinds(grove, InternalKey("", SeekTrailer(0)));
  }
}

// Sizes at which leaves and the level above them fill up and split.
TEST(EntryTree, IsAMapAtEverySizeUpToSeveralSplits) {
  const uint64_t seed = TestSeed();
  for (const KeyShape& shape : KeyShapes()) {
    Grove grove(BytewiseComparator());
    Random random(seed);
    SCOPED_TRACE(absl::StrCat(shape.name, ", LISSOM_SEED=", seed));
    for (uint64_t i = 1; i <= 200; ++i) {
      grove.Insert(shape.key(random, i), i);
      ASSERT_NO_FATAL_FAILURE(ExpectWalks(grove));
    }
  }
}

TEST(EntryTree, IsAMapInEveryOrderAndShape) {
  const uint64_t seed = TestSeed();
  for (const KeyShape& shape : KeyShapes()) {
    for (const auto& order : Orders()) {
      Grove grove(order);
      Random random(seed);
      SCOPED_TRACE(absl::StrCat(shape.name, " by ", std::string(order->Name()),
                                ", LISSOM_SEED=", seed));
      const uint64_t entries = Scaled(4000, 500);
      for (uint64_t i = 1; i <= entries; ++i) {
        grove.Insert(shape.key(random, i), i);
        ASSERT_NO_FATAL_FAILURE(ExpectFinds(
            grove,
            InternalKey(shape.key(random, 1 + random.Uniform(i + 9)),
                        random.OneIn(2) ? SeekTrailer(random.Uniform(i + 2))
                                        : PackTrailer(1 + random.Uniform(i),
                                                      EntryKind::kPut))));
      }
      ASSERT_NO_FATAL_FAILURE(ExpectWalks(grove));
    }
  }
}

TEST(EntryTree, KeepsItsInvariantsAsItGrowsLarge) {
  const uint64_t seed = TestSeed();
  for (const KeyShape& shape : KeyShapes()) {
    for (const auto& order : Orders()) {
      Random random(seed);
      SCOPED_TRACE(absl::StrCat(shape.name, " by ", std::string(order->Name()),
                                ", LISSOM_SEED=", seed));
      Arena arena;
      EntryTree tree(KeyOrder(order), arena);
      const uint64_t entries = Scaled(10000, 1000);
      for (uint64_t i = 1; i <= entries; ++i) {
        tree.Insert(StoredEntry::Write(
            arena, {shape.key(random, i), PackTrailer(i, EntryKind::kPut)},
            ""));
        if (i % 1999 == 0) {
          ASSERT_TRUE(tree.CheckInvariants());
        }
      }
      ASSERT_TRUE(tree.CheckInvariants());
    }
  }
}

// The insert that splits nodes of two levels at once, with too little memory
// left for all, some, or none of the nodes that it needs.
TEST(EntryTree, AnInsertWithoutMemoryLeavesItAsItWas) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed));
  constexpr size_t kNodeBytes = 512;  // As the header draws it.
  Random random(seed);
  std::vector<std::string> keys;
  {
    Grove grove(BytewiseComparator());
    size_t grown = 0;
    while (keys.size() < 500 || grown < 3 * kNodeBytes) {
      keys.push_back(RandomBytes(random, 16, 256));
      const Arena::Ref entry = grove.Write(keys.back(), keys.size());
      const size_t before = grove.used_bytes();
      grove.InsertWritten(entry);
      grown = grove.used_bytes() - before;
    }
  }
  uint64_t room = 0;
  uint64_t thrown = 0;
  for (size_t left = 0; left < 6 * kNodeBytes; left += kNodeBytes / 2) {
    SCOPED_TRACE(left);
    Grove grove(BytewiseComparator());
    for (size_t i = 0; i + 1 < keys.size(); ++i) grove.Insert(keys[i], i + 1);
    const Arena::Ref entry = grove.Write(keys.back(), keys.size());
    if (left == 0) {
      room = grove.Starve(UINT64_MAX);
    } else {
      grove.Starve(room - std::min<uint64_t>(room, left / 8));
    }
    try {
      grove.InsertWritten(entry);
    } catch (const std::bad_alloc&) {
      ++thrown;
    }
    ASSERT_NO_FATAL_FAILURE(ExpectWalks(grove));
  }
  EXPECT_GE(thrown, 3u);
}

// A walk that goes on while entries come: it sees, in strict order, every entry
// there was when it began, whatever it sees of the others.
void WalkWhileGrowing(Grove& grove, const KeyShape& shape, Random& random,
                      uint64_t* sequence, bool forward) {
  const Grove::Model there = grove.model();
  EntryTree::Cursor cursor(grove.tree());
  if (forward) {
    cursor.SeekToFirst();
  } else {
    cursor.SeekToLast();
  }
  uint64_t seen = 0;
  InternalKey last;
  for (bool first = true; cursor.entry() != nullptr; first = false) {
    const InternalKey key(cursor.entry()->key());
    if (!first) {
      const int way = grove.order().Compare(last.view(), key.view());
      ASSERT_TRUE(forward ? way < 0 : way > 0) << DebugString(key.view());
    }
    ASSERT_EQ(grove.model().count(key), 1u);
    seen += there.count(key);
    last = key;
    if (random.OneIn(3)) {
      for (uint64_t n = random.Uniform(5); n > 0; --n) {
        ++*sequence;
        grove.Insert(shape.key(random, *sequence), *sequence);
      }
    }
    if (forward) {
      cursor.Next();
    } else {
      cursor.Prev();
    }
    // Shapes that run ahead of the walk would never let it end.
    if (grove.model().size() > 3 * there.size() + 2000) break;
  }
  if (cursor.entry() == nullptr) {
    ASSERT_EQ(seen, there.size());
  }
}

TEST(EntryTree, AWalkMissesNothingThatWasThereWhenItBegan) {
  const uint64_t seed = TestSeed();
  for (const KeyShape& shape : KeyShapes()) {
    for (const auto& order : Orders()) {
      SCOPED_TRACE(absl::StrCat(shape.name, " by ", std::string(order->Name()),
                                ", LISSOM_SEED=", seed));
      Grove grove(order);
      Random random(seed);
      uint64_t sequence = 0;
      while (sequence < 400) {
        ++sequence;
        grove.Insert(shape.key(random, sequence), sequence);
      }
      ASSERT_NO_FATAL_FAILURE(
          WalkWhileGrowing(grove, shape, random, &sequence, true));
      ASSERT_NO_FATAL_FAILURE(
          WalkWhileGrowing(grove, shape, random, &sequence, false));
      ASSERT_NO_FATAL_FAILURE(ExpectWalks(grove));
    }
  }
}

// Reads what is visible until all of it is: finds of single entries, and walks
// that must meet every entry that was visible when they began.
void ReadBeside(const EntryTree& tree, const KeyOrder& order,
                const std::vector<std::string>& keys,
                const std::atomic<uint64_t>& visible, uint64_t seed) {
  Random random(seed);
  for (uint64_t now = 0; now < keys.size();) {
    now = visible.load(std::memory_order_acquire);
    if (now == 0) continue;
    for (int i = 0; i < 100; ++i) {
      // The i-th entry has the sequence i + 1.
      const uint64_t n = random.Uniform(now);
      const StoredEntry* found =
          tree.FindVersion({keys[n], SeekTrailer(n + 1)});
      ASSERT_NE(found, nullptr) << keys[n];
      ASSERT_EQ(TrailerSequence(found->trailer), n + 1);
      ASSERT_EQ(found->value(), keys[n]);
    }
    if (!random.OneIn(10) && now < keys.size()) continue;
    const bool forward = random.OneIn(2);
    EntryTree::Cursor cursor(tree);
    if (forward) {
      cursor.SeekToFirst();
    } else {
      cursor.SeekToLast();
    }
    const StoredEntry* last = nullptr;
    uint64_t seen = 0;
    while (cursor.entry() != nullptr) {
      if (last != nullptr) {
        const int way = order.Compare(last->key(), cursor.entry()->key());
        ASSERT_TRUE(forward ? way < 0 : way > 0);
      }
      last = cursor.entry();
      if (TrailerSequence(last->trailer) <= now) ++seen;
      if (forward) {
        cursor.Next();
      } else {
        cursor.Prev();
      }
    }
    ASSERT_EQ(seen, now);
  }
}

TEST(EntryTree, ReadersBesideAWriterMissNothingInAnyShape) {
  const uint64_t seed = TestSeed();
  for (const KeyShape& shape : KeyShapes()) {
    for (const auto& comparator : Orders()) {
      SCOPED_TRACE(absl::StrCat(shape.name, " by ",
                                std::string(comparator->Name()),
                                ", LISSOM_SEED=", seed));
      Random random(seed);
      std::vector<std::string> keys;
      const uint64_t entries = Scaled(3000, 300);
      for (uint64_t i = 1; i <= entries; ++i) {
        keys.push_back(shape.key(random, i));
      }
      const KeyOrder order(comparator);
      Arena arena;
      EntryTree tree(order, arena);
      std::atomic<uint64_t> visible{0};
      std::thread reader(
          [&] { ReadBeside(tree, order, keys, visible, seed + 1); });
      for (uint64_t i = 0; i < keys.size(); ++i) {
        tree.Insert(StoredEntry::Write(
            arena, {keys[i], PackTrailer(i + 1, EntryKind::kPut)}, keys[i]));
        visible.store(i + 1, std::memory_order_release);
      }
      reader.join();
      ASSERT_FALSE(testing::Test::HasFailure());
    }
  }
}

}  // namespace
}  // namespace lissom
