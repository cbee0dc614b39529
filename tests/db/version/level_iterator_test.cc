// The tables of a level, one behind the other: that the joints between them are
// not felt, that they are opened when they are reached, and that a table which
// cannot be read is never the end of the level.
#include "db/version/level_iterator.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/output/table_world.h"
#include "tests/support/test_env.h"

namespace lissom {
namespace {

using ::testing::HasSubstr;

// "key@sequence#kind=value"; "end" behind either end.
std::string Shown(const InternalIterator& it) {
  EXPECT_TRUE(it.status().ok()) << it.status();
  if (!it.Valid()) return "end";
  return absl::StrCat(DebugString(it.key()), "=", std::string(it.value()));
}
std::string Shown(const TestEntry& e) {
  return absl::StrCat(DebugString(e.key.view()), "=", e.value);
}

class LevelIteratorTest : public testing::Test {
 protected:
  LevelIteratorTest() { options_.compression = {Compression::None()}; }

  // Three tables, of b to d, f to h and j to l, with two versions of each end.
  void MakeThreeTables() {
    tables_.clear();
    for (const char* keys : {"bd", "fh", "jl"}) {
      std::vector<TestEntry> entries;
      for (char key = keys[0]; key <= keys[1]; ++key) {
        entries.push_back(Put(std::string(1, key), 20, "new"));
        if (key != keys[0] + 1) {
          entries.push_back(Tombstone(std::string(1, key), 10));
        }
      }
      tables_.push_back(world_.Make(entries, options_, 1));
    }
  }

  // All tables anew, without readers.
  std::unique_ptr<InternalIterator> NewIterator(
      const TableReadOptions& read_options = {}) const {
    Version::Level& fresh = opened_.emplace_back();
    for (const auto& table : tables_) {
      fresh.push_back(world_.Open(table->meta()));
    }
    return NewLevelIterator(world_.order(), fresh, read_options);
  }

  std::string PathOf(size_t table) const {
    return TableFileName("/db", tables_.at(table)->meta().number);
  }
  std::string TakeAway(size_t table) {
    std::string bytes = world_.disk().GetBytes(PathOf(table)).value();
    EXPECT_TRUE(world_.disk().RemoveFile(PathOf(table), {}).ok());
    return bytes;
  }

  TableWorld world_;
  ColumnFamilyOptions options_;
  Version::Level tables_;
  mutable std::deque<Version::Level> opened_;  // What iterators walk over.
};

TEST_F(LevelIteratorTest, ALevelWithoutTablesIsEmpty) {
  auto it = NewIterator();
  EXPECT_EQ(Shown(*it), "end");
  it->SeekToFirst();
  EXPECT_EQ(Shown(*it), "end");
  it->SeekToLast();
  EXPECT_EQ(Shown(*it), "end");
  it->Seek({"a", 1});
  EXPECT_EQ(Shown(*it), "end");
  it->SeekForPrev({"a", 1});
  EXPECT_EQ(Shown(*it), "end");
}

TEST_F(LevelIteratorTest, IsNowhereBeforeItsFirstSeek) {
  MakeThreeTables();
  EXPECT_EQ(Shown(*NewIterator()), "end");
}

TEST_F(LevelIteratorTest, WalksFromTableToTableBothWays) {
  MakeThreeTables();
  const std::vector<TestEntry> entries = world_.Read(tables_);
  ASSERT_EQ(entries.size(), 15u);
  auto it = NewIterator();
  it->SeekToFirst();
  for (const TestEntry& e : entries) {
    ASSERT_EQ(Shown(*it), Shown(e));
    it->Next();
  }
  EXPECT_EQ(Shown(*it), "end");
  it->SeekToLast();
  for (auto e = entries.rbegin(); e != entries.rend(); ++e) {
    ASSERT_EQ(Shown(*it), Shown(*e));
    it->Prev();
  }
  EXPECT_EQ(Shown(*it), "end");
}

TEST_F(LevelIteratorTest, TurnsAroundAtAJoint) {
  MakeThreeTables();
  auto it = NewIterator();
  it->SeekForPrev({"e", 0});
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(Shown(*it), Shown(Tombstone("d", 10)));
    it->Next();
    ASSERT_EQ(Shown(*it), Shown(Put("f", 20, "new")));
    it->Prev();
  }
}

TEST_F(LevelIteratorTest, SeeksByTheInternalKey) {
  MakeThreeTables();
  auto it = NewIterator();
  // Between the versions of a table's last key, and behind all of them.
  it->Seek({"d", SeekTrailer(15)});
  EXPECT_EQ(Shown(*it), Shown(Tombstone("d", 10)));
  it->Seek({"d", SeekTrailer(9)});
  EXPECT_EQ(Shown(*it), Shown(Put("f", 20, "new")));
  // Between the versions of a table's first key, and before all of them.
  it->SeekForPrev({"f", SeekTrailer(15)});
  EXPECT_EQ(Shown(*it), Shown(Put("f", 20, "new")));
  it->SeekForPrev({"f", SeekTrailer(21)});
  EXPECT_EQ(Shown(*it), Shown(Tombstone("d", 10)));
  // Off both ends of the level.
  it->Seek({"l", SeekTrailer(9)});
  EXPECT_EQ(Shown(*it), "end");
  it->SeekForPrev({"b", SeekTrailer(21)});
  EXPECT_EQ(Shown(*it), "end");
}

TEST_F(LevelIteratorTest, AgreesWithASortedListOnRandomMoves) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed));
  Random random(seed);
  for (uint64_t round = 0; round < Scaled(60, 2); ++round) {
    std::vector<TestEntry> entries;
    const uint64_t count = 1 + random.Uniform(200);
    for (SequenceNumber s = 1; s <= count; ++s) {
      std::string key = absl::StrCat("key", random.Uniform(60));
      entries.push_back(
          random.OneIn(4)
              ? Tombstone(std::move(key), s)
              : Put(std::move(key), s, std::string(random.Uniform(40), 'v')));
    }
    options_.block_size = 512;
    tables_ =
        world_.MakeLevel(entries, options_, 1, 100 + random.Uniform(3000));
    VectorIterator expected(world_.order(), entries);
    auto it = NewIterator();
    for (int i = 0; i < 400; ++i) {
      // Mostly steps; seeks to keys that are there, and that are not.
      const InternalKey target(
          absl::StrCat("key", random.Uniform(62)),
          random.Uniform(count + 2) << 8 | random.Uniform(3));
      const uint64_t move = random.Uniform(expected.Valid() ? 20 : 4);
      for (InternalIterator* moved :
           {static_cast<InternalIterator*>(&expected), it.get()}) {
        if (move == 0) {
          moved->SeekToFirst();
        } else if (move == 1) {
          moved->SeekToLast();
        } else if (move == 2) {
          moved->Seek(target.view());
        } else if (move == 3) {
          moved->SeekForPrev(target.view());
        } else {
          Step(*moved, /*forward=*/move < 12,
               move % 2 == 0 ? StepBy::kMove : StepBy::kEntry);
        }
      }
      ASSERT_EQ(Shown(*it), Shown(expected))
          << "round " << round << ", move " << i;
    }
  }
}

