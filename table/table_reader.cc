#include "table/table_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "table/block_fetcher.h"
#include "table/data_block.h"
#include "table/format.h"
#include "table/index_block.h"
#include "table/properties.h"
#include "table/table_iterator.h"
#include "util/check.h"
#include "util/error.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom {
namespace {

// What is read at the end of a file whose tail size nobody knows: enough for
// most tails.
constexpr uint64_t kTailGuess = 16 << 10;

// No hint is followed beyond this.
constexpr uint64_t kMaxTail = 16 << 20;

class TableReaderImpl final : public TableReader {
 public:
  explicit TableReaderImpl(BlockFetcher::Source source)
      : fetcher_(std::move(source)) {}

  absl::Status Load(const FileId& id, uint64_t tail_size);

  absl::StatusOr<bool> Get(const LookupKey& key,
                           const TableReadOptions& options,
                           PointResult* result) const override;
  void MultiGet(std::span<PointRequest* const> requests,
                const TableReadOptions& options) const override;
  std::unique_ptr<InternalIterator> NewIterator(
      const TableReadOptions& options) const override {
    return std::make_unique<TableIterator>(index_, options);
  }
  uint64_t entries() const override { return properties_.entries; }

 private:
  // The end of the file, and the last block that was read from before it.
  struct Tail {
    uint64_t offset = 0;
    std::string bytes;
    std::string other;
  };

  // A point read on its way. Each step leaves null what it looks for if the key
  // is not in the table.
  struct Walk {
    uint32_t partition_at = 0;
    uint32_t block_at = 0;
    const IndexBlock* partition = nullptr;
    const DataBlock* block = nullptr;
    Ref<const IndexBlock> own_partition;
    Ref<const DataBlock> own_block;
  };
  absl::Status EnterPartition(const LookupKey& key,
                              const TableReadOptions& options,
                              Walk* walk) const;
  absl::Status ChooseBlock(const LookupKey& key, Walk* walk) const;
  absl::Status EnterBlock(const TableReadOptions& options, Walk* walk) const;
  static bool ReadEntry(const LookupKey& key, Walk* walk, PointResult* result);

  absl::Status ReadTail(uint64_t size, Tail* tail) const;
  absl::Status CheckHandle(const BlockHandle& handle) const;
  absl::Status TailBlock(const BlockHandle& handle, Tail* tail,
                         std::string_view* content) const;
  absl::Status LoadProperties(const Footer& footer, Tail* tail);
  absl::Status LoadIndex(const Footer& footer, Tail* tail);

  BlockFetcher fetcher_;
  TableProperties properties_;
  Ref<IndexBlock> top_;
  TableIndex index_;
};

// Makes `tail` the last `size` bytes of the file.
absl::Status TableReaderImpl::ReadTail(uint64_t size, Tail* tail) const {
  tail->offset = fetcher_.file_size() - size;
  tail->bytes.resize(size);
  return fetcher_.Read(tail->offset, size, {.kind = IoContext::Kind::kTable},
                       tail->bytes.data());
}

absl::Status TableReaderImpl::CheckHandle(const BlockHandle& handle) const {
  const uint64_t end = fetcher_.file_size() - Footer::kSize;
  if (handle.offset <= end && end - handle.offset >= kBlockTrailerSize &&
      handle.stored_size <= end - handle.offset - kBlockTrailerSize &&
      handle.raw_size == handle.stored_size) {
    return absl::OkStatus();
  }
  return fetcher_.Error(end, {.what = "footer names an impossible block"});
}

// The content of an uncompressed block, which is read by itself if it stands
// before the tail. Lives until the next call.
absl::Status TableReaderImpl::TailBlock(const BlockHandle& handle, Tail* tail,
                                        std::string_view* content) const {
  LISSOM_RETURN_IF_ERROR(CheckHandle(handle));
  const size_t size = handle.stored_size + kBlockTrailerSize;
  if (handle.offset >= tail->offset) {
    return fetcher_.OpenBlock(handle,
                              std::string_view(tail->bytes)
                                  .substr(handle.offset - tail->offset, size),
                              content);
  }
  tail->other.resize(size);
  LISSOM_RETURN_IF_ERROR(fetcher_.Read(handle.offset, size,
                                       {.kind = IoContext::Kind::kTable},
                                       tail->other.data()));
  return fetcher_.OpenBlock(handle, tail->other, content);
}

absl::Status TableReaderImpl::LoadProperties(const Footer& footer, Tail* tail) {
  std::string_view content;
  LISSOM_RETURN_IF_ERROR(TailBlock(footer.properties, tail, &content));
  if (Flaw flaw = properties_.Decode(content)) {
    return fetcher_.Error(footer.properties.offset, flaw);
  }
  const std::string_view ours = fetcher_.order().comparator().Name();
  if (properties_.comparator == ours) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(fetcher_.path(), ": written in the order of comparator \"",
                   ToAbsl(Escape(properties_.comparator)), "\", opened with \"",
                   ToAbsl(ours), "\""));
}

