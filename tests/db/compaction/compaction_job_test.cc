#include "db/compaction/compaction_job.h"

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "db/compaction/leveled_picker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/output/table_world.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"

namespace lissom {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Levels = std::array<Version::Level, Version::kLevels>;

class CompactionJob : public ::testing::Test {
 protected:
  CompactionJob() {
    options_.compression = {Compression::None()};
    options_.target_file_size_base = 4096;
  }

  std::shared_ptr<const Version> Shape() const {
    auto version = std::make_shared<Version>(world_.order(), levels_);
    EXPECT_TRUE(version->CheckInvariants().ok()) << version->CheckInvariants();
    return version;
  }

  Version::Level& level(int n) { return levels_[static_cast<size_t>(n)]; }

  // A plan of these tables: with what it must have besides.
  CompactionPlan PlanOf(int start_level, int output_level,
                        Version::Level inputs) {
    CompactionPlan plan;
    plan.version = Shape();
    plan.start_level = start_level;
    plan.output_level = output_level;
    plan.inputs = std::move(inputs);
    std::string begin = plan.inputs[0]->meta().smallest.user_key;
    std::string end = plan.inputs[0]->meta().largest.user_key;
    for (const auto& table : plan.inputs) {
      begin = std::min(begin, table->meta().smallest.user_key);
      end = std::max(end, table->meta().largest.user_key);
    }
    if (output_level > start_level) {
      plan.overlapping = plan.version->Overlapping(output_level, begin, end);
    }
    if (output_level + 1 < Version::kLevels) {
      plan.grandparents =
          plan.version->Overlapping(output_level + 1, begin, end);
    }
    return plan;
  }

  absl::StatusOr<CompactionResult> Run(const CompactionPlan& plan,
                                       std::vector<SequenceNumber> snapshots) {
    return RunCompaction(world_.Deps(), {.plan = plan,
                                         .options = options_,
                                         .snapshots = std::move(snapshots),
                                         .cancelled = cancelled_,
                                         .max_parts = max_parts_,
                                         .executor = executor_});
  }

  // Carries the edit out.
  void Apply(const VersionEdit& edit) {
    for (const VersionEdit::RemovedTable& removed : edit.removed) {
      Version::Level& tables = level(removed.level);
      const auto it =
          std::find_if(tables.begin(), tables.end(), [&](const auto& table) {
            return table->meta().number == removed.number;
          });
      ASSERT_NE(it, tables.end());
      tables.erase(it);
    }
    for (const VersionEdit::NewTable& added : edit.added) {
      level(added.level).push_back(world_.Open(added.table));
    }
    for (int n = 1; n < Version::kLevels; ++n) {
      std::sort(
          level(n).begin(), level(n).end(), [](const auto& a, const auto& b) {
            return a->meta().smallest.user_key < b->meta().smallest.user_key;
          });
    }
  }

  // What a compaction wrote.
  std::vector<TestEntry> SortedOutput(const CompactionResult& result) const {
    Version::Level tables;
    for (const auto& added : result.edit.added) {
      tables.push_back(world_.Open(added.table));
    }
    return world_.Read(tables);
  }
  void RemoveOutput(const CompactionResult& result) {
    for (const auto& added : result.edit.added) {
      ASSERT_TRUE(world_.disk()
                      .RemoveFile(TableFileName("/db", added.table.number), {})
                      .ok());
    }
  }

  std::vector<std::vector<TestEntry>> AllEntries() const {
    std::vector<std::vector<TestEntry>> all;
    for (const Version::Level& tables : levels_) {
      for (const auto& table : tables) all.push_back(world_.Read({table}));
    }
    return all;
  }

