// Going on after a failure. A scripted run meets an error at each operation in
// turn that has writes refused; then the fault goes away, and the database
// resumes: because it is told to, or by itself. What must hold (P6):
//   what was acknowledged is readable all the time; the write that failed is
//   not there, or, until Resume is through, there whole after a reopen; no file
//   is used after its sync failed; a power cut at any moment of it leaves a
//   state that opens and holds all that was acknowledged as durable (P1, P3,
//   P7); a Resume that fails can be called again; nothing is left over.
// Single cases, a full disk and real threads: resume_case_test.cc.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "db/filename.h"
#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/engine/resume_options.h"
#include "tests/support/history.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/fault_injection_file_system.h"
#include "util/manual_clock.h"
#include "util/memory_file_system.h"
#include "util/random.h"
#include "util/sync_point.h"

namespace lissom {
namespace {

constexpr size_t kNever = std::numeric_limits<size_t>::max();

// Who ends the refusal.
enum class Who { kCall, kItself, kReopen };

const char* ToString(Who who) {
  return who == Who::kCall ? "Resume" : who == Who::kItself ? "itself" : "open";
}

class ResumingRun {
 public:
  ResumingRun(uint64_t seed, Who who)
      : seed_(seed),
        who_(who),
        random_(seed),
        memory_(std::make_shared<MemoryFileSystem>()),
        faulty_(std::make_shared<FaultInjectionFileSystem>(memory_)),
        clock_(std::make_shared<ManualClock>()) {
    Open();
    faulty_->ResetCounters();
  }

  FaultInjectionFileSystem& faulty() { return *faulty_; }
  bool was_refused() const { return refused_at_ != kNever; }
  // Makes Resume fail at this operation of its own, and is called again.
  void FailResumeAt(Fault fault) { resume_fault_ = std::move(fault); }
  bool resume_failed() const { return resume_failed_; }
  bool resume_fault_met() const { return resume_fault_met_; }

  uint64_t Arm(Fault fault) {
    // Nobody removes a file whose creation failed.
    if (fault.op.value_or(FileOp::kCreate) == FileOp::kCreate &&
        fault.effect == Fault::Effect::kDone) {
      may_leave_files_ = true;
    }
    fault.on_hit = [this, op = fault.op](const std::string& path) {
      // What a real fsync failure does.
      if (op == FileOp::kSync) memory_->DropUnsynced(path).IgnoreError();
    };
    return faulty_->Arm(std::move(fault));
  }

  void Execute(int steps) {
    for (int i = 0; i < steps; ++i) {
      Step(i);
      if (!refused_) refused_ = !db_->WaitForIdle().ok() && Latched();
      if (refused_) EndRefusal();
      if (testing::Test::HasFailure()) return;
    }
    ExpectState("at the end");
    faulty_->DisarmAll();
    ASSERT_TRUE(db_->Flush().ok());
    NoteDurable();
    db_->WaitForIdle().IgnoreError();
    ASSERT_TRUE(db_->Close().ok());
    EXPECT_EQ(faulty_->uses_after_failed_sync(), 0u);
    const std::set<std::string> left = Files();
    Open();
    ExpectState("after a reopen");
    if (!may_leave_files_) ExpectNothingLeftOver(left, Files());
    ASSERT_TRUE(db_->Close().ok());
  }

  // Power cuts from the failure to some operations after its end.
  void CheckImages(size_t step) {
    if (!was_refused()) return;
    CrashReplayer replayer(*memory_);
    const size_t end = std::min(memory_->operation_count(),
                                std::max(resumed_at_, failed_at_) + 10);
    for (size_t n = failed_at_; n <= end; n += step) {
      replayer.AdvanceTo(n);
      for (const CrashPolicy& policy :
           {CrashPolicy::SyncedOnly(), CrashPolicy::Everything(),
            CrashPolicy::Torn(seed_ + n)}) {
        SCOPED_TRACE(testing::Message()
                     << "crash after operation " << n << ", failed at "
                     << failed_at_ << ", resumed at " << resumed_at_ << ", "
                     << lissom::ToString(policy));
        CheckImage(replayer.Image(policy), n,
                   policy.kind == CrashPolicy::Kind::kEverything);
        ++images_;
        if (testing::Test::HasFailure()) return;
      }
    }
  }
  size_t images() const { return images_; }

