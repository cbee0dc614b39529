#include "db/version/version.h"

#include <memory>
#include <set>
#include <string>

#include "db/version/version_builder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lissom/status.h"
#include "tests/support/shape.h"
#include "tests/support/test_env.h"
#include "util/memory_file_system.h"
#include "util/random.h"

namespace lissom {
namespace {

using ::lissom::testing::ParseShape;
using ::lissom::testing::ParseTable;
using ::lissom::testing::ToString;
using ::testing::HasSubstr;

TEST(Shape, IsReadAndWritten) {
  const char* text = "L0: 9[a-f] 7[c-k]\nL1: 3[a-d] 4[e-z]\nL6: 1[a-z]";
  EXPECT_EQ(ToString(*ParseShape(text)), text);
  EXPECT_EQ(ToString(*ParseShape("\n# nothing\n\n")), "");
  const TableMetadata table = ParseTable("7[c-k]@10-20:64M");
  EXPECT_EQ(table.size, uint64_t{64} << 20);
  EXPECT_EQ(table.smallest_sequence, 10u);
  EXPECT_EQ(table.largest_sequence, 20u);
  EXPECT_EQ(ParseTable("7[c-k]").largest_sequence, 79u);
  EXPECT_EQ(ParseTable("7[c-k]:12B").size, 12u);
}

TEST(Version, CountsTablesAndBytes) {
  const auto version = ParseShape("L0: 9[a-f]:3K\nL2: 3[a-d]:1K 4[e-z]:2K");
  EXPECT_EQ(version->TableCount(), 3u);
  EXPECT_EQ(version->LevelBytes(0), 3072u);
  EXPECT_EQ(version->LevelBytes(1), 0u);
  EXPECT_EQ(version->LevelBytes(2), 3072u);
  EXPECT_EQ(version->DebugString(), "L0: 9[a..f]\nL2: 3[a..d] 4[e..z]");
  EXPECT_EQ(ParseShape("")->DebugString(), "");
}

TEST(Version, FindTableIsTheFirstThatDoesNotEndBeforeTheKey) {
  const auto version = ParseShape("L1: 1[b-d] 2[f-h] 3[i-k]");
  EXPECT_EQ(version->FindTable(1, "a"), 0u);
  EXPECT_EQ(version->FindTable(1, "d"), 0u);
  EXPECT_EQ(version->FindTable(1, "da"), 1u);
  EXPECT_EQ(version->FindTable(1, "h"), 1u);
  EXPECT_EQ(version->FindTable(1, "i"), 2u);
  EXPECT_EQ(version->FindTable(1, "l"), 3u);
  EXPECT_EQ(version->FindTable(2, "a"), 0u);
}

TEST(Version, FindTableAgreesWithASearchFromTheFront) {
  Random random(TestSeed());
  for (int round = 0; round < 200; ++round) {
    std::set<std::string> ends;
    const size_t count = 2 * random.Uniform(12);
    while (ends.size() < count) {
      ends.insert({static_cast<char>('a' + random.Uniform(26)),
                   static_cast<char>('a' + random.Uniform(26))});
    }
    std::string text = "L3:";
    uint64_t number = 0;
    for (auto end = ends.begin(); end != ends.end();) {
      text += " " + std::to_string(++number) + "[" + *end++;
      text += "-" + *end++ + "]";
    }
    const auto version = ParseShape(text);
    ASSERT_TRUE(version->CheckInvariants().ok()) << text;
    for (char c = '`'; c <= 'z'; ++c) {
      for (char d = '`'; d <= 'z'; ++d) {
        const std::string key = {c, d};
        size_t expected = 0;
        while (expected < version->level(3).size() &&
               version->level(3)[expected]->meta().largest.user_key < key) {
          ++expected;
        }
        ASSERT_EQ(version->FindTable(3, key), expected) << text << " " << key;
      }
    }
  }
}

TEST(Version, TablesInAreThoseThatMayHoldAKeyOfTheRange) {
  const auto version = ParseShape("L1: 1[b-c] 2[e-g] 3[i-i]");
  using Bound = std::optional<std::string>;
  const auto numbers = [&](const Bound& begin, const Bound& end) {
    std::string text;
    for (const auto& table : version->TablesIn(1, begin, end)) {
      text += std::to_string(table->meta().number) + " ";
    }
    return text;
  };
  const Bound none;
  EXPECT_EQ(numbers(none, none), "1 2 3 ");
  EXPECT_EQ(numbers("c", none), "1 2 3 ");
  EXPECT_EQ(numbers("cc", none), "2 3 ");
  EXPECT_EQ(numbers("j", none), "");
  EXPECT_EQ(numbers(none, "b"), "");
  EXPECT_EQ(numbers(none, "bb"), "1 ");
  EXPECT_EQ(numbers(none, "e"), "1 ");
  EXPECT_EQ(numbers("f", "i"), "2 ");
  EXPECT_EQ(numbers("h", "hh"), "");
  EXPECT_EQ(numbers("i", "c"), "");
}

TEST(Version, OverlappingTakesWhatHoldsKeysOfTheRange) {
  const auto version = ParseShape("L1: 1[b-d] 2[f-h] 3[j-l]");
  EXPECT_EQ(ToString(version->Overlapping(1, "d", "f")), "1[b-d] 2[f-h]");
  EXPECT_EQ(ToString(version->Overlapping(1, "e", "e")), "");
  EXPECT_EQ(ToString(version->Overlapping(1, "m", "z")), "");
  EXPECT_EQ(ToString(version->Overlapping(1, std::nullopt, "b")), "1[b-d]");
  EXPECT_EQ(ToString(version->Overlapping(1, "h", std::nullopt)),
            "2[f-h] 3[j-l]");
  EXPECT_EQ(ToString(version->Overlapping(1, std::nullopt, std::nullopt)),
            "1[b-d] 2[f-h] 3[j-l]");
}

TEST(Version, OverlappingGrowsInLevel0UntilNothingMoreOverlaps) {
  // 5 leads to 7 (c), that to 9 (k) and 3; only 1 stands apart.
  const auto version = ParseShape("L0: 9[k-m] 7[c-k] 5[a-c] 3[m-n] 1[x-z]");
  EXPECT_EQ(ToString(version->Overlapping(0, "a", "b")),
            "9[k-m] 7[c-k] 5[a-c] 3[m-n]");
  EXPECT_EQ(ToString(version->Overlapping(0, "n", "n")),
            "9[k-m] 7[c-k] 5[a-c] 3[m-n]");
  EXPECT_EQ(ToString(version->Overlapping(0, "o", "x")), "1[x-z]");
  EXPECT_EQ(ToString(version->Overlapping(0, "o", "p")), "");
  EXPECT_EQ(ToString(version->Overlapping(0, std::nullopt, "a")),
            "9[k-m] 7[c-k] 5[a-c] 3[m-n]");
  EXPECT_EQ(ToString(version->Overlapping(0, "y", std::nullopt)), "1[x-z]");
}

TEST(Version, OverlapsBelowLooksAtItsLevelAndDeeperOnes) {
  const auto version = ParseShape("L0: 9[a-b]\nL1: 1[c-d]\nL6: 2[e-f]");
  EXPECT_TRUE(version->OverlapsBelow(0, "a", "a"));
  EXPECT_FALSE(version->OverlapsBelow(1, "a", "b"));
  EXPECT_TRUE(version->OverlapsBelow(1, "d", "d"));
  EXPECT_TRUE(version->OverlapsBelow(2, "b", "e"));
  EXPECT_FALSE(version->OverlapsBelow(2, "a", "d"));
  EXPECT_FALSE(version->OverlapsBelow(2, "g", "z"));
  EXPECT_FALSE(version->OverlapsBelow(7, "a", "z"));
}

TEST(Version, WorksInAnyOrder) {
  const auto version = ParseShape("L0: 9[z-y]\nL1: 1[m-h] 2[g-a]",
                                  KeyOrder(ReverseBytewiseComparator()));
  EXPECT_TRUE(version->CheckInvariants().ok()) << version->CheckInvariants();
  EXPECT_EQ(version->FindTable(1, "h"), 0u);
  EXPECT_EQ(version->FindTable(1, "g"), 1u);
  EXPECT_EQ(ToString(version->Overlapping(1, "j", "g")), "1[m-h] 2[g-a]");
}

TEST(VersionInvariants, HoldForGoodShapes) {
  for (const char* text :
       {"", "L0: 1[a-a]", "L0: 9[a-f] 7[c-k] 3[a-z]", "L1: 3[a-d] 4[e-z]",
        // Tables of level 0 with the same sequences, but other keys.
        "L0: 9[a-f]@10-20 7[g-k]@10-20",
        // A long old table under several new ones.
        "L0: 9[a-c]@50-60 8[d-f]@50-60 7[b-e]@30-40 2[a-z]@1-29",
        // The same keys in several levels.
        "L0: 9[a-f]\nL1: 5[a-f]\nL2: 3[a-f]\nL6: 2[a-f]"}) {
    const absl::Status status = ParseShape(text)->CheckInvariants();
    EXPECT_TRUE(status.ok()) << text << ": " << status;
  }
}

TEST(VersionInvariants, NameWhatIsWrong) {
  const struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"L1: 3[d-a]", "its smallest key comes after its largest"},
      {"L0: 7[a-b] 9[c-d]", "stands behind an older one"},
      {"L0: 7[a-b]@1-5 9[c-d]@1-5", "stands behind an older one"},
      {"L1: 3[e-z] 4[a-d]", "does not begin behind the end of 3[e..z]"},
      {"L1: 3[a-e] 4[d-z]", "does not begin behind the end of 3[a..e]"},
      {"L5: 3[a-e]\nL6: 3[f-g]", "table 3 stands in two places"},
      {"L0: 3[a-e]\nL1: 4[a-b]\nL6: 3[f-g]", "table 3 stands in two places"},
      // A user key in two tables of a level.
      {"L2: 3[a-e]@1-9 4[e-z]@1-9", "does not begin behind"},
      // Which of them has the newest version of a key?
      {"L0: 9[a-f]@10-30 7[c-k]@20-29", "shares keys and sequences"},
      {"L0: 9[a-f]@10-30 7[f-k]@1-10", "shares keys and sequences"},
      {"L0: 9[a-c]@50-60 8[d-f]@50-60 7[b-e]@30-40 2[a-z]@1-30",
       "shares keys and sequences"},
  };
  for (const auto& c : cases) {
    const absl::Status status = ParseShape(c.text)->CheckInvariants();
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << c.text;
    EXPECT_THAT(status.message(), HasSubstr(c.message)) << c.text;
  }
}

