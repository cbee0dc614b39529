// The scheduler: what runs beside what, what happens after failures, and how
// requests for ranges come to an end. Which tables a rule picks is said in
// leveled_picker_test.
#include "db/compaction/compaction_scheduler.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/db/compaction/pretend_tree.h"
#include "tests/support/shape.h"
#include "tests/support/test_env.h"
#include "util/error.h"

namespace lissom {
namespace {

using testing::ParseShape;
using VersionPtr = CompactionScheduler::VersionPtr;
using Moment = CompactionScheduler::Moment;

ColumnFamilyOptions SmallOptions() {
  ColumnFamilyOptions options;
  options.compression = {Compression::None()};
  options.filter_policy = FilterPolicy::None();
  options.target_file_size_base = uint64_t{2} << 20;
  options.max_bytes_for_level_base = uint64_t{10} << 20;
  return options;
}

Moment At(double seconds) {
  return {.now = absl::Seconds(seconds), .oldest_snapshot = kMaxSequence};
}

class Scheduler : public ::testing::Test {
 protected:
  std::string Next(const VersionPtr& version, double seconds = 0) {
    EXPECT_EQ(scheduler_.HasWork(version, At(seconds)), Trial(version, seconds))
        << "it said otherwise";
    std::optional<CompactionPlan> plan = scheduler_.Next(version, At(seconds));
    if (!plan.has_value()) return "nothing";
    plans_.push_back(*std::move(plan));
    return DebugString(plans_.back());
  }
  void Finish(size_t index, const absl::Status& status,
              const VersionPtr& version, double seconds = 0) {
    scheduler_.Finished(plans_.at(index), status, version, At(seconds));
  }
  std::shared_ptr<const ManualCompaction> Ask(std::optional<std::string> begin,
                                              std::optional<std::string> end,
                                              const VersionPtr& version,
                                              bool rewrite = false) {
    return scheduler_.AddManual(std::move(begin), std::move(end),
                                {.rewrite_last_level = rewrite}, version);
  }

  ColumnFamilyOptions options_ = SmallOptions();
  CompactionScheduler scheduler_{options_};
  std::vector<CompactionPlan> plans_;  // All that were given.

