#include "table/data_block_builder.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "table/data_block.h"
#include "util/check.h"
#include "util/coding.h"

namespace lissom {
namespace {

size_t CommonPrefix(std::string_view a, std::string_view b) {
  const size_t shorter = std::min(a.size(), b.size());
  return static_cast<size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<ptrdiff_t>(shorter),
                    b.begin())
          .first -
      a.begin());
}

}  // namespace

// The choices that the block's header states.
struct DataBlockBuilder::Layout {
  uint8_t flags = 0;
  uint8_t trailer_width = 0;
  uint8_t trailer_shift = 0;
  uint64_t trailer_base = 0;
  size_t entries_size = 0;
};

void DataBlockBuilder::Add(const InternalKeyView& key, uint64_t hash,
                           std::string_view value) {
  if (empty()) {
    prefix_size_ = share_prefix_ ? key.user_key.size() : 0;
  } else if (prefix_size_ != 0) {
    // Against the first key: it has the prefix of all so far.
    prefix_size_ = CommonPrefix({data_.data(), prefix_size_}, key.user_key);
  }
  tags_.push_back(static_cast<char>(DataBlockLayout::Tag(hash)));
  starts_.push_back(data_.size());
  key_sizes_.push_back(static_cast<uint32_t>(key.user_key.size()));
  trailers_.push_back(key.trailer);
  data_.append(key.user_key);
  data_.append(value);
}

size_t DataBlockBuilder::SizeWith(size_t key_size, size_t value_size) const {
  const size_t count = tags_.size() + 1;
  const size_t payload =
      data_.size() + key_size + value_size - prefix_size_ * (count - 1);
  const bool wide = payload > std::numeric_limits<uint16_t>::max();
  // Tag, offset, and a trailer of four bytes: 24 bits of sequence and a kind.
  return DataBlockLayout::kHeaderSize + payload + count * (1 + 4) +
         (count + 1) * (wide ? 4 : 2);
}

DataBlockBuilder::Layout DataBlockBuilder::Plan() const {
  Layout plan;
  plan.entries_size = data_.size() - prefix_size_ * tags_.size();
  const bool equal =
      std::all_of(key_sizes_.begin(), key_sizes_.end(),
                  [&](uint32_t size) { return size == key_sizes_.front(); });
  if (equal) {
    plan.flags |= DataBlockLayout::kEqualSuffixes;
  } else {
    for (uint32_t size : key_sizes_) {
      plan.entries_size += VarintLength(size - prefix_size_);
    }
  }
  if (plan.entries_size > std::numeric_limits<uint16_t>::max()) {
    plan.flags |= DataBlockLayout::kWideOffsets;
  }
  const auto ends = std::minmax_element(trailers_.begin(), trailers_.end());
  const uint64_t least = *ends.first;
  plan.trailer_base = least;
  const bool one_kind = std::all_of(
      trailers_.begin(), trailers_.end(),
      [&](uint64_t t) { return TrailerKind(t) == TrailerKind(least); });
  uint64_t range = *ends.second - least;
  if (one_kind && range != 0) {
    plan.flags |= DataBlockLayout::kShiftedTrailers;
    plan.trailer_shift = 8;
    range >>= 8;
  }
  for (; range != 0; range >>= 8) ++plan.trailer_width;
  return plan;
}

void DataBlockBuilder::Finish(std::string* to) {
  LISSOM_DCHECK(!empty());
  const Layout plan = Plan();
  const bool equal = (plan.flags & DataBlockLayout::kEqualSuffixes) != 0;
  const bool wide = (plan.flags & DataBlockLayout::kWideOffsets) != 0;
  const size_t count = tags_.size();
  const size_t offset_width = wide ? 4 : 2;
  const size_t front = DataBlockLayout::kHeaderSize + count +
                       (count + 1) * offset_width + count * plan.trailer_width +
                       prefix_size_;
  const size_t start = to->size();
  // Room for the last trailer's wide store, cut again at the end.
  to->resize(start + front + plan.entries_size + sizeof(uint64_t));
  char* const block = to->data() + start;

  block[0] = static_cast<char>(plan.flags);
  block[1] = static_cast<char>(plan.trailer_width);
  std::memset(block + 2, 0, 2);
  EncodeFixed32(block + 4, static_cast<uint32_t>(count));
  EncodeFixed64(block + 8, plan.trailer_base);
  EncodeFixed32(block + 16, static_cast<uint32_t>(prefix_size_));
  EncodeFixed32(
      block + 20,
      equal ? static_cast<uint32_t>(key_sizes_.front() - prefix_size_) : 0);
  char* at = block + DataBlockLayout::kHeaderSize;
  std::memcpy(at, tags_.data(), count);
  char* offsets = at + count;
  at = offsets + (count + 1) * offset_width;
  for (uint64_t t : trailers_) {
    // Eight bytes each; the next store, the prefix and the entries overwrite
    // what is too much.
    EncodeFixed64(at, (t - plan.trailer_base) >> plan.trailer_shift);
    at += plan.trailer_width;
  }
  std::memcpy(at, data_.data(), prefix_size_);
  char* const entries = at + prefix_size_;
  at = entries;
  starts_.push_back(data_.size());
  for (size_t i = 0; i <= count; ++i) {
    const size_t offset = static_cast<size_t>(at - entries);
    // Little-endian: the low bytes of the wide form are the narrow form.
    std::memcpy(offsets + i * offset_width, &offset, offset_width);
    if (i == count) break;
    if (!equal) at = EncodeVarint64(at, key_sizes_[i] - prefix_size_);
    const size_t from = starts_[i] + prefix_size_;
    std::memcpy(at, data_.data() + from, starts_[i + 1] - from);
    at += starts_[i + 1] - from;
  }
  LISSOM_DCHECK(at == entries + plan.entries_size);
  to->resize(start + front + plan.entries_size);

  tags_.clear();
  data_.clear();
  starts_.clear();
  key_sizes_.clear();
  trailers_.clear();
  prefix_size_ = 0;
}

}  // namespace lissom
