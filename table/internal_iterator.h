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

#include <memory>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "table/internal_key.h"

namespace lissom {

struct InternalEntry {
  InternalKeyView key;
  std::string_view value;
};

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

  // A move, and where it led, in one call: *entry is key() and value(). False,
  // with *entry as it was, if that is nowhere. For inner loops; an iterator
  // that others walk through overrides them.
  virtual bool Current(InternalEntry* entry) const {
    if (!Valid()) return false;
    *entry = {key(), value()};
    return true;
  }
  virtual bool NextEntry(InternalEntry* entry) {
    Next();
    return Current(entry);
  }
  virtual bool PrevEntry(InternalEntry* entry) {
    Prev();
    return Current(entry);
  }

 protected:
  InternalIterator() = default;
};

// Owns an iterator and remembers where it stands, so that a step costs one
// virtual call and looking costs none.
class EntryCursor {
 public:
  EntryCursor() = default;
  explicit EntryCursor(std::unique_ptr<InternalIterator> iterator)
      : iterator_(std::move(iterator)) {}

  bool has_iterator() const { return iterator_ != nullptr; }

  void SeekToFirst() {
    iterator_->SeekToFirst();
    Look();
  }
  void SeekToLast() {
    iterator_->SeekToLast();
    Look();
  }
  void Seek(const InternalKeyView& target) {
    iterator_->Seek(target);
    Look();
  }
  void SeekForPrev(const InternalKeyView& target) {
    iterator_->SeekForPrev(target);
    Look();
  }
  void Next() { valid_ = iterator_->NextEntry(&entry_); }
  void Prev() { valid_ = iterator_->PrevEntry(&entry_); }

  bool Valid() const { return valid_; }
  const InternalKeyView& key() const { return entry_.key; }
  std::string_view value() const { return entry_.value; }
  const InternalEntry& entry() const { return entry_; }
  absl::Status status() const { return iterator_->status(); }

 private:
  void Look() { valid_ = iterator_->Current(&entry_); }

  std::unique_ptr<InternalIterator> iterator_;
  InternalEntry entry_;
  bool valid_ = false;
};

}  // namespace lissom

#endif  // LISSOM_TABLE_INTERNAL_ITERATOR_H_
