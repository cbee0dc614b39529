#include "util/block_cache.h"

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

#include "util/check.h"
#include "util/mutex.h"

namespace lissom {
namespace {

// Evicted blocks that wait before somebody looks whether they can go: the look
// disturbs readers.
constexpr size_t kRetiredBeforeReclaim = 64;

constexpr uint8_t kMostUses = 3;

// Folds the product: every bit of the result depends on every bit of `v`.
uint64_t Mix(uint64_t v) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(v) * 0x9e3779b97f4a7c15u;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t HashOf(const BlockKey& key) {
  return Mix(Mix(key.file ^ 0xd6e8feb86659fd93u) ^ key.offset);
}

// What the reader of a block looks at next is mostly in its first lines.
void FetchLines(const CachedBlock* block) {
  const char* at = reinterpret_cast<const char*>(block);
  for (size_t line = 0; line < 6; ++line) __builtin_prefetch(at + 64 * line);
}

}  // namespace

Ref<BlockSlots> BlockSlots::Create(size_t count) {
  auto slots = Ref<BlockSlots>(new (std::nothrow) BlockSlots(count));
  return slots && slots->slots_ ? slots : nullptr;
}

BlockSlots::BlockSlots(size_t count)
    : count_(count),
      slots_(new (std::nothrow) std::atomic<const CachedBlock*>[count]()) {}

void BlockSlots::FetchBlock(size_t slot) const {
  const CachedBlock* block = slots_[slot].load(std::memory_order_relaxed);
  if (block != nullptr) FetchLines(block);  // Not looked at.
}

// Tagged pointers to blocks: a key's is in its own bucket or in the neighbour
// of that, in the same pair of cache lines. Beside them the memory of blocks
// that went: the 32 bits last written to a place say who.
//
// Readers: any, without a lock. One writer (the shard's lock).
class BlockCache::Table final : public RefCounted {
 public:
  // Null without memory.
  static Ref<Table> Create(size_t buckets) {
    auto table = Ref<Table>(new (std::nothrow) Table(buckets));
    if (!table || !table->buckets_ || !table->gone_) return nullptr;
    return table;
  }

  size_t buckets() const { return mask_ + 1; }
  size_t slots() const { return buckets() * kSlots; }

  const CachedBlock* Find(const Key& key, uint64_t hash) const {
    const uint64_t tag = TagOf(hash);
    for (const size_t at : {hash & mask_, (hash & mask_) ^ 1}) {
      for (const std::atomic<uint64_t>& slot : buckets_[at].slots) {
        // Acquire pairs with Add's release: the block is complete.
        const uint64_t word = slot.load(std::memory_order_acquire);
        if (word >> kPointerBits != tag) continue;
        const CachedBlock* block = BlockOf(word);
        if (block == nullptr) continue;
        FetchLines(block);
        if (block->key_ == key) return block;
      }
    }
    return nullptr;
  }

  // False: both buckets are full.
  bool Add(const CachedBlock* block, uint64_t hash) {
    std::atomic<uint64_t>* slot = SlotOf(nullptr, hash);
    if (slot == nullptr) return false;
    slot->store(WordOf(block, hash), std::memory_order_release);
    return true;
  }
  void Remove(const CachedBlock* block, uint64_t hash) {
    // Release: who finds it gone, and retires it, comes after.
    SlotOf(block, hash)->store(0, std::memory_order_release);
  }

  void NoteGone(uint64_t hash) {
    gone_[GonePlace(hash)] = static_cast<uint32_t>(hash >> 32);
  }
  // Also forgets it.
  bool WentLately(uint64_t hash) {
    uint32_t& note = gone_[GonePlace(hash)];
    if (note != static_cast<uint32_t>(hash >> 32)) return false;
    note = 0;
    return true;
  }

 private:
  static constexpr size_t kSlots = 8;
  static constexpr int kPointerBits = 48;

  struct alignas(64) Bucket {
    std::atomic<uint64_t> slots[kSlots] = {};
  };

  explicit Table(size_t buckets)
      : mask_(buckets - 1),
        buckets_(new (std::nothrow) Bucket[buckets]),
        gone_(new (std::nothrow) uint32_t[buckets * kSlots]()) {
    LISSOM_DCHECK(std::has_single_bit(buckets) && buckets > 1);
  }

