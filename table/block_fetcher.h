// BlockFetcher is the only way by which a block of a table enters memory: out
// of the cache, or read, verified, decompressed, parsed and put there.
//
// Every error names file and offset: kDataLoss for wrong or missing bytes,
// kUnimplemented for a newer format, kResourceExhausted for want of memory.
// Threads: immutable, thread-safe. A ReadaheadBuffer is its iterator's own.
#ifndef LISSOM_TABLE_BLOCK_FETCHER_H_
#define LISSOM_TABLE_BLOCK_FETCHER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "lissom/file_system.h"
#include "table/bloom_filter.h"
#include "table/data_block.h"
#include "table/format.h"
#include "table/index_block.h"
#include "table/internal_key.h"
#include "table/table_reader.h"
#include "util/block_cache.h"
#include "util/epoch.h"
#include "util/file_id.h"
#include "util/ref_counted.h"

namespace lissom {

// A window of the file that was read in one go, for scans that would otherwise
// make a system call a block.
struct ReadaheadBuffer {
  size_t window = 0;  // 0: none.
  uint64_t offset = 0;
  std::string bytes;
};

class BlockFetcher {
 public:
  struct Source {
    std::string path;
    std::unique_ptr<RandomAccessFile> file;
    FileId id;
    uint64_t file_size = 0;
    KeyOrder order;
    std::shared_ptr<BlockCache> cache;
  };
  explicit BlockFetcher(Source source)
      : source_(std::move(source)), key_(source_.cache->NewFileKey()) {}

  // Reads exactly the range, or kDataLoss.
  absl::Status Read(uint64_t offset, size_t size, const IoContext& io,
                    char* to) const;

  // The content of an uncompressed block, given its bytes and its trailer's.
  absl::Status OpenBlock(const BlockHandle& handle, std::string_view bytes,
                         std::string_view* content) const;

  // The data block that `index` names at `i`, for the moment: *block is good
  // while the caller's EpochGuard (required) or *own lives, of which the latter
  // is set only after a miss.
  absl::Status Borrow(const IndexBlock& index, uint32_t i,
                      const TableReadOptions& options, const DataBlock** block,
                      Ref<const DataBlock>* own) const {
    *block = FindData(index, i);
    if (*block != nullptr) return absl::OkStatus();
    absl::Status status = LoadData(index, i, options, nullptr, own);
    *block = own->get();
    return status;
  }
  // The same for the partition that the top index names at `i`.
  absl::Status Borrow(const IndexBlock& top, uint32_t i, FilterId filter,
                      const TableReadOptions& options, const IndexBlock** block,
                      Ref<const IndexBlock>* own) const {
    *block = FindIndex(top, i);
    if (*block != nullptr) return absl::OkStatus();
    absl::Status status = LoadIndex(top, i, filter, options, own);
    *block = own->get();
    return status;
  }

  // The same, to keep. What must be read is read outside of any guard.
  absl::Status Fetch(const IndexBlock& index, uint32_t i,
                     const TableReadOptions& options,
                     ReadaheadBuffer* readahead,
                     Ref<const DataBlock>* block) const {
    {
      const EpochGuard guard;
      *block = Ref<const DataBlock>(FindData(index, i));
    }
    if (*block) return absl::OkStatus();
    return LoadData(index, i, options, readahead, block);
  }
  absl::Status Fetch(const IndexBlock& top, uint32_t i, FilterId filter,
                     const TableReadOptions& options,
                     Ref<const IndexBlock>* block) const {
    {
      const EpochGuard guard;
      *block = Ref<const IndexBlock>(FindIndex(top, i));
    }
    if (*block) return absl::OkStatus();
    return LoadIndex(top, i, filter, options, block);
  }

  // kDataLoss, or kUnimplemented if the flaw is to be newer than we are.
  absl::Status Error(uint64_t offset, const Flaw& flaw) const;

  const KeyOrder& order() const { return source_.order; }
  const std::string& path() const { return source_.path; }
  uint64_t file_size() const { return source_.file_size; }

 private:
  template <typename T>
  static Ref<const T> Downcast(const Ref<const CachedBlock>& block) {
    return Ref<const T>(static_cast<const T*>(block.get()));
  }

  // The cache knows blocks by place only; the place is doubled so that a
  // hostile file cannot have one place taken for two kinds of block.
  BlockKey DataKey(const BlockHandle& handle) const {
    return {key_, handle.offset * 2};
  }
  BlockKey IndexKey(const BlockHandle& handle) const {
    return {key_, handle.offset * 2 + 1};
  }
  const DataBlock* FindData(const IndexBlock& index, uint32_t i) const {
    return static_cast<const DataBlock*>(
        source_.cache->Find(DataKey(index.handle(i)), index.slots(), i));
  }
  const IndexBlock* FindIndex(const IndexBlock& top, uint32_t i) const {
    return static_cast<const IndexBlock*>(
        source_.cache->Find(IndexKey(top.handle(i)), top.slots(), i));
  }

  absl::Status LoadData(const IndexBlock& index, uint32_t i,
                        const TableReadOptions& options,
                        ReadaheadBuffer* readahead,
                        Ref<const DataBlock>* block) const;
  absl::Status LoadIndex(const IndexBlock& top, uint32_t i, FilterId filter,
                         const TableReadOptions& options,
                         Ref<const IndexBlock>* block) const;
  absl::Status ReadThrough(uint64_t offset, size_t size, const IoContext& io,
                           ReadaheadBuffer* readahead, char* to) const;
  absl::Status CheckTrailer(uint64_t offset, std::string_view bytes,
                            bool compressed, bool verify) const;
  absl::Status Inflate(const BlockHandle& handle,
                       const TableReadOptions& options,
                       ReadaheadBuffer* readahead, char* to) const;

  const Source source_;
  const uint64_t key_;
};

}  // namespace lissom

#endif  // LISSOM_TABLE_BLOCK_FETCHER_H_
