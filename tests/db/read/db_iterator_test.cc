// The public iterator over a made-up View: what it shows at a sequence, both
// ways and turning anywhere, and what it says when it cannot go on. How views
// come about is the engine's affair (tests/engine/model_test.cc). Long because
// it is one class with one fixture, and its cases share the sources they set
// up.
#include "db/read/db_iterator.h"

#include <cstdio>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "db/filename.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/read/view_world.h"
#include "tests/support/test_env.h"
#include "util/check.h"

namespace lissom {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class KeptLog final : public Logger {
 public:
  void Log(LogLevel level, std::string_view line) override {
    EXPECT_EQ(level, LogLevel::kError);
    lines.emplace_back(line);
    // A death test reads it.
    std::fprintf(stderr, "%s\n", lines.back().c_str());
  }
  std::vector<std::string> lines;
};

// "a=1" of the entry that is shown; "end" behind either end.
std::string Shown(Iterator& it) {
  EXPECT_TRUE(it.status().ok()) << it.status();
  if (!it.Valid()) return "end";
  EXPECT_TRUE(it.PrepareValue().ok());
  return absl::StrCat(std::string(it.key()), "=", std::string(it.value()));
}

using Entries = std::vector<std::string>;

// What is shown until the iterator ends, well or not.
Entries Rest(Iterator& it, bool forward) {
  Entries shown;
  for (; it.Valid(); forward ? it.Next() : it.Prev()) {
    shown.push_back(Shown(it));
  }
  return shown;
}
Entries Forward(Iterator& it) {
  it.SeekToFirst();
  return Rest(it, true);
}
Entries Backward(Iterator& it) {
  it.SeekToLast();
  Entries shown = Rest(it, false);
  return {shown.rbegin(), shown.rend()};
}

ReadOptions Bounds(std::optional<std::string> lower,
                   std::optional<std::string> upper) {
  ReadOptions options;
  options.iterate_lower_bound = std::move(lower);
  options.iterate_upper_bound = std::move(upper);
  return options;
}

std::vector<TestEntry> PutsOf(const std::string& key, SequenceNumber first,
                              SequenceNumber last) {
  std::vector<TestEntry> entries;
  for (SequenceNumber s = first; s <= last; ++s) {
    entries.push_back(Put(key, s, std::to_string(s)));
  }
  return entries;
}

class DbIteratorTest : public testing::Test {
 protected:
  std::shared_ptr<IteratorCore> NewCore() const {
    auto core = std::make_shared<IteratorCore>(world_.order());
    core->log = log_;
    return core;
  }

  // Over the present state of world_, and again at each Refresh.
  std::unique_ptr<Iterator> NewIterator(SequenceNumber sequence = kMaxSequence,
                                        const ReadOptions& options = {}) {
    return NewDbIterator(
        core_,
        [this, sequence]() -> absl::StatusOr<ReadPoint> {
          return ReadPoint{world_.NewView(), sequence};
        },
        options);
  }

  // Both ways, which have to agree.
  Entries All(SequenceNumber sequence = kMaxSequence,
              const ReadOptions& options = {}) {
    auto it = NewIterator(sequence, options);
    Entries forward = Forward(*it);
    EXPECT_EQ(Shown(*it), "end");
    EXPECT_EQ(Backward(*it), forward);
    EXPECT_EQ(Shown(*it), "end");
    return forward;
  }

  // A to H, each in another place or in several, of visible sequence 20.
  void AddOneOfEach() {
    world_.AddTables(4, {Put("a", 1, "A"), Put("c", 1, "old"),
                         Put("cc", 1, "gone"), Put("h", 1, "H")});
    world_.AddTables(1, {Put("b", 2, "B"), Put("c", 3, "C")});
    world_.AddTables(1, {Put("d", 3, "old"), Put("da", 3, "gone")});
    world_.AddTables(0, {Tombstone("cc", 4), Put("d", 5, "D")});
    world_.AddTables(0, {Tombstone("da", 6), Put("e", 7, "E")});
    world_.AddMemtable({Put("f", 8, "F"), Put("g", 9, "old")});
    world_.AddMemtable({Put("g", 10, "G"), Put("h", 30, "too young"),
                        Put("i", 30, "too young"), Tombstone("a", 30)});
  }
  const Entries one_of_each_ = {"a=A", "b=B", "c=C", "d=D",
                                "e=E", "f=F", "g=G", "h=H"};

