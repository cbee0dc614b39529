// The verbs that look into single files: see src/tools/inspect/.
#ifndef LISSOM_SRC_TOOLS_CLI_DUMPS_H_
#define LISSOM_SRC_TOOLS_CLI_DUMPS_H_

#include "src/tools/cli/command.h"

namespace lissom::tools {

void AddWalDump(Cli& cli);       // "wal-dump PATH"
void AddManifestDump(Cli& cli);  // "manifest-dump PATH"
void AddTableDump(Cli& cli);     // "table-dump FILE"

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_CLI_DUMPS_H_
