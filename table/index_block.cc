#include "table/index_block.h"

#include <algorithm>
#include <cstring>

#include "util/check.h"
#include "util/coding.h"

namespace lissom {

IndexBlock::IndexBlock(BlockMemory* memory)
    : heads_(BlockAllocator<uint64_t>(memory)),
      handles_(BlockAllocator<BlockHandle>(memory)),
      key_at_(BlockAllocator<uint32_t>(memory)),
      keys_(BlockAllocator<char>(memory)),
      trailers_(BlockAllocator<uint64_t>(memory)),
      filter_lines_(BlockAllocator<Line>(memory)) {}

Flaw IndexBlock::Parse(std::string_view bytes, const KeyOrder& order,
                       FilterId filter, uint64_t limit) {
  Decoder in(bytes);
  uint64_t flags, count, offset;
  std::string_view filter_bytes;
  if (!in.ReadVarint64(&flags) || !in.ReadVarint64(&count) ||
      !in.ReadVarint64(&offset) || !in.ReadLengthPrefixed(&filter_bytes)) {
    return {.what = "index block cut short"};
  }
  if ((flags & ~kHasTrailers) != 0) {
    return {.what = "index block with unknown flags", .newer = true};
  }
  const bool has_trailers = (flags & kHasTrailers) != 0;
  if (Flaw flaw = ParseEntries(in.rest(), count, has_trailers, offset, limit)) {
    return flaw;
  }
  MakeHeads(order);
  slots_ = BlockSlots::Create(count);  // Without memory: without.
  return TakeFilter(filter_bytes, filter);
}

Flaw IndexBlock::ParseEntries(std::string_view bytes, uint64_t count,
                              bool has_trailers, uint64_t offset,
                              uint64_t limit) {
  // Each entry has three bytes at least, so the arrays stay in proportion.
  if (count == 0 || count > bytes.size() / 3) {
    return {.what = "index block with a bad count"};
  }
  handles_.reserve(count);
  key_at_.reserve(count + 1);
  key_at_.push_back(0);
  if (has_trailers) trailers_.reserve(count);
  keys_.reserve(bytes.size());
  Decoder in(bytes);
  for (uint64_t i = 0; i < count; ++i) {
    std::string_view key;
    BlockHandle handle{.offset = offset};
    uint64_t trailer = 0;
    if (!in.ReadLengthPrefixed(&key) || !in.ReadVarint32(&handle.stored_size) ||
        !in.ReadVarint32(&handle.raw_size) ||
        (has_trailers && !in.ReadFixed64(&trailer))) {
      return {.what = "index entry cut short"};
    }
    if (handle.raw_size == 0) handle.raw_size = handle.stored_size;
    if (offset > limit || limit - offset < kBlockTrailerSize ||
        handle.stored_size > limit - offset - kBlockTrailerSize ||
        handle.stored_size == 0 ||
        handle.raw_size > MaxRawSize(handle.stored_size)) {
      return {.what = "index entry names an impossible block"};
    }
    offset += handle.stored_size + kBlockTrailerSize;
    keys_.insert(keys_.end(), key.begin(), key.end());
    key_at_.push_back(static_cast<uint32_t>(keys_.size()));
    handles_.push_back(handle);
    if (has_trailers) trailers_.push_back(trailer);
  }
  keys_.shrink_to_fit();
  if (!in.empty()) return {.what = "bytes behind the last index entry"};
  return {};
}

Flaw IndexBlock::TakeFilter(std::string_view bytes, FilterId id) {
  if (bytes.empty() || id != FilterId::kBlockedBloom) return {};
  BloomFilterView unaligned;
  if (const char* what = unaligned.Parse(bytes)) return {.what = what};
  filter_lines_.resize(bytes.size() / kBloomLineSize + 1);
  std::memcpy(filter_lines_.data(), bytes.data(), bytes.size());
  filter_.Parse({filter_lines_.front().bytes, bytes.size()});
  return {};
}

void IndexBlock::MakeHeads(const KeyOrder& order) {
  if (!order.has_heads()) return;
  const std::string_view first = separator(0).user_key;
  size_t prefix_size = first.size();
  for (uint32_t i = 1; i < count(); ++i) {
    const std::string_view key = separator(i).user_key;
    size_t same = 0;
    const size_t most = std::min(prefix_size, key.size());
    while (same < most && key[same] == first[same]) ++same;
    prefix_size = same;
  }
  prefix_.assign(first.substr(0, prefix_size));
  heads_.reserve(count());
  for (uint32_t i = 0; i < count(); ++i) {
    heads_.push_back(order.Head(separator(i).user_key.substr(prefix_size)));
  }
}

uint32_t IndexBlock::Find(const InternalKeyView& target,
                          const KeyOrder& order) const {
  uint32_t low = 0;
  uint32_t high = count();
  // Heads mean something only among keys with the common prefix.
  if (!heads_.empty() && target.user_key.substr(0, prefix_.size()) == prefix_) {
    const uint64_t head = order.Head(target.user_key.substr(prefix_.size()));
    const uint64_t* base = heads_.data();
    for (size_t n = heads_.size(); n > 1;) {
      const size_t half = n / 2;
      base += base[half - 1] < head ? half : 0;  // No branch to mispredict.
      n -= half;
    }
    low = static_cast<uint32_t>(base - heads_.data()) +
          static_cast<uint32_t>(*base < head);
    if (low == count() || heads_[low] != head) return low;
    high = static_cast<uint32_t>(
        std::upper_bound(heads_.begin() + low, heads_.end(), head) -
        heads_.begin());
  }
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (order.Compare(separator(middle), target) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

size_t IndexBlock::charge() const {
  const auto taken = [](const auto& array) {
    const size_t bytes = array.capacity() * sizeof(array[0]);
    return BlockMemory::Suits(bytes) ? BlockMemory::TakenBy(bytes) : bytes;
  };
  return sizeof(*this) + taken(heads_) + taken(handles_) + taken(key_at_) +
         taken(keys_) + taken(trailers_) + taken(filter_lines_) +
         prefix_.capacity() + (slots_ ? slots_->charge() : 0);
}

void IndexBlockBuilder::Add(const InternalKeyView& separator,
                            const BlockHandle& handle) {
  if (count_ == 0) first_offset_ = handle.offset;
  ++count_;
  AppendLengthPrefixed(&entries_, separator.user_key);
  AppendVarint64(&entries_, handle.stored_size);
  AppendVarint64(&entries_,
                 handle.raw_size == handle.stored_size ? 0 : handle.raw_size);
  ends_.push_back(entries_.size());
  trailers_.push_back(separator.trailer);
  has_trailers_ |= separator.trailer != 0;
  last_.user_key.assign(separator.user_key);
  last_.trailer = separator.trailer;
}

void IndexBlockBuilder::Finish(std::string_view filter, std::string* to) {
  LISSOM_DCHECK(!empty());
  AppendVarint64(to, has_trailers_ ? IndexBlock::kHasTrailers : 0);
  AppendVarint64(to, count_);
  AppendVarint64(to, first_offset_);
  AppendLengthPrefixed(to, filter);
  if (!has_trailers_) {
    to->append(entries_);
  } else {
    size_t start = 0;
    for (size_t i = 0; i < ends_.size(); ++i) {
      to->append(entries_, start, ends_[i] - start);
      AppendFixed64(to, trailers_[i]);
      start = ends_[i];
    }
  }
  count_ = 0;
  entries_.clear();
  ends_.clear();
  trailers_.clear();
  has_trailers_ = false;
}

}  // namespace lissom