  static uint64_t TagOf(uint64_t hash) { return hash >> 40 & 0xffff; }
  static uint64_t WordOf(const CachedBlock* block, uint64_t hash) {
    const auto pointer = reinterpret_cast<uintptr_t>(block);
    LISSOM_DCHECK(pointer >> kPointerBits == 0);
    return TagOf(hash) << kPointerBits | pointer;
  }
  static const CachedBlock* BlockOf(uint64_t word) {
    constexpr uint64_t kMask = (uint64_t{1} << kPointerBits) - 1;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the tag is the point.
    return reinterpret_cast<const CachedBlock*>(word & kMask);
  }
  size_t GonePlace(uint64_t hash) const { return hash & (slots() - 1); }

  // Where `block` stands; of nullptr: an empty slot, or null.
  std::atomic<uint64_t>* SlotOf(const CachedBlock* block, uint64_t hash) {
    const uint64_t wanted = block == nullptr ? 0 : WordOf(block, hash);
    for (const size_t at : {hash & mask_, (hash & mask_) ^ 1}) {
      for (std::atomic<uint64_t>& slot : buckets_[at].slots) {
        if (slot.load(std::memory_order_relaxed) == wanted) return &slot;
      }
    }
    return nullptr;
  }

  const size_t mask_;
  const std::unique_ptr<Bucket[]> buckets_;
  const std::unique_ptr<uint32_t[]> gone_;
};

// Blocks in the order in which they came.
class BlockCache::Queue {
 public:
  bool empty() const { return oldest_ == nullptr; }
  size_t bytes() const { return bytes_; }
  const CachedBlock* oldest() const { return oldest_; }

  void Push(const CachedBlock* block) {
    block->older_ = newest_;
    block->newer_ = nullptr;
    (newest_ != nullptr ? newest_->newer_ : oldest_) = block;
    newest_ = block;
    bytes_ += block->charge() + kOverhead;
  }
  void Remove(const CachedBlock* block) {
    (block->newer_ != nullptr ? block->newer_->older_ : newest_) =
        block->older_;
    (block->older_ != nullptr ? block->older_->newer_ : oldest_) =
        block->newer_;
    bytes_ -= block->charge() + kOverhead;
  }
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const CachedBlock* at = oldest_; at != nullptr;) {
      const CachedBlock* next = at->newer_;
      visit(at);
      at = next;
    }
  }

 private:
  const CachedBlock* oldest_ = nullptr;
  const CachedBlock* newest_ = nullptr;
  size_t bytes_ = 0;
};

// The cache holds one reference to each block of its queues. What is evicted
// is chained by newer_ and handed out, to be retired without the lock.
class alignas(64) BlockCache::Shard {
 public:
  ~Shard() ABSL_NO_THREAD_SAFETY_ANALYSIS {  // Nobody else is left.
    for (const Queue* queue : {&small_, &main_}) {
      queue->ForEach([](const CachedBlock* block) {
        Unlink(block);
        block->Unref();
      });
    }
  }

  // Evicts what does not fit any more.
  void SetCapacity(size_t bytes, const CachedBlock** evicted) {
    MutexLock lock(mu_);
    capacity_ = bytes;
    MakeRoom(0, evicted);
  }

  const CachedBlock* Find(const Key& key, uint64_t hash) const {
    // Acquire: the table's slots are there. Old tables are retired too.
    const Table* table = table_.load(std::memory_order_acquire);
    return table == nullptr ? nullptr : table->Find(key, hash);
  }

  // Returns the block that is kept under the key, null for none.
  const CachedBlock* Insert(const Key& key, uint64_t hash,
                            const CachedBlock* block, Rank rank,
                            RetireList& retired, const CachedBlock** evicted) {
    const size_t charge = block->charge() + kOverhead;
    MutexLock lock(mu_);
    if (const CachedBlock* there = Find(key, hash)) {
      there->AddRef();  // For the caller: it may be evicted at once.
      return there;
    }
    if (charge > capacity_) return nullptr;
    LISSOM_DCHECK(block->key_ == Key());
    const bool full = !owner_ || 2 * (count_ + 1) > owner_->slots();
    if (full) Grow(retired);
    if (!owner_) return nullptr;
    MakeRoom(charge, evicted);
    block->key_ = key;
    if (!owner_->Add(block, hash)) {
      // Its buckets are full. In a table this empty that is next to impossible.
      if (4 * count_ > owner_->slots()) Grow(retired);
      if (!owner_->Add(block, hash)) return nullptr;
    }
    block->AddRef();
    ++count_;
    const bool main = rank == Rank::kIndex || owner_->WentLately(hash);
    block->uses_.store(rank == Rank::kIndex ? 1 : 0, std::memory_order_relaxed);
    Push(block, main);
    return nullptr;
  }

