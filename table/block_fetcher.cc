#include "table/block_fetcher.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "util/compression.h"
#include "util/error.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

absl::Status OutOfMemory(const std::string& path, uint64_t offset) {
  return WithDetail(
      absl::ResourceExhaustedError(
          absl::StrCat(path, ": no memory for the block at offset ", offset)),
      {.kind = ErrorKind::kNoResources, .file = path, .offset = offset});
}

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

absl::Status BlockFetcher::Read(uint64_t offset, size_t size,
                                const IoContext& io, char* to) const {
  LISSOM_ASSIGN_OR_RETURN(std::string_view got,
                          source_.file->Read(offset, size, to, io));
  if (got.size() != size) return Error(offset, {.what = "file cut short"});
  // A file may answer with bytes of its own.
  if (got.data() != to) std::memcpy(to, got.data(), size);
  return absl::OkStatus();
}

absl::Status BlockFetcher::ReadThrough(uint64_t offset, size_t size,
                                       const IoContext& io,
                                       ReadaheadBuffer* readahead,
                                       char* to) const {
  if (readahead == nullptr || readahead->window <= size) {
    return Read(offset, size, io, to);
  }
  ReadaheadBuffer& ahead = *readahead;
  if (offset < ahead.offset ||
      offset + size > ahead.offset + ahead.bytes.size()) {
    const bool backward = !ahead.bytes.empty() && offset < ahead.offset;
    const uint64_t end = offset + size;
    const uint64_t start = !backward            ? offset
                           : end > ahead.window ? end - ahead.window
                                                : 0;
    const uint64_t stop =
        std::min<uint64_t>(start + ahead.window, source_.file_size);
    ahead.bytes.resize(stop - start);
    ahead.offset = start;
    const absl::Status status =
        Read(start, ahead.bytes.size(), io, ahead.bytes.data());
    if (!status.ok()) {
      // The block itself may be readable; the window is nobody's error.
      ahead.bytes.clear();
      return Read(offset, size, io, to);
    }
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
  if (codec == (compressed ? Codec::kZstd : Codec::kNone)) {
    return absl::OkStatus();
  }
  if (codec == Codec::kZstd || codec == Codec::kNone) {
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

// Reads a compressed block into its raw_size bytes at `to`.
absl::Status BlockFetcher::Inflate(const BlockHandle& handle,
                                   const TableReadOptions& options,
                                   ReadaheadBuffer* readahead, char* to) const {
  const size_t size = handle.stored_size + kBlockTrailerSize;
  const std::unique_ptr<char[]> bytes = AllocateBytes(size);
  if (bytes == nullptr) return OutOfMemory(source_.path, handle.offset);
  LISSOM_RETURN_IF_ERROR(
      ReadThrough(handle.offset, size, options.io, readahead, bytes.get()));
  LISSOM_RETURN_IF_ERROR(CheckTrailer(handle.offset, {bytes.get(), size},
                                      /*compressed=*/true,
                                      options.verify_checksums));
  const absl::Status status =
      Decompress({bytes.get(), handle.stored_size}, handle.raw_size, to);
  if (absl::IsResourceExhausted(status)) {
    return OutOfMemory(source_.path, handle.offset);
  }
  if (!status.ok()) {
    return Error(handle.offset, {.what = "block does not decompress"});
  }
  return absl::OkStatus();
}

absl::Status BlockFetcher::LoadData(const IndexBlock& index, uint32_t i,
                                    const TableReadOptions& options,
                                    ReadaheadBuffer* readahead,
                                    Ref<const DataBlock>* block) const {
  const BlockHandle& handle = index.handle(i);
  const bool compressed = handle.raw_size != handle.stored_size;
  const size_t size = compressed ? size_t{handle.raw_size}
                                 : handle.stored_size + kBlockTrailerSize;
  Ref<DataBlock> fresh = DataBlock::Allocate(size);
  if (!fresh) return OutOfMemory(source_.path, handle.offset);
  if (compressed) {
    LISSOM_RETURN_IF_ERROR(
        Inflate(handle, options, readahead, fresh->mutable_data()));
  } else {
    LISSOM_RETURN_IF_ERROR(ReadThrough(handle.offset, size, options.io,
                                       readahead, fresh->mutable_data()));
    LISSOM_RETURN_IF_ERROR(
        CheckTrailer(handle.offset, {fresh->mutable_data(), size},
                     /*compressed=*/false, options.verify_checksums));
  }
  if (Flaw flaw = fresh->Parse(handle.raw_size)) {
    // Unverified bytes that make no sense are damage, not a newer format.
    flaw.newer = flaw.newer && options.verify_checksums;
    return Error(handle.offset, flaw);
  }
  Ref<const DataBlock> result(std::move(fresh));
  // What was not verified must not be taken for verified by the next reader.
  if (options.fill_cache && options.verify_checksums) {
    result =
        Downcast<DataBlock>(source_.cache->Insert(DataKey(handle), result));
  }
  *block = std::move(result);
  return absl::OkStatus();
}

absl::Status BlockFetcher::LoadIndex(const IndexBlock& top, uint32_t i,
                                     FilterId filter,
                                     const TableReadOptions& options,
                                     Ref<const IndexBlock>* block) const {
  const BlockHandle& handle = top.handle(i);
  if (handle.raw_size != handle.stored_size) {
    return Error(handle.offset, {.what = "index block is compressed"});
  }
  const size_t size = handle.stored_size + kBlockTrailerSize;
  const std::unique_ptr<char[]> bytes = AllocateBytes(size);
  if (bytes == nullptr) return OutOfMemory(source_.path, handle.offset);
  LISSOM_RETURN_IF_ERROR(Read(handle.offset, size, options.io, bytes.get()));
  std::string_view content;
  LISSOM_RETURN_IF_ERROR(OpenBlock(handle, {bytes.get(), size}, &content));
  Ref<IndexBlock> fresh = MakeRef<IndexBlock>();
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

}  // namespace lissom
