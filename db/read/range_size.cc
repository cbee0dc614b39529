#include "db/read/range_size.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom {
namespace {

// Sorts before every entry of its key: no real trailer is this large.
constexpr uint64_t kBeforeAllVersions = ~uint64_t{0};

// What of `table` lies in the range.
absl::StatusOr<uint64_t> SizeInTable(const KeyOrder& order,
                                     const TableFile& table,
                                     const KeyRange& range,
                                     const TableReadOptions& options) {
  const TableMetadata& meta = table.meta();
  if (order.CompareUser(meta.largest.user_key, range.begin) < 0 ||
      order.CompareUser(meta.smallest.user_key, range.end) >= 0) {
    return 0;
  }
  const bool whole_front =
      order.CompareUser(range.begin, meta.smallest.user_key) <= 0;
  const bool whole_back =
      order.CompareUser(meta.largest.user_key, range.end) < 0;
  if (whole_front && whole_back) return meta.size;
  LISSOM_ASSIGN_OR_RETURN(const TablePin reader, table.Pin(options));
  uint64_t begin = 0;
  uint64_t end = meta.size;
  if (!whole_front) {
    LISSOM_ASSIGN_OR_RETURN(
        begin,
        reader->ApproximateOffset({range.begin, kBeforeAllVersions}, options));
  }
  if (!whole_back) {
    LISSOM_ASSIGN_OR_RETURN(end, reader->ApproximateOffset(
                                     {range.end, kBeforeAllVersions}, options));
  }
  return std::max(begin, end) - begin;
}

}  // namespace

absl::StatusOr<uint64_t> RangeSize(const Version& version,
                                   const KeyRange& range,
                                   const TableReadOptions& options) {
  const KeyOrder& order = version.order();
  const int c = order.CompareUser(range.begin, range.end);
  if (c > 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the range [", ToAbsl(Escape(range.begin)), ", ",
                     ToAbsl(Escape(range.end)), ") ends before it begins"));
  }
  if (c == 0) return 0;
  uint64_t sum = 0;
  const auto add = [&](const TableFile& table) -> absl::Status {
    LISSOM_ASSIGN_OR_RETURN(const uint64_t bytes,
                            SizeInTable(order, table, range, options));
    sum += bytes;
    return absl::OkStatus();
  };
  for (const auto& table : version.level(0)) {
    LISSOM_RETURN_IF_ERROR(add(*table));
  }
  for (int level = 1; level < Version::kLevels; ++level) {
    const Version::Level& tables = version.level(level);
    if (tables.empty()) continue;
    for (size_t i = version.FindTable(level, range.begin); i < tables.size();
         ++i) {
      if (order.CompareUser(tables[i]->meta().smallest.user_key, range.end) >=
          0) {
        break;
      }
      LISSOM_RETURN_IF_ERROR(add(*tables[i]));
    }
  }
  return sum;
}

}  // namespace lissom
