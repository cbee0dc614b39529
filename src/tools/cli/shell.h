// The verb shell: commands on one open database, from a terminal, with editing
// and history, or from a pipe.
#ifndef LISSOM_SRC_TOOLS_CLI_SHELL_H_
#define LISSOM_SRC_TOOLS_CLI_SHELL_H_

#include "src/tools/cli/command.h"

namespace lissom::tools {

void AddShell(Cli& cli);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_CLI_SHELL_H_