absl::Status TableReaderImpl::LoadIndex(const Footer& footer, Tail* tail) {
  std::string_view content;
  LISSOM_RETURN_IF_ERROR(TailBlock(footer.top, tail, &content));
  top_ = MakeRef<IndexBlock>();
  if (Flaw flaw = top_->Parse(content, fetcher_.order(), FilterId::kNone,
                              footer.top.offset)) {
    return fetcher_.Error(footer.top.offset, flaw);
  }
  index_.fetcher = &fetcher_;
  index_.top = top_.get();
  index_.filter = properties_.filter;
  if (top_->count() != 1) return absl::OkStatus();
  const BlockHandle handle = top_->handle(0);
  LISSOM_RETURN_IF_ERROR(TailBlock(handle, tail, &content));
  Ref<IndexBlock> single = MakeRef<IndexBlock>();
  if (Flaw flaw = single->Parse(content, fetcher_.order(), properties_.filter,
                                handle.offset)) {
    return fetcher_.Error(handle.offset, flaw);
  }
  index_.single = std::move(single);
  return absl::OkStatus();
}

absl::Status TableReaderImpl::Load(const FileId& id, uint64_t tail_size) {
  const uint64_t file_size = fetcher_.file_size();
  if (file_size < Footer::kSize) {
    return fetcher_.Error(0, {.what = "too short for a table"});
  }
  // The hint saves reads and is otherwise not believed.
  if (tail_size == 0 || tail_size > kMaxTail) tail_size = kTailGuess;
  tail_size = std::max<uint64_t>(tail_size, Footer::kSize);
  Tail tail;
  LISSOM_RETURN_IF_ERROR(ReadTail(std::min(tail_size, file_size), &tail));

  const uint64_t footer_at = file_size - Footer::kSize;
  Footer footer;
  if (Flaw flaw = footer.Decode(
          id, footer_at,
          std::string_view(tail.bytes).substr(footer_at - tail.offset))) {
    return fetcher_.Error(footer_at, flaw);
  }
  LISSOM_RETURN_IF_ERROR(LoadProperties(footer, &tail));
  return LoadIndex(footer, &tail);
}

inline absl::Status TableReaderImpl::EnterPartition(
    const LookupKey& key, const TableReadOptions& options, Walk* walk) const {
  walk->partition = nullptr;
  walk->partition_at = top_->Find(key.seek_key(), fetcher_.order());
  if (walk->partition_at == top_->count()) return absl::OkStatus();
  walk->partition = index_.single.get();
  if (walk->partition != nullptr) return absl::OkStatus();
  return fetcher_.Borrow(*top_, walk->partition_at, index_.filter, options,
                         &walk->partition, &walk->own_partition);
}

// Asks the filter; the partition goes if that rules the key out.
inline absl::Status TableReaderImpl::ChooseBlock(const LookupKey& key,
                                                 Walk* walk) const {
  if (!walk->partition->filter().MayContain(key.hash)) {
    walk->partition = nullptr;
    return absl::OkStatus();
  }
  walk->block_at = walk->partition->Find(key.seek_key(), fetcher_.order());
  if (walk->block_at < walk->partition->count()) return absl::OkStatus();
  return fetcher_.Error(top_->handle(walk->partition_at).offset,
                        {.what = "partition ends before the top index says"});
}