 private:
  struct Moment {
    size_t operations;
    size_t batches;
  };
  // A write that failed: the state with it is legal until `until`.
  struct Failed {
    History with;
    size_t from;
    size_t until = kNever;
  };

  static size_t At(const std::vector<Moment>& moments, size_t operations) {
    size_t batches = 0;
    for (const Moment& m : moments) {
      if (m.operations <= operations) batches = m.batches;
    }
    return batches;
  }
  size_t now() const { return memory_->operation_count(); }
  void NoteDurable() { durable_.push_back({now(), history_.batches()}); }

  void Open() {
    Options options = SmallOptions(faulty_, ++seed_);
    // Without a clock there are no timers: nothing resumes by itself.
    executor_ = std::make_shared<SimulatedExecutor>(
        seed_, who_ == Who::kItself ? clock_ : nullptr);
    options.executor = executor_;
    options.clock = clock_;
    absl::StatusOr<std::unique_ptr<DB>> db = DB::Open(options, "/db");
    ASSERT_TRUE(db.ok()) << db.status();
    db_ = *std::move(db);
  }

  void Step(int i) {
    if (i % 16 == 15) {
      const absl::Status flushed = db_->Flush();
      if (flushed.ok()) NoteDurable();
      NoteFailure(flushed);
      return;
    }
    if (i % 11 == 10) {
      const absl::Status synced = db_->SyncWal();
      if (synced.ok()) NoteDurable();
      NoteFailure(synced);
      return;
    }
    const bool sync = i % 7 == 0;
    WriteBatch batch;
    const std::string key = "key" + std::to_string(random_.Uniform(40));
    const std::string value =
        std::to_string(i) + std::string(random_.Uniform(6000), 'v');
    batch.Put(key, value);
    batch.Put("always", value);
    History with = history_;
    with.Put(key, value);
    with.Put("always", value);
    with.EndBatch();
    started_.push_back({now(), with.batches()});
    const size_t begin = now();
    const absl::Status status = db_->Write({.sync = sync}, batch);
    if (status.ok()) {
      history_ = std::move(with);
      acknowledged_.push_back({now(), history_.batches()});
      if (sync) NoteDurable();
      while (random_.OneIn(3) && executor_->RunOne()) {
      }
      return;
    }
    started_.back().batches = history_.batches();
    failed_.push_back({.with = std::move(with), .from = begin});
    NoteFailure(status);
  }

  void NoteFailure(const absl::Status& status) {
    if (status.ok()) return;
    EXPECT_TRUE(absl::IsInternal(status) || absl::IsResourceExhausted(status) ||
                absl::IsFailedPrecondition(status))
        << status;
    refused_ = true;
  }

  bool Latched() {
    const absl::Status status = db_->SyncWal();
    if (status.ok()) NoteDurable();
    return absl::IsFailedPrecondition(status);
  }

  // Writes are refused: what that means, and then its end.
  void EndRefusal() {
    if (refused_at_ == kNever) {
      refused_at_ = now();
      // The failing call may have been the last operations of a job.
      failed_at_ = refused_at_ > 12 ? refused_at_ - 12 : 0;
    }
    const absl::Status refused = db_->Put({}, "refused", "");
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    EXPECT_EQ(DetailOf(refused).value_or(ErrorDetail{}).severity,
              Severity::kWrites);
    ExpectState("while writes are refused");
    faulty_->DisarmAll();
    const uint64_t sequence = db_->LatestSequence();
    switch (who_) {
      case Who::kCall:
        ResumeByCall();
        break;
      case Who::kItself:
        ResumeByItself();
        break;
      case Who::kReopen:
        Reopen();
        break;
    }
    if (testing::Test::HasFailure()) return;
    EXPECT_GE(db_->LatestSequence(), sequence);
    refused_ = false;
    resumed_at_ = now();
    // It wrote all of memory.
    NoteDurable();
    acknowledged_.push_back({now(), history_.batches()});
    for (Failed& failed : failed_) {
      failed.until = std::min(failed.until, resumed_at_);
    }
    ExpectState("after it resumed");
  }

