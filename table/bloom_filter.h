// A cache-local Bloom filter over key hashes: each key sets its bits within one
// line of 64 bytes, so a question costs one cache miss.
//
//   [line 0: 64 bytes] ... [line m-1] [probes: 1 byte]
//
// A key's line comes from the top bits of its 64-bit hash, its bits from nine
// hash bits each (six fields of the low 54 bits, then of the remixed hash).
//
// How often it errs: with n keys in m lines the keys of a line are Poisson with
// mean n / m = 512 / b (b bits a key); a line of i keys has a share
// 1 - (1 - 1/512)^(k i) of its bits set, and errs with that to the power k.
// Summed: b = 10, k = 6: 0.95 %, where an unpartitioned filter has 0.84 %;
// b = 14, k = 9: 0.19 %; b = 20, k = 12: 0.031 %. BloomFalsePositiveRate
// computes it; the tests hold the filter to it.
// Threads: a built filter is immutable; views borrow its bytes.
#ifndef LISSOM_TABLE_BLOOM_FILTER_H_
#define LISSOM_TABLE_BLOOM_FILTER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lissom {

inline constexpr size_t kBloomLineSize = 64;
inline constexpr int kMaxBloomProbes = 24;

// The filter id of table properties.
enum class FilterId : uint8_t { kNone = 0, kBlockedBloom = 1 };

// The number of probes that errs least at so many bits a key (1 to 64). Sums
// long series: ask once for a table.
int BloomProbes(double bits_per_key);

// Expected share of absent keys that a filter lets pass.
double BloomFalsePositiveRate(double bits_per_key, int probes);

// Bytes of the filter of `keys` keys.
size_t BloomFilterSize(size_t keys, double bits_per_key);

// Appends the filter of these hashes.
void AppendBloomFilter(std::span<const uint64_t> hashes, double bits_per_key,
                       int probes, std::string* to);

// Asks a filter. Views its bytes, which should start on a cache line.
class BloomFilterView {
 public:
  BloomFilterView() = default;  // Lets every key pass.

  // Null if `bytes` are a filter, else what is wrong with them.
  const char* Parse(std::string_view bytes);

  bool empty() const { return lines_ == 0; }

  // Asks the memory for the line that MayContain(hash) will look at.
  void Prefetch(uint64_t hash) const {
    if (lines_ != 0) __builtin_prefetch(LineOf(hash));
  }

  bool MayContain(uint64_t hash) const {
    if (lines_ == 0) return true;
    const char* line = LineOf(hash);
    uint64_t bits = hash;
    uint64_t all = 1;
    for (int left = probes_;;) {
      // No early exit: the six loads are of one line and overlap.
      const int now = left < kFieldsPerHash ? left : kFieldsPerHash;
      for (int i = 0; i < now; ++i) {
        all &= WordAt(line, bits) >> (bits & 63);
        bits >>= kFieldBits;
      }
      left -= now;
      if (left == 0 || (all & 1) == 0) return (all & 1) != 0;
      hash = Remix(hash);
      bits = hash;
    }
  }

  // Shared with the builder.
  static constexpr int kFieldBits = 9;
  static constexpr int kFieldsPerHash = 6;
  static uint64_t Remix(uint64_t hash) {
    hash *= 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 32);
  }
  static uint64_t LineIndex(uint64_t hash, uint64_t lines) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<uint64_t>((static_cast<Wide>(hash) * lines) >> 64);
  }

 private:
  const char* LineOf(uint64_t hash) const {
    return data_ + LineIndex(hash, lines_) * kBloomLineSize;
  }
  static uint64_t WordAt(const char* line, uint64_t bits) {
    uint64_t word;
    __builtin_memcpy(&word, line + ((bits >> 6) & 7) * sizeof word,
                     sizeof word);
    return word;
  }

  const char* data_ = nullptr;
  uint64_t lines_ = 0;
  int probes_ = 0;
};

}  // namespace lissom

#endif  // LISSOM_TABLE_BLOOM_FILTER_H_