TEST(VersionInvariants, LookAtTheSequencesOfTheEnds) {
  TableMetadata table = ParseTable("7[a-c]@10-20");
  table.smallest.trailer = PackTrailer(21, EntryKind::kPut);
  std::array<Version::Level, Version::kLevels> levels;
  levels[1].push_back(std::make_shared<TableFile>(nullptr, table));
  const Version version(KeyOrder(BytewiseComparator()), std::move(levels));
  EXPECT_THAT(version.CheckInvariants().message(),
              HasSubstr("its ends lie outside its sequences"));
}

// Two tables of level 0 are in order or they are not: the sweep must say what a
// comparison of each with each says.
TEST(VersionInvariants, AgreeWithEveryPairOfLevel0) {
  Random random(TestSeed());
  int good = 0;
  for (uint64_t round = 0; round < Scaled(5000); ++round) {
    std::array<Version::Level, Version::kLevels> levels;
    const size_t count = 1 + random.Uniform(5);
    for (size_t i = 0; i < count; ++i) {
      const char from = static_cast<char>('a' + random.Uniform(20));
      const char to = static_cast<char>(from + random.Uniform(4));
      const uint64_t smallest = random.Uniform(40);
      levels[0].push_back(std::make_shared<TableFile>(
          nullptr, ParseTable(std::to_string(i + 1) + "[" + from + "-" + to +
                              "]@" + std::to_string(smallest) + "-" +
                              std::to_string(smallest + random.Uniform(10)))));
    }
    std::sort(levels[0].begin(), levels[0].end(), [](auto& a, auto& b) {
      return std::pair(a->meta().largest_sequence, a->meta().number) >
             std::pair(b->meta().largest_sequence, b->meta().number);
    });
    bool expected = true;
    for (const auto& a : levels[0]) {
      for (const auto& b : levels[0]) {
        const TableMetadata& x = a->meta();
        const TableMetadata& y = b->meta();
        if (a != b && x.smallest.user_key <= y.largest.user_key &&
            y.smallest.user_key <= x.largest.user_key &&
            x.smallest_sequence <= y.largest_sequence &&
            y.smallest_sequence <= x.largest_sequence) {
          expected = false;
        }
      }
    }
    const Version version(KeyOrder(BytewiseComparator()), std::move(levels));
    ASSERT_EQ(version.CheckInvariants().ok(), expected)
        << version.DebugString() << version.CheckInvariants();
    good += expected;
  }
  EXPECT_GT(good, 0);
}

