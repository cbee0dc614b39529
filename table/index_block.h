// IndexBlock is a sorted list of separators with the block behind each: the
// top index of a table (its blocks are partitions) and the partitions (their
// blocks are data blocks, and each carries the filter of its data blocks'
// keys).
//
//   separator[i] is not before any entry of block i and before every entry of
//   block i + 1. Its trailer is 0, which sorts behind every version of its user
//   key, unless the versions of one user key go on in block i + 1: then it is
//   exactly the last key of block i.
//
// It follows that the first block whose separator is not before a seek key
// holds the first entry that is not before it, if that has the same user key: a
// point read never needs a second block.
//
// On disk (varints unless said; blocks stand one behind the other in the file):
//   flags, count, offset of the first block, filter size, filter,
//   count x [key size, key, stored size, raw size or 0 if equal,
//            and with kHasTrailers the trailer as a fixed64]
//
// In memory the entries are arrays, and the search is over 8-byte heads behind
// the prefix that all separators share.
// Threads: immutable after Parse, thread-safe.
#ifndef LISSOM_TABLE_INDEX_BLOCK_H_
#define LISSOM_TABLE_INDEX_BLOCK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "table/bloom_filter.h"
#include "table/format.h"
#include "table/internal_key.h"
#include "util/block_cache.h"
#include "util/block_memory.h"

namespace lissom {

class IndexBlock final : public CachedBlock {
 public:
  // Flags on disk.
  static constexpr uint64_t kHasTrailers = 1;

  // Its arrays lie in `memory` if that is given.
  explicit IndexBlock(BlockMemory* memory = nullptr);

  // Takes over what `bytes` say. `filter` says how to read the filter there.
  // `limit`: the blocks must end at or before this offset of the file.
  Flaw Parse(std::string_view bytes, const KeyOrder& order, FilterId filter,
             uint64_t limit);

  uint32_t count() const { return static_cast<uint32_t>(handles_.size()); }
  const BlockHandle& handle(uint32_t i) const { return handles_[i]; }
  InternalKeyView separator(uint32_t i) const {
    return {{keys_.data() + key_at_[i], key_at_[i + 1] - key_at_[i]},
            trailers_.empty() ? 0 : trailers_[i]};
  }
  const BloomFilterView& filter() const { return filter_; }
  // Where pointers to its blocks stand while those are resident.
  const Ref<BlockSlots>& slots() const { return slots_; }
  // Asks the memory for what it takes to get to block `i`.
  void FetchSlot(uint32_t i) const {
    __builtin_prefetch(&handles_[i]);
    if (slots_) slots_->FetchAhead(i);
  }
  // The same for the block itself, if it is resident.
  void FetchBlock(uint32_t i) const {
    if (slots_) slots_->FetchBlock(i);
  }

  // The first block that may hold an entry not before `target`; count(): none.
  // Requires: `order` is the one that it was parsed with.
  uint32_t Find(const InternalKeyView& target, const KeyOrder& order) const;

  size_t charge() const override;

 private:
  Flaw ParseEntries(std::string_view bytes, uint64_t count, bool has_trailers,
                    uint64_t offset, uint64_t limit);
  Flaw TakeFilter(std::string_view bytes, FilterId id);
  void MakeHeads(const KeyOrder& order);

  struct alignas(kBloomLineSize) Line {
    char bytes[kBloomLineSize];
  };

  template <typename T>
  using Array = std::vector<T, BlockAllocator<T>>;

  Array<uint64_t> heads_;  // Empty if the order has none.
  Array<BlockHandle> handles_;
  Array<uint32_t> key_at_;  // In keys_; one more than entries.
  Array<char> keys_;
  Array<uint64_t> trailers_;  // Empty: all are 0.
  std::string prefix_;  // Of all separators; mostly short enough to lie here.
  BloomFilterView filter_;
  Array<Line> filter_lines_;
  Ref<BlockSlots> slots_;
};

// Collects the entries of one index block. Thread-compatible.
class IndexBlockBuilder {
 public:
  // `handle` is the block behind the one of the last Add.
  void Add(const InternalKeyView& separator, const BlockHandle& handle);

  bool empty() const { return count_ == 0; }
  // Bytes that it would have now, without a filter.
  size_t size() const { return entries_.size() + 24; }

  // Appends the block to *to and starts the next one. Requires: !empty().
  void Finish(std::string_view filter, std::string* to);

  // The separator last added. Lives until the next Add.
  InternalKeyView last() const { return last_.view(); }

 private:
  uint64_t count_ = 0;
  uint64_t first_offset_ = 0;
  std::string entries_;  // As on disk, without trailers.
  bool has_trailers_ = false;
  std::vector<size_t> ends_;  // Of the entries in entries_.
  std::vector<uint64_t> trailers_;
  InternalKey last_;
};

}  // namespace lissom

#endif  // LISSOM_TABLE_INDEX_BLOCK_H_
