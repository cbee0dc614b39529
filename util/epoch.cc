#include "util/epoch.h"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>
#include <vector>

#include "util/mutex.h"

namespace lissom {

namespace internal {
constinit thread_local EpochThread epoch_thread{};
constinit EpochNumber current_epoch;
}  // namespace internal

using internal::EpochSlot;

struct RetireList::Rep {
  struct Retired {
    uint64_t tag = 0;  // The last epoch whose guards may have found it.
    Ref<const RefCounted> object;
  };

  // Moves what comes before `limit` to `dropped`, whose destructor then runs
  // without the lock. True if nothing is left.
  bool Take(uint64_t limit, std::vector<Retired>* dropped);

  mutable Mutex mu;
  std::vector<Retired> retired ABSL_GUARDED_BY(mu);  // Tags go up.
  Rep* next_orphan = nullptr;                        // Under the registry's.
};

// The process's slots and orphans.
class EpochRegistry {
 public:
  static EpochRegistry& Get() {
    // Never destroyed: threads end late.
    static EpochRegistry* registry = new EpochRegistry;
    return *registry;
  }

  EpochSlot* Acquire();
  void Release(EpochSlot* slot);
  // The lowest epoch that a guard is in: what was retired before it is free.
  uint64_t Oldest();
  void Adopt(RetireList::Rep* orphan);
  void ReclaimOrphans(uint64_t limit);

 private:
  Mutex mu_;
  EpochSlot* slots_ ABSL_GUARDED_BY(mu_) = nullptr;  // Ever made; they stay.
  EpochSlot* free_ ABSL_GUARDED_BY(mu_) = nullptr;   // Of ended threads.
  RetireList::Rep* orphans_ ABSL_GUARDED_BY(mu_) = nullptr;
  // Spares Reclaim the lock. Relaxed: a Reclaim that misses an orphan leaves
  // it to the next.
  std::atomic<bool> has_orphans_{false};
};

EpochSlot* EpochRegistry::Acquire() {
  MutexLock lock(mu_);
  // Under the lock of Oldest(): it sees the slot, or else its scan happens
  // before everything that the new guard reads.
  if (free_ != nullptr) {
    EpochSlot* slot = std::exchange(free_, free_->next_free);
    slot->next_free = nullptr;
    return slot;
  }
  EpochSlot* slot = new EpochSlot;
  slot->next_slot = std::exchange(slots_, slot);
  return slot;
}

void EpochRegistry::Release(EpochSlot* slot) {
  MutexLock lock(mu_);
  slot->next_free = std::exchange(free_, slot);
}

uint64_t EpochRegistry::Oldest() {
  uint64_t oldest = std::numeric_limits<uint64_t>::max();
  MutexLock lock(mu_);
  for (EpochSlot* slot = slots_; slot != nullptr; slot = slot->next_slot) {
    // A read-modify-write, not a load: see EpochSlot.
    const uint64_t entered =
        slot->entered.fetch_add(0, std::memory_order_acq_rel);
    if (entered != 0) oldest = std::min(oldest, entered);
  }
  return oldest;
}

void EpochRegistry::Adopt(RetireList::Rep* orphan) {
  MutexLock lock(mu_);
  orphan->next_orphan = std::exchange(orphans_, orphan);
  has_orphans_.store(true, std::memory_order_relaxed);
}

void EpochRegistry::ReclaimOrphans(uint64_t limit) {
  if (!has_orphans_.load(std::memory_order_relaxed)) return;
  RetireList::Rep* list;
  {
    MutexLock lock(mu_);
    list = std::exchange(orphans_, nullptr);
    has_orphans_.store(false, std::memory_order_relaxed);
  }
  while (list != nullptr) {
    RetireList::Rep* rep = std::exchange(list, list->next_orphan);
    std::vector<RetireList::Rep::Retired> dropped;
    if (rep->Take(limit, &dropped)) {
      delete rep;
    } else {
      Adopt(rep);
    }
  }
}

bool RetireList::Rep::Take(uint64_t limit, std::vector<Retired>* dropped) {
  MutexLock lock(mu);
  auto end =
      std::partition_point(retired.begin(), retired.end(),
                           [&](const Retired& r) { return r.tag < limit; });
  if (end == retired.end()) {
    dropped->swap(retired);
    return true;
  }
  if (end == retired.begin()) return false;
  try {
    dropped->assign(std::move_iterator(retired.begin()),
                    std::move_iterator(end));
    retired.erase(retired.begin(), end);
  } catch (const std::bad_alloc&) {
    dropped->clear();  // Nothing was moved; they stay for the next call.
  }
  return false;
}

RetireList::RetireList() : rep_(new Rep) {}

RetireList::~RetireList() {
  if (Reclaim()) {
    delete rep_;
  } else {
    EpochRegistry::Get().Adopt(rep_);
  }
}

void RetireList::Add(Ref<const RefCounted> object) {
  if (!object) return;
  const RefCounted* raw = object.get();
  raw->AddRef();  // So that the object leaks, not dies, if push_back throws.
  try {
    MutexLock lock(rep_->mu);
    // Release: a guard that reads the new epoch sees the object unlinked. Under
    // the lock, so that the tags of the list go up.
    const uint64_t tag =
        internal::current_epoch.value.fetch_add(1, std::memory_order_acq_rel);
    rep_->retired.push_back({tag, std::move(object)});
  } catch (const std::bad_alloc&) {
    return;
  }
  raw->Unref();
}

bool RetireList::Reclaim() {
  EpochRegistry& registry = EpochRegistry::Get();
  std::vector<Rep::Retired> dropped;
  // First the limit, then the list: what is added in between is not below it.
  const uint64_t epoch =
      internal::current_epoch.value.load(std::memory_order_acquire);
  const uint64_t limit = std::min(registry.Oldest(), epoch);
  const bool empty = rep_->Take(limit, &dropped);
  registry.ReclaimOrphans(limit);
  return empty;
}

size_t RetireList::size() const {
  MutexLock lock(rep_->mu);
  return rep_->retired.size();
}

namespace internal {
namespace {

struct AtThreadExit {
  ~AtThreadExit() {
    epoch_thread.ending = true;
    // A guard that is open here, in another thread_local's hands, gives the
    // slot back itself.
    if (epoch_thread.depth == 0 && epoch_thread.slot != nullptr) {
      ReleaseEpochSlot();
    }
  }
};

}  // namespace

EpochSlot* AcquireEpochSlot() {
  try {
    epoch_thread.slot = EpochRegistry::Get().Acquire();
  } catch (...) {  // std::bad_alloc: the guard that counted itself never was.
    --epoch_thread.depth;
    throw;
  }
  if (!epoch_thread.ending) {
    static thread_local AtThreadExit at_exit;
    static_cast<void>(at_exit);
  }
  return epoch_thread.slot;
}

void ReleaseEpochSlot() {
  EpochRegistry::Get().Release(std::exchange(epoch_thread.slot, nullptr));
}

}  // namespace internal

}  // namespace lissom
