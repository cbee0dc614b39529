#include "table/properties.h"

#include "util/coding.h"

namespace lissom {
namespace {

// Odd: must be understood.
enum Tag : uint64_t {
  kComparator = 1,
  kFilter = 3,  // Filter id, then 1 if who does not know it may go without.
  kHasHeads = 4,
  kEntries = 6,
  kTombstones = 8,
  kRawKeyBytes = 10,
  kRawValueBytes = 12,
  kDataBlocks = 14,
  kDataBytes = 16,
  kSmallest = 18,
  kLargest = 20,
  kSmallestSequence = 22,
  kLargestSequence = 24,
  kCodec = 26,
  kDictionary = 27,  // Offset and size, both varints.
};

void PutBytes(std::string* to, uint64_t tag, std::string_view bytes) {
  AppendVarint64(to, tag);
  AppendLengthPrefixed(to, bytes);
}

void PutNumber(std::string* to, uint64_t tag, uint64_t number) {
  AppendVarint64(to, tag);
  AppendVarint64(to, VarintLength(number));
  AppendVarint64(to, number);
}

void PutKey(std::string* to, uint64_t tag, const InternalKey& key) {
  AppendVarint64(to, tag);
  AppendVarint64(to, key.user_key.size() + sizeof key.trailer);
  to->append(key.user_key);
  AppendFixed64(to, key.trailer);
}

bool GetNumber(std::string_view bytes, uint64_t* number) {
  Decoder in(bytes);
  return in.ReadVarint64(number) && in.empty();
}

bool GetKey(std::string_view bytes, InternalKey* key) {
  if (bytes.size() < sizeof key->trailer) return false;
  const size_t size = bytes.size() - sizeof key->trailer;
  key->user_key.assign(bytes.substr(0, size));
  key->trailer = DecodeFixed64(bytes.data() + size);
  return true;
}

bool GetHandle(std::string_view bytes, std::optional<BlockHandle>* handle) {
  Decoder in(bytes);
  uint64_t offset, size;
  if (!in.ReadVarint64(&offset) || !in.ReadVarint64(&size) || !in.empty() ||
      size > kMaxBlockSize) {
    return false;
  }
  const auto stored = static_cast<uint32_t>(size);
  *handle = {.offset = offset, .stored_size = stored, .raw_size = stored};
  return true;
}

Flaw GetFilter(std::string_view bytes, FilterId* filter) {
  if (bytes.size() != 2) return {.what = "malformed property"};
  const auto id = static_cast<FilterId>(bytes[0]);
  const bool known = id == FilterId::kNone || id == FilterId::kBlockedBloom;
  if (!known && bytes[1] != 1) {
    return {.what = "filter of an unknown kind", .newer = true};
  }
  *filter = known ? id : FilterId::kNone;
  return {};
}

}  // namespace

void TableProperties::AppendTo(std::string* to) const {
  PutBytes(to, kComparator, comparator);
  const char filter_field[] = {static_cast<char>(filter), 1};
  PutBytes(to, kFilter, {filter_field, sizeof filter_field});
  PutNumber(to, kHasHeads, has_heads ? 1 : 0);
  PutNumber(to, kEntries, entries);
  PutNumber(to, kTombstones, tombstones);
  PutNumber(to, kRawKeyBytes, raw_key_bytes);
  PutNumber(to, kRawValueBytes, raw_value_bytes);
  PutNumber(to, kDataBlocks, data_blocks);
  PutNumber(to, kDataBytes, data_bytes);
  PutKey(to, kSmallest, smallest);
  PutKey(to, kLargest, largest);
  PutNumber(to, kSmallestSequence, smallest_sequence);
  PutNumber(to, kLargestSequence, largest_sequence);
  PutNumber(to, kCodec, static_cast<uint64_t>(codec));
  if (dictionary.has_value()) {
    std::string place;
    AppendVarint64(&place, dictionary->offset);
    AppendVarint64(&place, dictionary->stored_size);
    PutBytes(to, kDictionary, place);
  }
}

Flaw TableProperties::Decode(std::string_view bytes) {
  const Flaw malformed = {.what = "malformed property"};
  Decoder in(bytes);
  uint64_t last = 0;
  while (!in.empty()) {
    uint64_t tag;
    std::string_view field;
    if (!in.ReadVarint64(&tag) || !in.ReadLengthPrefixed(&field)) {
      return malformed;
    }
    if (tag <= last) return {.what = "properties out of order"};
    last = tag;
    uint64_t number = 0;
    bool good = true;
    switch (tag) {
      case kComparator:
        comparator.assign(field);
        break;
      case kFilter:
        if (Flaw flaw = GetFilter(field, &filter)) return flaw;
        break;
      case kHasHeads:
        good = GetNumber(field, &number);
        has_heads = number != 0;
        break;
      case kEntries:
        good = GetNumber(field, &entries);
        break;
      case kTombstones:
        good = GetNumber(field, &tombstones);
        break;
      case kRawKeyBytes:
        good = GetNumber(field, &raw_key_bytes);
        break;
      case kRawValueBytes:
        good = GetNumber(field, &raw_value_bytes);
        break;
      case kDataBlocks:
        good = GetNumber(field, &data_blocks);
        break;
      case kDataBytes:
        good = GetNumber(field, &data_bytes);
        break;
      case kSmallest:
        good = GetKey(field, &smallest);
        break;
      case kLargest:
        good = GetKey(field, &largest);
        break;
      case kSmallestSequence:
        good = GetNumber(field, &smallest_sequence);
        break;
      case kLargestSequence:
        good = GetNumber(field, &largest_sequence);
        break;
      case kCodec:
        good = GetNumber(field, &number);
        codec = static_cast<Codec>(number);
        break;
      case kDictionary:
        good = GetHandle(field, &dictionary);
        break;
      default:
        if (tag % 2 == 1) {
          return {.what = "property that must be understood", .newer = true};
        }
    }
    if (!good) return malformed;
  }
  return {};
}

}  // namespace lissom
