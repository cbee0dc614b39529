// EventQueue tells a database's events: at once to the log, as a line for
// people and a line of JSON, and soon after to the listeners, in order, from a
// task on the executor. It has no thread of its own.
//
//   engine --Post--> log
//              |
//              +---> queue --task, one at a time, no lock of ours--> listeners
//
// So a listener may call the database, and nobody in the engine waits for one.
// The queue has no bound but what there is to tell; a change of the stall
// condition, the one kind that may come at any rate, is merged with one that
// still stands last in the queue.
//
// Close: what was posted before is told when it returns; it tells the rest
//   itself if no task does. Only if a listener calls it (on its own thread)
//   does it return at once, and the rest is told when that listener has
//   returned.
// What a listener, the logger or the clock throws goes no further; an event for
//   which there is no memory is lost.
// Threads: thread-safe. The queue's own lock is a leaf, but for the executor's.
#ifndef LISSOM_DB_METRICS_EVENT_QUEUE_H_
#define LISSOM_DB_METRICS_EVENT_QUEUE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "db/metrics/event.h"
#include "lissom/clock.h"
#include "lissom/event_listener.h"
#include "lissom/executor.h"
#include "lissom/logger.h"

namespace lissom {

struct EventQueueDeps {
  Executor& executor;  // Until Close has returned.
  Clock& clock;        // As long as the queue.
  std::shared_ptr<Logger> log;
  std::vector<std::shared_ptr<EventListener>> listeners;
};

class EventQueue {
 public:
  explicit EventQueue(EventQueueDeps deps);
  // Requires: Close was called.
  ~EventQueue();
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;

  // Writes both lines, then queues the event. Requires: no lock is held, since
  // the log is a file. After Close only the lines are written.
  void Post(EventKind kind, EventData data) noexcept;
  // The same for who holds a lock, so that events come in the lock's order; the
  // lines are written when the listeners are told.
  void PostLocked(EventKind kind, EventData data) noexcept;

  // See above. Idempotent; every call waits. Requires: no lock is held.
  void Close();

  // A number for a flush or compaction: 1, 2, 3, ...
  uint64_t NewJob() { return ++last_job_; }

 private:
  class Core;

  Event Stamped(EventKind kind, EventData data) const;

  Clock& clock_;
  const std::shared_ptr<Core> core_;  // Shared with the task.
  std::atomic<uint64_t> last_job_{0};
};

}  // namespace lissom

#endif  // LISSOM_DB_METRICS_EVENT_QUEUE_H_
