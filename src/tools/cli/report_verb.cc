#include "src/tools/cli/report_verb.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lissom/file_system.h"
#include "src/tools/cli/new_file.h"
#include "src/tools/cli/signals.h"
#include "src/tools/report/report.h"
#include "util/status_macros.h"

namespace lissom::tools {
namespace {

struct Flags {
  std::string directory;
  std::string html;
  bool force = false;
};

absl::Status Report(const Flags& flags) {
  if (flags.html.empty()) return UsageError("--html: its name is empty");
  if (WouldBeIn(flags.directory, flags.html)) {
    return UsageError(absl::StrCat("--html: ", flags.html,
                                   " would be in the directory of the "
                                   "database, which removes what it does not "
                                   "need"));
  }
  const Signals signals;  // Who interrupts it finds no half of a page.
  const std::shared_ptr<FileSystem> files = FileSystem::Posix();
  LISSOM_ASSIGN_OR_RETURN(const ReportData data,
                          CollectReport(*files, flags.directory, absl::Now()));
  const std::string page = RenderReport(data);
  LISSOM_RETURN_IF_ERROR(signals.Check());
  return WriteReport(flags.html, page, flags.force);
}

}  // namespace

void AddReport(Cli& cli) {
  auto flags = std::make_shared<Flags>();
  CLI::App& verb = cli.AddVerb(
      {.name = "report",
       .what = "Draw the database as a page of HTML.",
       .footer = "The page shows the tree and what LOG tells of the past. It "
                 "loads nothing and needs no script.",
       .database = false},
      [flags] { return Report(*flags); });
  verb.add_option("DIR,--db", flags->directory, "The database's directory.")
      ->required();
  verb.add_option("--html", flags->html,
                  "The page to write. A file that is there is replaced if it "
                  "is a report.")
      ->type_name("FILE")
      ->required();
  verb.add_flag("--force", flags->force, "Replace any file.");
}

}  // namespace lissom::tools
