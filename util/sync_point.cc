#include "util/sync_point.h"

#ifdef LISSOM_CHECKS

#include <atomic>
#include <map>
#include <utility>

#include "util/mutex.h"
#include "util/thread_scheduler.h"

namespace lissom {
namespace {

struct Registry {
  Mutex mu;
  std::map<std::string, std::function<void()>> actions ABSL_GUARDED_BY(mu);
  // Lets a pass cost one load while no test has set anything. Relaxed: a test
  // sets its points before it starts the threads that pass them.
  std::atomic<bool> any{false};
};

Registry& TheRegistry() {
  static Registry* registry =
      new Registry;  // Never destroyed: threads may pass late.
  return *registry;
}

}  // namespace

void SyncPoints::Set(const std::string& point, std::function<void()> action) {
  Registry& registry = TheRegistry();
  MutexLock lock(registry.mu);
  registry.actions[point] = std::move(action);
  registry.any.store(true, std::memory_order_relaxed);
}

void SyncPoints::ClearAll() {
  Registry& registry = TheRegistry();
  MutexLock lock(registry.mu);
  registry.actions.clear();
  registry.any.store(false, std::memory_order_relaxed);
}

void SyncPoints::Pass(const char* point) {
  if (ThreadScheduler::current != nullptr) {
    ThreadScheduler::current->Reach(point);
  }
  Registry& registry = TheRegistry();
  if (!registry.any.load(std::memory_order_relaxed)) return;
  std::function<void()> action;
  {
    MutexLock lock(registry.mu);
    auto it = registry.actions.find(point);
    if (it != registry.actions.end()) action = it->second;
  }
  if (action) action();
}

}  // namespace lissom

#endif
