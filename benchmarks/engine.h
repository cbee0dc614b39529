// An Engine is a store that the workloads run on: lissom, or another one behind
// an adapter. The workloads are written once, on these three classes, so that
// what is compared is the stores and not the harness.
//
// The interface is as thick as it must be to cost nothing that shows: a scan is
// one call for many steps, a batch is collected in the engine's own form, and
// what a thread reuses between calls (a pinned value, a read transaction) lives
// in its Session.
//
// Threads: an Engine is thread-safe; a Session and a Cursor are used by one
// thread, though a Session is made in another. Cursors go before their Session,
// Sessions before their Engine.
#ifndef LISSOM_BENCHMARKS_ENGINE_H_
#define LISSOM_BENCHMARKS_ENGINE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lissom::bench {

enum class Direction { kForward, kBackward };

// What a read brought.
struct Found {
  uint64_t entries = 0;
  uint64_t bytes = 0;  // Of keys and values.
};

// A position in the ordered keys, over the state of the moment it was made.
// A move reports its own errors; past an end the cursor is not valid.
class Cursor {
 public:
  virtual ~Cursor() = default;
  // To the first key that is not below `key`. True if there is one.
  virtual absl::StatusOr<bool> Seek(std::string_view key) = 0;
  // To the first key, or to the last if the direction is backwards.
  virtual absl::Status SeekToEnd(Direction direction) = 0;
  // A view of the key that the cursor is at, until it moves. Requires: the last
  // move was a Seek that returned true.
  virtual std::string_view key() = 0;
  // Reads the entry it is at, value and all, and steps on, `steps` times or
  // until the end: fewer entries than steps say that it was reached.
  virtual absl::StatusOr<Found> Walk(Direction direction, uint64_t steps) = 0;
};

class Session {
 public:
  virtual ~Session() = default;

  // Changes are collected until Commit applies them, atomically.
  virtual void Put(std::string_view key, std::string_view value) = 0;
  virtual void Delete(std::string_view key) = 0;
  // `sync`: returns when they would survive a power cut.
  virtual absl::Status Commit(bool sync) = 0;

  // The value's bytes were made readable, not only found. No entries: no such
  // key.
  virtual absl::StatusOr<Found> Get(std::string_view key) = 0;
  virtual absl::StatusOr<Found> MultiGet(
      std::span<const std::string_view> keys) = 0;

  virtual absl::StatusOr<std::unique_ptr<Cursor>> NewCursor() = 0;
};

// Names and numbers of what an engine has counted, in its own words.
using Counters = std::vector<std::pair<std::string, uint64_t>>;

class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string_view name() const = 0;  // "lissom", "rocksdb".
  virtual std::unique_ptr<Session> NewSession() = 0;

  virtual absl::Status Flush() = 0;
  // Until no flush or compaction is pending or running.
  virtual absl::Status Settle() = 0;
  virtual absl::Status CompactAll() = 0;
  // "stats" and "levelstats", in the engine's own words; others without the
  // prefix that the engine gives them. kInvalidArgument: there is none.
  virtual absl::StatusOr<std::string> Property(std::string_view name) = 0;
  virtual Counters GetCounters() { return {}; }
  // Idempotent; the destructor does not report.
  virtual absl::Status Close() = 0;
};

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_ENGINE_H_
