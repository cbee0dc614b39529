#include "util/block_cache.h"

#include <new>
#include <unordered_map>
#include <utility>

#include "util/check.h"
#include "util/mutex.h"

namespace lissom {
namespace {

// Folds the product: every bit of the result depends on every bit of `v`.
uint64_t Mix(uint64_t v) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(v) * 0x9e3779b97f4a7c15u;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

struct KeyHasher {
  size_t operator()(const BlockCache::Key& key) const {
    return Mix(Mix(key.file ^ 0xd6e8feb86659fd93u) ^ key.offset);
  }
};

// A ring with the list itself as its start: unlinking needs no list.
struct Link {
  Link* prev = this;
  Link* next = this;

  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  bool empty() const { return next == this; }
  void PushFront(Link* link) {
    link->prev = this;
    link->next = next;
    next->prev = link;
    next = link;
  }
  void Unlink() {
    prev->next = next;
    next->prev = prev;
    prev = next = this;
  }
};

struct Entry : Link {
  Entry(const BlockCache::Key& k, Ref<const CachedBlock> b)
      : key(k), block(std::move(b)), charge(block->charge()) {}

  const BlockCache::Key key;
  const Ref<const CachedBlock> block;
  const size_t charge;
  bool is_protected = false;
};

// Entries taken out of a shard. They are deleted after its lock is released:
// the last Ref of a block may free much memory.
class Removed {
 public:
  Removed() = default;
  ~Removed() {
    while (!list_.empty()) {
      Entry* entry = static_cast<Entry*>(list_.next);
      entry->Unlink();
      delete entry;
    }
  }
  void Add(Entry* entry) { list_.PushFront(entry); }

 private:
  Link list_;
};

}  // namespace

struct alignas(64) BlockCache::Shard {
  mutable Mutex mu;
  size_t capacity = 0;  // Constant once the cache is made.
  // Not Abseil's: its tables are broken by an allocation that fails.
  std::unordered_map<Key, Entry*, KeyHasher> map ABSL_GUARDED_BY(mu);
  Link probation ABSL_GUARDED_BY(mu);  // Most recently used first.
  Link protected_list ABSL_GUARDED_BY(mu);
  size_t usage ABSL_GUARDED_BY(mu) = 0;  // Of both lists.
  size_t protected_usage ABSL_GUARDED_BY(mu) = 0;
  Counters counters ABSL_GUARDED_BY(mu);

  ~Shard() ABSL_NO_THREAD_SAFETY_ANALYSIS {  // Nobody else is left.
    Removed removed;
    while (!map.empty()) Remove(map.begin()->second, removed);
    LISSOM_DCHECK(usage == 0 && protected_usage == 0);
  }

  void Touch(Entry* entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void Remove(Entry* entry, Removed& removed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void MakeRoom(size_t bytes, Removed& removed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
};

// Moves a block that was asked for again to the front of the protected list,
// and the oldest protected ones back on probation if that makes them too many.
void BlockCache::Shard::Touch(Entry* entry) {
  entry->Unlink();
  protected_list.PushFront(entry);
  if (entry->is_protected) return;
  entry->is_protected = true;
  protected_usage += entry->charge;
  const size_t limit = capacity - capacity / 5;
  while (protected_usage > limit) {
    Entry* oldest = static_cast<Entry*>(protected_list.prev);
    oldest->Unlink();
    oldest->is_protected = false;
    protected_usage -= oldest->charge;
    probation.PushFront(oldest);
  }
}

void BlockCache::Shard::Remove(Entry* entry, Removed& removed) {
  map.erase(entry->key);
  usage -= entry->charge;
  if (entry->is_protected) protected_usage -= entry->charge;
  entry->Unlink();
  removed.Add(entry);
}

// Requires: bytes <= capacity.
void BlockCache::Shard::MakeRoom(size_t bytes, Removed& removed) {
  while (usage > capacity - bytes) {
    Link& victims = probation.empty() ? protected_list : probation;
    Remove(static_cast<Entry*>(victims.prev), removed);
    ++counters.evictions;
  }
}

BlockCache::BlockCache(size_t capacity_bytes)
    : capacity_(capacity_bytes),
      shard_count_(1),
      shards_(std::make_unique<Shard[]>(kShards)) {
  while (shard_count_ < kShards &&
         capacity_ / (shard_count_ * 2) >= kMinShardBytes) {
    shard_count_ *= 2;
  }
  for (size_t i = 0; i < shard_count_; ++i) {
    // The shares add up to the capacity.
    shards_[i].capacity =
        capacity_ / shard_count_ + (i < capacity_ % shard_count_ ? 1 : 0);
  }
}

BlockCache::~BlockCache() = default;

BlockCache::Shard& BlockCache::ShardOf(const Key& key) const {
  // The high bits: the map inside the shard uses the low ones.
  return shards_[(KeyHasher()(key) >> 56) & (shard_count_ - 1)];
}

Ref<const CachedBlock> BlockCache::Lookup(const Key& key) {
  Shard& shard = ShardOf(key);
  MutexLock lock(shard.mu);
  auto it = shard.map.find(key);
  if (it == shard.map.end()) {
    ++shard.counters.misses;
    return nullptr;
  }
  ++shard.counters.hits;
  shard.Touch(it->second);
  return it->second->block;
}

Ref<const CachedBlock> BlockCache::Insert(const Key& key,
                                          Ref<const CachedBlock> block) {
  Shard& shard = ShardOf(key);
  Removed removed;  // Outlives the lock.
  // All that can fail for want of memory comes before the first change, and
  // then the block is simply not kept.
  std::unique_ptr<Entry> entry(new (std::nothrow) Entry(key, block));
  MutexLock lock(shard.mu);
  if (auto it = shard.map.find(key); it != shard.map.end()) {
    return it->second->block;
  }
  if (entry == nullptr || entry->charge > shard.capacity) return block;
  try {
    shard.map.emplace(key, entry.get());
  } catch (const std::bad_alloc&) {
    return block;
  }
  shard.MakeRoom(entry->charge, removed);
  shard.usage += entry->charge;
  shard.probation.PushFront(entry.release());
  return block;
}

void BlockCache::EraseFile(uint64_t file) {
  for (size_t i = 0; i < shard_count_; ++i) {
    Shard& shard = shards_[i];
    Removed removed;
    MutexLock lock(shard.mu);
    for (Link* list : {&shard.probation, &shard.protected_list}) {
      for (Link* link = list->next; link != list;) {
        Entry* entry = static_cast<Entry*>(link);
        link = link->next;
        if (entry->key.file == file) shard.Remove(entry, removed);
      }
    }
  }
}

uint64_t BlockCache::NewFileKey() {
  return next_file_.fetch_add(1, std::memory_order_relaxed);
}

size_t BlockCache::capacity() const { return capacity_; }

size_t BlockCache::usage() const {
  size_t sum = 0;
  for (size_t i = 0; i < shard_count_; ++i) {
    MutexLock lock(shards_[i].mu);
    sum += shards_[i].usage;
  }
  return sum;
}

BlockCache::Counters BlockCache::counters() const {
  Counters sum;
  for (size_t i = 0; i < shard_count_; ++i) {
    MutexLock lock(shards_[i].mu);
    sum.hits += shards_[i].counters.hits;
    sum.misses += shards_[i].counters.misses;
    sum.evictions += shards_[i].counters.evictions;
  }
  return sum;
}

}  // namespace lissom
