// Is the house in order? Reads every include line of the sources and says, for
// each that does not point down, what to do instead. The floors are drawn in
// db/README.md:
//
//   6 src/   5 db/*.cc   4 db/<room>/   3 db/<shelf>/   2 table/   1 util/
//   0 include/
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lissom {
namespace {

const std::set<std::string> kShelves = {
    "filename", "wal", "memtable", "version", "output", "metrics", "blob"};
const std::set<std::string> kRooms = {
    "write", "read", "flush", "compaction", "recovery", "transaction", "files"};

// Shelves are not to know one another, with these exceptions. (Any may use
// db/filename.h.)
const std::set<std::pair<std::string, std::string>> kShelfMayUse = {
    {"version", "wal"},      // A manifest is a log.
    {"output", "version"},   // A finished table is described as a TableFile.
    {"metrics", "version"},  // Properties describe the tree.
};

// Where a file stands. `folder` is how a message calls the place; `name` tells
// shelves and rooms apart.
struct Place {
  int floor = 0;
  std::string name;
  std::string folder;
};

bool StartsWith(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

// The place of a path as include lines write it ("lissom/x.h" is include/'s);
// nullopt: none of our folders.
std::optional<Place> PlaceOf(const std::string& path) {
  if (StartsWith(path, "include/") || StartsWith(path, "lissom/")) {
    return Place{0, "include", "include/"};
  }
  if (StartsWith(path, "util/")) return Place{1, "util", "util/"};
  if (StartsWith(path, "table/")) return Place{2, "table", "table/"};
  if (StartsWith(path, "src/")) return Place{6, "src", "src/"};
  if (!StartsWith(path, "db/")) return std::nullopt;
  const std::string rest = path.substr(3);
  const size_t slash = rest.find('/');
  if (slash == std::string::npos) {
    if (StartsWith(rest, "filename.")) return Place{3, "filename", path};
    return Place{5, "db", "db/ itself"};
  }
  const std::string name = rest.substr(0, slash);
  const std::string folder = "db/" + name + "/";
  if (kShelves.count(name) != 0) return Place{3, name, folder};
  if (kRooms.count(name) != 0) return Place{4, name, folder};
  return std::nullopt;
}

// What is wrong with `file` including `target`; nullopt: nothing.
std::optional<std::string> Complaint(const std::string& file,
                                     const std::string& target) {
  const std::string start = file + " includes " + target + ": ";
  const std::optional<Place> from = PlaceOf(file);
  const std::optional<Place> to = PlaceOf(target);
  if (!from.has_value()) {
    return file +
           ": unknown folder: say in tests/layering_test.cc which floor "
           "it is on, and whether it is a shelf or a room";
  }
  if (from->floor == 0) {
    if (StartsWith(target, "lissom/") || StartsWith(target, "absl/")) {
      return std::nullopt;
    }
    return start +
           "public headers include only std, absl and lissom/: forward-"
           "declare it, or move what users need into include/lissom/";
  }
  if (!to.has_value()) {
    if (StartsWith(target, "db/")) {
      return start +
             "there is no such shelf or room: if it is new, say in "
             "tests/layering_test.cc which it is";
    }
    if (StartsWith(target, "tests/") || StartsWith(target, "benchmarks/")) {
      return start + "sources may not include tests or benchmarks";
    }
    return std::nullopt;  // Somebody else's header.
  }
  if (from->floor == 6) {
    if (to->floor == 6 || to->floor == 0) return std::nullopt;
    if (StartsWith(file, "src/tools/")) return std::nullopt;
    return start +
           "programs use the public headers only (tools may look "
           "inside): extend include/lissom/ if something is missing";
  }
  if (to->floor == 6) return start + "nothing may include src/";
  if (to->floor > from->floor) {
    return start + from->folder + " may not include " + to->folder +
           ": move the type down or pass it in";
  }
  if (to->floor < from->floor || to->name == from->name) return std::nullopt;
  if (from->floor == 4) {
    return start +
           "one room may not know another: move what both need to a "
           "shelf, or let db/ hand it in";
  }
  if (to->name == "filename" ||
      kShelfMayUse.count({from->name, to->name}) != 0) {
    return std::nullopt;
  }
  return start +
         "one shelf may not know another: move the type to table/ or "
         "util/, or do this in a room";
}

// A public header's #include <target>: only the standard library's, which have
// neither folders nor suffixes.
std::optional<std::string> PublicAngleComplaint(const std::string& file,
                                                const std::string& target) {
  if (target.find_first_of("/.") == std::string::npos) return std::nullopt;
  return file + " includes <" + target +
         ">: public headers include only std, absl and lissom/";
}

using Graph = std::map<std::string, std::vector<std::string>>;

// A cycle as "a.h -> b.h -> a.h"; empty: none.
std::string FindCycle(const Graph& graph) {
  std::set<std::string> done;
  std::vector<std::string> path;
  std::string cycle;
  auto visit = [&](auto&& self, const std::string& node) -> void {
    if (!cycle.empty() || done.count(node) != 0) return;
    auto seen = std::find(path.begin(), path.end(), node);
    if (seen != path.end()) {
      for (; seen != path.end(); ++seen) cycle += *seen + " -> ";
      cycle += node;
      return;
    }
    path.push_back(node);
    if (auto it = graph.find(node); it != graph.end()) {
      for (const std::string& next : it->second) self(self, next);
    }
    path.pop_back();
    done.insert(node);
  };
  for (const auto& [node, targets] : graph) visit(visit, node);
  return cycle;
}

struct Includes {
  std::vector<std::string> quoted;
  std::vector<std::string> angled;
};

Includes ReadIncludes(std::istream& source) {
  static const std::regex pattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  Includes includes;
  std::smatch match;
  for (std::string line; std::getline(source, line);) {
    if (!std::regex_search(line, match, pattern)) continue;
    (match[1] == "\"" ? includes.quoted : includes.angled).push_back(match[2]);
  }
  return includes;
}

std::map<std::string, Includes> ReadSources() {
  namespace fs = std::filesystem;
  const fs::path root = LISSOM_SOURCE_DIR;
  std::map<std::string, Includes> sources;
  for (const char* folder : {"include", "util", "table", "db", "src"}) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension();
      if (extension != ".h" && extension != ".cc") continue;
      std::ifstream file(entry.path());
      sources[fs::relative(entry.path(), root)] = ReadIncludes(file);
    }
  }
  return sources;
}

TEST(Layering, IncludesPointDown) {
  const std::map<std::string, Includes> sources = ReadSources();
  ASSERT_GT(sources.size(), 50u) << "not the source tree: " LISSOM_SOURCE_DIR;
  for (const auto& [file, includes] : sources) {
    for (const std::string& target : includes.quoted) {
      const auto complaint = Complaint(file, target);
      EXPECT_FALSE(complaint.has_value()) << *complaint;
    }
    if (!StartsWith(file, "include/")) continue;
    for (const std::string& target : includes.angled) {
      const auto complaint = PublicAngleComplaint(file, target);
      EXPECT_FALSE(complaint.has_value()) << *complaint;
    }
  }
}

TEST(Layering, HeadersFormNoCycle) {
  Graph graph;
  for (const auto& [file, includes] : ReadSources()) {
    const bool is_public = StartsWith(file, "include/");
    graph[is_public ? file.substr(8) : file] = includes.quoted;
  }
  EXPECT_EQ(FindCycle(graph), "");
}

// The checker itself, with made-up lines.
using ::testing::HasSubstr;
using ::testing::Optional;

TEST(LayeringRules, AllowWhatPointsDown) {
  for (const auto& [file, target] :
       std::vector<std::pair<std::string, std::string>>{
           {"include/lissom/a.h", "lissom/b.h"},
           {"include/lissom/a.h", "absl/status/status.h"},
           {"util/a.cc", "util/a.h"},
           {"util/a.cc", "lissom/b.h"},
           {"util/a.cc", "absl/strings/str_cat.h"},
           {"table/a.cc", "util/b.h"},
           {"db/wal/a.cc", "db/wal/b.h"},
           {"db/wal/a.cc", "db/filename.h"},
           {"db/wal/a.cc", "table/b.h"},
           {"db/version/a.cc", "db/wal/b.h"},
           {"db/output/a.cc", "db/version/b.h"},
           {"db/metrics/a.cc", "db/version/b.h"},
           {"db/write/a.cc", "db/metrics/b.h"},
           {"db/flush/a.cc", "db/output/b.h"},
           {"db/flush/a.cc", "db/flush/b.h"},
           {"db/flush/a.cc", "db/filename.h"},
           {"db/open.cc", "db/flush/b.h"},
           {"db/open.cc", "db/open.h"},
           {"src/server/a.cc", "lissom/db.h"},
           {"src/server/a.cc", "src/net/b.h"},
           {"src/tools/a.cc", "db/wal/b.h"}}) {
    EXPECT_EQ(Complaint(file, target), std::nullopt);
  }
}

TEST(LayeringRules, SayWhatToDoInstead) {
  EXPECT_THAT(Complaint("util/x.cc", "table/y.h"),
              Optional(std::string("util/x.cc includes table/y.h: util/ may "
                                   "not include table/: move the type down or "
                                   "pass it in")));
}

TEST(LayeringRules, RefuseWhatPointsUpOrAside) {
  for (const auto& [file, target, words] :
       std::vector<std::array<std::string, 3>>{
           {"include/lissom/a.h", "util/b.h", "public headers"},
           {"include/lissom/a.h", "gtest/gtest.h", "public headers"},
           {"util/a.cc", "db/filename.h", "may not include db/filename.h"},
           {"table/a.cc", "db/wal/b.h", "may not include db/wal/"},
           {"db/filename.cc", "db/wal/b.h", "one shelf"},
           {"db/wal/a.cc", "db/version/b.h", "one shelf"},
           {"db/memtable/a.cc", "db/wal/b.h", "one shelf"},
           {"db/version/a.cc", "db/output/b.h", "one shelf"},
           {"db/version/a.cc", "db/metrics/b.h", "one shelf"},
           {"db/wal/a.cc", "db/write/b.h", "may not include db/write/"},
           {"db/flush/a.cc", "db/compaction/b.h", "one room"},
           {"db/flush/a.cc", "db/db_impl.h", "may not include db/ itself"},
           {"db/wal/a.cc", "db/db_impl.h", "may not include db/ itself"},
           {"db/open.cc", "src/tools/b.h", "nothing may include src/"},
           {"util/a.cc", "src/tools/b.h", "nothing may include src/"},
           {"util/a.cc", "tests/support/b.h", "may not include tests"},
           {"src/server/a.cc", "util/b.h", "public headers only"},
           {"db/attic/a.cc", "util/b.h", "unknown folder"},
           {"db/open.cc", "db/attic/b.h", "no such shelf or room"}}) {
    EXPECT_THAT(Complaint(file, target), Optional(HasSubstr(words)));
  }
  EXPECT_TRUE(PublicAngleComplaint("include/lissom/a.h", "zstd.h"));
  EXPECT_TRUE(PublicAngleComplaint("include/lissom/a.h", "sys/types.h"));
  EXPECT_FALSE(PublicAngleComplaint("include/lissom/a.h", "vector"));
}

TEST(LayeringRules, FindCycles) {
  EXPECT_EQ(FindCycle({{"a", {"b", "c"}}, {"b", {"d"}}, {"c", {"d"}}}), "");
  EXPECT_EQ(FindCycle({{"a", {"b"}}, {"b", {"c"}}, {"c", {"b"}}}),
            "b -> c -> b");
  EXPECT_EQ(FindCycle({{"a", {"a"}}}), "a -> a");
}

TEST(LayeringRules, ReadIncludeLines) {
  std::istringstream source(
      "#include <vector>\n  #  include \"util/a.h\"  // why\n"
      "// #include \"util/b.h\"\n#include\"util/c.h\"\nint x;\n");
  const Includes includes = ReadIncludes(source);
  EXPECT_THAT(includes.quoted, testing::ElementsAre("util/a.h", "util/c.h"));
  EXPECT_THAT(includes.angled, testing::ElementsAre("vector"));
}

}  // namespace
}  // namespace lissom
