#include "util/compression.h"

#include <zstd.h>

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

absl::Status Decompress(std::string_view in, size_t raw_size, char* out) {
  if (!IsOneFrame(in)) return absl::DataLossError("not a zstd frame");
  Decompressor decompressor;
  if (decompressor.get() == nullptr) {
    return absl::ResourceExhaustedError("no memory for a zstd decompressor");
  }
  // In one pass zstd writes straight to `out`, bounded by raw_size; the sizes
  // in the frame only make it fail.
  const size_t n = ZSTD_decompressDCtx(decompressor.get(), out, raw_size,
                                       in.data(), in.size());
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

}  // namespace lissom
