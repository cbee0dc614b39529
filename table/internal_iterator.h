// InternalIterator is the cursor that every sorted source of entries offers
// (a memtable, a block, a table, a level, a merge of them), in internal-key
// order: of one user key the newest version comes first.
//
// States: not Valid() after construction; Valid() on an entry; or not Valid()
//   with status() OK (moved off either end) or not OK (an error ended the
//   move). Every Seek forgets the previous state and error.
// Views from key() and value() live until the next move or destruction.
// An iterator shows every version and every kind of entry; visibility is its
// user's affair. It keeps alive what it reads.
// Threads: thread-compatible.
#ifndef LISSOM_TABLE_INTERNAL_ITERATOR_H_
#define LISSOM_TABLE_INTERNAL_ITERATOR_H_

#include <string_view>

#include "absl/status/status.h"
#include "table/internal_key.h"

namespace lissom {

class InternalIterator {
 public:
  virtual ~InternalIterator() = default;
  InternalIterator(const InternalIterator&) = delete;
  InternalIterator& operator=(const InternalIterator&) = delete;

  virtual void SeekToFirst() = 0;
  virtual void SeekToLast() = 0;
  // The first entry that is not before `target`.
  virtual void Seek(const InternalKeyView& target) = 0;
  // The last entry that is not after `target`.
  virtual void SeekForPrev(const InternalKeyView& target) = 0;
  virtual void Next() = 0;  // Requires: Valid().
  virtual void Prev() = 0;  // Requires: Valid().

  virtual bool Valid() const = 0;
  virtual InternalKeyView key() const = 0;     // Requires: Valid().
  virtual std::string_view value() const = 0;  // Requires: Valid().
  virtual absl::Status status() const = 0;

 protected:
  InternalIterator() = default;
};

}  // namespace lissom

#endif  // LISSOM_TABLE_INTERNAL_ITERATOR_H_
