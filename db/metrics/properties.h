// Properties are what DB::GetProperty and DB::GetIntProperty answer: names for
// the numbers and texts of a database. Pure functions of a Metrics and a
// Version; one table of names drives them, and "lissom.properties" prints it.
//
// Every name may begin with "lissom.", "rocksdb." or "leveldb.": who comes from
// there finds the names he knows, with the same meaning. A name that ends in
// "level<N>" takes a level from 0 to 6.
#ifndef LISSOM_DB_METRICS_PROPERTIES_H_
#define LISSOM_DB_METRICS_PROPERTIES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "db/version/version.h"
#include "lissom/metrics.h"

namespace lissom {

// Of one moment: the gauges of `metrics` are those of `version`.
struct PropertySource {
  const Metrics& metrics;
  const Version& version;
};

// Of a property that is a number: its digits. kInvalidArgument: there is no
// such property, or no such level; the message names the nearest that there is.
absl::StatusOr<std::string> PropertyText(std::string_view name,
                                         const PropertySource& source);

// kInvalidArgument also if the property is text.
absl::StatusOr<uint64_t> PropertyInt(std::string_view name,
                                     const PropertySource& source);

}  // namespace lissom

#endif  // LISSOM_DB_METRICS_PROPERTIES_H_
