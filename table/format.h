// The frame of a table file: block handles, block trailers and the footer.
// Every byte of the file is in table/FORMAT.md.
//
//   [data block][trailer] ... [partition][trailer] ... ([dictionary][trailer])
//   [top index][trailer] [properties][trailer] [footer]
//
// All functions here treat what they read as hostile: they return what is wrong
// with it and never read past it. Who knows the file makes the Status.
#ifndef LISSOM_TABLE_FORMAT_H_
#define LISSOM_TABLE_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "util/file_id.h"

namespace lissom {

// What is wrong with some bytes; nothing if `what` is null.
struct Flaw {
  const char* what = nullptr;
  bool newer = false;  // Written by a newer lissom, rather than damaged.

  explicit operator bool() const { return what != nullptr; }
};

// Where a block stands. `stored_size` does not count the trailer.
struct BlockHandle {
  uint64_t offset = 0;
  uint32_t stored_size = 0;
  uint32_t raw_size = 0;  // After decompression; stored_size if there is none.
  friend bool operator==(const BlockHandle&, const BlockHandle&) = default;
};

// The compression byte of a block, and `codec` in the properties, where it is
// kNone or kZstd.
enum class Codec : uint8_t {
  kNone = 0,
  kZstd = 1,
  kZstdDictionary = 2,  // With the table's dictionary.
};

// Behind the stored bytes of every block: the compression byte, and a checksum
// of stored bytes and compression byte, bound to file id and offset. It has 64
// bits: on a 4 KiB block the four bytes more are a thousandth of the file, and
// a misread is then missed once in 10^19, not once in 10^9.
inline constexpr size_t kBlockTrailerSize = 1 + sizeof(uint64_t);

// No block is larger than this before or after compression: room for a value
// of 1 GiB behind a key of 1 MiB, and every offset in a block fits 31 bits.
inline constexpr uint64_t kMaxBlockSize = (uint64_t{1} << 30) + (1u << 26);

// The most that a block of `stored_size` bytes may claim to hold: so a small
// hostile file cannot ask for gigabytes. The writer keeps to it by storing what
// shrinks even better as it is (above a mebibyte only).
constexpr uint64_t MaxRawSize(uint64_t stored_size) {
  constexpr uint64_t kFree = 1 << 20;
  constexpr uint64_t kRatio = 1024;
  const uint64_t limit = stored_size * kRatio;  // Sizes are below 2^32.
  return limit < kFree ? kFree : limit > kMaxBlockSize ? kMaxBlockSize : limit;
}

// Appends the trailer for the block whose stored bytes are the end of *file_end
// from `start` on and which will stand at `offset` of the file.
void SealBlock(const FileId& id, uint64_t offset, Codec codec, size_t start,
               std::string* file_end);

// `bytes` is stored bytes and trailer, as read from `offset`.
bool BlockChecksumHolds(const FileId& id, uint64_t offset,
                        std::string_view bytes);

struct Footer {
  static constexpr size_t kSize = 72;
  static constexpr uint64_t kMagic = 0x62746d6f7373696c;  // "lissomtb"
  static constexpr uint32_t kVersion = 0;

  BlockHandle top;  // Never compressed, like the properties.
  BlockHandle properties;
  FileId id;
  uint32_t version = kVersion;
  uint32_t min_reader_version = kVersion;

  void AppendTo(uint64_t offset, std::string* file) const;

  // `bytes` are the last kSize of a file whose footer starts at `offset` and
  // which should have the id `expected`.
  Flaw Decode(const FileId& expected, uint64_t offset, std::string_view bytes);
};

}  // namespace lissom

#endif  // LISSOM_TABLE_FORMAT_H_
