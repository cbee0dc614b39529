#include "src/tools/cli/dumps.h"

#include <memory>
#include <string>

#include "lissom/file_system.h"
#include "src/tools/inspect/manifest_dump.h"
#include "src/tools/inspect/table_dump.h"
#include "src/tools/inspect/wal_dump.h"
#include "util/status_macros.h"

namespace lissom::tools {
namespace {

DumpStyle StyleOf(const Cli& cli) {
  return {.json = cli.json(), .hex = cli.hex()};
}

LineSink Lines(Cli& cli) {
  return LineSink([&cli](std::string_view line) {
    cli.out().Write(line);
    cli.out().Write("\n");
    return cli.out().good();
  });
}

struct WalFlags {
  std::string path;
  bool keys = false;
  bool values = false;
};

struct TableFlags {
  std::string path;
  RangeFlags range;
  bool entries = false;
  bool layout = false;
  bool verify = false;
};

absl::Status TableDump(Cli& cli, const TableFlags& flags) {
  const bool ranged = flags.range.from || flags.range.to || flags.range.limit;
  if (ranged && !flags.entries) {
    return UsageError("--from, --to and --limit go with --entries");
  }
  TableDumpOptions options{.style = StyleOf(cli)};
  options.entries = flags.entries;
  options.verify = flags.verify;
  options.layout = flags.layout || (!flags.entries && !flags.verify);
  options.limit = flags.range.limit;
  if (flags.range.from) {
    LISSOM_ASSIGN_OR_RETURN(options.from,
                            cli.ParseBytes("--from", *flags.range.from));
  }
  if (flags.range.to) {
    LISSOM_ASSIGN_OR_RETURN(options.to,
                            cli.ParseBytes("--to", *flags.range.to));
  }
  LineSink sink = Lines(cli);
  return DumpTable(*FileSystem::Posix(), flags.path, options, sink);
}

}  // namespace

void AddWalDump(Cli& cli) {
  auto flags = std::make_shared<WalFlags>();
  CLI::App& verb = cli.AddVerb(
      {.name = "wal-dump",
       .what = "Show the records of a log, or of all logs of a database.",
       .database = false,
       .hex = true,
       .json = true},
      [&cli, flags] {
        LineSink sink = Lines(cli);
        return DumpWal(*FileSystem::Posix(), flags->path,
                       {.style = StyleOf(cli),
                        .keys = flags->keys,
                        .values = flags->values},
                       sink);
      });
  verb.add_option("PATH", flags->path, "A log, or a database's directory.")
      ->required();
  verb.add_flag("--keys", flags->keys, "Show each change and its key.");
  verb.add_flag("--values", flags->values,
                "Show each change with its key and value.");
}

void AddManifestDump(Cli& cli) {
  auto path = std::make_shared<std::string>();
  CLI::App& verb = cli.AddVerb(
      {.name = "manifest-dump",
       .what = "Show the edits of a manifest, and the tree they make.",
       .database = false,
       .hex = true,
       .json = true},
      [&cli, path] {
        LineSink sink = Lines(cli);
        return DumpManifest(*FileSystem::Posix(), *path,
                            {.style = StyleOf(cli)}, sink);
      });
  verb.add_option("PATH", *path, "A manifest, or a database's directory.")
      ->required();
}

void AddTableDump(Cli& cli) {
  auto flags = std::make_shared<TableFlags>();
  CLI::App& verb = cli.AddVerb(
      {.name = "table-dump",
       .what = "Show a table: properties, blocks, entries.",
       .footer = "Blocks are shown unless --entries or --verify ask for "
                 "something else.",
       .database = false,
       .hex = true,
       .escapes = true,
       .json = true},
      [&cli, flags] { return TableDump(cli, *flags); });
  verb.add_option("FILE", flags->path, "A table.")->required();
  verb.add_flag("--layout", flags->layout, "Show every block.");
  verb.add_flag("--entries", flags->entries,
                "Show the entries: key, sequence, kind, value.");
  verb.add_flag("--verify", flags->verify,
                "Check everything that the table says of itself.");
  AddRange(verb, flags->range);
  AddLimit(verb, flags->range);
}

}  // namespace lissom::tools
