#include "db/version/level_iterator.h"

#include <algorithm>
#include <utility>

namespace lissom {
namespace {

class LevelIterator final : public InternalIterator {
 public:
  LevelIterator(KeyOrder order, Version::Tables tables,
                const TableReadOptions& options)
      : order_(std::move(order)), tables_(tables), options_(options) {}

  void SeekToFirst() override {
    if (OpenTable(0)) iterator_->SeekToFirst();
    SkipForward();
  }

  void SeekToLast() override {
    if (!tables_.empty() && OpenTable(tables_.size() - 1))
      iterator_->SeekToLast();
    SkipBackward();
  }

  void Seek(const InternalKeyView& target) override {
    // The first table that does not end before the target.
    const auto it = std::partition_point(
        tables_.begin(), tables_.end(), [&](const auto& table) {
          return order_.Compare(table->meta().largest.view(), target) < 0;
        });
    if (OpenTable(static_cast<size_t>(it - tables_.begin())))
      iterator_->Seek(target);
    SkipForward();
  }

  void SeekForPrev(const InternalKeyView& target) override {
    // The last table that does not begin after the target.
    const auto it = std::partition_point(
        tables_.begin(), tables_.end(), [&](const auto& table) {
          return order_.Compare(table->meta().smallest.view(), target) <= 0;
        });
    if (it == tables_.begin()) {
      Close();
      return;
    }
    if (OpenTable(static_cast<size_t>(it - tables_.begin()) - 1)) {
      iterator_->SeekForPrev(target);
    }
    SkipBackward();
  }

  void Next() override {
    iterator_->Next();
    SkipForward();
  }

  void Prev() override {
    iterator_->Prev();
    SkipBackward();
  }

  bool Current(InternalEntry* entry) const override {
    return iterator_ != nullptr && iterator_->Current(entry);
  }
  bool NextEntry(InternalEntry* entry) override {
    if (iterator_->NextEntry(entry)) return true;
    SkipForward();
    return Current(entry);
  }
  bool PrevEntry(InternalEntry* entry) override {
    if (iterator_->PrevEntry(entry)) return true;
    SkipBackward();
    return Current(entry);
  }

  bool Valid() const override {
    return iterator_ != nullptr && iterator_->Valid();
  }
  InternalKeyView key() const override { return iterator_->key(); }
  std::string_view value() const override { return iterator_->value(); }
  absl::Status status() const override {
    if (!open_error_.ok()) return open_error_;
    return iterator_ == nullptr ? absl::OkStatus() : iterator_->status();
  }

 private:
  void Close() {
    iterator_.reset();
    pin_ = {};
    index_ = tables_.size();
    open_error_ = absl::OkStatus();
  }

  // Positions on table `index`. False, with no iterator, if there is none or it
  // cannot be opened; the latter stays in open_error_.
  bool OpenTable(size_t index) {
    if (index < tables_.size() && index == index_ && iterator_ != nullptr)
      return true;
    Close();
    if (index >= tables_.size()) return false;
    absl::StatusOr<TablePin> table = tables_[index]->Pin(options_);
    if (!table.ok()) {
      open_error_ = std::move(table).status();
      return false;
    }
    index_ = index;
    pin_ = *std::move(table);
    iterator_ = pin_->NewIterator(options_);
    return true;
  }

  // A table's end is the level's end only behind the last table; an error ends
  // the walk where it is.
  void SkipForward() {
    while (iterator_ != nullptr && !iterator_->Valid() &&
           iterator_->status().ok()) {
      if (!OpenTable(index_ + 1)) return;
      iterator_->SeekToFirst();
    }
  }

  void SkipBackward() {
    while (iterator_ != nullptr && !iterator_->Valid() &&
           iterator_->status().ok()) {
      if (index_ == 0) {
        Close();
        return;
      }
      if (!OpenTable(index_ - 1)) return;
      iterator_->SeekToLast();
    }
  }

  const KeyOrder order_;
  const Version::Tables tables_;
  const TableReadOptions options_;
  size_t index_ = 0;
  TablePin pin_;  // Of the table that iterator_ walks.
  std::unique_ptr<InternalIterator> iterator_;
  absl::Status open_error_;
};

}  // namespace

std::unique_ptr<InternalIterator> NewLevelIterator(
    KeyOrder order, Version::Tables tables, const TableReadOptions& options) {
  return std::make_unique<LevelIterator>(std::move(order), tables, options);
}

}  // namespace lissom
