#include "table/data_block.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <cstring>
#include <new>

#include "util/check.h"

namespace lissom {
namespace {

constexpr size_t kCacheLine = 64;
constexpr size_t kTagsAt = DataBlockLayout::kHeaderSize;
constexpr uint32_t kTagStep = 16;

// Which of the 16 tags at `tags` equal `tag`: bit i for tag i. Reads 16 bytes.
uint32_t MatchTags(const char* tags, uint8_t tag) {
#ifdef __SSE2__
  const __m128i all = _mm_loadu_si128(reinterpret_cast<const __m128i*>(tags));
  const __m128i want = _mm_set1_epi8(static_cast<char>(tag));
  return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(all, want)));
#else
  uint32_t match = 0;
  for (uint32_t i = 0; i < kTagStep; ++i) {
    match |= uint32_t{static_cast<uint8_t>(tags[i]) == tag} << i;
  }
  return match;
#endif
}

}  // namespace

Ref<DataBlock> DataBlock::Allocate(size_t size, BlockMemory* memory) {
  static_assert(sizeof(DataBlock) <= kObjectSize);
  static_assert(BlockMemory::kAlignment == kCacheLine);
  const size_t bytes = kObjectSize + size + kSlack;
  void* place = memory != nullptr ? memory->Allocate(bytes) : nullptr;
  const bool pooled = place != nullptr;
  if (!pooled) {
    place = ::operator new (bytes, std::align_val_t{kCacheLine}, std::nothrow);
  }
  if (place == nullptr) return nullptr;
  std::memset(static_cast<char*>(place) + kObjectSize + size, 0, kSlack);
  return Ref<DataBlock>(::new (place) DataBlock(size, pooled));
}

void DataBlock::operator delete(DataBlock* block, std::destroying_delete_t) {
  const bool pooled = block->pooled_;
  block->~DataBlock();
  if (pooled) return BlockMemory::Free(block);
  ::operator delete (block, std::align_val_t{kCacheLine});
}

DataBlock::~DataBlock() { delete[] heads_.load(std::memory_order_relaxed); }

size_t DataBlock::charge() const {
  // The heads are counted before they are made: a charge is constant.
  return BlockMemory::TakenBy(kObjectSize + room_ + kSlack) +
         size_t{count_} * sizeof(uint32_t);
}

Flaw DataBlock::Parse(size_t size) {
  LISSOM_DCHECK(size <= room_);
  if (Flaw flaw = ParseHeader(size)) return flaw;
  if (Flaw flaw = CheckEntries()) return flaw;
  return CheckTrailers();
}

Flaw DataBlock::ParseHeader(size_t size) {
  if (size < kTagsAt || size > kMaxBlockSize) {
    return {.what = "data block of an impossible size"};
  }
  const uint8_t flags = static_cast<uint8_t>(bytes()[0]);
  if ((flags & ~DataBlockLayout::kKnownFlags) != 0 ||
      DecodeFixed16(bytes() + 2) != 0) {
    return {.what = "data block with unknown flags", .newer = true};
  }
  wide_offsets_ = (flags & DataBlockLayout::kWideOffsets) != 0;
  equal_suffixes_ = (flags & DataBlockLayout::kEqualSuffixes) != 0;
  trailer_shift_ = (flags & DataBlockLayout::kShiftedTrailers) != 0 ? 8 : 0;
  trailer_width_ = static_cast<uint8_t>(bytes()[1]);
  if (trailer_width_ > 8) return {.what = "bad trailer width"};
  const uint64_t count = DecodeFixed32(bytes() + 4);
  trailer_base_ = DecodeFixed64(bytes() + 8);
  prefix_size_ = DecodeFixed32(bytes() + 16);
  suffix_size_ = DecodeFixed32(bytes() + 20);
  if (count == 0) return {.what = "data block without entries"};

  // 64-bit sums of 32-bit fields: they cannot wrap.
  const uint64_t offsets_at = kTagsAt + count;
  const uint64_t trailers_at =
      offsets_at + (count + 1) * (wide_offsets_ ? 4 : 2);
  const uint64_t prefix_at = trailers_at + count * trailer_width_;
  const uint64_t entries_at = prefix_at + prefix_size_;
  if (entries_at > size) return {.what = "data block shorter than its header"};
  offsets_at_ = static_cast<uint32_t>(offsets_at);
  trailers_at_ = static_cast<uint32_t>(trailers_at);
  prefix_at_ = static_cast<uint32_t>(prefix_at);
  entries_at_ = static_cast<uint32_t>(entries_at);
  entries_end_ = static_cast<uint32_t>(size);
  count_ = static_cast<uint32_t>(count);
  return {};
}

Flaw DataBlock::CheckEntries() const {
  const size_t size = entries_end_ - entries_at_;
  if (offset(0) != 0 || offset(count_) != size) {
    return {.what = "data block entries do not fill it"};
  }
  for (uint32_t i = 0; i < count_; ++i) {
    const size_t begin = offset(i);
    const size_t end = offset(i + 1);
    if (begin > end || end > size) return {.what = "bad entry offset"};
    size_t suffix_size = suffix_size_;
    size_t room = end - begin;
    if (!equal_suffixes_) {
      Decoder in({bytes() + entries_at_ + begin, room});
      uint32_t stored;
      if (!in.ReadVarint32(&stored)) return {.what = "bad key length"};
      suffix_size = stored;
      room = in.rest().size();
    }
    if (suffix_size > room) return {.what = "key longer than its entry"};
  }
  return {};
}

