#include "db/version/version_set.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "db/filename.h"
#include "db/version/manifest.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lissom/status.h"
#include "tests/db/version/version_set_testing.h"
#include "tests/support/shape.h"
#include "tests/support/test_env.h"
#include "util/fault_injection_file_system.h"
#include "util/memory_file_system.h"
#include "util/random.h"

namespace lissom {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// --- One thing at a time ----------------------------------------------------

TEST(VersionSet, ANewDatabaseIsEmptyAndReadable) {
  const auto file_system = NewFileSystem();
  const auto set = CreateNew(file_system);
  EXPECT_EQ(Text(*set), "");
  EXPECT_EQ(set->manifest_number(), 1u);
  EXPECT_EQ(set->NewFileNumber(), 2u);
  EXPECT_EQ(set->NewFileNumber(), 3u);
  EXPECT_NE(set->NewFileId(), set->NewFileId());
  EXPECT_THAT(file_system->Files(),
              ElementsAre("/db/CURRENT", "/db/MANIFEST-000001"));
  const auto state = ReadManifest(*file_system, kDirectory);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->comparator, BytewiseComparator()->Name());
  EXPECT_EQ(state->database_id, (FileId{.high = 1, .low = 2}));
  EXPECT_EQ(state->next_file_number, 2u);
}

// The dump in db/FORMAT.md; whoever changes one changes the other.
TEST(VersionSet, TheSmallestManifestIsAsTheFormatPageShowsIt) {
  const auto file_system = NewFileSystem();
  VersionEdit birth = Birth();
  birth.database_id =
      FileId{.high = 0x1122334455667788u, .low = 0x99aabbccddeeff00u};
  ASSERT_TRUE(
      VersionSet::Create(DepsOn(file_system), ManifestState(), birth).ok());
  EXPECT_EQ(
      absl::BytesToHexString(*file_system->GetBytes("/db/MANIFEST-000001")),
      "6c6973736f6d6d660000000038000000"
      "0100000000000000c510c70f6daff2b3"
      "ea4c364796553b850000000000000000"
      "bb6a88cfc9b6f622489d87563c000000"
      "cba49616823a0181196c6973736f6d2e"
      "4279746577697365436f6d7061726174"
      "6f728210887766554433221100ffeedd"
      "ccbbaa99830100840102850100860100");
}

TEST(VersionSet, AnEditIsSeenAndDurable) {
  const auto file_system = NewFileSystem();
  const auto set = CreateNew(file_system);
  const auto before = set->current();
  VersionEdit edit = Adding(0, "7[a-c]@10-20");
  edit.min_log_number = 5;
  edit.flushed_sequence = 20;
  ASSERT_TRUE(set->Apply(edit).ok());
  EXPECT_EQ(Text(*set), "L0: 7[a-c]");
  EXPECT_EQ(testing::ToString(*before), "");
  EXPECT_EQ(set->min_log_number(), 5u);
  EXPECT_EQ(set->NewFileNumber(), 8u);
  const auto crashed = file_system->CrashImageNow(CrashPolicy::SyncedOnly());
  const auto state = ReadManifest(*crashed, kDirectory);
  ASSERT_TRUE(state.ok()) << state.status();
  ASSERT_EQ(state->tables.size(), 1u);
  EXPECT_EQ(state->tables[0].table, edit.added[0].table);
  EXPECT_EQ(state->min_log_number, 5u);
  EXPECT_EQ(state->flushed_sequence, 20u);
  EXPECT_EQ(state->last_sequence, 20u);
  EXPECT_EQ(state->next_file_number, 8u);
}

TEST(VersionSet, EveryEditCarriesTheCounters) {
  const auto file_system = NewFileSystem();
  const auto set = CreateNew(file_system);
  for (int i = 0; i < 10; ++i) set->NewFileNumber();
  set->RaiseLastSequence(1000);
  set->RaiseLastSequence(900);
  ASSERT_TRUE(set->Apply(VersionEdit()).ok());
  const auto state = ReadManifest(*file_system, kDirectory);
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(state->next_file_number, 12u);
  EXPECT_EQ(state->last_sequence, 1000u);
}

