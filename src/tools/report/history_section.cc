// What happened over time. The sessions of a LOG stand one behind the other, as
// wide as they were long: what lay between them is left out.
#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/tools/report/html.h"
#include "src/tools/report/sections.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

constexpr double kWidth = 1000;  // Of a chart, in the units of its picture.
constexpr double kHeight = 100;
constexpr size_t kBuckets = 96;    // Of the chart of writes.
constexpr size_t kCells = 400;     // Of the strip of stalls.
constexpr double kMaxSteps = 160;  // Of a line.

// Time, without what lay between sessions, as a place between 0 and 1.
class TimeAxis {
 public:
  explicit TimeAxis(const History& history) {
    for (const Session& session : history.sessions) {
      starts_.push_back(total_);
      // A moment alone has some width, too.
      total_ += std::max<double>(
          1e6, static_cast<double>(session.end - session.begin));
    }
  }
  double PlaceOf(const History& history, size_t session, int64_t at) const {
    const Session& s = history.sessions[session];
    const double inside =
        static_cast<double>(std::clamp(at, s.begin, s.end) - s.begin);
    return (starts_[session] + inside) / total_;
  }
  double StartOf(size_t session) const { return starts_[session] / total_; }
  double micros() const { return total_; }

 private:
  std::vector<double> starts_;
  double total_ = 0;
};

std::string TimeText(int64_t micros) {
  return absl::FormatTime("%e %b %H:%M:%S", absl::FromUnixMicros(micros),
                          absl::UTCTimeZone());
}

// Between two lines of metrics.
struct Step {
  size_t session = 0;
  MetricsPoint before;
  MetricsPoint after;
};

using Value = std::function<std::optional<double>(const Step& step)>;

struct Line {
  std::string name;
  const char* css = "one";
  Value value;
};

struct Chart {
  std::string title;
  std::string note;
  std::vector<Line> lines;
  double most = 0;  // Of the scale; 0: what the lines need.
  std::function<std::string(double)> text = Decimal;
};

double Delta(uint64_t before, uint64_t after) {
  return after > before ? static_cast<double>(after - before) : 0;
}

template <size_t n>
uint64_t SumOf(const std::array<uint64_t, n>& values) {
  uint64_t sum = 0;
  for (const uint64_t value : values) sum += value;
  return sum;
}

std::optional<double> Share(double part, double rest) {
  if (part + rest <= 0) return std::nullopt;
  return part / (part + rest);
}

class Past {
 public:
  explicit Past(const ReportData& data)
      : history_(data.history), axis_(history_) {
    for (size_t s = 0; s < history_.sessions.size(); ++s) AddSteps(s);
  }

  std::string Draw() const {
    std::string html =
        "<section id=\"history\"><h2>History</h2>\n<p class=\"soft\">";
    if (history_.sessions.empty()) {
      return html +
             "There is no LOG, or nothing has happened yet: flushes, "
             "compactions and stalls are read from it.</p></section>\n";
    }
    absl::StrAppend(
        &html, "From LOG and LOG.old: ",
        history_.sessions.size() == 1
            ? "one session"
            : "two sessions, with what lay between them left out",
        history_.cut ? "; the front of a long LOG was left out" : "",
        ".</p>\n<div class=\"pairs\">\n", Writes(), Stalls());
    if (steps_.empty()) {
      html +=
          "<p class=\"soft wide\" style=\"margin-top:18px\">LOG has no line of "
          "metrics, from which cache, filters and space would be drawn: one is "
          "written after flushes and compactions, and by Close.</p>\n";
    } else {
      html += Lines();
    }
    return html + "</div></section>\n";
  }

 private:
  void AddSteps(size_t session) {
    const std::vector<MetricsPoint>& points = history_.sessions[session].points;
    MetricsPoint before;
    before.at = history_.sessions[session].begin;
    for (size_t i = 0; i < points.size(); ++i) {
      const double width = static_cast<double>(points[i].at - before.at);
      if (width * kMaxSteps < axis_.micros() && i + 1 != points.size()) {
        continue;  // Too narrow to be seen: part of the next one.
      }
      steps_.push_back(
          {.session = session, .before = before, .after = points[i]});
      before = points[i];
    }
  }

  static std::string Head(const std::string& title, const std::string& note) {
    return absl::StrCat("<div class=\"head\"><h3>", title,
                        "</h3><span class=\"soft\">", note, "</span></div>\n");
  }

  static std::string Svg(const char* css, double height) {
    return absl::StrCat("<svg class=\"", css, "\" viewBox=\"0 0 1000 ",
                        Number(height), "\" height=\"", Number(height),
                        "\" preserveAspectRatio=\"none\">\n");
  }