std::shared_ptr<const TableSource> Source() {
  return std::make_shared<TableSource>(
      TableSource{.file_system = std::make_shared<MemoryFileSystem>(),
                  .directory = "/db",
                  .order = KeyOrder(BytewiseComparator()),
                  .cache = nullptr});
}

VersionEdit Adding(int level, std::string_view table) {
  VersionEdit edit;
  edit.added.push_back({.level = level, .table = ParseTable(table)});
  return edit;
}

TEST(VersionBuilder, AddsAndRemovesInOrder) {
  VersionBuilder builder(Source(), nullptr);
  ASSERT_TRUE(builder.Apply(Adding(1, "4[e-z]")).ok());
  ASSERT_TRUE(builder.Apply(Adding(0, "7[c-k]")).ok());
  ASSERT_TRUE(builder.Apply(Adding(1, "3[a-d]")).ok());
  ASSERT_TRUE(builder.Apply(Adding(0, "9[a-f]")).ok());
  VersionEdit edit = Adding(2, "12[a-z]");
  edit.removed.push_back({.level = 1, .number = 3});
  ASSERT_TRUE(builder.Apply(edit).ok());
  const auto version = builder.Finish();
  ASSERT_TRUE(version.ok()) << version.status();
  EXPECT_EQ(ToString(**version), "L0: 9[a-f] 7[c-k]\nL1: 4[e-z]\nL2: 12[a-z]");
}

