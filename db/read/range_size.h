// RangeSize estimates what a range of keys takes on disk.
#ifndef LISSOM_DB_READ_RANGE_SIZE_H_
#define LISSOM_DB_READ_RANGE_SIZE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "db/version/version.h"
#include "lissom/options.h"

namespace lissom {

// Bytes of tables: whole ones by their size, those at the range's ends by their
// indexes. kInvalidArgument: the range ends before it begins. Cost: at most two
// tables a level are asked, and all of level 0 that reach over an end.
absl::StatusOr<uint64_t> RangeSize(const Version& version,
                                   const KeyRange& range,
                                   const TableReadOptions& options);

}  // namespace lissom

#endif  // LISSOM_DB_READ_RANGE_SIZE_H_
