// EventListener is told what a database does in the background: flushes,
// compactions, tables that come and go, stalls, errors. Derive from it,
// override what you care about, and put it into DBOptions::listeners:
//
//   class Alarm final : public lissom::EventListener {
//    public:
//     void OnBackgroundError(
//         const lissom::BackgroundErrorEvent& event) override {
//       Page("lissom: " + std::string(event.status.message()));
//     }
//   };
//   options.listeners.push_back(std::make_shared<Alarm>());
//
// When: shortly after the fact, from a task on the database's executor, one
//   event after the other in the order in which they happened, each to all
//   listeners in the order of the options. Nothing of the database waits for a
//   listener but Close: what happened before Close returns has been told when
//   Close returns (unless it is a listener that calls Close).
// Calling the database from a listener is safe; no lock is held. It should not
//   take long all the same, since later events, and with few background threads
//   compactions, wait. Do not destroy the database in a listener.
// If one is slow, events queue up; changes of the stall condition are merged
//   meanwhile, so some of its steps may be left out, never the last.
// What a listener throws is dropped, and so is, without memory, an event.
#ifndef LISSOM_EVENT_LISTENER_H_
#define LISSOM_EVENT_LISTENER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "lissom/export.h"
#include "lissom/metrics.h"

namespace lissom {

// A flush: memtables become a table of level 0.
struct FlushEvent {
  uint64_t job = 0;  // Of this open database; begin and end have the same.
  uint64_t memtables = 0;  // That are flushed together.
  uint64_t memtable_bytes = 0;
  uint64_t memtable_entries = 0;

  // Of OnFlushCompleted only.
  std::optional<uint64_t> table = std::nullopt;  // Number of the table made;
                                                 // none if nothing was left.
  uint64_t written_bytes = 0;
  uint64_t entries_written = 0;
  absl::Duration time = absl::ZeroDuration();
  absl::Status status = absl::OkStatus();  // Not OK: nothing was changed.
};

// A compaction: tables of one level and the next become tables of the latter.
struct CompactionEvent {
  uint64_t job = 0;
  std::string reason = {};  // "level0-count", "level-size", "manual", ...
  int start_level = 0;
  int output_level = 0;
  bool move = false;                  // The tables only change their level.
  std::vector<uint64_t> inputs = {};  // Numbers of the tables that go in.
  uint64_t read_bytes = 0;            // Their sizes.

  // Of OnCompactionCompleted only.
  std::vector<uint64_t> outputs = {};
  uint64_t written_bytes = 0;
  uint64_t entries_in = 0;
  uint64_t entries_out = 0;
  absl::Duration time = absl::ZeroDuration();
  absl::Status status = absl::OkStatus();  // Not OK: nothing was changed.
};

// A table's file: made (durable and part of the tree), or removed.
struct TableEvent {
  uint64_t number = 0;
  std::string path = {};
  uint64_t job = 0;  // That made it; 0: Open, from the log, or a removal.
  int level = 0;     // The three below are of OnTableCreated only.
  uint64_t bytes = 0;
  uint64_t entries = 0;
  absl::Status status = absl::OkStatus();  // Not OK: it could not be removed,
                                           // and the next Open will.
};

enum class StallCondition : uint8_t {
  kNormal,
  kDelayed,  // Each write waits some microseconds.
  kStopped,  // Writes wait until background work has caught up.
};

struct StallEvent {
  StallCondition before = StallCondition::kNormal;
  StallCondition now = StallCondition::kNormal;
  StallCause cause = StallCause::kMemtables;  // Of what is worse of the two.
};

struct BackgroundErrorEvent {
  std::string operation = {};  // "flush", "compaction", "wal", "manifest", ...
  // With a detail (DetailOf): Severity::kWrites means that writes are refused
  // from now on.
  absl::Status status = absl::OkStatus();
};

// Writes are accepted again after a background error.
struct ResumedEvent {
  absl::Status cause = absl::OkStatus();  // What had been refused for.
  bool automatic = false;                 // Not by a call of DB::Resume.
  absl::Duration refused = absl::ZeroDuration();  // For how long.
};

class LISSOM_EXPORT EventListener {
 public:
  virtual ~EventListener() = default;

  virtual void OnFlushBegin(const FlushEvent&) {}
  virtual void OnFlushCompleted(const FlushEvent&) {}
  virtual void OnCompactionBegin(const CompactionEvent&) {}
  virtual void OnCompactionCompleted(const CompactionEvent&) {}
  virtual void OnTableCreated(const TableEvent&) {}
  virtual void OnTableDeleted(const TableEvent&) {}
  virtual void OnStallConditionChanged(const StallEvent&) {}
  virtual void OnBackgroundError(const BackgroundErrorEvent&) {}
  virtual void OnResumed(const ResumedEvent&) {}
};

}  // namespace lissom

#endif  // LISSOM_EVENT_LISTENER_H_
