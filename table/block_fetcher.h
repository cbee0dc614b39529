// BlockFetcher is the only way by which a block of a table enters memory: out
// of the cache, or read, verified, decompressed, parsed and put there.
//
// Every error names file and offset: kDataLoss for wrong or missing bytes,
// kUnimplemented for a newer format, kResourceExhausted for want of memory.
// Threads: immutable once the dictionary is set, thread-safe. A ReadaheadBuffer
// is its iterator's own.
#ifndef LISSOM_TABLE_BLOCK_FETCHER_H_
#define LISSOM_TABLE_BLOCK_FETCHER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
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
#include "util/compression.h"
#include "util/epoch.h"
#include "util/file_id.h"
#include "util/page_buffer.h"
#include "util/ref_counted.h"

namespace lissom {

// A window of the file that was read in one go, for scans that would otherwise
// make a system call a block.
//
// With `automatic` the window follows what the scan does: none until two blocks
// from the file have followed the first, in either direction; then it doubles
// with every read, and closes as soon as a block does not follow, be it that
// the scan jumped or that blocks came out of the cache.
struct ReadaheadBuffer {
  static constexpr size_t kFirstWindow = size_t{16} << 10;
  static constexpr size_t kLastWindow = size_t{256} << 10;

  bool automatic = false;
  size_t window = 0;  // 0: none.
  uint64_t offset = 0;
  PageBuffer bytes;

  bool Holds(uint64_t at, size_t size) const {
    return at >= offset && at - offset + size <= bytes.size();
  }
  // The block [at, at + size) is about to be read from the file.
  void Note(uint64_t at, size_t size);
  // Should the window for the block at `at` end with it, not begin?
  bool Backward(uint64_t at) const {
    return run_ > 0 ? backward_ : !bytes.empty() && at < offset;
  }
  // The window was read: the next one may be larger.
  void Grow();

 private:
  static constexpr int kBlocksBefore = 2;

  uint64_t last_begin_ = 0;  // The last block noted.
  uint64_t last_end_ = 0;
  bool backward_ = false;  // How those of the run follow one another.
  int run_ = 0;            // Blocks that followed the one before them.
};

// A block on its way out of the file: what is read where.
struct BlockLoad {
  BlockHandle handle;
  Ref<DataBlock> data = nullptr;             // Null: an index block.
  std::unique_ptr<char[]> stored = nullptr;  // Unless it is read into data.
  size_t size = 0;                           // With the trailer.
  absl::Status status = {};                  // Of ReadBatch.

  char* to() { return stored != nullptr ? stored.get() : data->mutable_data(); }
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
    uint64_t cache_key = 0;  // 0: a new one.
  };
  explicit BlockFetcher(Source source)
      : source_(std::move(source)),
        key_(source_.cache_key != 0 ? source_.cache_key
                                    : source_.cache->NewFileKey()) {}

  // Of a table that has one. Requires: no data block was read yet.
  void SetDictionary(
      std::unique_ptr<const DecompressionDictionary> dictionary) {
    dictionary_ = std::move(dictionary);
  }
  // Null: there is none.
  const DecompressionDictionary* dictionary() const {
    return dictionary_.get();
  }

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
    *block = Find(index, i);
    if (*block != nullptr) return absl::OkStatus();
    absl::Status status = LoadData(index, i, options, nullptr, own);
    *block = own->get();
    return status;
  }
  // The same for the partition that the top index names at `i`.
  absl::Status Borrow(const IndexBlock& top, uint32_t i, FilterId filter,
                      const TableReadOptions& options, const IndexBlock** block,
                      Ref<const IndexBlock>* own) const {
    *block = FindPartition(top, i);
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
      *block = Ref<const DataBlock>(Find(index, i));
    }
    if (*block) return absl::OkStatus();
    return LoadData(index, i, options, readahead, block);
  }
  absl::Status Fetch(const IndexBlock& top, uint32_t i, FilterId filter,
                     const TableReadOptions& options,
                     Ref<const IndexBlock>* block) const {
    {
      const EpochGuard guard;
      *block = Ref<const IndexBlock>(FindPartition(top, i));
    }
    if (*block) return absl::OkStatus();
    return LoadIndex(top, i, filter, options, block);
  }

  // The block if it is in memory, else null. Good while the caller's EpochGuard
  // (required) lives.
  const DataBlock* Find(const IndexBlock& index, uint32_t i) const {
    return static_cast<const DataBlock*>(
        source_.cache->Find(DataKey(index.handle(i)), index.slots(), i));
  }
  const IndexBlock* FindPartition(const IndexBlock& top, uint32_t i) const {
    return static_cast<const IndexBlock*>(
        source_.cache->Find(IndexKey(top.handle(i)), top.slots(), i));
  }

  // `index`, from which blocks were found, goes.
  void Release(const IndexBlock& index) const {
    if (index.slots()) source_.cache->Release(*index.slots());
  }

  // The table goes: drops from the cache what `index` names, and of `top` the
  // partitions that are there, with what they name.
  void Erase(const IndexBlock& index) const;
  void EraseAll(const IndexBlock& top) const;

  // Several blocks read together: Begin each, ReadBatch, Finish each whose
  // status is OK. All of them have been checked with CheckMayRead.
  absl::Status BeginData(const BlockHandle& handle, BlockLoad* load) const;
  absl::Status BeginIndex(const BlockHandle& handle, BlockLoad* load) const;
  void ReadBatch(std::span<BlockLoad* const> loads, const IoContext& io) const;
  absl::Status FinishData(const TableReadOptions& options, BlockLoad& load,
                          Ref<const DataBlock>* block) const;
  absl::Status FinishIndex(const TableReadOptions& options, FilterId filter,
                           BlockLoad& load, Ref<const IndexBlock>* block) const;
  // Has the file system begin to read what ReadBatch will ask for.
  void Prefetch(const BlockLoad& load, const IoContext& io) const {
    source_.file->Prefetch(load.handle.offset, load.size, io);
  }

  // kDataLoss, or kUnimplemented if the flaw is to be newer than we are.
  absl::Status Error(uint64_t offset, const Flaw& flaw) const;
  // kResourceExhausted for the block there.
  absl::Status OutOfMemory(uint64_t offset) const;

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
  absl::Status FillWindow(uint64_t offset, size_t size, const IoContext& io,
                          ReadaheadBuffer& ahead) const;
  absl::Status Inflate(const BlockLoad& load, char* to) const;

  const Source source_;
  const uint64_t key_;
  std::unique_ptr<const DecompressionDictionary> dictionary_;
};

}  // namespace lissom

#endif  // LISSOM_TABLE_BLOCK_FETCHER_H_
