// The tree: rows of bars, and the legends of their colours. A bar carries a
// class for each way to colour it; which one counts is a radio button's state,
// so the page needs no script.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "db/version/version.h"
#include "lissom/comparator.h"
#include "src/tools/report/html.h"
#include "src/tools/report/key_axis.h"
#include "src/tools/report/sections.h"
#include "table/format.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

using NewTable = VersionEdit::NewTable;

// More tables of a level than this share bars: the page stays small.
constexpr size_t kMaxBars = 500;
constexpr double kWidth = 1000;      // Of a row, in the units of its picture.
constexpr double kLeastWidth = 1.4;  // Of a bar: to be seen at all.
constexpr double kOutlined = 6;      // From here on bars are set apart.

constexpr int kAges = 6;  // The last: unknown.
constexpr int kTombs = 5;
constexpr int kSizes = 4;
constexpr int kCodecs = 4;  // None, zstd, another, several.

// One table, or several that are neighbours.
struct Bar {
  KeyAxis::Span span{1, 0};
  size_t tables = 0;
  uint64_t number = 0;  // Of the first.
  uint64_t bytes = 0;
  uint64_t entries = 0;
  uint64_t tombstones = 0;
  uint64_t raw_bytes = 0;
  uint64_t created = 0;  // Of the oldest whose age is known; 0: none.
  uint64_t smallest_sequence = 0;
  uint64_t largest_sequence = 0;
  int codec = 0;
  const TableMetadata* first = nullptr;
  const TableMetadata* last = nullptr;
};

int CodecClass(uint8_t codec) {
  switch (static_cast<Codec>(codec)) {
    case Codec::kNone:
      return 0;
    case Codec::kZstd:
      return 1;
    default:
      return 2;
  }
}

constexpr std::array<const char*, kCodecs> kCodecNames = {
    "not compressed", "zstd", "another codec", "several"};

double TombstoneShare(uint64_t tombstones, uint64_t entries) {
  return entries == 0
             ? 0
             : static_cast<double>(tombstones) / static_cast<double>(entries);
}

int TombstoneClass(double share) {
  if (share <= 0) return 0;
  return share < 0.01 ? 1 : share < 0.1 ? 2 : share < 0.3 ? 3 : 4;
}

constexpr std::array<const char*, kTombs> kTombNames = {
    "none", "below 1 %", "1 to 10 %", "10 to 30 %", "30 % and more"};

// Five ages from the youngest table to the oldest, evenly by their logarithms:
// so it shows what is newer, be it by minutes or by years.
class AgeScale {
 public:
  AgeScale(const std::vector<NewTable>& tables, absl::Time now)
      : now_(absl::ToUnixSeconds(now)) {
    for (const NewTable& table : tables) {
      if (table.table.creation_time == 0) continue;
      const double age = AgeOf(table.table.creation_time);
      least_ = known_ ? std::min(least_, age) : age;
      most_ = known_ ? std::max(most_, age) : age;
      known_ = true;
    }
  }

  int ClassOf(uint64_t created) const {
    if (created == 0 || !known_) return kAges - 1;
    if (most_ <= least_) return 0;
    const double place = std::log(AgeOf(created) / least_) /
                         std::log(most_ / least_) * (kAges - 1);
    return std::clamp(static_cast<int>(place), 0, kAges - 2);
  }

  std::string NameOf(int which) const {
    if (which == kAges - 1) return "age not known";
    if (most_ <= least_) return AgeText(absl::Seconds(least_)) + " old";
    const std::string from = Bound(which);
    const std::string to = Bound(which + 1);
    return from == to ? from + " old" : absl::StrCat(from, " to ", to, " old");
  }

  double AgeOf(uint64_t created) const {
    // Never 0: a clock may have been set back.
    return std::max(1.0,
                    static_cast<double>(now_) - static_cast<double>(created));
  }

 private:
  std::string Bound(int which) const {
    return AgeText(absl::Seconds(
        least_ *
        std::pow(most_ / least_, static_cast<double>(which) / (kAges - 1))));
  }

  const int64_t now_;
  bool known_ = false;
  double least_ = 1;
  double most_ = 1;
};