 private:
  // What Next would say, of a copy.
  bool Trial(const VersionPtr& version, double seconds) const {
    CompactionScheduler copy = scheduler_;
    return copy.HasWork(version, At(seconds));
  }
};

const char* const kDue =
    "L0: 4[a-d] 3[a-d] 2[a-d] 1[a-d]\n"
    "L5: 11[i-l]:5M 12[m-p]:10M\nL6: 13[a-h]:20M 14[i-l]:20M 15[m-p]:20M";

// --- Side by side -----------------------------------------------------------

TEST_F(Scheduler, GivesPlansUntilNoneCanRunBesideTheOthers) {
  const VersionPtr version = ParseShape(kDue);
  EXPECT_EQ(Next(version), "compact 12 L5 + 15 L6 -> L6");
  EXPECT_EQ(Next(version), "compact 4 3 2 1 L0 -> L5");
  EXPECT_EQ(Next(version), "nothing");
  EXPECT_EQ(scheduler_.running(), 2);
  EXPECT_NE(plans_[0].id, plans_[1].id);
}

TEST_F(Scheduler, WhatHasEndedMayBePickedAgain) {
  const VersionPtr version = ParseShape(kDue);
  Next(version);
  Next(version);
  Finish(0, absl::CancelledError(), version);
  EXPECT_EQ(scheduler_.running(), 1);
  EXPECT_EQ(Next(version), DebugString(plans_[0]));
}

TEST_F(Scheduler, ForgetsAPlanOnlyOnce) {
  const VersionPtr version = ParseShape(kDue);
  Next(version);
  Finish(0, absl::OkStatus(), version);
  EXPECT_EQ(scheduler_.running(), 0);
}

// --- Failures ---------------------------------------------------------------

TEST_F(Scheduler, WaitsLongerAfterEachFailureInARow) {
  const VersionPtr version = ParseShape(kDue);
  double now = 100;
  for (const int seconds : {1, 2, 4, 8, 16, 32, 64, 128, 256, 256, 256}) {
    ASSERT_NE(Next(version, now), "nothing");
    Finish(plans_.size() - 1, absl::InternalError("disk"), version, now);
    EXPECT_EQ(scheduler_.RetryAt(), absl::Seconds(now + seconds));
    EXPECT_EQ(Next(version, now + seconds - 0.001), "nothing");
    now += seconds;
  }
  ASSERT_NE(Next(version, now), "nothing");
  Finish(plans_.size() - 1, absl::OkStatus(), version, now);
  EXPECT_EQ(scheduler_.RetryAt(), std::nullopt);
  EXPECT_TRUE(scheduler_.error().ok());
  ASSERT_NE(Next(version, now), "nothing");
  Finish(plans_.size() - 1, absl::InternalError("disk"), version, now);
  EXPECT_EQ(scheduler_.RetryAt(), absl::Seconds(now + 1));
}

TEST_F(Scheduler, SaysWhatFailedAndThatItWasAJob) {
  const VersionPtr version = ParseShape(kDue);
  Next(version);
  Finish(0, ErrnoError(EIO, "write", "/db/000077.sst"), version);
  EXPECT_EQ(scheduler_.error().code(), absl::StatusCode::kInternal);
  const auto detail = DetailOf(scheduler_.error());
  ASSERT_TRUE(detail.has_value());
  EXPECT_EQ(detail->severity, Severity::kJob);
  EXPECT_EQ(detail->file, "/db/000077.sst");
}

TEST_F(Scheduler, CancellationIsNoFailure) {
  const VersionPtr version = ParseShape(kDue);
  Next(version);
  Finish(0, absl::CancelledError(), version);
  EXPECT_TRUE(scheduler_.error().ok());
  EXPECT_EQ(scheduler_.RetryAt(), std::nullopt);
}

// Else a plan that always fails would be tried again at once whenever one
// beside it succeeds.
TEST_F(Scheduler, WhatBeganBeforeAFailureDoesNotMakeItForgotten) {
  const VersionPtr version = ParseShape(kDue);
  Next(version);
  Next(version);
  Finish(0, absl::InternalError("disk"), version, 10);
  Finish(1, absl::OkStatus(), version, 10);
  EXPECT_FALSE(scheduler_.error().ok());
  EXPECT_EQ(scheduler_.RetryAt(), absl::Seconds(11));
}

TEST_F(Scheduler, PutsADamagedTableAsideInsteadOfWaiting) {
  const VersionPtr version = ParseShape(kDue);
  ASSERT_EQ(Next(version), "compact 12 L5 + 15 L6 -> L6");
  Finish(0, CorruptionError("/db/000015.sst", 7, "bad block"), version);
  EXPECT_TRUE(scheduler_.quarantined(15));
  EXPECT_EQ(scheduler_.RetryAt(), std::nullopt);
  EXPECT_EQ(scheduler_.error().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Next(version), "compact 11 L5 + 14 L6 -> L6");
  EXPECT_EQ(Next(version), "compact 4 3 2 1 L0 -> L5");
  EXPECT_EQ(Next(version), "nothing");
}

TEST_F(Scheduler, WaitsIfTheSameDamageComesTwiceOrIsOfNoTable) {
  const VersionPtr version = ParseShape(kDue);
  Next(version);
  Finish(0, CorruptionError("/db/000015.sst", 7, "bad block"), version);
  Next(version);
  Finish(1, CorruptionError("/db/000015.sst", 7, "bad block"), version);
  EXPECT_EQ(scheduler_.RetryAt(), absl::Seconds(1));
  Next(version, 1);
  Finish(2, CorruptionError("/db/000015.log", 7, "bad record"), version, 1);
  EXPECT_EQ(scheduler_.RetryAt(), absl::Seconds(3));
}

// --- Requests ---------------------------------------------------------------

TEST_F(Scheduler, ARequestForNothingIsDoneAtOnce) {
  EXPECT_TRUE(Ask("a", "z", ParseShape(""))->done());
  const VersionPtr version = ParseShape("L0: 9[p-r]\nL5: 3[a-c]\nL6: 1[a-d]");
  const auto request = Ask("e", "o", version);
  EXPECT_TRUE(request->done());
  EXPECT_TRUE(request->status().ok());
  EXPECT_FALSE(scheduler_.HasWork(version, At(0)));
}

TEST_F(Scheduler, TakesARangeDownLevelByLevel) {
  const VersionPtr v1 = ParseShape(
      "L0: 9[a-k] 8[x-z]\nL4: 5[b-c] 6[y-z]\nL5: 3[a-d]:4M 4[x-z]:4M\n"
      "L6: 1[a-f]:200M 2[x-z]:100M");
  const auto request = Ask("b", "e", v1);
  EXPECT_EQ(Next(v1), "compact 9 L0 + 5 L4 -> L4");
  EXPECT_EQ(Next(v1), "nothing");
  const VersionPtr v2 = ParseShape(
      "L0: 8[x-z]\nL4: 10[a-k] 6[y-z]\nL5: 3[a-d]:4M 4[x-z]:4M\n"
      "L6: 1[a-f]:200M 2[x-z]:100M");
  Finish(0, absl::OkStatus(), v2);
  EXPECT_EQ(Next(v2), "compact 10 L4 + 3 L5 -> L5");
  const VersionPtr v3 = ParseShape(
      "L0: 8[x-z]\nL4: 6[y-z]\nL5: 11[a-k]:5M 4[x-z]:4M\n"
      "L6: 1[a-f]:200M 2[x-z]:100M");
  Finish(1, absl::OkStatus(), v3);
  EXPECT_FALSE(request->done());
  EXPECT_EQ(Next(v3), "compact 11 L5 + 1 L6 -> L6");
  const VersionPtr v4 = ParseShape(
      "L0: 8[x-z]\nL4: 6[y-z]\nL5: 4[x-z]:4M\nL6: 12[a-k]:205M 2[x-z]:100M");
  Finish(2, absl::OkStatus(), v4);
  EXPECT_TRUE(request->done());
  EXPECT_TRUE(request->status().ok());
  EXPECT_EQ(Next(v4), "nothing");
}

TEST_F(Scheduler, GoesNoDeeperThanTheDataOfTheRange) {
  const VersionPtr version =
      ParseShape("L0: 9[a-c]\nL5: 3[a-d]:4M\nL6: 1[x-z]:60M");
  const auto request = Ask("a", "d", version);
  EXPECT_EQ(Next(version), "compact 9 L0 + 3 L5 -> L5");
  const VersionPtr after = ParseShape("L5: 10[a-d]:5M\nL6: 1[x-z]:60M");
  Finish(0, absl::OkStatus(), after);
  EXPECT_TRUE(request->done());
}

TEST_F(Scheduler, EmptiesLevel0OfARangeThatLiesNowhereElse) {
  const VersionPtr version = ParseShape("L0: 9[a-c] 8[b-d] 7[x-z]");
  const auto request = Ask(std::nullopt, "d", version);
  EXPECT_EQ(Next(version), "compact 9 8 L0 -> L6");
  Finish(0, absl::OkStatus(), ParseShape("L0: 7[x-z]\nL6: 10[a-d]"));
  EXPECT_TRUE(request->done());
}

TEST_F(Scheduler, RewritesTheLastLevelOnceIfAsked) {
  const VersionPtr v1 = ParseShape("L5: 9[c-d]\nL6: 1[a-b] 2[c-d] 3[e-f]:60M");
  const auto request = Ask("a", "e", v1, true);
  EXPECT_EQ(Next(v1), "compact 9 L5 + 2 L6 -> L6");
  // What the request has written itself is left alone.
  const VersionPtr v2 = ParseShape("L6: 1[a-b] 10[c-d] 3[e-f]:60M");
  Finish(0, absl::OkStatus(), v2);
  EXPECT_EQ(Next(v2), "rewrite 1 L6");
  EXPECT_EQ(Next(v2), "rewrite 3 L6");
  EXPECT_EQ(Next(v2), "nothing");
  Finish(1, absl::OkStatus(), ParseShape("L6: 11[a-b] 10[c-d] 3[e-f]:60M"));
  EXPECT_FALSE(request->done());
  Finish(2, absl::OkStatus(), ParseShape("L6: 11[a-b] 10[c-d] 12[e-f]:60M"));
  EXPECT_TRUE(request->done());
  EXPECT_EQ(Next(ParseShape("L6: 11[a-b] 10[c-d] 12[e-f]:60M")), "nothing");
}

TEST_F(Scheduler, RewritesNeighboursTogetherUpTo25Targets) {
  const VersionPtr version =
      ParseShape("L6: 1[a-b]:20M 2[c-d]:20M 3[e-f]:20M 4[g-h]:1M");
  Ask(std::nullopt, std::nullopt, version, true);
  EXPECT_EQ(Next(version), "rewrite 1 2 L6");
  EXPECT_EQ(Next(version), "rewrite 3 4 L6");
}

TEST_F(Scheduler, WaitsForTablesThatAreBusyAndHoldsThemForTheRequest) {
  const VersionPtr version = ParseShape(kDue);
  ASSERT_EQ(Next(version), "compact 12 L5 + 15 L6 -> L6");
  const auto request = Ask("m", "n", version);
  EXPECT_EQ(Next(version), "compact 4 3 2 1 L0 -> L5");
  EXPECT_EQ(Next(version), "nothing");
  // It failed, so the same would be picked again; the request comes first.
  Finish(0, absl::CancelledError(), version);
  EXPECT_EQ(Next(version), "compact 12 L5 + 15 L6 -> L6");
  EXPECT_EQ(plans_.back().reason, CompactionPlan::Reason::kManual);
  EXPECT_FALSE(request->done());
}

// Else plans that take its tables by turns could keep it waiting for ever.
TEST_F(Scheduler, KeepsAlsoTheTablesThatAreFree) {
  const VersionPtr version = ParseShape(
      "L4: 9[a-d]\nL5: 1[a-b]:15M 2[c-d]:15M\nL6: 3[a-b]:50M 4[c-d]:50M");
  ASSERT_EQ(Next(version), "compact 1 L5 + 3 L6 -> L6");
  ASSERT_EQ(Next(version), "compact 2 L5 + 4 L6 -> L6");
  Ask("a", "d", version);
  Finish(0, absl::CancelledError(), version);
  EXPECT_EQ(Next(version), "nothing");
  Finish(1, absl::CancelledError(), version);
  EXPECT_EQ(Next(version), "compact 9 L4 + 1 2 L5 -> L5");
}

TEST_F(Scheduler, WritesNothingBetweenTablesThatAreBecomingOne) {
  const VersionPtr before = ParseShape("L6: 1[a-b]:20M 3[e-f]:20M");
  Ask(std::nullopt, std::nullopt, before, true);
  ASSERT_EQ(Next(before), "rewrite 1 3 L6");
  const VersionPtr version =
      ParseShape("L5: 9[c-d]:20M\nL6: 1[a-b]:20M 3[e-f]:20M");
  EXPECT_EQ(Next(version), "nothing");
  Finish(0, absl::OkStatus(), version);
  EXPECT_EQ(Next(version), "move 9 L5 -> L6");
}

TEST_F(Scheduler, KeepsLevel0ForARequestThatWaitsForIt) {
  const VersionPtr v1 = ParseShape("L0: 4[a-d] 3[a-d] 2[a-d] 1[a-d]");
  ASSERT_EQ(Next(v1), "compact 4 3 2 1 L0 -> L6");
  const VersionPtr v2 = ParseShape(
      "L0: 9[a-d] 8[a-d] 7[a-d] 6[a-d] 5[a-d] 4[a-d] 3[a-d] 2[a-d] 1[a-d]");
  const auto request = Ask(std::nullopt, std::nullopt, v2);
  EXPECT_EQ(Next(v2), "nothing") << "not even a merge";
  const VersionPtr v3 =
      ParseShape("L0: 9[a-d] 8[a-d] 7[a-d] 6[a-d] 5[a-d]\nL6: 10[a-d]");
  Finish(0, absl::OkStatus(), v3);
  EXPECT_EQ(Next(v3), "compact 9 8 7 6 5 L0 + 10 L6 -> L6");
  EXPECT_FALSE(request->done());
}

TEST_F(Scheduler, EndsThoughFlushesGoOn) {
  const VersionPtr v1 = ParseShape("L0: 1[a-d]");
  const auto request = Ask(std::nullopt, std::nullopt, v1);
  ASSERT_EQ(Next(v1), "move 1 L0 -> L6");
  const VersionPtr v2 = ParseShape("L0: 2[a-d]\nL6: 1[a-d]");
  Finish(0, absl::OkStatus(), v2);
  EXPECT_TRUE(request->done());
  EXPECT_EQ(Next(v2), "nothing");
}

TEST_F(Scheduler, DoesNotChaseWhatArrivesBehindTheEndOfAStage) {
  const VersionPtr v1 = ParseShape("L5: 1[a-b]:1M\nL6: 9[a-z]:60M");
  const auto request = Ask(std::nullopt, std::nullopt, v1);
  ASSERT_EQ(Next(v1), "compact 1 L5 + 9 L6 -> L6");
  const VersionPtr v2 = ParseShape("L5: 2[c-d]:1M\nL6: 10[a-z]:61M");
  Finish(0, absl::OkStatus(), v2);
  EXPECT_TRUE(request->done());
}

TEST_F(Scheduler, MovesARowOfTablesButNoneOutsideTheRange) {
  const VersionPtr version =
      ParseShape("L5: 1[a-b] 2[c-d] 3[e-f] 4[g-h]\nL6: 9[c-c]:1M 10[i-z]:60M");
  const auto request = Ask("e", "i", version);
  EXPECT_EQ(Next(version), "move 3 4 L5 -> L6");
  Finish(0, absl::OkStatus(),
         ParseShape("L5: 1[a-b] 2[c-d]\nL6: 9[c-c]:1M 3[e-f] 4[g-h] "
                    "10[i-z]:60M"));
  EXPECT_TRUE(request->done());
}

TEST_F(Scheduler, TakesChunksOfALevelOneAfterTheOther) {
  const VersionPtr version = ParseShape(
      "L5: 1[a-b]:2M 2[e-f]:2M 3[i-j]:2M\n"
      "L6: 7[a-d]:30M 8[e-h]:30M 9[i-z]:40M");
  const auto request = Ask(std::nullopt, std::nullopt, version);
  EXPECT_EQ(Next(version), "compact 1 L5 + 7 L6 -> L6");
  EXPECT_EQ(Next(version), "compact 2 L5 + 8 L6 -> L6");
  Finish(0, absl::OkStatus(),
         ParseShape("L5: 2[e-f]:2M 3[i-j]:2M\n"
                    "L6: 10[a-d]:32M 8[e-h]:30M 9[i-z]:40M"));
  const VersionPtr after =
      ParseShape("L5: 3[i-j]:2M\nL6: 10[a-d]:32M 11[e-h]:32M 9[i-z]:40M");
  Finish(1, absl::OkStatus(), after);
  EXPECT_EQ(Next(after), "compact 3 L5 + 9 L6 -> L6");
  Finish(2, absl::OkStatus(),
         ParseShape("L6: 10[a-d]:32M 11[e-h]:32M 12[i-z]:42M"));
  EXPECT_TRUE(request->done());
}

TEST_F(Scheduler, ARequestDoesNotWaitForTheEndOfABackOff) {
  const VersionPtr version = ParseShape(kDue);
  Next(version);
  Finish(0, absl::InternalError("disk"), version);
  ASSERT_EQ(Next(version), "nothing");
  Ask("i", "l", version);
  EXPECT_EQ(Next(version), "compact 11 L5 + 14 L6 -> L6");
}

TEST_F(Scheduler, ARequestEndsWithTheFirstFailureOfItsPlans) {
  const VersionPtr version =
      ParseShape("L5: 1[a-b]:2M 2[e-f]:2M\nL6: 7[a-d]:45M 8[e-h]:45M");
  const auto request = Ask(std::nullopt, std::nullopt, version);
  ASSERT_EQ(Next(version), "compact 1 L5 + 7 L6 -> L6");
  ASSERT_EQ(Next(version), "compact 2 L5 + 8 L6 -> L6");
  Finish(0, absl::InternalError("disk"), version);
  EXPECT_TRUE(plans_[1].cancelled->load());
  EXPECT_FALSE(request->done());
  Finish(1, absl::CancelledError(), version);
  EXPECT_TRUE(request->done());
  EXPECT_EQ(request->status(), absl::InternalError("disk"));
  EXPECT_EQ(Next(version), "nothing");
}

TEST_F(Scheduler, ARequestThatNeedsADamagedTableEndsWithDataLoss) {
  const VersionPtr version = ParseShape(kDue);
  ASSERT_EQ(Next(version), "compact 12 L5 + 15 L6 -> L6");
  Finish(0, CorruptionError("/db/000015.sst", 7, "bad block"), version);
  const auto request = Ask("m", "n", version);
  EXPECT_TRUE(request->done());
  EXPECT_EQ(request->status().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(Ask("i", "j", version)->done());
}

TEST_F(Scheduler, CancelCallsThePlansOfARequestOff) {
  const VersionPtr version = ParseShape(kDue);
  const auto request = Ask("i", "j", version);
  ASSERT_EQ(Next(version), "compact 11 L5 + 14 L6 -> L6");
  const auto waiting = Ask("i", "j", version);
  scheduler_.Cancel(*waiting);
  EXPECT_TRUE(waiting->done());
  scheduler_.Cancel(*request);
  EXPECT_FALSE(request->done()) << "its plan still runs";
  EXPECT_TRUE(plans_[0].cancelled->load());
  Finish(0, absl::CancelledError(), version);
  EXPECT_TRUE(request->done());
  EXPECT_EQ(request->status().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(scheduler_.error().ok());
  scheduler_.Cancel(*request);
}

TEST_F(Scheduler, ARequestThatIsStoppedBeforehandDoesNothing) {
  std::stop_source source;
  source.request_stop();
  const auto request = scheduler_.AddManual(
      "i", "j", {.stop = source.get_token()}, ParseShape(kDue));
  EXPECT_TRUE(request->done());
  EXPECT_EQ(request->status().code(), absl::StatusCode::kCancelled);
}

// A comparator may throw in the midst of Finished; Close and callers wait.
TEST_F(Scheduler, MovesARequestOnThatWasLeftBehind) {
  const auto request = Ask("a", "d", ParseShape("L5: 1[a-b]\nL6: 9[a-z]:60M"));
  const VersionPtr version = ParseShape("L6: 10[a-z]:61M");
  EXPECT_TRUE(scheduler_.HasWork(version, At(0)));
  EXPECT_EQ(Next(version), "nothing");
  EXPECT_TRUE(request->done());
  EXPECT_FALSE(scheduler_.HasWork(version, At(0)));
}

TEST_F(Scheduler, MovesOnARequestWhoseTableWasFoundDamagedMeanwhile) {
  const VersionPtr version = ParseShape(kDue);
  ASSERT_EQ(Next(version), "compact 12 L5 + 15 L6 -> L6");
  const auto request = Ask("m", "n", version);
  EXPECT_FALSE(request->done());
  Finish(0, CorruptionError("/db/000015.sst", 7, "bad block"), version);
  EXPECT_TRUE(request->done());
  EXPECT_EQ(request->status().code(), absl::StatusCode::kDataLoss);
}

// --- All of it at random ----------------------------------------------------

class Life {
 public:
  explicit Life(uint64_t seed)
      : random_(seed), tree_(seed), options_(Options()), scheduler_(options_) {}

  void Step() {
    const uint64_t dice = random_.Uniform(100);
    if (dice < 25) {
      tree_.Flush(5 + random_.Uniform(30));
    } else if (dice < 60) {
      if (running_.size() < 5) Start();
    } else if (dice < 90) {
      if (!running_.empty()) End(random_.OneIn(6) ? Failure() : absl::Status());
    } else if (dice < 95) {
      seconds_ += static_cast<double>(random_.Uniform(40));
      tree_.set_now(static_cast<uint64_t>(seconds_) + 1);
    } else if (dice < 98) {
      Ask();
    } else if (!requests_.empty()) {
      scheduler_.Cancel(*requests_[random_.Uniform(requests_.size())]);
    }
  }

  // No more trouble: everything that is to be done is done.
  void Settle() {
    for (int steps = 0;; ++steps) {
      ASSERT_LT(steps, 3000) << "no end\n" << tree_.version()->DebugString();
      seconds_ += 1;
      Start();
      if (::testing::Test::HasFatalFailure()) return;
      if (running_.empty() && seconds_ > retry_seconds()) break;
      if (!running_.empty()) End(absl::OkStatus());
    }
    EXPECT_EQ(scheduler_.running(), 0);
    EXPECT_FALSE(scheduler_.HasWork(tree_.version(), Now()));
    EXPECT_LT(static_cast<int>(tree_.version()->level(0).size()),
              options_.level0_file_num_compaction_trigger);
    for (const auto& request : requests_) EXPECT_TRUE(request->done());
    for (const auto& table : tree_.version()->level(Version::kLevels - 1)) {
      EXPECT_EQ(table->meta().tombstones, 0u);
    }
  }

 private:
  ColumnFamilyOptions Options() {
    ColumnFamilyOptions options;
    options.compression = {Compression::None()};
    options.filter_policy = FilterPolicy::None();
    options.target_file_size_base = 100;
    options.max_bytes_for_level_base = 200 + random_.Uniform(400);
    options.max_bytes_for_level_multiplier =
        2 + static_cast<double>(random_.Uniform(3));
    options.level0_file_num_compaction_trigger =
        2 + static_cast<int>(random_.Uniform(4));
    if (random_.OneIn(2)) options.ttl = absl::Seconds(60);
    return options;
  }
  Moment Now() const {
    return {.now = absl::Seconds(seconds_),
            .wall = absl::FromUnixSeconds(static_cast<int64_t>(seconds_) + 1),
            .oldest_snapshot = tree_.last_sequence()};
  }
  double retry_seconds() const {
    return absl::ToDoubleSeconds(
        scheduler_.RetryAt().value_or(absl::ZeroDuration()));
  }

  void Start() {
    const bool has_work = scheduler_.HasWork(tree_.version(), Now());
    std::optional<CompactionPlan> plan =
        scheduler_.Next(tree_.version(), Now());
    ASSERT_EQ(has_work, plan.has_value());
    if (!plan.has_value()) return;
    ASSERT_TRUE(CheckPlan(*plan).ok()) << CheckPlan(*plan);
    for (const CompactionPlan& other : running_) ExpectApart(*plan, other);
    running_.push_back(*std::move(plan));
    ASSERT_EQ(scheduler_.running(), static_cast<int>(running_.size()));
  }

  // In the words of the contract, not of Claims.
  static void ExpectApart(const CompactionPlan& a, const CompactionPlan& b) {
    const std::string both =
        absl::StrCat(DebugString(a), " beside ", DebugString(b));
    ASSERT_NE(a.id, b.id);
    std::set<uint64_t> tables;
    size_t count = 0;
    for (const auto* plan : {&a, &b}) {
      for (const auto* level : {&plan->inputs, &plan->overlapping}) {
        for (const auto& table : *level) tables.insert(table->meta().number);
        count += level->size();
      }
    }
    ASSERT_EQ(tables.size(), count) << both;
    ASSERT_FALSE(a.start_level == 0 && b.start_level == 0 &&
                 a.output_level > 0 && b.output_level > 0)
        << both;
    if (a.output_level != b.output_level) return;
    ASSERT_NE(a.output_level, 0) << both;
    const auto ends = [](const CompactionPlan& plan) {
      std::pair<std::string, std::string> range("zzz", "");
      for (const auto* level : {&plan.inputs, &plan.overlapping}) {
        for (const auto& table : *level) {
          range.first = std::min(range.first, table->meta().smallest.user_key);
          range.second = std::max(range.second, table->meta().largest.user_key);
        }
      }
      return range;
    };
    ASSERT_TRUE(ends(a).second < ends(b).first ||
                ends(b).second < ends(a).first)
        << both;
  }

  void End(const absl::Status& status) {
    const size_t index = random_.Uniform(running_.size());
    const CompactionPlan plan = std::move(running_[index]);
    running_.erase(running_.begin() + static_cast<ptrdiff_t>(index));
    absl::Status ended = status;
    if (ended.ok() && plan.cancelled != nullptr && plan.cancelled->load()) {
      ended = absl::CancelledError();
    }
    if (ended.ok()) {
      tree_.Install(plan);
      tree_.Check();
    }
    scheduler_.Finished(plan, ended, tree_.version(), Now());
  }

  absl::Status Failure() {
    return random_.OneIn(2) ? absl::CancelledError()
                            : absl::InternalError("disk");
  }

  void Ask() {
    const auto key = [this]() -> std::optional<std::string> {
      if (random_.OneIn(4)) return std::nullopt;
      return absl::StrFormat("%03d", random_.Uniform(PretendTree::kKeys));
    };
    requests_.push_back(scheduler_.AddManual(
        key(), key(), {.rewrite_last_level = random_.OneIn(2)},
        tree_.version()));
  }

  Random random_;
  PretendTree tree_;
  const ColumnFamilyOptions options_;
  CompactionScheduler scheduler_;
  double seconds_ = 0;
  std::vector<CompactionPlan> running_;
  std::vector<std::shared_ptr<const ManualCompaction>> requests_;
};

TEST(SchedulerLife, PlansNeverMeetAndReadsFindWhatTheyMust) {
  const uint64_t seed = TestSeed();
  for (uint64_t round = 0; round < Scaled(20); ++round) {
    SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed, ", round ", round));
    Life life(seed + round);
    for (int i = 0; i < 400; ++i) {
      life.Step();
      ASSERT_FALSE(HasFailure());
    }
    life.Settle();
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace
}  // namespace lissom
