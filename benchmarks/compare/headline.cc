// What a result comes to in one picture, and in one table for the terminal.
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmarks/compare/charts.h"
#include "benchmarks/compare/page.h"
#include "benchmarks/compare/summary.h"
#include "benchmarks/compare/svg.h"
#include "src/tools/terminal.h"

namespace lissom::bench {
namespace {

// "rocksdb 7.8.3 of ...": which one it is that the ratios speak of.
std::string AnchorVersion(const Result& result) {
  for (const EngineFacts& facts : result.engines) {
    if (facts.engine == kAnchor) {
      return absl::StrCat(facts.engine, " ", facts.version);
    }
  }
  return "";
}

}  // namespace

std::string ToHeadlineSvg(const Result& result) {
  constexpr double kWidth = 720;
  constexpr double kRow = 34;
  constexpr double kMargin = 20;
  constexpr double kRight = kWidth - kMargin;
  constexpr double kLabels = 210;
  constexpr double kNumbers = 190;
  std::vector<RatioRow> rows;
  std::vector<std::string> numbers;
  double most = 1;
  size_t pairs = 0;
  for (const HeadlineCell& tile : kHeadlineCells) {
    const Cell* cell = FindCell(result, tile.cell);
    if (cell == nullptr) continue;
    const Spread ratio = RatiosOf(*cell, kOurs, kAnchor);
    if (ratio.count == 0) continue;
    most = std::max(most, ratio.most);
    pairs = std::max(pairs, ratio.count);
    rows.push_back({.label = std::string(tile.words), .ratio = ratio});
    numbers.push_back(
        absl::StrCat(ShortNumber(ValuesOf(*cell, kOurs).median), " : ",
                     ShortNumber(ValuesOf(*cell, kAnchor).median), "/s"));
  }
  const double height = 108 + kRow * static_cast<double>(rows.size());
  Svg svg(kWidth, "lissom's throughput in multiples of RocksDB's");
  // A ground of its own: a page's theme need not be the reader's.
  svg.Rect(0.5, 0.5, kWidth - 1, height - 1, "paper");
  svg.Text(kMargin, 32, "Throughput, in multiples of RocksDB's", Anchor::kStart,
           "large");
  double y = 46;
  const double scale = (kRight - kLabels - kNumbers - 50) / most;
  for (size_t i = 0; i < rows.size(); ++i) {
    const double width = rows[i].ratio.median * scale;
    svg.Text(kLabels - 10, y + 17, rows[i].label, Anchor::kEnd);
    svg.Rect(kLabels, y + 3, width, 20, "fill lissom");
    const double end = kLabels + rows[i].ratio.most * scale;
    svg.Segment(kLabels + rows[i].ratio.least * scale, y + 13, end, y + 13,
                "whisker");
    svg.Text(std::max(kLabels + width, end) + 8, y + 18,
             RatioText(rows[i].ratio.median), Anchor::kStart, "strong");
    svg.Text(kRight, y + 18, numbers[i], Anchor::kEnd, "dim");
    y += kRow;
  }
  svg.Segment(kLabels + scale, 44, kLabels + scale, y - 4, "rule");
  svg.Text(kMargin, y + 20,
           absl::StrCat(result.date.substr(0, 10), " · ",
                        tools::WithCommas(result.read_keys), " keys read, ",
                        tools::WithCommas(result.write_keys), " written · ",
                        result.machine.cores, " cores · medians of ", pairs,
                        " pairs, least to most",
                        result.mode == "standard" || result.mode == "full"
                            ? ""
                            : " · " + result.mode + " run"),
           Anchor::kStart, "dim");
  svg.Text(kMargin, y + 38, AnchorVersion(result), Anchor::kStart, "dim");
  return svg.Finish(height, ChartStyle());
}

std::string ToText(const Result& result) {
  std::vector<std::string> engines = EnginesIn(result);
  std::vector<std::string> header = {"operations a second"};
  header.insert(header.end(), engines.begin(), engines.end());
  for (const std::string& engine : engines) {
    if (IsPeer(engine)) header.push_back("x " + engine);
  }
  tools::Table table(header);
  for (const Cell& cell : result.cells) {
    if (cell.samples.empty()) continue;
    std::vector<std::string> row = {cell.title};
    for (const std::string& engine : engines) {
      const Spread values = ValuesOf(cell, engine);
      row.push_back(values.count == 0
                        ? ""
                        : absl::StrCat(ShortNumber(values.median),
                                       IsDisturbed(cell, engine) ? "*" : ""));
    }
    for (const std::string& engine : engines) {
      if (!IsPeer(engine)) continue;
      const Spread ratio = RatiosOf(cell, kOurs, engine);
      row.push_back(ratio.count == 0
                        ? ""
                        : absl::StrFormat("%.2f (%.2f - %.2f)", ratio.median,
                                          ratio.least, ratio.most));
    }
    table.AddRow(std::move(row));
  }
  return table.ToString();
}

}  // namespace lissom::bench
