// Compress and Decompress: one block of bytes through zstd. The rule that keeps
// a block only if it shrinks enough, and everything about files, lives with
// the callers.
//
// Each thread keeps one compressor and one decompressor until it ends (a fresh
// one for every block would cost more than the block), about 150 KiB for
// reading and a few hundred for writing at middle levels.
// Threads: thread-safe.
#ifndef LISSOM_UTIL_COMPRESSION_H_
#define LISSOM_UTIL_COMPRESSION_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace lissom {

// Replaces *out by `in` compressed at zstd's `level`. False, and *out
// unspecified, if memory is short: the caller stores the bytes as they are.
// *out may be larger than `in`.
bool Compress(int level, std::string_view in, std::string* out);

// Restores the `raw_size` bytes that `in` was made from at `out`. Writes no
// byte beyond them, whatever `in` holds, and allocates nothing in proportion to
// what it claims. kDataLoss, without a file (the caller knows it): `in` is not
// one zstd frame of exactly raw_size bytes; *out is then unspecified.
// kResourceExhausted: no memory.
absl::Status Decompress(std::string_view in, size_t raw_size, char* out);

}  // namespace lissom

#endif  // LISSOM_UTIL_COMPRESSION_H_