  // Dashes where a session begins behind another.
  std::string Sessions(double height) const {
    std::string html;
    for (size_t s = 1; s < history_.sessions.size(); ++s) {
      const std::string x = Number(axis_.StartOf(s) * kWidth);
      absl::StrAppend(&html, "<line class=\"open\" x1=\"", x, "\" x2=\"", x,
                      "\" y1=\"0\" y2=\"", Number(height), "\"/>\n");
    }
    return html;
  }

  std::string Ends() const {
    return absl::StrCat("<div class=\"ends\"><span>",
                        TimeText(history_.sessions.front().begin),
                        "</span><span>", TimeText(history_.sessions.back().end),
                        "</span></div>\n");
  }

  // --- Bytes written, by level

  using Bucket = std::array<double, Metrics::kLevels>;

  std::vector<Bucket> Buckets() const {
    std::vector<Bucket> buckets(kBuckets);
    for (size_t s = 0; s < history_.sessions.size(); ++s) {
      for (const TablesWritten& job : history_.sessions[s].written) {
        Spread(s, job, &buckets);
      }
    }
    return buckets;
  }

  // A job's bytes, over the time that it took.
  void Spread(size_t session, const TablesWritten& job,
              std::vector<Bucket>* buckets) const {
    const double n = kBuckets;
    const double end = axis_.PlaceOf(history_, session, job.end) * n;
    const double begin =
        std::min(end, axis_.PlaceOf(history_, session,
                                    job.end - std::min(job.end, job.micros)) *
                          n);
    const auto level = static_cast<size_t>(job.level);
    const size_t first = std::min(static_cast<size_t>(begin), kBuckets - 1);
    const size_t last = std::min(static_cast<size_t>(end), kBuckets - 1);
    const double length = end - begin;
    for (size_t i = first; i <= last; ++i) {
      const double overlap = std::min(end, static_cast<double>(i) + 1) -
                             std::max(begin, static_cast<double>(i));
      const double share = length > 0   ? overlap / length
                           : i == first ? 1.0
                                        : 0.0;
      (*buckets)[i][level] +=
          static_cast<double>(job.bytes) * std::max(share, 0.0);
    }
  }

  std::string Writes() const {
    const std::vector<Bucket> buckets = Buckets();
    double most = 0;
    Bucket all{};
    for (const Bucket& bucket : buckets) {
      double sum = 0;
      for (size_t n = 0; n < bucket.size(); ++n) {
        sum += bucket[n];
        all[n] += bucket[n];
      }
      most = std::max(most, sum);
    }
    if (most <= 0) return "";
    const double seconds = axis_.micros() / 1e6 / kBuckets;
    std::string html = absl::StrCat(
        "<div class=\"chart wide\" id=\"writes\">",
        Head("Tables written",
             absl::StrCat("at most ",
                          BytesText(static_cast<uint64_t>(most / seconds)),
                          "/s")),
        Svg("plot", 130));
    for (size_t i = 0; i < buckets.size(); ++i) {
      DrawBucket(i, buckets[i], most, seconds, &html);
    }
    absl::StrAppend(&html, Sessions(130), "</svg>\n", Ends(),
                    "<div class=\"key\">");
    for (size_t n = 0; n < all.size(); ++n) {
      if (all[n] <= 0) continue;
      absl::StrAppend(
          &html, "<span><i class=\"l", n, "\"></i>",
          n == 0 ? std::string("flushes") : absl::StrCat("to level ", n), " · ",
          BytesText(static_cast<uint64_t>(all[n])), "</span>");
    }
    return html + "</div></div>\n";
  }

  static void DrawBucket(size_t i, const Bucket& bucket, double most,
                         double seconds, std::string* html) {
    constexpr double kTall = 130;
    const double step = kWidth / kBuckets;
    double y = kTall;
    for (size_t n = 0; n < bucket.size(); ++n) {
      const double height = bucket[n] / most * (kTall - 6);
      if (height < 0.05) continue;
      y -= height;
      absl::StrAppend(
          html, "<rect class=\"l", n, "\" x=\"",
          Number(static_cast<double>(i) * step), "\" y=\"", Number(y),
          "\" width=\"", Number(step * 0.86), "\" height=\"", Number(height),
          "\"><title>",
          n == 0 ? std::string("flushes") : absl::StrCat("to level ", n), ": ",
          BytesText(static_cast<uint64_t>(bucket[n] / seconds)),
          "/s</title></rect>\n");
    }
  }

  // --- Stalls