TEST(VersionBuilder, SharesTablesThatStayOrMove) {
  const auto base = ParseShape("L1: 3[a-d] 4[e-z]");
  VersionBuilder builder(Source(), base.get());
  VersionEdit edit = Adding(2, "3[a-d]");
  edit.removed.push_back({.level = 1, .number = 3});
  ASSERT_TRUE(builder.Apply(edit).ok());
  const auto version = builder.Finish();
  ASSERT_TRUE(version.ok()) << version.status();
  EXPECT_EQ((*version)->level(1)[0], base->level(1)[1]);
  EXPECT_EQ((*version)->level(2)[0], base->level(1)[0]);
}

TEST(VersionBuilder, RefusesWhatCannotBe) {
  const auto base = ParseShape("L1: 3[a-d] 4[e-z]");
  const auto message = [&base](const VersionEdit& edit) -> std::string {
    VersionBuilder builder(Source(), base.get());
    absl::Status status = builder.Apply(edit);
    if (status.ok()) status = builder.Finish().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    return std::string(status.message());
  };
  VersionEdit edit;
  edit.removed.push_back({.level = 1, .number = 5});
  EXPECT_THAT(message(edit), HasSubstr("does not stand there"));
  edit.removed = {{.level = 2, .number = 3}};
  EXPECT_THAT(message(edit), HasSubstr("removed from level 2"));
  edit.removed = {{.level = 7, .number = 3}};
  EXPECT_THAT(message(edit), HasSubstr("no level 7"));
  edit.removed = {{.level = -1, .number = 3}};
  EXPECT_THAT(message(edit), HasSubstr("no level -1"));
  EXPECT_THAT(message(Adding(7, "8[a-b]")), HasSubstr("no level 7"));
  EXPECT_THAT(message(Adding(1, "8[b-c]")), HasSubstr("does not begin"));
  EXPECT_THAT(message(Adding(2, "3[a-d]")), HasSubstr("in two places"));
  edit = Adding(2, "3[a-e]");
  edit.removed.push_back({.level = 1, .number = 3});
  EXPECT_THAT(message(edit), HasSubstr("not the same any more"));
}

TEST(TableFile, AFailureToOpenIsNotRemembered) {
  auto file_system = std::make_shared<MemoryFileSystem>();
  ASSERT_TRUE(file_system->CreateDirectory("/db").ok());
  auto source = std::make_shared<TableSource>(
      TableSource{.file_system = file_system,
                  .directory = "/db",
                  .order = KeyOrder(BytewiseComparator()),
                  .cache = std::make_shared<BlockCache>(size_t{1} << 20)});
  const TableFile table(source, ParseTable("7[a-c]"));
  const auto missing = table.Pin();
  EXPECT_TRUE(IsDataLoss(missing.status()));
  EXPECT_EQ(DetailOf(missing.status())->kind, ErrorKind::kMissingFile);
  EXPECT_EQ(DetailOf(missing.status())->file, "/db/000007.sst");
  // There now, and no table: another error.
  ASSERT_TRUE(file_system->SetBytes("/db/000007.sst", "no table").ok());
  const auto damaged = table.Pin();
  EXPECT_TRUE(IsDataLoss(damaged.status()));
  EXPECT_EQ(DetailOf(damaged.status())->kind, ErrorKind::kCorruption);
}

}  // namespace
}  // namespace lissom
