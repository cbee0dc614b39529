// A few shapes of SVG, written one after the other. Thread-compatible.
#ifndef LISSOM_BENCHMARKS_COMPARE_SVG_H_
#define LISSOM_BENCHMARKS_COMPARE_SVG_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lissom::bench {

enum class Anchor { kStart, kMiddle, kEnd };

class Svg {
 public:
  // `title` is what a screen reader says.
  Svg(double width, std::string_view title);

  // `style` is a class, or several with blanks between.
  void Rect(double x, double y, double width, double height,
            std::string_view style);
  void Segment(double x1, double y1, double x2, double y2,
               std::string_view style);
  void Path(const std::vector<std::pair<double, double>>& points,
            std::string_view style);
  void Dot(double x, double y, std::string_view style);
  void Text(double x, double y, std::string_view text, Anchor anchor,
            std::string_view style = "");

  // The whole, as an element. `style_sheet`, if any, is put inside.
  std::string Finish(double height, std::string_view style_sheet = "") const;

 private:
  const double width_;
  const std::string title_;
  std::string body_;
};

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_SVG_H_
