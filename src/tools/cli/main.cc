// lissom, the command line program: README.md in this folder shows every verb,
// command.h how one is added.
#include "src/tools/cli/command.h"
#include "src/tools/cli/dumps.h"
#include "src/tools/cli/entries.h"
#include "src/tools/cli/report_verb.h"
#include "src/tools/cli/shell.h"
#include "src/tools/cli/state.h"
#include "src/tools/cli/transfer.h"

namespace lissom::tools {
namespace {

// In the order in which --help lists them.
constexpr void (*kVerbs[])(Cli&) = {
    AddGet,     AddPut,          AddDelete,    AddScan,   AddLoad,    AddDump,
    AddStats,   AddShape,        AddProperty,  AddVerify, AddCompact, AddShell,
    AddWalDump, AddManifestDump, AddTableDump, AddReport,
};

int Main(int argc, char** argv) {
  Cli cli;
  for (const auto add : kVerbs) add(cli);
  return cli.Main(argc, argv);
}

}  // namespace
}  // namespace lissom::tools

int main(int argc, char** argv) { return lissom::tools::Main(argc, argv); }