  ViewWorld world_;
  const std::shared_ptr<KeptLog> log_ = std::make_shared<KeptLog>();
  const std::shared_ptr<IteratorCore> core_ = NewCore();
};

TEST_F(DbIteratorTest, ShowsNothingOfNothing) {
  EXPECT_THAT(All(), IsEmpty());
  world_.AddMemtable({});
  EXPECT_THAT(All(), IsEmpty());
  auto it = NewIterator();
  EXPECT_EQ(Shown(*it), "end");
  it->Seek("");
  EXPECT_EQ(Shown(*it), "end");
  it->SeekForPrev("z");
  EXPECT_EQ(Shown(*it), "end");
}

TEST_F(DbIteratorTest, MergesMemtablesAndTables) {
  AddOneOfEach();
  EXPECT_EQ(All(20), one_of_each_);
}

TEST_F(DbIteratorTest, IsNowhereBeforeItsFirstSeek) {
  AddOneOfEach();
  EXPECT_EQ(Shown(*NewIterator()), "end");
}

TEST_F(DbIteratorTest, TurnsAroundOnEveryEntry) {
  AddOneOfEach();
  auto it = NewIterator(20);
  constexpr uint32_t kMoves = 7;
  const int size = static_cast<int>(one_of_each_.size());
  for (int start = 0; start < size; ++start) {
    // Every sequence of moves: bit i says which way move i goes.
    for (uint32_t ways = 0; ways < (2u << kMoves); ++ways) {
      const std::string key =
          one_of_each_[static_cast<size_t>(start)].substr(0, 1);
      // The last bit says how to get there.
      (ways >> kMoves) != 0 ? it->Seek(key) : it->SeekForPrev(key);
      int at = start;
      for (uint32_t move = 0; move < kMoves; ++move) {
        const bool forward = (ways >> move & 1) != 0;
        forward ? it->Next() : it->Prev();
        at += forward ? 1 : -1;
        if (at < 0 || at == size) {
          ASSERT_EQ(Shown(*it), "end") << key << " " << ways << " " << move;
          break;
        }
        ASSERT_EQ(Shown(*it), one_of_each_[static_cast<size_t>(at)])
            << key << " " << ways << " " << move;
      }
    }
  }
}

TEST_F(DbIteratorTest, SeeksToTheNeighbourOfAKeyThatIsNotThere) {
  world_.AddTables(1, {Put("b", 1, "1"), Put("d", 2, "2")});
  world_.AddMemtable({Put("f", 3, "3")});
  struct Case {
    const char* target;
    const char* next;
    const char* previous;
  };
  for (const Case& c : {Case{"", "b=1", "end"}, Case{"a", "b=1", "end"},
                        Case{"b", "b=1", "b=1"}, Case{"bb", "d=2", "b=1"},
                        Case{"c", "d=2", "b=1"}, Case{"d", "d=2", "d=2"},
                        Case{"e", "f=3", "d=2"}, Case{"f", "f=3", "f=3"},
                        Case{"g", "end", "f=3"}}) {
    SCOPED_TRACE(c.target);
    auto it = NewIterator();
    it->Seek(c.target);
    EXPECT_EQ(Shown(*it), c.next);
    it->SeekForPrev(c.target);
    EXPECT_EQ(Shown(*it), c.previous);
  }
}

TEST_F(DbIteratorTest, SeeksPastADeletedKey) {
  world_.AddTables(1, {Put("a", 1, "1"), Put("b", 2, "2"), Put("c", 3, "3")});
  world_.AddMemtable({Tombstone("b", 4)});
  auto it = NewIterator();
  it->Seek("b");
  EXPECT_EQ(Shown(*it), "c=3");
  it->SeekForPrev("b");
  EXPECT_EQ(Shown(*it), "a=1");
}

TEST_F(DbIteratorTest, ATombstoneHidesWhatIsOlderAndNotWhatIsNewer) {
  world_.AddTables(2, {Put("a", 1, "1"), Put("b", 1, "1"), Put("c", 1, "1")});
  world_.AddTables(0, {Tombstone("a", 2), Tombstone("b", 2), Tombstone("c", 2),
                       Tombstone("never there", 2)});
  world_.AddMemtable({Put("b", 3, "3")});
  EXPECT_THAT(All(1), ElementsAre("a=1", "b=1", "c=1"));
  EXPECT_THAT(All(2), IsEmpty());
  EXPECT_THAT(All(3), ElementsAre("b=3"));
}

TEST_F(DbIteratorTest, ShowsNothingYoungerThanItsSequence) {
  world_.AddMemtable({Put("a", 5, "5"), Put("b", 3, "3"), Put("c", 9, "9")});
  EXPECT_THAT(All(2), IsEmpty());
  EXPECT_THAT(All(3), ElementsAre("b=3"));
  EXPECT_THAT(All(5), ElementsAre("a=5", "b=3"));
  EXPECT_THAT(All(9), ElementsAre("a=5", "b=3", "c=9"));
}

TEST_F(DbIteratorTest, AnEmptyKeyIsAKey) {
  world_.AddTables(1, {Put("", 1, "1"), Put("a", 2, "2")});
  EXPECT_THAT(All(), ElementsAre("=1", "a=2"));
  auto it = NewIterator();
  it->SeekForPrev("");
  EXPECT_EQ(Shown(*it), "=1");
}

TEST_F(DbIteratorTest, KeepsWithinItsBounds) {
  world_.AddTables(2, PutsOf("a", 1, 12));
  world_.AddTables(1, {Put("b", 13, "1"), Put("c", 14, "2")});
  world_.AddMemtable({Put("d", 15, "3"), Put("e", 16, "4")});
  const std::optional<std::string> none;
  EXPECT_THAT(All(20, Bounds("b", none)),
              ElementsAre("b=1", "c=2", "d=3", "e=4"));
  EXPECT_THAT(All(20, Bounds("bb", "d")), ElementsAre("c=2"));
  EXPECT_THAT(All(20, Bounds(none, "c")), ElementsAre("a=12", "b=1"));
  EXPECT_THAT(All(20, Bounds("", "b")), ElementsAre("a=12"));
  EXPECT_THAT(All(20, Bounds("e", "z")), ElementsAre("e=4"));
  EXPECT_THAT(All(20, Bounds("e", none)), ElementsAre("e=4"));
  EXPECT_THAT(All(20, Bounds("0", "1")), IsEmpty());
  EXPECT_THAT(All(20, Bounds("x", "z")), IsEmpty());
}

TEST_F(DbIteratorTest, EqualCrossedAndEmptyBoundsLeaveNothing) {
  AddOneOfEach();
  for (const ReadOptions& options :
       {Bounds("c", "c"), Bounds("d", "b"), Bounds("", ""),
        Bounds(std::nullopt, ""), Bounds("c", "")}) {
    EXPECT_THAT(All(20, options), IsEmpty());
    auto it = NewIterator(20, options);
    for (const char* target : {"", "a", "b", "c", "d", "z"}) {
      it->Seek(target);
      EXPECT_EQ(Shown(*it), "end");
      it->SeekForPrev(target);
      EXPECT_EQ(Shown(*it), "end");
    }
  }
}

TEST_F(DbIteratorTest, TablesOutsideTheBoundsAreNotOpened) {
  world_.AddTables(0, {Put("a", 11, "1"), Put("b", 12, "2")});
  world_.AddTables(0, {Put("p", 13, "3"), Put("q", 14, "4")});
  for (const char* keys : {"ac", "gi", "rt"}) {
    world_.AddTables(2, {Put(std::string(1, keys[0]), 1, "x"),
                         Put(std::string(1, keys[1]), 2, "y")});
  }
  // All but the one in the middle are gone: whoever opens one fails.
  for (const int level : {0, 2}) {
    for (const auto& table : world_.level(level)) {
      if (table->meta().smallest.user_key == "g") continue;
      const std::string path = TableFileName("/db", table->meta().number);
      ASSERT_TRUE(world_.tables().disk().RemoveFile(path, {}).ok());
    }
  }
  EXPECT_THAT(All(20, Bounds("d", "p")), ElementsAre("g=x", "i=y"));
  EXPECT_THAT(All(20, Bounds("i", "j")), ElementsAre("i=y"));
  EXPECT_THAT(All(20, Bounds("d", "g")), IsEmpty());
  for (const ReadOptions& options :
       {Bounds("d", "pp"), Bounds("b", "d"), Bounds("h", "s")}) {
    const auto it = NewIterator(20, options);
    for (it->SeekToFirst(); it->Valid();) it->Next();
    EXPECT_TRUE(absl::IsDataLoss(it->status())) << it->status();
  }
}

TEST_F(DbIteratorTest, ASeekOutsideTheBoundsGoesToTheNearerEnd) {
  AddOneOfEach();
  auto it = NewIterator(20, Bounds("c", "f"));
  it->Seek("a");
  EXPECT_EQ(Shown(*it), "c=C");
  it->Seek("f");
  EXPECT_EQ(Shown(*it), "end");
  it->SeekForPrev("b");
  EXPECT_EQ(Shown(*it), "end");
  it->SeekForPrev("f");
  EXPECT_EQ(Shown(*it), "e=E");
  it->SeekForPrev("z");
  EXPECT_EQ(Shown(*it), "e=E");
}

// Around the number of versions that are stepped over before a seek: `count`
// versions of b, of which each is the newest visible one in turn.
TEST_F(DbIteratorTest, PassesAnyNumberOfVersionsOfAKey) {
  for (SequenceNumber count = 1; count <= 24; ++count) {
    for (const bool in_table : {false, true}) {
      ViewWorld world;
      std::vector<TestEntry> entries = PutsOf("b", 2, count + 1);
      entries.push_back(Put("a", 1, "1"));
      entries.push_back(Put("c", 1, "1"));
      if (in_table) {
        world.AddTables(3, entries);
      } else {
        world.AddMemtable(entries);
      }
      for (SequenceNumber visible = 0; visible <= count + 2; ++visible) {
        SCOPED_TRACE(absl::StrCat(count, " versions, read at ", visible));
        Entries expected;
        if (visible >= 1) expected = {"a=1", "c=1"};
        if (visible >= 2) {
          expected.insert(expected.begin() + 1,
                          absl::StrCat("b=", std::min(visible, count + 1)));
        }
        auto it = NewDbIterator(core_,
                                [&]() -> absl::StatusOr<ReadPoint> {
                                  return ReadPoint{world.NewView(), visible};
                                },
                                {});
        ASSERT_EQ(Forward(*it), expected);
        ASSERT_EQ(Backward(*it), expected);
        if (visible < 2) continue;
        // Off the key, in the direction it was not reached in.
        it->Seek("b");
        ASSERT_EQ(Shown(*it), expected[1]);
        it->Prev();
        ASSERT_EQ(Shown(*it), "a=1");
        it->SeekForPrev("b");
        ASSERT_EQ(Shown(*it), expected[1]);
        it->Next();
        ASSERT_EQ(Shown(*it), "c=1");
      }
    }
  }
}

TEST_F(DbIteratorTest, PassesAnyNumberOfVersionsOfADeletedKey) {
  for (SequenceNumber count = 1; count <= 24; ++count) {
    ViewWorld world;
    std::vector<TestEntry> entries = PutsOf("b", 2, count + 1);
    entries.push_back(Put("a", 1, "1"));
    entries.push_back(Put("c", 1, "1"));
    world.AddTables(1, entries);
    world.AddMemtable({Tombstone("b", count + 2)});
    auto it = NewDbIterator(core_,
                            [&]() -> absl::StatusOr<ReadPoint> {
                              return ReadPoint{world.NewView(), count + 2};
                            },
                            {});
    ASSERT_THAT(Forward(*it), ElementsAre("a=1", "c=1")) << count;
    ASSERT_THAT(Backward(*it), ElementsAre("a=1", "c=1")) << count;
  }
}

// 2000 versions fill hundreds of blocks; a search that seeks reads a few.
TEST_F(DbIteratorTest, LeavesAKeyWithManyVersionsBySeeking) {
  std::vector<TestEntry> entries = {Put("a", 1, "1"), Put("c", 1, "1")};
  for (SequenceNumber s = 2; s <= 2001; ++s) {
    entries.push_back(Put("b", s, std::string(1000, 'v')));
  }
  world_.AddTables(1, entries);
  ReadOptions options;
  options.fill_cache = false;
  for (const SequenceNumber visible : {1, 1000, 2001}) {
    auto it = NewIterator(visible, options);
    world_.tables().failing().FailAt(40, /*sticky=*/true);
    const size_t shown = visible == 1 ? 2 : 3;
    EXPECT_EQ(Forward(*it).size(), shown);
    EXPECT_TRUE(it->status().ok()) << visible << ": " << it->status();
    EXPECT_EQ(Backward(*it).size(), shown);
    EXPECT_TRUE(it->status().ok()) << visible << ": " << it->status();
  }
}

TEST_F(DbIteratorTest, RefreshMovesOnToThePresent) {
  world_.AddMemtable({Put("a", 1, "1")});
  auto it = NewIterator();
  world_.AddMemtable({Put("a", 2, "2"), Put("b", 3, "3")});
  EXPECT_THAT(Forward(*it), ElementsAre("a=1"));
  it->SeekToFirst();
  ASSERT_TRUE(it->Refresh().ok());
  EXPECT_FALSE(it->Valid());
  EXPECT_THAT(Forward(*it), ElementsAre("a=2", "b=3"));
}

TEST_F(DbIteratorTest, WithoutAReadPointItSaysWhyUntilThereIsOne) {
  world_.AddMemtable({Put("a", 1, "1")});
  bool fails = true;
  auto it = NewDbIterator(
      core_,
      [&]() -> absl::StatusOr<ReadPoint> {
        if (fails) return absl::ResourceExhaustedError("no room for a view");
        return ReadPoint{world_.NewView(), 1};
      },
      {});
  EXPECT_FALSE(it->Valid());
  EXPECT_TRUE(absl::IsResourceExhausted(it->status())) << it->status();
  it->SeekToFirst();
  EXPECT_FALSE(it->Valid());
  EXPECT_TRUE(absl::IsResourceExhausted(it->status())) << it->status();
  fails = false;
  EXPECT_THAT(Forward(*it), ElementsAre("a=1"));
  it->SeekToFirst();
  fails = true;
  EXPECT_TRUE(absl::IsResourceExhausted(it->Refresh()));
  EXPECT_FALSE(it->Valid());
  EXPECT_TRUE(absl::IsResourceExhausted(it->status())) << it->status();
  fails = false;
  EXPECT_TRUE(it->Refresh().ok());
  EXPECT_THAT(Forward(*it), ElementsAre("a=1"));
}

TEST_F(DbIteratorTest, OfAClosedDatabaseKeepsItsEntryAndMovesNoMore) {
  AddOneOfEach();
  const std::vector<void (*)(Iterator&)> moves = {
      [](Iterator& it) { it.Next(); },
      [](Iterator& it) { it.Prev(); },
      [](Iterator& it) { it.SeekToFirst(); },
      [](Iterator& it) { it.SeekToLast(); },
      [](Iterator& it) { it.Seek("a"); },
      [](Iterator& it) { it.SeekForPrev("a"); },
      [](Iterator& it) { it.Refresh().IgnoreError(); }};
  for (const bool forward : {true, false}) {
    for (const auto move : moves) {
      core_->closed = false;
      auto it = NewIterator(20);
      forward ? it->Seek("d") : it->SeekForPrev("d");
      core_->closed = true;
      EXPECT_EQ(Shown(*it), "d=D");
      move(*it);
      EXPECT_FALSE(it->Valid());
      EXPECT_TRUE(absl::IsCancelled(it->status())) << it->status();
    }
  }
  // Nobody has to ask: closing is no error of a read.
  core_->closed = false;
  auto it = NewIterator(20);
  core_->closed = true;
  it->SeekToFirst();
  it.reset();
  EXPECT_THAT(log_->lines, IsEmpty());
}

// Whichever read fails: what was shown before is right, the end says that it is
// none, and a seek of the same iterator finds everything again.
TEST_F(DbIteratorTest, AFailingReadIsNeverAnEnd) {
  world_.options().block_size = 512;
  std::vector<TestEntry> old_entries;
  Entries expected;
  for (int i = 100; i < 160; ++i) {
    const std::string key = std::to_string(i);
    old_entries.push_back(Put(key, 1, std::string(100, 'v')));
    expected.push_back(absl::StrCat(key, "=", old_entries.back().value));
  }
  world_.AddTables(2, old_entries, /*target_bytes=*/2000);
  ASSERT_GT(world_.level(2).size(), 2u);
  world_.AddTables(0, {Put("120", 5, "new"), Tombstone("140", 6)});
  expected[20] = "120=new";
  expected.erase(expected.begin() + 40);
  world_.AddMemtable({Put("155", 7, "newest")});
  expected[54] = "155=newest";
  ReadOptions options;
  options.fill_cache = false;
  ASSERT_EQ(All(20, options), expected);

  FailingFileSystem& disk = world_.tables().failing();
  for (const bool forward : {true, false}) {
    const auto Walk = [&](Iterator& it) {
      forward ? it.SeekToFirst() : it.SeekToLast();
      Entries shown;
      for (; it.Valid(); forward ? it.Next() : it.Prev()) {
        shown.push_back(Shown(it));
      }
      return shown;
    };
    const Entries in_order =
        forward ? expected : Entries(expected.rbegin(), expected.rend());
    uint64_t n = 0;
    for (;; ++n) {
      SCOPED_TRACE(absl::StrCat("operation ", n));
      disk.FailAt(n, /*sticky=*/true);
      auto it = NewIterator(20, options);
      const Entries shown = Walk(*it);
      if (!disk.failed()) {
        EXPECT_EQ(shown, in_order);
        break;
      }
      ASSERT_FALSE(it->status().ok());
      EXPECT_THAT(it->status().ToString(), HasSubstr("/db/0"));
      ASSERT_LT(shown.size(), in_order.size());
      ASSERT_TRUE(std::equal(shown.begin(), shown.end(), in_order.begin()));
      disk.FailAt(UINT64_MAX, false);
      ASSERT_EQ(Walk(*it), in_order);
      ASSERT_TRUE(it->status().ok()) << it->status();
    }
    EXPECT_GT(n, 20u) << "hardly anything could fail";
    disk.FailAt(UINT64_MAX, false);
  }
}

// In the midst of a search: turning, and leaving many versions behind.
TEST_F(DbIteratorTest, AFailureWhileTurningIsNeverAnEnd) {
  world_.options().block_size = 512;
  std::vector<TestEntry> entries;
  for (SequenceNumber s = 1; s <= 40; ++s) {
    entries.push_back(Put("b", s, std::string(100, 'v')));
  }
  entries.push_back(Put("a", 1, "A"));
  entries.push_back(Put("c", 1, "C"));
  world_.AddTables(1, entries);
  ReadOptions options;
  options.fill_cache = false;
  FailingFileSystem& disk = world_.tables().failing();
  for (const SequenceNumber visible : {1, 20, 40}) {
    for (const bool forward : {true, false}) {
      for (uint64_t n = 0;; ++n) {
        SCOPED_TRACE(absl::StrCat("operation ", n, " at ", visible));
        auto it = NewIterator(visible, options);
        forward ? it->Seek("b") : it->SeekForPrev("b");
        ASSERT_EQ(Shown(*it).substr(0, 2), "b=");
        disk.FailAt(n, /*sticky=*/true);
        forward ? it->Prev() : it->Next();
        const bool failed = disk.failed();
        disk.FailAt(UINT64_MAX, false);
        if (!failed) {
          EXPECT_EQ(Shown(*it), forward ? "a=A" : "c=C");
          break;
        }
        ASSERT_FALSE(it->Valid());
        ASSERT_FALSE(it->status().ok());
        it->Seek("c");
        ASSERT_EQ(Shown(*it), "c=C");
      }
    }
  }
}

// An order that a table may claim to be bytewise: by the place of the first
// byte in a list.
class LyingOrder final : public Comparator {
 public:
  explicit LyingOrder(std::string first_bytes)
      : first_bytes_(std::move(first_bytes)) {}
  int Compare(std::string_view a, std::string_view b) const override {
    const size_t place_a = first_bytes_.find(a[0]);
    const size_t place_b = first_bytes_.find(b[0]);
    if (place_a != place_b) return place_a < place_b ? -1 : 1;
    return a.compare(b);
  }
  std::string_view Name() const override {
    return BytewiseComparator()->Name();
  }