// Four sizes, each up to twice the one before.
class SizeScale {
 public:
  explicit SizeScale(const std::vector<NewTable>& tables) {
    for (const NewTable& table : tables) {
      most_ = std::max(most_, table.table.size);
    }
  }
  int ClassOf(uint64_t bytes) const {
    int which = kSizes - 1;
    while (which > 0 && bytes <= Above(which)) --which;
    return which;
  }
  std::string NameOf(int which) const {
    if (which == 0) return "up to " + BytesText(Above(1));
    return absl::StrCat(BytesText(Above(which)), " to ",
                        BytesText(Above(which + 1)));
  }

 private:
  uint64_t Above(int which) const { return most_ >> (kSizes - which); }
  uint64_t most_ = 1;
};

class Tree {
 public:
  explicit Tree(const ReportData& data)
      : tables_(data.manifest.tables),
        axis_(tables_,
              data.manifest.comparator == ReverseBytewiseComparator()->Name()),
        ages_(tables_, data.made),
        sizes_(tables_),
        order_is_known_(
            data.manifest.comparator == BytewiseComparator()->Name() ||
            data.manifest.comparator == ReverseBytewiseComparator()->Name()) {}

  std::string Draw() {
    for (int n = 0; n < Version::kLevels; ++n) DrawLevel(n);
    std::string html =
        "<section id=\"tree\"><h2>The tree</h2>\n<p class=\"soft\">";
    absl::StrAppend(&html, Explanation(), "</p>\n");
    if (tables_.empty()) return html + "</section>\n";
    absl::StrAppend(&html, Picks(), Legends(), "<div class=\"tree\">\n", rows_,
                    "</div>\n", Axis(), "</section>\n");
    return html;
  }

 private:
  std::string Explanation() const {
    if (tables_.empty()) return "There are no tables yet.";
    std::string text =
        "Each bar is a table, from its first key to its last. A stretch of "
        "keys is as wide as the bytes that lie there.";
    if (!order_is_known_) {
      text +=
          " The order of the keys is not known here: bars stand in the order "
          "of bytes.";
    }
    if (merged_) text += " Where a level has many, a bar stands for several.";
    return text;
  }

  std::vector<const TableMetadata*> TablesOf(int level) const {
    std::vector<const TableMetadata*> tables;
    for (const NewTable& table : tables_) {
      if (table.level == level) tables.push_back(&table.table);
    }
    // Level 0 newest first, the others by key.
    std::stable_sort(tables.begin(), tables.end(),
                     [&](const TableMetadata* a, const TableMetadata* b) {
                       if (level == 0)
                         return a->largest_sequence > b->largest_sequence;
                       return axis_.Of(*a).begin < axis_.Of(*b).begin;
                     });
    return tables;
  }

  void Add(const TableMetadata& table, Bar* bar) const {
    const KeyAxis::Span span = axis_.Of(table);
    const int codec = CodecClass(table.codec);
    if (bar->tables == 0) {
      *bar = {.span = span,
              .number = table.number,
              .smallest_sequence = table.smallest_sequence,
              .codec = codec,
              .first = &table};
    }
    bar->span.begin = std::min(bar->span.begin, span.begin);
    bar->span.end = std::max(bar->span.end, span.end);
    if (bar->codec != codec) bar->codec = kCodecs - 1;
    bar->last = &table;
    ++bar->tables;
    bar->bytes += table.size;
    bar->entries += table.entries;
    bar->tombstones += table.tombstones;
    bar->raw_bytes += table.raw_key_bytes + table.raw_value_bytes;
    bar->smallest_sequence =
        std::min(bar->smallest_sequence, table.smallest_sequence);
    bar->largest_sequence =
        std::max(bar->largest_sequence, table.largest_sequence);
    if (table.creation_time != 0 &&
        (bar->created == 0 || table.creation_time < bar->created)) {
      bar->created = table.creation_time;
    }
  }

  std::vector<Bar> BarsOf(int level) {
    const std::vector<const TableMetadata*> tables = TablesOf(level);
    const size_t each = (tables.size() + kMaxBars - 1) / kMaxBars;
    merged_ = merged_ || each > 1;
    std::vector<Bar> bars;
    for (size_t i = 0; i < tables.size(); ++i) {
      if (i % each == 0) bars.emplace_back();
      Add(*tables[i], &bars.back());
    }
    return bars;
  }