TEST_F(LevelIteratorTest, OpensATableWhenItIsReached) {
  MakeThreeTables();
  world_.failing().FailAt(0, /*sticky=*/true);
  auto it = NewIterator();
  it->SeekForPrev({"a", 0});  // Before the level, and behind it.
  it->Seek({"m", 0});
  EXPECT_EQ(Shown(*it), "end");
  EXPECT_FALSE(world_.failing().failed());
  world_.failing().FailAt(UINT64_MAX, false);

  TakeAway(0);
  TakeAway(2);
  it->Seek({"g", SeekTrailer(kMaxSequence)});
  EXPECT_EQ(Shown(*it), Shown(Put("g", 20, "new")));
}

TEST_F(LevelIteratorTest, AMissingTableIsAnErrorAndNotTheEnd) {
  MakeThreeTables();
  const std::string path = PathOf(1);
  const std::string bytes = TakeAway(1);
  auto it = NewIterator();
  const auto ExpectError = [&] {
    EXPECT_FALSE(it->Valid());
    EXPECT_TRUE(absl::IsDataLoss(it->status())) << it->status();
    EXPECT_THAT(it->status().ToString(), HasSubstr(path));
  };
  it->SeekForPrev({"e", 0});
  EXPECT_EQ(Shown(*it), Shown(Tombstone("d", 10)));
  it->Next();
  ExpectError();
  it->Seek({"i", 0});
  EXPECT_EQ(Shown(*it), Shown(Put("j", 20, "new")));
  it->Prev();
  ExpectError();
  it->Seek({"g", 0});
  ExpectError();
  it->SeekForPrev({"i", 0});
  ExpectError();
  // An error lasts until the next seek, also one that leads nowhere.
  it->Seek({"m", 0});
  EXPECT_EQ(Shown(*it), "end");
  it->SeekForPrev({"g", 0});
  ExpectError();
  it->SeekForPrev({"a", 0});
  EXPECT_EQ(Shown(*it), "end");
  // The same iterator reads the table once it is back.
  ASSERT_TRUE(world_.disk().SetBytes(path, bytes).ok());
  it->Seek({"g", SeekTrailer(kMaxSequence)});
  EXPECT_EQ(Shown(*it), Shown(Put("g", 20, "new")));
}

TEST_F(LevelIteratorTest, WhicheverReadFailsIsNoEndOfTheLevel) {
  std::vector<TestEntry> entries;
  for (int i = 100; i < 150; ++i) {
    entries.push_back(Put(std::to_string(i), 1, std::string(100, 'v')));
  }
  options_.block_size = 512;
  tables_ = world_.MakeLevel(entries, options_, 1, 1500);
  ASSERT_GT(tables_.size(), 2u);
  for (const bool forward : {true, false}) {
    const auto Walk = [&](InternalIterator& it) {
      forward ? it.SeekToFirst() : it.SeekToLast();
      std::vector<TestEntry> seen;
      for (; it.Valid(); forward ? it.Next() : it.Prev()) {
        seen.push_back({InternalKey(it.key()), std::string(it.value())});
      }
      return seen;
    };
    uint64_t n = 0;
    for (;; ++n) {
      SCOPED_TRACE(absl::StrCat("operation ", n));
      auto it = NewIterator({.fill_cache = false});
      world_.failing().FailAt(n, /*sticky=*/false);
      const std::vector<TestEntry> seen = Walk(*it);
      if (!world_.failing().failed()) {
        EXPECT_EQ(seen, entries);
        break;
      }
      ASSERT_FALSE(it->status().ok());
      ASSERT_LT(seen.size(), entries.size());
      ASSERT_TRUE(std::equal(seen.begin(), seen.end(), entries.begin()));
      ASSERT_EQ(Walk(*it), entries);
      ASSERT_TRUE(it->status().ok()) << it->status();
    }
    EXPECT_GT(n, 10u) << "hardly anything could fail";
    std::reverse(entries.begin(), entries.end());
  }
}

}  // namespace
}  // namespace lissom
