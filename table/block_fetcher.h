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

  absl::Status Fetch(const BlockHandle& handle, const TableReadOptions& options,
                     ReadaheadBuffer* readahead,
                     Ref<const DataBlock>* block) const {
    // The cache knows blocks by place only; the place is doubled so that a
    // hostile file cannot have one place taken for two kinds of block.
    const BlockCache::Key key{key_, handle.offset * 2};
    if (Ref<const CachedBlock> cached = source_.cache->Lookup(key)) {
      *block = Downcast<DataBlock>(std::move(cached));
      return absl::OkStatus();
    }
    return LoadData(key, handle, options, readahead, block);
  }

  absl::Status Fetch(const BlockHandle& handle, FilterId filter,
                     const TableReadOptions& options,
                     Ref<const IndexBlock>* block) const {
    const BlockCache::Key key{key_, handle.offset * 2 + 1};
    if (Ref<const CachedBlock> cached = source_.cache->Lookup(key)) {
      *block = Downcast<IndexBlock>(std::move(cached));
      return absl::OkStatus();
    }
    return LoadIndex(key, handle, filter, options, block);
  }

  // kDataLoss, or kUnimplemented if the flaw is to be newer than we are.
  absl::Status Error(uint64_t offset, const Flaw& flaw) const;

  const KeyOrder& order() const { return source_.order; }
  const std::string& path() const { return source_.path; }
  uint64_t file_size() const { return source_.file_size; }

 private:
  template <typename T>
  static Ref<const T> Downcast(Ref<const CachedBlock> block) {
    return Ref<const T>(static_cast<const T*>(block.get()));
  }

  absl::Status LoadData(const BlockCache::Key& key, const BlockHandle& handle,
                        const TableReadOptions& options,
                        ReadaheadBuffer* readahead,
                        Ref<const DataBlock>* block) const;
  absl::Status LoadIndex(const BlockCache::Key& key, const BlockHandle& handle,
                         FilterId filter, const TableReadOptions& options,
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
