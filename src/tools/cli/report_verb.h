// "report DIR --html FILE": a database as a page, see src/tools/report/.
#ifndef LISSOM_SRC_TOOLS_CLI_REPORT_VERB_H_
#define LISSOM_SRC_TOOLS_CLI_REPORT_VERB_H_

#include "src/tools/cli/command.h"

namespace lissom::tools {

void AddReport(Cli& cli);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_CLI_REPORT_VERB_H_
