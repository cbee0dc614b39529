// DataBlock is a block of entries in memory, as it stands in the file after
// decompression, and DataBlockCursor walks it.
//
//   header     24 bytes: flags, trailer width, entry count, trailer base,
//              length of the common prefix, length of all suffixes
//   tags       1 byte an entry: bits of the key's hash
//   offsets    2 (or 4) bytes an entry and one more: where entries start
//   trailers   0 to 8 bytes an entry: trailer minus the base
//   prefix     what all user keys of the block begin with
//   entries    [suffix length, unless all are equal][suffix][value]
//
// A point lookup compares the key's tag with all tags at once and looks only at
// entries whose tag is equal; a seek searches 4-byte heads of the suffixes,
// which are derived when a block is first sought in. Everything is reachable by
// index, nothing is decoded one after the other, so both directions cost the
// same.
//
// Safety: Parse checks every offset and length once, against any bytes; later
// accesses rely on it. It does not check the order of the keys: a block out of
// order gives wrong answers, in bounds.
// Threads: immutable after Parse (the heads are published atomically):
// thread-safe. A cursor is thread-compatible and borrows the block.
#ifndef LISSOM_TABLE_DATA_BLOCK_H_
#define LISSOM_TABLE_DATA_BLOCK_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "table/format.h"
#include "table/internal_key.h"
#include "util/block_cache.h"
#include "util/block_memory.h"
#include "util/coding.h"

namespace lissom {

// What the reader and the builder of data blocks share.
struct DataBlockLayout {
  static constexpr size_t kHeaderSize = 24;
  static constexpr uint8_t kWideOffsets = 1;      // 4 bytes each, not 2.
  static constexpr uint8_t kEqualSuffixes = 2;    // No length in the entries.
  static constexpr uint8_t kShiftedTrailers = 4;  // All of the base's kind:
                                                  // sequences are stored.
  static constexpr uint8_t kKnownFlags = 7;

  // Not the top bits: those choose the filter's line.
  static uint8_t Tag(uint64_t hash) { return static_cast<uint8_t>(hash >> 46); }
};

class DataBlock final : public CachedBlock {
 public:
  // A block with `size` bytes of room, to be filled and then Parsed. Null if
  // there is no memory for it. It lies in `memory` if that is given and takes
  // it.
  static Ref<DataBlock> Allocate(size_t size, BlockMemory* memory = nullptr);

  char* mutable_data() { return bytes(); }
  // Takes the first `size` bytes of the room as the block. Requires: size fits
  // the room; called once, before the block is shared.
  Flaw Parse(size_t size);

  size_t charge() const override;
  uint32_t count() const { return count_; }

  // The newest entry of `key` that is visible at its sequence: its index, or
  // count().
  uint32_t Find(const LookupKey& key) const;
  // Asks the memory for the entry that Find(key) will look at.
  void FetchEntry(const LookupKey& key) const;

  std::string_view prefix() const {
    return {bytes() + prefix_at_, prefix_size_};
  }
  uint64_t trailer(uint32_t i) const {
    if (trailer_width_ == 0) return trailer_base_;
    // Reads behind the column: the entries or the slack are there.
    const uint64_t raw =
        DecodeFixed64(bytes() + trailers_at_ + size_t{i} * trailer_width_);
    const uint64_t mask = ~uint64_t{0} >> (64 - 8 * trailer_width_);
    return trailer_base_ + ((raw & mask) << trailer_shift_);
  }
  // The key without prefix(), and the value behind it.
  struct Entry {
    std::string_view suffix;
    std::string_view value;
  };
  Entry entry(uint32_t i) const {
    const char* begin = bytes() + entries_at_ + offset(i);
    const char* end = bytes() + entries_at_ + offset(i + 1);
    uint64_t suffix_size = suffix_size_;
    if (!equal_suffixes_) {
      begin = ReadVarint(begin, &suffix_size);
    }
    return {
        {begin, suffix_size},
        {begin + suffix_size, static_cast<size_t>(end - begin) - suffix_size}};
  }

  // Heads of the suffixes, without their lower half; made by the first call.
  // Null if `order` has none or memory is short. Requires: `order` is the
  // table's.
  const uint32_t* heads(const KeyOrder& order) const {
    const uint32_t* heads = heads_.load(std::memory_order_acquire);
    return heads != nullptr ? heads : MakeHeads(order);
  }

  // Readable bytes behind the block, for loads that are wider than what they
  // are after.
  static constexpr size_t kSlack = 32;

  static void operator delete(DataBlock* block, std::destroying_delete_t);

