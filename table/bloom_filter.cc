#include "table/bloom_filter.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace lissom {
namespace {

constexpr double kLineBits = 8.0 * kBloomLineSize;

size_t LinesFor(size_t keys, double bits_per_key) {
  const double lines =
      std::ceil(static_cast<double>(keys) * bits_per_key / kLineBits);
  return std::max<size_t>(1, static_cast<size_t>(lines));
}

}  // namespace

double BloomFalsePositiveRate(double bits_per_key, int probes) {
  const double mean = kLineBits / bits_per_key;
  double share = std::exp(-mean);  // Of lines with `i` keys, by Poisson.
  double rate = 0;
  // Of a line's bits, not set by one key, by all of them.
  const double clear_by_one = std::pow(1 - 1 / kLineBits, probes);
  double clear = 1;
  for (int i = 1; i < static_cast<int>(mean * 4) + 64; ++i) {
    share *= mean / i;
    clear *= clear_by_one;
    rate += share * std::pow(1 - clear, probes);
  }
  return rate;
}

int BloomProbes(double bits_per_key) {
  // The rate has one minimum: it is enough to go there. (A table's builder
  // waits for this.)
  int best = 1;
  double best_rate = BloomFalsePositiveRate(bits_per_key, best);
  while (best < kMaxBloomProbes) {
    const double rate = BloomFalsePositiveRate(bits_per_key, best + 1);
    if (rate >= best_rate) break;
    best_rate = rate;
    ++best;
  }
  // Every six probes cost a remix; 7 for 6 buys nothing that can be measured.
  if (best == BloomFilterView::kFieldsPerHash + 1) --best;
  return best;
}

size_t BloomFilterSize(size_t keys, double bits_per_key) {
  return LinesFor(keys, bits_per_key) * kBloomLineSize + 1;
}

void AppendBloomFilter(std::span<const uint64_t> hashes, double bits_per_key,
                       int probes, std::string* to) {
  const size_t lines = LinesFor(hashes.size(), bits_per_key);
  const size_t start = to->size();
  to->resize(start + lines * kBloomLineSize);
  char* data = to->data() + start;
  for (uint64_t hash : hashes) {
    char* line =
        data + BloomFilterView::LineIndex(hash, lines) * kBloomLineSize;
    uint64_t bits = hash;
    for (int i = 0; i < probes; ++i) {
      if (i != 0 && i % BloomFilterView::kFieldsPerHash == 0) {
        hash = BloomFilterView::Remix(hash);
        bits = hash;
      }
      // Bit b of word w, words little-endian: byte b / 8 of it, bit b % 8.
      line[(bits >> 3) & 63] =
          static_cast<char>(line[(bits >> 3) & 63] | 1 << (bits & 7));
      bits >>= BloomFilterView::kFieldBits;
    }
  }
  to->push_back(static_cast<char>(probes));
}

const char* BloomFilterView::Parse(std::string_view bytes) {
  if (bytes.size() < kBloomLineSize + 1 || bytes.size() % kBloomLineSize != 1) {
    return "filter size is not a number of lines";
  }
  const int probes = static_cast<uint8_t>(bytes.back());
  if (probes < 1 || probes > kMaxBloomProbes) return "bad filter probes";
  data_ = bytes.data();
  lines_ = bytes.size() / kBloomLineSize;
  probes_ = probes;
  return nullptr;
}

}  // namespace lissom
