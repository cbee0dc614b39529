// Compression says how blocks of a table are compressed. A value.
#ifndef LISSOM_COMPRESSION_H_
#define LISSOM_COMPRESSION_H_

#include <cstdint>

namespace lissom {

class Compression {
 public:
  static constexpr Compression None() { return Compression(false, 0); }

  // zstd at `level`, -7 to 22. Negative levels are fast (about 1 GB/s in, 4
  // GB/s out on the reference machine), 1 to 3 the usual middle. A block that
  // does not shrink by an eighth is stored as it is.
  static constexpr Compression Zstd(int level) {
    return Compression(true, level);
  }

  constexpr bool enabled() const { return enabled_; }
  constexpr int level() const { return level_; }
  friend constexpr bool operator==(Compression, Compression) = default;

 private:
  constexpr Compression(bool enabled, int level)
      : enabled_(enabled), level_(level) {}
  bool enabled_;
  int level_;
};

}  // namespace lissom

#endif  // LISSOM_COMPRESSION_H_
