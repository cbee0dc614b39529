// Compress and Decompress: one block of bytes through zstd, with a dictionary
// or without. The rule that keeps a block only if it shrinks enough, and
// everything about files, lives with the callers.
//
// Each thread keeps one compressor and one decompressor until it ends (a fresh
// one for every block would cost more than the block), about 150 KiB for
// reading and a few hundred for writing at middle levels.
// Threads: thread-safe.
#ifndef LISSOM_UTIL_COMPRESSION_H_
#define LISSOM_UTIL_COMPRESSION_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct ZSTD_CDict_s;  // zstd's own names for them.
struct ZSTD_DDict_s;

namespace lissom {

// Replaces *out by `in` compressed at zstd's `level`. False, and *out
// unspecified, if memory is short: the caller stores the bytes as they are.
// *out may be larger than `in`.
bool Compress(int level, std::string_view in, std::string* out);

// A dictionary made ready to compress with, at one level. Takes 50 KiB (level
// -1) to 500 KiB (level 3), and more above. Immutable, thread-safe.
class CompressionDictionary {
 public:
  // Null if memory is short. `bytes` need not live on.
  static std::unique_ptr<CompressionDictionary> Create(int level,
                                                       std::string_view bytes);
  ~CompressionDictionary();
  CompressionDictionary(const CompressionDictionary&) = delete;
  CompressionDictionary& operator=(const CompressionDictionary&) = delete;

 private:
  friend bool Compress(const CompressionDictionary& dictionary,
                       std::string_view in, std::string* out);
  explicit CompressionDictionary(ZSTD_CDict_s* dictionary)
      : dictionary_(dictionary) {}
  ZSTD_CDict_s* const dictionary_;
};

// The same with the dictionary, at its level.
bool Compress(const CompressionDictionary& dictionary, std::string_view in,
              std::string* out);

// A dictionary made ready to decompress with. Immutable, thread-safe.
class DecompressionDictionary {
 public:
  // kDataLoss, without a file: `bytes` are not a dictionary that
  // TrainDictionary could have made. kResourceExhausted: no memory. `bytes`
  // need not live on.
  static absl::StatusOr<std::unique_ptr<DecompressionDictionary>> Create(
      std::string_view bytes);
  ~DecompressionDictionary();
  DecompressionDictionary(const DecompressionDictionary&) = delete;
  DecompressionDictionary& operator=(const DecompressionDictionary&) = delete;

  size_t memory_bytes() const;  // `bytes` and about 28 KiB.

 private:
  friend absl::Status Decompress(std::string_view in, size_t raw_size,
                                 char* out,
                                 const DecompressionDictionary* dictionary);
  explicit DecompressionDictionary(ZSTD_DDict_s* dictionary)
      : dictionary_(dictionary) {}
  ZSTD_DDict_s* const dictionary_;
};

// Restores the `raw_size` bytes that `in` was made from at `out`, with the
// dictionary that it was made with, if there was one. Writes no byte beyond
// them, whatever `in` holds, and allocates nothing in proportion to what it
// claims. kDataLoss, without a file (the caller knows it): `in` is not one zstd
// frame of exactly raw_size bytes, or needs another dictionary; *out is then
// unspecified. kResourceExhausted: no memory.
absl::Status Decompress(std::string_view in, size_t raw_size, char* out,
                        const DecompressionDictionary* dictionary = nullptr);

// A dictionary of at most `max_bytes` (at least kMinDictionaryBytes) for blocks
// like those that `samples` (one behind the other, of these `sizes`) are pieces
// of: `content`, what is worth most at its end, behind the statistics that zstd
// gathers when it compresses the samples with it at `level`. Depends on nothing
// else. Empty if zstd makes none. Whether one pays is for the caller to try.
inline constexpr size_t kMinDictionaryBytes = 1024;
std::string TrainDictionary(int level, size_t max_bytes,
                            std::string_view content, std::string_view samples,
                            std::span<const size_t> sizes);

}  // namespace lissom

#endif  // LISSOM_UTIL_COMPRESSION_H_
