#include "benchmarks/compare/charts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmarks/compare/svg.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

constexpr double kWidth = kChartWidth;

// 1, 2 or 5 times a power of ten: at most `count` of them reach `most`.
double NiceStep(double most, int count) {
  const double raw = std::max(most, 1e-9) / count;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (raw <= factor * power * (1 + 1e-9)) return factor * power;
  }
  return 10 * power;
}

// The multiples of `step` from nought to `end`, which may be one of them.
std::vector<double> Ticks(double step, double end) {
  const auto last = static_cast<int>(end / step * (1 + 1e-9));
  std::vector<double> ticks;
  ticks.reserve(static_cast<size_t>(last) + 1);
  for (int i = 0; i <= last; ++i) ticks.push_back(i * step);
  return ticks;
}

std::string RatioNumber(double ratio) {
  const int digits = ratio < 0.95 ? 2 : ratio < 9.95 ? 1 : 0;
  return absl::StrFormat("%.*f", digits, ratio);
}

// "10 k" and not "10.0 k": a scale's numbers are round.
std::string TickText(double value) {
  if (value >= 1e9) return absl::StrCat(value / 1e9, " G");
  if (value >= 1e6) return absl::StrCat(value / 1e6, " M");
  if (value >= 1e3) return absl::StrCat(value / 1e3, " k");
  return absl::StrFormat("%.4g", value);
}

// Names of the lines, one behind the other, each behind a piece of its line;
// returns the y below them.
double Legend(Svg& svg, double y, const std::vector<std::string>& engines,
              bool lines) {
  constexpr double kCharacter = 7.2;  // Of the font's width, and some more.
  double x = 0;
  for (const std::string& engine : engines) {
    const double width = 40 + kCharacter * static_cast<double>(engine.size());
    if (x > 0 && x + width > kWidth) {
      x = 0;
      y += 20;
    }
    if (lines) {
      svg.Segment(x, y + 8, x + 22, y + 8, "line " + engine);
    } else {
      svg.Rect(x + 4, y + 2, 14, 12, "fill " + engine);
    }
    svg.Text(x + 27, y + 12, engine, Anchor::kStart);
    x += width;
  }
  return y + 26;
}

std::vector<std::string> EnginesOf(const std::vector<Line>& lines) {
  std::vector<std::string> engines;
  for (const Line& line : lines) {
    if (std::find(engines.begin(), engines.end(), line.engine) ==
        engines.end()) {
      engines.push_back(line.engine);
    }
  }
  return engines;
}

struct Frame {  // The plot's area.
  double left = 48;
  double right = kWidth - 12;
  double top = 0;
  double bottom = 0;
  double X(double part) const { return left + (right - left) * part; }
  double Y(double part) const { return bottom - (bottom - top) * part; }
};

// Legend and axis words; returns the area between them.
Frame Begin(Svg& svg, const PlotWords& words, const std::vector<Line>& lines) {
  const double below = Legend(svg, 0, EnginesOf(lines), true);
  Frame frame;
  svg.Text(0, below + 12, words.y, Anchor::kStart, "dim");
  frame.top = below + 26;
  frame.bottom = frame.top + 190;
  svg.Text(frame.right, frame.bottom + 34, words.x, Anchor::kEnd, "dim");
  return frame;
}

}  // namespace

