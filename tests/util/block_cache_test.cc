#include "util/block_cache.h"

#include <atomic>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "util/random.h"

namespace lissom {
namespace {

uint64_t Seed() {
  const char* text = std::getenv("LISSOM_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : SystemSeed();
}

constexpr size_t kOverhead = BlockCache::kOverhead;

std::atomic<int> living{0};

// Charged `total` in a cache, the overhead included.
class TestBlock final : public CachedBlock {
 public:
  TestBlock(BlockCache::Key key, size_t total)
      : key_(key), charge_(total - kOverhead) {
    ++living;
  }
  ~TestBlock() override { --living; }
  size_t charge() const override { return charge_; }
  BlockCache::Key key() const { return key_; }

 private:
  BlockCache::Key key_;
  size_t charge_;
};

Ref<const CachedBlock> Block(BlockCache::Key key, size_t total) {
  return MakeRef<TestBlock>(key, total);
}
BlockCache::Key KeyOf(const Ref<const CachedBlock>& block) {
  return static_cast<const TestBlock*>(block.get())->key();
}

TEST(BlockCache, FindsWhatWasInserted) {
  BlockCache cache(1000);
  EXPECT_FALSE(cache.Lookup({1, 0}));
  const Ref<const CachedBlock> block = Block({1, 0}, 100);
  EXPECT_EQ(cache.Insert({1, 0}, block).get(), block.get());
  EXPECT_EQ(cache.Lookup({1, 0}).get(), block.get());
  EXPECT_FALSE(cache.Lookup({0, 1}));
  EXPECT_FALSE(cache.Lookup({1, 1}));
  EXPECT_EQ(cache.usage(), 100u);
  EXPECT_EQ(cache.counters().hits, 1u);
  EXPECT_EQ(cache.counters().misses, 3u);
}

TEST(BlockCache, KeepsTheFirstOfTwoBlocksOfOneKey) {
  BlockCache cache(1000);
  const Ref<const CachedBlock> first = Block({1, 0}, 100);
  cache.Insert({1, 0}, first);
  EXPECT_EQ(cache.Insert({1, 0}, Block({1, 0}, 300)).get(), first.get());
  EXPECT_EQ(cache.usage(), 100u);
}

TEST(BlockCache, HandsBackWhatDoesNotFit) {
  BlockCache cache(1000);
  cache.Insert({1, 0}, Block({1, 0}, 1000));
  EXPECT_TRUE(cache.Insert({1, 1}, Block({1, 1}, 1001)));
  EXPECT_FALSE(cache.Lookup({1, 1}));
  EXPECT_TRUE(cache.Lookup({1, 0}));  // And pushed nothing out.
}

TEST(BlockCache, KeepsNothingWithoutCapacity) {
  BlockCache cache(0);
  EXPECT_TRUE(cache.Insert({1, 0}, Block({1, 0}, kOverhead)));
  EXPECT_FALSE(cache.Lookup({1, 0}));
  cache.Erase({1, 0});
  EXPECT_EQ(cache.usage(), 0u);
  EXPECT_EQ(living, 0);
}

TEST(BlockCache, EvictsWhatNobodyAskedFor) {
  BlockCache cache(300);
  for (uint64_t i = 0; i < 3; ++i) cache.Insert({1, i}, Block({1, i}, 100));
  cache.Lookup({1, 0});
  cache.Insert({1, 3}, Block({1, 3}, 200));
  EXPECT_TRUE(cache.Lookup({1, 0}));
  EXPECT_FALSE(cache.Lookup({1, 1}));
  EXPECT_FALSE(cache.Lookup({1, 2}));
  EXPECT_TRUE(cache.Lookup({1, 3}));
  EXPECT_EQ(cache.counters().evictions, 2u);
}

TEST(BlockCache, AScanDoesNotPushOutWhatIsUsedOften) {
  BlockCache cache(100 * 100);
  for (uint64_t i = 0; i < 50; ++i) {
    cache.Insert({1, i}, Block({1, i}, 100));
    cache.Lookup({1, i});
  }
  for (uint64_t i = 0; i < 1000; ++i) cache.Insert({2, i}, Block({2, i}, 100));
  for (uint64_t i = 0; i < 50; ++i) EXPECT_TRUE(cache.Lookup({1, i})) << i;
}

TEST(BlockCache, WhatWasUsedOftenGoesInTheEnd) {
  BlockCache cache(100 * 100);
  for (uint64_t i = 0; i < 500; ++i) {
    cache.Insert({1, i}, Block({1, i}, 100));
    cache.Lookup({1, i});
  }
  EXPECT_FALSE(cache.Lookup({1, 0}));
  EXPECT_TRUE(cache.Lookup({1, 499}));
}

TEST(BlockCache, WhatComesBackSoonStays) {
  BlockCache cache(100 * 100);
  for (uint64_t i = 0; i < 105; ++i) cache.Insert({1, i}, Block({1, i}, 100));
  EXPECT_FALSE(cache.Lookup({1, 0}));  // It went, and is remembered.
  cache.Insert({1, 0}, Block({1, 0}, 100));
  for (uint64_t i = 0; i < 85; ++i) cache.Insert({2, i}, Block({2, i}, 100));
  EXPECT_TRUE(cache.Lookup({1, 0}));
  EXPECT_FALSE(cache.Lookup({1, 50}));
}

TEST(BlockCache, AnIndexNeedNotProveItself) {
  BlockCache cache(100 * 100);
  cache.Insert({9, 0}, Block({9, 0}, 100), BlockCache::Rank::kIndex);
  for (uint64_t i = 0; i < 1000; ++i) cache.Insert({1, i}, Block({1, i}, 100));
  EXPECT_TRUE(cache.Lookup({9, 0}));
}

TEST(BlockCache, GrowsItsTables) {
  BlockCache cache(64 << 20);
  for (uint64_t i = 0; i < 200'000; ++i) {
    cache.Insert({i % 7, i}, Block({i % 7, i}, 100));
  }
  for (uint64_t i = 0; i < 200'000; ++i) {
    const Ref<const CachedBlock> block = cache.Lookup({i % 7, i});
    ASSERT_TRUE(block) << i;
    ASSERT_EQ(KeyOf(block), (BlockCache::Key{i % 7, i}));
  }
}

TEST(BlockCache, WhatAGuardFoundLivesUntilItEnds) {
  BlockCache cache(100);
  cache.Insert({1, 0}, Block({1, 0}, 100));
  {
    const EpochGuard guard;
    const CachedBlock* found = cache.Find({1, 0});
    ASSERT_NE(found, nullptr);
    cache.Erase({1, 0});
    cache.Reclaim();
    EXPECT_EQ(cache.Find({1, 0}), nullptr);
    EXPECT_EQ(living, 1);
    EXPECT_EQ(found->charge(), 100 - kOverhead);
  }
  cache.Reclaim();
  EXPECT_EQ(living, 0);
}

// --- Slots ------------------------------------------------------------------

const CachedBlock* FindBySlot(BlockCache& cache, BlockCache::Key key,
                              const Ref<BlockSlots>& slots, uint32_t slot) {
  const EpochGuard guard;
  return cache.Find(key, slots, slot);
}

TEST(BlockSlots, LeadToABlockUntilItGoes) {
  BlockCache cache(1000);
  const Ref<BlockSlots> slots = BlockSlots::Create(3);
  EXPECT_EQ(FindBySlot(cache, {1, 0}, slots, 2), nullptr);
  const Ref<const CachedBlock> block = Block({1, 0}, 100);
  cache.Insert({1, 0}, block);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(FindBySlot(cache, {1, 0}, slots, 2), block.get());
  }
  EXPECT_EQ(cache.counters().hits, 3u);
  EXPECT_EQ(FindBySlot(cache, {1, 1}, slots, 1), nullptr);
  cache.Erase({1, 0});
  EXPECT_EQ(FindBySlot(cache, {1, 0}, slots, 2), nullptr);
  const Ref<const CachedBlock> other = Block({1, 0}, 200);
  cache.Insert({1, 0}, other);
  EXPECT_EQ(FindBySlot(cache, {1, 0}, slots, 2), other.get());
  EXPECT_EQ(FindBySlot(cache, {1, 0}, slots, 2), other.get());
}

TEST(BlockSlots, CountAsUses) {
  BlockCache cache(300);
  const Ref<BlockSlots> slots = BlockSlots::Create(3);
  for (uint64_t i = 0; i < 3; ++i) cache.Insert({1, i}, Block({1, i}, 100));
  FindBySlot(cache, {1, 1}, slots, 1);
  cache.Insert({1, 3}, Block({1, 3}, 100));
  EXPECT_NE(FindBySlot(cache, {1, 1}, slots, 1), nullptr);
  EXPECT_EQ(FindBySlot(cache, {1, 0}, slots, 0), nullptr);
}

TEST(BlockSlots, MayGoBeforeTheBlocks) {
  BlockCache cache(1000);
  cache.Insert({1, 0}, Block({1, 0}, 100));
  FindBySlot(cache, {1, 0}, BlockSlots::Create(1), 0);
  // A table that is opened anew has new places.
  const Ref<BlockSlots> again = BlockSlots::Create(1);
  EXPECT_NE(FindBySlot(cache, {1, 0}, again, 0), nullptr);
  EXPECT_NE(FindBySlot(cache, {1, 0}, again, 0), nullptr);
  cache.Erase({1, 0});
  EXPECT_EQ(FindBySlot(cache, {1, 0}, again, 0), nullptr);
}

TEST(BlockSlots, OutliveTheCache) {
  const Ref<BlockSlots> slots = BlockSlots::Create(1);
  {
    BlockCache cache(1000);
    cache.Insert({1, 0}, Block({1, 0}, 100));
    FindBySlot(cache, {1, 0}, slots, 0);
  }
  EXPECT_EQ(living, 0);
  BlockCache cache(1000);
  EXPECT_EQ(FindBySlot(cache, {1, 0}, slots, 0), nullptr);
}

TEST(BlockSlots, ChangeNoAnswer) {
  const uint64_t seed = Seed();
  SCOPED_TRACE("LISSOM_SEED=" + std::to_string(seed));
  Random random(seed);
  BlockCache direct(20000);
  BlockCache search(20000, BlockCache::Slots::kSearch);
  Ref<BlockSlots> slots[3];
  for (Ref<BlockSlots>& s : slots) s = BlockSlots::Create(100);
  for (int i = 0; i < 50000; ++i) {
    const auto slot = static_cast<uint32_t>(random.Uniform(100));
    const BlockCache::Key key{random.Uniform(3), slot};
    if (random.OneIn(50)) {
      direct.Erase(key);
      search.Erase(key);
    } else if (random.OneIn(300)) {
      slots[key.file] = BlockSlots::Create(100);
    } else if (random.OneIn(3)) {
      const size_t charge = kOverhead + random.Uniform(900);
      direct.Insert(key, Block(key, charge));
      search.Insert(key, Block(key, charge));
    }
    const EpochGuard guard;
    const CachedBlock* a = direct.Find(key, slots[key.file], slot);
    const CachedBlock* b = search.Find(key, slots[key.file], slot);
    ASSERT_EQ(a == nullptr, b == nullptr) << i;
    if (a == nullptr) continue;
    ASSERT_EQ(a->charge(), b->charge());
    ASSERT_EQ(static_cast<const TestBlock*>(a)->key(), key);
  }
}

TEST(BlockCache, ErasesBlocksOfBothQueues) {
  BlockCache cache(64 << 20);
  for (uint64_t i = 0; i < 200; ++i) {
    cache.Insert({i % 2, i}, Block({i % 2, i}, 1000));
    if (i % 3 == 0) cache.Lookup({i % 2, i});
  }
  cache.Insert({1, 200}, Block({1, 200}, 1000), BlockCache::Rank::kIndex);
  for (uint64_t i = 0; i < 201; ++i) {
    const Ref<const CachedBlock> erased = cache.Erase({1, i});
    ASSERT_EQ(static_cast<bool>(erased), i % 2 == 1 || i == 200) << i;
    if (erased) {
      EXPECT_EQ(KeyOf(erased), (BlockCache::Key{1, i}));
    }
  }
  EXPECT_EQ(cache.usage(), 100u * 1000);
  EXPECT_EQ(cache.counters().evictions, 0u);
  cache.Reclaim();
  EXPECT_EQ(living, 100);
  for (uint64_t i = 0; i < 200; ++i) {
    EXPECT_EQ(static_cast<bool>(cache.Lookup({i % 2, i})), i % 2 == 0);
  }
}

TEST(BlockCache, UsesItsWholeCapacity) {
  BlockCache cache(16 << 20);
  for (uint64_t i = 0; i < 20000; ++i) {
    cache.Insert({1, i * 4096}, Block({1, i * 4096}, 4096));
  }
  EXPECT_GT(cache.usage(), cache.capacity() * 99 / 100);
  EXPECT_LE(cache.usage(), cache.capacity());
}

TEST(BlockCache, ABlockOutlivesItsEviction) {
  Ref<const CachedBlock> pinned;
  {
    BlockCache cache(100);
    pinned = cache.Insert({1, 0}, Block({1, 0}, 100));
    cache.Insert({1, 1}, Block({1, 1}, 100));
    cache.Reclaim();
    EXPECT_FALSE(cache.Lookup({1, 0}));
    EXPECT_EQ(living, 2);
  }
  EXPECT_EQ(living, 1);
  EXPECT_EQ(KeyOf(pinned), (BlockCache::Key{1, 0}));
}

TEST(BlockCache, ChargesExactlyWhatItHolds) {
  const uint64_t seed = Seed();
  SCOPED_TRACE("LISSOM_SEED=" + std::to_string(seed));
  Random random(seed);
  BlockCache cache(20000);
  std::map<std::pair<uint64_t, uint64_t>, size_t> charges;
  for (int i = 0; i < 20000; ++i) {
    const BlockCache::Key key{random.Uniform(5), random.Uniform(100)};
    if (random.OneIn(20)) {
      cache.Erase(key);
    } else if (random.OneIn(2)) {
      cache.Lookup(key);
    } else {
      const size_t charge =
          kOverhead + random.Uniform(random.OneIn(20) ? 30000 : 900);
      auto kept = cache.Insert(key, Block(key, charge));
      ASSERT_EQ(KeyOf(kept), key);
      charges[{key.file, key.offset}] = kept->charge() + kOverhead;
    }
    ASSERT_LE(cache.usage(), cache.capacity());
    if (i % 50 != 0) continue;
    size_t sum = 0;
    int found = 0;
    for (const auto& [k, charge] : charges) {
      if (!cache.Lookup({k.first, k.second})) continue;
      sum += charge;
      ++found;
    }
    ASSERT_EQ(sum, cache.usage());
    cache.Reclaim();
    ASSERT_EQ(found, living);
  }
}

TEST(BlockCache, NumbersFilesFromOne) {
  BlockCache cache(0);
  EXPECT_EQ(cache.NewFileKey(), 1u);
  EXPECT_EQ(cache.NewFileKey(), 2u);
}

TEST(BlockCache, ServesManyThreads) {
  {
    BlockCache cache(2 << 20);
    const Ref<BlockSlots> slots[3] = {BlockSlots::Create(1000),
                                      BlockSlots::Create(1000),
                                      BlockSlots::Create(1000)};
    std::vector<std::thread> threads;
    for (uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([&cache, &slots, t] {
        Random random(t);
        for (int i = 0; i < 50000; ++i) {
          const BlockCache::Key key{random.Uniform(3), random.Uniform(1000)};
          {
            const EpochGuard guard;
            const CachedBlock* found = cache.Find(
                key, slots[key.file], static_cast<uint32_t>(key.offset));
            if (found != nullptr) {
              ASSERT_EQ(static_cast<const TestBlock*>(found)->key(), key);
            }
          }
          Ref<const CachedBlock> block = cache.Lookup(key);
          if (!block) block = cache.Insert(key, Block(key, 4096));
          ASSERT_EQ(KeyOf(block), key);
          if (random.OneIn(50)) cache.Erase(key);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_LE(cache.usage(), cache.capacity());
    cache.Reclaim();
    EXPECT_EQ(cache.usage(), static_cast<size_t>(living) * 4096);
  }
  EXPECT_EQ(living, 0);
}

}  // namespace
}  // namespace lissom
