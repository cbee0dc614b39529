#include "util/epoch.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <limits>
#include <utility>

namespace lissom {
namespace {

constexpr uint64_t kIdle = 0;

// One thread's announcement. Slots are never freed: a thread that ends leaves
// its slot to the next one.
struct alignas(64) Slot {
  std::atomic<uint64_t> epoch{kIdle};
  std::atomic<bool> taken{false};
  uint32_t depth = 0;  // Guards nested in the owning thread.
  Slot* next = nullptr;
};

std::atomic<uint64_t> g_epoch{1};
std::atomic<Slot*> g_slots{nullptr};

Slot* TakeSlot() {
  for (Slot* slot = g_slots.load(std::memory_order_acquire); slot != nullptr;
       slot = slot->next) {
    // Acquire: pairs with the release of the thread that had it.
    if (!slot->taken.exchange(true, std::memory_order_acquire)) return slot;
  }
  Slot* slot = new Slot;
  slot->taken.store(true, std::memory_order_relaxed);
  slot->next = g_slots.load(std::memory_order_relaxed);
  // Release: a scan that finds the slot finds its next.
  while (!g_slots.compare_exchange_weak(
      slot->next, slot, std::memory_order_release, std::memory_order_relaxed)) {
  }
  return slot;
}

struct ThreadSlot {
  Slot* slot = nullptr;
  ~ThreadSlot() {
    if (slot != nullptr) slot->taken.store(false, std::memory_order_release);
  }
};

Slot& MySlot() {
  thread_local ThreadSlot mine;
  if (mine.slot == nullptr) mine.slot = TakeSlot();
  return *mine.slot;
}

// The least epoch that a guard is in.
uint64_t OldestActive() {
  uint64_t oldest = std::numeric_limits<uint64_t>::max();
  for (Slot* slot = g_slots.load(std::memory_order_seq_cst); slot != nullptr;
       slot = slot->next) {
    const uint64_t epoch = slot->epoch.load(std::memory_order_seq_cst);
    if (epoch != kIdle) oldest = std::min(oldest, epoch);
  }
  return oldest;
}

}  // namespace

EpochGuard::EpochGuard() {
  Slot& slot = MySlot();
  if (slot.depth++ != 0) return;
  slot.epoch.exchange(g_epoch.load(std::memory_order_seq_cst),
                      std::memory_order_seq_cst);
}

EpochGuard::~EpochGuard() {
  Slot& slot = MySlot();
  if (--slot.depth != 0) return;
  // Release: pairs with the scan; our reads are over when it frees.
  slot.epoch.store(kIdle, std::memory_order_release);
}

struct EpochOrphans {
  Mutex mu;
  std::vector<RetireList::Retired> retired ABSL_GUARDED_BY(mu);

  static EpochOrphans& Get() {
    static EpochOrphans* orphans = new EpochOrphans;  // Outlives every thread.
    return *orphans;
  }

  void Adopt(std::vector<RetireList::Retired> list) {
    MutexLock lock(mu);
    std::move(list.begin(), list.end(), std::back_inserter(retired));
  }

  void Reclaim() {
    std::vector<RetireList::Retired> freed;
    MutexLock lock(mu);
    if (!retired.empty()) freed = RetireList::TakeFree(retired);
    MutexUnlock unlock(mu);
    freed.clear();
  }
};

std::vector<RetireList::Retired> RetireList::TakeFree(
    std::vector<Retired>& from) {
  const uint64_t oldest = OldestActive();
  const auto keep =
      std::partition(from.begin(), from.end(),
                     [&](const Retired& r) { return r.tag >= oldest; });
  std::vector<Retired> freed(std::make_move_iterator(keep),
                             std::make_move_iterator(from.end()));
  from.erase(keep, from.end());
  return freed;
}

RetireList::~RetireList() {
  Reclaim();
  std::vector<Retired> left;
  {
    MutexLock lock(mu_);
    left.swap(retired_);
  }
  if (!left.empty()) EpochOrphans::Get().Adopt(std::move(left));
}

void RetireList::Add(Ref<const RefCounted> object) {
  const uint64_t tag = g_epoch.fetch_add(1, std::memory_order_seq_cst);
  MutexLock lock(mu_);
  retired_.push_back({tag, std::move(object)});
}

void RetireList::Reclaim() {
  EpochOrphans::Get().Reclaim();
  std::vector<Retired> freed;
  {
    MutexLock lock(mu_);
    if (!retired_.empty()) freed = TakeFree(retired_);
  }
}

}  // namespace lissom