  TableWorld world_;
  ColumnFamilyOptions options_;
  Levels levels_;
  std::function<bool()> cancelled_;
  int max_parts_ = 1;
  Executor* executor_ = nullptr;
};

TEST_F(CompactionJob, MergesTheVersionsOfAKey) {
  level(0) = {world_.Make({Put("a", 9, "new"), Tombstone("b", 8)}, options_),
              world_.Make({Put("a", 5, "mid"), Put("c", 4, "C")}, options_)};
  level(6) = {world_.Make({Put("a", 1, "old"), Put("b", 2, "B")}, options_, 6)};
  const auto result = Run(PlanOf(0, 6, level(0)), {10});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->counts.entries_in, 6u);
  EXPECT_EQ(result->counts.shadowed, 3u);
  EXPECT_EQ(result->counts.obsolete_tombstones, 1u);
  EXPECT_EQ(result->edit.removed.size(), 3u);
  Apply(result->edit);
  EXPECT_THAT(level(0), IsEmpty());
  EXPECT_THAT(world_.Read(level(6)),
              ElementsAre(Put("a", 9, "new"), Put("c", 4, "C")));
}

TEST_F(CompactionJob, KeepsATombstoneAboveADeeperTable) {
  level(4) = {world_.Make({Tombstone("b", 8), Tombstone("x", 7)}, options_)};
  level(6) = {world_.Make({Put("a", 1, ""), Put("c", 2, "")}, options_)};
  const auto result = Run(PlanOf(4, 5, level(4)), {10});
  ASSERT_TRUE(result.ok()) << result.status();
  Apply(result->edit);
  EXPECT_THAT(world_.Read(level(5)), ElementsAre(Tombstone("b", 8)));
}

TEST_F(CompactionJob, OfObsoleteTombstonesAloneMakesNoTable) {
  level(0) = {world_.Make({Tombstone("a", 8), Tombstone("b", 7)}, options_)};
  const auto result = Run(PlanOf(0, 6, level(0)), {10});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->edit.added, IsEmpty());
  EXPECT_EQ(result->edit.removed.size(), 1u);
}

TEST_F(CompactionJob, MovesWithoutTouchingAFile) {
  level(5) = {world_.Make({Put("a", 8, "")}, options_)};
  CompactionPlan plan = PlanOf(5, 6, level(5));
  plan.trivial_move = true;
  world_.failing().FailAt(0, true);
  const auto result = Run(plan, {10});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(world_.failing().failed());
  EXPECT_THAT(result->edit.removed,
              ElementsAre(VersionEdit::RemovedTable{5, 1}));
  EXPECT_THAT(result->edit.added,
              ElementsAre(VersionEdit::NewTable{6, plan.inputs[0]->meta()}));
}

TEST_F(CompactionJob, MovesSeveralTablesAtOnce) {
  level(5) = {world_.Make({Put("a", 8, "")}, options_),
              world_.Make({Put("b", 7, "")}, options_)};
  CompactionPlan plan = PlanOf(5, 6, level(5));
  plan.trivial_move = true;
  const auto result = Run(plan, {10});
  ASSERT_TRUE(result.ok()) << result.status();
  const auto tables = plan.inputs;
  Apply(result->edit);
  EXPECT_THAT(level(5), IsEmpty());
  ASSERT_EQ(level(6).size(), 2u);
  EXPECT_EQ(level(6)[0]->meta(), tables[0]->meta());
  EXPECT_EQ(level(6)[1]->meta(), tables[1]->meta());
}

TEST_F(CompactionJob, MergesLevel0IntoOneTableThatKeepsTombstones) {
  options_.target_file_size_base = 1;
  level(0) = {world_.Make({Put("a", 9, "new"), Tombstone("b", 8)}, options_),
              world_.Make({Put("a", 7, "old"), Put("c", 6, "C")}, options_),
              world_.Make({Put("b", 5, "B")}, options_)};
  const auto result = Run(PlanOf(0, 0, {level(0)[0], level(0)[1]}), {10});
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->edit.added.size(), 1u);
  EXPECT_EQ(result->edit.added[0].level, 0);
  EXPECT_EQ(result->edit.removed.size(), 2u);
  EXPECT_THAT(
      SortedOutput(*result),
      ElementsAre(Put("a", 9, "new"), Tombstone("b", 8), Put("c", 6, "C")));
}

TEST_F(CompactionJob, RewritesATableWithoutItsTombstones) {
  level(6) = {world_.Make({Tombstone("a", 9), Put("b", 8, "")}, options_, 6)};
  const auto result = Run(PlanOf(6, 6, level(6)), {10});
  ASSERT_TRUE(result.ok()) << result.status();
  Apply(result->edit);
  ASSERT_EQ(level(6).size(), 1u);
  EXPECT_THAT(world_.Read(level(6)), ElementsAre(Put("b", 8, "")));
  EXPECT_EQ(level(6)[0]->meta().tombstones, 0u);
}