inline absl::Status TableReaderImpl::EnterBlock(const TableReadOptions& options,
                                                Walk* walk) const {
  return fetcher_.Borrow(*walk->partition, walk->block_at, options,
                         &walk->block, &walk->own_block);
}

// No other block can hold the answer: see index_block.h.
inline bool TableReaderImpl::ReadEntry(const LookupKey& key, Walk* walk,
                                       PointResult* result) {
  const DataBlock& block = *walk->block;
  const uint32_t i = block.Find(key);
  if (i == block.count()) return false;
  const uint64_t trailer = block.trailer(i);
  result->kind = TrailerKind(trailer);
  result->sequence = TrailerSequence(trailer);
  result->value = block.entry(i).value;
  result->owner = walk->block;
  result->pin = std::move(walk->own_block);
  return true;
}

absl::StatusOr<bool> TableReaderImpl::Get(const LookupKey& key,
                                          const TableReadOptions& options,
                                          PointResult* result) const {
  Walk walk;
  LISSOM_RETURN_IF_ERROR(EnterPartition(key, options, &walk));
  if (walk.partition == nullptr) return false;
  LISSOM_RETURN_IF_ERROR(ChooseBlock(key, &walk));
  if (walk.partition == nullptr) return false;
  LISSOM_RETURN_IF_ERROR(EnterBlock(options, &walk));
  return ReadEntry(key, &walk, result);
}

void TableReaderImpl::MultiGet(std::span<PointRequest* const> requests,
                               const TableReadOptions& options) const {
  LISSOM_DCHECK(requests.size() <= kMaxRequests);
  std::array<Walk, kMaxRequests> walks;
  // The reads that go on; each pass leaves out those that ended.
  std::array<uint8_t, kMaxRequests> alive;
  size_t count = requests.size();
  for (size_t n = 0; n < count; ++n) alive[n] = static_cast<uint8_t>(n);
  // step(request, walk): does the read go on?
  const auto for_each = [&](auto step) {
    size_t left = 0;
    for (size_t n = 0; n < count; ++n) {
      const uint8_t i = alive[n];
      if (step(*requests[i], walks[i])) alive[left++] = i;
    }
    count = left;
  };

  for_each([&](PointRequest& request, Walk& walk) {
    request.status = EnterPartition(*request.key, options, &walk);
    if (!request.status.ok() || walk.partition == nullptr) return false;
    walk.partition->filter().Prefetch(request.key->hash);
    return true;
  });
  for_each([&](PointRequest& request, Walk& walk) {
    request.status = ChooseBlock(*request.key, &walk);
    if (!request.status.ok() || walk.partition == nullptr) return false;
    walk.partition->FetchSlot(walk.block_at);
    return true;
  });
  for_each([](PointRequest&, Walk& walk) {
    walk.partition->FetchBlock(walk.block_at);
    return true;
  });
  for_each([&](PointRequest& request, Walk& walk) {
    request.status = EnterBlock(options, &walk);
    return request.status.ok();
  });
  for_each([](PointRequest& request, Walk& walk) {
    walk.block->FetchEntry(*request.key);
    return true;
  });
  for_each([](PointRequest& request, Walk& walk) {
    request.found = ReadEntry(*request.key, &walk, &request.result);
    return false;
  });
}

}  // namespace

absl::StatusOr<std::unique_ptr<TableReader>> TableReader::Open(
    TableReaderOptions options, std::string path,
    std::unique_ptr<RandomAccessFile> file) {
  LISSOM_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  if (size != options.file_size) {
    return CorruptionError(path, std::min(size, options.file_size),
                           absl::StrCat("table of ", size, " bytes, expected ",
                                        options.file_size));
  }
  auto reader = std::make_unique<TableReaderImpl>(
      BlockFetcher::Source{.path = std::move(path),
                           .file = std::move(file),
                           .id = options.id,
                           .file_size = size,
                           .order = std::move(options.order),
                           .cache = std::move(options.cache)});
  LISSOM_RETURN_IF_ERROR(reader->Load(options.id, options.tail_size));
  return reader;
}

}  // namespace lissom