  // Bars that overlap stand in lanes of their own.
  static std::vector<size_t> Lanes(const std::vector<Bar>& bars,
                                   size_t* count) {
    std::vector<size_t> lanes;
    lanes.reserve(bars.size());
    std::vector<std::vector<KeyAxis::Span>> taken;
    for (const Bar& bar : bars) {
      size_t lane = 0;
      const auto overlaps = [&bar](const KeyAxis::Span& span) {
        return bar.span.begin <= span.end && span.begin <= bar.span.end;
      };
      while (lane < taken.size() &&
             std::any_of(taken[lane].begin(), taken[lane].end(), overlaps)) {
        ++lane;
      }
      if (lane == taken.size()) taken.emplace_back();
      taken[lane].push_back(bar.span);
      lanes.push_back(lane);
    }
    *count = taken.size();
    return lanes;
  }

  void DrawLevel(int level) {
    const std::vector<Bar> bars = BarsOf(level);
    uint64_t bytes = 0;
    size_t tables = 0;
    for (const Bar& bar : bars) {
      bytes += bar.bytes;
      tables += bar.tables;
    }
    if (bars.empty()) {
      ++empty_levels_;
      return;
    }
    DrawEmptyLevels(level);
    absl::StrAppend(&rows_,
                    "<div class=\"level\"><div class=\"name\"><b>Level ", level,
                    "</b><span>");
    absl::StrAppend(&rows_, Commas(tables), tables == 1 ? " table" : " tables",
                    "</span> <span>", BytesText(bytes), "</span></div>");
    size_t lane_count = 1;
    std::vector<size_t> lanes(bars.size(), 0);
    if (level == 0) lanes = Lanes(bars, &lane_count);
    const double lane = std::clamp(150.0 / static_cast<double>(lane_count), 2.0,
                                   lane_count == 1 ? 28.0 : 15.0);
    const double height = lane * static_cast<double>(lane_count);
    absl::StrAppend(&rows_, "<svg class=\"bars\" viewBox=\"0 0 1000 ",
                    Number(height), "\" height=\"", Number(height),
                    "\" preserveAspectRatio=\"none\" role=\"img\" "
                    "aria-label=\"tables of level ",
                    level, "\">\n");
    for (size_t i = 0; i < bars.size(); ++i) {
      DrawBar(level, bars[i], lane * static_cast<double>(lanes[i]),
              lane_count > 1 && lane > 4 ? lane - 1.5 : lane);
    }
    rows_ += "</svg></div>\n";
  }

  // One row for all of them between two that have tables.
  void DrawEmptyLevels(int before) {
    if (empty_levels_ == 0) return;
    const std::string name =
        empty_levels_ == 1 ? absl::StrCat("Level ", before - 1)
                           : absl::StrCat("Levels ", before - empty_levels_,
                                          " to ", before - 1);
    absl::StrAppend(&rows_, "<div class=\"level\"><div class=\"name\"><b>",
                    name,
                    "</b><span>empty</span></div>"
                    "<div class=\"empty\"></div></div>\n");
    empty_levels_ = 0;
  }

  void DrawBar(int level, const Bar& bar, double y, double height) {
    const double share = TombstoneShare(bar.tombstones, bar.entries);
    const int age = ages_.ClassOf(bar.created);
    const int tomb = TombstoneClass(share);
    const int size = sizes_.ClassOf(bar.bytes / bar.tables);
    of_age_[static_cast<size_t>(age)] += bar.tables;
    of_tomb_[static_cast<size_t>(tomb)] += bar.tables;
    of_size_[static_cast<size_t>(size)] += bar.tables;
    of_codec_[static_cast<size_t>(bar.codec)] += bar.tables;
    const double width =
        std::max(kLeastWidth, (bar.span.end - bar.span.begin) * kWidth);
    const double x = std::min(bar.span.begin * kWidth, kWidth - width);
    absl::StrAppend(&rows_, "<rect class=\"", width < kOutlined ? "n " : "",
                    "a", age, " t", tomb, " s", size, " c", bar.codec,
                    "\" x=\"", Number(x), "\" y=\"", Number(y), "\" width=\"",
                    Number(width), "\" height=\"", Number(height), "\"><title>",
                    TitleOf(level, bar, share), "</title></rect>\n");
  }

