// Walks the entries of a database as scan, dump and the shell show them.
#ifndef LISSOM_SRC_TOOLS_CLI_WALK_H_
#define LISSOM_SRC_TOOLS_CLI_WALK_H_

#include <cstdint>
#include <limits>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "lissom/db.h"

namespace lissom::tools {

struct WalkOptions {
  ReadOptions read = {};  // With the bounds.
  uint64_t limit = std::numeric_limits<uint64_t>::max();
  bool reverse = false;     // From the last key to the first.
  bool needs_value = true;  // Without: the values given are empty.
};

// Calls `visit` for each entry until it returns an error, or false in *more.
absl::Status Walk(DB& db, const WalkOptions& options,
                  absl::FunctionRef<absl::Status(
                      std::string_view key, std::string_view value, bool* more)>
                      visit);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_CLI_WALK_H_
