#include "table/block_fetcher.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "util/check.h"
#include "util/compression.h"
#include "util/error.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

std::unique_ptr<char[]> AllocateBytes(size_t size) {
  return std::unique_ptr<char[]>(new (std::nothrow) char[size]);
}

}  // namespace

absl::Status BlockFetcher::Error(uint64_t offset, const Flaw& flaw) const {
  if (!flaw.newer) return CorruptionError(source_.path, offset, flaw.what);
  return WithDetail(absl::UnimplementedError(absl::StrCat(
                        source_.path, ": ", flaw.what, " at offset ", offset)),
                    {.file = source_.path, .offset = offset});
}

absl::Status BlockFetcher::OutOfMemory(uint64_t offset) const {
  return WithDetail(
      absl::ResourceExhaustedError(absl::StrCat(
          source_.path, ": no memory for the block at offset ", offset)),
      {.kind = ErrorKind::kNoResources,
       .file = source_.path,
       .offset = offset});
}

absl::Status BlockFetcher::Read(uint64_t offset, size_t size,
                                const IoContext& io, char* to) const {
  LISSOM_ASSIGN_OR_RETURN(std::string_view got,
                          source_.file->Read(offset, size, to, io));
  if (got.size() != size) return Error(offset, {.what = "file cut short"});
  // A file may answer with bytes of its own.
  if (got.data() != to) std::memcpy(to, got.data(), size);
  return absl::OkStatus();
}

void ReadaheadBuffer::Note(uint64_t at, size_t size) {
  const bool forward = at == last_end_;
  const bool backward = at + size == last_begin_;
  const bool follows = run_ == 0   ? forward || backward
                       : backward_ ? backward
                                   : forward;
  run_ = follows ? run_ + 1 : 0;
  if (follows) backward_ = !forward;
  last_begin_ = at;
  last_end_ = at + size;
  if (!automatic) return;
  if (run_ < kBlocksBefore) {
    window = 0;
  } else if (window == 0) {
    window = kFirstWindow;
  }
}

void ReadaheadBuffer::Grow() {
  if (automatic) window = std::min(window * 2, kLastWindow);
}

// Makes ahead.bytes the window that begins or, going backwards, ends with the
// block.
absl::Status BlockFetcher::FillWindow(uint64_t offset, size_t size,
                                      const IoContext& io,
                                      ReadaheadBuffer& ahead) const {
  const bool backward = ahead.Backward(offset);
  const uint64_t end = offset + size;
  const uint64_t start = !backward            ? offset
                         : end > ahead.window ? end - ahead.window
                                              : 0;
  const uint64_t stop =
      std::min<uint64_t>(start + ahead.window, source_.file_size);
  ahead.bytes.Resize(stop - start);
  ahead.offset = start;
  absl::Status status = Read(start, ahead.bytes.size(), io, ahead.bytes.data());
  if (!status.ok()) ahead.bytes.Clear();
  return status;
}

absl::Status BlockFetcher::ReadThrough(uint64_t offset, size_t size,
                                       const IoContext& io,
                                       ReadaheadBuffer* readahead,
                                       char* to) const {
  if (readahead == nullptr) return Read(offset, size, io, to);
  ReadaheadBuffer& ahead = *readahead;
  ahead.Note(offset, size);
  if (!ahead.Holds(offset, size)) {
    // The block itself may be readable where the window is not; the window is
    // nobody's error.
    if (ahead.window <= size || !FillWindow(offset, size, io, ahead).ok()) {
      return Read(offset, size, io, to);
    }
    ahead.Grow();
  }
  std::memcpy(to, ahead.bytes.data() + (offset - ahead.offset), size);
  return absl::OkStatus();
}

