#include "table/table_verifier.h"

#include <optional>

#include "table/block_fetcher.h"
#include "table/data_block.h"
#include "table/index_block.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

uint64_t EndOf(const BlockHandle& handle) {
  return handle.offset + handle.stored_size + kBlockTrailerSize;
}

class Verifier {
 public:
  Verifier(const TableIndex& index, const TableReadOptions& options)
      : index_(index),
        fetcher_(*index.fetcher),
        order_(fetcher_.order()),
        options_(options),
        cursor_(order_) {
    readahead_.window = options.readahead_bytes;
  }

  absl::Status Run(const TableProperties& properties, const Footer& footer,
                   absl::FunctionRef<absl::Status()> may_go_on) {
    const IndexBlock& top = *index_.top;
    uint64_t next_at = top.handle(0).offset;
    for (uint32_t p = 0; p < top.count(); ++p) {
      LISSOM_RETURN_IF_ERROR(ExpectAt(top.handle(p), next_at));
      next_at = EndOf(top.handle(p));
      Ref<const IndexBlock> partition;
      LISSOM_RETURN_IF_ERROR(index_.Partition(p, options_, &partition));
      LISSOM_RETURN_IF_ERROR(VisitPartition(*partition, may_go_on));
      // What lies behind the partition's last separator is the next one's.
      if (order_.Compare(partition->separator(partition->count() - 1),
                         top.separator(p)) != 0) {
        return Flawed(top.handle(p),
                      "partition does not end where the top "
                      "index says");
      }
    }
    if (next_data_ != top.handle(0).offset) {
      return fetcher_.Error(next_data_, {.what = "bytes that no block covers"});
    }
    // Opening has read the dictionary and verified it, like all from here on.
    if (properties.dictionary.has_value()) {
      LISSOM_RETURN_IF_ERROR(ExpectAt(*properties.dictionary, next_at));
      next_at = EndOf(*properties.dictionary);
    }
    LISSOM_RETURN_IF_ERROR(ExpectAt(footer.top, next_at));
    LISSOM_RETURN_IF_ERROR(ExpectAt(footer.properties, EndOf(footer.top)));
    if (EndOf(footer.properties) + Footer::kSize != fetcher_.file_size()) {
      return fetcher_.Error(EndOf(footer.properties),
                            {.what = "bytes that no block covers"});
    }
    return CheckProperties(properties, footer);
  }

 private:
  absl::Status Flawed(const BlockHandle& block, const char* what) const {
    return fetcher_.Error(block.offset, {.what = what});
  }

  absl::Status ExpectAt(const BlockHandle& block, uint64_t offset) const {
    if (block.offset == offset) return absl::OkStatus();
    return Flawed(block, "block does not follow the one before it");
  }

  absl::Status VisitPartition(const IndexBlock& partition,
                              absl::FunctionRef<absl::Status()> may_go_on) {
    for (uint32_t b = 0; b < partition.count(); ++b) {
      LISSOM_RETURN_IF_ERROR(may_go_on());
      const BlockHandle& handle = partition.handle(b);
      LISSOM_RETURN_IF_ERROR(ExpectAt(handle, next_data_));
      next_data_ = EndOf(handle);
      ++blocks_;
      Ref<const DataBlock> block;
      LISSOM_RETURN_IF_ERROR(
          fetcher_.Fetch(partition, b, options_, &readahead_, &block));
      LISSOM_RETURN_IF_ERROR(VisitBlock(handle, *block, partition.filter()));
      if (order_.Compare(largest_.view(), partition.separator(b)) > 0) {
        return Flawed(handle, "entries behind the block's separator");
      }
      last_.emplace(partition.separator(b));
    }
    return absl::OkStatus();
  }

  absl::Status VisitBlock(const BlockHandle& handle, const DataBlock& block,
                          const BloomFilterView& filter) {
    cursor_.Attach(&block);
    absl::Status status;
    cursor_.SeekToFirst();
    for (uint32_t i = 0; cursor_.Valid() && status.ok(); ++i) {
      status = VisitEntry(handle, block, i, filter);
      cursor_.Next();
    }
    cursor_.Detach();
    return status;
  }

  // The cursor stands on entry `i` of `block`.
  absl::Status VisitEntry(const BlockHandle& handle, const DataBlock& block,
                          uint32_t i, const BloomFilterView& filter) {
    const InternalKeyView key = cursor_.key();
    if (last_.has_value() && order_.Compare(last_->view(), key) >= 0) {
      return Flawed(handle, "keys out of order");
    }
    // A point read, which trusts filter and tags, must find what a scan does.
    const LookupKey lookup(key.user_key, key.sequence());
    if (!filter.MayContain(lookup.hash) || block.Find(lookup) != i) {
      return Flawed(handle, "a key that point reads do not find");
    }
    if (entries_ == 0) smallest_ = InternalKey(key);
    last_.emplace(key);
    largest_ = *last_;
    ++entries_;
    if (key.kind() == EntryKind::kDelete) ++tombstones_;
    key_bytes_ += key.user_key.size();
    value_bytes_ += cursor_.value().size();
    return absl::OkStatus();
  }

  absl::Status CheckProperties(const TableProperties& properties,
                               const Footer& footer) const {
    if (properties.entries == entries_ &&
        properties.tombstones == tombstones_ &&
        properties.raw_key_bytes == key_bytes_ &&
        properties.raw_value_bytes == value_bytes_ &&
        properties.data_blocks == blocks_ &&
        properties.data_bytes == next_data_ &&
        properties.smallest == smallest_ && properties.largest == largest_) {
      return absl::OkStatus();
    }
    return Flawed(footer.properties, "properties are not what the table holds");
  }

  const TableIndex& index_;
  const BlockFetcher& fetcher_;
  const KeyOrder& order_;
  const TableReadOptions& options_;
  ReadaheadBuffer readahead_;
  DataBlockCursor cursor_;
  uint64_t next_data_ = 0;  // Where the next data block has to stand.
  // What the next key must be behind: the last key, or the separator behind it.
  std::optional<InternalKey> last_;
  InternalKey smallest_;
  InternalKey largest_;
  uint64_t entries_ = 0;
  uint64_t tombstones_ = 0;
  uint64_t blocks_ = 0;
  uint64_t key_bytes_ = 0;
  uint64_t value_bytes_ = 0;
};

}  // namespace

absl::Status VerifyTable(const TableIndex& index,
                         const TableProperties& properties,
                         const Footer& footer, const TableReadOptions& options,
                         absl::FunctionRef<absl::Status()> may_go_on) {
  return Verifier(index, options).Run(properties, footer, may_go_on);
}

}  // namespace lissom
