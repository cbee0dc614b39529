#include "benchmarks/compare/svg.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmarks/compare/charts.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

// A tenth of a pixel is enough, and keeps the page small.
std::string At(double value) {
  std::string text = absl::StrFormat("%.1f", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

}  // namespace

Svg::Svg(double width, std::string_view title) : width_(width), title_(title) {}

void Svg::Rect(double x, double y, double width, double height,
               std::string_view style) {
  absl::StrAppend(&body_, "<rect x=\"", At(x), "\" y=\"", At(y), "\" width=\"",
                  At(width), "\" height=\"", At(height), "\" class=\"",
                  EscapeMarkup(style), "\"/>\n");
}

void Svg::Segment(double x1, double y1, double x2, double y2,
                  std::string_view style) {
  absl::StrAppend(&body_, "<line x1=\"", At(x1), "\" y1=\"", At(y1), "\" x2=\"",
                  At(x2), "\" y2=\"", At(y2), "\" class=\"",
                  EscapeMarkup(style), "\"/>\n");
}

void Svg::Path(const std::vector<std::pair<double, double>>& points,
               std::string_view style) {
  absl::StrAppend(&body_, "<polyline class=\"", EscapeMarkup(style),
                  "\" points=\"");
  for (const auto& [x, y] : points) {
    absl::StrAppend(&body_, At(x), ",", At(y), " ");
  }
  absl::StrAppend(&body_, "\"/>\n");
}

void Svg::Dot(double x, double y, std::string_view style) {
  absl::StrAppend(&body_, "<circle cx=\"", At(x), "\" cy=\"", At(y),
                  "\" r=\"3\" class=\"", EscapeMarkup(style), "\"/>\n");
}

void Svg::Text(double x, double y, std::string_view text, Anchor anchor,
               std::string_view style) {
  constexpr std::string_view kAnchors[] = {"start", "middle", "end"};
  absl::StrAppend(&body_, "<text x=\"", At(x), "\" y=\"", At(y),
                  "\" text-anchor=\"",
                  ToAbsl(kAnchors[static_cast<int>(anchor)]), "\"");
  if (!style.empty()) {
    absl::StrAppend(&body_, " class=\"", EscapeMarkup(style), "\"");
  }
  absl::StrAppend(&body_, ">", EscapeMarkup(text), "</text>\n");
}

std::string Svg::Finish(double height, std::string_view style_sheet) const {
  std::string text = absl::StrCat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 "
      "0 ",
      At(width_), " ", At(height), "\" role=\"img\" aria-label=\"",
      EscapeMarkup(title_), "\"");
  if (!style_sheet.empty()) {  // It stands alone, and needs a size.
    absl::StrAppend(&text, " width=\"", At(width_), "\" height=\"", At(height),
                    "\"");
  }
  absl::StrAppend(&text, ">\n");
  if (!style_sheet.empty()) {
    absl::StrAppend(&text, "<style>", ToAbsl(style_sheet), "</style>\n");
  }
  return absl::StrCat(text, body_, "</svg>\n");
}

}  // namespace lissom::bench