  // Makes `slot` lead to `block`, if it is still there.
  void Link(const CachedBlock* block, uint64_t hash,
            const Ref<BlockSlots>& slots, uint32_t slot) {
    MutexLock lock(mu_);
    if (Find(block->key_, hash) != block) return;
    Unlink(block);
    block->home_ = slots;
    block->home_slot_ = slot;
    slots->slots_[slot].store(block, std::memory_order_release);
  }

  void Leave(const CachedBlock* block, const BlockSlots& slots) {
    MutexLock lock(mu_);
    if (block->home_.get() == &slots) Unlink(block);
  }

  // The block with the cache's reference, or null.
  const CachedBlock* Erase(const Key& key, uint64_t hash) {
    MutexLock lock(mu_);
    const CachedBlock* block = Find(key, hash);
    if (block != nullptr) Remove(block);
    return block;
  }

  size_t usage() const {
    MutexLock lock(mu_);
    return small_.bytes() + main_.bytes();
  }

 private:
  // Doubles the table; without memory it stays as it is.
  void Grow(RetireList& retired) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    constexpr size_t kFirstBuckets = 16;
    Ref<Table> larger =
        Table::Create(owner_ ? owner_->buckets() * 2 : kFirstBuckets);
    if (!larger) return;
    for (const Queue* queue : {&small_, &main_}) {
      queue->ForEach([&](const CachedBlock* block) {
        const bool added = larger->Add(block, HashOf(block->key_));
        LISSOM_DCHECK(added);  // They shared no more buckets before.
        static_cast<void>(added);
      });
    }
    table_.store(larger.get(), std::memory_order_release);
    retired.Add(
        Ref<const RefCounted>(std::exchange(owner_, std::move(larger))));
  }

  void MakeRoom(size_t charge, const CachedBlock** evicted)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    while (small_.bytes() + main_.bytes() + charge > capacity_) {
      if (main_.empty() ||
          (!small_.empty() && small_.bytes() > capacity_ / 10)) {
        ShrinkSmall(evicted);
      } else {
        ShrinkMain(evicted);
      }
    }
  }

  void ShrinkSmall(const CachedBlock** evicted)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const CachedBlock* block = small_.oldest();
    if (block->uses_.load(std::memory_order_relaxed) == 0) {
      owner_->NoteGone(HashOf(block->key_));
      Evict(block, evicted);
      return;
    }
    small_.Remove(block);
    block->uses_.store(0, std::memory_order_relaxed);
    Push(block, /*main=*/true);
  }

  void ShrinkMain(const CachedBlock** evicted)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const CachedBlock* block = main_.oldest();
    const uint8_t uses = block->uses_.load(std::memory_order_relaxed);
    if (uses == 0) {
      Evict(block, evicted);
      return;
    }
    block->uses_.store(uses - 1, std::memory_order_relaxed);
    main_.Remove(block);
    main_.Push(block);
  }

  void Evict(const CachedBlock* block, const CachedBlock** evicted)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    Remove(block);
    block->newer_ = *evicted;
    *evicted = block;
  }

  void Push(const CachedBlock* block, bool main)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    block->in_main_ = main;
    (main ? main_ : small_).Push(block);
  }

  // From everywhere but its readers.
  void Remove(const CachedBlock* block) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    (block->in_main_ ? main_ : small_).Remove(block);
    Unlink(block);
    owner_->Remove(block, HashOf(block->key_));
    --count_;
  }

  static void Unlink(const CachedBlock* block) {
    if (!block->home_) return;
    // Another block of that place may stand there by now.
    const CachedBlock* expected = block;
    block->home_->slots_[block->home_slot_].compare_exchange_strong(
        expected, nullptr, std::memory_order_release,
        std::memory_order_relaxed);
    block->home_.reset();
  }

  mutable Mutex mu_;
  size_t capacity_ ABSL_GUARDED_BY(mu_) = 0;
  std::atomic<const Table*> table_{nullptr};
  Ref<Table> owner_ ABSL_GUARDED_BY(mu_);  // Of table_.
  size_t count_ ABSL_GUARDED_BY(mu_) = 0;
  Queue small_ ABSL_GUARDED_BY(mu_);
  Queue main_ ABSL_GUARDED_BY(mu_);
};

BlockCache::BlockCache(size_t capacity_bytes, Slots slots)
    : capacity_(capacity_bytes), direct_(slots == Slots::kDirect) {
  shard_count_ = 1;
  while (shard_count_ < kMaxShards &&
         capacity_ / (2 * shard_count_) >= kMinShardBytes) {
    shard_count_ *= 2;
  }
  shards_ = std::make_unique<Shard[]>(shard_count_);
  SetRoom();
}

