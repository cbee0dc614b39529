// Event is one thing that happened to a database, as it waits to be told
// (EventQueue) and as it is written down (EventAsText, EventAsJson).
#ifndef LISSOM_DB_METRICS_EVENT_H_
#define LISSOM_DB_METRICS_EVENT_H_

#include <string>
#include <string_view>
#include <variant>

#include "absl/time/time.h"
#include "lissom/event_listener.h"
#include "lissom/logger.h"

namespace lissom {

// One for each method of EventListener; the comment says what its data is.
enum class EventKind : uint8_t {
  kFlushBegin,             // FlushEvent
  kFlushCompleted,         // FlushEvent
  kCompactionBegin,        // CompactionEvent
  kCompactionCompleted,    // CompactionEvent
  kTableCreated,           // TableEvent
  kTableDeleted,           // TableEvent
  kStallConditionChanged,  // StallEvent
  kBackgroundError,        // BackgroundErrorEvent
  kResumed,                // ResumedEvent
};
inline constexpr size_t kEventKinds = 9;

using EventData = std::variant<FlushEvent, CompactionEvent, TableEvent,
                               StallEvent, BackgroundErrorEvent, ResumedEvent>;

struct Event {
  EventKind kind = EventKind::kFlushBegin;
  EventData data;
  absl::Time at = absl::InfinitePast();  // The wall clock's.
};

// "flush_begin", "flush_completed", ...
std::string_view EventName(EventKind kind);

// One line for people, without the time.
std::string EventAsText(const Event& event);
// The same as one line of JSON, with everything that is known. It begins with
// "event" and "time_micros" (since 1970). Lists of tables end after 64; their
// counts are members of their own.
std::string EventAsJson(const Event& event);
// How loud both lines are.
LogLevel EventLevel(const Event& event);

// Calls the listener's method for the event. Lets through what it throws.
void Tell(EventListener& listener, const Event& event);

}  // namespace lissom

#endif  // LISSOM_DB_METRICS_EVENT_H_
