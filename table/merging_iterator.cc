#include "table/merging_iterator.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "util/check.h"

namespace lissom {
namespace {

class MergingIterator final : public InternalIterator {
 public:
  MergingIterator(KeyOrder order,
                  std::vector<std::unique_ptr<InternalIterator>> iterators)
      : order_(std::move(order)) {
    sources_.reserve(iterators.size());
    for (std::unique_ptr<InternalIterator>& iterator : iterators) {
      LISSOM_DCHECK(iterator != nullptr);
      sources_.emplace_back(std::move(iterator));
    }
    heap_.reserve(sources_.size());
  }

  void SeekToFirst() override {
    Position(kForward, [](EntryCursor& it) { it.SeekToFirst(); });
  }
  void SeekToLast() override {
    Position(kBackward, [](EntryCursor& it) { it.SeekToLast(); });
  }
  void Seek(const InternalKeyView& target) override {
    Position(kForward, [&](EntryCursor& it) { it.Seek(target); });
  }
  void SeekForPrev(const InternalKeyView& target) override {
    Position(kBackward, [&](EntryCursor& it) { it.SeekForPrev(target); });
  }

  void Next() override {
    LISSOM_DCHECK(Valid());
    if (direction_ != kForward && !Turn(kForward)) return;
    heap_[0]->cursor.Next();
    Advanced<kForward>();
  }
  void Prev() override {
    LISSOM_DCHECK(Valid());
    if (direction_ != kBackward && !Turn(kBackward)) return;
    heap_[0]->cursor.Prev();
    Advanced<kBackward>();
  }

  bool Valid() const override { return !heap_.empty(); }
  InternalKeyView key() const override { return heap_[0]->key(); }
  std::string_view value() const override { return heap_[0]->cursor.value(); }
  absl::Status status() const override { return status_; }

  bool Current(InternalEntry* entry) const override {
    if (heap_.empty()) return false;
    *entry = heap_[0]->cursor.entry();
    return true;
  }
  bool NextEntry(InternalEntry* entry) override {
    MergingIterator::Next();
    return MergingIterator::Current(entry);
  }
  bool PrevEntry(InternalEntry* entry) override {
    MergingIterator::Prev();
    return MergingIterator::Current(entry);
  }

 private:
  enum Direction { kForward, kBackward };

  static constexpr size_t kMaxPrefixWords = 4;
  static constexpr uint32_t kChangesBetweenPrefixes = 1024;

  struct Source {
    explicit Source(std::unique_ptr<InternalIterator> iterator)
        : cursor(std::move(iterator)) {}
    const InternalKeyView& key() const { return cursor.key(); }

    EntryCursor cursor;
    uint64_t head = 0;  // Of the user key behind the shared prefix.
  };

  // Is `a` shown before `b` when going in this direction?
  template <Direction kDirection>
  bool Before(const Source& a, const Source& b) const {
    bool a_is_smaller;
    if (a.head != b.head) {
      a_is_smaller = a.head < b.head;
    } else {
      const int c = order_.Compare(a.key(), b.key());
      a_is_smaller = c != 0 ? c < 0 : &a < &b;
    }
    return a_is_smaller == (kDirection == kForward);
  }

  // Looks at the key that the source's cursor moved to. False: it moved off its
  // end, or failed (see status_).
  bool Load(Source& source) {
    if (!source.cursor.Valid()) {
      absl::Status status = source.cursor.status();
      if (!status.ok()) Fail(std::move(status));
      return false;
    }
    const size_t shared = SharedWords(source.key().user_key, prefix_words_);
    if (shared < prefix_words_) SetPrefixWords(shared);
    SetHead(source);
    return true;
  }

  void SetHead(Source& source) const {
    std::string_view suffix = source.key().user_key;
    suffix.remove_prefix(prefix_words_ * sizeof(uint64_t));
    source.head = order_.Head(suffix);
  }

  void SetPrefixWords(size_t words) {
    prefix_words_ = words;
    for (Source* source : heap_) SetHead(*source);
  }

  // How many of the first `limit` words of the key are those of prefix_?
  size_t SharedWords(std::string_view key, size_t limit) const {
    limit = std::min(limit, key.size() / sizeof(uint64_t));
    for (size_t i = 0; i < limit; ++i) {
      if (WordAt(key, i) != prefix_[i]) return i;
    }
    return limit;
  }

  static uint64_t WordAt(std::string_view key, size_t index) {
    uint64_t word;
    std::memcpy(&word, key.data() + index * sizeof word, sizeof word);
    return word;
  }

  // Makes what the present keys of all sources share the prefix.
  void ChoosePrefix() {
    if (heap_.empty() || !order_.has_heads()) return;
    const std::string_view first = heap_[0]->key().user_key;
    size_t words = std::min(kMaxPrefixWords, first.size() / sizeof(uint64_t));
    for (size_t i = 0; i < words; ++i) prefix_[i] = WordAt(first, i);
    for (const Source* source : heap_) {
      words = SharedWords(source->key().user_key, words);
    }
    SetPrefixWords(words);
  }