TEST(VersionSet, LivesOnFromWhatWasRead) {
  const auto file_system = NewFileSystem();
  VersionEdit log;
  log.logs_created.push_back({.number = 8, .id = {.high = 3, .low = 4}});
  {
    const auto set = CreateNew(file_system);
    ASSERT_TRUE(set->Apply(Adding(1, "7[a-c]")).ok());
    ASSERT_TRUE(set->Apply(Adding(0, "9[b-d]")).ok());
    ASSERT_TRUE(set->Apply(log).ok());
    ASSERT_TRUE(set->Close().ok());
  }
  const auto state = ReadManifest(*file_system, kDirectory);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->logs, log.logs_created);
  auto set = VersionSet::Create(DepsOn(file_system), *state, Removing(1, 7));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(Text(**set), "L0: 9[b-d]");
  EXPECT_THAT((*set)->TakeObsoleteTables(), ElementsAre(7u));
  EXPECT_EQ((*set)->manifest_number(), 10u);
  const auto again = ReadManifest(*file_system, kDirectory);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->manifest_number, 10u);
  EXPECT_EQ(again->next_file_number, 11u);
  EXPECT_EQ(again->logs, log.logs_created);
  // The old manifest is the caller's to remove.
  EXPECT_TRUE(file_system->GetBytes("/db/MANIFEST-000001").ok());
}

