#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "src/tools/cli/new_file.h"
#include "src/tools/cli/record.h"
#include "src/tools/cli/signals.h"
#include "src/tools/cli/transfer.h"
#include "src/tools/cli/walk.h"
#include "src/tools/terminal.h"
#include "util/status_macros.h"

namespace lissom::tools {
namespace {

struct DumpFlags {
  RangeFlags range = {};
  RecordFormat format = {};
  std::string file = "-";
  bool force = false;
};

struct Dumped {
  uint64_t records = 0;
  bool whole = true;  // False: the reader of a pipe went away.
};

absl::StatusOr<Dumped> DumpTo(Cli& cli, const DumpFlags& flags, DB& db,
                              const WalkOptions& walk, Output& out) {
  const std::unique_ptr<RecordWriter> writer = NewRecordWriter(flags.format);
  Signals signals;
  const uint64_t estimate = db.GetMetrics().estimated_keys;
  // Next to the records on a terminal a bar would only be in the way.
  const bool bar = &out != &cli.out() || isatty(STDOUT_FILENO) == 0;
  Progress progress("dump", bar ? std::min(estimate, walk.limit) : 0, stderr);
  std::string text;
  LISSOM_RETURN_IF_ERROR(Walk(
      db, walk, [&](std::string_view key, std::string_view value, bool* more) {
        LISSOM_RETURN_IF_ERROR(signals.Check());
        text.clear();
        LISSOM_RETURN_IF_ERROR(writer->Add(key, value, &text));
        out.Write(text);
        progress.Add();
        *more = out.good();
        return absl::OkStatus();
      }));
  text.clear();
  writer->Finish(&text);
  out.Write(text);
  LISSOM_RETURN_IF_ERROR(out.Flush());
  return Dumped{.records = progress.done(), .whole = out.good()};
}

absl::Status CheckFile(const Cli& cli, const std::string& file) {
  if (file.empty()) return UsageError("FILE: its name is empty");
  if (file == "-" || !WouldBeIn(cli.directory(), file)) return absl::OkStatus();
  return UsageError(
      absl::StrCat("FILE: ", file,
                   " would be in the directory of the database, which "
                   "removes what it does not need"));
}

absl::Status Dump(Cli& cli, const DumpFlags& flags) {
  LISSOM_RETURN_IF_ERROR(CheckFormat(flags.format));
  LISSOM_RETURN_IF_ERROR(CheckFile(cli, flags.file));
  WalkOptions walk;
  LISSOM_ASSIGN_OR_RETURN(walk.read, BoundsOf(cli, flags.range));
  walk.limit = flags.range.limit.value_or(walk.limit);
  LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<DB> db, cli.OpenToRead());
  if (flags.file == "-") {
    return DumpTo(cli, flags, *db, walk, cli.out()).status();
  }
  LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<NewFile> file,
                          NewFile::Create(flags.file, flags.force));
  Output out(file->fd(), flags.file);
  LISSOM_ASSIGN_OR_RETURN(const Dumped dumped,
                          DumpTo(cli, flags, *db, walk, out));
  if (!dumped.whole) return absl::OkStatus();
  return file->Commit();
}

}  // namespace

void AddDump(Cli& cli) {
  auto flags = std::make_shared<DumpFlags>();
  CLI::App& verb = cli.AddVerb(
      {.name = "dump",
       .what = "Write entries in a format that load reads.",
       .footer =
           "FILE appears when it is complete, or not at all. --hex and\n"
           "--escapes are for --from and --to; jsonl has hex members with "
           "--hex.",
       .hex = true,
       .escapes = true},
      [&cli, flags] {
        flags->format.hex = cli.hex();
        return Dump(cli, *flags);
      });
  verb.add_option("FILE", flags->file, "Where to; -, or none: to stdout.");
  AddFormat(verb, flags->format);
  AddRange(verb, flags->range);
  AddLimit(verb, flags->range);
  verb.add_flag("--force", flags->force, "Replace FILE if it exists.");
}

}  // namespace lissom::tools
