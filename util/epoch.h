// Epoch-based reclamation: readers hold still what they read by announcing
// themselves in a line of memory of their own; whoever replaces an object
// retires the old one, which goes when every reader of that time has left.
// (Fraser, "Practical lock-freedom", 2004, chapter 5; here with one counter and
// exact tags instead of three generations.)
//
//   reader:  EpochGuard guard;  p = current.load(seq_cst);  use *p
//   writer:  current.store(fresh, seq_cst);  retired.Add(old)
//
// Why it is safe: a reader stores the epoch it saw into its slot (a seq_cst
// exchange) before it loads `current`. The writer replaces `current`, then
// draws a tag from the epoch counter, then scans the slots. In the single order
// of these operations either the scan sees the reader's slot, or the reader's
// load comes after the store and finds the fresh object. And a reader whose
// epoch is above the tag drew it after the writer did, so it found the fresh
// object too.
//
// The registry of slots is process-wide. Entering costs one exchange on a line
// that only this thread writes, and nothing is allocated after a thread's first
// guard.
#ifndef LISSOM_UTIL_EPOCH_H_
#define LISSOM_UTIL_EPOCH_H_

#include <cstdint>
#include <vector>

#include "util/mutex.h"
#include "util/ref_counted.h"

namespace lissom {

// A reader for a scope. Nests. Keep it short: nothing that was retired
// meanwhile, in any database of the process, goes before it ends.
class EpochGuard {
 public:
  EpochGuard();
  ~EpochGuard();
  EpochGuard(const EpochGuard&) = delete;
  EpochGuard& operator=(const EpochGuard&) = delete;
};

// Objects that were replaced and may still be read. Thread-safe.
class RetireList {
 public:
  RetireList() = default;
  // Never waits: what is still being read passes to the process-wide list of
  // orphans, which later calls of anybody's Reclaim look through.
  ~RetireList();
  RetireList(const RetireList&) = delete;
  RetireList& operator=(const RetireList&) = delete;

  // Requires: new readers can no longer find `object` (see above).
  void Add(Ref<const RefCounted> object);

  // Lets go of what no guard can still be reading. Never waits. Destructors of
  // objects run in here, after the list's lock is released.
  void Reclaim();

 private:
  friend struct EpochOrphans;
  struct Retired {
    uint64_t tag;
    Ref<const RefCounted> object;
  };
  static std::vector<Retired> TakeFree(std::vector<Retired>& from);

  Mutex mu_;  // A leaf.
  std::vector<Retired> retired_ ABSL_GUARDED_BY(mu_);
};

}  // namespace lissom

#endif  // LISSOM_UTIL_EPOCH_H_