 private:
  const std::string first_bytes_;
};

// A table of level 1 that is read in bytewise order and written in another.
std::shared_ptr<const Version> HostileVersion(const std::string& first_bytes,
                                              std::vector<TestEntry> entries) {
  TableWorld liar(std::make_shared<LyingOrder>(first_bytes));
  const auto table = liar.Make(std::move(entries), ColumnFamilyOptions());
  auto source = std::make_shared<TableSource>(liar.source());
  source->order = KeyOrder(BytewiseComparator());
  std::array<Version::Level, Version::kLevels> levels;
  levels[1] = {std::make_shared<TableFile>(source, table->meta())};
  return std::make_shared<Version>(source->order, std::move(levels));
}

// Between b and z, many versions of c and many keys that begin with `others`.
std::vector<TestEntry> HostileEntries(char others, EntryKind kind) {
  std::vector<TestEntry> entries = PutsOf("c", 1, 19);
  const auto add = [&](const std::string& key, SequenceNumber s) {
    entries.push_back(kind == EntryKind::kPut ? Put(key, s, "")
                                              : Tombstone(key, s));
  };
  add("c", 20);
  for (int i = 10; i < 50; ++i)
    add(std::string(1, others) + std::to_string(i), 1);
  add("b", 1);
  add("z", 1);
  return entries;
}

// Leaving c, a search seeks to where it came from: to the keys that should be
// on c's other side. It must not go round in them, nor lead its user round.
TEST_F(DbIteratorTest, ATableOutOfOrderLeadsNobodyRound) {
  for (const bool forward : {true, false}) {
    for (const EntryKind kind : {EntryKind::kDelete, EntryKind::kPut}) {
      SCOPED_TRACE(absl::StrCat(forward ? "forward" : "backward", ", kind ",
                                static_cast<int>(kind)));
      const auto version = HostileVersion(
          forward ? "bdcz" : "bcaz", HostileEntries(forward ? 'd' : 'a', kind));
      auto it = NewDbIterator(core_,
                              [&]() -> absl::StatusOr<ReadPoint> {
                                return ReadPoint{world_.ViewOf(version), 30};
                              },
                              {});
      int shown = 0;
      forward ? it->SeekToFirst() : it->SeekToLast();
      for (; it->Valid() && shown < 100; ++shown) {
        forward ? it->Next() : it->Prev();
      }
      EXPECT_LT(shown, 100) << "the scan goes round";
      EXPECT_TRUE(absl::IsDataLoss(it->status())) << it->status();
      it->Seek("z");
      EXPECT_TRUE(it->status().ok()) << it->status();
    }
  }
}

// Any order, any number of versions: keys come in order until the end or an
// error, and one of them comes.
TEST_F(DbIteratorTest, KeysNeverComeOutOfOrder) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed));
  Random random(seed);
  int noticed = 0;
  const uint64_t rounds = Scaled(500, 20);
  for (uint64_t round = 0; round < rounds; ++round) {
    if (round == rounds / 2) {  // From now on merged with an honest source.
      world_.AddMemtable(
          {Put("a7x", 1, ""), Put("c5x", 1, ""), Put("e9x", 1, "")});
    }
    std::string first_bytes = "abcdef";
    for (size_t i = first_bytes.size(); i > 1; --i) {
      std::swap(first_bytes[i - 1], first_bytes[random.Uniform(i)]);
    }
    std::vector<TestEntry> entries;
    for (const char first : first_bytes) {
      for (uint64_t keys = 1 + random.Uniform(20); keys > 0; --keys) {
        const std::string key = first + std::to_string(keys);
        const uint64_t versions = random.OneIn(3) ? 1 + random.Uniform(30) : 1;
        for (SequenceNumber s = 1; s <= versions; ++s) {
          entries.push_back(random.OneIn(3) ? Tombstone(key, s)
                                            : Put(key, s, ""));
        }
      }
    }
    const size_t count = entries.size() + 3;
    const auto version = HostileVersion(first_bytes, std::move(entries));
    const SequenceNumber visible = 1 + random.Uniform(30);
    auto it = NewDbIterator(core_,
                            [&]() -> absl::StatusOr<ReadPoint> {
                              return ReadPoint{world_.ViewOf(version), visible};
                            },
                            {});
    for (const bool forward : {true, false}) {
      size_t shown = 0;
      std::string last;
      forward ? it->SeekToFirst() : it->SeekToLast();
      for (; it->Valid(); forward ? it->Next() : it->Prev()) {
        ASSERT_LE(++shown, count) << "the scan goes round in " << first_bytes;
        if (shown > 1) {
          ASSERT_EQ(last < it->key(), forward) << first_bytes;
        }
        last = it->key();
      }
      const absl::Status status = it->status();
      ASSERT_TRUE(status.ok() || absl::IsDataLoss(status)) << status;
      if (!status.ok()) ++noticed;
    }
  }
  EXPECT_GT(noticed, 0);
}

