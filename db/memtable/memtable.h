// Memtable holds the newest entries in memory, sorted, until a flush writes
// them to a table. One writer at a time adds; any number of readers read
// meanwhile without a lock. Nothing is ever removed: memory goes with the
// object, which readers pin by Ref.
//
// Threads: Add by one thread at a time (the leader of the write queue);
//   everything else thread-safe. A reader sees every entry that was added
//   before it learnt the sequence number it reads at.
#ifndef LISSOM_DB_MEMTABLE_MEMTABLE_H_
#define LISSOM_DB_MEMTABLE_MEMTABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "table/internal_iterator.h"
#include "table/internal_key.h"
#include "util/ref_counted.h"

namespace lissom {

class Memtable final : public RefCounted {
 public:
  // `log_number`: the first log that holds entries of this memtable.
  static Ref<Memtable> Create(const KeyOrder& order, uint64_t log_number);

  // Adds an entry; copies key and value. Requires: sequences never decrease
  // (and no internal key comes twice). Throws std::bad_alloc, leaving the
  // memtable as it was.
  void Add(SequenceNumber sequence, EntryKind kind, std::string_view user_key,
           std::string_view value);

  struct Entry {
    EntryKind kind = EntryKind::kDelete;
    SequenceNumber sequence = 0;
    std::string_view value;  // Lives as long as the memtable.
  };
  // The newest entry of the key visible at its sequence. No allocation.
  bool Get(const LookupKey& key, Entry* entry) const;

  // Pins the memtable.
  std::unique_ptr<InternalIterator> NewIterator() const;

  size_t memory_bytes() const;  // Allocated, entries and structure.
  uint64_t entries() const;
  bool empty() const { return entries() == 0; }
  uint64_t log_number() const { return log_number_; }
  // Of all entries; 0 if empty.
  SequenceNumber largest_sequence() const;

 private:
  struct Rep;

  Memtable(const KeyOrder& order, uint64_t log_number);
  ~Memtable() override;

  const uint64_t log_number_;
  std::unique_ptr<Rep> rep_;
};

}  // namespace lissom

#endif  // LISSOM_DB_MEMTABLE_MEMTABLE_H_