TEST_F(CompactionJob, TablesAreAsOldAsTheOldestEntryThatMayBeInThem) {
  const auto aged = [this](std::vector<TestEntry> entries, uint64_t time) {
    TableMetadata meta = world_.Make(std::move(entries), options_)->meta();
    meta.creation_time = time;
    return world_.Open(meta);
  };
  level(5) = {aged({Put("a", 9, "")}, 700)};
  level(6) = {aged({Put("a", 1, "")}, 300)};
  auto result = Run(PlanOf(5, 6, level(5)), {10});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->edit.added[0].table.creation_time, 300u);
  level(6) = {aged({Put("a", 1, "")}, 0)};  // Unknown.
  result = Run(PlanOf(5, 6, level(5)), {10});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->edit.added[0].table.creation_time, 700u);
}

TEST_F(CompactionJob, StopsWhenItsPlanIsCalledOff) {
  level(6) = {world_.Make({Put("a", 9, "")}, options_, 6)};
  CompactionPlan plan = PlanOf(6, 6, level(6));
  plan.cancelled = std::make_shared<std::atomic<bool>>(true);
  EXPECT_EQ(Run(plan, {10}).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(world_.disk().Files().size(), 1u);
}

TEST_F(CompactionJob, EndsTablesWhereGrandparentsEnd) {
  std::vector<TestEntry> entries;
  entries.reserve(100);
  for (SequenceNumber i = 0; i < 100; ++i) {
    entries.push_back(Put(absl::StrFormat("%03d", i), i + 1,
                          std::string(100, static_cast<char>('a' + i % 26))));
  }
  options_.target_file_size_base = 12000;  // More than all of it.
  level(4) = {world_.Make(entries, options_)};
  level(6) = {world_.Make({Put("000", 1, ""), Put("069", 2, "")}, options_),
              world_.Make({Put("080", 3, ""), Put("099", 4, "")}, options_)};
  const auto result = Run(PlanOf(4, 5, level(4)), {1000});
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->edit.added.size(), 2u);
  EXPECT_EQ(result->edit.added[0].table.largest.user_key, "069");
  EXPECT_EQ(result->edit.added[1].table.smallest.user_key, "070");
}

TEST_F(CompactionJob, RefusesAPlanThatWouldLoseOrReviveKeys) {
  level(0) = {world_.Make({Put("a", 9, "new"), Put("c", 8, "")}, options_),
              world_.Make({Put("a", 5, "old")}, options_)};
  level(6) = {world_.Make({Put("b", 1, "")}, options_)};
  CompactionPlan leaves_older = PlanOf(0, 6, {level(0)[0]});
  CompactionPlan forgets_output = PlanOf(0, 6, level(0));
  forgets_output.overlapping.clear();
  CompactionPlan moves_two = PlanOf(0, 5, level(0));
  moves_two.trivial_move = true;
  level(3) = {world_.Make({Put("x", 2, "")}, options_)};
  CompactionPlan passes_by = PlanOf(0, 6, level(0));
  for (const CompactionPlan& plan :
       {leaves_older, forgets_output, moves_two, passes_by}) {
    EXPECT_EQ(Run(plan, {10}).status().code(), absl::StatusCode::kInternal)
        << DebugString(plan);
  }
}

TEST_F(CompactionJob, RefusesInputsThatHoldLessThanTheManifestSays) {
  level(5) = {world_.Make({Put("a", 8, ""), Put("b", 7, "")}, options_)};
  TableMetadata meta = level(5)[0]->meta();
  ++meta.entries;
  level(5)[0] = world_.Open(meta);
  EXPECT_FALSE(Run(PlanOf(5, 6, level(5)), {10}).ok());
  EXPECT_EQ(world_.disk().Files().size(), 1u);
}

// --- Random trees
// -------------------------------------------------------------

