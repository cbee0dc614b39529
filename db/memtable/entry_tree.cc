#include "db/memtable/entry_tree.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "lissom/comparator.h"
#include "util/check.h"

namespace lissom {

struct alignas(64) EntryTree::Node {
  // Inserts << 8 | slots in the order; bit 8 says which order. Release when an
  // order is complete, acquire in ReadSlots.
  std::atomic<uint64_t> version;
  Arena::Ref lower;  // The lower fence, an entry; kNull on the left edge.
  // The upper fence: of a leaf, the entry behind its last. Falls from kNull to
  // an entry once, if the tree grows at its right end. Release and acquire.
  std::atomic<Arena::Ref> upper;
  uint32_t prefix_size;
  uint32_t level;  // 0: a leaf.
  // Neighbours of a leaf. Release when a neighbour is replaced, acquire.
  std::atomic<Arena::Ref> next;
  std::atomic<Arena::Ref> previous;

  alignas(64) std::atomic<uint64_t> order[2][4];

  // Written once before the order lists the slot, but a child that splits is
  // replaced in its slot: release, acquire.
  uint64_t heads[kSlots];
  std::atomic<Arena::Ref> refs[kSlots];

  // A copy of the order. The loads of the words acquire, so if one saw a word
  // of a later order, the second look at the version sees that too.
  Slots ReadSlots() const {
    Slots slots;
    uint64_t words[4];
    uint64_t seen = version.load(std::memory_order_acquire);
    for (;;) {
      const auto& from = order[seen >> 8 & 1];
      for (int i = 0; i < 4; ++i) {
        words[i] = from[i].load(std::memory_order_acquire);
      }
      const uint64_t again = version.load(std::memory_order_acquire);
      if (again == seen) break;
      seen = again;
    }
    std::memcpy(slots.at.data(), words, sizeof words);
    slots.count = seen & 0xff;
    slots.version = seen;
    return slots;
  }

  // Publishes the slots as the order that readers take from now on.
  void WriteSlots(const Slots& slots) {
    const uint64_t now = version.load(std::memory_order_relaxed);
    uint64_t words[4];
    std::memcpy(words, slots.at.data(), sizeof words);
    auto& to = order[(now >> 8 & 1) ^ 1];
    for (int i = 0; i < 4; ++i) {
      to[i].store(words[i], std::memory_order_release);
    }
    version.store(((now >> 8) + 1) << 8 | slots.count,
                  std::memory_order_release);
  }

  // Adds a slot before the one at `index`.
  void AddSlot(Slots slots, uint32_t index, uint64_t head, Arena::Ref ref) {
    const uint32_t slot = slots.count;
    heads[slot] = head;
    refs[slot].store(ref, std::memory_order_release);
    std::memmove(&slots.at[index] + 1, &slots.at[index], slots.count - index);
    slots.at[index] = static_cast<uint8_t>(slot);
    ++slots.count;
    WriteSlots(slots);
  }

  Arena::Ref RefOf(uint32_t slot) const {
    return refs[slot].load(std::memory_order_acquire);
  }
  Arena::Ref Upper() const { return upper.load(std::memory_order_acquire); }

