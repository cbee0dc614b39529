// A version set that goes on after an edit failed: at each operation of the
// edit and of Resume itself, what is obsolete then, and what is refused.
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
#include "db/version/version_set.h"
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

// "7 8 11": the tables of a state.
std::string Numbers(const std::vector<VersionEdit::NewTable>& tables) {
  std::set<uint64_t> numbers;
  for (const auto& t : tables) numbers.insert(t.table.number);
  return absl::StrJoin(numbers, " ");
}

// Tables 7 and 8 stand. An edit that moves 8 and adds 9 fails at operation
// `fail_at` of it; then a Resume that adds 10, at its operation `resume_at`, if
// that is given; then a Resume that adds 11 goes through.
class Resumption {
 public:
  Resumption(uint64_t roll_bytes, Fault::Effect effect)
      : effect_(effect), set_(CreateNew(faulty_, roll_bytes)) {
    EXPECT_TRUE(set_->Apply(Adding(1, "7[a-c]")).ok());
    EXPECT_TRUE(set_->Apply(Adding(0, "8[d-f]")).ok());
    for (const uint64_t manifest : set_->TakeObsoleteManifests()) {
      EXPECT_TRUE(
          base_->RemoveFile(ManifestFileName(kDirectory, manifest), {}).ok());
    }
  }

  bool met() const { return met_; }  // The fault that was armed last.

  // False if the edit has fewer operations.
  bool FailEdit(uint64_t at) {
    VersionEdit edit = Adding(2, "9[d-f]");
    edit.removed.push_back({.level = 0, .number = 8});
    edit.added.push_back({.level = 1, .table = testing::ParseTable("8[d-f]")});
    begin_ = base_->operation_count();
    const absl::Status status = Faulty(at, [&] { return set_->Apply(edit); });
    if (!met_) return false;
    EXPECT_FALSE(status.ok());
    ExpectLatched();
    return true;
  }

  // False if Resume has fewer operations.
  bool FailResume(uint64_t at) {
    const absl::Status status =
        Faulty(at, [&] { return set_->Resume(Adding(0, "10[g-i]")); });
    if (!met_) return false;
    EXPECT_FALSE(status.ok());
    tried_ = true;
    ExpectLatched();
    return true;
  }

  void Resume() {
    const absl::Status status = set_->Resume(Adding(0, "11[k-m]"));
    ASSERT_TRUE(status.ok()) << status;
    const size_t resumed = base_->operation_count();
    EXPECT_EQ(Text(*set_), "L0: 11[k-m] 8[d-f]\nL1: 7[a-c]");
    EXPECT_THAT(
        set_->TakeObsoleteTables(),
        ::testing::UnorderedElementsAreArray(
            tried_ ? std::vector<uint64_t>{9, 10} : std::vector<uint64_t>{9}));
    ExpectOtherManifestsObsolete();
    EXPECT_EQ(faulty_->uses_after_failed_sync(), 0u);
    CheckImages(resumed);
    // Life goes on.
    ASSERT_TRUE(set_->Apply(Removing(1, 7)).ok());
    EXPECT_THAT(set_->TakeObsoleteTables(), ElementsAre(7));
    ASSERT_TRUE(set_->Close().ok());
    const auto state = ReadManifest(*base_, kDirectory);
    ASSERT_TRUE(state.ok()) << state.status();
    EXPECT_EQ(Numbers(state->tables), "8 11");
    EXPECT_GE(state->next_file_number, 12u);
  }

 private:
  absl::Status Faulty(uint64_t at, const std::function<absl::Status()>& call) {
    Fault fault{.skip = at, .effect = effect_};
    if (effect_ == Fault::Effect::kNothing) {
      fault.on_hit = [base = base_](const std::string& path) {
        base->DropUnsynced(path).IgnoreError();
      };
    }
    const uint64_t id = faulty_->Arm(fault);
    absl::Status status = call();
    met_ = faulty_->hits(id) > 0;
    faulty_->DisarmAll();
    return status;
  }

  void ExpectLatched() {
    EXPECT_EQ(Text(*set_), "L0: 8[d-f]\nL1: 7[a-c]");
    EXPECT_TRUE(absl::IsFailedPrecondition(set_->Apply(VersionEdit())));
    EXPECT_THAT(set_->TakeObsoleteTables(), IsEmpty());
    EXPECT_THAT(set_->TakeObsoleteManifests(), IsEmpty());
  }

  void ExpectOtherManifestsObsolete() {
    const std::vector<uint64_t> obsolete = set_->TakeObsoleteManifests();
    std::set<uint64_t> old(obsolete.begin(), obsolete.end());
    EXPECT_EQ(old.size(), obsolete.size()) << "each once";
    EXPECT_FALSE(old.contains(set_->manifest_number()));
    for (const std::string& path : base_->Files()) {
      const auto name = ParseFileName(path.substr(path.rfind('/') + 1));
      ASSERT_TRUE(name.has_value());
      // A failed creation that was one all the same: nobody knows of it.
      if (name->type != FileType::kManifest ||
          effect_ == Fault::Effect::kDone) {
        continue;
      }
      EXPECT_TRUE(name->number == set_->manifest_number() ||
                  old.contains(name->number))
          << path << " is nobody's";
    }
  }

