#include "db/flush/flush_job.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/output/table_world.h"
#include "tests/support/test_env.h"

namespace lissom {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FlushJob : public ::testing::Test {
 protected:
  Ref<Memtable> MemtableOf(const std::vector<TestEntry>& entries) {
    std::vector<TestEntry> by_age = entries;
    std::sort(by_age.begin(), by_age.end(), [](const auto& a, const auto& b) {
      return a.key.trailer < b.key.trailer;
    });
    Ref<Memtable> memtable = Memtable::Create(world_.order(), 1);
    for (const TestEntry& e : by_age) {
      memtable->Add(e.key.view().sequence(), e.key.view().kind(),
                    e.key.user_key, e.value);
    }
    return memtable;
  }

  absl::StatusOr<FlushResult> Flush(std::vector<Ref<const Memtable>> memtables,
                                    std::vector<SequenceNumber> snapshots) {
    return RunFlush(world_.Deps(), {.options = options_,
                                    .memtables = std::move(memtables),
                                    .snapshots = std::move(snapshots)});
  }

  TableWorld world_;
  ColumnFamilyOptions options_;
};

TEST_F(FlushJob, MakesNoTableOfAnEmptyMemtable) {
  const auto result = Flush({MemtableOf({}), MemtableOf({})}, {kMaxSequence});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(result->table.has_value());
  EXPECT_THAT(world_.disk().Files(), IsEmpty());
}

TEST_F(FlushJob, WritesTheMemtableAsOneDurableTable) {
  const auto result =
      Flush({MemtableOf({Put("b", 3, "B"), Put("a", 5, "A"), Tombstone("c", 4),
                         Put("a", 2, "old")})},
            {2, 10});
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_TRUE(result->table.has_value());
  const TableMetadata& table = *result->table;
  EXPECT_THAT(world_.Read({world_.Open(table)}),
              ElementsAre(Put("a", 5, "A"), Put("a", 2, "old"),
                          Put("b", 3, "B"), Tombstone("c", 4)));
  EXPECT_EQ(table.smallest, Put("a", 5, "").key);
  EXPECT_EQ(table.largest, Tombstone("c", 4).key);
  EXPECT_EQ(table.smallest_sequence, 2u);
  EXPECT_EQ(table.largest_sequence, 5u);
  EXPECT_EQ(table.entries, 4u);
  EXPECT_EQ(table.tombstones, 1u);
  EXPECT_EQ(table.size,
            world_.disk().GetBytes("/db/000001.sst").value().size());
  EXPECT_EQ(world_.disk().CrashImageNow(CrashPolicy::SyncedOnly())->Files(),
            world_.disk().Files());
}

TEST_F(FlushJob, LeavesOutWhatNobodySeesAndKeepsEveryTombstone) {
  const auto result =
      Flush({MemtableOf({Put("a", 1, ""), Put("a", 2, ""), Tombstone("a", 3)})},
            {10});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(world_.Read({world_.Open(*result->table)}),
              ElementsAre(Tombstone("a", 3)));
  EXPECT_EQ(result->counts.entries_in, 3u);
  EXPECT_EQ(result->counts.shadowed, 2u);
}

TEST_F(FlushJob, MergesSeveralMemtables) {
  const auto result = Flush({MemtableOf({Put("a", 1, "old"), Put("c", 2, "C")}),
                             MemtableOf({}), MemtableOf({Put("a", 3, "new")})},
                            {10});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(world_.Read({world_.Open(*result->table)}),
              ElementsAre(Put("a", 3, "new"), Put("c", 2, "C")));
}

TEST_F(FlushJob, MakesOneTableHoweverSmallTheTargetIs) {
  options_.target_file_size_base = 1;
  std::vector<TestEntry> entries;
  for (SequenceNumber s = 1; s < 3000; ++s) {
    entries.push_back(Put(absl::StrCat("key", s), s, std::string(100, 'x')));
  }
  const auto result = Flush({MemtableOf(entries)}, {kMaxSequence});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->table->entries, entries.size());
  EXPECT_EQ(world_.disk().Files().size(), 1u);
}

TEST_F(FlushJob, ChangesNoReadOfRandomHistories) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed));
  Random random(seed);
  for (int round = 0; round < 30; ++round) {
    std::vector<TestEntry> entries;
    for (SequenceNumber s = 1; s <= 300; ++s) {
      const std::string key = absl::StrCat("k", random.Uniform(40));
      entries.push_back(random.OneIn(4) ? Tombstone(key, s)
                                        : Put(key, s, absl::StrCat(s)));
    }
    std::set<SequenceNumber> snapshots = {300};
    for (uint64_t n = random.Uniform(6); n > 0; --n) {
      snapshots.insert(random.Uniform(301));
    }
    const auto result =
        Flush({MemtableOf(entries)}, {snapshots.begin(), snapshots.end()});
    ASSERT_TRUE(result.ok()) << result.status();
    const auto after = world_.Read({world_.Open(*result->table)});
    for (const SequenceNumber s : snapshots) {
      for (int k = 0; k < 40; ++k) {
        const std::string key = absl::StrCat("k", k);
        ASSERT_EQ(ReadAt({entries}, key, s), ReadAt({after}, key, s));
      }
    }
  }
}

TEST_F(FlushJob, LeavesNoFileBehindAfterAnyError) {
  std::vector<TestEntry> entries;
  for (SequenceNumber s = 1; s < 3000; ++s) {
    entries.push_back(Put(absl::StrCat("key", s), s, std::string(100, 'x')));
  }
  const Ref<Memtable> memtable = MemtableOf(entries);
  for (const bool sticky : {false, true}) {
    for (uint64_t n = 0;; ++n) {
      world_.failing().FailAt(n, sticky);
      const auto result = Flush({memtable}, {kMaxSequence});
      ASSERT_EQ(result.ok(), !world_.failing().failed()) << n;
      if (result.ok()) {
        EXPECT_GT(n, 3u);
        ASSERT_TRUE(
            world_.disk().RemoveFile(world_.disk().Files()[0], {}).ok());
        break;
      }
      ASSERT_THAT(world_.disk().Files(), IsEmpty()) << n;
    }
  }
}

}  // namespace
}  // namespace lissom
