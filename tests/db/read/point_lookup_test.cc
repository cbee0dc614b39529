// Get over a made-up View: which of several entries decides, which tables are
// asked at all, and that an error is never "not found".
#include "db/read/point_lookup.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/read/view_world.h"
#include "tests/support/allocation_counter.h"
#include "tests/support/test_env.h"

namespace lissom {
namespace {

using ::testing::HasSubstr;

// The value; "-" for a bare kNotFound; else the status.
std::string Answer(const LookupResult& result, const absl::Status& status) {
  if (status.ok()) return std::string(result.value);
  if (status == absl::Status(absl::StatusCode::kNotFound, "")) return "-";
  return status.ToString();
}

// Also asks for the key in a batch, where the answer must be the same.
std::string Answer(const View& view, std::string_view key,
                   SequenceNumber sequence = kMaxSequence) {
  ReadView read_view(view);
  LookupResult result;
  const absl::Status status =
      PointLookup(read_view, LookupKey(key, sequence), {}, &result);
  LookupRequest batch[2];
  batch[0].key = batch[1].key = LookupKey(key, sequence);
  PointLookups(read_view, batch, {});
  for (const LookupRequest& request : batch) {
    EXPECT_EQ(Answer(request.result, request.status), Answer(result, status))
        << key;
  }
  return Answer(result, status);
}

class PointLookupTest : public testing::Test {
 protected:
  std::string Get(std::string_view key,
                  SequenceNumber sequence = kMaxSequence) const {
    return Answer(*world_.NewView(), key, sequence);
  }

  // No operation of the file system succeeds from now on.
  void FailAllReads() { world_.tables().failing().FailAt(0, /*sticky=*/true); }
  void FailNothing() { world_.tables().failing().FailAt(UINT64_MAX, false); }
  bool AnyReadFailed() { return world_.tables().failing().failed(); }

  void RemoveTable(int level, size_t index) {
    const uint64_t number = world_.level(level).at(index)->meta().number;
    ASSERT_TRUE(world_.tables()
                    .disk()
                    .RemoveFile(TableFileName("/db", number), {})
                    .ok());
  }