TEST_F(DbIteratorTest, KeepsItsViewUntilItIsGone) {
  auto world = std::make_unique<ViewWorld>();
  world->AddTables(1, {Put("a", 1, "1")});
  world->AddMemtable({Put("b", 2, "2")});
  std::weak_ptr<const Version> version;
  int released = 0;
  core_->released = [&] {
    ++released;
    EXPECT_TRUE(version.expired()) << "released before it had let go";
  };
  auto it =
      NewDbIterator(core_,
                    [&]() -> absl::StatusOr<ReadPoint> {
                      auto fresh = world->NewVersion();
                      version = fresh;
                      return ReadPoint{world->ViewOf(std::move(fresh)), 9};
                    },
                    {});
  world.reset();
  EXPECT_FALSE(version.expired());
  EXPECT_THAT(Forward(*it), ElementsAre("a=1", "b=2"));
  EXPECT_EQ(released, 0);
  it.reset();
  EXPECT_EQ(released, 1);
}

TEST_F(DbIteratorTest, TellsNobodyThatItIsGoneOnceTheDatabaseIsClosed) {
  int released = 0;
  core_->released = [&] { ++released; };
  auto it = NewIterator();
  core_->closed = true;
  it.reset();
  EXPECT_EQ(released, 0);
}

TEST_F(DbIteratorTest, SurvivesAThrowFromWhoeverRemovesFiles) {
  core_->released = [] { throw std::runtime_error("no memory"); };
  NewIterator();  // And drops it.
}

