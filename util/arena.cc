#include "util/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

#include "util/check.h"

namespace lissom {
namespace {

constexpr size_t kPageBytes = 4096;
constexpr size_t kHugePageBytes = size_t{2} << 20;

size_t RoundUp(size_t bytes, size_t to) { return (bytes + to - 1) & ~(to - 1); }

char* MapOrThrow(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return static_cast<char*>(memory);
}

// Maps a multiple of the huge page at such an address and asks for huge pages.
char* MapHuge(size_t bytes) {
  if (bytes + kHugePageBytes < bytes) throw std::bad_alloc();
  char* memory = MapOrThrow(bytes + kHugePageBytes);
  const size_t start = reinterpret_cast<uintptr_t>(memory);
  const size_t before = RoundUp(start, kHugePageBytes) - start;
  if (before > 0) munmap(memory, before);
  if (kHugePageBytes > before) {
    munmap(memory + before + bytes, kHugePageBytes - before);
  }
  madvise(memory + before, bytes, MADV_HUGEPAGE);  // Only advice.
  return memory + before;
}

}  // namespace

Arena::Arena() {
  constexpr size_t kTableBytes =
      kMaxChunks * (sizeof *chunks_ + sizeof *sizes_);
  // Two tables in one mapping; of each only the touched pages cost memory.
  char* table = MapOrThrow(kTableBytes);
  chunks_ = reinterpret_cast<char**>(table);
  sizes_ = reinterpret_cast<size_t*>(table + kMaxChunks * sizeof *chunks_);
  used_bytes_.store(2 * kPageBytes, std::memory_order_relaxed);
  reserved_bytes_.store(2 * kPageBytes, std::memory_order_relaxed);
}

Arena::~Arena() {
  for (uint32_t i = 0; i < chunk_count_; ++i) munmap(chunks_[i], sizes_[i]);
  munmap(chunks_, kMaxChunks * (sizeof *chunks_ + sizeof *sizes_));
}

Arena::Ref Arena::Allocate(size_t bytes, size_t alignment) {
  LISSOM_DCHECK(bytes > 0);
  LISSOM_DCHECK(alignment >= kUnit && alignment <= kPageBytes);
  size_t at = RoundUp(current_used_, alignment);
  if (at > current_size_ || bytes > current_size_ - at) {
    if (bytes > kLargeBytes) return AllocateLarge(bytes);
    AddChunk(RoundUp(bytes, kUnit) + alignment);
    at = RoundUp(current_used_, alignment);
  }
  // A chunk's size is a multiple of the unit, so the rounded end is inside.
  const size_t end = RoundUp(at + bytes, kUnit);
  used_bytes_.store(used_bytes() + (end - current_used_),
                    std::memory_order_relaxed);
  current_used_ = end;
  return MakeRef(current_, at);
}

void Arena::Reserve(size_t bytes) {
  LISSOM_DCHECK(bytes <= kLargeBytes);
  if (current_size_ - current_used_ < bytes) AddChunk(bytes);
}

// Leaves the current chunk as it is: what follows may still fit there.
Arena::Ref Arena::AllocateLarge(size_t bytes) {
  if (chunk_count_ == 0) AddChunk(kUnit);  // Position 0 is kNull.
  const uint32_t chunk = MapChunk(bytes);
  used_bytes_.store(used_bytes() + RoundUp(bytes, kPageBytes),
                    std::memory_order_relaxed);
  return MakeRef(chunk, 0);
}

void Arena::AddChunk(size_t at_least) {
  // As large as all chunks so far: half of what is mapped is in use, and the
  // number of chunks is a logarithm until they are full-sized.
  const size_t grown =
      std::clamp(reserved_bytes(), kMinChunkBytes, kMaxChunkBytes);
  const uint32_t chunk = MapChunk(std::max(grown, at_least));
  current_ = chunk;
  current_size_ = std::min(sizes_[chunk], kMaxChunkBytes);
  current_used_ = chunk == 0 ? kUnit : 0;  // kNull is its start.
}

uint32_t Arena::MapChunk(size_t bytes) {
  if (chunk_count_ == kMaxChunks) throw std::bad_alloc();
  const bool huge = bytes >= kHugePageBytes;
  // A large chunk is not rounded up to huge pages: its tail would be wasted.
  const size_t size = RoundUp(bytes, kPageBytes);
  if (size < bytes) throw std::bad_alloc();
  chunks_[chunk_count_] = huge ? MapHuge(size) : MapOrThrow(size);
  sizes_[chunk_count_] = size;
  reserved_bytes_.store(reserved_bytes() + size, std::memory_order_relaxed);
  return chunk_count_++;
}

}  // namespace lissom
