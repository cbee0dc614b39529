// EntryTree keeps the entries of a memtable sorted: a B+-tree in an arena, with
// one writer and readers that never lock, wait or retry for long.
//
// Idea: a read costs its cache misses, so a node is a few neighbouring lines
//   that are fetched together: 32 slots of an 8-byte head and a 4-byte
//   reference (a leaf's to entries, an inner node's to children).
//
//     line 0     version, fences, prefix size, level, next, previous
//     line 1     order A (32 bytes), order B (32 bytes)
//     line 2-5   heads[32]
//     line 6-7   refs[32]
//
//   Slots are filled front to back; sorted is only the *order*, a list of slot
//   numbers. The writer fills a free slot, writes the new order over the one
//   not in use, and publishes it by `version`. A reader copies the order and
//   looks at the version again, and copies again if an insert into this very
//   node passed meanwhile. A writer that stops half-way delays nobody. The
//   slots of a leaf that a copy lists never change, so it may be kept.
//
//   A full node is not changed: two new ones take its place (one, if the
//   insert is at the right or left end of the tree). The old one stays for
//   whoever stands on it, links included. It lacks only what was added
//   after it was replaced, which is after such a reader got there.
//   In the parent the right one gets a slot, then the left one takes the old
//   one's place in its slot. An order from before with the left one from after
//   would miss the right: so a reader that took a child from an inner node
//   looks at that node's version once more.
//
// Heads: a head is taken behind the node's prefix, which both its fences (the
//   smallest entry it may hold; the smallest of its right neighbour) and so
//   all between them share, and which is fixed for the life of the node.
//   Equal heads decide nothing: then internal keys are compared in full.
//
// Invariants: the lower fence of a node is its first entry (leaf) or the
//   first entry of its first child; absent on the left edge. The slot of a
//   child stands for the child's lower fence. Entries of a leaf are at or
//   after its lower fence and before its upper one; replacing nodes only
//   refines these ranges, so leaves visited by next or previous, replaced
//   ones too, come in strict order.
// Threads: Insert by one thread; all else thread-safe. What is found includes
//   every entry whose Insert happened before the search began (for a cursor:
//   before it entered its leaf).
// Owns: nothing; the arena holds nodes and entries.
#ifndef LISSOM_DB_MEMTABLE_ENTRY_TREE_H_
#define LISSOM_DB_MEMTABLE_ENTRY_TREE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "db/memtable/entry.h"
#include "table/internal_key.h"
#include "util/arena.h"

namespace lissom {

class EntryTree {
  struct Node;

  // A copy of a node's order: slot numbers, sorted.
  struct Slots {
    alignas(8) std::array<uint8_t, 32> at;
    uint32_t count = 0;
    uint64_t version = 0;  // Of the node when the copy was taken.
  };

 public:
  // `arena` outlives the tree. Throws std::bad_alloc.
  EntryTree(const KeyOrder& order, Arena& arena);
  EntryTree(const EntryTree&) = delete;
  EntryTree& operator=(const EntryTree&) = delete;

  // Adds an entry that lies in the arena. Requires: no equal internal key is
  // in the tree. Throws std::bad_alloc and leaves the tree as it was.
  void Insert(Arena::Ref entry);

  // The first entry that is not before `target`, if it is of the same user
  // key; else nullptr. Cost: O(log n), also if all keys share heads.
  const StoredEntry* FindVersion(const InternalKeyView& target) const;

  // A position in the tree. Cheap to make and to copy.
  class Cursor {
   public:
    explicit Cursor(const EntryTree& tree) : tree_(&tree) {}
    const StoredEntry* entry() const { return entry_; }  // nullptr: nowhere.
    void SeekToFirst();
    void SeekToLast();
    void Seek(const InternalKeyView& target);
    void SeekForPrev(const InternalKeyView& target);
    void Next();  // Requires: entry() != nullptr.
    void Prev();  // Requires: entry() != nullptr.

   private:
    static constexpr uint32_t kFetchAhead = 6;

    void Enter(const Node* leaf);
    void Show(uint32_t index);
    void Fetch(uint32_t index) const;
    void EnterNext();
    void EnterPrev();

    const EntryTree* tree_;
    const StoredEntry* entry_ = nullptr;
    const Node* leaf_ = nullptr;
    uint32_t index_ = 0;  // Of entry_ in slots_.
    Slots slots_;         // The leaf's order when the cursor came there.
  };

  // Walks everything; for tests. Requires: no concurrent Insert.
  bool CheckInvariants() const;

 private:
  struct Item;   // What a slot holds.
  struct Step;   // A node on the way to a leaf.
  struct Split;  // The two nodes that take a full one's place.

  static constexpr uint32_t kSlots = 32;
  static constexpr uint32_t kMaxLevels = 16;

  Node* NodeAt(Arena::Ref ref) const;
  const StoredEntry* EntryAt(Arena::Ref ref) const;
  // The entry that a slot's head is taken from.
  Arena::Ref FenceOf(const Node& node, Arena::Ref ref) const;
  uint64_t HeadOf(Arena::Ref entry, uint32_t prefix_size) const;

  template <bool kAfterEqual>
  uint32_t Search(const Node& node, const Slots& slots, uint32_t from,
                  const InternalKeyView& target) const;
  const Node* FindLeaf(const InternalKeyView& target) const;
  const Node* EdgeLeaf(bool last) const;
  const Node* ChildAt(const Node& node, const Slots& slots,
                      uint32_t index) const;

  bool Append(Arena::Ref entry);
  uint32_t FindPath(const InternalKeyView& key, Step* path) const;
  Split SplitNode(const Step& step, const Item& added, Arena::Ref replaced);
  void LinkLeaves(Arena::Ref old, const Split& split);
  void AddRoot(Arena::Ref left, Arena::Ref right);
  uint32_t ChoosePrefix(const Node& node, Arena::Ref lower, Arena::Ref upper,
                        std::span<const Item> items) const;
  Arena::Ref MakeNode(const Node& old, Arena::Ref lower, Arena::Ref upper,
                      uint32_t prefix_size, std::span<const Item> items);
  bool CheckNode(const Node& node, Arena::Ref lower, Arena::Ref upper,
                 uint32_t level) const;

  const KeyOrder order_;
  // Do all keys between two keys share the prefix that those two share?
  const bool shares_prefixes_;
  Arena& arena_;
  std::atomic<Arena::Ref> root_;  // Release in Insert, acquire in searches.
  // Of the writer: the leaf at the right end, if the last entry went to its
  // end. Null: entries do not come sorted.
  Node* tail_ = nullptr;
};

}  // namespace lissom

#endif  // LISSOM_DB_MEMTABLE_ENTRY_TREE_H_
