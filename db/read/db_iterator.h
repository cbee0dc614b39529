// The public Iterator: turns the internal entries of a View into user keys and
// values as of one sequence.
//
// Two directions, two ways to stand on an entry:
//   forward   inner_ stands on the very entry that is shown.
//   reverse   inner_ stands before all entries of the key that is shown, whose
//             key and value were copied: the newest visible version is the last
//             one met going backwards.
// A key with many versions is left by seeking, not by walking, after a few
// steps in either direction. Keys come in order or not at all: in a table out
// of order a seek could lead back, so a move to the wrong side ends in
// kDataLoss.
#ifndef LISSOM_DB_READ_DB_ITERATOR_H_
#define LISSOM_DB_READ_DB_ITERATOR_H_

#include <atomic>
#include <functional>
#include <memory>

#include "db/metrics/metrics_recorder.h"
#include "db/read/view.h"
#include "lissom/clock.h"
#include "lissom/iterator.h"
#include "lissom/logger.h"
#include "lissom/options.h"
#include "table/internal_key.h"

namespace lissom {

// Everything an iterator may touch. Shared by all iterators of a database, and
// kept by them: it lives as long as the last one.
struct IteratorCore {
  KeyOrder order;
  std::atomic<bool> closed{false};  // Relaxed: a late move may still succeed.
  std::shared_ptr<Logger> log;
  std::shared_ptr<Clock> clock;        // Null if no read has a deadline.
  MetricsRecorder* metrics = nullptr;  // Null: nothing is counted.
  // Called when an iterator has let go of its View: files may be free now.
  // Not called after `closed`.
  std::function<void()> released;

  explicit IteratorCore(KeyOrder o) : order(std::move(o)) {}
};

// A View to read and the sequence to read it at.
struct ReadPoint {
  Ref<const View> view;
  SequenceNumber sequence = 0;
};

// `refresh` gives the read point at construction and at every Refresh.
std::unique_ptr<Iterator> NewDbIterator(
    std::shared_ptr<IteratorCore> core,
    std::function<absl::StatusOr<ReadPoint>()> refresh,
    const ReadOptions& options);

// An iterator that is never Valid and whose status is `error`.
std::unique_ptr<Iterator> NewErrorIterator(absl::Status error);

}  // namespace lissom

#endif  // LISSOM_DB_READ_DB_ITERATOR_H_
