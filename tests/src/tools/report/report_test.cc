// The page: its structure for trees of known shape, what becomes of hostile
// keys, how large it gets, and how it is written.
#include "src/tools/report/report.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lissom/db.h"
#include "src/tools/report/html.h"
#include "tests/support/shape.h"
#include "util/memory_file_system.h"

namespace lissom::tools {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using NewTable = VersionEdit::NewTable;

ReportData DataOf(std::string_view shape) {
  ReportData data{.directory = "/data/db",
                  .made = absl::FromUnixSeconds(1'000'000)};
  data.manifest.comparator = "lissom.BytewiseComparator";
  data.manifest.manifest_number = 3;
  const auto version = testing::ParseShape(shape);
  for (int n = 0; n < Version::kLevels; ++n) {
    for (const auto& table : version->level(n)) {
      data.manifest.tables.push_back({.level = n, .table = table->meta()});
    }
  }
  return data;
}

size_t Count(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + 1)) {
    ++count;
  }
  return count;
}

// The part of a page that begins with <section id="ID">.
std::string Section(const std::string& page, const std::string& id) {
  const size_t begin = page.find("<section id=\"" + id + "\">");
  if (begin == std::string::npos) return "";
  return page.substr(begin, page.find("</section>", begin) - begin);
}

size_t Bars(const std::string& page) {
  return Count(Section(page, "tree"), "<rect ");
}

// Is each element that is begun ended, in the right order?
bool IsNested(const std::string& page) {
  static const std::regex kTag("<(/?)([a-z0-9]+)[^<>]*?(/?)>");
  std::vector<std::string> open;
  for (std::sregex_iterator it(page.begin(), page.end(), kTag), end; it != end;
       ++it) {
    const std::string name = (*it)[2];
    if (name == "meta" || name == "input" || (*it)[3] == "/") continue;
    if ((*it)[1] != "/") {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return false;
    } else {
      open.pop_back();
    }
  }
  return open.empty();
}

TEST(ReportPage, HasABarForEachTableAndALineForEachLevel) {
  const std::string page =
      RenderReport(DataOf("L0: 9[a-f]:64M 7[c-k]:60M\n"
                          "L5: 3[a-d]:700M!5~999000\n"
                          "L6: 1[a-d]:4G~1000 2[e-z]:4G~1000"));
  EXPECT_THAT(page, StartsWith(std::string(kReportMark)));
  EXPECT_EQ(Bars(page), 5u);
  EXPECT_EQ(Count(page, "<div class=\"level\">"), 4u);
  EXPECT_THAT(page, HasSubstr("<b>Levels 1 to 4</b><span>empty</span>"));
  EXPECT_THAT(page, HasSubstr("<b>Level 6</b><span>2 tables</span> "
                              "<span>8.0 GiB</span>"));
  EXPECT_EQ(Count(Section(page, "levels"), "<th scope=\"row\">"), 3u);
  EXPECT_THAT(page, HasSubstr("<title>table 3 · level 5\n700.0 MiB · 10 "
                              "entries · 50 % tombstones\nnot compressed"));
  EXPECT_TRUE(IsNested(page));
}

TEST(ReportPage, ColoursByAgeTombstonesSizeAndCodec) {
  ReportData data =
      DataOf("L1: 1[a-b]:1M~999999 2[c-d]:8M!1~1 3[e-f]:2M!9 4[g-h]:4M");
  data.manifest.tables[3].table.codec = 1;
  const std::string page = Section(RenderReport(data), "tree");
  EXPECT_THAT(page, HasSubstr("<rect class=\"a0 t0 s0 c0\""));  // 1
  EXPECT_THAT(page, HasSubstr("<rect class=\"a4 t3 s3 c0\""));  // 2
  EXPECT_THAT(page, HasSubstr("<rect class=\"a5 t4 s1 c0\""));  // 3
  EXPECT_THAT(page, HasSubstr("<rect class=\"a5 t0 s2 c1\""));  // 4
  // Legends have what there is, and no more.
  EXPECT_THAT(page, HasSubstr("<i class=\"c1\"></i>zstd · 1</span>"));
  EXPECT_THAT(page, HasSubstr("<i class=\"c0\"></i>not compressed · 3</span>"));
  EXPECT_THAT(page, Not(HasSubstr("class=\"c2\"")));
  EXPECT_THAT(page, HasSubstr("<i class=\"a5\"></i>age not known · 2</span>"));
  EXPECT_THAT(page, HasSubstr("<i class=\"t4\"></i>30 % and more · 1</span>"));
}

