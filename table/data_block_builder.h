// DataBlockBuilder collects sorted entries and lays them out as one data block
// (data_block.h has the layout). Reused from block to block, so that it
// allocates nothing once its buffers have grown.
// Threads: thread-compatible.
#ifndef LISSOM_TABLE_DATA_BLOCK_BUILDER_H_
#define LISSOM_TABLE_DATA_BLOCK_BUILDER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "table/internal_key.h"

namespace lissom {

class DataBlockBuilder {
 public:
  DataBlockBuilder() = default;
  // For measurements: store whole keys, without a common prefix.
  explicit DataBlockBuilder(bool share_prefix) : share_prefix_(share_prefix) {}

  // Requires: after the last key; `hash` is its KeyHash; the sizes keep the
  // block below kMaxBlockSize.
  void Add(const InternalKeyView& key, uint64_t hash, std::string_view value);

  bool empty() const { return tags_.empty(); }
  size_t count() const { return tags_.size(); }

  // About the bytes that the block would have with one more entry of these
  // sizes (trailers and prefix are settled only by Finish).
  size_t SizeWith(size_t key_size, size_t value_size) const;
  size_t size() const { return empty() ? 0 : SizeWith(0, 0); }

  // Appends the block to *to and starts the next one. Requires: !empty().
  void Finish(std::string* to);

 private:
  struct Layout;
  Layout Plan() const;

  bool share_prefix_ = true;
  std::string tags_;
  std::string data_;            // Whole keys and values, one by one.
  std::vector<size_t> starts_;  // In data_.
  std::vector<uint32_t> key_sizes_;
  std::vector<uint64_t> trailers_;
  size_t prefix_size_ = 0;  // Common to all keys so far.
};

}  // namespace lissom

#endif  // LISSOM_TABLE_DATA_BLOCK_BUILDER_H_
