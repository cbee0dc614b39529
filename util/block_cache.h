// BlockCache keeps the most useful blocks of files in memory, within a number
// of bytes. Final, not an extension point.
//
// A hit takes no lock and, but for the first few of a block, writes nothing
// that other threads read: a hash table of tagged pointers, two neighbouring
// cache lines a key, leads to the block itself; an epoch (util/epoch.h) keeps a
// block that is thrown out meanwhile alive. Misses, which cost a read of a
// file, take a lock.
//
// Who has a place for a pointer to the block (an index, for each block that it
// names) need not even search: BlockSlots. The first hit writes the pointer
// there, under the lock; eviction takes it away again before the block is
// retired.
//
// What stays: the S3-FIFO policy (Yang et al., "FIFO queues are all you need
//   for cache eviction", SOSP 2023). New blocks pass a small queue, a tenth of
//   the bytes; those that are asked for there move on to the main queue, the
//   others go, and are remembered a while: one of them that comes back goes to
//   the main queue at once. So a scan, which asks for each block once, leaves
//   the main queue alone. In the main queue each question buys another round,
//   three at the most.
// Charge: a block's own bytes and its share of the tables. A full cache never
//   fails a read: what does not fit, or finds no memory, is simply not kept.
// Shards: by the key's hash, each with a lock, its share of the bytes, its
//   queues and its table.
// Threads: thread-safe.
#ifndef LISSOM_UTIL_BLOCK_CACHE_H_
#define LISSOM_UTIL_BLOCK_CACHE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "util/block_memory.h"
#include "util/epoch.h"
#include "util/ref_counted.h"
#include "util/striped_counter.h"

namespace lissom {

// Where a block comes from. `file` is unique to a table, however often that is
// opened, and never reused in one process (BlockCache::NewFileKey); `offset` is
// its place there.
struct BlockKey {
  uint64_t file = 0;
  uint64_t offset = 0;
  friend bool operator==(const BlockKey&, const BlockKey&) = default;
};

class CachedBlock;

// Places for pointers to resident blocks. Written by the cache alone. A block
// whose pointer stands here holds a reference to the places, so their owner may
// go first.
class BlockSlots final : public RefCounted {
 public:
  // Null without memory.
  static Ref<BlockSlots> Create(size_t count);

  size_t charge() const { return sizeof(*this) + count_ * sizeof(slots_[0]); }
  // Ask the memory for a place, and for the block that it leads to.
  void FetchAhead(size_t slot) const { __builtin_prefetch(&slots_[slot]); }
  void FetchBlock(size_t slot) const;

 private:
  friend class BlockCache;
  explicit BlockSlots(size_t count);

  const size_t count_;
  // Acquire pairs with the cache's release: the block is complete.
  const std::unique_ptr<std::atomic<const CachedBlock*>[]> slots_;
};

// What a cache holds: anything counted that knows its size in memory.
class CachedBlock : public RefCounted {
 public:
  // Bytes in memory, the object itself included. Constant.
  virtual size_t charge() const = 0;

 private:
  friend class BlockCache;

  // The cache's own notes: key_ is written once, before others see the block;
  // its queue, its neighbours there, and the place where a pointer to it
  // stands, are under its shard's lock.
  mutable uint32_t home_slot_ = 0;  // In home_.
  mutable BlockKey key_;
  mutable const CachedBlock* newer_ = nullptr;
  mutable const CachedBlock* older_ = nullptr;
  mutable Ref<BlockSlots> home_ = nullptr;
  mutable bool in_main_ = false;          // Of the queues.
  mutable std::atomic<uint8_t> uses_{0};  // Relaxed: a hint.
};

class BlockCache final {
 public:
  using Key = BlockKey;

  // How a block begins: indexes and filters serve many reads each, so they need
  // not prove themselves.
  enum class Rank { kData, kIndex };

  // What BlockSlots are used for. kSearch: nothing; for tests, and as the proof
  // that they change no answer.
  enum class Slots { kDirect, kSearch };

