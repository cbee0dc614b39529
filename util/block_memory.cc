#include "util/block_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <new>

#include "util/check.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LISSOM_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define LISSOM_ASAN 1
#endif

namespace lissom {
namespace {

#ifdef LISSOM_ASAN
constexpr bool kActive = false;
#else
constexpr bool kActive = true;
#endif

constexpr size_t kHeaderBytes = 64;
constexpr size_t kRoom = BlockMemory::kSlabBytes - kHeaderBytes;
constexpr size_t kLeastObjects = 4;
constexpr size_t kMostObjects = 500;

constexpr size_t SizeFor(size_t objects) {
  return kRoom / objects / BlockMemory::kAlignment * BlockMemory::kAlignment;
}

// Objects a slab, class by class: one more each, from eight on an eighth more.
constexpr size_t NextCount(size_t objects) {
  return objects + std::max<size_t>(1, objects / 8);
}

constexpr size_t CountClasses() {
  size_t classes = 0;
  for (size_t n = kLeastObjects; n <= kMostObjects; n = NextCount(n)) ++classes;
  return classes;
}

constexpr size_t kClasses = CountClasses();

// Rising.
constexpr std::array<size_t, kClasses> MakeSizes() {
  std::array<size_t, kClasses> sizes{};
  size_t at = kClasses;
  for (size_t n = kLeastObjects; n <= kMostObjects; n = NextCount(n)) {
    sizes[--at] = SizeFor(n);
  }
  return sizes;
}

constexpr std::array<size_t, kClasses> kSizes = MakeSizes();
static_assert(kSizes.back() == BlockMemory::kMaxBytes);

// Requires: bytes <= kMaxBytes.
size_t ClassOf(size_t bytes) {
  return static_cast<size_t>(
      std::lower_bound(kSizes.begin(), kSizes.end(), bytes) - kSizes.begin());
}

// The highest place that fits: the kernel maps downwards, so slabs lie side by
// side and are one mapping to it.
void* MapSlab() {
  constexpr size_t kBytes = BlockMemory::kSlabBytes;
  void* const memory = mmap(nullptr, 2 * kBytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  char* const begin = static_cast<char*>(memory);
  const size_t past = reinterpret_cast<uintptr_t>(begin) % kBytes;
  const size_t before = kBytes - past;  // 1 to kBytes.
  munmap(begin, before);
  if (past != 0) munmap(begin + before + kBytes, past);
  return begin + before;
}

}  // namespace

// Stands at the start of its memory.
struct BlockMemory::Slab {
  struct FreeObject {
    FreeObject* next;
  };

  BlockMemory* owner = nullptr;
  size_t which = 0;  // Of the classes.
  size_t live = 0;   // Objects handed out.
  size_t fresh = 0;  // Objects that never were, at the end.
  FreeObject* free = nullptr;
  Slab* next = nullptr;  // In its class, while it has room; or empty.
  Slab* previous = nullptr;

  char* object(size_t index) {
    return reinterpret_cast<char*>(this) + kHeaderBytes + index * kSizes[which];
  }
  bool full() const { return free == nullptr && fresh == 0; }
};

// The slabs of one class that have both objects and room: a ring with the class
// in its middle would save the branches; there are few of them.
struct BlockMemory::Class {
  Mutex mu;
  Slab* first ABSL_GUARDED_BY(mu) = nullptr;  // Filled first.
  Slab* last ABSL_GUARDED_BY(mu) = nullptr;

  void Append(Slab* slab) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    slab->next = nullptr;
    slab->previous = last;
    (last == nullptr ? first : last->next) = slab;
    last = slab;
  }
  void Remove(Slab* slab) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    (slab->previous == nullptr ? first : slab->previous->next) = slab->next;
    (slab->next == nullptr ? last : slab->next->previous) = slab->previous;
  }
};

BlockMemory::BlockMemory() : classes_(new Class[kClasses]) {
  static_assert(sizeof(Slab) <= kHeaderBytes);
}

BlockMemory::~BlockMemory() {
  // No object is left: each would have held a reference.
  MutexLock lock(empty_mu_);
  while (empty_ != nullptr) {
    Slab* const slab = empty_;
    empty_ = slab->next;
    munmap(slab, kSlabBytes);
  }
}

bool BlockMemory::Suits(size_t bytes) {
  return kActive && bytes >= kSizes.front() && bytes <= kMaxBytes;
}

size_t BlockMemory::TakenBy(size_t bytes) {
  return kActive && bytes <= kMaxBytes ? kSizes[ClassOf(bytes)] : bytes;
}

BlockMemory::Slab* BlockMemory::TakeSlab() {
  {
    MutexLock lock(empty_mu_);
    if (empty_ != nullptr) {
      Slab* const slab = empty_;
      empty_ = slab->next;
      --empty_count_;
      return slab;
    }
  }
  void* const memory = MapSlab();
  if (memory == nullptr) return nullptr;
  slabs_.fetch_add(1, std::memory_order_relaxed);
  return ::new (memory) Slab;
}

void BlockMemory::GiveBack(Slab* slab) {
  {
    MutexLock lock(empty_mu_);
    if (empty_count_ < kMostEmpty) {
      slab->next = empty_;
      empty_ = slab;
      ++empty_count_;
      return;
    }
  }
  munmap(slab, kSlabBytes);
  slabs_.fetch_sub(1, std::memory_order_relaxed);
}

void* BlockMemory::Allocate(size_t bytes) {
  if (!kActive || bytes > kMaxBytes) return nullptr;
  const size_t which = ClassOf(bytes);
  Class& of = classes_[which];
  MutexLock lock(of.mu);
  Slab* slab = of.first;
  if (slab == nullptr) {
    slab = TakeSlab();
    if (slab == nullptr) return nullptr;
    *slab = Slab{.owner = this, .which = which, .fresh = kRoom / kSizes[which]};
    of.Append(slab);
    AddRef();
  }
  ++slab->live;
  void* object = slab->free;
  if (object != nullptr) {
    slab->free = slab->free->next;
  } else {
    object = slab->object(kRoom / kSizes[which] - slab->fresh--);
  }
  if (slab->full()) of.Remove(slab);
  return object;
}

void BlockMemory::Free(void* object) {
  const uintptr_t at = reinterpret_cast<uintptr_t>(object);
  Slab* const slab = reinterpret_cast<Slab*>(at / kSlabBytes * kSlabBytes);
  slab->owner->FreeFrom(slab, object);
}

void BlockMemory::FreeFrom(Slab* slab, void* object) {
  Class& of = classes_[slab->which];
  {
    MutexLock lock(of.mu);
    const bool was_full = slab->full();
    slab->free = ::new (object) Slab::FreeObject{slab->free};
    if (was_full) of.Append(slab);
    if (--slab->live != 0) return;
    of.Remove(slab);
  }
  GiveBack(slab);
  Unref();  // Last: it may be the end of this.
}

}  // namespace lissom
