// Arena hands out memory that lives as long as the arena: what one memtable
// holds. A position in it is a Ref of 32 bits instead of a pointer, which
// halves the links of what is built in it.
//
// Idea: chunks of anonymous memory, filled front to back. A Ref is
//
//   chunk number (12 bits) | offset in the chunk in units of 8 bytes (20 bits)
//
// so normal chunks end at 8 MiB. Only the start of an allocation needs a Ref: a
// large one gets a chunk of its own, of any size. Chunks grow with the arena,
// from 16 KiB, so a small arena stays small; those of 2 MiB and more are
// aligned for huge pages.
//
// Invariant: memory handed out is zero, never moves and is never reused.
// Threads: one thread allocates. Resolve is safe in another thread that learnt
//   the Ref from an acquire of what the first released; the counts are safe in
//   any.
#ifndef LISSOM_UTIL_ARENA_H_
#define LISSOM_UTIL_ARENA_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace lissom {

class Arena {
 public:
  using Ref = uint32_t;
  static constexpr Ref kNull = 0;  // Never handed out.

  Arena();  // Throws std::bad_alloc.
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Returns `bytes` of zeros. Requires: bytes > 0, `alignment` a power of two
  // from 8 to 4096. Throws std::bad_alloc and leaves the arena as it was, also
  // if 4096 chunks are not enough.
  Ref Allocate(size_t bytes, size_t alignment = kUnit);

  // Makes the next calls of Allocate, up to `bytes` with their padding, unable
  // to throw. Requires: bytes <= kLargeBytes.
  void Reserve(size_t bytes);

  // Requires: `ref` is from Allocate.
  char* Resolve(Ref ref) const {
    return chunks_[ref >> kOffsetBits] + (ref & kOffsetMask) * kUnit;
  }

  // Handed out, with padding and the arena's own table: what a full arena
  // would touch. Ends of chunks that were left empty do not count.
  size_t used_bytes() const {
    return used_bytes_.load(std::memory_order_relaxed);
  }
  // Mapped: at least used_bytes(), mostly below twice that.
  size_t reserved_bytes() const {
    return reserved_bytes_.load(std::memory_order_relaxed);
  }

  // Allocations above this that do not fit the current chunk get their own.
  static constexpr size_t kLargeBytes = size_t{4} << 20;

 private:
  static constexpr size_t kUnit = 8;
  static constexpr int kOffsetBits = 20;
  static constexpr uint32_t kOffsetMask = (1u << kOffsetBits) - 1;
  static constexpr size_t kMaxChunks = size_t{1} << (32 - kOffsetBits);
  static constexpr size_t kMaxChunkBytes = kUnit << kOffsetBits;
  static constexpr size_t kMinChunkBytes = size_t{16} << 10;

  Ref AllocateLarge(size_t bytes);
  void AddChunk(size_t at_least);
  uint32_t MapChunk(size_t bytes);
  static Ref MakeRef(uint32_t chunk, size_t offset) {
    return chunk << kOffsetBits | static_cast<uint32_t>(offset / kUnit);
  }

  // chunks_[i] is written once, before any Ref into chunk i exists. The table
  // is mapped, so a small arena touches one page of it. sizes_ is the writer's.
  char** chunks_ = nullptr;
  size_t* sizes_ = nullptr;
  uint32_t chunk_count_ = 0;
  uint32_t current_ = 0;  // The chunk being filled, from current_used_ on.
  size_t current_used_ = 0;
  size_t current_size_ = 0;
  // Written by the allocating thread, read by any; relaxed: they order nothing.
  std::atomic<size_t> used_bytes_{0};
  std::atomic<size_t> reserved_bytes_{0};
};

}  // namespace lissom

#endif  // LISSOM_UTIL_ARENA_H_