TEST_F(DbIteratorTest, AnErrorThatNobodyReadIsReported) {
  world_.AddTables(1, {Put("a", 1, "1")});
  const auto Drop = [&](bool read) {
    auto it = NewIterator();
    world_.tables().failing().FailAt(0, /*sticky=*/true);
    it->SeekToFirst();
    if (read) {
      EXPECT_FALSE(it->status().ok());
    }
    EXPECT_FALSE(it->Valid());
  };
  Drop(/*read=*/true);
  EXPECT_THAT(log_->lines, IsEmpty());
  if constexpr (kChecksOn) {
    EXPECT_DEATH(Drop(/*read=*/false), "unread error: .*/db/000001.sst");
  } else {
    Drop(/*read=*/false);
    EXPECT_THAT(log_->lines, ElementsAre(HasSubstr("/db/000001.sst")));
  }
}

TEST_F(DbIteratorTest, ANewSeekTakesBackAnUnreadError) {
  world_.AddTables(1, {Put("a", 1, "1")});
  auto it = NewIterator();
  world_.tables().failing().FailAt(0, /*sticky=*/true);
  it->SeekToFirst();
  world_.tables().failing().FailAt(UINT64_MAX, false);
  it->SeekToFirst();
  EXPECT_TRUE(it->Valid());
  it.reset();
  EXPECT_THAT(log_->lines, IsEmpty());
}

