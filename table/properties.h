// TableProperties is what a table says about itself: the last block before the
// footer, as tagged fields (table/FORMAT.md has the tags).
//
// A field is varint tag, varint length, bytes. An odd tag must be understood:
// who does not know it refuses the table; an even one may be skipped. Tags come
// in increasing order, each at most once, and are never reused.
#ifndef LISSOM_TABLE_PROPERTIES_H_
#define LISSOM_TABLE_PROPERTIES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "table/bloom_filter.h"
#include "table/format.h"
#include "table/internal_key.h"

namespace lissom {

struct TableProperties {
  std::string comparator;
  bool has_heads = false;
  uint64_t entries = 0;
  uint64_t tombstones = 0;
  uint64_t raw_key_bytes = 0;
  uint64_t raw_value_bytes = 0;
  uint64_t data_blocks = 0;
  uint64_t data_bytes = 0;  // All data blocks as stored, with trailers.
  InternalKey smallest;
  InternalKey largest;
  SequenceNumber smallest_sequence = kMaxSequence;
  SequenceNumber largest_sequence = 0;
  Codec codec = Codec::kNone;  // That was asked for; a block may do without.
  FilterId filter = FilterId::kNone;
  std::optional<BlockHandle> dictionary = std::nullopt;  // If blocks need one.

  void AppendTo(std::string* to) const;
  // An unknown filter that is marked skippable becomes kNone.
  Flaw Decode(std::string_view bytes);
};

}  // namespace lissom

#endif  // LISSOM_TABLE_PROPERTIES_H_
