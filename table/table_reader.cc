#include "table/table_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "table/block_dictionary.h"
#include "table/block_fetcher.h"
#include "table/data_block.h"
#include "table/format.h"
#include "table/index_block.h"
#include "table/properties.h"
#include "table/table_iterator.h"
#include "table/table_verifier.h"
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
  TableReaderImpl(BlockFetcher::Source source, const IoContext& io)
      : fetcher_(std::move(source)), io_(io) {}
  ~TableReaderImpl() override {
    if (top_) fetcher_.Release(*top_);
    if (index_.single) fetcher_.Release(*index_.single);
  }

  absl::Status Load(const FileId& id, uint64_t tail_size);

  absl::StatusOr<bool> Get(const LookupKey& key,
                           const TableReadOptions& options,
                           PointResult* result) const override;
  std::unique_ptr<InternalIterator> NewIterator(
      const TableReadOptions& options) const override {
    return std::make_unique<TableIterator>(index_, options);
  }
  absl::StatusOr<uint64_t> ApproximateOffset(
      const InternalKeyView& target,
      const TableReadOptions& options) const override;
  absl::Status Verify(
      const TableReadOptions& options,
      absl::FunctionRef<absl::Status()> may_go_on) const override {
    return VerifyTable(index_, properties_, footer_, options, may_go_on);
  }
  void EraseBlocks() const override {
    if (index_.single) {
      fetcher_.Erase(*index_.single);
    } else {
      fetcher_.EraseAll(*top_);
    }
  }
  const TableProperties& properties() const override { return properties_; }
  size_t memory_bytes() const override {
    constexpr size_t kFileBytes = 512;  // Of descriptor and path, about.
    return sizeof(*this) + kFileBytes + top_->charge() +
           (index_.single ? index_.single->charge() : 0) +
           (fetcher_.dictionary() != nullptr
                ? fetcher_.dictionary()->memory_bytes()
                : 0);
  }

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
  friend class MultiWalk;
  friend class FirstOf;
  absl::Status EnterPartition(const LookupKey& key,
                              const TableReadOptions& options,
                              Walk* walk) const;
  absl::Status ChooseBlock(const LookupKey& key, Walk* walk) const;
  absl::Status FindBlock(const LookupKey& key, Walk* walk) const;
  absl::Status EnterBlock(const TableReadOptions& options, Walk* walk) const;
  static bool ReadEntry(const LookupKey& key, Walk* walk, PointResult* result);

  absl::Status ReadTail(uint64_t size, Tail* tail) const;
  absl::Status CheckHandle(const BlockHandle& handle, uint64_t named_at,
                           const char* flaw) const;
  absl::Status TailBlock(const BlockHandle& handle, Tail* tail,
                         std::string_view* content) const;
  absl::Status LoadProperties(Tail* tail);
  absl::Status LoadDictionary(Tail* tail);
  absl::Status LoadIndex(Tail* tail);

  BlockFetcher fetcher_;
  const IoContext io_;  // Of Load.
  Footer footer_;
  TableProperties properties_;
  Ref<IndexBlock> top_;
  TableIndex index_;
};

// Makes `tail` the last `size` bytes of the file.
absl::Status TableReaderImpl::ReadTail(uint64_t size, Tail* tail) const {
  tail->offset = fetcher_.file_size() - size;
  tail->bytes.resize(size);
  return fetcher_.Read(tail->offset, size, io_, tail->bytes.data());
}

// `flaw` is what the block at `named_at` then has, which names it.
absl::Status TableReaderImpl::CheckHandle(const BlockHandle& handle,
                                          uint64_t named_at,
                                          const char* flaw) const {
  const uint64_t end = fetcher_.file_size() - Footer::kSize;
  if (handle.offset <= end && end - handle.offset >= kBlockTrailerSize &&
      handle.stored_size <= end - handle.offset - kBlockTrailerSize &&
      handle.raw_size == handle.stored_size) {
    return absl::OkStatus();
  }
  return fetcher_.Error(named_at, {.what = flaw});
}

