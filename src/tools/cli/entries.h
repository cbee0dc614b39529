// The verbs of single entries: get, put, delete.
#ifndef LISSOM_SRC_TOOLS_CLI_ENTRIES_H_
#define LISSOM_SRC_TOOLS_CLI_ENTRIES_H_

#include "src/tools/cli/command.h"

namespace lissom::tools {

void AddGet(Cli& cli);
void AddPut(Cli& cli);
void AddDelete(Cli& cli);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_CLI_ENTRIES_H_