  std::string TitleOf(int level, const Bar& bar, double share) const {
    std::string title = bar.tables == 1 ? absl::StrCat("table ", bar.number)
                                        : absl::StrCat(bar.tables, " tables");
    absl::StrAppend(&title, " · level ", level, "\n", BytesText(bar.bytes),
                    " · ", Commas(bar.entries), " entries · ", Percent(share),
                    " tombstones\n",
                    kCodecNames[static_cast<size_t>(bar.codec)]);
    if (bar.bytes > 0 && bar.raw_bytes > 0) {
      absl::StrAppend(&title, " · ",
                      Decimal(static_cast<double>(bar.raw_bytes) /
                              static_cast<double>(bar.bytes)),
                      " bytes in one");
    }
    if (bar.created != 0) {
      absl::StrAppend(&title, " · ",
                      AgeText(absl::Seconds(ages_.AgeOf(bar.created))), " old");
    }
    absl::StrAppend(&title, "\nsequences ", bar.smallest_sequence, " to ",
                    bar.largest_sequence, "\n",
                    KeyText(bar.first->smallest.user_key), "\n",
                    KeyText(bar.last->largest.user_key));
    return title;
  }

  static std::string Picks() {
    return "<input type=\"radio\" name=\"by\" id=\"by-age\" checked>"
           "<label class=\"pick\" for=\"by-age\">Age</label>\n"
           "<input type=\"radio\" name=\"by\" id=\"by-tomb\">"
           "<label class=\"pick\" for=\"by-tomb\">Tombstones</label>\n"
           "<input type=\"radio\" name=\"by\" id=\"by-size\">"
           "<label class=\"pick\" for=\"by-size\">Size</label>\n"
           "<input type=\"radio\" name=\"by\" id=\"by-codec\">"
           "<label class=\"pick\" for=\"by-codec\">Codec</label>\n";
  }

  static void AddLegend(char letter, int which, const std::string& name,
                        size_t tables, std::string* html) {
    if (tables == 0) return;
    absl::StrAppend(html, "<span><i class=\"", std::string(1, letter), which,
                    "\"></i>", name, " · ", Commas(tables), "</span>");
  }

  std::string Legends() const {
    std::string html = "<div class=\"legend age\">";
    for (int i = 0; i < kAges; ++i) {
      AddLegend('a', i, ages_.NameOf(i), of_age_[static_cast<size_t>(i)],
                &html);
    }
    html += "</div><div class=\"legend tomb\">";
    for (int i = 0; i < kTombs; ++i) {
      const auto at = static_cast<size_t>(i);
      AddLegend('t', i, kTombNames[at], of_tomb_[at], &html);
    }
    html += "</div><div class=\"legend size\">";
    for (int i = 0; i < kSizes; ++i) {
      AddLegend('s', i, sizes_.NameOf(i), of_size_[static_cast<size_t>(i)],
                &html);
    }
    html += "</div><div class=\"legend codec\">";
    for (int i = 0; i < kCodecs; ++i) {
      const auto at = static_cast<size_t>(i);
      AddLegend('c', i, kCodecNames[at], of_codec_[at], &html);
    }
    return html + "</div>\n";
  }

  // Keys below the bars, without what all of them begin with.
  std::string Axis() const {
    constexpr size_t kWorthIt = 4;
    const size_t shared = axis_.shared_prefix();
    const size_t cut = shared >= kWorthIt ? shared : 0;
    std::string html = "<div class=\"axis\">";
    for (int i = 0; i <= 4; ++i) {
      std::string_view key = axis_.KeyAt(i / 4.0);
      key.remove_prefix(std::min(cut, key.size()));
      absl::StrAppend(&html, "<code>", cut != 0 ? "…" : "", KeyText(key),
                      "</code>");
    }
    html += "</div>\n";
    if (cut != 0) {
      absl::StrAppend(&html,
                      "<p class=\"soft\" style=\"margin:8px 0 0\">… is <code>",
                      KeyText(axis_.KeyAt(0).substr(0, cut), 64),
                      "</code>, with which all keys begin.</p>\n");
    }
    return html;
  }

  const std::vector<NewTable>& tables_;
  const KeyAxis axis_;
  const AgeScale ages_;
  const SizeScale sizes_;
  const bool order_is_known_;
  bool merged_ = false;
  int empty_levels_ = 0;  // Since the last level that was drawn.
  std::string rows_;
  // Tables in each class.
  std::array<size_t, kAges> of_age_{};
  std::array<size_t, kTombs> of_tomb_{};
  std::array<size_t, kSizes> of_size_{};
  std::array<size_t, kCodecs> of_codec_{};
};

}  // namespace

std::string TreeSection(const ReportData& data) { return Tree(data).Draw(); }

}  // namespace lissom::tools
