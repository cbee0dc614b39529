// VectorIterator: an InternalIterator over entries in a vector, for tests of
// what consumes iterators. Fails, once it stands on or crosses a chosen entry,
// with a chosen error.
#ifndef LISSOM_TESTS_TABLE_VECTOR_ITERATOR_H_
#define LISSOM_TESTS_TABLE_VECTOR_ITERATOR_H_

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "table/internal_iterator.h"

namespace lissom {

struct TestEntry {
  InternalKey key;
  std::string value;
  friend bool operator==(const TestEntry&, const TestEntry&) = default;
};

inline TestEntry Put(std::string key, SequenceNumber sequence,
                     std::string value) {
  return {InternalKey(std::move(key), PackTrailer(sequence, EntryKind::kPut)),
          std::move(value)};
}
inline TestEntry Tombstone(std::string key, SequenceNumber sequence) {
  return {
      InternalKey(std::move(key), PackTrailer(sequence, EntryKind::kDelete)),
      ""};
}

inline void SortEntries(const KeyOrder& order,
                        std::vector<TestEntry>& entries) {
  std::stable_sort(entries.begin(), entries.end(),
                   [&](const TestEntry& a, const TestEntry& b) {
                     return order.Compare(a.key.view(), b.key.view()) < 0;
                   });
}

// Next or Prev, or what says in one call where that led.
enum class StepBy { kMove, kEntry };
inline void Step(InternalIterator& it, bool forward, StepBy by) {
  if (by == StepBy::kMove) {
    forward ? it.Next() : it.Prev();
    return;
  }
  InternalEntry entry;
  const bool here = forward ? it.NextEntry(&entry) : it.PrevEntry(&entry);
  ASSERT_EQ(here, it.Valid());
  if (!here) return;
  EXPECT_EQ(entry.key, it.key());
  EXPECT_EQ(entry.value, it.value());
  InternalEntry again;
  EXPECT_TRUE(it.Current(&again));
  EXPECT_EQ(again.key, it.key());
}

class VectorIterator final : public InternalIterator {
 public:
  // Sorts the entries.
  VectorIterator(KeyOrder order, std::vector<TestEntry> entries)
      : order_(std::move(order)), entries_(std::move(entries)) {
    SortEntries(order_, entries_);
    at_ = entries_.size();
  }

  // From now on moving to the entry `index` (its size: off either end) fails.
  void FailAt(size_t index, absl::Status error) {
    fail_at_ = index;
    error_ = std::move(error);
  }
  void StopFailing() { fail_at_.reset(); }

  void SeekToFirst() override { MoveTo(0); }
  void SeekToLast() override { MoveTo(entries_.size() - 1); }
  void Seek(const InternalKeyView& target) override {
    MoveTo(Count([&](const TestEntry& e) {
      return order_.Compare(e.key.view(), target) < 0;
    }));
  }
  void SeekForPrev(const InternalKeyView& target) override {
    MoveTo(Count([&](const TestEntry& e) {
             return order_.Compare(e.key.view(), target) <= 0;
           }) -
           1);
  }
  void Next() override { MoveTo(at_ + 1); }
  void Prev() override { MoveTo(at_ - 1); }

  bool Valid() const override { return status_.ok() && at_ < entries_.size(); }
  InternalKeyView key() const override { return entries_[at_].key.view(); }
  std::string_view value() const override { return entries_[at_].value; }
  absl::Status status() const override { return status_; }

 private:
  template <typename Predicate>
  size_t Count(Predicate is_before) const {
    return static_cast<size_t>(
        std::partition_point(entries_.begin(), entries_.end(), is_before) -
        entries_.begin());
  }

  void MoveTo(size_t index) {
    at_ = std::min(index, entries_.size());  // -1 is beyond the end as well.
    status_ = fail_at_ == at_ ? error_ : absl::OkStatus();
  }

  const KeyOrder order_;
  std::vector<TestEntry> entries_;
  size_t at_ = 0;
  std::optional<size_t> fail_at_;
  absl::Status error_;
  absl::Status status_;
};

}  // namespace lissom

#endif  // LISSOM_TESTS_TABLE_VECTOR_ITERATOR_H_