TEST(ReportPage, TablesOfLevel0ThatOverlapStandBelowOneAnother) {
  const std::string page =
      Section(RenderReport(DataOf("L0: 4[a-f] 3[c-k] 2[m-p] 1[a-z]")), "tree");
  EXPECT_EQ(Count(page, " y=\"0\""), 2u);  // 4 and, beside it, 2.
  EXPECT_EQ(Count(page, " y=\"15\""), 1u);
  EXPECT_EQ(Count(page, " y=\"30\""), 1u);
}

TEST(ReportPage, AnEmptyDatabaseHasOneToo) {
  const std::string page = RenderReport(DataOf(""));
  EXPECT_EQ(Bars(page), 0u);
  EXPECT_THAT(page, HasSubstr("There are no tables yet."));
  EXPECT_THAT(page, HasSubstr("There is no LOG"));
  EXPECT_TRUE(IsNested(page));
}

TEST(ReportPage, NothingIsLoadedAndNothingRuns) {
  const std::string page = RenderReport(DataOf("L0: 9[a-f]\nL6: 1[a-d]"));
  for (const char* what :
       {"http://", "https://", "src=", "href=", "url(", "@import", "<script",
        "<link", "<iframe", "<object", "onload", "javascript:"}) {
    EXPECT_THAT(page, Not(HasSubstr(what)));
  }
}

TEST(ReportPage, AKeyIsNeverMarkup) {
  const std::string hostile = "<script>alert('x')&\"\n\xff\\";
  ReportData data = DataOf("L1: 1[a-b]");
  data.directory = "/tmp/<b>&";
  data.manifest.comparator = "<i>";
  data.manifest.tables[0].table.smallest.user_key = hostile;
  const std::string page = RenderReport(data);
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("/tmp/<b>")));
  EXPECT_THAT(page, Not(HasSubstr("<i>")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)&amp;&quot;\\x0A"
                              "\\xFF\\\\"));
  EXPECT_TRUE(IsNested(page));
}

TEST(ReportPage, LongKeysAreCut) {
  ReportData data = DataOf("L1: 1[a-b]");
  data.manifest.tables[0].table.largest.user_key =
      "b" + std::string(1 << 20, '\x01');
  const std::string page = RenderReport(data);
  EXPECT_LT(page.size(), 32u << 10);
  EXPECT_THAT(page, HasSubstr("\\x01…</title>"));
}

// 10,000 tables with the longest keys that are shown, in two levels.
ReportData HugeTree() {
  ReportData data = DataOf("");
  for (uint64_t i = 0; i < 10'000; ++i) {
    NewTable table;
    table.level = i % 4 == 0 ? 5 : i % 100 == 1 ? 0 : 6;
    TableMetadata& t = table.table;
    t.number = i + 1;
    t.size = 64 << 20;
    t.entries = 1'000'000;
    t.tombstones = i * 50;
    t.raw_key_bytes = t.raw_value_bytes = t.size;
    t.smallest_sequence = uint64_t{1} << 50;
    t.largest_sequence = (uint64_t{1} << 50) + i;
    t.creation_time = 900'000 - i * 50;
    std::string key = "<<<<";
    for (int shift = 24; shift >= 0; shift -= 8) {
      key += static_cast<char>(i >> shift);
    }
    t.smallest.user_key = key + std::string(200, '"');
    t.largest.user_key = key + std::string(200, '\xff');
    if (table.level == 0) t.smallest.user_key = "<<<<";
    data.manifest.tables.push_back(table);
  }
  return data;
}

