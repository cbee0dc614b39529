#include <memory>
#include <string>

#include "src/tools/cli/record_formats.h"
#include "src/tools/cli/transfer.h"
#include "src/tools/cli/walk.h"
#include "util/status_macros.h"

namespace lissom::tools {
namespace {

struct ScanFlags {
  RangeFlags range = {};
  bool reverse = false;
  bool keys_only = false;
};

absl::Status Scan(Cli& cli, const ScanFlags& flags) {
  if (flags.keys_only && cli.json()) {
    return UsageError("--keys and --json exclude each other");
  }
  WalkOptions walk;
  LISSOM_ASSIGN_OR_RETURN(walk.read, BoundsOf(cli, flags.range));
  walk.limit = flags.range.limit.value_or(walk.limit);
  walk.reverse = flags.reverse;
  walk.needs_value = !flags.keys_only;
  LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<DB> db, cli.OpenToRead());
  std::string line;
  return Walk(*db, walk,
              [&](std::string_view key, std::string_view value, bool* more) {
                line.clear();
                if (cli.json()) {
                  AppendJsonRecord(key, value, cli.hex(), &line);
                } else {
                  line = cli.Show(key);
                  if (!flags.keys_only) line += '\t' + cli.Show(value);
                }
                line += '\n';
                cli.out().Write(line);
                *more = cli.out().good();
                return absl::OkStatus();
              });
}

}  // namespace

void AddScan(Cli& cli) {
  auto flags = std::make_shared<ScanFlags>();
  CLI::App& verb = cli.AddVerb(
      {.name = "scan",
       .what = "Print entries in the order of their keys: key TAB value.",
       .hex = true,
       .escapes = true,
       .json = true},
      [&cli, flags] { return Scan(cli, *flags); });
  AddRange(verb, flags->range);
  AddLimit(verb, flags->range);
  verb.add_flag("--reverse", flags->reverse,
                "From the last key of the range to its first.");
  verb.add_flag("--keys", flags->keys_only, "Only the keys.");
}

}  // namespace lissom::tools