// A history of changes to few keys, spread over the levels by age, some of it
// compacted at random with random snapshots: no snapshot sees a difference.
class RandomTree : public CompactionJob {
 protected:
  static constexpr uint64_t kKeys = 60;
  static std::string Key(uint64_t k) { return absl::StrFormat("key%03d", k); }

  std::vector<TestEntry> RandomEntries(uint64_t count) {
    std::vector<TestEntry> entries;
    const uint64_t first = random_.Uniform(kKeys / 2);
    const uint64_t keys = 1 + random_.Uniform(kKeys - first);
    for (uint64_t i = 0; i < count; ++i) {
      const std::string key = Key(first + random_.Uniform(keys));
      ++last_sequence_;
      entries.push_back(
          random_.OneIn(3)
              ? Tombstone(key, last_sequence_)
              : Put(key, last_sequence_,
                    absl::StrCat(last_sequence_, std::string(50, 'v'))));
    }
    return entries;
  }

  void Build() {
    for (int n = 6; n >= 1; --n) {
      if (random_.OneIn(2)) continue;
      level(n) = world_.MakeLevel(RandomEntries(150), options_, n, 2000);
    }
    for (uint64_t n = 1 + random_.Uniform(4); n > 0; --n) {
      level(0).insert(level(0).begin(),
                      world_.Make(RandomEntries(40), options_));
    }
  }

  std::vector<SequenceNumber> RandomSnapshots() {
    std::set<SequenceNumber> snapshots = {last_sequence_};
    for (uint64_t n = random_.Uniform(5); n > 0; --n) {
      snapshots.insert(random_.Uniform(last_sequence_ + 1));
    }
    return {snapshots.begin(), snapshots.end()};
  }

  // Any compaction that the tree allows; nullopt if a blind guess found none.
  std::optional<CompactionPlan> RandomPlan() {
    const int start = static_cast<int>(random_.Uniform(6));
    if (level(start).empty()) return std::nullopt;
    int output = start + 1;
    while (output < 6 && level(output).empty() && random_.OneIn(2)) ++output;
    const TableMetadata& seed =
        level(start)[random_.Uniform(level(start).size())]->meta();
    CompactionPlan plan =
        PlanOf(start, output,
               Shape()->Overlapping(start, seed.smallest.user_key,
                                    seed.largest.user_key));
    if (!CheckPlan(plan).ok()) return std::nullopt;
    return plan;
  }

  // What each snapshot reads of each key.
  std::map<std::pair<SequenceNumber, std::string>, std::optional<std::string>>
  ReadEverything(const std::vector<SequenceNumber>& snapshots) const {
    std::map<std::pair<SequenceNumber, std::string>, std::optional<std::string>>
        reads;
    const auto entries = AllEntries();
    for (const SequenceNumber s : snapshots) {
      for (uint64_t k = 0; k < kKeys; ++k) {
        reads[{s, Key(k)}] = ReadAt(entries, Key(k), s);
      }
    }
    return reads;
  }

  const uint64_t seed_ = TestSeed();
  Random random_{seed_};
  SequenceNumber last_sequence_ = 0;
};

TEST_F(RandomTree, ReadsTheSameAfterAnyCompactions) {
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed_));
  for (int round = 0; round < 25; ++round) {
    levels_ = {};
    last_sequence_ = 0;
    options_.target_file_size_base = 500 + random_.Uniform(4000);
    options_.compression = {random_.OneIn(2) ? Compression::None()
                                             : Compression::Zstd(1)};
    Build();
    const std::vector<SequenceNumber> snapshots = RandomSnapshots();
    const auto before = ReadEverything(snapshots);
    for (int step = 0; step < 12; ++step) {
      const std::optional<CompactionPlan> plan = RandomPlan();
      if (!plan.has_value()) continue;
      const auto result = Run(*plan, snapshots);
      ASSERT_TRUE(result.ok()) << result.status();
      Apply(result->edit);
      ASSERT_EQ(ReadEverything(snapshots), before) << DebugString(*plan);
    }
    Shape();  // Checks the invariants.
  }
}

