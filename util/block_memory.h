// BlockMemory is where the blocks of a cache lie: memory of its own, shared by
// all threads.
//
// malloc keeps an arena for each thread, and a cache moves blocks between them:
// read by one thread, thrown out by another, so every arena comes to hold free
// pieces that only its own threads can use. A cache of 190 MiB had 70 MiB of
// them and grew on. Here any thread uses what any other has freed.
//
//   slab     256 KiB, mapped at a multiple of its size; objects of one class
//   class    so many objects a slab, 4 to 500: at most an eighth (a fifth for
//            the few largest) of an object is left unused
//
// The fullest use of few slabs is what keeps memory small: a class fills one
// slab before it takes the next, and an empty slab is anybody's.
// Invariant: a slab with an object in it holds a reference, so objects may
//   outlive their cache.
// Threads: thread-safe. The locks are leaves.
#ifndef LISSOM_UTIL_BLOCK_MEMORY_H_
#define LISSOM_UTIL_BLOCK_MEMORY_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <new>

#include "util/mutex.h"
#include "util/ref_counted.h"

namespace lissom {

class BlockMemory final : public RefCounted {
 public:
  static constexpr size_t kAlignment = 64;
  static constexpr size_t kSlabBytes = size_t{256} << 10;
  // Larger objects are not taken; neither are any under AddressSanitizer, which
  // would miss their misuse.
  static constexpr size_t kMaxBytes = (kSlabBytes - kAlignment) / 4 / 64 * 64;

  BlockMemory();
  ~BlockMemory() override;

  // Null: too large, or there is no memory.
  void* Allocate(size_t bytes);
  // Requires: `object` is from an Allocate.
  static void Free(void* object);

  // True if so many bytes are of a size that Allocate takes, and that fills
  // what it takes for them.
  static bool Suits(size_t bytes);
  // What Allocate takes for so many bytes; if they are too large, themselves.
  static size_t TakenBy(size_t bytes);

  // Of all slabs, those that are kept empty included.
  size_t mapped_bytes() const {
    return slabs_.load(std::memory_order_relaxed) * kSlabBytes;
  }

 private:
  struct Slab;
  struct Class;

  void FreeFrom(Slab* slab, void* object);
  Slab* TakeSlab() ABSL_LOCKS_EXCLUDED(empty_mu_);
  void GiveBack(Slab* slab) ABSL_LOCKS_EXCLUDED(empty_mu_);

  // Kept for the next class that needs one.
  static constexpr size_t kMostEmpty = 4;

  const std::unique_ptr<Class[]> classes_;
  std::atomic<size_t> slabs_{0};
  Mutex empty_mu_;  // Taken after a class's.
  Slab* empty_ ABSL_GUARDED_BY(empty_mu_) = nullptr;
  size_t empty_count_ ABSL_GUARDED_BY(empty_mu_) = 0;
};

// For containers of a cached object: arrays of a size that suits lie in a
// BlockMemory, others where std::allocator has them. Null: all of them there.
// Borrows the memory to allocate; a container may outlive it.
template <typename T>
class BlockAllocator {
 public:
  using value_type = T;

  BlockAllocator() = default;
  explicit BlockAllocator(BlockMemory* memory) : memory_(memory) {}
  template <typename U>
  // NOLINTNEXTLINE(google-explicit-constructor): allocators convert.
  BlockAllocator(const BlockAllocator<U>& other) : memory_(other.memory()) {}

  T* allocate(size_t count) {
    const size_t bytes = count * sizeof(T);
    if (!Pooled(count)) return std::allocator<T>().allocate(count);
    void* const place = memory_->Allocate(bytes);
    if (place == nullptr) throw std::bad_alloc();
    return static_cast<T*>(place);
  }
  void deallocate(T* array, size_t count) {
    if (Pooled(count)) return BlockMemory::Free(array);
    std::allocator<T>().deallocate(array, count);
  }

  BlockMemory* memory() const { return memory_; }
  friend bool operator==(const BlockAllocator&,
                         const BlockAllocator&) = default;

 private:
  bool Pooled(size_t count) const {
    return memory_ != nullptr && count <= BlockMemory::kMaxBytes / sizeof(T) &&
           BlockMemory::Suits(count * sizeof(T));
  }

  BlockMemory* memory_ = nullptr;
};

}  // namespace lissom

#endif  // LISSOM_UTIL_BLOCK_MEMORY_H_