  ViewWorld world_;
};

TEST_F(PointLookupTest, NothingIsInAnEmptyView) {
  EXPECT_EQ(Get("a"), "-");
  EXPECT_EQ(Get(""), "-");
}

TEST_F(PointLookupTest, TheNewestMemtableDecides) {
  world_.AddMemtable({Put("a", 1, "1"), Put("b", 2, "2"), Put("c", 3, "3")});
  world_.AddMemtable({Put("a", 4, "4"), Tombstone("b", 5)});
  world_.AddMemtable({Put("a", 6, "6")});
  EXPECT_EQ(Get("a"), "6");
  EXPECT_EQ(Get("b"), "-");
  EXPECT_EQ(Get("c"), "3");
  EXPECT_EQ(Get("d"), "-");
}

TEST_F(PointLookupTest, ReadsAtItsSequence) {
  world_.AddTables(2, {Put("a", 1, "1"), Put("a", 2, "2")});
  world_.AddTables(0, {Tombstone("a", 3), Put("a", 4, "4")});
  world_.AddMemtable({Put("a", 5, "5"), Tombstone("a", 6)});
  const char* const expected[] = {"-", "1", "2", "-", "4", "5", "-", "-"};
  for (SequenceNumber s = 0; s < 8; ++s) {
    EXPECT_EQ(Get("a", s), expected[s]) << s;
  }
}

TEST_F(PointLookupTest, ATombstoneHidesEverythingBelow) {
  for (int level = 0; level < Version::kLevels - 1; ++level) {
    ViewWorld world;
    world.AddTables(level + 1, {Put("a", 1, "old")});
    world.AddTables(level, {Tombstone("a", 2)});
    EXPECT_EQ(Answer(*world.NewView(), "a", 1), "old") << level;
    EXPECT_EQ(Answer(*world.NewView(), "a", 2), "-") << level;
  }
  world_.AddTables(0, {Put("a", 1, "old")});
  world_.AddMemtable({Tombstone("a", 2)});
  EXPECT_EQ(Get("a"), "-");
}

TEST_F(PointLookupTest, TheNewestTableOfLevel0Decides) {
  world_.AddTables(0, {Put("a", 1, "1"), Put("b", 2, "2"), Put("c", 3, "3")});
  world_.AddTables(0, {Put("a", 4, "4"), Put("c", 5, "5")});
  world_.AddTables(0, {Put("a", 6, "6"), Tombstone("c", 7)});
  EXPECT_EQ(Get("a"), "6");
  EXPECT_EQ(Get("b"), "2");  // In the range of all three.
  EXPECT_EQ(Get("c"), "-");
}

// More tables than are asked together; each also holds the ends of the range,
// so that none is ruled out by it.
TEST_F(PointLookupTest, ManyTablesOfLevel0AreAskedInTurn) {
  constexpr int kTables = 21;
  for (int t = 1; t <= kTables; ++t) {
    const auto s = static_cast<SequenceNumber>(10 * t);
    std::vector<TestEntry> entries = {Put("a", s, absl::StrCat(t))};
    // Key n is in every nth table, and deleted in the last of those.
    for (int n = 2; n < 10; ++n) {
      if (t % n != 0) continue;
      const std::string key = absl::StrCat("k", n);
      entries.push_back(t + n > kTables ? Tombstone(key, s)
                                        : Put(key, s, absl::StrCat(t)));
    }
    entries.push_back(Put("z", s, absl::StrCat(t)));
    world_.AddTables(0, std::move(entries));
  }
  const Ref<const View> view = world_.NewView();
  for (int round = 0; round < 2; ++round) {  // Tables are closed, then open.
    EXPECT_EQ(Answer(*view, "a"), "21");
    EXPECT_EQ(Answer(*view, "b"), "-");
    for (int t = 1; t <= kTables; ++t) {
      EXPECT_EQ(Answer(*view, "z", static_cast<SequenceNumber>(10 * t + 5)),
                absl::StrCat(t));
    }
    EXPECT_EQ(Answer(*view, "z", 9), "-");
    for (int n = 2; n < 10; ++n) {
      const int last = kTables / n * n;
      EXPECT_EQ(Answer(*view, absl::StrCat("k", n)), "-") << n;
      const auto before = static_cast<SequenceNumber>(10 * last - 1);
      EXPECT_EQ(Answer(*view, absl::StrCat("k", n), before),
                last == n ? "-" : absl::StrCat(last - n))
          << n;
    }
  }
}

TEST_F(PointLookupTest, WhatLiesBehindTheAnswerMayBeUnreadable) {
  for (SequenceNumber s = 1; s <= 12; ++s) {
    world_.AddTables(0, {Put("a", s, absl::StrCat(s)), Put("b", s, "")});
  }
  const Ref<const View> view = world_.NewView();
  ASSERT_EQ(Answer(*view, "a"), "12");
  const Version::Level& tables = view->version().level(0);
  {
    const EpochGuard guard;
    EXPECT_NE(tables[0]->Borrow(), nullptr);
    EXPECT_EQ(tables[1]->Borrow(), nullptr);
  }
  FailAllReads();
  EXPECT_EQ(Answer(*view, "a"), "12");
  EXPECT_FALSE(AnyReadFailed());
  EXPECT_THAT(Answer(*view, "a", 11), HasSubstr("INTERNAL"));
}

TEST_F(PointLookupTest, TheUpperLevelDecides) {
  // From the bottom up; a key for each level that stands there and below.
  for (int level = Version::kLevels - 1; level >= 0; --level) {
    std::vector<TestEntry> entries;
    for (int key = level; key < Version::kLevels; ++key) {
      entries.push_back(Put(absl::StrCat("key", key),
                            static_cast<SequenceNumber>(10 - level),
                            absl::StrCat("from ", level)));
    }
    world_.AddTables(level, entries);
    EXPECT_EQ(Get(absl::StrCat("key", level)), absl::StrCat("from ", level));
    EXPECT_EQ(Get("key6"), absl::StrCat("from ", level));
  }
}

TEST_F(PointLookupTest, FindsTheFirstAndLastKeyOfEveryTable) {
  for (const int level : {0, 1, 6}) {
    ViewWorld world;
    world.AddTables(level, {Put("b", 1, "B"), Put("d", 2, "D")});
    world.AddTables(level, {Put("f", 3, "F")});
    world.AddTables(level, {Put("h", 4, "H"), Put("k", 5, "K")});
    const Ref<const View> view = world.NewView();
    for (const char* key : {"b", "d", "f", "h", "k"}) {
      EXPECT_EQ(Answer(*view, key),
                std::string(1, static_cast<char>(key[0] - 'a' + 'A')));
    }
    for (const char* key :
         {"", "a", "aa", "ba", "c", "da", "e", "g", "i", "ka", "z"}) {
      EXPECT_EQ(Answer(*view, key), "-") << key;
    }
  }
}

TEST_F(PointLookupTest, DoesNotTouchATableWhoseRangeRulesTheKeyOut) {
  world_.AddTables(0, {Put("b", 5, "B"), Put("d", 6, "D")});
  world_.AddTables(1, {Put("c", 1, "C"), Put("e", 2, "E")});
  world_.AddTables(1, {Put("h", 3, "H"), Put("k", 4, "K")});
  FailAllReads();
  for (const char* key : {"", "a", "f", "g", "l"}) EXPECT_EQ(Get(key), "-");
  EXPECT_FALSE(AnyReadFailed());
}

TEST_F(PointLookupTest, TouchesNoTableWhenAMemtableHasTheAnswer) {
  world_.AddTables(0, {Put("a", 1, "1"), Put("b", 1, "1")});
  world_.AddMemtable({Put("a", 2, "2"), Tombstone("b", 3)});
  FailAllReads();
  EXPECT_EQ(Get("a"), "2");
  EXPECT_EQ(Get("b"), "-");
  EXPECT_FALSE(AnyReadFailed());
}

// What lies below a table that cannot be read may be older than what is in it.
TEST_F(PointLookupTest, ATableThatIsMissingEndsTheSearch) {
  for (int level = 0; level < Version::kLevels; ++level) {
    for (const bool below : {false, true}) {
      ViewWorld world;
      if (below && level + 1 < Version::kLevels) {
        world.AddTables(level + 1, {Put("a", 1, "older"), Put("c", 1, "C")});
      }
      world.AddTables(level, {Put("a", 2, "A"), Put("c", 2, "C")});
      const uint64_t number = world.level(level)[0]->meta().number;
      const std::string path = TableFileName("/db", number);
      ASSERT_TRUE(world.tables().disk().RemoveFile(path, {}).ok());
      const Ref<const View> view = world.NewView();
      for (const char* key : {"a", "b"}) {  // b is in the range only.
        LookupResult result;
        ReadView read_view(*view);
        const absl::Status status =
            PointLookup(read_view, LookupKey(key, 9), {}, &result);
        EXPECT_TRUE(absl::IsDataLoss(status)) << level << ": " << status;
        EXPECT_THAT(status.ToString(), HasSubstr(path));
      }
    }
  }
}

TEST_F(PointLookupTest, AMissingTableOfLevel0HidesTheOlderOnesOnly) {
  world_.AddTables(0, {Put("a", 1, "1"), Put("b", 2, "2"), Put("c", 3, "3")});
  world_.AddTables(0, {Put("a", 4, "4"), Put("b", 5, "5")});
  world_.AddTables(0, {Put("a", 6, "6")});
  RemoveTable(0, 1);
  EXPECT_EQ(Get("a"), "6");
  EXPECT_THAT(Get("b"), HasSubstr("DATA_LOSS"));
  EXPECT_EQ(Get("c"), "3");
}

TEST_F(PointLookupTest, WhicheverReadFailsTheAnswerIsAnError) {
  world_.AddTables(2, {Put("a", 1, "old"), Put("b", 1, "old")});
  world_.AddTables(1, {Put("a", 2, "A"), Tombstone("b", 2), Put("c", 2, "C")});
  world_.AddTables(0, {Put("0", 3, ""), Put("z", 3, "")});
  for (const char* key : {"a", "b", "bb"}) {
    FailNothing();
    const std::string right = Get(key);
    uint64_t n = 0;
    for (;; ++n) {
      SCOPED_TRACE(absl::StrCat(key, ", operation ", n));
      world_.tables().failing().FailAt(n, /*sticky=*/false);
      // Without the cache: every block is read.
      const Ref<const View> view = world_.NewView();
      ReadView read_view(*view);
      LookupResult result;
      const absl::Status status = PointLookup(read_view, LookupKey(key, 9),
                                              {.fill_cache = false}, &result);
      if (!AnyReadFailed()) break;
      EXPECT_FALSE(status.ok() || absl::IsNotFound(status)) << status;
      // The failure is not remembered.
      EXPECT_EQ(Answer(*view, key, 9), right);
    }
    EXPECT_GT(n, 2u) << "hardly anything could fail";
  }
}

TEST_F(PointLookupTest, AValueOfATableLivesAsLongAsItsOwner) {
  LookupResult result;
  Ref<const RefCounted> owner;
  {
    ViewWorld other;
    other.AddTables(1, {Put("a", 1, std::string(100, 'v'))});
    const Ref<const View> view = other.NewView();
    ReadView read_view(*view);
    ASSERT_TRUE(PointLookup(read_view, LookupKey("a", 9), {}, &result).ok());
    owner = Ref<const RefCounted>(result.owner);
  }  // Files, cache and reader are gone; ASan watches.
  EXPECT_EQ(result.value, std::string(100, 'v'));
}

TEST_F(PointLookupTest, SaysWhichMemtableHoldsTheValue) {
  world_.AddMemtable({Put("a", 1, "1")});
  world_.AddMemtable({Put("b", 2, "2")});
  const Ref<const View> view = world_.NewView();
  ReadView read_view(*view);
  LookupResult result;
  ASSERT_TRUE(PointLookup(read_view, LookupKey("a", 9), {}, &result).ok());
  EXPECT_EQ(result.owner, view->memtables()[1].get());
  EXPECT_FALSE(result.pin);
}

TEST_F(PointLookupTest, AllocatesNothingOnceTheBlocksAreCached) {
  world_.AddTables(1, {Put("a", 1, "1"), Tombstone("b", 2), Put("d", 3, "3")});
  world_.AddMemtable({Put("m", 4, "4")});
  const Ref<const View> view = world_.NewView();
  for (const char* key : {"a", "b", "c", "m", "x"}) {
    Answer(*view, key);
    LookupResult result;
    EXPECT_EQ(
        CountAllocations([&] {
          ReadView read_view(*view);
          PointLookup(read_view, LookupKey(key, 9), {}, &result).IgnoreError();
        }),
        0u)
        << key;
  }
}

TEST_F(PointLookupTest, AgreesWithTheHistoryAtEverySequence) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed));
  Random random(seed);
  for (uint64_t round = 0; round < Scaled(40, 2); ++round) {
    ViewWorld world(round % 2 == 0 ? BytewiseComparator()
                                   : ReverseBytewiseComparator());
    world.options().block_size = 512;
    std::vector<std::string> keys;
    for (int i = 0; i < 20; ++i) keys.push_back(absl::StrCat("key", i));
    const std::vector<TestEntry> history =
        AddRandomHistory(random, keys, 300, world);
    keys.push_back("never");
    const Ref<const View> view = world.NewView();
    for (SequenceNumber s = 0; s <= 301; s += 1 + random.Uniform(20)) {
      for (const std::string& key : keys) {
        ASSERT_EQ(Answer(*view, key, s),
                  ReadAt({history}, key, s).value_or("-"))
            << key << " at " << s << " in round " << round;
      }
    }
  }
}

}  // namespace
}  // namespace lissom