// The content of an uncompressed block, which is read by itself if it stands
// before the tail. Lives until the next call.
absl::Status TableReaderImpl::TailBlock(const BlockHandle& handle, Tail* tail,
                                        std::string_view* content) const {
  LISSOM_RETURN_IF_ERROR(CheckHandle(handle,
                                     fetcher_.file_size() - Footer::kSize,
                                     "footer names an impossible block"));
  const size_t size = handle.stored_size + kBlockTrailerSize;
  if (handle.offset >= tail->offset) {
    return fetcher_.OpenBlock(handle,
                              std::string_view(tail->bytes)
                                  .substr(handle.offset - tail->offset, size),
                              content);
  }
  tail->other.resize(size);
  LISSOM_RETURN_IF_ERROR(
      fetcher_.Read(handle.offset, size, io_, tail->other.data()));
  return fetcher_.OpenBlock(handle, tail->other, content);
}

absl::Status TableReaderImpl::LoadProperties(Tail* tail) {
  std::string_view content;
  LISSOM_RETURN_IF_ERROR(TailBlock(footer_.properties, tail, &content));
  if (Flaw flaw = properties_.Decode(content)) {
    return fetcher_.Error(footer_.properties.offset, flaw);
  }
  const std::string_view ours = fetcher_.order().comparator().Name();
  if (properties_.comparator == ours) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(fetcher_.path(), ": written in the order of comparator \"",
                   ToAbsl(Escape(properties_.comparator)), "\", opened with \"",
                   ToAbsl(ours), "\""));
}

absl::Status TableReaderImpl::LoadDictionary(Tail* tail) {
  if (!properties_.dictionary.has_value()) return absl::OkStatus();
  const BlockHandle& handle = *properties_.dictionary;
  constexpr char kFlaw[] = "properties name an impossible dictionary";
  if (handle.stored_size > kMaxDictionaryBytes) {
    return fetcher_.Error(footer_.properties.offset, {.what = kFlaw});
  }
  LISSOM_RETURN_IF_ERROR(CheckHandle(handle, footer_.properties.offset, kFlaw));
  std::string_view content;
  LISSOM_RETURN_IF_ERROR(TailBlock(handle, tail, &content));
  absl::StatusOr<std::unique_ptr<DecompressionDictionary>> dictionary =
      DecompressionDictionary::Create(content);
  if (absl::IsDataLoss(dictionary.status())) {
    return fetcher_.Error(handle.offset, {.what = "malformed dictionary"});
  }
  if (!dictionary.ok()) return fetcher_.OutOfMemory(handle.offset);
  fetcher_.SetDictionary(*std::move(dictionary));
  return absl::OkStatus();
}

