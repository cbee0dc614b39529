// Iterator walks the keys of a database in order, both ways, over the state at
// the moment it was made: later writes do not show.
//
//   auto it = db->NewIterator();
//   for (it->SeekToFirst(); it->Valid(); it->Next()) {
//     Use(it->key(), it->value());
//   }
//   if (!it->status().ok()) ...  // The scan is complete only if this is OK.
//
// Errors: an iterator that meets one stops being Valid and says why in
// status(). Destroying it without having read that error is a bug in the
// caller: it aborts in builds with LISSOM_CHECKS and is logged otherwise.
// Lifetime: it keeps memory and files of its moment alive. After the database
// was closed the current entry stays readable and every move ends with
// kCancelled.
// Threads: thread-compatible; two iterators are independent.
#ifndef LISSOM_ITERATOR_H_
#define LISSOM_ITERATOR_H_

#include <string_view>

#include "absl/status/status.h"
#include "lissom/export.h"

namespace lissom {

class LISSOM_EXPORT Iterator {
 public:
  virtual ~Iterator() = default;
  Iterator(const Iterator&) = delete;
  Iterator& operator=(const Iterator&) = delete;

  // Each move leaves the iterator Valid() on an entry, or not Valid() because
  // there is none (status() OK) or because of an error. Seeking starts anew: it
  // forgets an earlier error.
  virtual void SeekToFirst() = 0;
  virtual void SeekToLast() = 0;
  virtual void Seek(std::string_view target) = 0;  // First key >= target.
  virtual void SeekForPrev(std::string_view target) = 0;  // Last key <= target.
  virtual void Next() = 0;                                // Requires: Valid().
  virtual void Prev() = 0;                                // Requires: Valid().

  virtual bool Valid() const = 0;

  // The current entry; the views live until the next move. Requires: Valid().
  virtual std::string_view key() const = 0;
  virtual std::string_view value() = 0;

  // Loads the value if it is lazy, so that value() cannot fail. An error makes
  // the iterator not Valid.
  virtual absl::Status PrepareValue() = 0;

  // The error that ended the last move; OK at an end of the range.
  virtual absl::Status status() const = 0;

  // Moves on to the present state of the database (or of the snapshot that it
  // was made with) and becomes not Valid: seek again.
  virtual absl::Status Refresh() = 0;

 protected:
  Iterator() = default;
};

}  // namespace lissom

#endif  // LISSOM_ITERATOR_H_
