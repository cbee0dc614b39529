#include "db/compaction/part_runner.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "util/guarded.h"
#include "util/mutex.h"

namespace lissom {
namespace {

using Run =
    absl::FunctionRef<absl::Status(size_t part, const std::atomic<bool>& stop)>;

// Shared by the caller and the tasks; the last of them may outlive the call.
class PartList {
 public:
  // `run` must live until Wait has returned.
  PartList(size_t count, Run run) : run_(run), statuses_(count) {}

  // Runs parts until none is left to begin.
  void Work() {
    MutexLock lock(mu_);
    while (next_ < statuses_.size()) {
      const size_t part = next_++;
      ++running_;
      absl::Status status;
      {
        MutexUnlock unlock(mu_);
        status = Guarded([&] { return run_(part, stop_); });
      }
      --running_;
      if (!status.ok()) {
        next_ = statuses_.size();
        stop_.store(true, std::memory_order_relaxed);
      }
      statuses_[part] = std::move(status);
      ended_.SignalAll();
    }
  }

  // Waits until no part runs. Requires: Work has returned.
  absl::Status Wait(Executor* executor) {
    MutexLock lock(mu_);
    if (executor != nullptr) {
      Await(*executor, mu_, ended_, [this] {
        mu_.AssertHeld();
        return running_ == 0;
      });
    }
    // What was called off is only the echo of what failed.
    const auto failed = std::find_if(
        statuses_.begin(), statuses_.end(), [](const absl::Status& status) {
          return !status.ok() && !absl::IsCancelled(status);
        });
    // Moved: a task that comes too late may be the one to free the list.
    if (failed != statuses_.end()) return std::move(*failed);
    for (absl::Status& status : statuses_) {
      if (!status.ok()) return std::move(status);
    }
    return absl::OkStatus();
  }

 private:
  const Run run_;
  std::atomic<bool> stop_{false};
  Mutex mu_;
  CondVar ended_;  // A part did.
  size_t next_ ABSL_GUARDED_BY(mu_) = 0;
  size_t running_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<absl::Status> statuses_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

absl::Status RunParts(Executor* executor, size_t count, Run run) {
  const auto list = std::make_shared<PartList>(count, run);
  if (executor != nullptr) {
    // An executor that refuses has no thread to spare.
    Quietly([&] {
      for (size_t i = 1; i < count; ++i) {
        executor->Schedule(Executor::Priority::kLow, [list] { list->Work(); });
      }
    });
  }
  list->Work();
  return list->Wait(count > 1 ? executor : nullptr);
}

}  // namespace lissom
