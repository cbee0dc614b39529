// The verbs that look at a database as a whole, and the one that tidies it up.
#ifndef LISSOM_SRC_TOOLS_CLI_STATE_H_
#define LISSOM_SRC_TOOLS_CLI_STATE_H_

#include "src/tools/cli/command.h"

namespace lissom::tools {

void AddStats(Cli& cli);
void AddShape(Cli& cli);
void AddProperty(Cli& cli);
void AddVerify(Cli& cli);
void AddCompact(Cli& cli);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_CLI_STATE_H_