// The picker and the job together: the tree settles and reads the same.
TEST_F(RandomTree, SettlesByThePolicyAndReadsTheSame) {
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed_));
  options_.target_file_size_base = 2000;
  options_.max_bytes_for_level_base = 4000;
  options_.max_bytes_for_level_multiplier = 3;
  options_.compression = {Compression::None(), Compression::Zstd(-1)};
  LeveledPickerState state;
  for (int round = 0; round < 60; ++round) {
    level(0).insert(level(0).begin(), world_.Make(RandomEntries(60), options_));
    const std::vector<SequenceNumber> snapshots = RandomSnapshots();
    const auto before = ReadEverything(snapshots);
    int steps = 0;
    while (const auto plan = PickLeveledCompaction(Shape(), options_, state)) {
      ASSERT_LT(++steps, 200);
      const auto result = Run(*plan, snapshots);
      ASSERT_TRUE(result.ok()) << result.status();
      Apply(result->edit);
    }
    ASSERT_EQ(ReadEverything(snapshots), before);
  }
}

// --- Parts
// --------------------------------------------------------------------

class Parts : public RandomTree {
 protected:
  Parts() {
    options_.target_file_size_base = 1500;
    for (const int n : {6, 5, 4}) {
      level(n) = world_.MakeLevel(EntriesOfAllKeys(), options_, n, 2000);
    }
    snapshots_ = RandomSnapshots();
  }

  std::vector<TestEntry> EntriesOfAllKeys() {
    std::vector<TestEntry> entries;
    for (uint64_t i = 0; i < 3 * kKeys; ++i) {
      ++last_sequence_;
      entries.push_back(
          random_.OneIn(4)
              ? Tombstone(Key(i % kKeys), last_sequence_)
              : Put(Key(i % kKeys), last_sequence_, std::string(60, 'v')));
    }
    return entries;
  }

  // What the tables of a result hold, table by table.
  std::vector<std::vector<TestEntry>> Tables(const CompactionResult& result) {
    std::vector<std::vector<TestEntry>> tables;
    for (const auto& added : result.edit.added) {
      tables.push_back(world_.Read({world_.Open(added.table)}));
    }
    return tables;
  }
  std::vector<TestEntry> Flat(
      const std::vector<std::vector<TestEntry>>& tables) {
    std::vector<TestEntry> entries;
    for (const auto& table : tables) {
      entries.insert(entries.end(), table.begin(), table.end());
    }
    return entries;
  }

  std::vector<SequenceNumber> snapshots_;
};

TEST_F(Parts, GiveWhatOneWouldInOtherTables) {
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed_));
  const CompactionPlan plan = PlanOf(4, 5, level(4));
  const auto whole = Run(plan, snapshots_);
  ASSERT_TRUE(whole.ok()) << whole.status();
  for (const int parts : {2, 3, 4, 64}) {
    max_parts_ = parts;
    const auto cut = Run(plan, snapshots_);
    ASSERT_TRUE(cut.ok()) << cut.status();
    EXPECT_EQ(Flat(Tables(*cut)), Flat(Tables(*whole)));
    EXPECT_EQ(cut->counts.entries_in, plan.input_entries());
    EXPECT_EQ(cut->counts.entries_out, whole->counts.entries_out);
    EXPECT_EQ(cut->counts.shadowed, whole->counts.shadowed);
    EXPECT_EQ(cut->counts.obsolete_tombstones,
              whole->counts.obsolete_tombstones);
    EXPECT_EQ(cut->edit.removed, whole->edit.removed);
    EXPECT_EQ(cut->counts.bytes_written,
              std::accumulate(cut->edit.added.begin(), cut->edit.added.end(),
                              uint64_t{0}, [](uint64_t sum, const auto& added) {
                                return sum + added.table.size;
                              }));
  }
}

