// View is what a read needs to hold still: the memtables and the Version of one
// moment. Immutable; a new one is published at every switch and install.
//
// ViewHolder publishes the current View. Readers take it without a lock and
// without writing to shared memory: inside an EpochGuard the pointer is safe to
// use, and a reader that stays longer (an iterator) takes a Ref.
//
// Rule for readers: the View first, then the visible sequence. The other order
// could meet a View whose flush or compaction has already dropped the versions
// that the older sequence needs.
#ifndef LISSOM_DB_READ_VIEW_H_
#define LISSOM_DB_READ_VIEW_H_

#include <atomic>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "db/memtable/memtable.h"
#include "db/version/version.h"
#include "util/epoch.h"
#include "util/ref_counted.h"

namespace lissom {

class View final : public RefCounted {
 public:
  // `memtables`: newest first, the active one at the front.
  View(std::vector<Ref<const Memtable>> memtables,
       std::shared_ptr<const Version> version)
      : memtables_(std::move(memtables)), version_(std::move(version)) {}

  const std::vector<Ref<const Memtable>>& memtables() const {
    return memtables_;
  }
  const Version& version() const { return *version_; }

 private:
  const std::vector<Ref<const Memtable>> memtables_;
  const std::shared_ptr<const Version> version_;
};

class ViewHolder {
 public:
  // Makes `view` current; the one before goes at a Reclaim after its last
  // reader is done. One caller at a time.
  void Publish(Ref<const View> view) {
    const View* const fresh = view.get();
    Ref<const View> old = std::exchange(owner_, std::move(view));
    // seq_cst on both sides: util/epoch.h's argument needs the single order.
    current_.store(fresh, std::memory_order_seq_cst);
    if (old) retired_.Add(std::move(old));
  }

  // Requires: the caller is inside an EpochGuard, and uses the View only there.
  const View* current() const {
    return current_.load(std::memory_order_seq_cst);
  }

  // A View to keep.
  Ref<const View> Acquire() const {
    EpochGuard guard;
    return Ref<const View>(current());
  }

  // Lets go of replaced Views that nobody reads any more. Thread-safe; call it
  // without locks: memory is unmapped and files are closed in it.
  void Reclaim() { retired_.Reclaim(); }

 private:
  Ref<const View> owner_;
  std::atomic<const View*> current_{nullptr};
  RetireList retired_;
};

// The View in which a call reads, found inside an epoch that the call stays in.
// Thread-compatible; for one call.
class ReadView {
 public:
  explicit ReadView(const ViewHolder& views) : view_(views.current()) {}
  // `view` is owned by a Ref.
  explicit ReadView(const View& view) : view_(&view) {}

  const View& operator*() const { return *view_; }

  // Returns work(), done outside of the epoch, for what takes long or should
  // not be kept from being reclaimed. The View stays; what else was found
  // without a Ref must not be touched any more. The same if work() throws.
  template <typename Work>
  auto OutsideEpoch(Work work) {
    if (!kept_) kept_ = Ref<const View>(view_);
    guard_.reset();
    auto result = work();
    guard_.emplace();
    return result;
  }

 private:
  Ref<const View> kept_ = nullptr;  // Dropped outside of the epoch, too.
  std::optional<EpochGuard> guard_{std::in_place};
  const View* view_;
};

}  // namespace lissom

#endif  // LISSOM_DB_READ_VIEW_H_
