// PointLookup answers Get: memtables newest first, then level 0 newest first,
// then one table of each level below; the first entry found decides.
#ifndef LISSOM_DB_READ_POINT_LOOKUP_H_
#define LISSOM_DB_READ_POINT_LOOKUP_H_

#include "absl/status/status.h"
#include "db/read/view.h"
#include "table/internal_key.h"
#include "table/table_reader.h"

namespace lissom {

// Where a value was found. With `memtable` set the value lives in it (the View
// keeps it); otherwise in what `table.pin` holds.
struct LookupResult {
  std::string_view value;
  const Memtable* memtable = nullptr;
  PointResult table;
};

// OK and *result; kNotFound (bare) if the key is absent or deleted; the error
// of the table that could not be read. Requires: `view` stays alive. No
// allocation when the blocks are cached.
absl::Status PointLookup(const View& view, const LookupKey& key,
                         const TableReadOptions& options, LookupResult* result);

}  // namespace lissom

#endif  // LISSOM_DB_READ_POINT_LOOKUP_H_
