#include "db/metrics/event_queue.h"

#include <thread>
#include <utility>

#include "util/guarded.h"
#include "util/mutex.h"

namespace lissom {

// What the tasks need, and keep: one may start after the database is gone.
class EventQueue::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(Executor& executor, std::shared_ptr<Logger> log,
       std::vector<std::shared_ptr<EventListener>> listeners)
      : log_(std::move(log)),
        listeners_(std::move(listeners)),
        executor_(&executor) {}

  void Log(const Event& event) const noexcept {
    Quietly([&] { log_->Log(EventLevel(event), EventAsText(event)); });
    Quietly([&] { log_->Log(EventLevel(event), EventAsJson(event)); });
  }

  // Throws std::bad_alloc.
  void Add(Event event, bool logged);
  void Close();
  void Abandon();

 private:
  struct Item {
    Event event;
    bool logged = false;
  };

  // Has the new stall condition become part of the last event?
  bool Merge(const Event& event, bool logged)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Schedule() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RunTask();
  void TellQueued() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TellOne(const Item& item) const;

  const std::shared_ptr<Logger> log_;
  const std::vector<std::shared_ptr<EventListener>> listeners_;

  Mutex mu_;
  CondVar cv_;  // A round of telling has ended.
  // Used until closed_ only: nobody keeps it alive for us.
  Executor* executor_ ABSL_GUARDED_BY(mu_);
  // A vector, because an empty one needs no memory.
  std::vector<Item> queue_ ABSL_GUARDED_BY(mu_);
  bool scheduled_ ABSL_GUARDED_BY(mu_) = false;
  bool telling_ ABSL_GUARDED_BY(mu_) = false;
  std::thread::id teller_ ABSL_GUARDED_BY(mu_);  // While telling_.
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

void EventQueue::Core::Add(Event event, bool logged) {
  if (logged && listeners_.empty()) return;
  MutexLock lock(mu_);
  if (closed_) return;
  if (!Merge(event, logged)) queue_.push_back({std::move(event), logged});
  // Who tells now looks again when he is done.
  if (!telling_ && !queue_.empty()) Schedule();
}

bool EventQueue::Core::Merge(const Event& event, bool logged) {
  if (event.kind != EventKind::kStallConditionChanged || queue_.empty() ||
      queue_.back().event.kind != event.kind) {
    return false;
  }
  auto& last = std::get<StallEvent>(queue_.back().event.data);
  const auto& next = std::get<StallEvent>(event.data);
  if (next.now == last.before) {
    queue_.pop_back();  // There and back again.
    return true;
  }
  if (next.now > last.before) last.cause = next.cause;
  last.now = next.now;
  queue_.back().event.at = event.at;
  queue_.back().logged = queue_.back().logged && logged;
  return true;
}

void EventQueue::Core::Schedule() {
  if (scheduled_) return;
  // If it cannot be scheduled the next event tries again, and Close needs none.
  Quietly([this] {
    mu_.AssertHeld();
    executor_->Schedule(Executor::Priority::kLow,
                        [self = shared_from_this()] { self->RunTask(); });
    scheduled_ = true;
  });
}

void EventQueue::Core::RunTask() {
  MutexLock lock(mu_);
  scheduled_ = false;
  // A task in a task: a listener waits, and its thread runs others meanwhile.
  if (telling_) return;
  TellQueued();
}

// A round, so that others get the thread between two; all there is once closed.
void EventQueue::Core::TellQueued() {
  telling_ = true;
  teller_ = std::this_thread::get_id();
  do {
    std::vector<Item> items;
    items.swap(queue_);
    MutexUnlock unlock(mu_);
    for (const Item& item : items) TellOne(item);
    items = {};
  } while (closed_ && !queue_.empty());
  telling_ = false;
  cv_.SignalAll();
  if (!queue_.empty()) Schedule();
}

void EventQueue::Core::TellOne(const Item& item) const {
  if (!item.logged) Log(item.event);
  for (const std::shared_ptr<EventListener>& listener : listeners_) {
    Quietly([&] { Tell(*listener, item.event); });
  }
}

void EventQueue::Core::Close() {
  MutexLock lock(mu_);
  if (telling_ && teller_ == std::this_thread::get_id()) {
    closed_ = true;
    return;
  }
  if (!closed_ || telling_ || !queue_.empty()) {
    closed_ = true;
    Await(*executor_, mu_, cv_, [this] {
      mu_.AssertHeld();
      return !telling_;
    });
    if (!queue_.empty()) TellQueued();
  }
}

void EventQueue::Core::Abandon() {
  MutexLock lock(mu_);
  closed_ = true;
}

EventQueue::EventQueue(EventQueueDeps deps)
    : clock_(deps.clock),
      core_(std::make_shared<Core>(deps.executor, std::move(deps.log),
                                   std::move(deps.listeners))) {}

EventQueue::~EventQueue() { core_->Abandon(); }

Event EventQueue::Stamped(EventKind kind, EventData data) const {
  Event event{.kind = kind, .data = std::move(data)};
  Quietly([&] { event.at = clock_.Now(); });
  return event;
}

void EventQueue::Post(EventKind kind, EventData data) noexcept {
  Quietly([&] {
    Event event = Stamped(kind, std::move(data));
    core_->Log(event);
    core_->Add(std::move(event), /*logged=*/true);
  });
}

void EventQueue::PostLocked(EventKind kind, EventData data) noexcept {
  Quietly(
      [&] { core_->Add(Stamped(kind, std::move(data)), /*logged=*/false); });
}

void EventQueue::Close() { core_->Close(); }

}  // namespace lissom