// `bytes` is the stored block with its trailer.
absl::Status BlockFetcher::CheckTrailer(uint64_t offset, std::string_view bytes,
                                        bool compressed, bool verify) const {
  if (verify && !BlockChecksumHolds(source_.id, offset, bytes)) {
    return Error(offset, {.what = "block checksum mismatch"});
  }
  const auto codec =
      static_cast<Codec>(bytes[bytes.size() - kBlockTrailerSize]);
  const bool known = codec == Codec::kNone || codec == Codec::kZstd ||
                     codec == Codec::kZstdDictionary;
  if (known && compressed == (codec != Codec::kNone)) return absl::OkStatus();
  if (known) {
    return Error(offset, {.what = "block size does not suit its compression"});
  }
  return Error(offset,
               {.what = "block of an unknown compression", .newer = verify});
}

absl::Status BlockFetcher::OpenBlock(const BlockHandle& handle,
                                     std::string_view bytes,
                                     std::string_view* content) const {
  LISSOM_RETURN_IF_ERROR(CheckTrailer(handle.offset, bytes,
                                      /*compressed=*/false, /*verify=*/true));
  *content = bytes.substr(0, handle.stored_size);
  return absl::OkStatus();
}

void BlockFetcher::Erase(const IndexBlock& index) const {
  for (uint32_t i = 0; i < index.count(); ++i) {
    source_.cache->Erase(DataKey(index.handle(i)));
  }
  source_.cache->Reclaim();
}

void BlockFetcher::EraseAll(const IndexBlock& top) const {
  for (uint32_t i = 0; i < top.count(); ++i) {
    const auto partition =
        Downcast<IndexBlock>(source_.cache->Erase(IndexKey(top.handle(i))));
    if (partition) Erase(*partition);
  }
}

absl::Status BlockFetcher::BeginData(const BlockHandle& handle,
                                     BlockLoad* load) const {
  load->handle = handle;
  load->size = handle.stored_size + kBlockTrailerSize;
  const bool compressed = handle.raw_size != handle.stored_size;
  load->data =
      DataBlock::Allocate(compressed ? size_t{handle.raw_size} : load->size,
                          &source_.cache->memory());
  if (!load->data) return OutOfMemory(handle.offset);
  if (!compressed) return absl::OkStatus();
  load->stored = AllocateBytes(load->size);
  if (load->stored == nullptr) return OutOfMemory(handle.offset);
  return absl::OkStatus();
}

absl::Status BlockFetcher::BeginIndex(const BlockHandle& handle,
                                      BlockLoad* load) const {
  if (handle.raw_size != handle.stored_size) {
    return Error(handle.offset, {.what = "index block is compressed"});
  }
  load->handle = handle;
  load->size = handle.stored_size + kBlockTrailerSize;
  load->stored = AllocateBytes(load->size);
  if (load->stored == nullptr) return OutOfMemory(handle.offset);
  return absl::OkStatus();
}

void BlockFetcher::ReadBatch(std::span<BlockLoad* const> loads,
                             const IoContext& io) const {
  std::array<ReadRequest, TableReader::kMaxRequests> requests;
  LISSOM_DCHECK(loads.size() <= requests.size());
  for (size_t i = 0; i < loads.size(); ++i) {
    requests[i].offset = loads[i]->handle.offset;
    requests[i].size = loads[i]->size;
    requests[i].scratch = loads[i]->to();
  }
  source_.file->ReadBatch(std::span(requests).first(loads.size()), io);
  for (size_t i = 0; i < loads.size(); ++i) {
    BlockLoad& load = *loads[i];
    const ReadRequest& request = requests[i];
    load.status = request.status;
    if (!load.status.ok()) continue;
    if (request.result.size() != load.size) {
      load.status = Error(load.handle.offset, {.what = "file cut short"});
    } else if (request.result.data() != load.to()) {
      std::memcpy(load.to(), request.result.data(), load.size);
    }
  }
}

