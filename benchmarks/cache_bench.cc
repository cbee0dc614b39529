// What does the block cache cost a read that finds its block, and one that has
// to bring it? Blocks are charged 4 KiB; with threads, the figure is a thread's
// own time.
#include <memory>
#include <utility>
#include <vector>

#include "benchmark/benchmark.h"
#include "util/block_cache.h"
#include "util/random.h"

namespace lissom {
namespace {

constexpr size_t kBlockBytes = 4096;

class Block final : public CachedBlock {
 public:
  size_t charge() const override { return kBlockBytes; }
};

// A cache that holds `blocks` of one file, and keys of them in random order.
struct Filled {
  explicit Filled(uint64_t blocks)
      : cache(2 * blocks * (kBlockBytes + BlockCache::kOverhead) + (1 << 22)) {
    for (uint64_t i = 0; i < blocks; ++i) {
      cache.Insert({.file = 1, .offset = i * kBlockBytes}, MakeRef<Block>());
    }
    Random random(1);
    keys.resize(1 << 16);
    for (BlockKey& key : keys) {
      key = {.file = 1, .offset = random.Uniform(blocks) * kBlockBytes};
    }
  }
  BlockCache cache;
  std::vector<BlockKey> keys;
};

// What does a hit cost that has to search, among few blocks and many?
void BM_BlockCache_Hit(benchmark::State& state) {
  // One for all threads: the first makes it, the barrier of the loop's start
  // comes after that.
  static std::unique_ptr<Filled> filled;
  if (state.thread_index() == 0) {
    filled = std::make_unique<Filled>(static_cast<uint64_t>(state.range(0)));
  }
  size_t i = static_cast<size_t>(state.thread_index()) * 1000;
  for (auto _ : state) {
    EpochGuard guard;
    i = (i + 1) % (1 << 16);
    benchmark::DoNotOptimize(filled->cache.Find(filled->keys[i]));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_BlockCache_Hit)
    ->ArgName("blocks")
    ->Arg(1'000)
    ->Arg(100'000)
    ->Threads(1)
    ->Threads(2);

// What does a hit cost whose index holds the pointer to the block?
void BM_BlockCache_HitBySlot(benchmark::State& state) {
  const auto blocks = static_cast<uint64_t>(state.range(0));
  Filled filled(blocks);
  const Ref<BlockSlots> slots = BlockSlots::Create(blocks);
  size_t i = 0;
  for (auto _ : state) {
    EpochGuard guard;
    i = (i + 1) % filled.keys.size();
    const BlockKey& key = filled.keys[i];
    benchmark::DoNotOptimize(filled.cache.Find(
        key, slots, static_cast<uint32_t>(key.offset / kBlockBytes)));
  }
  state.SetItemsProcessed(state.iterations());
  filled.cache.Release(*slots);
}
BENCHMARK(BM_BlockCache_HitBySlot)->ArgName("blocks")->Arg(1'000)->Arg(100'000);

// What does a question for a block cost that is not there?
void BM_BlockCache_Miss(benchmark::State& state) {
  Filled filled(static_cast<uint64_t>(state.range(0)));
  size_t i = 0;
  for (auto _ : state) {
    EpochGuard guard;
    i = (i + 1) % filled.keys.size();
    BlockKey key = filled.keys[i];
    key.file = 2;
    benchmark::DoNotOptimize(filled.cache.Find(key));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_BlockCache_Miss)->ArgName("blocks")->Arg(1'000)->Arg(100'000);

// What does an insert cost that has another block evicted, the making of the
// block included?
void BM_BlockCache_InsertAndEvict(benchmark::State& state) {
  static std::unique_ptr<BlockCache> cache;
  if (state.thread_index() == 0) {
    cache = std::make_unique<BlockCache>(static_cast<size_t>(state.range(0)) *
                                         (kBlockBytes + BlockCache::kOverhead));
  }
  BlockKey key{.file = static_cast<uint64_t>(state.thread_index()) + 1};
  for (auto _ : state) {
    key.offset += kBlockBytes;
    benchmark::DoNotOptimize(cache->Insert(key, MakeRef<Block>()));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_BlockCache_InsertAndEvict)
    ->ArgName("blocks")
    ->Arg(10'000)
    ->Threads(1)
    ->Threads(2);

}  // namespace
}  // namespace lissom

BENCHMARK_MAIN();
