// TableIterator walks the entries of one table: over the top index, the
// partitions and the data blocks.
//
// Invariant: Valid() exactly if the cursor stands on an entry; then block_,
// partition_ and the two positions say which. An error takes the iterator off
// any entry and stays until the next Seek: no block is ever skipped.
// Threads: thread-compatible. The table reader outlives it.
#ifndef LISSOM_TABLE_TABLE_ITERATOR_H_
#define LISSOM_TABLE_TABLE_ITERATOR_H_

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "table/block_fetcher.h"
#include "table/data_block.h"
#include "table/index_block.h"
#include "table/internal_iterator.h"
#include "table/table_reader.h"
#include "util/ref_counted.h"

namespace lissom {

// Where the partitions of an open table come from.
struct TableIndex {
  const BlockFetcher* fetcher = nullptr;
  const IndexBlock* top = nullptr;
  Ref<const IndexBlock> single;  // Not null: the only partition, resident.
  FilterId filter = FilterId::kNone;

  // Requires: i < top->count().
  absl::Status Partition(uint32_t i, const TableReadOptions& options,
                         Ref<const IndexBlock>* partition) const {
    if (single) {
      *partition = single;
      return absl::OkStatus();
    }
    return fetcher->Fetch(*top, i, filter, options, partition);
  }
};

class TableIterator final : public InternalIterator {
 public:
  TableIterator(const TableIndex& index, const TableReadOptions& options);

  void SeekToFirst() override;
  void SeekToLast() override;
  void Seek(const InternalKeyView& target) override;
  void SeekForPrev(const InternalKeyView& target) override;
  void Next() override;
  void Prev() override;

  bool Valid() const override { return cursor_.Valid(); }
  InternalKeyView key() const override { return cursor_.key(); }
  std::string_view value() const override { return cursor_.value(); }
  absl::Status status() const override { return status_; }

  bool Current(InternalEntry* entry) const override {
    if (!cursor_.Valid()) return false;
    *entry = {cursor_.key(), cursor_.value()};
    return true;
  }
  bool NextEntry(InternalEntry* entry) override {
    TableIterator::Next();
    return TableIterator::Current(entry);
  }
  bool PrevEntry(InternalEntry* entry) override {
    TableIterator::Prev();
    return TableIterator::Current(entry);
  }

 private:
  // Each makes the position name such a block and loads it, or leaves the
  // iterator invalid: at an end, or with an error. True if loaded.
  bool LoadPartition(uint32_t p);
  bool LoadBlock(uint32_t b);
  bool FindBlock(const InternalKeyView& target);
  bool NextBlock();
  bool PrevBlock();

  void Reset();
  bool Fail(absl::Status status);

  const TableIndex& index_;
  const TableReadOptions options_;
  Ref<const IndexBlock> partition_;
  Ref<const DataBlock> block_;
  uint32_t partition_index_ = 0;  // Of partition_, if that is not null.
  uint32_t block_index_ = 0;      // Of block_ in partition_.
  DataBlockCursor cursor_;
  ReadaheadBuffer readahead_;
  absl::Status status_;
};

}  // namespace lissom

#endif  // LISSOM_TABLE_TABLE_ITERATOR_H_