TEST(ErrorIterator, IsNeverValidAndSaysWhy) {
  auto it = NewErrorIterator(absl::ResourceExhaustedError("full"));
  const auto Check = [&] {
    EXPECT_FALSE(it->Valid());
    EXPECT_TRUE(absl::IsResourceExhausted(it->status()));
  };
  Check();
  it->SeekToFirst();
  Check();
  it->SeekToLast();
  Check();
  it->Seek("a");
  Check();
  it->SeekForPrev("a");
  Check();
  EXPECT_TRUE(absl::IsResourceExhausted(it->Refresh()));
  EXPECT_TRUE(absl::IsResourceExhausted(it->PrepareValue()));
}

// Shorter keys first, and no heads.
class ByLength final : public Comparator {
 public:
  int Compare(std::string_view a, std::string_view b) const override {
    if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
    return a.compare(b);
  }
  std::string_view Name() const override { return "test.ByLength"; }
};

// Random moves over random histories, beside a sorted list of what is visible.
class RandomWalk {
 public:
  RandomWalk(Random& random, std::shared_ptr<const Comparator> comparator)
      : random_(random), world_(std::move(comparator)) {
    // Few keys of many versions, or many of few.
    const uint64_t count = 3 + random.Uniform(random.OneIn(2) ? 5 : 60);
    for (uint64_t i = 0; i < count; ++i) keys_.push_back(RandomKey());
    world_.options().block_size = 512 + random.Uniform(2000);
    history_ = AddRandomHistory(random_, keys_, 400, world_);
  }