  explicit BlockCache(size_t capacity_bytes, Slots slots = Slots::kDirect);
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  // The block, or null. Requires: the caller is inside an EpochGuard, and uses
  // the block only there or takes a Ref to it there.
  const CachedBlock* Find(const Key& key);
  // The same by way of the place for this block; `slots` may be null.
  const CachedBlock* Find(const Key& key, const Ref<BlockSlots>& slots,
                          uint32_t slot);
  // The same as the first for anybody.
  Ref<const CachedBlock> Lookup(const Key& key) {
    EpochGuard guard;
    return Ref<const CachedBlock>(Find(key));
  }

  // Keeps `block` under `key` if it fits, evicting others. If a block is there
  // already, that one stays and is returned (two readers missed together);
  // otherwise returns `block`. Requires: `block` was never inserted anywhere.
  Ref<const CachedBlock> Insert(const Key& key, Ref<const CachedBlock> block,
                                Rank rank = Rank::kData);

  // Drops the block because nobody will ask for it again. Returns what was
  // there, or null. Reclaim frees it: call that after the last one.
  Ref<const CachedBlock> Erase(const Key& key);

  // The owner of `slots` goes: blocks that they lead to stay, and are found by
  // search, but keep the places in memory no longer. Nobody uses them any more.
  void Release(const BlockSlots& slots);

  // Frees what was thrown out and nobody uses any more. Insert does it now and
  // then by itself.
  void Reclaim() { retired_.Reclaim(); }

  uint64_t NewFileKey();  // 1, 2, 3, ...

  // Where its blocks should lie.
  BlockMemory& memory() const { return *memory_; }

  // Memory that is not the cache's own, but comes out of its share: blocks have
  // so much less room, and at least an eighth of the capacity. Thread-safe.
  void Reserve(size_t bytes);
  void Release(size_t bytes);
  size_t reserved() const { return reserved_.load(std::memory_order_relaxed); }

  size_t capacity() const { return capacity_; }
  size_t usage() const;  // Bytes charged.
  struct Counters {
    uint64_t hits = 0;
    uint64_t misses = 0;
    uint64_t evictions = 0;
  };
  Counters counters() const;

  // What a block is charged beside its own bytes.
  static constexpr size_t kOverhead = 40;

 private:
  class Table;
  class Queue;
  class Shard;
  enum Counter : size_t { kHits, kMisses, kEvictions, kCounters };

  static constexpr size_t kMaxShards = 16;
  // A small cache has fewer shards, so that a block still fits into one.
  static constexpr size_t kMinShardBytes = size_t{512} << 10;

  Shard& ShardOf(uint64_t hash) const;
  void SetRoom();
  const CachedBlock* Hit(const CachedBlock* block);
  void RetireEvicted(const CachedBlock* chain);
  void Retire(const CachedBlock* block) {
    Ref<const RefCounted> last(block);
    block->Unref();  // The cache's own.
    retired_.Add(std::move(last));
  }

  StripedCounters<kCounters> counters_;
  const Ref<BlockMemory> memory_ = MakeRef<BlockMemory>();
  const size_t capacity_;
  const bool direct_;
  size_t shard_count_;               // A power of two.
  std::atomic<size_t> reserved_{0};  // Relaxed: each change looks again.
  RetireList retired_;               // Blocks and tables.
  std::unique_ptr<Shard[]> shards_;
  std::atomic<uint64_t> next_file_{1};  // Relaxed: only uniqueness matters.
};

// Memory taken from a cache's share, for as long as this lives.
// Thread-compatible.
class CacheReservation {
 public:
  CacheReservation() = default;
  // `cache` may be null: then it only remembers the number.
  CacheReservation(std::shared_ptr<BlockCache> cache, size_t bytes)
      : cache_(std::move(cache)), bytes_(bytes) {
    if (cache_ != nullptr) cache_->Reserve(bytes_);
  }
  CacheReservation(CacheReservation&& other) noexcept
      : cache_(std::move(other.cache_)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  CacheReservation& operator=(CacheReservation&& other) noexcept {
    std::swap(cache_, other.cache_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~CacheReservation() {
    if (cache_ != nullptr) cache_->Release(bytes_);
  }

  size_t bytes() const { return bytes_; }
  BlockCache* cache() const { return cache_.get(); }

 private:
  std::shared_ptr<BlockCache> cache_;
  size_t bytes_ = 0;
};

}  // namespace lissom

#endif  // LISSOM_UTIL_BLOCK_CACHE_H_