std::string EscapeMarkup(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string ShortNumber(double value) {
  struct Unit {
    double size;
    const char* name;
  };
  constexpr std::array<Unit, 4> kUnits = {
      {{1e9, " G"}, {1e6, " M"}, {1e3, " k"}, {1, ""}}};
  for (const Unit& unit : kUnits) {
    // What rounds up to a thousand belongs to the next unit.
    if (value < unit.size * 0.9995 && unit.size > 1) continue;
    const double scaled = value / unit.size;
    const int digits = scaled >= 99.95 || scaled == 0 ? 0
                       : scaled >= 9.995              ? 1
                                                      : 2;
    return absl::StrCat(absl::StrFormat("%.*f", digits, scaled), unit.name);
  }
  return "0";
}

std::string RatioText(double ratio) { return RatioNumber(ratio) + "×"; }

std::string ChartStyle() {
  struct Look {
    const char* engine;
    const char* light;
    const char* dark;
    const char* dash;
  };
  constexpr std::array<Look, 9> kLooks = {{
      {"lissom", "#0b6e4f", "#3ecf9a", "none"},
      {"lissom-defaults", "#56a98b", "#1f8a63", "2 3"},
      {"rocksdb", "#c2571a", "#f0935a", "7 4"},
      {"rocksdb-defaults", "#d99a6c", "#a8643a", "2 3"},
      {"rocksdb-blobs", "#8c3d10", "#ffb98a", "9 3 2 3"},
      {"rocksdb-tuned", "#a8431c", "#ff9d5c", "5 2"},
      {"leveldb", "#3b5bb5", "#8aa5f5", "3 3"},
      {"lmdb", "#85419c", "#cf94e4", "9 3 2 3"},
      {"null", "#777777", "#999999", "1 4"},
  }};
  std::string light;
  std::string dark;
  for (const Look& look : kLooks) {
    absl::StrAppend(&light, ".fill.", look.engine, "{fill:", look.light,
                    "}.line.", look.engine, "{stroke:", look.light,
                    ";stroke-dasharray:", look.dash, "}\n");
    absl::StrAppend(&dark, ".fill.", look.engine, "{fill:", look.dark,
                    "}.line.", look.engine, "{stroke:", look.dark, "}\n");
  }
  return absl::StrCat(
      "svg{font:13px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}\n"
      "text{fill:#1c2330}text.dim{fill:#5c6675;font-size:12px}"
      "text.strong{font-weight:650}text.large{font-size:16px;font-weight:650}\n"
      ".paper{fill:#fff;stroke:#dfe4ea}.fill{fill:#666}.line{fill:none;stroke:#"
      "666;stroke-width:2}\n"
      ".grid{stroke:#d8dde4;stroke-width:1}.rule{stroke:#1c2330;"
      "stroke-width:1.5}.track{fill:#eef1f4}.whisker{stroke:#1c2330;"
      "stroke-width:1.5}.box{fill:#1c2330;opacity:.28}\n",
      light,
      "@media (prefers-color-scheme:dark){\n"
      ".paper{fill:#14181d;stroke:#323a44}text{fill:#e8ebf0}text.dim{fill:#"
      "a2acb9}.grid{stroke:#39414c}"
      ".rule{stroke:#e8ebf0}.track{fill:#262d36}.whisker{stroke:#e8ebf0}"
      ".box{fill:#e8ebf0}\n",
      dark, "}\n");
}

std::string RatioBars(std::string_view title, std::string_view engine,
                      const std::vector<RatioRow>& rows) {
  constexpr double kRow = 46;
  constexpr double kBar = 16;
  Svg svg(kWidth, title);
  double most = 1;
  for (const RatioRow& row : rows) most = std::max(most, row.ratio.most);
  const double step = NiceStep(most, 8);
  const double end = std::ceil(most / step - 1e-9) * step;
  const auto x = [end](double ratio) {
    return 4 + (kWidth - 24) * ratio / end;
  };
  const double bottom = kRow * static_cast<double>(rows.size()) + 4;
  for (const double tick : Ticks(step, end)) {
    // Only beside the bars: the labels stand between them.
    for (size_t row = 0; row < rows.size(); ++row) {
      const double y = kRow * static_cast<double>(row);
      svg.Segment(x(tick), y + 22, x(tick), y + 42, "grid");
    }
    svg.Text(tick == 0 ? 4 : x(tick), bottom + 15,
             absl::StrCat(absl::StrFormat("%.4g", tick), "×"),
             tick == 0 ? Anchor::kStart : Anchor::kMiddle, "dim");
  }
  double y = 0;
  for (const RatioRow& row : rows) {
    svg.Text(4, y + 17, row.disturbed ? row.label + " *" : row.label,
             Anchor::kStart);
    if (row.ratio.count == 0) {
      svg.Text(kWidth - 8, y + 17, "no pair", Anchor::kEnd, "dim");
    } else {
      const double middle = y + 24 + kBar / 2;
      svg.Text(kWidth - 8, y + 17,
               absl::StrCat(RatioText(row.ratio.median), " (",
                            RatioNumber(row.ratio.least), " – ",
                            RatioNumber(row.ratio.most), ")"),
               Anchor::kEnd, "strong");
      svg.Rect(x(0), y + 24, x(row.ratio.median) - x(0), kBar,
               absl::StrCat("fill ", ToAbsl(engine)));
      svg.Rect(x(row.ratio.lower), y + 24,
               std::max(x(row.ratio.upper) - x(row.ratio.lower), 1.0), kBar,
               "box");
      svg.Segment(x(row.ratio.least), middle, x(row.ratio.most), middle,
                  "whisker");
      svg.Segment(x(1), y + 21, x(1), y + 43, "rule");
    }
    y += kRow;
  }
  return svg.Finish(bottom + 22);
}

std::string LinePlot(const PlotWords& words, const std::vector<Line>& lines) {
  Svg svg(kWidth, words.title);
  const Frame frame = Begin(svg, words, lines);
  double most_x = 1e-9;
  double most_y = 1e-9;
  for (const Line& line : lines) {
    for (const auto& [x, y] : line.points) {
      most_x = std::max(most_x, x);
      most_y = std::max(most_y, y);
    }
  }
  const double step_y = NiceStep(most_y, 5);
  const double end_y = std::ceil(most_y / step_y - 1e-9) * step_y;
  for (const double tick : Ticks(step_y, end_y)) {
    const double y = frame.Y(tick / end_y);
    svg.Segment(frame.left, y, frame.right, y, "grid");
    svg.Text(frame.left - 6, y + 4, TickText(tick), Anchor::kEnd, "dim");
  }
  const double step_x = NiceStep(most_x, 6);
  for (const double tick : Ticks(step_x, most_x)) {
    svg.Text(frame.X(tick / most_x), frame.bottom + 17,
             absl::StrFormat("%.4g", tick), Anchor::kMiddle, "dim");
  }
  for (const Line& line : lines) {
    std::vector<std::pair<double, double>> points;
    points.reserve(line.points.size());
    for (const auto& [x, y] : line.points) {
      points.emplace_back(frame.X(x / most_x), frame.Y(y / end_y));
    }
    svg.Path(points, "line " + line.engine);
  }
  return svg.Finish(frame.bottom + 40);
}

std::string LogPlot(const PlotWords& words,
                    const std::vector<std::string>& places,
                    const std::vector<Line>& lines) {
  Svg svg(kWidth, words.title);
  const Frame frame = Begin(svg, words, lines);
  double least = 1e300;
  double most = 0;
  for (const Line& line : lines) {
    for (const auto& [x, y] : line.points) {
      if (y <= 0) continue;
      least = std::min(least, y);
      most = std::max(most, y);
    }
  }
  if (most <= 0) least = most = 1;
  const double from = std::floor(std::log10(least));
  const double to = std::max(std::ceil(std::log10(most)), from + 1);
  const auto place_y = [&](double value) {
    return frame.Y((std::log10(value) - from) / (to - from));
  };
  const double last =
      std::max<double>(static_cast<double>(places.size()) - 1, 1);
  const auto place_x = [&](double place) {
    return frame.X(0.04 + 0.90 * place / last);
  };
  for (int power = static_cast<int>(from); power <= static_cast<int>(to);
       ++power) {
    const double value = std::pow(10.0, power);
    const double y = place_y(value);
    svg.Segment(frame.left, y, frame.right, y, "grid");
    svg.Text(frame.left - 6, y + 4, TickText(value), Anchor::kEnd, "dim");
  }
  for (size_t i = 0; i < places.size(); ++i) {
    svg.Text(place_x(static_cast<double>(i)), frame.bottom + 17, places[i],
             Anchor::kMiddle, "dim");
  }
  for (const Line& line : lines) {
    std::vector<std::pair<double, double>> points;
    points.reserve(line.points.size());
    for (const auto& [x, y] : line.points) {
      if (y > 0) points.emplace_back(place_x(x), place_y(y));
    }
    svg.Path(points, "line " + line.engine);
    for (const auto& [x, y] : points) svg.Dot(x, y, "fill " + line.engine);
  }
  return svg.Finish(frame.bottom + 40);
}

std::string GroupedBars(std::string_view title,
                        const std::vector<BarGroup>& groups, BarScale scale) {
  constexpr double kBar = 16;
  constexpr double kLeft = 4;
  constexpr double kForText = 78;
  Svg svg(kWidth, title);
  double most_of_all = 1e-9;
  std::vector<std::string> engines;
  for (const BarGroup& group : groups) {
    for (const Bar& bar : group.bars) {
      most_of_all = std::max(most_of_all, bar.value);
      if (std::find(engines.begin(), engines.end(), bar.engine) ==
          engines.end()) {
        engines.push_back(bar.engine);
      }
    }
  }
  double y = Legend(svg, 0, engines, false);
  for (const BarGroup& group : groups) {
    svg.Text(kLeft, y + 13, group.label, Anchor::kStart);
    y += 20;
    double most = most_of_all;
    if (scale == BarScale::kEachGroup) {
      most = 1e-9;
      for (const Bar& bar : group.bars) most = std::max(most, bar.value);
    }
    for (const Bar& bar : group.bars) {
      const double width = (kWidth - kLeft - kForText) * bar.value / most;
      svg.Rect(kLeft, y, std::max(width, 1.0), kBar, "fill " + bar.engine);
      svg.Text(kLeft + width + 6, y + 13, bar.text, Anchor::kStart, "dim");
      y += kBar + 3;
    }
    y += 9;
  }
  return svg.Finish(y);
}

}  // namespace lissom::bench
