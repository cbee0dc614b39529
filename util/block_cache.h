// BlockCache keeps the most useful blocks of files in memory, within a number
// of bytes. Final, not an extension point.
//
// A block lives as long as anybody holds a Ref to it; the cache holds one for
// each block it charges. A full cache never fails a read: what does not fit is
// simply not kept.
//
// The cache is cut into shards by the key's hash, each with a lock, a share of
// the bytes and two lists in order of use: a new block is on probation; one
// that is asked for again is protected, up to four fifths of the shard. What
// goes first is the oldest on probation, so a scan, which asks for each block
// once, pushes out only other blocks that were asked for once.
// Threads: thread-safe.
#ifndef LISSOM_UTIL_BLOCK_CACHE_H_
#define LISSOM_UTIL_BLOCK_CACHE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "util/ref_counted.h"

namespace lissom {

// What a cache holds: anything counted that knows its size in memory.
class CachedBlock : public RefCounted {
 public:
  // Bytes in memory, the object itself included. Constant.
  virtual size_t charge() const = 0;
};

class BlockCache final {
 public:
  // Where a block comes from. `file` is unique to an open table object, never
  // reused in one process (see NewFileKey); `offset` is its place in the file.
  struct Key {
    uint64_t file = 0;
    uint64_t offset = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };

  explicit BlockCache(size_t capacity_bytes);
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  // The block, or null.
  Ref<const CachedBlock> Lookup(const Key& key);

  // Keeps `block` under `key` if it fits, evicting others. If a block is there
  // already, that one stays and is returned (two readers missed together);
  // otherwise returns `block`.
  Ref<const CachedBlock> Insert(const Key& key, Ref<const CachedBlock> block);

  // Drops all blocks of a file, for instance because it was deleted.
  void EraseFile(uint64_t file);

  uint64_t NewFileKey();  // 1, 2, 3, ...

  size_t capacity() const;
  size_t usage() const;  // Bytes charged.
  struct Counters {
    uint64_t hits = 0;
    uint64_t misses = 0;
    uint64_t evictions = 0;
  };
  Counters counters() const;

 private:
  struct Shard;
  static constexpr size_t kShards = 16;

  // A small cache has fewer shards, so that a block still fits into one.
  static constexpr size_t kMinShardBytes = size_t{512} << 10;

  Shard& ShardOf(const Key& key) const;

  size_t capacity_;
  size_t shard_count_;  // A power of two, at most kShards.
  std::unique_ptr<Shard[]> shards_;
  std::atomic<uint64_t> next_file_{1};  // Relaxed: only uniqueness matters.
};

}  // namespace lissom

#endif  // LISSOM_UTIL_BLOCK_CACHE_H_
