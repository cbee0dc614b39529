#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "src/tools/cli/signals.h"
#include "src/tools/cli/state.h"
#include "src/tools/terminal.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

struct CompactFlags {
  RangeFlags range = {};
  bool rewrite = false;
};

std::string SizeText(const Metrics& metrics) {
  return absl::StrCat(WithCommas(metrics.tables),
                      metrics.tables == 1 ? " table of " : " tables of ",
                      BytesText(metrics.table_bytes));
}

std::string SizeJson(const Metrics& metrics) {
  return absl::StrCat("{\"tables\":", metrics.tables,
                      ",\"table_bytes\":", metrics.table_bytes, "}");
}

// CompactRange, until a signal asks for a stop: what was finished by then
// stays.
absl::Status CompactUntilStopped(DB& db, const ReadOptions& bounds,
                                 bool rewrite) {
  const Signals signals;
  std::stop_source stop;
  std::jthread watcher([&signals, &stop](const std::stop_token& done) {
    while (!done.stop_requested() && !stop.stop_requested()) {
      if (!signals.Check().ok()) stop.request_stop();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  CompactRangeOptions options;
  options.stop = stop.get_token();
  options.rewrite_last_level = rewrite;
  return db.CompactRange(options, bounds.iterate_lower_bound,
                         bounds.iterate_upper_bound);
}

absl::Status Compact(Cli& cli, const CompactFlags& flags) {
  LISSOM_ASSIGN_OR_RETURN(const ReadOptions bounds, BoundsOf(cli, flags.range));
  LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<DB> db, cli.OpenToWrite());
  LISSOM_RETURN_IF_ERROR(db->Flush());
  const Metrics before = db->GetMetrics();
  LISSOM_RETURN_IF_ERROR(CompactUntilStopped(*db, bounds, flags.rewrite));
  LISSOM_RETURN_IF_ERROR(db->WaitForIdle());
  const Metrics after = db->GetMetrics();
  if (cli.json()) {
    cli.out().Write(absl::StrCat("{\"before\":", SizeJson(before),
                                 ",\"after\":", SizeJson(after), "}\n"));
  } else {
    cli.out().Write(absl::StrCat("Now ", SizeText(after), ", before ",
                                 SizeText(before), ".\n"));
  }
  return db->Close();
}

}  // namespace

void AddCompact(Cli& cli) {
  auto flags = std::make_shared<CompactFlags>();
  CLI::App& verb = cli.AddVerb(
      {.name = "compact",
       .what = "Bring all entries, or those of a range, to the last level: "
               "what is deleted or overwritten leaves the disk.",
       .footer = "Tables are rewritten whole, so keys around the range may be,"
                 "\ntoo. A signal ends it; what was done by then stays.",
       .hex = true,
       .escapes = true,
       .json = true},
      [&cli, flags] { return Compact(cli, *flags); });
  AddRange(verb, flags->range);
  verb.add_flag("--rewrite", flags->rewrite,
                "Also rewrite what is in the last level already.");
}

}  // namespace lissom::tools
