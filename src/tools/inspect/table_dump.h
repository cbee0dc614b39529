// DumpTable shows a table: its footer, its properties, where each block stands
// and whether its checksum holds, and, if asked, its entries. It needs nothing
// but the file: the id that checksums are bound to stands in the footer.
#ifndef LISSOM_SRC_TOOLS_INSPECT_TABLE_DUMP_H_
#define LISSOM_SRC_TOOLS_INSPECT_TABLE_DUMP_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "lissom/file_system.h"
#include "src/tools/inspect/dump.h"

namespace lissom::tools {

struct TableDumpOptions {
  DumpStyle style = {};
  bool layout = true;    // A line for each block.
  bool entries = false;  // A line for each entry: internal key and value.
  // Which entries; user keys. Only in a table of a stock order.
  std::optional<std::string> from = std::nullopt;  // Inclusive.
  std::optional<std::string> to = std::nullopt;    // Exclusive.
  std::optional<uint64_t> limit = std::nullopt;
  // Everything that the table says of itself is checked (table_verifier.h). In
  // a table of another order than the stock ones: blocks only.
  bool verify = false;
};

// kDataLoss: the first thing that is wrong; what can be read all the same was
// shown. kInvalidArgument: no such file, or a key where the order is not known.
// kUnimplemented: a newer format.
absl::Status DumpTable(FileSystem& files, const std::string& path,
                       const TableDumpOptions& options, LineSink& sink);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_INSPECT_TABLE_DUMP_H_
