// PointLookup answers Get: memtables newest first, then level 0 newest first,
// then one table of each level below; the first entry found decides.
#ifndef LISSOM_DB_READ_POINT_LOOKUP_H_
#define LISSOM_DB_READ_POINT_LOOKUP_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "db/read/view.h"
#include "table/internal_key.h"
#include "table/table_reader.h"

namespace lissom {

// A value that was found. It lives as long as `owner`, which is alive as long
// as the ReadView that it was found in: to keep the value, take a Ref to it.
struct LookupResult {
  std::string_view value;
  const RefCounted* owner = nullptr;
  Ref<const RefCounted> pin = nullptr;  // Of an owner that only we hold.

  // How it came about, of what was not found too: for figures.
  static constexpr int kMemtables = -1;
  static constexpr int kNowhere = -2;
  int found_in = kNowhere;  // The level that decided, or one of these.
  uint32_t ruled_out = 0;   // Tables that a filter spared us.
  uint32_t in_vain = 0;     // Tables that were searched for nothing.
};

// OK and *result; kNotFound (bare) if the key is absent or deleted; the error
// of the table that could not be read. Steps out of the view's epoch to open a
// table. No allocation when the blocks are cached.
absl::Status PointLookup(ReadView& view, const LookupKey& key,
                         const TableReadOptions& options, LookupResult* result);

// One of several lookups that are made together.
struct LookupRequest {
  LookupKey key;
  LookupResult result = {};
  absl::Status status = {};  // As of PointLookup.
};

// PointLookup for each request, all in one View; at most
// TableReader::kMaxRequests. Much faster than one after the other where the
// data is not in the processor's cache.
void PointLookups(ReadView& view, std::span<LookupRequest> requests,
                  const TableReadOptions& options);

}  // namespace lissom

#endif  // LISSOM_DB_READ_POINT_LOOKUP_H_