TEST(ReportPage, ThePageOfAHugeTreeIsSmall) {
  const std::string page = RenderReport(HugeTree());
  EXPECT_LT(page.size(), 2u << 20);
  EXPECT_LE(Bars(page), 1500u);
  EXPECT_GE(Bars(page), 700u);
  EXPECT_THAT(page, HasSubstr("a bar stands for several"));
  EXPECT_THAT(page, HasSubstr("<title>5 tables · level 5\n320.0 MiB · "
                              "5,000,000 entries"));
  EXPECT_TRUE(IsNested(page));
}

// --- History

History TwoSessions() {
  History history;
  Session first{.begin = 1'000'000, .end = 5'000'000};
  first.written = {
      {.end = 2'000'000, .micros = 500'000, .level = 0, .bytes = 1000},
      {.end = 4'000'000, .micros = 1'000'000, .level = 6, .bytes = 3000}};
  first.stalls = {{.at = 2'000'000, .now = StallCondition::kDelayed},
                  {.at = 3'000'000, .now = StallCondition::kStopped},
                  {.at = 3'500'000, .now = StallCondition::kNormal}};
  MetricsPoint point{.at = 5'000'000, .bytes_written = 2000};
  point.level_written = {1000, 0, 0, 0, 0, 0, 3000};
  point.level_bytes = {0, 0, 0, 0, 0, 0, 3000};
  point.live_bytes = 1500;
  point.cache_hits = 30;
  point.cache_misses = 10;
  point.stall_micros[0] = 1'250'000;
  first.points = {point};
  Session second{.begin = 90'000'000, .end = 91'000'000};
  second.written = {{.end = 91'000'000, .micros = 0, .level = 0, .bytes = 500}};
  history.sessions = {first, second};
  return history;
}

TEST(ReportPage, DrawsTheHistory) {
  ReportData data = DataOf("L6: 1[a-d]");
  data.history = TwoSessions();
  const std::string page = RenderReport(data);
  const std::string past = Section(page, "history");
  EXPECT_THAT(past, HasSubstr("two sessions"));
  EXPECT_THAT(past, HasSubstr("flushes · 1.5 KiB"));
  EXPECT_THAT(past, HasSubstr("to level 6 · 2.9 KiB"));
  EXPECT_THAT(past, HasSubstr("writes delayed · 1.0 s"));
  EXPECT_THAT(past, HasSubstr("writes stopped · 500.0 ms"));
  EXPECT_THAT(past, HasSubstr("writers waited 1.2 s for memtables"));
  EXPECT_EQ(Count(past, "<rect class=\"delayed\""), 1u);
  EXPECT_EQ(Count(past, "<rect class=\"stopped\""), 1u);
  EXPECT_THAT(past, HasSubstr("hits: 75 %"));
  EXPECT_THAT(past, HasSubstr("written: 2.00"));
  EXPECT_THAT(past, HasSubstr("Nothing was asked yet."));  // Of filters.
  EXPECT_TRUE(IsNested(page));
}

TEST(ReportPage, WriteAmplificationIsByLevel) {
  ReportData data = DataOf("L6: 1[a-d]");
  data.history = TwoSessions();
  const std::string by_metrics = Section(RenderReport(data), "amplification");
  EXPECT_THAT(by_metrics, HasSubstr("was put or deleted"));
  EXPECT_THAT(by_metrics, HasSubstr("<b>0.50</b> · 1000 B"));
  EXPECT_THAT(by_metrics, HasSubstr("<b>1.50</b> · 2.9 KiB"));
  EXPECT_THAT(by_metrics, HasSubstr("2.00 in all"));
  data.history.sessions[0].points.clear();
  const std::string by_events = Section(RenderReport(data), "amplification");
  EXPECT_THAT(by_events, HasSubstr("was flushed"));
  EXPECT_THAT(by_events, HasSubstr("<b>1.00</b> · 1.5 KiB"));
  EXPECT_THAT(by_events, HasSubstr("<b>2.00</b> · 2.9 KiB"));
}

TEST(ReportPage, ALongHistoryIsSmallToo) {
  ReportData data = DataOf("L6: 1[a-d]");
  Session session{.begin = 1, .end = 100'000'000'001};
  for (int i = 0; i < 100'000; ++i) {
    const int64_t at = 1 + int64_t{1'000'000} * i;
    session.written.push_back(
        {.end = at, .micros = 900'000, .level = i % 7, .bytes = 1'000'000});
    session.stalls.push_back(
        {.at = at, .now = static_cast<StallCondition>(i % 3)});
    MetricsPoint point{.at = at};
    point.bytes_written = static_cast<uint64_t>(i) * 1000;
    point.cache_hits = static_cast<uint64_t>(i) * i % 1000;
    session.points.push_back(point);
  }
  data.history.sessions = {session};
  const std::string page = RenderReport(data);
  EXPECT_LT(page.size(), 512u << 10);
  EXPECT_TRUE(IsNested(page));
}

// --- From a database, and to a file

class ReportOfDatabase : public ::testing::Test {
 protected:
  void SetUp() override {
    Options options;
    options.create_if_missing = true;
    options.file_system = files_;
    auto db = DB::Open(options, "/db");
    ASSERT_TRUE(db.ok()) << db.status();
    ASSERT_TRUE((*db)->Put({}, "a", "1").ok());
    ASSERT_TRUE((*db)->Put({}, "z", "2").ok());
    ASSERT_TRUE((*db)->Flush().ok());
    ASSERT_TRUE((*db)->Put({}, "b", "3").ok());
    ASSERT_TRUE((*db)->Close().ok());
  }

  void SetBytes(const std::string& path, std::string_view bytes) {
    auto file = files_->Create(path, {});
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE((*file)->Append({&bytes, 1}, {}).ok());
    ASSERT_TRUE((*file)->Close().ok());
  }

  std::shared_ptr<MemoryFileSystem> files_ =
      std::make_shared<MemoryFileSystem>();
};

TEST_F(ReportOfDatabase, HasItsTablesLogsAndHistory) {
  const auto data = CollectReport(*files_, "/db", absl::UnixEpoch());
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->manifest.tables.size(), 1u);
  EXPECT_EQ(data->log_files, 1u);
  EXPECT_GT(data->log_bytes, 56u);
  EXPECT_EQ(data->history.sessions.size(), 1u);
  EXPECT_EQ(Bars(RenderReport(*data)), 1u);
}

class ReportFile : public ::testing::Test {
 protected:
  ReportFile() {
    std::string name = ::testing::TempDir() + "/lissom-report-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  ~ReportFile() override { fs::remove_all(root_); }

  std::string Path(const std::string& name) const { return root_ / name; }
  std::string Content(const std::string& name) const {
    std::ifstream file(root_ / name);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  fs::path root_;
};

TEST_F(ReportFile, IsWrittenInOneStep) {
  const std::string path = Path("r.html");
  ASSERT_TRUE(WriteReport(path, RenderReport({}), false).ok());
  EXPECT_EQ(Content("r.html"), RenderReport({}));
  // A report is replaced, whatever it shows.
  ASSERT_TRUE(WriteReport(path, std::string(kReportMark) + "new", false).ok());
  EXPECT_EQ(Content("r.html"), std::string(kReportMark) + "new");
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), {}), 1);
}

TEST_F(ReportFile, IsReadableByWhomTheUmaskLets) {
  const mode_t before = ::umask(022);
  EXPECT_TRUE(WriteReport(Path("r.html"), "x", false).ok());
  ::umask(before);
  EXPECT_EQ(fs::status(Path("r.html")).permissions(), fs::perms{0644});
}

TEST_F(ReportFile, WhatIsNoReportIsNotReplaced) {
  const std::string work = "<!DOCTYPE html>\n<p>years of work";
  std::ofstream(Path("thesis.html")) << work;
  EXPECT_EQ(WriteReport(Path("thesis.html"), "x", false).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Content("thesis.html"), work);
  EXPECT_TRUE(WriteReport(Path("thesis.html"), "x", true).ok());
  EXPECT_EQ(Content("thesis.html"), "x");
  EXPECT_EQ(WriteReport(root_, "x", true).code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace lissom::tools