TEST(VersionSet, RefusesAStateThatCannotBe) {
  const auto file_system = NewFileSystem();
  ManifestState state;
  state.comparator = BytewiseComparator()->Name();
  state.manifest_number = 3;
  state.next_file_number = 50;
  state.last_sequence = 1000;
  const auto code = [&](const ManifestState& s) {
    return VersionSet::Create(DepsOn(file_system), s, VersionEdit())
        .status()
        .code();
  };
  ManifestState bad = state;  // Overlap in level 1.
  bad.tables = {{.level = 1, .table = testing::ParseTable("5[a-e]")},
                {.level = 1, .table = testing::ParseTable("6[d-z]")}};
  EXPECT_EQ(code(bad), absl::StatusCode::kDataLoss);
  bad = state;
  bad.tables = {{.level = 1, .table = testing::ParseTable("51[a-e]@1-2")}};
  EXPECT_EQ(code(bad), absl::StatusCode::kDataLoss);
  bad = state;
  bad.next_file_number = kMaxFileNumber;
  EXPECT_EQ(code(bad), absl::StatusCode::kDataLoss);
  bad = state;
  bad.comparator = "another";
  EXPECT_EQ(code(bad), absl::StatusCode::kInvalidArgument);
  // Nothing was written.
  EXPECT_THAT(file_system->Files(), IsEmpty());
  // An edit that does not fit is our own mistake.
  EXPECT_EQ(VersionSet::Create(DepsOn(file_system), state, Removing(1, 5))
                .status()
                .code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(
      VersionSet::Create(DepsOn(file_system), ManifestState(), VersionEdit())
          .status()
          .code(),
      absl::StatusCode::kInternal);
  EXPECT_THAT(file_system->Files(), IsEmpty());
  EXPECT_EQ(code(state), absl::StatusCode::kOk);
}

TEST(VersionSet, ABadEditIsNotWrittenAndLatches) {
  const VersionEdit bad_edits[] = {
      Removing(1, 99),       // Not there.
      Adding(1, "12[c-e]"),  // Overlaps 7.
      Adding(0, "7[x-z]"),   // The number is taken.
      Adding(0, "13[z-a]"),  // Ends the wrong way round.
      [] {
        VersionEdit edit;
        edit.min_log_number = 3;  // Goes back.
        return edit;
      }(),
      [] {
        VersionEdit edit = Adding(0, "14[a-b]");
        edit.added[0].table.tail_size = uint64_t{1} << 40;
        return edit;
      }(),
      [] {
        VersionEdit edit;
        edit.last_sequence = kMaxSequence + 1;
        return edit;
      }(),
  };
  for (const VersionEdit& bad : bad_edits) {
    const auto file_system = NewFileSystem();
    const auto set = CreateNew(file_system);
    VersionEdit edit = Adding(1, "7[a-c]");
    edit.min_log_number = 4;
    ASSERT_TRUE(set->Apply(edit).ok());
    const auto bytes = *file_system->GetBytes("/db/MANIFEST-000001");
    EXPECT_EQ(set->Apply(bad).code(), absl::StatusCode::kInternal);
    EXPECT_EQ(*file_system->GetBytes("/db/MANIFEST-000001"), bytes);
    EXPECT_EQ(Text(*set), "L1: 7[a-c]");
    const absl::Status latched = set->Apply(Adding(0, "15[a-b]"));
    EXPECT_EQ(latched.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(DetailOf(latched)->severity, Severity::kWrites);
  }
}

TEST(VersionSet, AMovedTableStaysTheSameTable) {
  const auto set = CreateNew(NewFileSystem());
  ASSERT_TRUE(set->Apply(Adding(1, "7[a-c]")).ok());
  const auto table = set->current()->level(1)[0];
  VersionEdit move = Adding(2, "7[a-c]");
  move.removed.push_back({.level = 1, .number = 7});
  ASSERT_TRUE(set->Apply(move).ok());
  EXPECT_EQ(Text(*set), "L2: 7[a-c]");
  EXPECT_EQ(set->current()->level(2)[0], table);
  EXPECT_THAT(set->LiveTables(), ElementsAre(7u));
  EXPECT_THAT(set->TakeObsoleteTables(), IsEmpty());
}

TEST(VersionSet, ATableIsObsoleteWhenNobodyHoldsItAnyMore) {
  const auto set = CreateNew(NewFileSystem());
  ASSERT_TRUE(set->Apply(Adding(1, "7[a-c]")).ok());
  auto old = set->current();
  auto level = old->level(1);  // As an iterator holds it, without the Version.
  VersionEdit edit = Adding(2, "8[a-c]");
  edit.removed.push_back({.level = 1, .number = 7});
  ASSERT_TRUE(set->Apply(edit).ok());
  EXPECT_THAT(set->LiveTables(), ElementsAre(7u, 8u));
  EXPECT_THAT(set->TakeObsoleteTables(), IsEmpty());
  old.reset();
  EXPECT_THAT(set->LiveTables(), ElementsAre(7u, 8u));
  EXPECT_THAT(set->TakeObsoleteTables(), IsEmpty());
  level.clear();
  EXPECT_THAT(set->LiveTables(), ElementsAre(8u));
  EXPECT_THAT(set->TakeObsoleteTables(), ElementsAre(7u));
  EXPECT_THAT(set->TakeObsoleteTables(), IsEmpty());
}

TEST(VersionSet, ClosedItTakesNoEdits) {
  const auto file_system = NewFileSystem();
  const auto set = CreateNew(file_system);
  ASSERT_TRUE(set->Apply(Adding(1, "7[a-c]")).ok());
  ASSERT_TRUE(set->Close().ok());
  ASSERT_TRUE(set->Close().ok());
  EXPECT_EQ(set->Apply(Adding(1, "8[x-z]")).code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(Text(*set), "L1: 7[a-c]");
}

// After a clean stop rot in any edit is seen: the last edit says nothing.
TEST(VersionSet, AfterCloseEveryFlippedBitOfAnEditIsSeen) {
  const auto file_system = NewFileSystem();
  const char* path = "/db/MANIFEST-000001";
  uint64_t end = 0;
  {
    const auto set = CreateNew(file_system);
    ASSERT_TRUE(set->Apply(Adding(1, "7[a-c]")).ok());
    end = file_system->GetBytes(path)->size();
    ASSERT_TRUE(set->Close().ok());
  }
  const uint64_t size = file_system->GetBytes(path)->size();
  ASSERT_GT(size, end);
  for (uint64_t bit = 0; bit < size * 8; ++bit) {
    ASSERT_TRUE(file_system->FlipBit(path, bit).ok());
    const auto state = ReadManifest(*file_system, kDirectory);
    if (bit / 8 < end) {
      EXPECT_FALSE(state.ok()) << bit;
    } else {
      ASSERT_TRUE(state.ok()) << state.status();
      EXPECT_EQ(state->tables.size(), 1u);
    }
    ASSERT_TRUE(file_system->FlipBit(path, bit).ok());
  }
}

// --- Rolling ----------------------------------------------------------------

TEST(VersionSet, RollsAManifestThatGrewAndKeepsTheState) {
  const auto file_system = NewFileSystem();
  const auto set = CreateNew(file_system, 4096);
  std::vector<uint64_t> obsolete;
  for (int i = 0; i < 500; ++i) {
    const uint64_t number = set->NewFileNumber();
    VersionEdit edit;
    edit.added.push_back(
        {.level = 1,
         .table = testing::ParseTable(absl::StrCat(number, "[a-c]@1-2"))});
    if (i > 0) edit.removed.push_back({.level = 1, .number = number - 1});
    // A roll took a number of its own in between.
    if (i > 0) {
      edit.removed[0].number = set->current()->level(1)[0]->meta().number;
    }
    ASSERT_TRUE(set->Apply(edit).ok());
    for (const uint64_t old : set->TakeObsoleteManifests()) {
      obsolete.push_back(old);
      EXPECT_NE(old, set->manifest_number());
      ASSERT_TRUE(
          file_system->RemoveFile(ManifestFileName(kDirectory, old), {}).ok());
    }
    const auto size =
        file_system
            ->GetBytes(ManifestFileName(kDirectory, set->manifest_number()))
            ->size();
    ASSERT_LE(size, 4096u + 300);
  }
  EXPECT_GE(obsolete.size(), 5u);
  const auto state = ReadManifest(*file_system, kDirectory);
  ASSERT_TRUE(state.ok()) << state.status();
  ASSERT_EQ(state->tables.size(), 1u);
  EXPECT_EQ(state->tables[0].table, set->current()->level(1)[0]->meta());
  EXPECT_GT(state->next_file_number, state->manifest_number);
  EXPECT_EQ(file_system->Files().size(), 2u);
}

TEST(VersionSet, AManifestMayBeTwiceItsFreshSizeWhateverTheOption) {
  const auto file_system = NewFileSystem();
  const auto set = CreateNew(file_system, 0);
  std::string keys = "aa";
  for (int i = 0; i < 100; ++i) {  // Nothing is removed: nothing to gain.
    VersionEdit edit =
        Adding(1, absl::StrCat(1000 + i, "[", 100 + i, "-", 100 + i, "]"));
    ASSERT_TRUE(set->Apply(edit).ok());
  }
  EXPECT_THAT(set->TakeObsoleteManifests().size(), ::testing::Le(2u));
}

// --- Crashes ----------------------------------------------------------------

// What a state says, as far as edits decide it.
std::string Digest(const ManifestState& state) {
  std::string out =
      absl::StrCat("log ", state.min_log_number, " flushed ",
                   state.flushed_sequence, " last ", state.last_sequence);
  for (const auto& log : state.logs) absl::StrAppend(&out, " +", log.number);
  for (const auto& log : state.closed_logs) {
    absl::StrAppend(&out, " /", log.number);
  }
  for (const auto& t : state.tables) {
    absl::StrAppend(&out, " ", t.level, ":", testing::ToString(t.table));
  }
  return out;
}

// A life of several opens with many edits of all sorts, the manifest rolling
// now and then. Each step is one call that is acknowledged or fails; what it
// aims at is known before it is made.
class Life {
 public:
  Life(MemoryFileSystem& base, std::shared_ptr<FileSystem> file_system,
       uint64_t seed)
      : base_(base), file_system_(std::move(file_system)), random_(seed) {}

  struct Step {
    size_t begin;        // Operations before it.
    size_t end;          // Operations when it was acknowledged.
    std::string digest;  // Of what it leads to.
    uint64_t next_file_number = 0;
  };

  // Lives until the end or the first error, which it returns.
  absl::Status Run() {
    for (int open = 0; open < 3; ++open) {
      ManifestState state;
      VersionEdit edit = Birth();
      if (open > 0) {
        const auto read = ReadManifest(base_, kDirectory);
        EXPECT_TRUE(read.ok()) << read.status();
        state = *read;
        edit = VersionEdit();
        edit.min_log_number = state.next_file_number;
      }
      absl::Status status = Try(edit, [&](const VersionEdit& e) {
        auto set = VersionSet::Create(DepsOn(file_system_, 300), state, e);
        if (!set.ok()) return set.status();
        set_ = *std::move(set);
        return absl::OkStatus();
      });
      if (!status.ok()) return status;
      for (int i = 0; i < 12; ++i) {
        status = Try(NextEdit(),
                     [&](const VersionEdit& e) { return set_->Apply(e); });
        if (!status.ok()) return status;
        RemoveObsolete();
      }
      if (open == 1) {
        closed_ = true;
        status = set_->Close();
        if (!status.ok()) return status;
      }
      set_.reset();
      closed_ = false;
    }
    return absl::OkStatus();
  }

  const std::vector<Step>& steps() const { return steps_; }
  VersionSet* set() { return set_.get(); }
  bool closed() const { return closed_; }
  int rolls() const { return rolls_; }

 private:
  template <typename Call>
  absl::Status Try(const VersionEdit& edit, Call call) {
    // The model: what the edits add up to, said in another way.
    for (const auto& t : edit.removed) {
      std::erase_if(model_.tables,
                    [&](auto& x) { return x.table.number == t.number; });
    }
    for (const auto& t : edit.added) model_.tables.push_back(t);
    std::sort(model_.tables.begin(), model_.tables.end(), [](auto& a, auto& b) {
      return std::pair(a.level, a.table.number) <
             std::pair(b.level, b.table.number);
    });
    for (const auto& t : edit.added) {
      model_.last_sequence =
          std::max(model_.last_sequence, t.table.largest_sequence);
    }
    model_.min_log_number = edit.min_log_number.value_or(model_.min_log_number);
    model_.flushed_sequence =
        edit.flushed_sequence.value_or(model_.flushed_sequence);
    for (const auto& log : edit.logs_created) model_.logs.push_back(log);
    for (const auto& log : edit.logs_closed) model_.closed_logs.push_back(log);
    const auto old = [&](auto& log) {
      return log.number < model_.min_log_number;
    };
    std::erase_if(model_.logs, old);
    std::erase_if(model_.closed_logs, old);

    steps_.push_back({.begin = base_.operation_count(),
                      .end = SIZE_MAX,
                      .digest = Digest(model_)});
    absl::Status status = call(edit);
    if (status.ok()) {
      steps_.back().end = base_.operation_count();
      const auto read = ReadManifest(base_, kDirectory);
      EXPECT_TRUE(read.ok()) << read.status();
      if (read.ok()) {
        EXPECT_EQ(Digest(*read), steps_.back().digest);
        steps_.back().next_file_number = read->next_file_number;
      }
    }
    return status;
  }

  VersionEdit NextEdit() {
    VersionEdit edit;
    const uint64_t sequence = ++sequence_ * 10;
    const uint64_t number = set_->NewFileNumber();
    switch (random_.Uniform(5)) {
      case 0:  // A flush.
      case 1:
        edit.added.push_back(
            {.level = 0,
             .table = testing::ParseTable(
                 absl::StrCat(number, "[a-z]@", sequence, "-", sequence + 9))});
        edit.flushed_sequence = sequence + 9;
        edit.min_log_number = number;
        break;
      case 2: {  // A compaction.
        const auto& tables = model_.tables;
        if (tables.empty()) break;
        const auto& t = tables[random_.Uniform(tables.size())];
        edit.removed.push_back({.level = t.level, .number = t.table.number});
        break;
      }
      case 3: {  // A move.
        for (const auto& t : model_.tables) {
          if (t.level != 0) continue;
          const int level = FreeLevel();
          if (level == 0) break;
          edit.removed.push_back({.level = 0, .number = t.table.number});
          edit.added.push_back({.level = level, .table = t.table});
          break;
        }
        break;
      }
      default:
        edit.logs_created.push_back({.number = number, .id = {}});
        if (random_.OneIn(2)) {
          edit.logs_closed.push_back(
              {.number = number, .length = 5, .chain_hash = 6});
        }
    }
    return edit;
  }

  int FreeLevel() const {
    for (int n = Version::kLevels - 1; n > 0; --n) {
      if (set_->current()->level(n).empty()) return n;
    }
    return 0;
  }

  void RemoveObsolete() {
    for (const uint64_t old : set_->TakeObsoleteManifests()) {
      ++rolls_;
      // Its failure is no error of an edit.
      file_system_->RemoveFile(ManifestFileName(kDirectory, old), {})
          .IgnoreError();
    }
  }

  MemoryFileSystem& base_;
  const std::shared_ptr<FileSystem> file_system_;
  Random random_;
  std::unique_ptr<VersionSet> set_;
  std::vector<Step> steps_;
  ManifestState model_;
  uint64_t sequence_ = 0;
  bool closed_ = false;
  int rolls_ = 0;
};

// Reads what a crash left after `operations`: acknowledged or in flight, never
// older, never an error; and life can go on from there.
void CheckImage(const std::shared_ptr<MemoryFileSystem>& image,
                const std::vector<Life::Step>& steps, size_t operations) {
  const Life::Step* acknowledged = nullptr;
  const Life::Step* in_flight = nullptr;
  for (const Life::Step& step : steps) {
    if (step.end <= operations) {
      acknowledged = &step;
    } else if (step.begin < operations) {
      in_flight = &step;
    }
  }
  const auto state = ReadManifest(*image, kDirectory);
  if (!state.ok() && acknowledged == nullptr) {
    // Not born yet.
    ASSERT_TRUE(IsDataLoss(state.status()));
    ASSERT_EQ(DetailOf(state.status())->kind, ErrorKind::kMissingFile);
    ASSERT_EQ(DetailOf(state.status())->file, "/db/CURRENT");
    return;
  }
  ASSERT_TRUE(state.ok()) << state.status();
  const std::string digest = Digest(*state);
  const bool legal =
      (acknowledged != nullptr && digest == acknowledged->digest) ||
      (in_flight != nullptr && digest == in_flight->digest);
  ASSERT_TRUE(legal) << "found:        " << digest << "\nacknowledged: "
                     << (acknowledged ? acknowledged->digest : "none")
                     << "\nin flight:    "
                     << (in_flight ? in_flight->digest : "none");
  if (acknowledged != nullptr) {
    ASSERT_GE(state->next_file_number, acknowledged->next_file_number);
  }
  // As recovery does: numbers pass every file that is there.
  ManifestState next = *state;
  for (const std::string& path : image->Files()) {
    const auto name = ParseFileName(path.substr(path.rfind('/') + 1));
    ASSERT_TRUE(name.has_value()) << path;
    next.next_file_number = std::max(next.next_file_number, name->number + 1);
  }
  const auto set = VersionSet::Create(DepsOn(image), next, VersionEdit());
  ASSERT_TRUE(set.ok()) << set.status();
  const auto again = ReadManifest(*image, kDirectory);
  ASSERT_TRUE(again.ok()) << again.status();
  ASSERT_EQ(Digest(*again), digest);
}

TEST(VersionSetCrash, AfterEveryOperationTheStateIsWhatWasAcknowledgedOrNext) {
  const uint64_t seed = TestSeed();
  uint64_t images = 0;
  int rolls = 0;
  for (uint64_t round = 0; round < Scaled(20); ++round) {
    const auto base = NewFileSystem();
    const size_t first = base->operation_count();
    Life life(*base, base, seed + round);
    ASSERT_TRUE(life.Run().ok());
    rolls += life.rolls();
    CrashReplayer replayer(*base);
    for (size_t n = first; n <= base->operation_count(); ++n) {
      replayer.AdvanceTo(n);
      for (const CrashPolicy& policy : Policies(seed + n)) {
        SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed, " round ", round,
                                  " after ", n, " operations, ",
                                  ToString(policy)));
        CheckImage(replayer.Image(policy), life.steps(), n);
        if (::testing::Test::HasFatalFailure()) return;
        ++images;
      }
    }
  }
  std::printf("%llu images, %d rolls\n",
              static_cast<unsigned long long>(images), rolls);
  EXPECT_GT(rolls, 0);
}

// --- Failures ---------------------------------------------------------------

std::string Contents(const MemoryFileSystem& file_system) {
  std::string out;
  for (const std::string& path : file_system.Files()) {
    absl::StrAppend(&out, path, "=", *file_system.GetBytes(path), ";");
  }
  return out;
}

// Lives until the `skip`-th call fails; false if none did.
bool LiveUntilFault(uint64_t skip, Fault::Effect effect, bool sticky,
                    uint64_t seed) {
  const auto base = NewFileSystem();
  const auto faulty = std::make_shared<FaultInjectionFileSystem>(base);
  Fault fault{.skip = skip, .sticky = sticky, .effect = effect};
  // What a failed fsync does to the bytes.
  fault.on_hit = [base](const std::string& path) {
    base->DropUnsynced(path).IgnoreError();
  };
  if (effect != Fault::Effect::kNothing) fault.on_hit = nullptr;
  const uint64_t id = faulty->Arm(fault);
  Life life(*base, faulty, seed);
  const absl::Status status = life.Run();
  const bool hit = faulty->hits(id) > 0;
  EXPECT_TRUE(status.ok() || hit) << status;
  EXPECT_EQ(faulty->uses_after_failed_sync(), 0u);
  if (!status.ok() && life.set() != nullptr) {
    VersionSet& set = *life.set();
    const std::string shape = Text(set);
    faulty->DisarmAll();
    const std::string files = Contents(*base);
    const absl::Status latched = set.Apply(VersionEdit());
    if (life.closed()) {
      EXPECT_TRUE(absl::IsCancelled(latched)) << latched;
    } else {
      EXPECT_TRUE(absl::IsFailedPrecondition(latched)) << latched;
      EXPECT_EQ(DetailOf(latched)->severity, Severity::kWrites);
    }
    EXPECT_THAT(set.TakeObsoleteTables(), IsEmpty());
    EXPECT_THAT(set.TakeObsoleteManifests(), IsEmpty());
    EXPECT_FALSE(set.Close().ok());
    EXPECT_EQ(Text(set), shape);
    EXPECT_EQ(Contents(*base), files);
  }
  if (!status.ok() && !sticky) {
    for (const std::string& path : base->Files()) {
      const auto name = ParseFileName(path.substr(path.rfind('/') + 1));
      EXPECT_NE(name->type, FileType::kCurrentTemp) << status;
    }
  }
  CheckImage(base->Clone(), life.steps(), base->operation_count());
  for (const CrashPolicy& policy : Policies(seed + skip)) {
    SCOPED_TRACE(ToString(policy));
    CheckImage(base->CrashImageNow(policy), life.steps(),
               base->operation_count());
  }
  return hit;
}

TEST(VersionSetFault, EveryFailureLatchesAndLeavesALegalState) {
  const uint64_t seed = TestSeed();
  uint64_t faults = 0;
  for (const auto effect :
       {Fault::Effect::kNothing, Fault::Effect::kHalf, Fault::Effect::kDone}) {
    for (const bool sticky : {false, true}) {
      for (uint64_t skip = 0;; ++skip) {
        SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed, " skip ", skip,
                                  " effect ", static_cast<int>(effect),
                                  " sticky ", sticky));
        if (!LiveUntilFault(skip, effect, sticky, seed)) break;
        if (::testing::Test::HasFailure()) return;
        ++faults;
      }
    }
  }
  std::printf("%llu faults\n", static_cast<unsigned long long>(faults));
  EXPECT_GT(faults, 500u);
}

