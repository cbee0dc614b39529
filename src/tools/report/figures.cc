// The figures of a report: tiles, a row a level, write amplification.
#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "db/version/version.h"
#include "src/tools/report/html.h"
#include "src/tools/report/sections.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

struct LevelFigures {
  uint64_t tables = 0;
  uint64_t bytes = 0;
  uint64_t raw_bytes = 0;
  uint64_t entries = 0;
  uint64_t tombstones = 0;
  uint64_t oldest = 0;  // Creation time; 0: not known.

  void Add(const TableMetadata& table) {
    ++tables;
    bytes += table.size;
    raw_bytes += table.raw_key_bytes + table.raw_value_bytes;
    entries += table.entries;
    tombstones += table.tombstones;
    if (table.creation_time != 0 &&
        (oldest == 0 || table.creation_time < oldest)) {
      oldest = table.creation_time;
    }
  }
};

using Levels = std::array<LevelFigures, Version::kLevels>;

Levels FiguresOf(const ReportData& data) {
  Levels levels;
  for (const VersionEdit::NewTable& table : data.manifest.tables) {
    levels[static_cast<size_t>(table.level)].Add(table.table);
  }
  return levels;
}

double Ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0
                    : static_cast<double>(part) / static_cast<double>(whole);
}

std::string Tile(const std::string& value, std::string_view what) {
  return absl::StrCat("<div class=\"tile\"><b>", value, "</b><span>",
                      ToAbsl(what), "</span></div>\n");
}

double Sum(const std::array<double, Metrics::kLevels>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

// "1.2 M": a count that fits a tile.
std::string ShortCount(uint64_t count) {
  if (count < 1'000'000) return Commas(count);
  const double millions = static_cast<double>(count) / 1e6;
  if (millions < 1000) return Decimal(millions) + " M";
  return Decimal(millions / 1000) + " G";
}

std::string LevelRow(size_t n, const LevelFigures& level, uint64_t most_bytes,
                     absl::Time now) {
  std::string age = "–";
  if (level.oldest != 0) {
    age = AgeText(now -
                  absl::FromUnixSeconds(static_cast<int64_t>(level.oldest)));
  }
  const std::string ratio =
      level.bytes == 0 ? "–" : Decimal(Ratio(level.raw_bytes, level.bytes));
  return absl::StrCat(
      "<tr><th scope=\"row\">Level ", n, "</th><td>", Commas(level.tables),
      "</td><td>", BytesText(level.bytes),
      "</td><td class=\"share\"><div class=\"meter\"><i style=\"width:",
      Number(Ratio(level.bytes, most_bytes) * 100), "%\"></i></div></td>",
      "<td class=\"less\">", Commas(level.entries), "</td><td>",
      Percent(Ratio(level.tombstones, level.entries)),
      "</td><td class=\"less\">", ratio, "</td><td class=\"less\">", age,
      "</td></tr>\n");
}

std::string AmplificationRow(const std::string& name, double bytes,
                             double users, double most) {
  return absl::StrCat(
      "<div class=\"amp\"><span>", name, "</span><div class=\"meter\"><i ",
      "style=\"width:", Number(most > 0 ? bytes / most * 100 : 0),
      "%\"></i></div><span class=\"soft\"><b>", Decimal(bytes / users),
      "</b> · ", BytesText(static_cast<uint64_t>(bytes)), "</span></div>\n");
}

}  // namespace

WriteTotals TotalsOf(const History& history) {
  WriteTotals totals;
  for (const Session& session : history.sessions) {
    if (session.points.empty()) continue;
    const MetricsPoint& last = session.points.back();
    totals.users += static_cast<double>(last.bytes_written);
    for (size_t n = 0; n < totals.levels.size(); ++n) {
      totals.levels[n] += static_cast<double>(last.level_written[n]);
    }
  }
  if (totals.users > 0) {
    totals.by_metrics = true;
    return totals;
  }
  totals = {};
  for (const Session& session : history.sessions) {
    for (const TablesWritten& written : session.written) {
      totals.levels[static_cast<size_t>(written.level)] +=
          static_cast<double>(written.bytes);
    }
  }
  totals.users = totals.levels[0];  // What was flushed.
  return totals;
}

std::string Tiles(const ReportData& data) {
  LevelFigures all;
  for (const VersionEdit::NewTable& table : data.manifest.tables) {
    all.Add(table.table);
  }
  std::string html = "<div class=\"tiles\">\n";
  html += Tile(
      BytesText(all.bytes),
      all.tables == 1 ? "in 1 table" : "in " + Commas(all.tables) + " tables");
  html += Tile(ShortCount(all.entries),
               all.entries == 1 ? "entry in tables" : "entries in tables");
  html +=
      Tile(Percent(Ratio(all.tombstones, all.entries)), "of them tombstones");
  html += Tile(all.bytes == 0 ? "–" : Decimal(Ratio(all.raw_bytes, all.bytes)),
               "bytes of data a byte of file");
  const WriteTotals totals = TotalsOf(data.history);
  html +=
      Tile(totals.users > 0 ? Decimal(Sum(totals.levels) / totals.users) : "–",
           "write amplification");
  html +=
      Tile(BytesText(data.log_bytes),
           data.log_files == 1 ? "in 1 log"
                               : absl::StrCat("in ", data.log_files, " logs"));
  return html + "</div>\n";
}

std::string LevelsSection(const ReportData& data) {
  const Levels levels = FiguresOf(data);
  uint64_t most = 0;
  for (const LevelFigures& level : levels) most = std::max(most, level.bytes);
  if (most == 0) return "";
  std::string html =
      "<section id=\"levels\"><h2>Levels</h2>\n<p class=\"soft\">What the "
      "tables of each level say of themselves.</p>\n<table><thead><tr><th>"
      "</th><th>Tables</th><th>Size</th><th></th><th class=\"less\">Entries"
      "</th><th>Tombstones</th><th class=\"less\">Data a byte</th>"
      "<th class=\"less\">Oldest</th></tr></thead><tbody>\n";
  for (size_t n = 0; n < levels.size(); ++n) {
    if (levels[n].tables > 0) html += LevelRow(n, levels[n], most, data.made);
  }
  return html + "</tbody></table></section>\n";
}

std::string WriteAmplificationSection(const ReportData& data) {
  const WriteTotals totals = TotalsOf(data.history);
  std::string html =
      "<section id=\"amplification\"><h2>Write amplification</h2>\n"
      "<p class=\"soft\">";
  if (totals.users <= 0) {
    return html + "LOG tells of no flush yet.</p></section>\n";
  }
  absl::StrAppend(&html, "Bytes of tables written for each byte that ",
                  totals.by_metrics ? "was put or deleted" : "was flushed",
                  ", by the level they went to: ",
                  Decimal(Sum(totals.levels) / totals.users), " in all, of ",
                  BytesText(static_cast<uint64_t>(totals.users)),
                  ", as far back as LOG goes. The log adds one more.</p>\n");
  const double most =
      *std::max_element(totals.levels.begin(), totals.levels.end());
  for (size_t n = 0; n < totals.levels.size(); ++n) {
    if (totals.levels[n] <= 0) continue;
    html += AmplificationRow(
        n == 0 ? std::string("Flushes") : absl::StrCat("To level ", n),
        totals.levels[n], totals.users, most);
  }
  return html + "</section>\n";
}

}  // namespace lissom::tools
