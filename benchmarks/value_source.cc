#include "benchmarks/value_source.h"

#include <algorithm>

#include "util/random.h"

namespace lissom::bench {

ValueSource::ValueSource(uint64_t seed, size_t value_size,
                         double compression_ratio)
    : seed_(seed),
      value_size_(value_size),
      compression_ratio_(compression_ratio) {}

void ValueSource::Prepare() {
  if (!text_.empty()) return;
  constexpr size_t kTextBytes = size_t{1} << 20;
  constexpr size_t kPieceBytes = 100;
  // A piece repeats its first bytes, so many of them that they are the part
  // that does not compress away.
  const size_t fresh = std::clamp<size_t>(
      static_cast<size_t>(kPieceBytes * compression_ratio_), 1, kPieceBytes);
  Random random(seed_ ^ 0x76616c756573u);  // Not the keys' stream.
  const size_t wanted = std::max(kTextBytes, value_size_);
  text_.reserve(wanted + kPieceBytes);
  while (text_.size() < wanted) {
    const size_t piece = text_.size();
    for (size_t i = 0; i < fresh; ++i) {
      text_ += static_cast<char>(' ' + random.Uniform(95));
    }
    while (text_.size() < piece + kPieceBytes) {
      text_ += text_[text_.size() - fresh];
    }
  }
}

std::string_view ValueSource::Next() {
  if (text_.empty()) Prepare();
  if (at_ + value_size_ > text_.size()) at_ = 0;
  const std::string_view value =
      std::string_view(text_).substr(at_, value_size_);
  at_ += value_size_;
  return value;
}

}  // namespace lissom::bench