// The edit reached the disk although its sync said no: memory and disk now
// disagree, so nothing that either needs may be deleted.
TEST(VersionSetFault, NothingIsObsoleteAfterAnEditThatMayHaveLanded) {
  const auto base = NewFileSystem();
  const auto faulty = std::make_shared<FaultInjectionFileSystem>(base);
  const auto set = CreateNew(faulty);
  ASSERT_TRUE(set->Apply(Adding(1, "7[a-c]")).ok());
  faulty->Arm({.op = FileOp::kSync, .effect = Fault::Effect::kDone});
  VersionEdit edit = Adding(2, "8[a-c]");
  edit.removed.push_back({.level = 1, .number = 7});
  EXPECT_FALSE(set->Apply(edit).ok());
  EXPECT_EQ(Text(*set), "L1: 7[a-c]");
  EXPECT_THAT(set->TakeObsoleteTables(), IsEmpty());
  const auto found =
      ReadManifest(*base->CrashImageNow(CrashPolicy::SyncedOnly()), kDirectory);
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->tables.size(), 1u);
  EXPECT_EQ(found->tables[0].table.number, 8u);
}

// --- Threads ----------------------------------------------------------------

TEST(VersionSet, EditsOfManyThreadsAllArrive) {
  const auto file_system = NewFileSystem();
  const auto set = CreateNew(file_system, 1024);
  constexpr int kThreads = 4;
  constexpr int kEdits = 50;
  std::vector<std::thread> threads(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads[t] = std::thread([&set, t] {
      const std::string key(1, static_cast<char>('a' + t));
      std::optional<uint64_t> last;
      for (int i = 0; i < kEdits; ++i) {
        const uint64_t number = set->NewFileNumber();
        VersionEdit edit;
        edit.added.push_back({.level = 1,
                              .table = testing::ParseTable(absl::StrCat(
                                  number, "[", key, "-", key, "]@1-1"))});
        if (last.has_value()) {
          edit.removed.push_back({.level = 1, .number = *last});
        }
        last = number;
        set->RaiseLastSequence(number);
        EXPECT_TRUE(set->Apply(edit).ok());
        EXPECT_TRUE(set->current()->CheckInvariants().ok());
        set->TakeObsoleteTables();
        set->NewFileId();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(set->current()->TableCount(), size_t{kThreads});
  set->TakeObsoleteTables();
  EXPECT_EQ(set->LiveTables().size(), size_t{kThreads});
  const auto state = ReadManifest(*file_system, kDirectory);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->tables.size(), size_t{kThreads});
}

}  // namespace
}  // namespace lissom