  void Run(uint64_t moves) {
    const SequenceNumber sequence = random_.Uniform(history_.size() + 2);
    ReadOptions options;
    if (random_.OneIn(2)) options.iterate_lower_bound = RandomTarget();
    if (random_.OneIn(2)) options.iterate_upper_bound = RandomTarget();
    options.fill_cache = !random_.OneIn(4);
    MakeExpected(sequence, options);
    auto it = NewDbIterator(
        std::make_shared<IteratorCore>(world_.order()),
        [&]() -> absl::StatusOr<ReadPoint> {
          return ReadPoint{world_.NewView(), sequence};
        },
        options);
    for (; moves > 0; --moves) {
      Move(*it);
      const bool valid = at_ < expected_.size();
      ASSERT_TRUE(it->status().ok()) << it->status();
      ASSERT_EQ(it->Valid(), valid);
      if (valid) {
        ASSERT_EQ(it->key(), expected_[at_].first);
        ASSERT_EQ(it->value(), expected_[at_].second);
      }
    }
  }

 private:
  std::string RandomKey() {
    std::string key;
    for (uint64_t n = random_.Uniform(4); n > 0; --n) {
      key.push_back("ab\xff"[random_.Uniform(3)]);
    }
    return random_.OneIn(3) ? "a long common beginning" + key : key;
  }
  std::string RandomTarget() {
    return random_.OneIn(3) ? RandomKey()
                            : keys_[random_.Uniform(keys_.size())];
  }
  bool Before(std::string_view a, std::string_view b) const {
    return world_.order().CompareUser(a, b) < 0;
  }