void BlockCache::Reserve(size_t bytes) {
  reserved_.fetch_add(bytes, std::memory_order_relaxed);
  SetRoom();
}

void BlockCache::Release(size_t bytes) {
  reserved_.fetch_sub(bytes, std::memory_order_relaxed);
  SetRoom();
}

// Two at once may leave a shard with the room before the last change, until the
// next one: a difference of what was reserved between the two.
void BlockCache::SetRoom() {
  const size_t reserved = reserved_.load(std::memory_order_relaxed);
  const size_t least = capacity_ / 8;
  const size_t room = capacity_ - std::min(reserved, capacity_ - least);
  for (size_t i = 0; i < shard_count_; ++i) {
    const CachedBlock* evicted = nullptr;
    shards_[i].SetCapacity(room / shard_count_, &evicted);
    RetireEvicted(evicted);
  }
}

BlockCache::~BlockCache() = default;

BlockCache::Shard& BlockCache::ShardOf(uint64_t hash) const {
  // The highest bits: tables use the low ones and those in the middle.
  return shards_[(hash >> 56) & (shard_count_ - 1)];
}

inline const CachedBlock* BlockCache::Hit(const CachedBlock* block) {
  counters_.Add(kHits);
  const uint8_t uses = block->uses_.load(std::memory_order_relaxed);
  if (uses < kMostUses) {
    block->uses_.store(uses + 1, std::memory_order_relaxed);
  }
  return block;
}

const CachedBlock* BlockCache::Find(const Key& key) {
  const uint64_t hash = HashOf(key);
  const CachedBlock* block = ShardOf(hash).Find(key, hash);
  if (block != nullptr) return Hit(block);
  counters_.Add(kMisses);
  return nullptr;
}

const CachedBlock* BlockCache::Find(const Key& key,
                                    const Ref<BlockSlots>& slots,
                                    uint32_t slot) {
  if (!slots || !direct_) return Find(key);
  LISSOM_DCHECK(slot < slots->count_);
  const CachedBlock* block =
      slots->slots_[slot].load(std::memory_order_acquire);
  if (block != nullptr) {
    FetchLines(block);
    return Hit(block);
  }
  block = Find(key);
  if (block != nullptr) {
    const uint64_t hash = HashOf(key);
    ShardOf(hash).Link(block, hash, slots, slot);
  }
  return block;
}

Ref<const CachedBlock> BlockCache::Insert(const Key& key,
                                          Ref<const CachedBlock> block,
                                          Rank rank) {
  const uint64_t hash = HashOf(key);
  const CachedBlock* evicted = nullptr;
  const CachedBlock* there =
      ShardOf(hash).Insert(key, hash, block.get(), rank, retired_, &evicted);
  RetireEvicted(evicted);
  if (there == nullptr) return block;
  Ref<const CachedBlock> result(there);
  there->Unref();  // Insert's reference for us.
  return result;
}

Ref<const CachedBlock> BlockCache::Erase(const Key& key) {
  const uint64_t hash = HashOf(key);
  const CachedBlock* block = ShardOf(hash).Erase(key, hash);
  if (block == nullptr) return nullptr;
  Ref<const CachedBlock> result(block);
  Retire(block);
  return result;
}

void BlockCache::Release(const BlockSlots& slots) {
  const EpochGuard guard;  // A block may be thrown out meanwhile.
  for (size_t i = 0; i < slots.count_; ++i) {
    const CachedBlock* block = slots.slots_[i].load(std::memory_order_acquire);
    if (block != nullptr) ShardOf(HashOf(block->key_)).Leave(block, slots);
  }
}

void BlockCache::RetireEvicted(const CachedBlock* chain) {
  if (chain == nullptr) return;
  uint64_t count = 0;
  while (chain != nullptr) {
    Retire(std::exchange(chain, chain->newer_));
    ++count;
  }
  counters_.Add(kEvictions, count);
  if (retired_.size() >= kRetiredBeforeReclaim) retired_.Reclaim();
}

uint64_t BlockCache::NewFileKey() {
  return next_file_.fetch_add(1, std::memory_order_relaxed);
}

size_t BlockCache::usage() const {
  size_t usage = 0;
  for (size_t i = 0; i < shard_count_; ++i) usage += shards_[i].usage();
  return usage;
}

BlockCache::Counters BlockCache::counters() const {
  return {.hits = counters_.Sum(kHits),
          .misses = counters_.Sum(kMisses),
          .evictions = counters_.Sum(kEvictions)};
}

}  // namespace lissom