absl::Status TableReaderImpl::LoadIndex(Tail* tail) {
  std::string_view content;
  LISSOM_RETURN_IF_ERROR(TailBlock(footer_.top, tail, &content));
  top_ = MakeRef<IndexBlock>();
  if (Flaw flaw = top_->Parse(content, fetcher_.order(), FilterId::kNone,
                              footer_.top.offset)) {
    return fetcher_.Error(footer_.top.offset, flaw);
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
  if (Flaw flaw = footer_.Decode(
          id, footer_at,
          std::string_view(tail.bytes).substr(footer_at - tail.offset))) {
    return fetcher_.Error(footer_at, flaw);
  }
  LISSOM_RETURN_IF_ERROR(LoadProperties(&tail));
  LISSOM_RETURN_IF_ERROR(LoadDictionary(&tail));
  return LoadIndex(&tail);
}

absl::StatusOr<uint64_t> TableReaderImpl::ApproximateOffset(
    const InternalKeyView& target, const TableReadOptions& options) const {
  const uint32_t p = top_->Find(target, fetcher_.order());
  if (p == top_->count()) return fetcher_.file_size();
  Ref<const IndexBlock> partition;
  LISSOM_RETURN_IF_ERROR(index_.Partition(p, options, &partition));
  const uint32_t b = partition->Find(target, fetcher_.order());
  // Data fills the file up to the first partition.
  const auto data_end = static_cast<double>(top_->handle(0).offset);
  const uint64_t offset = b < partition->count() ? partition->handle(b).offset
                                                 : top_->handle(0).offset;
  return static_cast<uint64_t>(static_cast<double>(offset) / data_end *
                               static_cast<double>(fetcher_.file_size()));
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
  return FindBlock(key, walk);
}

inline absl::Status TableReaderImpl::FindBlock(const LookupKey& key,
                                               Walk* walk) const {
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
  if (walk.partition == nullptr) {
    result->ruled_out = true;
    return false;
  }
  LISSOM_RETURN_IF_ERROR(EnterBlock(options, &walk));
  return ReadEntry(key, &walk, result);
}

// See TableReader::GetFirst.
class FirstOf {
 public:
  static absl::Status Get(std::span<const TableReader* const> tables,
                          const LookupKey& key, const TableReadOptions& options,
                          PointResult* result, TablesAsked* asked) {
    std::array<Step, TableReader::kMaxTables> steps;
    size_t begun = 0;
    size_t& n = asked->answered;
    for (; n < tables.size(); ++n) {
      for (; begun < std::min(n + kAhead, tables.size()); ++begun) {
        steps[begun] = Begin(TableAt(tables, begun), key);
      }
      bool found = false;
      result->ruled_out = false;
      if (steps[n].partition_at != kNowhere) {
        LISSOM_ASSIGN_OR_RETURN(
            found, Finish(TableAt(tables, n), steps[n], key, options, result));
      }
      if (found) return absl::OkStatus();
      ++(result->ruled_out ? asked->ruled_out : asked->in_vain);
    }
    return absl::OkStatus();
  }

 private:
  static constexpr size_t kAhead = 3;
  static constexpr uint32_t kNowhere = ~uint32_t{0};
  struct Step {
    uint32_t partition_at;
    const IndexBlock* partition;  // Null: not in memory.
  };

  static const TableReaderImpl& TableAt(
      std::span<const TableReader* const> tables, size_t n) {
    return static_cast<const TableReaderImpl&>(*tables[n]);
  }

  // Up to the partition, if it is in memory.
  static Step Begin(const TableReaderImpl& table, const LookupKey& key) {
    const uint32_t at =
        table.top_->Find(key.seek_key(), table.fetcher_.order());
    if (at == table.top_->count()) return {kNowhere, nullptr};
    const IndexBlock* partition = table.index_.single.get();
    if (partition == nullptr) {
      partition = table.fetcher_.FindPartition(*table.top_, at);
    }
    if (partition != nullptr) partition->filter().Prefetch(key.hash);
    return {at, partition};
  }

  static absl::StatusOr<bool> Finish(const TableReaderImpl& table,
                                     const Step& step, const LookupKey& key,
                                     const TableReadOptions& options,
                                     PointResult* result) {
    if (step.partition == nullptr) return table.Get(key, options, result);
    if (!step.partition->filter().MayContain(key.hash)) {
      result->ruled_out = true;
      return false;
    }
    TableReaderImpl::Walk walk;
    walk.partition_at = step.partition_at;
    walk.partition = step.partition;
    LISSOM_RETURN_IF_ERROR(table.FindBlock(key, &walk));
    LISSOM_RETURN_IF_ERROR(table.EnterBlock(options, &walk));
    return TableReaderImpl::ReadEntry(key, &walk, result);
  }
};

// Point reads that go on together: see TableReader::MultiGet.
class MultiWalk {
 public:
  MultiWalk(std::span<PointRequest> requests, const TableReadOptions& options)
      : requests_(requests), options_(options), count_(requests.size()) {
    for (size_t n = 0; n < count_; ++n) alive_[n] = static_cast<uint8_t>(n);
  }

  void Run() {
    FindPartitions();
    if (missing_ != 0) LoadMissing(/*partitions=*/true);
    ForEach([](const TableReaderImpl&, PointRequest& request, Walk& walk) {
      walk.partition->filter().Prefetch(request.key->hash);
      return true;
    });
    ForEach(
        [](const TableReaderImpl& table, PointRequest& request, Walk& walk) {
          request.status = table.ChooseBlock(*request.key, &walk);
          if (request.status.ok() && walk.partition == nullptr) {
            request.result.ruled_out = true;
          }
          if (!request.status.ok() || walk.partition == nullptr) return false;
          walk.partition->FetchSlot(walk.block_at);
          return true;
        });
    ForEach([](const TableReaderImpl&, PointRequest&, Walk& walk) {
      walk.partition->FetchBlock(walk.block_at);
      return true;
    });
    FindBlocks();
    if (missing_ != 0) LoadMissing(/*partitions=*/false);
    ForEach([](const TableReaderImpl&, PointRequest& request, Walk& walk) {
      walk.block->FetchEntry(*request.key);
      return true;
    });
    ForEach([](const TableReaderImpl&, PointRequest& request, Walk& walk) {
      request.found =
          TableReaderImpl::ReadEntry(*request.key, &walk, &request.result);
      return false;
    });
  }

 private:
  using Walk = TableReaderImpl::Walk;
  static constexpr size_t kMax = TableReader::kMaxRequests;
  using Set = uint32_t;  // Of requests, by their place.
  static_assert(kMax <= 32);

  // A block that several may wait for, on its way.
  struct Load {
    const TableReaderImpl* table = nullptr;
    size_t first = 0;  // Of those who wait.
    BlockLoad block = {};
  };

  const TableReaderImpl& TableOf(size_t i) const {
    return static_cast<const TableReaderImpl&>(*requests_[i].table);
  }

  // Takes step(table, request, walk) for each read that goes on; does it still?
  template <typename Step>
  void ForEach(Step step) {
    size_t left = 0;
    for (size_t n = 0; n < count_; ++n) {
      const uint8_t i = alive_[n];
      if (step(TableOf(i), requests_[i], walks_[i])) alive_[left++] = i;
    }
    count_ = left;
  }

  void Miss(const PointRequest& request) {
    missing_ |= Set{1} << (&request - requests_.data());
  }

  void FindPartitions() {
    ForEach([this](const TableReaderImpl& table, PointRequest& request,
                   Walk& walk) {
      walk.partition_at =
          table.top_->Find(request.key->seek_key(), table.fetcher_.order());
      if (walk.partition_at == table.top_->count()) return false;
      walk.partition = table.index_.single.get();
      if (walk.partition != nullptr) return true;
      walk.partition =
          table.fetcher_.FindPartition(*table.top_, walk.partition_at);
      if (walk.partition == nullptr) Miss(request);
      return true;
    });
  }

  void FindBlocks() {
    ForEach([this](const TableReaderImpl& table, PointRequest& request,
                   Walk& walk) {
      walk.block = table.fetcher_.Find(*walk.partition, walk.block_at);
      if (walk.block == nullptr) Miss(request);
      return true;
    });
  }

  const BlockHandle& HandleOf(size_t i, bool partition) const {
    return partition ? TableOf(i).top_->handle(walks_[i].partition_at)
                     : walks_[i].partition->handle(walks_[i].block_at);
  }

  // Reads what the missing ones wait for; those whose block cannot be had end.
  // Not inline: its frame is for the few calls that do I/O.
  [[gnu::noinline]] void LoadMissing(bool partitions) {
    std::array<Load, kMax> loads;
    std::array<uint8_t, kMax> load_of;  // By request.
    const absl::Status may = CheckMayRead(options_);
    size_t count = 0;
    for (Set left = missing_; left != 0; left &= left - 1) {
      const auto i = static_cast<size_t>(__builtin_ctz(left));
      requests_[i].status = may;
      if (may.ok()) load_of[i] = Place(i, partitions, loads, &count);
    }
    if (may.ok()) Read(std::span(loads).first(count));
    for (Set left = missing_; left != 0; left &= left - 1) {
      const auto i = static_cast<size_t>(__builtin_ctz(left));
      if (!may.ok()) continue;
      Load& load = loads[load_of[i]];
      if (load.first == i && load.block.status.ok()) {
        load.block.status = Finish(i, partitions, load.block);
      }
      requests_[i].status = load.block.status;
      if (load.first != i && load.block.status.ok()) {
        Share(walks_[load.first], partitions, walks_[i]);
      }
    }
    missing_ = 0;
    ForEach([](const TableReaderImpl&, PointRequest& request, Walk&) {
      return request.status.ok();
    });
  }

  // The load of the block that request `i` waits for, begun if it is the first
  // to.
  uint8_t Place(size_t i, bool partitions, std::array<Load, kMax>& loads,
                size_t* count) const {
    const BlockHandle& handle = HandleOf(i, partitions);
    const TableReaderImpl& table = TableOf(i);
    for (size_t n = 0; n < *count; ++n) {
      if (loads[n].table == &table &&
          loads[n].block.handle.offset == handle.offset) {
        return static_cast<uint8_t>(n);
      }
    }
    Load& load = loads[*count];
    load.table = &table;
    load.first = i;
    load.block.status = partitions
                            ? table.fetcher_.BeginIndex(handle, &load.block)
                            : table.fetcher_.BeginData(handle, &load.block);
    return static_cast<uint8_t>((*count)++);
  }

  // Reads all, a batch a file; the files but the first are asked to begin while
  // that one is read.
  void Read(std::span<Load> loads) const {
    std::array<BlockLoad*, kMax> batch;
    std::array<bool, kMax> done{};
    for (size_t n = 0; n < loads.size(); ++n) {
      done[n] = !loads[n].block.status.ok();
      if (!done[n] && loads[n].table != loads[0].table) {
        loads[n].table->fetcher_.Prefetch(loads[n].block, options_.io);
      }
    }
    for (size_t n = 0; n < loads.size(); ++n) {
      size_t size = 0;
      for (size_t m = n; m < loads.size(); ++m) {
        if (done[m] || loads[m].table != loads[n].table) continue;
        done[m] = true;
        batch[size++] = &loads[m].block;
      }
      if (size == 0) continue;
      loads[n].table->fetcher_.ReadBatch(std::span(batch).first(size),
                                         options_.io);
    }
  }

  absl::Status Finish(size_t i, bool partitions, BlockLoad& load) {
    const TableReaderImpl& table = TableOf(i);
    Walk& walk = walks_[i];
    absl::Status status;
    if (partitions) {
      status = table.fetcher_.FinishIndex(options_, table.index_.filter, load,
                                          &walk.own_partition);
      walk.partition = walk.own_partition.get();
    } else {
      status = table.fetcher_.FinishData(options_, load, &walk.own_block);
      walk.block = walk.own_block.get();
    }
    return status;
  }

  static void Share(const Walk& from, bool partitions, Walk& to) {
    if (partitions) {
      to.own_partition = from.own_partition;
      to.partition = from.partition;
    } else {
      to.own_block = from.own_block;
      to.block = from.block;
    }
  }

  const std::span<PointRequest> requests_;
  const TableReadOptions& options_;
  std::array<Walk, kMax> walks_;
  // The reads that go on; each pass leaves out those that ended.
  std::array<uint8_t, kMax> alive_;
  size_t count_;
  Set missing_ = 0;  // Those whose next block is not in memory.
};

}  // namespace