  void ResumeByCall() {
    if (resume_fault_.has_value()) {
      const uint64_t fault = Arm(*resume_fault_);
      const absl::Status status = db_->Resume();
      resume_fault_met_ = faulty_->hits(fault) > 0;
      faulty_->DisarmAll();
      if (status.ok()) {
        may_leave_files_ = true;  // Without removals, that is.
        return;
      }
      resume_failed_ = true;
      may_leave_files_ = may_leave_files_ || resume_fault_->sticky;
      const absl::Status refused = db_->Put({}, "refused", "");
      EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
      ExpectState("after a Resume that failed");
    }
    const absl::Status status = db_->Resume();
    EXPECT_TRUE(status.ok()) << status;
  }

  void ResumeByItself() {
    EXPECT_EQ(executor_->timers() + executor_->queued() > 0, true)
        << "nobody will try";
    for (int i = 0; i < 12; ++i) {
      while (executor_->RunOne()) {
      }
      if (!Latched()) return;
      clock_->Advance(absl::Seconds(1));
    }
    ADD_FAILURE() << "it has not resumed";
  }

  void Reopen() {
    db_->Close().IgnoreError();
    db_.reset();
    EXPECT_EQ(faulty_->uses_after_failed_sync(), 0u);
    Open();
    if (testing::Test::HasFailure()) return;
    const absl::StatusOr<uint64_t> hash = History::HashOf(*db_);
    ASSERT_TRUE(hash.ok()) << hash.status();
    // Whole, and on top of everything acknowledged; or not at all. A sync that
    // failed took its pages along, acknowledged writes among them: P1 is left.
    const size_t least = durable_.empty() ? 0 : durable_.back().batches;
    for (const Failed& failed : failed_) {
      const size_t n = failed.with.batches();
      if (failed.until == kNever && failed.with.Find(*hash, n, n)) {
        history_ = failed.with;
        return;
      }
    }
    ASSERT_TRUE(history_.Find(*hash, least, history_.batches()).has_value());
    History found;
    ASSERT_TRUE(
        ForEach(*db_, {}, [&](std::string_view key, std::string_view value) {
          found.Put(key, value);
          return true;
        }).ok());
    // Only the present state matters from here on: images are not checked.
    while (found.batches() < history_.batches()) found.EndBatch();
    found.EndBatch();
    history_ = std::move(found);
  }

  void ExpectState(const char* when) {
    const absl::StatusOr<uint64_t> hash = History::HashOf(*db_);
    ASSERT_TRUE(hash.ok()) << hash.status() << " " << when;
    const size_t n = history_.batches();
    EXPECT_TRUE(history_.Find(*hash, n, n).has_value()) << when;
    for (const auto& [key, value] : history_.map()) {
      EXPECT_EQ(db_->Get(key).value_or("?"), value) << key << " " << when;
    }
    EXPECT_TRUE(IsNotFound(db_->Get("refused").status())) << when;
  }

  void CheckImage(const std::shared_ptr<MemoryFileSystem>& image, size_t at,
                  bool everything) {
    auto db = DB::Open(SmallOptions(image, seed_ + at), "/db");
    ASSERT_TRUE(db.ok()) << db.status();
    const absl::StatusOr<uint64_t> hash = History::HashOf(**db);
    ASSERT_TRUE(hash.ok()) << hash.status();
    const size_t least = At(everything ? acknowledged_ : durable_, at);
    bool legal = history_.Find(*hash, least, At(started_, at)).has_value();
    for (const Failed& failed : failed_) {
      const size_t n = failed.with.batches();
      legal = legal || (failed.from <= at && at < failed.until &&
                        failed.with.Find(*hash, n, n).has_value());
    }
    EXPECT_TRUE(legal) << "batches " << least << " to " << At(started_, at)
                       << " of " << history_.batches();
    EXPECT_TRUE((*db)->Put({.sync = true}, "it goes on", "").ok());
    EXPECT_TRUE((*db)->Close().ok());
  }