  void CheckImages(size_t resumed) {
    CrashReplayer replayer(*base_);
    for (size_t n = begin_; n <= resumed; ++n) {
      replayer.AdvanceTo(n);
      for (const CrashPolicy& policy : Policies(n)) {
        const auto image = replayer.Image(policy);
        const auto state = ReadManifest(*image, kDirectory);
        ASSERT_TRUE(state.ok()) << state.status() << " after " << n;
        const std::string found = Numbers(state->tables);
        if (n == resumed) {
          ASSERT_EQ(found, "7 8 11");
        } else {
          ASSERT_THAT(found,
                      ::testing::AnyOf("7 8", "7 8 9", "7 8 10", "7 8 11"))
              << "after " << n;
        }
      }
    }
  }

  const Fault::Effect effect_;
  const std::shared_ptr<MemoryFileSystem> base_ = NewFileSystem();
  const std::shared_ptr<FaultInjectionFileSystem> faulty_ =
      std::make_shared<FaultInjectionFileSystem>(base_);
  const std::unique_ptr<VersionSet> set_;
  size_t begin_ = 0;
  bool met_ = false;
  bool tried_ = false;
};

TEST(VersionSetResume, AfterEveryFailureOfAnEditAndOfItself) {
  uint64_t runs = 0;
  for (const uint64_t roll_bytes : {uint64_t{1} << 20, uint64_t{1}}) {
    for (const auto effect : {Fault::Effect::kNothing, Fault::Effect::kHalf,
                              Fault::Effect::kDone}) {
      for (uint64_t at = 0;; ++at) {
        SCOPED_TRACE(absl::StrCat("rolls at ", roll_bytes, ", effect ",
                                  static_cast<int>(effect), " at ", at));
        {
          Resumption run(roll_bytes, effect);
          if (!run.FailEdit(at)) break;
          run.Resume();
        }
        for (uint64_t resume_at = 0;; ++resume_at) {
          SCOPED_TRACE(absl::StrCat("then Resume at ", resume_at));
          Resumption run(roll_bytes, effect);
          run.FailEdit(at);
          if (!run.FailResume(resume_at)) break;
          run.Resume();
          ++runs;
          if (::testing::Test::HasFailure()) return;
        }
        if (::testing::Test::HasFailure()) return;
      }
    }
  }
  EXPECT_GT(runs, 100u);
  std::printf("%llu runs\n", static_cast<unsigned long long>(runs));
}

TEST(VersionSetResume, WithoutAFailureItIsAnEditInANewManifest) {
  const auto base = NewFileSystem();
  const auto set = CreateNew(base);
  ASSERT_TRUE(set->Apply(Adding(1, "7[a-c]")).ok());
  const uint64_t before = set->manifest_number();
  ASSERT_TRUE(set->Resume(Adding(2, "8[a-c]")).ok());
  EXPECT_EQ(Text(*set), "L1: 7[a-c]\nL2: 8[a-c]");
  EXPECT_GT(set->manifest_number(), before);
  EXPECT_THAT(set->TakeObsoleteManifests(), ElementsAre(before));
  EXPECT_THAT(set->TakeObsoleteTables(), IsEmpty());
  EXPECT_TRUE(set->Apply(Adding(3, "9[a-c]")).ok());
}

TEST(VersionSetResume, ABadEditChangesNothing) {
  const auto base = NewFileSystem();
  const auto set = CreateNew(base);
  ASSERT_TRUE(set->Apply(Adding(1, "7[a-c]")).ok());
  EXPECT_FALSE(set->Apply(Removing(1, 8)).ok());
  EXPECT_FALSE(set->Resume(Removing(1, 8)).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(set->Apply(VersionEdit())));
  EXPECT_TRUE(set->Resume(VersionEdit()).ok());
  EXPECT_EQ(Text(*set), "L1: 7[a-c]");
  EXPECT_TRUE(set->Apply(Removing(1, 7)).ok());
}

TEST(VersionSetResume, ClosedItIsCancelled) {
  const auto set = CreateNew(NewFileSystem());
  ASSERT_TRUE(set->Close().ok());
  EXPECT_TRUE(absl::IsCancelled(set->Resume(VersionEdit())));
}

// Two jobs had tables ready when the first edit failed.
TEST(VersionSetResume, WhatOthersMadeWhileItWasLatchedIsObsoleteToo) {
  const auto base = NewFileSystem();
  const auto faulty = std::make_shared<FaultInjectionFileSystem>(base);
  const auto set = CreateNew(faulty);
  ASSERT_TRUE(set->Apply(Adding(1, "7[a-c]")).ok());
  faulty->Arm({.op = FileOp::kSync});
  EXPECT_FALSE(set->Apply(Adding(0, "8[a-c]")).ok());
  VersionEdit compaction = Adding(2, "9[a-c]");
  compaction.removed.push_back({.level = 1, .number = 7});
  EXPECT_TRUE(absl::IsFailedPrecondition(set->Apply(compaction)));
  VersionEdit move = Adding(3, "7[a-c]");
  move.removed.push_back({.level = 1, .number = 7});
  EXPECT_TRUE(absl::IsFailedPrecondition(set->Apply(move)));
  ASSERT_TRUE(set->Resume(VersionEdit()).ok());
  EXPECT_EQ(Text(*set), "L1: 7[a-c]");
  EXPECT_THAT(set->TakeObsoleteTables(), ::testing::UnorderedElementsAre(8, 9));
}

}  // namespace
}  // namespace lissom
