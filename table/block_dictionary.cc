#include "table/block_dictionary.h"

#include <memory>
#include <vector>

#include "util/compression.h"

namespace lissom {
namespace {

// Every fourth block is for the trial. A dictionary looks better than it is on
// blocks that it has pieces of.
constexpr size_t kTrialStride = 4;
bool IsForTrial(size_t block) { return block % kTrialStride == 0; }

// What zstd gathers its statistics from. Samples of 16 KiB for a dictionary of
// 4 KiB came out worse than no dictionary (ratio 3.35 against 3.65), cut in
// four better (3.77).
constexpr size_t kSampleBytes = 4096;

// Large enough for a value or some, small enough that many blocks give one.
constexpr size_t kPieceBytes = 512;

struct Samples {
  std::string bytes;
  std::vector<size_t> sizes;
};

Samples CutSamples(std::span<const std::string_view> blocks) {
  Samples samples;
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (IsForTrial(i)) continue;
    samples.bytes.append(blocks[i]);
    for (size_t left = blocks[i].size(); left > 0;) {
      samples.sizes.push_back(std::min(left, kSampleBytes));
      left -= samples.sizes.back();
    }
  }
  return samples;
}

// Requires: at least as many bytes as the content is to have.
std::string TakePieces(std::string_view bytes, size_t content_bytes) {
  std::string content;
  const size_t pieces = (content_bytes + kPieceBytes - 1) / kPieceBytes;
  const size_t stride = bytes.size() / pieces;
  for (size_t i = 0; i < pieces; ++i) {
    content.append(bytes.substr(i * stride, kPieceBytes));
  }
  return content;
}

size_t StoredSize(size_t raw, bool compressed, size_t shrunk) {
  return compressed && IsWorthStoring(raw, shrunk) ? shrunk : raw;
}

bool Pays(const Compression& compression, std::string_view dictionary,
          std::span<const std::string_view> blocks, bool is_all) {
  const std::unique_ptr<CompressionDictionary> ready =
      CompressionDictionary::Create(compression.level(), dictionary);
  if (ready == nullptr) return false;
  uint64_t with = 0;
  uint64_t without = 0;
  std::string out;
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (!IsForTrial(i)) continue;
    const size_t raw = blocks[i].size();
    const bool fine = Compress(*ready, blocks[i], &out);
    with += StoredSize(raw, fine, out.size());
    const bool plain = Compress(compression.level(), blocks[i], &out);
    without += StoredSize(raw, plain, out.size());
  }
  if (is_all) with += dictionary.size() / kTrialStride;  // The trial's share.
  constexpr uint64_t kLeastGain = 20;                    // A 20th.
  return with + without / kLeastGain < without;
}

}  // namespace

std::string MakeBlockDictionary(const Compression& compression,
                                std::span<const std::string_view> blocks,
                                bool is_all) {
  const size_t size = std::clamp(compression.dictionary_bytes(),
                                 kMinDictionaryBytes, kMaxDictionaryBytes);
  size_t total = 0;
  for (const std::string_view block : blocks) total += block.size();
  if (blocks.size() < kLeastDictionaryBlocks || total < 8 * size) return {};
  const Samples samples = CutSamples(blocks);
  if (samples.bytes.size() < size) return {};  // The trial took nearly all.
  std::string dictionary = TrainDictionary(compression.level(), size,
                                           TakePieces(samples.bytes, size),
                                           samples.bytes, samples.sizes);
  if (dictionary.empty() || !Pays(compression, dictionary, blocks, is_all)) {
    return {};
  }
  return dictionary;
}

}  // namespace lissom