  void Prefetch() const {
    const char* line = reinterpret_cast<const char*>(this);
    for (size_t i = 0; i < sizeof(Node); i += 64) __builtin_prefetch(line + i);
  }
};

struct EntryTree::Item {
  uint64_t head;
  Arena::Ref ref;    // An entry or a child.
  Arena::Ref fence;  // The entry itself, or the child's lower fence.
};

struct EntryTree::Step {
  Node* node;
  Slots slots;
  Arena::Ref ref;  // Of node.
  uint32_t index;  // Leaf: where to insert. Inner node: of the child taken.
};

struct EntryTree::Split {
  Arena::Ref left;  // kNull: the old node stays as the left one.
  Arena::Ref right;
};

namespace {

uint32_t SharedPrefix(std::string_view a, std::string_view b) {
  const size_t size = std::min(a.size(), b.size());
  size_t i = 0;
  while (i < size && a[i] == b[i]) ++i;
  return static_cast<uint32_t>(i);
}

// Only in these orders do all keys between two keys share their prefix. A
// custom order's heads hold for prefixes that are shared, but say not that.
bool SharesPrefixes(const KeyOrder& order) {
  return &order.comparator() == BytewiseComparator().get() ||
         &order.comparator() == ReverseBytewiseComparator().get();
}

}  // namespace

EntryTree::EntryTree(const KeyOrder& order, Arena& arena)
    : order_(order), shares_prefixes_(SharesPrefixes(order)), arena_(arena) {
  static_assert(sizeof(Node) == 512);
  const Arena::Ref root = arena_.Allocate(sizeof(Node), alignof(Node));
  new (arena_.Resolve(root)) Node();
  root_.store(root, std::memory_order_release);
}

inline EntryTree::Node* EntryTree::NodeAt(Arena::Ref ref) const {
  return reinterpret_cast<Node*>(arena_.Resolve(ref));
}

inline const StoredEntry* EntryTree::EntryAt(Arena::Ref ref) const {
  return reinterpret_cast<const StoredEntry*>(arena_.Resolve(ref));
}

inline Arena::Ref EntryTree::FenceOf(const Node& node, Arena::Ref ref) const {
  return node.level == 0 ? ref : NodeAt(ref)->lower;
}

uint64_t EntryTree::HeadOf(Arena::Ref entry, uint32_t prefix_size) const {
  if (entry == Arena::kNull || !order_.has_heads()) return 0;
  std::string_view key = EntryAt(entry)->user_key();
  LISSOM_DCHECK(key.size() >= prefix_size);
  key.remove_prefix(prefix_size);
  return order_.Head(key);
}

// Returns the first index from `from` on whose key is not before `target`, or
// is after it if kAfterEqual; the count if there is none. Requires: `target`
// is between the fences, so it has the node's prefix.
template <bool kAfterEqual>
inline uint32_t EntryTree::Search(const Node& node, const Slots& slots,
                                  uint32_t from,
                                  const InternalKeyView& target) const {
  uint32_t low = from;
  uint32_t high = slots.count;
  if (low >= high) return low;
  if (order_.has_heads()) {
    LISSOM_DCHECK(target.user_key.size() >= node.prefix_size);
    std::string_view suffix = target.user_key;
    suffix.remove_prefix(node.prefix_size);
    const uint64_t head = order_.Head(suffix);
    // Without branches: they would be mispredicted half of the time.
    for (uint32_t left = high - low; left > 0;) {
      const uint32_t half = (left + 1) / 2;
      low += node.heads[slots.at[low + half - 1]] < head ? half : 0;
      left -= half;
    }
    if (low == high || node.heads[slots.at[low]] != head) return low;
    const uint32_t equal = low;
    for (high = equal + 1;
         high < slots.count && node.heads[slots.at[high]] == head;) {
      ++high;
    }
  }
  // At the right edge, where keys often come sorted and share their heads, the
  // last slot is looked at first.
  uint32_t middle = node.Upper() == Arena::kNull ? high - 1 : (low + high) / 2;
  for (; low < high; middle = (low + high) / 2) {
    const Arena::Ref ref = node.RefOf(slots.at[middle]);
    const int order =
        order_.Compare(EntryAt(FenceOf(node, ref))->key(), target);
    if (kAfterEqual ? order <= 0 : order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// Returns the child that the order `slots` puts at `index`; nullptr if the
// order changed meanwhile. The child may be the left half of the one that the
// order means; the order that lists the right half was published before it
// (release; acquire in RefOf), so then the version is seen to differ.
inline const EntryTree::Node* EntryTree::ChildAt(const Node& node,
                                                 const Slots& slots,
                                                 uint32_t index) const {
  const Arena::Ref ref = node.RefOf(slots.at[index]);
  const uint64_t now = node.version.load(std::memory_order_acquire);
  return now == slots.version ? NodeAt(ref) : nullptr;
}

const EntryTree::Node* EntryTree::FindLeaf(
    const InternalKeyView& target) const {
  const Node* node = NodeAt(root_.load(std::memory_order_acquire));
  while (node->level > 0) {
    const Slots slots = node->ReadSlots();
    // The first child holds all that is before the second's fence.
    const uint32_t index = Search<true>(*node, slots, 1, target) - 1;
    const Node* child = ChildAt(*node, slots, index);
    if (child == nullptr) continue;  // The writer went on: look again.
    node = child;
    node->Prefetch();
  }
  return node;
}

const EntryTree::Node* EntryTree::EdgeLeaf(bool last) const {
  const Node* node = NodeAt(root_.load(std::memory_order_acquire));
  while (node->level > 0) {
    const Slots slots = node->ReadSlots();
    const Node* child = ChildAt(*node, slots, last ? slots.count - 1 : 0);
    if (child != nullptr) node = child;
  }
  return node;
}

const StoredEntry* EntryTree::FindVersion(const InternalKeyView& target) const {
  const Node* leaf = FindLeaf(target);
  const Slots slots = leaf->ReadSlots();
  const uint32_t index = Search<false>(*leaf, slots, 0, target);
  Arena::Ref ref;
  if (index < slots.count) {
    ref = leaf->RefOf(slots.at[index]);
  } else {
    // What follows is the upper fence itself: the next leaf is not needed.
    ref = leaf->Upper();
    if (ref == Arena::kNull) return nullptr;
  }
  const StoredEntry* entry = EntryAt(ref);
  return entry->user_key() == target.user_key ? entry : nullptr;
}

// ---- Insert

uint32_t EntryTree::FindPath(const InternalKeyView& key, Step* path) const {
  const Arena::Ref root = root_.load(std::memory_order_relaxed);
  Arena::Ref ref = root;
  const uint32_t top = NodeAt(root)->level;
  LISSOM_DCHECK(top < kMaxLevels);
  for (uint32_t level = top;; --level) {
    Step& step = path[level];
    step.ref = ref;
    step.node = NodeAt(ref);
    step.slots = step.node->ReadSlots();
    if (level == 0) {
      step.index = Search<false>(*step.node, step.slots, 0, key);
      return top;
    }
    step.index = Search<true>(*step.node, step.slots, 1, key) - 1;
    ref = step.node->RefOf(step.slots.at[step.index]);
    NodeAt(ref)->Prefetch();
  }
}

// Adds an entry behind all others without a search, where sorted entries went
// before. False: it does not belong there, or there is no slot.
bool EntryTree::Append(Arena::Ref entry) {
  const Slots slots = tail_->ReadSlots();
  if (slots.count == kSlots) return false;
  const Arena::Ref last = tail_->RefOf(slots.at[slots.count - 1]);
  if (order_.Compare(EntryAt(last)->key(), EntryAt(entry)->key()) >= 0) {
    return false;
  }
  tail_->AddSlot(slots, slots.count, HeadOf(entry, tail_->prefix_size), entry);
  return true;
}

void EntryTree::Insert(Arena::Ref entry) {
  if (tail_ != nullptr && Append(entry)) return;
  Step path[kMaxLevels];
  const uint32_t top = FindPath(EntryAt(entry)->key(), path);
  uint32_t full = 0;
  while (full <= top && path[full].slots.count == kSlots) ++full;
  if (full > 0) {  // From here on nothing throws.
    arena_.Reserve((2 * full + 1) * sizeof(Node) + alignof(Node));
  }
  const bool at_end = path[0].index == path[0].slots.count &&
                      path[0].node->Upper() == Arena::kNull;
  tail_ = at_end ? path[0].node : nullptr;

  Item added = {.head = 0, .ref = entry, .fence = entry};
  Arena::Ref replaced = Arena::kNull;  // Takes the place of the child taken.
  for (uint32_t level = 0;; ++level) {
    const Step& step = path[level];
    added.head = HeadOf(added.fence, step.node->prefix_size);
    if (level == full) {
      // The right half first: until the left one takes the old node's place,
      // that one, which is complete, serves the keys of the left.
      step.node->AddSlot(step.slots, step.index + (level > 0 ? 1 : 0),
                         added.head, added.ref);
      if (replaced != Arena::kNull) {
        step.node->refs[step.slots.at[step.index]].store(
            replaced, std::memory_order_release);
      }
      return;
    }
    const Split split = SplitNode(step, added, replaced);
    if (level == 0) {
      LinkLeaves(step.ref, split);
      if (at_end) tail_ = NodeAt(split.right);
    }
    if (level == top) {
      AddRoot(split.left != Arena::kNull ? split.left : step.ref, split.right);
      return;
    }
    replaced = split.left;
    added.ref = split.right;
    added.fence = NodeAt(split.right)->lower;
  }
}

// Makes the nodes that hold what the full node of `step` held, and `added`.
EntryTree::Split EntryTree::SplitNode(const Step& step, const Item& added,
                                      Arena::Ref replaced) {
  Node& node = *step.node;
  const Arena::Ref upper = node.Upper();
  const uint32_t at = step.index + (node.level > 0 ? 1 : 0);
  std::array<Item, kSlots + 1> items;
  for (uint32_t i = 0; i < kSlots; ++i) {
    const uint32_t slot = step.slots.at[i];
    const Arena::Ref ref = node.RefOf(slot);
    items[i < at ? i : i + 1] = {node.heads[slot], ref, Arena::kNull};
  }
  items[at] = added;
  if (replaced != Arena::kNull) items[step.index].ref = replaced;
  for (Item& item : items) item.fence = FenceOf(node, item.ref);

  // Where the tree grows at an end, nodes stay full behind it.
  uint32_t left_count = kSlots / 2;
  if (at == kSlots && upper == Arena::kNull) left_count = kSlots;
  if (step.index == 0 && node.lower == Arena::kNull) left_count = 1;
  const std::span all(items);
  const auto left = all.first(left_count);
  const auto right = all.subspan(left_count);
  const Arena::Ref fence = right.front().fence;

  Split split = {Arena::kNull, Arena::kNull};
  split.right = MakeNode(node, fence, upper,
                         ChoosePrefix(node, fence, upper, right), right);
  const uint32_t left_prefix = ChoosePrefix(node, node.lower, fence, left);
  // Not if a child was replaced: its right half is not yet to be found.
  if (left_count == kSlots && left_prefix == node.prefix_size &&
      replaced == Arena::kNull) {
    node.upper.store(fence, std::memory_order_release);
  } else {
    split.left = MakeNode(node, node.lower, fence, left_prefix, left);
  }
  return split;
}

// The prefix for a node made from `node`. A longer one than it has costs a
// look at every key, so it is taken only if its heads leave some equal.
uint32_t EntryTree::ChoosePrefix(const Node& node, Arena::Ref lower,
                                 Arena::Ref upper,
                                 std::span<const Item> items) const {
  if (!shares_prefixes_ || lower == Arena::kNull || upper == Arena::kNull) {
    return node.prefix_size;
  }
  // An inner node never looks at its first head.
  for (size_t i = node.level > 0 ? 2 : 1; i < items.size(); ++i) {
    if (items[i - 1].head == items[i].head) {
      return SharedPrefix(EntryAt(lower)->user_key(),
                          EntryAt(upper)->user_key());
    }
  }
  return node.prefix_size;
}

Arena::Ref EntryTree::MakeNode(const Node& old, Arena::Ref lower,
                               Arena::Ref upper, uint32_t prefix_size,
                               std::span<const Item> items) {
  const Arena::Ref ref = arena_.Allocate(sizeof(Node), alignof(Node));
  Node* node = new (arena_.Resolve(ref)) Node();
  node->lower = lower;
  node->upper.store(upper, std::memory_order_relaxed);
  node->prefix_size = prefix_size;
  node->level = old.level;
  Slots slots;
  slots.count = static_cast<uint32_t>(items.size());
  for (uint32_t i = 0; i < kSlots; ++i) slots.at[i] = static_cast<uint8_t>(i);
  for (uint32_t i = 0; i < slots.count; ++i) {
    node->heads[i] = prefix_size == old.prefix_size
                         ? items[i].head
                         : HeadOf(items[i].fence, prefix_size);
    node->refs[i].store(items[i].ref, std::memory_order_relaxed);
  }
  node->WriteSlots(slots);
  return ref;
}

// Puts the new leaves between the neighbours of the old one, which keeps its
// own links: a cursor that stands on it finds its way.
void EntryTree::LinkLeaves(Arena::Ref old, const Split& split) {
  Node& node = *NodeAt(old);
  const Arena::Ref next = node.next.load(std::memory_order_relaxed);
  const Arena::Ref previous = node.previous.load(std::memory_order_relaxed);
  const bool kept = split.left == Arena::kNull;
  const Arena::Ref left = kept ? old : split.left;
  Node& right = *NodeAt(split.right);
  right.previous.store(left, std::memory_order_relaxed);
  right.next.store(next, std::memory_order_relaxed);
  if (!kept) NodeAt(left)->previous.store(previous, std::memory_order_relaxed);
  NodeAt(left)->next.store(split.right, std::memory_order_release);
  if (!kept && previous != Arena::kNull) {
    NodeAt(previous)->next.store(left, std::memory_order_release);
  }
  if (next != Arena::kNull) {
    NodeAt(next)->previous.store(split.right, std::memory_order_release);
  }
}

void EntryTree::AddRoot(Arena::Ref left, Arena::Ref right) {
  const Arena::Ref ref = arena_.Allocate(sizeof(Node), alignof(Node));
  Node* root = new (arena_.Resolve(ref)) Node();
  root->level = NodeAt(left)->level + 1;
  Slots slots;
  slots.at = {};
  root->AddSlot(slots, 0, 0, left);
  slots = root->ReadSlots();
  root->AddSlot(slots, 1, HeadOf(NodeAt(right)->lower, 0), right);
  root_.store(ref, std::memory_order_release);
}

// ---- Cursor

inline void EntryTree::Cursor::Enter(const Node* leaf) {
  leaf_ = leaf;
  slots_ = leaf->ReadSlots();
}

inline void EntryTree::Cursor::Show(uint32_t index) {
  index_ = index;
  entry_ = tree_->EntryAt(leaf_->RefOf(slots_.at[index]));
}

// Entries lie anywhere: the processor cannot guess where the next ones are.
inline void EntryTree::Cursor::Fetch(uint32_t index) const {
  if (index >= slots_.count) return;
  const char* entry = reinterpret_cast<const char*>(
      tree_->EntryAt(leaf_->RefOf(slots_.at[index])));
  __builtin_prefetch(entry);
  __builtin_prefetch(entry + 64);
}

void EntryTree::Cursor::EnterNext() {
  const Arena::Ref ref = leaf_->next.load(std::memory_order_acquire);
  if (ref == Arena::kNull) {
    entry_ = nullptr;
    return;
  }
  Enter(tree_->NodeAt(ref));
  for (uint32_t i = 0; i < kFetchAhead; ++i) Fetch(i);
  const Arena::Ref next = leaf_->next.load(std::memory_order_acquire);
  if (next != Arena::kNull) tree_->NodeAt(next)->Prefetch();
  Show(0);
}

void EntryTree::Cursor::EnterPrev() {
  const Arena::Ref ref = leaf_->previous.load(std::memory_order_acquire);
  if (ref == Arena::kNull) {
    entry_ = nullptr;
    return;
  }
  Enter(tree_->NodeAt(ref));
  for (uint32_t i = 1; i <= kFetchAhead; ++i) Fetch(slots_.count - i);
  const Arena::Ref previous = leaf_->previous.load(std::memory_order_acquire);
  if (previous != Arena::kNull) tree_->NodeAt(previous)->Prefetch();
  Show(slots_.count - 1);
}

void EntryTree::Cursor::SeekToFirst() {
  Enter(tree_->EdgeLeaf(/*last=*/false));
  entry_ = nullptr;
  if (slots_.count > 0) Show(0);
}

void EntryTree::Cursor::SeekToLast() {
  Enter(tree_->EdgeLeaf(/*last=*/true));
  entry_ = nullptr;
  if (slots_.count > 0) Show(slots_.count - 1);
}

void EntryTree::Cursor::Seek(const InternalKeyView& target) {
  Enter(tree_->FindLeaf(target));
  const uint32_t index = tree_->Search<false>(*leaf_, slots_, 0, target);
  if (index < slots_.count) {
    Show(index);
  } else {
    EnterNext();
  }
}

void EntryTree::Cursor::SeekForPrev(const InternalKeyView& target) {
  Enter(tree_->FindLeaf(target));
  const uint32_t index = tree_->Search<true>(*leaf_, slots_, 0, target);
  if (index > 0) {
    Show(index - 1);
  } else {
    EnterPrev();
  }
}

void EntryTree::Cursor::Next() {
  LISSOM_DCHECK(entry_ != nullptr);
  if (index_ + 1 < slots_.count) {
    Fetch(index_ + 1 + kFetchAhead);
    Show(index_ + 1);
  } else {
    EnterNext();
  }
}

void EntryTree::Cursor::Prev() {
  LISSOM_DCHECK(entry_ != nullptr);
  if (index_ > 0) {
    Fetch(index_ - 1 - kFetchAhead);  // Wraps to beyond the count.
    Show(index_ - 1);
  } else {
    EnterPrev();
  }
}

// ---- Checks

bool EntryTree::CheckInvariants() const {
  const Node& root = *NodeAt(root_.load(std::memory_order_acquire));
  if (!CheckNode(root, Arena::kNull, Arena::kNull, root.level)) return false;
  // The leaves' links agree with each other.
  const Node* leaf = EdgeLeaf(/*last=*/false);
  while (leaf->next.load() != Arena::kNull) {
    const Node* next = NodeAt(leaf->next.load());
    if (NodeAt(next->previous.load()) != leaf) return false;
    if (next->lower != leaf->Upper()) return false;
    leaf = next;
  }
  return leaf == EdgeLeaf(/*last=*/true);
}

bool EntryTree::CheckNode(const Node& node, Arena::Ref lower, Arena::Ref upper,
                          uint32_t level) const {
  if (node.level != level || node.lower != lower || node.Upper() != upper) {
    return false;
  }
  const Slots slots = node.ReadSlots();
  Arena::Ref previous = Arena::kNull;
  for (uint32_t i = 0; i < slots.count; ++i) {
    const Arena::Ref ref = node.RefOf(slots.at[i]);
    const Arena::Ref fence = FenceOf(node, ref);
    if (i == 0 && (level > 0 || lower != Arena::kNull) && fence != lower) {
      return false;
    }
    if (i > 0 && previous != Arena::kNull &&
        order_.Compare(EntryAt(previous)->key(), EntryAt(fence)->key()) >= 0) {
      return false;
    }
    if ((level == 0 || i > 0) &&
        node.heads[slots.at[i]] != HeadOf(fence, node.prefix_size)) {
      return false;
    }
    previous = fence;
    if (level == 0) continue;
    const Arena::Ref child_upper =
        i + 1 < slots.count ? FenceOf(node, node.RefOf(slots.at[i + 1]))
                            : upper;
    if (!CheckNode(*NodeAt(ref), fence, child_upper, level - 1)) return false;
  }
  return true;
}

}  // namespace lissom