  void Fail(absl::Status status) {
    status_ = std::move(status);
    heap_.clear();
  }

  template <typename Move>
  void Position(Direction direction, Move move) {
    status_ = absl::OkStatus();
    heap_.clear();
    prefix_words_ = 0;
    for (Source& source : sources_) {
      move(source.cursor);
      if (Load(source)) {
        heap_.push_back(&source);
      } else if (!status_.ok()) {
        return;
      }
    }
    BuildHeap(direction);
  }

  // Changes the direction of a valid merge: every other source goes to its
  // neighbour of the present entry on the other side. The leader's own entry
  // stays where it is (and lends its key to the seeks), so the merge is on the
  // same entry as before. False: a source failed.
  bool Turn(Direction direction) {
    Source* const leader = heap_[0];
    heap_.clear();
    heap_.push_back(leader);
    prefix_words_ = 0;  // BuildHeap chooses anew.
    for (Source& source : sources_) {
      if (&source == leader) continue;
      EntryCursor& it = source.cursor;
      direction == kForward ? it.Seek(leader->key())
                            : it.SeekForPrev(leader->key());
      bool here = Load(source);
      // An equal key stands on the other side if its index says so.
      const bool tie_is_behind = (&source < leader) == (direction == kForward);
      if (here && tie_is_behind && source.key() == leader->key()) {
        direction == kForward ? it.Next() : it.Prev();
        here = Load(source);
      }
      if (!status_.ok()) return false;
      if (here) heap_.push_back(&source);
    }
    BuildHeap(direction);
    if (heap_[0] != leader) {
      Fail(absl::DataLossError("the keys of a table are out of order"));
      return false;
    }
    return true;
  }

  void BuildHeap(Direction direction) {
    direction_ = direction;
    ChoosePrefix();
    if (direction == kForward) {
      for (size_t i = heap_.size() / 2; i-- > 0;) SiftDown<kForward>(i);
      FindRunnerUp<kForward>();
    } else {
      for (size_t i = heap_.size() / 2; i-- > 0;) SiftDown<kBackward>(i);
      FindRunnerUp<kBackward>();
    }
  }

  // Restores the heap after the leader's iterator moved.
  template <Direction kDirection>
  void Advanced() {
    Source* const leader = heap_[0];
    if (Load(*leader)) {
      if (runner_up_ == nullptr || Before<kDirection>(*leader, *runner_up_)) {
        return;
      }
    } else {
      if (!status_.ok()) return;
      heap_[0] = heap_.back();
      heap_.pop_back();
    }
    if (++changes_of_leader_ % kChangesBetweenPrefixes == 0) ChoosePrefix();
    SiftDown<kDirection>(0);
    FindRunnerUp<kDirection>();
  }

  template <Direction kDirection>
  void SiftDown(size_t index) {
    const size_t size = heap_.size();
    if (index >= size) return;
    Source* const source = heap_[index];
    for (size_t child; (child = 2 * index + 1) < size; index = child) {
      if (child + 1 < size &&
          Before<kDirection>(*heap_[child + 1], *heap_[child])) {
        ++child;
      }
      if (Before<kDirection>(*source, *heap_[child])) break;
      heap_[index] = heap_[child];
    }
    heap_[index] = source;
  }

  template <Direction kDirection>
  void FindRunnerUp() {
    runner_up_ = heap_.size() < 2 ? nullptr : heap_[1];
    if (heap_.size() > 2 && Before<kDirection>(*heap_[2], *heap_[1])) {
      runner_up_ = heap_[2];
    }
  }

  const KeyOrder order_;
  std::vector<Source> sources_;  // Never resized: the heap points into it.
  // The sources that stand on an entry; the one that is shown is first. Empty
  // after an error.
  std::vector<Source*> heap_;
  Source* runner_up_ = nullptr;  // The first of the heap but for heap_[0].
  Direction direction_ = kForward;
  // All keys in the heap begin with these words, so heads need not look at
  // them: keys of one application often share their first bytes. A key without
  // them shortens the prefix; now and then it is chosen anew.
  std::array<uint64_t, kMaxPrefixWords> prefix_{};
  size_t prefix_words_ = 0;
  uint32_t changes_of_leader_ = 0;
  absl::Status status_;
};

}  // namespace

std::unique_ptr<InternalIterator> NewMergingIterator(
    KeyOrder order, std::vector<std::unique_ptr<InternalIterator>> sources) {
  if (sources.size() == 1) return std::move(sources[0]);
  return std::make_unique<MergingIterator>(std::move(order),
                                           std::move(sources));
}

}  // namespace lissom