  // The worst condition of each cell of time.
  std::vector<StallCondition> Cells(std::array<double, 3>* seconds) const {
    std::vector<StallCondition> cells(kCells, StallCondition::kNormal);
    for (size_t s = 0; s < history_.sessions.size(); ++s) {
      const Session& session = history_.sessions[s];
      StallCondition now = StallCondition::kNormal;
      int64_t from = session.begin;
      const auto take = [&](int64_t until) {
        (*seconds)[static_cast<size_t>(now)] +=
            static_cast<double>(until - from) / 1e6;
        const size_t first = CellOf(s, from);
        const size_t last = CellOf(s, until);
        for (size_t i = first; i <= last; ++i) {
          cells[i] = std::max(cells[i], now);
        }
      };
      for (const StallChange& change : session.stalls) {
        take(change.at);
        from = change.at;
        now = change.now;
      }
      take(session.end);
    }
    return cells;
  }

  size_t CellOf(size_t session, int64_t at) const {
    return std::min(static_cast<size_t>(axis_.PlaceOf(history_, session, at) *
                                        static_cast<double>(kCells)),
                    kCells - 1);
  }

  static const char* NameOf(StallCondition condition) {
    return condition == StallCondition::kStopped ? "stopped" : "delayed";
  }

  std::string Stalls() const {
    std::array<double, 3> seconds{};
    const std::vector<StallCondition> cells = Cells(&seconds);
    constexpr auto kDelayed = static_cast<size_t>(StallCondition::kDelayed);
    constexpr auto kStopped = static_cast<size_t>(StallCondition::kStopped);
    const bool none = seconds[kDelayed] + seconds[kStopped] <= 0;
    std::string html = absl::StrCat("<div class=\"chart wide\" id=\"stalls\">",
                                    Head("Write stalls", none ? "none" : ""),
                                    Svg("strip", 16));
    for (size_t i = 0; i < cells.size();) {
      size_t end = i + 1;
      while (end < cells.size() && cells[end] == cells[i]) ++end;
      if (cells[i] != StallCondition::kNormal) {
        const double step = kWidth / kCells;
        absl::StrAppend(&html, "<rect class=\"", NameOf(cells[i]), "\" x=\"",
                        Number(static_cast<double>(i) * step),
                        "\" y=\"0\" width=\"",
                        Number(static_cast<double>(end - i) * step),
                        "\" height=\"16\"><title>writes ", NameOf(cells[i]),
                        "</title></rect>\n");
      }
      i = end;
    }
    absl::StrAppend(&html, Sessions(16), "</svg>\n", Ends());
    if (!none) absl::StrAppend(&html, StallKey(seconds));
    return html + "</div>\n";
  }

  std::string StallKey(const std::array<double, 3>& seconds) const {
    std::string html = "<div class=\"key\">";
    for (const StallCondition c :
         {StallCondition::kDelayed, StallCondition::kStopped}) {
      const double time = seconds[static_cast<size_t>(c)];
      if (time <= 0) continue;
      absl::StrAppend(&html, "<span><i class=\"", NameOf(c), "\"></i>writes ",
                      NameOf(c), " · ", DurationText(absl::Seconds(time)),
                      "</span>");
    }
    for (size_t i = 0; i < kStallCauses; ++i) {
      uint64_t micros = 0;
      for (const Session& session : history_.sessions) {
        if (!session.points.empty()) {
          micros += session.points.back().stall_micros[i];
        }
      }
      if (micros == 0) continue;
      std::string cause(StallCauseName(static_cast<StallCause>(i)));
      std::replace(cause.begin(), cause.end(), '_', ' ');
      if (cause == "level0 files") cause = "level 0";
      absl::StrAppend(&html, "<span>writers waited ",
                      DurationText(absl::Microseconds(micros)), " for ", cause,
                      "</span>");
    }
    return html + "</div>\n";
  }

  // --- Lines

