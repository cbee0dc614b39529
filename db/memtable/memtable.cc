#include "db/memtable/memtable.h"

#include <utility>

#include "db/memtable/entry_tree.h"
#include "util/arena.h"
#include "util/check.h"

namespace lissom {

struct Memtable::Rep {
  explicit Rep(const KeyOrder& order) : tree(order, arena) {}

  Arena arena;
  EntryTree tree;
  // Written by Add, read by any; relaxed: entries are found through the tree.
  std::atomic<uint64_t> entries{0};
  std::atomic<SequenceNumber> largest_sequence{0};
};

namespace {

// The tree's cursor as an InternalIterator.
class MemtableIterator final : public InternalIterator {
 public:
  MemtableIterator(Ref<const Memtable> memtable, const EntryTree& tree)
      : memtable_(std::move(memtable)), cursor_(tree) {}

  void SeekToFirst() override { cursor_.SeekToFirst(); }
  void SeekToLast() override { cursor_.SeekToLast(); }
  void Seek(const InternalKeyView& target) override { cursor_.Seek(target); }
  void SeekForPrev(const InternalKeyView& target) override {
    cursor_.SeekForPrev(target);
  }
  void Next() override { cursor_.Next(); }
  void Prev() override { cursor_.Prev(); }
  bool Valid() const override { return cursor_.entry() != nullptr; }
  InternalKeyView key() const override {
    LISSOM_DCHECK(Valid());
    return cursor_.entry()->key();
  }
  std::string_view value() const override {
    LISSOM_DCHECK(Valid());
    return cursor_.entry()->value();
  }
  absl::Status status() const override { return absl::OkStatus(); }

  bool Current(InternalEntry* entry) const override {
    if (!Valid()) return false;
    *entry = {key(), value()};
    return true;
  }
  bool NextEntry(InternalEntry* entry) override {
    cursor_.Next();
    return Current(entry);
  }
  bool PrevEntry(InternalEntry* entry) override {
    cursor_.Prev();
    return Current(entry);
  }

 private:
  const Ref<const Memtable> memtable_;
  EntryTree::Cursor cursor_;
};

}  // namespace

Ref<Memtable> Memtable::Create(const KeyOrder& order, uint64_t log_number) {
  return Ref<Memtable>(new Memtable(order, log_number));
}

Memtable::Memtable(const KeyOrder& order, uint64_t log_number)
    : log_number_(log_number), rep_(std::make_unique<Rep>(order)) {}

Memtable::~Memtable() = default;

void Memtable::Add(SequenceNumber sequence, EntryKind kind,
                   std::string_view user_key, std::string_view value) {
  LISSOM_DCHECK(sequence >= largest_sequence());
  const Arena::Ref entry = StoredEntry::Write(
      rep_->arena, {user_key, PackTrailer(sequence, kind)}, value);
  rep_->tree.Insert(entry);
  rep_->entries.store(entries() + 1, std::memory_order_relaxed);
  rep_->largest_sequence.store(sequence, std::memory_order_relaxed);
}

bool Memtable::Get(const LookupKey& key, Entry* entry) const {
  const StoredEntry* found = rep_->tree.FindVersion(key.seek_key());
  if (found == nullptr) return false;
  entry->kind = TrailerKind(found->trailer);
  entry->sequence = TrailerSequence(found->trailer);
  entry->value = found->value();
  return true;
}

std::unique_ptr<InternalIterator> Memtable::NewIterator() const {
  return std::make_unique<MemtableIterator>(Ref<const Memtable>(this),
                                            rep_->tree);
}

size_t Memtable::memory_bytes() const {
  return sizeof(Memtable) + sizeof(Rep) + rep_->arena.used_bytes();
}

uint64_t Memtable::entries() const {
  return rep_->entries.load(std::memory_order_relaxed);
}

SequenceNumber Memtable::largest_sequence() const {
  return rep_->largest_sequence.load(std::memory_order_relaxed);
}

}  // namespace lissom