  void MakeExpected(SequenceNumber sequence, const ReadOptions& options) {
    const auto before = [this](const std::string& a, const std::string& b) {
      return Before(a, b);
    };
    std::map<std::string, std::string, decltype(before)> state(before);
    for (const TestEntry& e : history_) {
      if (e.key.view().sequence() > sequence) break;
      state.erase(e.key.user_key);
      if (e.key.view().kind() == EntryKind::kPut) {
        state.emplace(e.key.user_key, e.value);
      }
    }
    expected_.clear();
    for (const auto& [key, value] : state) {
      const auto& lower = options.iterate_lower_bound;
      const auto& upper = options.iterate_upper_bound;
      if (lower.has_value() && Before(key, *lower)) continue;
      if (upper.has_value() && !Before(key, *upper)) continue;
      expected_.emplace_back(key, value);
    }
    at_ = expected_.size();
  }

  // Both the iterator and at_, which is the size of expected_ for neither end.
  void Move(Iterator& it) {
    const size_t size = expected_.size();
    const uint64_t move = random_.Uniform(it.Valid() ? 16 : 4);
    const std::string target = RandomTarget();
    if (move == 0) {
      it.SeekToFirst();
      at_ = 0;
    } else if (move == 1) {
      it.SeekToLast();
      at_ = size - 1;
    } else if (move == 2) {
      it.Seek(target);
      at_ = CountBefore(target);
    } else if (move == 3) {
      it.SeekForPrev(target);
      at_ = CountBefore(target);
      if (at_ == size || expected_[at_].first != target) --at_;
    } else if (move < 10) {
      it.Next();
      ++at_;
    } else {
      it.Prev();
      --at_;
    }
    at_ = std::min(at_, size);  // -1 is an end as well.
  }
  size_t CountBefore(const std::string& target) const {
    size_t n = 0;
    while (n < expected_.size() && Before(expected_[n].first, target)) ++n;
    return n;
  }

  Random& random_;
  ViewWorld world_;
  std::vector<std::string> keys_;
  std::vector<TestEntry> history_;
  std::vector<std::pair<std::string, std::string>> expected_;
  size_t at_ = 0;
};

TEST(DbIterator, AgreesWithASortedListOnRandomWalks) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed));
  Random random(seed);
  for (uint64_t round = 0; round < Scaled(60, 3); ++round) {
    for (const std::shared_ptr<const Comparator>& comparator :
         {BytewiseComparator(), ReverseBytewiseComparator(),
          std::shared_ptr<const Comparator>(std::make_shared<ByLength>())}) {
      RandomWalk walk(random, comparator);
      for (int i = 0; i < 12; ++i) {
        SCOPED_TRACE(absl::StrCat("round ", round, ", walk ", i, ", ",
                                  std::string(comparator->Name())));
        walk.Run(120);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace lissom
