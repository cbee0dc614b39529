// DumpWal shows what stands in a log, or in all logs of a database: each record
// with its place, sequences and sync mark, its changes if asked, and how the
// log ends: whether the engine takes that for a torn tail or for damage.
#ifndef LISSOM_SRC_TOOLS_INSPECT_WAL_DUMP_H_
#define LISSOM_SRC_TOOLS_INSPECT_WAL_DUMP_H_

#include <string>

#include "absl/status/status.h"
#include "lissom/file_system.h"
#include "src/tools/inspect/dump.h"

namespace lissom::tools {

struct WalDumpOptions {
  DumpStyle style = {};
  bool keys = false;    // A line for each change, with its key,
  bool values = false;  // and, with this, its value. Implies keys.
};

// `path`: a log under any name (under a log's name it must have that number),
// or a database's directory: its logs in order, and then what an open of the
// database would make of them together. A torn tail, which a power cut leaves,
// is OK. kDataLoss: damage; everything that reads back was shown.
// kInvalidArgument: no such file, or not one that may be a log.
// kUnimplemented: a newer format. kUnavailable: a writer is always faster.
absl::Status DumpWal(FileSystem& files, const std::string& path,
                     const WalDumpOptions& options, LineSink& sink);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_INSPECT_WAL_DUMP_H_
