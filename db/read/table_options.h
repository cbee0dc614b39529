// How the rooms of a table are entered for a user's read.
#ifndef LISSOM_DB_READ_TABLE_OPTIONS_H_
#define LISSOM_DB_READ_TABLE_OPTIONS_H_

#include <algorithm>

#include "lissom/clock.h"
#include "lissom/options.h"
#include "table/table_reader.h"

namespace lissom {

// `clock` outlives the result.
inline TableReadOptions TableOptionsOf(const ReadOptions& options,
                                       Clock* clock) {
  const bool limited = options.deadline != absl::InfiniteDuration();
  return {
      .verify_checksums = options.verify_checksums,
      .fill_cache = options.fill_cache,
      .cache_only = options.read_tier == ReadTier::kCacheOnly,
      .clock = limited ? clock : nullptr,
      .io = {.kind = IoContext::Kind::kTable, .deadline = options.deadline}};
}

// The same for an iterator.
inline TableReadOptions ScanOptionsOf(const ReadOptions& options,
                                      Clock* clock) {
  constexpr size_t kMostReadahead = size_t{16} << 20;
  TableReadOptions result = TableOptionsOf(options, clock);
  result.readahead_bytes = std::min(options.readahead_size, kMostReadahead);
  result.auto_readahead = options.readahead_size == 0;
  return result;
}

}  // namespace lissom

#endif  // LISSOM_DB_READ_TABLE_OPTIONS_H_