  std::string Lines() const {
    const auto cache = [](const Step& s) {
      return Share(Delta(s.before.cache_hits, s.after.cache_hits),
                   Delta(s.before.cache_misses, s.after.cache_misses));
    };
    const auto filter = [](const Step& s) {
      return Share(Delta(s.before.filter_useful, s.after.filter_useful),
                   Delta(s.before.filter_false_positives,
                         s.after.filter_false_positives));
    };
    const auto amplification = [](const Step& s) -> std::optional<double> {
      if (s.after.bytes_written == 0) return std::nullopt;
      return static_cast<double>(SumOf(s.after.level_written)) /
             static_cast<double>(s.after.bytes_written);
    };
    const auto tables = [](const Step& s) -> std::optional<double> {
      return static_cast<double>(SumOf(s.after.level_bytes));
    };
    const auto live = [](const Step& s) -> std::optional<double> {
      return static_cast<double>(s.after.live_bytes);
    };
    const auto bytes = [](double value) {
      return BytesText(static_cast<uint64_t>(value));
    };
    return Draw({.title = "Block cache",
                 .note = "questions answered from memory",
                 .lines = {{"hits", "one", cache}},
                 .most = 1,
                 .text = Percent}) +
           Draw({.title = "Filters",
                 .note = "needless reads they saved",
                 .lines = {{"saved", "one", filter}},
                 .most = 1,
                 .text = Percent}) +
           Draw({.title = "Write amplification",
                 .note = "since each open",
                 .lines = {{"written", "one", amplification}}}) +
           Draw({.title = "Space",
                 .note = "of tables",
                 .lines = {{"all tables", "one", tables},
                           {"if all were compacted", "two", live}},
                 .text = bytes});
  }

  double MostOf(const Chart& chart) const {
    if (chart.most > 0) return chart.most;
    double most = 0;
    for (const Line& line : chart.lines) {
      for (const Step& step : steps_) {
        most = std::max(most, line.value(step).value_or(0));
      }
    }
    return most * 1.08;
  }

  std::string Draw(const Chart& chart) const {
    const double most = MostOf(chart);
    std::string html =
        absl::StrCat("<div class=\"chart\">", Head(chart.title, chart.note));
    if (most <= 0 || !HasValues(chart)) {
      return html + "<p class=\"soft\">Nothing was asked yet.</p></div>\n";
    }
    absl::StrAppend(&html,
                    "<div class=\"ends\" style=\"margin:0 0 2px\"><span>",
                    chart.text(most), "</span></div>", Svg("plot", kHeight));
    for (const Line& line : chart.lines) {
      absl::StrAppend(&html, "<path class=\"", line.css, "\" d=\"",
                      PathOf(line, most), "\"/>\n");
    }
    absl::StrAppend(&html, Sessions(kHeight), Hits(chart), "</svg>\n", Ends());
    if (chart.lines.size() > 1) {
      html += "<div class=\"key\">";
      for (const Line& line : chart.lines) {
        absl::StrAppend(&html, "<span><i class=\"", line.css, "\"></i>",
                        line.name, "</span>");
      }
      html += "</div>\n";
    }
    return html + "</div>\n";
  }

  bool HasValues(const Chart& chart) const {
    return std::any_of(steps_.begin(), steps_.end(),
                       [&chart](const Step& step) {
                         return chart.lines.front().value(step).has_value();
                       });
  }

  // Level during a step, and straight up or down between two.
  std::string PathOf(const Line& line, double most) const {
    std::string path;
    const Step* previous = nullptr;
    for (const Step& step : steps_) {
      const std::optional<double> value = line.value(step);
      if (!value.has_value()) {
        previous = nullptr;
        continue;
      }
      const std::string y = Number(
          kHeight - 1 - std::clamp(*value / most, 0.0, 1.0) * (kHeight - 2));
      const bool joined =
          previous != nullptr && previous->session == step.session;
      absl::StrAppend(&path, joined ? "L" : "M", XOf(step, step.before.at), " ",
                      y, "L", XOf(step, step.after.at), " ", y);
      previous = &step;
    }
    return path;
  }

  std::string XOf(const Step& step, int64_t at) const {
    return Number(axis_.PlaceOf(history_, step.session, at) * kWidth);
  }

  // What a step's values are, for who points at it.
  std::string Hits(const Chart& chart) const {
    std::string html;
    for (const Step& step : steps_) {
      const double begin =
          axis_.PlaceOf(history_, step.session, step.before.at) * kWidth;
      const double end =
          axis_.PlaceOf(history_, step.session, step.after.at) * kWidth;
      std::string title = TimeText(step.after.at);
      for (const Line& line : chart.lines) {
        const std::optional<double> value = line.value(step);
        absl::StrAppend(&title, "\n", line.name, ": ",
                        value.has_value() ? chart.text(*value) : "–");
      }
      absl::StrAppend(&html, "<rect class=\"hit\" x=\"", Number(begin),
                      "\" y=\"0\" width=\"", Number(end - begin),
                      "\" height=\"100\"><title>", title, "</title></rect>\n");
    }
    return html;
  }

  const History& history_;
  const TimeAxis axis_;
  std::vector<Step> steps_;
};

}  // namespace

std::string HistorySection(const ReportData& data) { return Past(data).Draw(); }

}  // namespace lissom::tools