  std::set<std::string> Files() const {
    std::set<std::string> names;
    const auto listed = memory_->ListDirectory("/db");
    EXPECT_TRUE(listed.ok()) << listed.status();
    for (const std::string& name : *listed) names.insert(name);
    return names;
  }

  // `before` a reopen, which removes what is not needed, and `after` it.
  static void ExpectNothingLeftOver(const std::set<std::string>& before,
                                    const std::set<std::string>& after) {
    int logs = 0;
    int manifests = 0;
    for (const std::string& name : before) {
      const std::optional<ParsedFileName> file = ParseFileName(name);
      ASSERT_TRUE(file.has_value()) << name;
      logs += file->type == FileType::kWal;
      manifests += file->type == FileType::kManifest;
      EXPECT_NE(file->type, FileType::kCurrentTemp);
      if (file->type == FileType::kTable) {
        EXPECT_TRUE(after.contains(name)) << name << " was left over";
      }
    }
    EXPECT_EQ(logs, 1);
    EXPECT_EQ(manifests, 1);
  }

  uint64_t seed_;
  const Who who_;
  Random random_;
  const std::shared_ptr<MemoryFileSystem> memory_;
  const std::shared_ptr<FaultInjectionFileSystem> faulty_;
  const std::shared_ptr<ManualClock> clock_;
  std::shared_ptr<SimulatedExecutor> executor_;
  std::unique_ptr<DB> db_;
  History history_;  // Of acknowledged batches.
  std::vector<Failed> failed_;
  std::vector<Moment> started_;
  std::vector<Moment> acknowledged_;
  std::vector<Moment> durable_;
  std::optional<Fault> resume_fault_;
  bool resume_failed_ = false;
  bool resume_fault_met_ = false;
  bool may_leave_files_ = false;
  bool refused_ = false;
  size_t refused_at_ = kNever;
  size_t failed_at_ = 0;
  size_t resumed_at_ = 0;
  size_t images_ = 0;
};

constexpr int kSteps = 70;

struct Plan {
  const char* name;
  FileOp op;
  IoContext::Kind kind;
  Fault::Effect effect;
  int error_number;
};

class ResumeTest : public testing::TestWithParam<Plan> {};

TEST_P(ResumeTest, AfterAFailureOfEveryOperation) {
  const uint64_t seed = TestSeed();
  const Plan& plan = GetParam();
  uint64_t operations = 0;
  {
    ResumingRun run(seed, Who::kCall);
    run.Execute(kSteps);
    ASSERT_FALSE(HasFailure()) << "without a fault";
    operations = run.faulty().count(plan.op, plan.kind);
  }
  ASSERT_GT(operations, 0u);
  const uint64_t step = std::max<uint64_t>(1, operations / Scaled(10, 3));
  uint64_t runs = 0;
  uint64_t refused = 0;
  size_t images = 0;
  for (uint64_t at = 0; at < operations; at += step) {
    for (const bool sticky : {false, true}) {
      for (const Who who : {Who::kCall, Who::kItself, Who::kReopen}) {
        SCOPED_TRACE(testing::Message()
                     << "LISSOM_SEED=" << seed << ", " << plan.name
                     << " number " << at << (sticky ? " and later ones" : "")
                     << ", resumed by " << ToString(who));
        ResumingRun run(seed, who);
        run.Arm({.op = plan.op,
                 .kind = plan.kind,
                 .skip = at,
                 .sticky = sticky,
                 .error_number = plan.error_number,
                 .effect = plan.effect});
        run.Execute(kSteps);
        // They cost more than all else.
        if (who != Who::kReopen && !HasFailure() && runs % 5 == 0) {
          run.CheckImages(2);
        }
        ++runs;
        refused += run.was_refused() ? 1 : 0;
        images += run.images();
        if (HasFailure()) return;
      }
    }
  }
  EXPECT_GT(refused, 0u);
  std::printf(
      "%s: %llu operations, %llu runs, %llu of them refused writes, "
      "%zu images\n",
      plan.name, static_cast<unsigned long long>(operations),
      static_cast<unsigned long long>(runs),
      static_cast<unsigned long long>(refused), images);
}

using Kind = IoContext::Kind;
using Effect = Fault::Effect;
INSTANTIATE_TEST_SUITE_P(
    Operations, ResumeTest,
    testing::Values(
        Plan{"WalAppend", FileOp::kAppend, Kind::kWal, Effect::kNothing,
             ENOSPC},
        Plan{"WalAppendHalf", FileOp::kAppend, Kind::kWal, Effect::kHalf, EIO},
        Plan{"WalAppendDone", FileOp::kAppend, Kind::kWal, Effect::kDone, EIO},
        Plan{"WalSync", FileOp::kSync, Kind::kWal, Effect::kNothing, EIO},
        Plan{"WalSyncDone", FileOp::kSync, Kind::kWal, Effect::kDone, EIO},
        Plan{"WalCreate", FileOp::kCreate, Kind::kWal, Effect::kNothing,
             EMFILE},
        Plan{"WalCreateDone", FileOp::kCreate, Kind::kWal, Effect::kDone, EIO},
        Plan{"ManifestAppend", FileOp::kAppend, Kind::kManifest, Effect::kHalf,
             ENOSPC},
        Plan{"ManifestAppendDone", FileOp::kAppend, Kind::kManifest,
             Effect::kDone, EIO},
        Plan{"ManifestSync", FileOp::kSync, Kind::kManifest, Effect::kNothing,
             EIO},
        Plan{"ManifestSyncDone", FileOp::kSync, Kind::kManifest, Effect::kDone,
             EIO},
        Plan{"DirectorySync", FileOp::kSyncDirectory, Kind::kDirectory,
             Effect::kNothing, EIO},
        Plan{"TableCreate", FileOp::kCreate, Kind::kTable, Effect::kNothing,
             ENOSPC},
        Plan{"TableAppend", FileOp::kAppend, Kind::kTable, Effect::kHalf,
             ENOSPC},
        Plan{"TableSync", FileOp::kSync, Kind::kTable, Effect::kNothing, EIO}),
    [](const auto& info) { return std::string(info.param.name); });

// --- A Resume that fails ----------------------------------------------------

// The log, or the flush, or the manifest fails; then every operation of Resume
// in turn, with what that may leave, and Resume is called again.
TEST(ResumeFails, AtEachOfItsOperationsAndCanBeCalledAgain) {
  const uint64_t seed = TestSeed();
  const std::vector<Fault> firsts = {
      {.op = FileOp::kAppend, .kind = Kind::kWal, .skip = 25},
      {.op = FileOp::kAppend, .kind = Kind::kTable},  // A flush.
      {.op = FileOp::kSync, .kind = Kind::kManifest, .skip = 2}};
  uint64_t failed = 0;
  size_t images = 0;
  for (const Fault& first : firsts) {
    for (const Effect effect : {Effect::kNothing, Effect::kDone}) {
      for (const bool sticky : {false, true}) {
        for (uint64_t at = 0;; ++at) {
          SCOPED_TRACE(testing::Message()
                       << "LISSOM_SEED=" << seed << ", first a failed "
                       << ToString(*first.op) << ", then Resume at operation "
                       << at << (sticky ? " and later ones" : "")
                       << (effect == Effect::kDone ? ", done" : ""));
          ResumingRun run(seed, Who::kCall);
          run.Arm(first);
          run.FailResumeAt({.skip = at, .sticky = sticky, .effect = effect});
          run.Execute(40);
          ASSERT_TRUE(run.was_refused());
          if (!HasFailure() && at % 8 == 0) run.CheckImages(1);
          images += run.images();
          if (HasFailure()) return;
          failed += run.resume_failed() ? 1 : 0;
          if (!run.resume_fault_met()) break;
        }
      }
    }
  }
  EXPECT_GT(failed, 40u);
  std::printf("%llu failed, %zu images\n",
              static_cast<unsigned long long>(failed), images);
}

}  // namespace
}  // namespace lissom
