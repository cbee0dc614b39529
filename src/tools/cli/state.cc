#include "src/tools/cli/state.h"

#include <memory>
#include <string>

#include "absl/strings/str_format.h"
#include "src/tools/cli/metrics_json.h"
#include "src/tools/terminal.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

using Json = nlohmann::ordered_json;

void WriteJson(Cli& cli, const Json& json) {
  cli.out().Write(json.dump(2) + "\n");
}

absl::Status Stats(Cli& cli) {
  LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<DB> db, cli.OpenToRead());
  if (cli.json()) {
    WriteJson(cli, ToJson(db->GetMetrics()));
    return absl::OkStatus();
  }
  LISSOM_ASSIGN_OR_RETURN(const std::string text,
                          db->GetProperty("lissom.stats"));
  cli.out().Write(text);
  return absl::OkStatus();
}

Json ShapeJson(const Metrics& metrics) {
  Json levels = Json::array();
  for (size_t level = 0; level < metrics.levels.size(); ++level) {
    const LevelMetrics& m = metrics.levels[level];
    levels.push_back({{"level", level},
                      {"tables", m.tables},
                      {"bytes", m.bytes},
                      {"raw_bytes", m.raw_bytes},
                      {"target_bytes", m.target_bytes},
                      {"score", m.score}});
  }
  return {{"levels", levels},
          {"tables", metrics.tables},
          {"table_bytes", metrics.table_bytes},
          {"memtable_entries", metrics.memtable_entries},
          {"estimated_keys", metrics.estimated_keys},
          {"base_level", metrics.base_level}};
}

std::string LevelsTable(const Metrics& metrics) {
  Table table(
      {"level", "tables", "bytes", "keys and values", "target", "score"});
  uint64_t raw_bytes = 0;
  for (size_t level = 0; level < metrics.levels.size(); ++level) {
    const LevelMetrics& m = metrics.levels[level];
    raw_bytes += m.raw_bytes;
    if (m.tables == 0 && m.target_bytes <= 1) continue;  // 1: of nothing.
    table.AddRow({absl::StrCat(level), WithCommas(m.tables), BytesText(m.bytes),
                  BytesText(m.raw_bytes),
                  m.target_bytes <= 1 ? "" : BytesText(m.target_bytes),
                  absl::StrFormat("%.2f", m.score)});
  }
  table.AddLine();
  table.AddRow({"all", WithCommas(metrics.tables),
                BytesText(metrics.table_bytes), BytesText(raw_bytes), "", ""});
  return table.ToString();
}

absl::Status Shape(Cli& cli) {
  LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<DB> db, cli.OpenToRead());
  const Metrics metrics = db->GetMetrics();
  if (cli.json()) {
    WriteJson(cli, ShapeJson(metrics));
    return absl::OkStatus();
  }
  LISSOM_ASSIGN_OR_RETURN(const std::string picture,
                          db->GetProperty("lissom.shape"));
  cli.out().Write(picture);
  if (!picture.empty() && picture.back() != '\n') cli.out().Write("\n");
  cli.out().Write(LevelsTable(metrics));
  cli.out().Write(absl::StrCat("entries in logs, to be flushed: ",
                               WithCommas(metrics.memtable_entries), "\n"));
  return absl::OkStatus();
}

struct PropertyFlags {
  std::string name;
  bool list = false;
};

absl::Status Property(Cli& cli, const PropertyFlags& flags) {
  if (flags.list == !flags.name.empty()) {
    return UsageError("one of NAME and --list is wanted");
  }
  LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<DB> db, cli.OpenToRead());
  const std::string name = flags.list ? "lissom.properties" : flags.name;
  absl::StatusOr<std::string> text = db->GetProperty(name);
  if (absl::IsInvalidArgument(text.status())) {
    const absl::string_view message = text.status().message();
    return UsageError({message.data(), message.size()});
  }
  LISSOM_RETURN_IF_ERROR(text.status());
  if (text->empty() || text->back() != '\n') *text += '\n';
  cli.out().Write(*text);
  return absl::OkStatus();
}

}  // namespace

void AddStats(Cli& cli) {
  cli.AddVerb({.name = "stats",
               .what = "Print what the database says of itself.",
               .footer = "Counters begin with this opening, so they are those "
                         "of a\nrecovery; sizes, levels and estimates are the "
                         "database's.",
               .json = true},
              [&cli] { return Stats(cli); });
}

void AddShape(Cli& cli) {
  cli.AddVerb({.name = "shape",
               .what = "Draw the tree: levels, tables, bytes, targets.",
               .json = true},
              [&cli] { return Shape(cli); });
}

void AddProperty(Cli& cli) {
  auto flags = std::make_shared<PropertyFlags>();
  CLI::App& verb = cli.AddVerb(
      {.name = "property",
       .what = "Print one property, by lissom's, RocksDB's or LevelDB's name."},
      [&cli, flags] { return Property(cli, *flags); });
  verb.add_option("NAME", flags->name, "lissom.stats, say.");
  verb.add_flag("--list", flags->list, "Print the names that there are.");
}

}  // namespace lissom::tools
