#include "util/compression.h"

#include <zdict.h>
#include <zstd.h>

#include <algorithm>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "util/coding.h"

namespace lissom {
namespace {

void Free(ZSTD_CCtx* context) { ZSTD_freeCCtx(context); }
void Free(ZSTD_DCtx* context) { ZSTD_freeDCtx(context); }

// The context of one thread, kept between calls. A database in static storage
// closes after the main thread's thread_locals are gone: `context` therefore
// has no destructor and stays readable, and from the moment `ended` is set a
// context lives for one call only.
template <typename Context>
struct ThreadSlot {
  Context* context;
  bool ended;
};

template <typename Context>
ThreadSlot<Context>& SlotOfThread() {
  static thread_local ThreadSlot<Context> slot;  // Zero-initialised.
  return slot;
}

template <typename Context>
struct FreeAtThreadExit {
  ~FreeAtThreadExit() {
    ThreadSlot<Context>& slot = SlotOfThread<Context>();
    Free(std::exchange(slot.context, nullptr));
    slot.ended = true;
  }
};

// Borrows the thread's context for a call; null if memory is short.
template <typename Context, Context* (*kCreate)()>
class Borrowed {
 public:
  Borrowed() : slot_(SlotOfThread<Context>()) {
    if (slot_.context != nullptr) return;
    slot_.context = kCreate();
    if (!slot_.ended) {
      static thread_local FreeAtThreadExit<Context> at_exit;
      static_cast<void>(at_exit);
    }
  }
  ~Borrowed() {
    if (slot_.ended) Free(std::exchange(slot_.context, nullptr));
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;

  Context* get() const { return slot_.context; }

 private:
  ThreadSlot<Context>& slot_;
};

using Compressor = Borrowed<ZSTD_CCtx, ZSTD_createCCtx>;
using Decompressor = Borrowed<ZSTD_DCtx, ZSTD_createDCtx>;

// The id in every dictionary of ours, and so a byte in every frame made with
// one: zstd then refuses the frame without a dictionary. Which dictionary it is
// says the table.
constexpr unsigned kDictionaryId = 1;

// One frame of today's format that ends where `in` ends. Debian's zstd would
// also read the formats of before version 1.0, whose decoders nobody hardens
// any more, and any number of frames in a row: we write neither.
bool IsOneFrame(std::string_view in) {
  return in.size() >= sizeof(uint32_t) &&
         DecodeFixed32(in.data()) == ZSTD_MAGICNUMBER &&
         ZSTD_findFrameCompressedSize(in.data(), in.size()) == in.size();
}

}  // namespace

bool Compress(int level, std::string_view in, std::string* out) {
  Compressor compressor;
  if (compressor.get() == nullptr) return false;
  out->resize(ZSTD_compressBound(in.size()));
  const size_t n = ZSTD_compressCCtx(compressor.get(), out->data(), out->size(),
                                     in.data(), in.size(), level);
  if (ZSTD_isError(n)) return false;
  out->resize(n);
  return true;
}

std::unique_ptr<CompressionDictionary> CompressionDictionary::Create(
    int level, std::string_view bytes) {
  ZSTD_CDict* made = ZSTD_createCDict(bytes.data(), bytes.size(), level);
  if (made == nullptr) return nullptr;
  return std::unique_ptr<CompressionDictionary>(
      new CompressionDictionary(made));
}

CompressionDictionary::~CompressionDictionary() { ZSTD_freeCDict(dictionary_); }

bool Compress(const CompressionDictionary& dictionary, std::string_view in,
              std::string* out) {
  Compressor compressor;
  if (compressor.get() == nullptr) return false;
  out->resize(ZSTD_compressBound(in.size()));
  const size_t n =
      ZSTD_compress_usingCDict(compressor.get(), out->data(), out->size(),
                               in.data(), in.size(), dictionary.dictionary_);
  if (ZSTD_isError(n)) return false;
  out->resize(n);
  return true;
}

absl::StatusOr<std::unique_ptr<DecompressionDictionary>>
DecompressionDictionary::Create(std::string_view bytes) {
  // zstd takes bytes without its magic number as bare content; ours have it.
  // The size of its head is known only if all of its statistics make sense.
  if (ZDICT_getDictID(bytes.data(), bytes.size()) != kDictionaryId ||
      ZDICT_isError(ZDICT_getDictHeaderSize(bytes.data(), bytes.size()))) {
    return absl::DataLossError("not a zstd dictionary");
  }
  ZSTD_DDict* made = ZSTD_createDDict(bytes.data(), bytes.size());
  if (made == nullptr) {
    // zstd does not say why. Is it memory, there is none for this either.
    const std::unique_ptr<char[]> probe(
        new (std::nothrow) char[bytes.size() + (size_t{64} << 10)]);
    if (probe != nullptr) return absl::DataLossError("not a zstd dictionary");
    return absl::ResourceExhaustedError("no memory for a zstd dictionary");
  }
  return std::unique_ptr<DecompressionDictionary>(
      new DecompressionDictionary(made));
}

DecompressionDictionary::~DecompressionDictionary() {
  ZSTD_freeDDict(dictionary_);
}

size_t DecompressionDictionary::memory_bytes() const {
  return ZSTD_sizeof_DDict(dictionary_);
}

absl::Status Decompress(std::string_view in, size_t raw_size, char* out,
                        const DecompressionDictionary* dictionary) {
  if (!IsOneFrame(in)) return absl::DataLossError("not a zstd frame");
  Decompressor decompressor;
  if (decompressor.get() == nullptr) {
    return absl::ResourceExhaustedError("no memory for a zstd decompressor");
  }
  // In one pass zstd writes straight to `out`, bounded by raw_size; the sizes
  // in the frame only make it fail.
  const size_t n = dictionary == nullptr
                       ? ZSTD_decompressDCtx(decompressor.get(), out, raw_size,
                                             in.data(), in.size())
                       : ZSTD_decompress_usingDDict(
                             decompressor.get(), out, raw_size, in.data(),
                             in.size(), dictionary->dictionary_);
  if (ZSTD_isError(n)) {
    return absl::DataLossError(
        absl::StrCat("zstd cannot decompress: ", ZSTD_getErrorName(n)));
  }
  if (n != raw_size) {
    return absl::DataLossError(
        absl::StrCat("zstd gave ", n, " bytes instead of ", raw_size));
  }
  return absl::OkStatus();
}

std::string TrainDictionary(int level, size_t max_bytes,
                            std::string_view content, std::string_view samples,
                            std::span<const size_t> sizes) {
  if (content.size() > max_bytes) {
    content.remove_prefix(content.size() - max_bytes);
  }
  std::string dictionary(std::max(max_bytes, kMinDictionaryBytes), '\0');
  const size_t n = ZDICT_finalizeDictionary(
      dictionary.data(), dictionary.size(), content.data(), content.size(),
      samples.data(), sizes.data(), static_cast<unsigned>(sizes.size()),
      {.compressionLevel = level,
       .notificationLevel = 0,
       .dictID = kDictionaryId});
  dictionary.resize(ZDICT_isError(n) ? 0 : n);
  return dictionary;
}

}  // namespace lissom
