#include "table/table_iterator.h"

#include <utility>

#include "util/check.h"

namespace lissom {

TableIterator::TableIterator(const TableIndex& index,
                             const TableReadOptions& options)
    : index_(index), options_(options), cursor_(index.fetcher->order()) {
  readahead_.window = options.readahead_bytes;
  readahead_.automatic = options.auto_readahead && options.readahead_bytes == 0;
}

void TableIterator::Reset() {
  cursor_.Detach();
  status_ = absl::OkStatus();
}

bool TableIterator::Fail(absl::Status status) {
  cursor_.Detach();
  block_.reset();
  partition_.reset();
  status_ = std::move(status);
  return false;
}

bool TableIterator::LoadPartition(uint32_t p) {
  if (partition_ && partition_index_ == p) return true;
  cursor_.Detach();
  block_.reset();
  absl::Status status = index_.Partition(p, options_, &partition_);
  if (!status.ok()) return Fail(std::move(status));
  partition_index_ = p;
  return true;
}

bool TableIterator::LoadBlock(uint32_t b) {
  if (!block_ || block_index_ != b) {
    cursor_.Detach();
    absl::Status status =
        index_.fetcher->Fetch(*partition_, b, options_, &readahead_, &block_);
    if (!status.ok()) return Fail(std::move(status));
    block_index_ = b;
  }
  cursor_.Attach(block_.get());
  return true;
}

bool TableIterator::FindBlock(const InternalKeyView& target) {
  const KeyOrder& order = index_.fetcher->order();
  const uint32_t p = index_.top->Find(target, order);
  if (p == index_.top->count()) return false;
  if (!LoadPartition(p)) return false;
  const uint32_t b = partition_->Find(target, order);
  if (b == partition_->count()) {
    return Fail(index_.fetcher->Error(
        index_.top->handle(p).offset,
        {.what = "partition ends before the top index says"}));
  }
  return LoadBlock(b);
}

bool TableIterator::NextBlock() {
  if (block_index_ + 1 < partition_->count())
    return LoadBlock(block_index_ + 1);
  cursor_.Detach();
  const uint32_t next = partition_index_ + 1;
  return next < index_.top->count() && LoadPartition(next) && LoadBlock(0);
}

bool TableIterator::PrevBlock() {
  if (block_index_ > 0) return LoadBlock(block_index_ - 1);
  cursor_.Detach();
  if (partition_index_ == 0) return false;
  return LoadPartition(partition_index_ - 1) &&
         LoadBlock(partition_->count() - 1);
}

void TableIterator::SeekToFirst() {
  Reset();
  if (LoadPartition(0) && LoadBlock(0)) cursor_.SeekToFirst();
}

void TableIterator::SeekToLast() {
  Reset();
  if (LoadPartition(index_.top->count() - 1) &&
      LoadBlock(partition_->count() - 1)) {
    cursor_.SeekToLast();
  }
}

void TableIterator::Seek(const InternalKeyView& target) {
  Reset();
  if (!FindBlock(target)) return;
  cursor_.Seek(target);
  // The target may lie between the block's last key and its separator.
  if (!cursor_.Valid() && NextBlock()) cursor_.SeekToFirst();
}

void TableIterator::SeekForPrev(const InternalKeyView& target) {
  Reset();
  if (!FindBlock(target)) {
    if (status_.ok()) SeekToLast();  // Behind the last entry.
    return;
  }
  cursor_.Seek(target);
  if (!cursor_.Valid()) {
    cursor_.SeekToLast();
  } else if (cursor_.key() != target) {
    Prev();
  }
}

void TableIterator::Next() {
  LISSOM_DCHECK(Valid());
  cursor_.Next();
  if (!cursor_.Valid() && NextBlock()) cursor_.SeekToFirst();
}

void TableIterator::Prev() {
  LISSOM_DCHECK(Valid());
  cursor_.Prev();
  if (!cursor_.Valid() && PrevBlock()) cursor_.SeekToLast();
}

}  // namespace lissom