// Another thread's part gets its turn at any poll: the tables are the same.
TEST_F(Parts, MakeTheSameTablesInWhateverOrderTheyRun) {
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed_));
  const CompactionPlan plan = PlanOf(4, 5, level(4));
  max_parts_ = 4;
  const auto one_by_one = Run(plan, snapshots_);
  ASSERT_TRUE(one_by_one.ok()) << one_by_one.status();
  ASSERT_GT(one_by_one->edit.added.size(), 3u);
  bool mixed = false;
  for (uint64_t round = 0; round < 20; ++round) {
    SimulatedExecutor executor(seed_ + round);
    executor_ = &executor;
    cancelled_ = [&] {
      while (random_.OneIn(2) && executor.RunOne()) {
      }
      return false;
    };
    const auto result = Run(plan, snapshots_);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(Tables(*result), Tables(*one_by_one));
    // File numbers tell the order in which tables were begun.
    mixed |=
        !std::is_sorted(result->edit.added.begin(), result->edit.added.end(),
                        [](const auto& a, const auto& b) {
                          return a.table.number < b.table.number;
                        });
    cancelled_ = nullptr;
    while (executor.RunOne()) {  // Late: nothing happens.
    }
  }
  EXPECT_TRUE(mixed);
}

TEST_F(Parts, AreDurableTogether) {
  const CompactionPlan plan = PlanOf(4, 5, level(4));
  max_parts_ = 4;
  const auto result = Run(plan, snapshots_);
  ASSERT_TRUE(result.ok()) << result.status();
  const auto image = world_.disk().CrashImageNow(CrashPolicy::SyncedOnly());
  EXPECT_EQ(image->Files(), world_.disk().Files());
}

TEST_F(Parts, FailTogetherAndLeaveNoFile) {
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed_));
  max_parts_ = 4;
  const std::vector<std::string> files = world_.disk().Files();
  for (const bool nested : {false, true}) {
    for (uint64_t n = 0;; ++n) {
      for (Version::Level& tables : levels_) {
        for (auto& table : tables) table = world_.Open(table->meta());
      }
      SimulatedExecutor executor(n);
      executor_ = &executor;
      if (nested) {
        cancelled_ = [&] {
          executor.RunOne();
          return false;
        };
      }
      const CompactionPlan plan = PlanOf(4, 5, level(4));
      world_.failing().FailAt(n, true);
      const auto result = Run(plan, snapshots_);
      const bool failed = world_.failing().failed();
      world_.failing().FailAt(UINT64_MAX, false);
      ASSERT_EQ(result.ok(), !failed) << result.status();
      if (result.ok()) {
        RemoveOutput(*result);
        EXPECT_GT(n, 10u);
        break;
      }
      ASSERT_EQ(result.status().code(), absl::StatusCode::kInternal);
      ASSERT_EQ(world_.disk().Files(), files) << n;
    }
  }
}

TEST_F(Parts, LoseNoEntryUnseen) {
  TableMetadata meta = level(5)[1]->meta();
  ++meta.entries;
  level(5)[1] = world_.Open(meta);
  max_parts_ = 4;
  const std::vector<std::string> files = world_.disk().Files();
  EXPECT_EQ(Run(PlanOf(4, 5, level(4)), snapshots_).status().code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(world_.disk().Files(), files);
}

TEST_F(Parts, RunOnThreadsAsTheyDoOnOne) {
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed_));
  const CompactionPlan plan = PlanOf(4, 5, level(4));
  max_parts_ = 4;
  const auto one_by_one = Run(plan, snapshots_);
  ASSERT_TRUE(one_by_one.ok()) << one_by_one.status();
  const auto pool = Executor::NewThreadPool(3);
  std::atomic<uint64_t> number{1000};
  std::atomic<uint64_t> calls{0};
  OutputDeps deps = world_.Deps();
  deps.new_file_number = [&] { return number.fetch_add(1); };
  deps.new_file_id = [&] { return FileId{7, number.load()}; };
  for (int round = 0; round < 30; ++round) {
    const bool cancels = round % 5 == 4;
    const uint64_t before = calls.load();
    const auto result = RunCompaction(
        deps, {.plan = plan,
               .options = options_,
               .snapshots = snapshots_,
               .cancelled =
                   [&] { return calls.fetch_add(1) - before == 2 && cancels; },
               .max_parts = 4,
               .executor = pool.get()});
    if (cancels) {
      EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
      continue;
    }
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(Tables(*result), Tables(*one_by_one));
    RemoveOutput(*result);
  }
}

// --- Faults
// -------------------------------------------------------------------

