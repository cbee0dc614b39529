// Epochs let readers use a shared object without owning it: a reader works
// inside an EpochGuard, and an object that was taken out of reach is dropped
// only when every guard that may have found it has ended.
//
//   reader                                writer
//   EpochGuard guard;                     old = view_.exchange(new, release);
//   View* v = view_.load(acquire);        retired_.Add(old);
//   ... use *v until the guard ends ...   retired_.Reclaim();  // Now and then.
//
// A guard stores to a cache line of its own thread and reads one line that
// changes only with each Add: readers do not slow each other down. No lock;
// no allocation after a thread's first guard.
//
// Process-wide state (one of the three that we allow): the epoch number and the
// slots of the threads, so that a guard costs the same for many databases.
#ifndef LISSOM_UTIL_EPOCH_H_
#define LISSOM_UTIL_EPOCH_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "util/check.h"
#include "util/ref_counted.h"

namespace lissom {

namespace internal {

// Why a dropped object has no reader. Let X be the exchange with which a guard
// enters its slot, R the read-modify-write of Reclaim on that slot, and the
// object's tag the epoch that its Add ended.
//
// - R reads an epoch greater than the tag, or idle. Then the slot's guard, and
//   any before it, is either over (its release store is read by R, directly or
//   through the release sequence of later X's, so its reads happen before the
//   drop), or it read its epoch after Add had raised it (acquire; so it sees
//   the object unlinked).
// - A guard that enters after R: its X reads R's value, or that of a store that
//   comes after R; in the latter case an earlier X of the same thread did. As
//   both are read-modify-writes with acquire and release, R happens before what
//   the guard reads: it sees the object unlinked. This is what a plain store on
//   entry would not give: the load of the pointer could overtake it.
// - R reads an epoch up to the tag: the object stays.
//
// Idle is 0; epochs start at 1.
struct alignas(64) EpochSlot {
  std::atomic<uint64_t> entered{0};
  EpochSlot* next_slot = nullptr;  // Under the registry's lock.
  EpochSlot* next_free = nullptr;  // Likewise.
};

struct EpochThread {
  EpochSlot* slot;  // Null before the first guard and after the thread's end.
  uint32_t depth;   // Guards open.
  bool ending;      // The thread's thread_locals are being destroyed.
};

// Without destructor and constant-initialised: usable to the last instruction
// of a thread, and reached without a call.
extern constinit thread_local EpochThread epoch_thread;

struct alignas(64) EpochNumber {
  std::atomic<uint64_t> value{1};
};
extern constinit EpochNumber current_epoch;

EpochSlot* AcquireEpochSlot();
void ReleaseEpochSlot();

}  // namespace internal

// Keeps what the thread finds from being dropped. Nests within a thread; short:
// no waiting inside, since all retired objects of the process wait for it.
// Requires: destroyed on the thread that made it.
class EpochGuard {
 public:
  EpochGuard() {
    internal::EpochThread& self = internal::epoch_thread;
    if (self.depth++ != 0) return;
    internal::EpochSlot* slot = self.slot;
    if (slot == nullptr) slot = internal::AcquireEpochSlot();
    slot->entered.exchange(
        internal::current_epoch.value.load(std::memory_order_acquire),
        std::memory_order_acq_rel);
  }
  ~EpochGuard() {
    internal::EpochThread& self = internal::epoch_thread;
    LISSOM_DCHECK(self.depth > 0);
    if (--self.depth != 0) return;
    self.slot->entered.store(0, std::memory_order_release);
    if (self.ending) internal::ReleaseEpochSlot();
  }
  EpochGuard(const EpochGuard&) = delete;
  EpochGuard& operator=(const EpochGuard&) = delete;
};

// RetireList holds objects that were taken out of readers' reach, until no
// reader can be using them. One for each owner (database).
//
// Threads: thread-safe. Never waits for a reader.
// Destructors of dropped objects run inside Reclaim and ~RetireList, without
// our locks: call them without yours.
class RetireList {
 public:
  RetireList();
  // Drops what it can. What a reader may still use goes to a process-wide list
  // that every later Reclaim, of any RetireList, works on: a retired object
  // must own all that its destructor touches.
  ~RetireList();
  RetireList(const RetireList&) = delete;
  RetireList& operator=(const RetireList&) = delete;

  // Drops `object`'s reference once every guard that is active now has ended.
  // Requires: no reader can find the object any more; it was unlinked with at
  // least release order. Null is ignored. If memory is short the object leaks:
  // dropping it now would be wrong.
  void Add(Ref<const RefCounted> object);

  // Drops what no reader can be using any more. True if nothing is left.
  bool Reclaim();

  size_t size() const;  // Objects waiting.

 private:
  friend class EpochRegistry;
  struct Rep;
  Rep* rep_;  // Owned; a pointer because the process-wide list may inherit it.
};

}  // namespace lissom

#endif  // LISSOM_UTIL_EPOCH_H_
