#include "benchmarks/compare/page.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "benchmarks/compare/charts.h"
#include "benchmarks/compare/summary.h"
#include "src/tools/terminal.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

constexpr std::string_view kPageStyle = R"(
:root{color-scheme:light dark;--ink:#1c2330;--dim:#5c6675;--paper:#fff;
--card:#f7f9fb;--edge:#dfe4ea;--ours:#0b6e4f;--warn:#fff4d6;--warn-ink:#5b4300}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1010px;padding:24px 16px 48px;color:var(--ink);
background:var(--paper);font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,
sans-serif;overflow-wrap:anywhere}
h1{font-size:28px;line-height:1.2;margin:0 0 6px}
h2{font-size:20px;margin:40px 0 4px}
h3{font-size:15px;margin:0 0 8px}
p{margin:6px 0 12px;max-width:75ch}
.dim{color:var(--dim)}
.warn{background:var(--warn);color:var(--warn-ink);padding:8px 12px;
border-radius:8px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));
gap:12px;margin:18px 0}
.tile,figure{background:var(--card);border:1px solid var(--edge);
border-radius:10px}
.tile{padding:12px 14px}
.tile b{display:block;font-size:28px;line-height:1.2;color:var(--ours)}
.tile span{display:block;font-size:13px}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),
1fr));gap:16px}
figure{margin:0;padding:14px 16px;min-width:0}
figcaption{color:var(--dim);font-size:13px;margin-top:8px}
.chart{display:block;width:100%;max-width:460px;height:auto}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:14px;width:100%;margin:10px 0;
overflow-wrap:normal}
th,td{text-align:right;padding:5px 10px;border-bottom:1px solid var(--edge);
white-space:nowrap;font-variant-numeric:tabular-nums}
th:first-child,td:first-child{text-align:left;padding-left:0}
td.text{white-space:normal;text-align:left}
td small{color:var(--dim)}
code{font-size:13px}
@media (prefers-color-scheme:dark){:root{--ink:#e8ebf0;--dim:#a2acb9;
--paper:#14181d;--card:#1b2027;--edge:#323a44;--ours:#3ecf9a;--warn:#3d3215;
--warn-ink:#f3dfa5}}
)";

std::string Figure(std::string_view title, const std::string& chart,
                   std::string_view caption) {
  return absl::StrCat("<figure><h3>", EscapeMarkup(title), "</h3>\n", chart,
                      caption.empty() ? "" : "<figcaption>",
                      EscapeMarkup(caption),
                      caption.empty() ? "" : "</figcaption>", "</figure>\n");
}

std::string Pair(const std::vector<std::string>& figures) {
  if (figures.empty()) return "";
  return absl::StrCat("<div class=\"pair\">\n", absl::StrJoin(figures, ""),
                      "</div>\n");
}

std::string Head(const Result& result) {
  std::vector<std::string> peers;
  for (const std::string& name : EnginesIn(result)) {
    if (IsPeer(name)) peers.push_back(DisplayName(name));
  }
  // "RocksDB, LevelDB and LMDB".
  std::string engines = peers.empty() ? "nothing" : peers.back();
  if (peers.size() > 1) {
    peers.pop_back();
    engines = absl::StrCat(absl::StrJoin(peers, ", "), " and ", engines);
  }
  std::string html = absl::StrCat(
      "<h1>lissom beside ", EscapeMarkup(engines), "</h1>\n<p class=\"dim\">",
      EscapeMarkup(result.date), " · ", EscapeMarkup(result.machine.cpu), ", ",
      result.machine.cores, " cores, ",
      EscapeMarkup(BytesText(result.machine.memory_bytes)), " · ",
      EscapeMarkup(result.machine.system), ", ",
      EscapeMarkup(result.machine.kernel), "</p>\n<p>",
      EscapeMarkup(result.label), "</p>\n");
  if (result.mode != "standard" && result.mode != "full") {
    absl::StrAppend(&html, "<p class=\"warn\">This is the ",
                    EscapeMarkup(result.mode),
                    " comparison, not the standard one: other sizes, or few "
                    "rounds. It shows that everything works and roughly where "
                    "things stand; do not quote it.</p>\n");
  }
  if (result.checks_on) {
    absl::StrAppend(&html,
                    "<p class=\"warn\">lissom was built with its debug checks "
                    "on: its figures mean nothing.</p>\n");
  }
  return html;
}

std::string Tiles(const Result& result) {
  std::string html;
  for (const HeadlineCell& tile : kHeadlineCells) {
    const Cell* cell = FindCell(result, tile.cell);
    if (cell == nullptr) continue;
    const Spread ratio = RatiosOf(*cell, kOurs, kAnchor);
    if (ratio.count == 0) continue;
    absl::StrAppend(&html, "<div class=\"tile\"><b>", RatioText(ratio.median),
                    "</b><span>RocksDB's ", ToAbsl(tile.words),
                    "</span><span class=\"dim\">",
                    ShortNumber(ValuesOf(*cell, kOurs).median), " beside ",
                    ShortNumber(ValuesOf(*cell, kAnchor).median),
                    " a second</span></div>\n");
  }
  if (html.empty()) return "";
  return absl::StrCat("<div class=\"tiles\">\n", html, "</div>\n");
}

std::string RatioSection(const Result& result) {
  std::vector<std::string> figures;
  for (const auto& [group, title] :
       {std::pair<std::string_view, std::string_view>{"write", "Writing"},
        {"read", "Reading"},
        {"ycsb", "YCSB"},
        {"large", "Large values"},
        {"beyond", "Data larger than memory"}}) {
    const std::vector<RatioRow> rows =
        RatioRows(CellsOf(result, group), kAnchor);
    if (rows.empty()) continue;
    const std::string words =
        absl::StrCat(ToAbsl(title), ": times RocksDB's throughput");
    figures.push_back(Figure(words, RatioBars(words, kOurs, rows), ""));
  }
  if (figures.empty()) return "";
  return absl::StrCat(
      "<h2>How many times RocksDB</h2>\n<p>Operations a second of lissom over "
      "RocksDB's, each ratio taken from two runs that were neighbours in time. "
      "The bar ends at the median, the shade spans the middle half of the "
      "ratios, the line all of them. Above 1×, lissom is the faster one. "
      "An asterisk: the machine was busy in every run.</p>\n",
      Pair(figures));
}

std::string ValueCell(const Spread& spread) {
  if (spread.count == 0) return "<td>–</td>";
  return absl::StrCat("<td>", ShortNumber(spread.median), " <small>(",
                      ShortNumber(spread.least), " – ",
                      ShortNumber(spread.most), ")</small></td>");
}

// All cells: medians and spreads, then the ratio to the anchor.
std::string FigureTable(const Result& result) {
  const std::vector<std::string> engines = EnginesIn(result);
  std::string html =
      "<div class=\"wide\"><table><tr><th></th><th>lissom : rocksdb</th>";
  for (const std::string& engine : engines) {
    absl::StrAppend(&html, "<th>", EscapeMarkup(engine), "</th>");
  }
  html += "</tr>\n";
  for (const Cell& cell : result.cells) {
    if (cell.samples.empty()) continue;
    const Spread ratio = RatiosOf(cell, kOurs, kAnchor);
    absl::StrAppend(&html, "<tr><td>", EscapeMarkup(cell.title), "</td><td>",
                    ratio.count == 0 ? "–" : RatioText(ratio.median), "</td>");
    for (const std::string& engine : engines) {
      html += ValueCell(ValuesOf(cell, engine));
    }
    html += "</tr>\n";
  }
  return absl::StrCat(
      "<h2>All figures</h2>\n<p>Operations a second: the median, and the least "
      "and the most. Null is an engine that does nothing: what the harness "
      "itself costs.</p>\n",
      html, "</table></div>\n");
}

// The series of a cell that ended in the median time of its engine.
std::vector<Line> TimeLines(const Result& result, std::string_view cell) {
  std::vector<Line> lines;
  for (const std::string& engine : EnginesIn(result)) {
    std::vector<const Series*> runs;
    for (const Series& series : result.series) {
      if (series.cell == cell && series.engine == engine &&
          series.values.size() > 1) {
        runs.push_back(&series);
      }
    }
    if (runs.empty()) continue;
    std::sort(runs.begin(), runs.end(), [](const Series* a, const Series* b) {
      return a->values.size() < b->values.size();
    });
    const Series& typical = *runs[runs.size() / 2];
    Line line{.engine = engine, .points = {}};
    line.points.reserve(typical.values.size());
    for (size_t i = 0; i < typical.values.size(); ++i) {
      line.points.emplace_back(
          (static_cast<double>(i) + 0.5) * typical.interval_seconds,
          typical.values[i]);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string TimeSection(const Result& result) {
  std::vector<std::string> figures;
  for (const Cell& cell : result.cells) {
    const std::vector<Line> lines = TimeLines(result, cell.id);
    if (lines.empty()) continue;
    figures.push_back(Figure(cell.title,
                             LinePlot({.title = cell.title + " over time",
                                       .x = "seconds",
                                       .y = "operations a second"},
                                      lines),
                             ""));
  }
  if (figures.empty()) return "";
  return absl::StrCat(
      "<h2>Throughput over time</h2>\n<p>The run of median length of each "
      "engine. A stall is a notch that reaches down; a line that ends early "
      "had done all its operations.</p>\n",
      Pair(figures));
}

std::string PlaceOf(double percent) {
  if (percent >= 100) return "max";
  return absl::StrCat("p", absl::StrFormat("%g", percent));
}

std::string LatencySection(const Result& result) {
  std::vector<std::string> figures;
  for (const std::string_view operation : {"get", "put"}) {
    const std::vector<LatencyCurve> curves = CurvesOf(result, operation);
    if (curves.empty()) continue;
    std::vector<std::string> places;
    places.reserve(curves.front().percentiles.size());
    for (const Percentile& percentile : curves.front().percentiles) {
      places.push_back(PlaceOf(percentile.percent));
    }
    std::vector<Line> lines;
    std::string caption =
        absl::StrCat("Offered: ", ShortNumber(curves.front().offered),
                     " a second to each. Done: ");
    for (const LatencyCurve& curve : curves) {
      Line line{.engine = curve.engine, .points = {}};
      line.points.reserve(curve.percentiles.size());
      for (size_t i = 0; i < curve.percentiles.size(); ++i) {
        line.points.emplace_back(static_cast<double>(i),
                                 curve.percentiles[i].micros);
      }
      absl::StrAppend(&caption, lines.empty() ? "" : ", ", curve.engine, " ",
                      ShortNumber(curve.done));
      lines.push_back(std::move(line));
    }
    const std::string title = operation == "get" ? "Get" : "Put";
    figures.push_back(Figure(title,
                             LogPlot({.title = title + " latency",
                                      .x = "percentile",
                                      .y = "microseconds"},
                                     places, lines),
                             caption + "."));
  }
  if (figures.empty()) return "";
  return absl::StrCat(
      "<h2>Latency at a fixed load</h2>\n<p>Each engine is offered the same "
      "load, 70 % of RocksDB's peak, at moments that were fixed beforehand; "
      "time counts from the moment an operation was due, so that waiting "
      "behind a slow one counts too. Median of the runs, at each percentile. "
      "The scale is logarithmic.</p>\n",
      Pair(figures));
}

std::string TitleOf(const Result& result, const std::string& id) {
  const Cell* cell = FindCell(result, id);
  return cell == nullptr ? id : cell->title;
}

std::string BytesSection(const Result& result) {
  std::vector<BarGroup> write;
  std::vector<BarGroup> space;
  for (const std::string& cell : AmplifiedCells(result)) {
    BarGroup written{.label = TitleOf(result, cell), .bars = {}};
    BarGroup on_disk = written;
    for (const AmplificationSummary& sum : AmplificationsOf(result, cell)) {
      written.bars.push_back(
          {sum.engine, sum.write, absl::StrFormat("%.2f", sum.write)});
      on_disk.bars.push_back(
          {sum.engine, sum.space, absl::StrFormat("%.2f", sum.space)});
    }
    write.push_back(std::move(written));
    space.push_back(std::move(on_disk));
  }
  if (write.empty()) return "";
  return absl::StrCat(
      "<h2>Amplification</h2>\n<p>Less is better. Written: bytes of all write "
      "calls of the process until it has settled, log included, a byte of keys "
      "and values put. Disk: bytes of the directory, settled, a byte of keys "
      "and values that can be read.</p>\n",
      Pair({Figure("Bytes written a byte put",
                   GroupedBars("Write amplification", write), ""),
            Figure("Bytes on disk a live byte",
                   GroupedBars("Space amplification", space), "")}));
}

// Processor time of the cells of some groups.
std::string CpuFigure(const Result& result, std::string_view title,
                      const std::vector<std::string_view>& groups) {
  std::vector<BarGroup> bars;
  for (const std::string_view group : groups) {
    for (const Cell* cell : CellsOf(result, group)) {
      BarGroup one{.label = cell->title, .bars = {}};
      for (const std::string& engine : EnginesIn(*cell)) {
        if (engine == "null") continue;
        const double micros = CpuOf(*cell, engine).median;
        one.bars.push_back({engine, micros, ShortNumber(micros) + " us"});
      }
      if (!one.bars.empty()) bars.push_back(std::move(one));
    }
  }
  if (bars.empty()) return "";
  return Figure(title, GroupedBars(title, bars, BarScale::kEachGroup),
                "User and system, background threads included. Each group has "
                "a scale of its own.");
}

std::string MemoryFigure(const Result& result) {
  std::vector<BarGroup> memory;
  for (const std::string_view phase : {"write", "read"}) {
    BarGroup group{
        .label = phase == "write" ? "Writing" : "Reading, cache warm",
        .bars = {}};
    for (const std::string& engine : EnginesIn(result)) {
      std::vector<double> peaks;
      for (const Memory& one : result.memory) {
        if (one.engine == engine && one.phase == phase && engine != "null") {
          peaks.push_back(one.peak_bytes);
        }
      }
      if (peaks.empty()) continue;
      const double peak = Median(peaks);
      group.bars.push_back(
          {engine, peak, BytesText(static_cast<uint64_t>(peak))});
    }
    if (!group.bars.empty()) memory.push_back(std::move(group));
  }
  if (memory.empty()) return "";
  return Figure("Peak memory of the process",
                GroupedBars("Peak memory of the process", memory),
                "Resident at its highest. The cache may be as large for each; "
                "files that are mapped count as memory.");
}

std::string CostSection(const Result& result) {
  std::vector<std::string> figures = {
      CpuFigure(result, "Processor time a write", {"write"}),
      CpuFigure(result, "Processor time a read", {"read"}),
      CpuFigure(result, "Processor time an operation, other workloads",
                {"ycsb", "large", "beyond"}),
      MemoryFigure(result)};
  std::erase(figures, "");
  if (figures.empty()) return "";
  return absl::StrCat(
      "<h2>Processor and memory</h2>\n<p>Less is better. Processor time "
      "varies less from run to run than throughput does.</p>\n",
      Pair(figures));
}

std::string MethodSection(const Result& result) {
  std::string html = absl::StrCat(
      "<h2>How it was measured</h2>\n<p>Every engine runs in a process of its "
      "own, of one program, driven by the same code. Write runs alternate A B "
      "B A with empty directories; for reads every engine keeps its database "
      "open and they take turns in short slices. ",
      SlicesThrownAway(result), " of ", Slices(result),
      " slices were thrown away because other processes used more than a fifth "
      "of a processor meanwhile. It took ",
      EscapeMarkup(absl::StrFormat("%.0f", result.seconds)),
      " seconds. Reads: ", EscapeMarkup(tools::WithCommas(result.read_keys)),
      " keys; writes: ", EscapeMarkup(tools::WithCommas(result.write_keys)),
      ".</p>\n");
  if (!result.notes.empty()) {
    html += "<ul>\n";
    for (const std::string& note : result.notes) {
      absl::StrAppend(&html, "<li>", EscapeMarkup(note), "</li>\n");
    }
    html += "</ul>\n";
  }
  html +=
      "<div class=\"wide\"><table><tr><th>engine</th><th "
      "style=\"text-align:left\">settings</th></tr>\n";
  for (const EngineFacts& facts : result.engines) {
    std::vector<std::string> settings;
    settings.reserve(facts.settings.size());
    for (const Fact& fact : facts.settings) {
      settings.push_back(absl::StrCat(fact.name, "=", fact.value));
    }
    absl::StrAppend(&html, "<tr><td>", EscapeMarkup(facts.engine), " ",
                    EscapeMarkup(facts.version), "</td><td class=\"text\">",
                    EscapeMarkup(absl::StrJoin(settings, ", ")),
                    "</td></tr>\n");
  }
  absl::StrAppend(
      &html, "</table></div>\n<p class=\"dim\">Compiler: ",
      EscapeMarkup(result.machine.compiler), ". lissom's commit: ",
      EscapeMarkup(result.lissom_commit.empty() ? "not known"
                                                : result.lissom_commit),
      ". Command: <code>", EscapeMarkup(result.command), "</code></p>\n");
  return html;
}

}  // namespace

std::string ToHtml(const Result& result) {
  return absl::StrCat(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\">\n<title>lissom: comparison of ",
      EscapeMarkup(result.date.substr(0, 10)), "</title>\n<style>",
      ToAbsl(kPageStyle), ChartStyle(), "</style>\n</head>\n<body>\n",
      Head(result), Tiles(result), RatioSection(result), TimeSection(result),
      LatencySection(result), BytesSection(result), CostSection(result),
      FigureTable(result), MethodSection(result), "</body>\n</html>\n");
}

}  // namespace lissom::bench