TEST_F(RandomTree, FailsWithoutATraceWhateverOperationFails) {
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed_));
  options_.target_file_size_base = 1500;
  level(6) = world_.MakeLevel(RandomEntries(150), options_, 6, 2000);
  level(0) = {world_.Make(RandomEntries(80), options_)};
  const std::vector<std::string> files = world_.disk().Files();
  std::vector<std::string> bytes;
  bytes.reserve(files.size());
  for (const std::string& file : files) {
    bytes.push_back(world_.disk().GetBytes(file).value());
  }
  const auto unharmed = Run(PlanOf(0, 6, level(0)), {last_sequence_});
  ASSERT_TRUE(unharmed.ok()) << unharmed.status();
  const std::vector<TestEntry> expected = SortedOutput(*unharmed);
  RemoveOutput(*unharmed);
  for (const bool sticky : {false, true}) {
    for (uint64_t n = 0;; ++n) {
      // Fresh TableFiles: opening and reading may fail as well.
      for (Version::Level& tables : levels_) {
        for (auto& table : tables) table = world_.Open(table->meta());
      }
      const CompactionPlan plan = PlanOf(0, 6, level(0));
      world_.failing().FailAt(n, sticky);
      const auto result = Run(plan, {last_sequence_});
      const bool failed = world_.failing().failed();
      world_.failing().FailAt(UINT64_MAX, false);
      if (result.ok()) {
        // Nothing failed, or a read that was tried again (read-ahead).
        ASSERT_TRUE(!failed || !sticky);
        EXPECT_EQ(SortedOutput(*result), expected);
        RemoveOutput(*result);
      } else {
        ASSERT_EQ(result.status().code(), absl::StatusCode::kInternal);
      }
      ASSERT_EQ(world_.disk().Files(), files) << n;
      for (size_t i = 0; i < files.size(); ++i) {
        ASSERT_EQ(world_.disk().GetBytes(files[i]).value(), bytes[i]);
      }
      if (!failed) {
        EXPECT_GT(n, 5u);
        break;
      }
    }
  }
}

TEST_F(RandomTree, NamesADamagedInputAndLeavesNoFile) {
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed_));
  level(6) = world_.MakeLevel(RandomEntries(150), options_, 6, 2000);
  level(0) = {world_.Make(RandomEntries(80), options_)};
  const std::vector<std::string> files = world_.disk().Files();
  int silent = 0;
  for (int flip = 0; flip < 300; ++flip) {
    const CompactionPlan plan = PlanOf(0, 6, level(0));
    const auto& victim = plan.overlapping.empty() || random_.OneIn(2)
                             ? plan.inputs[0]
                             : plan.overlapping[0];
    const std::string path = TableFileName("/db", victim->meta().number);
    const uint64_t bit = random_.Uniform(victim->meta().size * 8);
    ASSERT_TRUE(world_.disk().FlipBit(path, bit).ok());
    for (Version::Level& tables : levels_) {
      for (auto& table : tables) table = world_.Open(table->meta());
    }
    const auto result = Run(PlanOf(0, 6, level(0)), {last_sequence_});
    if (result.ok()) {  // Of the filter, which a scan does not read.
      ++silent;
      RemoveOutput(*result);
    } else {
      EXPECT_EQ(result.status().code(), absl::StatusCode::kDataLoss);
      const auto detail = DetailOf(result.status());
      ASSERT_TRUE(detail.has_value());
      EXPECT_EQ(detail->file, path);
    }
    ASSERT_EQ(world_.disk().Files(), files);
    ASSERT_TRUE(world_.disk().FlipBit(path, bit).ok());
  }
  EXPECT_LT(silent, 100);
}

TEST_F(RandomTree, StopsWhenItIsCancelledAtAnyPoll) {
  for (int i = 0; i < 3; ++i) {
    level(0).insert(level(0).begin(),
                    world_.Make(RandomEntries(1500), options_));
  }
  const std::vector<std::string> files = world_.disk().Files();
  for (int at = 1; at <= 4; ++at) {
    int polls = 0;
    cancelled_ = [&] { return ++polls == at; };
    EXPECT_EQ(Run(PlanOf(0, 6, level(0)), {last_sequence_}).status().code(),
              absl::StatusCode::kCancelled);
    EXPECT_EQ(world_.disk().Files(), files);
  }
}

}  // namespace
}  // namespace lissom
