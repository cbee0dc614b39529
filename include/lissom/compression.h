// Compression says how blocks of a table are compressed. A value.
#ifndef LISSOM_COMPRESSION_H_
#define LISSOM_COMPRESSION_H_

#include <cstddef>

namespace lissom {

class Compression {
 public:
  static constexpr Compression None() { return Compression(false, 0, 0); }

  // zstd at `level`, -7 to 22. Negative levels are fast (about 1 GB/s in, 4
  // GB/s out on the reference machine), 1 to 3 the usual middle. A block that
  // does not shrink by an eighth is stored as it is.
  //
  // `dictionary_bytes`: 0, or 1 KiB to 256 KiB: each table gets a dictionary of
  // at most that size, made from its own first blocks, of which the builder
  // holds 32 times as much, at most 4 MiB, before it writes any. For blocks of
  // 4 KiB full of small values that are alike; 4 to 16 KiB are enough. Larger
  // blocks are their own dictionary. A table goes without if it is too small,
  // or if a trial on blocks of its own does not come out 5 % smaller.
  // Costs the builder some 1 to 5 ms a table for 4 to 16 KiB, and, while it
  // works, the blocks held and 50 to 500 KiB; an open table its dictionary's
  // size and 30 KiB, taken from the cache's share.
  static constexpr Compression Zstd(int level, size_t dictionary_bytes = 0) {
    return Compression(true, level, dictionary_bytes);
  }

  constexpr bool enabled() const { return enabled_; }
  constexpr int level() const { return level_; }
  constexpr size_t dictionary_bytes() const { return dictionary_bytes_; }
  friend constexpr bool operator==(Compression, Compression) = default;

 private:
  constexpr Compression(bool enabled, int level, size_t dictionary_bytes)
      : enabled_(enabled), level_(level), dictionary_bytes_(dictionary_bytes) {}
  bool enabled_;
  int level_;
  size_t dictionary_bytes_;
};

}  // namespace lissom

#endif  // LISSOM_COMPRESSION_H_