 private:
  DataBlock(size_t room, bool pooled) : pooled_(pooled), room_(room) {}
  ~DataBlock() override;

  Flaw ParseHeader(size_t size);
  Flaw CheckEntries() const;
  Flaw CheckTrailers() const;
  bool KeyIs(uint32_t i, std::string_view user_key) const;
  uint32_t FindVisible(uint32_t first, const LookupKey& key) const;
  const uint32_t* MakeHeads(const KeyOrder& order) const;

  // The bytes follow the object, so that one miss brings both.
  char* bytes() { return reinterpret_cast<char*>(this) + kObjectSize; }
  const char* bytes() const {
    return reinterpret_cast<const char*>(this) + kObjectSize;
  }
  size_t offset(uint32_t i) const {
    const char* at = bytes() + offsets_at_;
    return wide_offsets_ ? DecodeFixed32(at + size_t{i} * sizeof(uint32_t))
                         : DecodeFixed16(at + size_t{i} * sizeof(uint16_t));
  }
  // Requires: a varint stands there (Parse saw to it).
  static const char* ReadVarint(const char* from, uint64_t* v) {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const uint8_t byte = static_cast<uint8_t>(*from++);
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) break;
    }
    *v = value;
    return from;
  }

  static constexpr size_t kObjectSize = 128;

  uint32_t count_ = 0;
  uint32_t offsets_at_ = 0;
  uint32_t trailers_at_ = 0;
  uint32_t prefix_at_ = 0;
  uint32_t prefix_size_ = 0;
  uint32_t entries_at_ = 0;
  uint32_t entries_end_ = 0;
  uint32_t suffix_size_ = 0;
  uint64_t trailer_base_ = 0;
  uint8_t trailer_width_ = 0;
  uint8_t trailer_shift_ = 0;
  bool wide_offsets_ = false;
  const bool pooled_;  // Lies in a BlockMemory.
  bool equal_suffixes_ = false;
  size_t room_;
  // Release by who made them, acquire by who reads them.
  mutable std::atomic<const uint32_t*> heads_{nullptr};
};

// A position in a data block: an entry, or none (before the first and behind
// the last are not told apart).
class DataBlockCursor {
 public:
  explicit DataBlockCursor(const KeyOrder& order) : order_(order) {}

  // Attaches to `block`, which must outlive the attachment; at no entry.
  void Attach(const DataBlock* block);
  void Detach() { Attach(nullptr); }

  bool Valid() const { return index_ < count_; }
  void SeekToFirst() { MoveTo(0); }
  void SeekToLast() { MoveTo(count_ - 1); }
  // The first entry that is not before `target`.
  void Seek(const InternalKeyView& target);
  void Next() { MoveTo(index_ + 1); }
  void Prev() { MoveTo(index_ == 0 ? count_ : index_ - 1); }

  // Requires: Valid(). The key lives until the next move.
  InternalKeyView key() const { return {user_key_, block_->trailer(index_)}; }
  std::string_view value() const { return value_; }

 private:
  void MoveTo(uint32_t index) {
    index_ = index;
    if (index < count_) Load();
  }
  void Load() {
    const DataBlock::Entry entry = block_->entry(index_);
    value_ = entry.value;
    if (prefix_size_ == 0) {
      user_key_ = entry.suffix;
      return;
    }
    char* to = buffer_.data() + prefix_size_;
    if (entry.suffix.size() <= kShortSuffix) {
      // Copies 16 bytes whatever it needs: block and buffer have the slack.
      __builtin_memcpy(to, entry.suffix.data(), kShortSuffix);
    } else {
      to = LongSuffixRoom(entry.suffix.size());
      __builtin_memcpy(to, entry.suffix.data(), entry.suffix.size());
    }
    user_key_ = {to - prefix_size_, prefix_size_ + entry.suffix.size()};
  }
  char* LongSuffixRoom(size_t size);

  uint32_t LowerBound(const InternalKeyView& target, uint32_t low,
                      uint32_t high);

  static constexpr size_t kShortSuffix = 16;
  static_assert(kShortSuffix <= DataBlock::kSlack);

  const KeyOrder& order_;
  const DataBlock* block_ = nullptr;
  uint32_t count_ = 0;
  uint32_t index_ = 0;
  size_t prefix_size_ = 0;
  std::string_view user_key_;
  std::string_view value_;
  std::string buffer_;  // The prefix, and room for a suffix behind it.
};

}  // namespace lissom

#endif  // LISSOM_TABLE_DATA_BLOCK_H_
