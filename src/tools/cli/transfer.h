// The verbs that move many entries: scan, load, dump.
#ifndef LISSOM_SRC_TOOLS_CLI_TRANSFER_H_
#define LISSOM_SRC_TOOLS_CLI_TRANSFER_H_

#include "absl/status/status.h"
#include "src/tools/cli/command.h"
#include "src/tools/cli/record.h"

namespace lissom::tools {

void AddScan(Cli& cli);
void AddLoad(Cli& cli);
void AddDump(Cli& cli);

// --format and --key-field, which load and dump share. CheckFormat: a
// UsageError says what is wrong with them.
void AddFormat(CLI::App& verb, RecordFormat& format);
absl::Status CheckFormat(const RecordFormat& format);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_CLI_TRANSFER_H_