absl::Status BlockFetcher::Inflate(const BlockLoad& load, char* to) const {
  const BlockHandle& handle = load.handle;
  const bool needs_dictionary =
      static_cast<Codec>(load.stored[handle.stored_size]) ==
      Codec::kZstdDictionary;
  if (needs_dictionary && dictionary_ == nullptr) {
    return Error(handle.offset,
                 {.what = "block needs a dictionary that the table has not"});
  }
  const absl::Status status =
      Decompress({load.stored.get(), handle.stored_size}, handle.raw_size, to,
                 needs_dictionary ? dictionary_.get() : nullptr);
  if (absl::IsResourceExhausted(status)) {
    return OutOfMemory(handle.offset);
  }
  if (!status.ok()) {
    return Error(handle.offset, {.what = "block does not decompress"});
  }
  return absl::OkStatus();
}

absl::Status BlockFetcher::FinishData(const TableReadOptions& options,
                                      BlockLoad& load,
                                      Ref<const DataBlock>* block) const {
  const BlockHandle& handle = load.handle;
  const bool compressed = load.stored != nullptr;
  LISSOM_RETURN_IF_ERROR(CheckTrailer(handle.offset, {load.to(), load.size},
                                      compressed, options.verify_checksums));
  if (compressed) {
    LISSOM_RETURN_IF_ERROR(Inflate(load, load.data->mutable_data()));
    load.stored.reset();
  }
  if (Flaw flaw = load.data->Parse(handle.raw_size)) {
    // Unverified bytes that make no sense are damage, not a newer format.
    flaw.newer = flaw.newer && options.verify_checksums;
    return Error(handle.offset, flaw);
  }
  Ref<const DataBlock> result(std::move(load.data));
  // What was not verified must not be taken for verified by the next reader.
  if (options.fill_cache && options.verify_checksums) {
    result =
        Downcast<DataBlock>(source_.cache->Insert(DataKey(handle), result));
  }
  *block = std::move(result);
  return absl::OkStatus();
}

absl::Status BlockFetcher::FinishIndex(const TableReadOptions& options,
                                       FilterId filter, BlockLoad& load,
                                       Ref<const IndexBlock>* block) const {
  const BlockHandle& handle = load.handle;
  std::string_view content;
  LISSOM_RETURN_IF_ERROR(OpenBlock(handle, {load.to(), load.size}, &content));
  Ref<IndexBlock> fresh = MakeRef<IndexBlock>(&source_.cache->memory());
  if (Flaw flaw = fresh->Parse(content, source_.order, filter, handle.offset)) {
    return Error(handle.offset, flaw);
  }
  Ref<const IndexBlock> result(std::move(fresh));
  if (options.fill_cache) {
    result = Downcast<IndexBlock>(source_.cache->Insert(
        IndexKey(handle), result, BlockCache::Rank::kIndex));
  }
  *block = std::move(result);
  return absl::OkStatus();
}

absl::Status BlockFetcher::LoadData(const IndexBlock& index, uint32_t i,
                                    const TableReadOptions& options,
                                    ReadaheadBuffer* readahead,
                                    Ref<const DataBlock>* block) const {
  LISSOM_RETURN_IF_ERROR(CheckMayRead(options));
  BlockLoad load;
  LISSOM_RETURN_IF_ERROR(BeginData(index.handle(i), &load));
  LISSOM_RETURN_IF_ERROR(ReadThrough(load.handle.offset, load.size, options.io,
                                     readahead, load.to()));
  return FinishData(options, load, block);
}

absl::Status BlockFetcher::LoadIndex(const IndexBlock& top, uint32_t i,
                                     FilterId filter,
                                     const TableReadOptions& options,
                                     Ref<const IndexBlock>* block) const {
  LISSOM_RETURN_IF_ERROR(CheckMayRead(options));
  BlockLoad load;
  LISSOM_RETURN_IF_ERROR(BeginIndex(top.handle(i), &load));
  LISSOM_RETURN_IF_ERROR(
      Read(load.handle.offset, load.size, options.io, load.to()));
  return FinishIndex(options, filter, load, block);
}

}  // namespace lissom
