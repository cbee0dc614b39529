#include "db/read/snapshot_list.h"

#include <utility>

namespace lissom {

class SnapshotList::Handle final : public Snapshot {
 public:
  Handle(std::shared_ptr<SnapshotList> list, SequenceNumber sequence)
      : list_(std::move(list)), sequence_(sequence) {}
  ~Handle() override { list_->Release(sequence_); }

  uint64_t sequence() const override { return sequence_; }
  const SnapshotList* list() const { return list_.get(); }

 private:
  const std::shared_ptr<SnapshotList> list_;
  const SequenceNumber sequence_;
};

std::unique_ptr<const Snapshot> SnapshotList::Take() {
  MutexLock lock(mu_);
  // Acquire: pairs with the release of the writer that published it.
  const SequenceNumber sequence = visible_.load(std::memory_order_acquire);
  sequences_.insert(sequence);
  return std::make_unique<Handle>(shared_from_this(), sequence);
}

std::vector<SequenceNumber> SnapshotList::ForJob() {
  MutexLock lock(mu_);
  std::vector<SequenceNumber> result;
  for (const SequenceNumber sequence : sequences_) {
    if (result.empty() || result.back() != sequence) result.push_back(sequence);
  }
  const SequenceNumber visible = visible_.load(std::memory_order_acquire);
  if (result.empty() || result.back() != visible) result.push_back(visible);
  return result;
}

bool SnapshotList::Owns(const Snapshot& snapshot) const {
  // Every Snapshot is a Handle: its constructor is protected, and this is the
  // only class that derives from it.
  return static_cast<const Handle&>(snapshot).list() == this;
}

void SnapshotList::CallWhenOldest(SequenceNumber sequence,
                                  std::function<void()> reached) {
  MutexLock lock(mu_);
  awaited_ = sequence;
  reached_.swap(reached);
}

void SnapshotList::Release(SequenceNumber sequence) {
  std::function<void()> reached;
  {
    MutexLock lock(mu_);
    sequences_.erase(sequences_.find(sequence));
    if (sequences_.empty() || *sequences_.begin() >= awaited_) {
      reached.swap(reached_);
    }
  }
  if (reached != nullptr) reached();
}

}  // namespace lissom