absl::Status CheckDeadline(const TableReadOptions& options) {
  if (options.clock == nullptr ||
      options.clock->Monotonic() < options.io.deadline) {
    return absl::OkStatus();
  }
  return absl::DeadlineExceededError("the deadline of the read has passed");
}

absl::Status CheckMayRead(const TableReadOptions& options) {
  if (options.cache_only) {
    return absl::UnavailableError(
        "what the read needs is not in memory, and it may not do I/O");
  }
  return CheckDeadline(options);
}

absl::Status TableReader::GetFirst(std::span<const TableReader* const> tables,
                                   const LookupKey& key,
                                   const TableReadOptions& options,
                                   PointResult* result, TablesAsked* asked) {
  LISSOM_DCHECK(tables.size() <= kMaxTables);
  *asked = {};
  return FirstOf::Get(tables, key, options, result, asked);
}

void TableReader::MultiGet(std::span<PointRequest> requests,
                           const TableReadOptions& options) {
  LISSOM_DCHECK(requests.size() <= kMaxRequests);
  MultiWalk(requests, options).Run();
}

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
                           .cache = std::move(options.cache),
                           .cache_key = options.cache_key},
      options.io);
  LISSOM_RETURN_IF_ERROR(reader->Load(options.id, options.tail_size));
  return reader;
}

}  // namespace lissom