Flaw DataBlock::CheckTrailers() const {
  constexpr uint64_t kMaxTrailer = PackTrailer(kMaxSequence, EntryKind{0xff});
  const uint32_t distinct = trailer_width_ == 0 ? 1 : count_;
  for (uint32_t i = 0; i < distinct; ++i) {
    const uint64_t t = trailer(i);
    if (t < trailer_base_ || t > kMaxTrailer) return {.what = "bad sequence"};
    if (!IsStoredKind(TrailerKind(t))) {
      return {.what = "entry of an unknown kind", .newer = true};
    }
  }
  return {};
}

bool DataBlock::KeyIs(uint32_t i, std::string_view user_key) const {
  const std::string_view head = prefix();
  return user_key.size() >= head.size() &&
         user_key.substr(head.size()) == entry(i).suffix &&
         user_key.substr(0, head.size()) == head;
}

uint32_t DataBlock::Find(const LookupKey& key) const {
  const uint8_t tag = DataBlockLayout::Tag(key.hash);
  for (uint32_t at = 0; at < count_; at += kTagStep) {
    // What is read behind the last tag are offsets or slack: ignored below.
    uint32_t match = MatchTags(bytes() + kTagsAt + at, tag);
    for (; match != 0; match &= match - 1) {
      const uint32_t i = at + static_cast<uint32_t>(__builtin_ctz(match));
      if (i >= count_) return count_;
      if (KeyIs(i, key.user_key)) return FindVisible(i, key);
    }
  }
  return count_;
}

void DataBlock::FetchEntry(const LookupKey& key) const {
  const uint8_t tag = DataBlockLayout::Tag(key.hash);
  const uint32_t match = MatchTags(bytes() + kTagsAt, tag);
  if (match == 0) return;
  const auto i = static_cast<uint32_t>(__builtin_ctz(match));
  if (i >= count_) return;
  const char* at = bytes() + entries_at_ + offset(i);
  __builtin_prefetch(at);
  __builtin_prefetch(at + 64);
}

// `first` is the newest version of the key in this block.
uint32_t DataBlock::FindVisible(uint32_t first, const LookupKey& key) const {
  const uint64_t seek = SeekTrailer(key.sequence);
  if (trailer(first) <= seek) return first;
  // Versions stand together, newest first: search for the first entry that is
  // old enough or of another key.
  uint32_t low = first + 1;
  uint32_t high = count_;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (trailer(middle) <= seek || !KeyIs(middle, key.user_key)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low < count_ && KeyIs(low, key.user_key) ? low : count_;
}

const uint32_t* DataBlock::MakeHeads(const KeyOrder& order) const {
  if (!order.has_heads()) return nullptr;
  auto* made = new (std::nothrow) uint32_t[count_];
  if (made == nullptr) return nullptr;
  for (uint32_t i = 0; i < count_; ++i) {
    made[i] = static_cast<uint32_t>(order.Head(entry(i).suffix) >> 32);
  }
  const uint32_t* theirs = nullptr;
  // Acquire on failure: somebody else made them first and we read those.
  if (!heads_.compare_exchange_strong(theirs, made, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
    delete[] made;
    return theirs;
  }
  return made;
}

void DataBlockCursor::Attach(const DataBlock* block) {
  block_ = block;
  index_ = 0;
  count_ = 0;
  if (block == nullptr) return;
  count_ = block->count();
  index_ = count_;
  const std::string_view prefix = block->prefix();
  prefix_size_ = prefix.size();
  if (prefix_size_ == 0) return;
  if (buffer_.size() < prefix_size_ + kShortSuffix) {
    buffer_.resize(prefix_size_ + kShortSuffix);
  }
  std::memcpy(buffer_.data(), prefix.data(), prefix_size_);
}

char* DataBlockCursor::LongSuffixRoom(size_t size) {
  if (buffer_.size() < prefix_size_ + size) buffer_.resize(prefix_size_ + size);
  return buffer_.data() + prefix_size_;
}

void DataBlockCursor::Seek(const InternalKeyView& target) {
  uint32_t low = 0;
  uint32_t high = count_;
  const uint32_t* heads = block_->heads(order_);
  // Heads mean something only among keys with the block's prefix.
  if (heads != nullptr && target.user_key.substr(0, prefix_size_) ==
                              std::string_view(block_->prefix())) {
    const uint32_t head = static_cast<uint32_t>(
        order_.Head(target.user_key.substr(prefix_size_)) >> 32);
    const uint32_t* first = std::lower_bound(heads, heads + count_, head);
    low = static_cast<uint32_t>(first - heads);
    high = static_cast<uint32_t>(std::upper_bound(first, heads + count_, head) -
                                 heads);
  }
  MoveTo(LowerBound(target, low, high));
}

// The first index in [low, high) not before `target`, or high.
uint32_t DataBlockCursor::LowerBound(const InternalKeyView& target,
                                     uint32_t low, uint32_t high) {
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    MoveTo(middle);
    if (order_.Compare(key(), target) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace lissom
