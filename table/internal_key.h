// The internal key: a user key plus a trailer that tells its versions apart.
//
//   trailer (64 bits) = sequence number (56 bits) << 8 | kind (8 bits)
//
// Order: user key by the comparator, then trailer big first, so the newest
// version of a key comes first. Bit 55 of the sequence is reserved (batches
// seen as a level), so sequences end at kMaxSequence. On disk a trailer is a
// fixed64 behind the user key unless a format says otherwise.
#ifndef LISSOM_TABLE_INTERNAL_KEY_H_
#define LISSOM_TABLE_INTERNAL_KEY_H_

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "lissom/comparator.h"
#include "util/hash.h"

namespace lissom {

using SequenceNumber = uint64_t;
inline constexpr SequenceNumber kMaxSequence = (uint64_t{1} << 55) - 1;

// What an entry means. Values are part of the formats; those not yet produced
// are reserved, and refused where they are read.
enum class EntryKind : uint8_t {
  kDelete = 0,
  kPut = 1,
  kSingleDelete = 2,   // Reserved.
  kRangeDelete = 3,    // Reserved.
  kMerge = 4,          // Reserved.
  kBlobReference = 5,  // Reserved.
  kPutWithExpiry = 6,  // Reserved: value is followed by 8 bytes of time.
  kLogData = 7,        // In batches and logs only; takes no sequence.
  kPrepare = 8,        // Reserved.
  kCommit = 9,         // Reserved.
  kRollback = 10,      // Reserved.
  kIngestMarker = 11,  // Reserved.
};

// May an entry of this kind stand in a memtable or table of this version?
constexpr bool IsStoredKind(EntryKind kind) {
  return kind == EntryKind::kPut || kind == EntryKind::kDelete;
}

constexpr uint64_t PackTrailer(SequenceNumber sequence, EntryKind kind) {
  return sequence << 8 | static_cast<uint8_t>(kind);
}
// Sorts before every entry with this sequence: the trailer to seek the newest
// version visible at `sequence` with.
constexpr uint64_t SeekTrailer(SequenceNumber sequence) {
  return sequence << 8 | 0xff;
}
constexpr SequenceNumber TrailerSequence(uint64_t trailer) {
  return trailer >> 8;
}
constexpr EntryKind TrailerKind(uint64_t trailer) {
  return static_cast<EntryKind>(trailer & 0xff);
}

// An internal key whose bytes somebody else owns.
struct InternalKeyView {
  std::string_view user_key;
  uint64_t trailer = 0;

  SequenceNumber sequence() const { return TrailerSequence(trailer); }
  EntryKind kind() const { return TrailerKind(trailer); }
  friend bool operator==(const InternalKeyView&,
                         const InternalKeyView&) = default;
};

// An internal key that owns its bytes.
struct InternalKey {
  std::string user_key;
  uint64_t trailer = 0;

  InternalKey() = default;
  InternalKey(std::string key, uint64_t t)
      : user_key(std::move(key)), trailer(t) {}
  explicit InternalKey(const InternalKeyView& v)
      : user_key(v.user_key), trailer(v.trailer) {}
  InternalKeyView view() const { return {user_key, trailer}; }
  friend bool operator==(const InternalKey&, const InternalKey&) = default;
};

// "user key@sequence#kind", for messages and tests.
std::string DebugString(const InternalKeyView& key);

// What a point read looks for: the newest entry of `user_key` with a sequence
// of at most `sequence`. The hash is computed once and used by every filter.
struct LookupKey {
  LookupKey() = default;
  LookupKey(std::string_view key, SequenceNumber visible)
      : user_key(key), sequence(visible), hash(KeyHash(key)) {}
  InternalKeyView seek_key() const { return {user_key, SeekTrailer(sequence)}; }

  std::string_view user_key;
  SequenceNumber sequence = 0;
  uint64_t hash = 0;
};

// KeyOrder is a Comparator with the two stock orders inlined: what every hot
// comparison goes through. A value that shares the comparator. Immutable.
class KeyOrder {
 public:
  explicit KeyOrder(std::shared_ptr<const Comparator> comparator)
      : comparator_(std::move(comparator)), form_(FormOf(*comparator_)) {}

  int CompareUser(std::string_view a, std::string_view b) const {
    switch (form_) {
      case Form::kBytewise:
        return a.compare(b);
      case Form::kReverse:
        return b.compare(a);
      default:
        return comparator_->Compare(a, b);
    }
  }

  int Compare(const InternalKeyView& a, const InternalKeyView& b) const {
    const int by_key = CompareUser(a.user_key, b.user_key);
    if (by_key != 0) return by_key;
    return a.trailer > b.trailer ? -1 : a.trailer < b.trailer ? 1 : 0;
  }

  // See Comparator::Head. `suffix` is a user key without a prefix that all
  // keys it is compared with share.
  bool has_heads() const { return form_ != Form::kNoHeads; }
  uint64_t Head(std::string_view suffix) const {
    switch (form_) {
      case Form::kBytewise:
        return BigEndianHead(suffix);
      case Form::kReverse:
        return ~BigEndianHead(suffix);
      case Form::kCustom:
        return comparator_->Head(suffix);
      default:
        return 0;
    }
  }

  const Comparator& comparator() const { return *comparator_; }

 private:
  enum class Form : uint8_t { kBytewise, kReverse, kCustom, kNoHeads };

  static Form FormOf(const Comparator& comparator) {
    if (&comparator == BytewiseComparator().get()) return Form::kBytewise;
    if (&comparator == ReverseBytewiseComparator().get()) return Form::kReverse;
    return comparator.HasHeads() ? Form::kCustom : Form::kNoHeads;
  }

  // The first eight bytes as a big-endian integer, zeros behind the end.
  static uint64_t BigEndianHead(std::string_view bytes) {
    uint64_t head = 0;
    if (bytes.size() >= sizeof head) {
      std::memcpy(&head, bytes.data(), sizeof head);
    } else if (!bytes.empty()) {
      std::memcpy(&head, bytes.data(), bytes.size());
    }
    return __builtin_bswap64(head);
  }

  std::shared_ptr<const Comparator> comparator_;
  Form form_;
};

}  // namespace lissom

#endif  // LISSOM_TABLE_INTERNAL_KEY_H_
