// Pictures as inline SVG: no script, no file beside the page. Each is drawn for
// a width of kChartWidth, about a phone's, and scales up from there; two stand
// side by side on a desktop. Colours are classes that the page's style sheet
// gives, light and dark; nothing is told by colour alone.
//
// Pure functions. Every text is escaped.
#ifndef LISSOM_BENCHMARKS_COMPARE_CHARTS_H_
#define LISSOM_BENCHMARKS_COMPARE_CHARTS_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "benchmarks/compare/statistics.h"

namespace lissom::bench {

inline constexpr int kChartWidth = 400;

// For HTML and SVG, in texts and in quoted attributes.
std::string EscapeMarkup(std::string_view text);

// "1.23 M", "845 k", "12.3", "0.45": three digits.
std::string ShortNumber(double value);
// "4.2x" with a multiplication sign; two digits below 10.
std::string RatioText(double ratio);

// The rules for colours and lines, shared by the page and the headline.
std::string ChartStyle();

// How many times as much: a bar to the median, a box from quartile to quartile,
// a line from the least to the most, and a rule at 1.
struct RatioRow {
  std::string label;
  Spread ratio;
  bool disturbed = false;
};
std::string RatioBars(std::string_view title, std::string_view engine,
                      const std::vector<RatioRow>& rows);

struct Line {
  std::string engine;  // Its colour's class and, in the legend, its name.
  std::vector<std::pair<double, double>> points;
};

// y over x, both from 0.
struct PlotWords {
  std::string title;
  std::string x;
  std::string y;
};
std::string LinePlot(const PlotWords& words, const std::vector<Line>& lines);

// y over named places, on a logarithmic scale: a point's first is the place's
// index. Values of 0 and below are left out.
std::string LogPlot(const PlotWords& words,
                    const std::vector<std::string>& places,
                    const std::vector<Line>& lines);

// Groups of bars, each with its number.
struct Bar {
  std::string engine;
  double value = 0;
  std::string text;
};
struct BarGroup {
  std::string label;
  std::vector<Bar> bars;
};
// One scale for all groups, or one for each, where they are a thousand times
// apart.
enum class BarScale { kAllGroups, kEachGroup };
std::string GroupedBars(std::string_view title,
                        const std::vector<BarGroup>& groups,
                        BarScale scale = BarScale::kAllGroups);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_CHARTS_H_
