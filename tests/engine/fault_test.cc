// I/O errors. A scripted run meets an error at every one of its file operations
// in turn, once or from then on, with the operation not done, half done, or
// done and reported as failed; a failed sync loses the dirty pages. What must
// hold:
//   a write after the failure of a log, manifest, directory or flush is refused
//   (P6); every read is right or an error (P5); no file is touched again after
//   its sync failed; and the next open, after a power cut or without one, finds
//   a prefix that holds everything acknowledged as durable (P1, P3, P7).
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/history.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/fault_injection_file_system.h"
#include "util/manual_clock.h"
#include "util/memory_file_system.h"
#include "util/random.h"

namespace lissom {
namespace {

class FaultyRun {
 public:
  explicit FaultyRun(uint64_t seed)
      : random_(seed),
        memory_(std::make_shared<MemoryFileSystem>(
            MemoryFileSystem::Options{.record_operations = false})),
        faulty_(std::make_shared<FaultInjectionFileSystem>(memory_)) {}

  FaultInjectionFileSystem& faulty() { return *faulty_; }

  void Arm(Fault fault) {
    fault.on_hit = [this, op = fault.op](const std::string& path) {
      failed_path_ = path;
      // What a real fsync failure does. Harmless for other operations' paths:
      // only a sync makes the pages count as clean.
      if (op == FileOp::kSync) memory_->DropUnsynced(path).IgnoreError();
    };
    faulty_->Arm(std::move(fault));
  }

  // The script: opens twice, writes, syncs, flushes, compacts, reads.
  void Execute() {
    for (int session = 0; session < 2; ++session) {
      absl::StatusOr<std::unique_ptr<DB>> db = DB::Open(MakeOptions(), "/db");
      if (!db.ok()) {
        ExpectPlausible(db.status());
        continue;
      }
      db_ = *std::move(db);
      for (int i = 0; i < 140; ++i) Step(i);
      CheckReads();
      if (db_->Close().ok()) durable_ = history_.batches();
      db_.reset();
    }
  }

  // The fault is over. Opens what a power cut, or nothing worse than the end of
  // the process, would have left.
  void CheckRecovery() {
    faulty_->DisarmAll();
    EXPECT_EQ(faulty_->uses_after_failed_sync(), 0u);
    CheckImage(memory_->CrashImageNow(CrashPolicy::SyncedOnly()), durable_);
    CheckImage(memory_->CrashImageNow(CrashPolicy::Torn(1)), durable_);
    // A sync that failed and dropped its pages lost acknowledged but not yet
    // durable writes as well, in the page cache's eyes: only P1 is left then.
    CheckImage(memory_->Clone(), durable_);
  }

 private:
  Options MakeOptions() {
    Options options;
    options.create_if_missing = true;
    options.file_system = faulty_;
    options.executor = std::make_shared<SimulatedExecutor>(1);
    options.info_log = std::make_shared<NullLogger>();
    options.random_seed = ++sessions_;
    options.write_buffer_size = size_t{64} << 10;
    options.target_file_size_base = size_t{32} << 10;
    options.max_bytes_for_level_base = uint64_t{64} << 10;
    options.level0_file_num_compaction_trigger = 2;
    options.block_cache_size = 0;  // Every read is one.
    return options;
  }

  void Step(int i) {
    const bool sync = i % 10 == 0;
    WriteBatch batch;
    const std::string key = "key" + std::to_string(random_.Uniform(60));
    const std::string value = std::to_string(history_.batches()) +
                              std::string(random_.Uniform(2000), 'v');
    batch.Put(key, value);
    batch.Put("always", value);
    const absl::Status status = db_->Write({.sync = sync}, batch);
    if (status.ok()) {
      EXPECT_FALSE(refused_) << "acknowledged after a latched failure";
      history_.Put(key, value);
      history_.Put("always", value);
      history_.EndBatch();
      if (sync) durable_ = history_.batches();
    } else {
      ExpectPlausible(status);
      if (refused_) {
        EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
      }
      refused_ = true;
      if (!unacknowledged_.has_value()) {
        // It may be found after the next open, but nothing may follow it.
        unacknowledged_ = history_;
        unacknowledged_->Put(key, value);
        unacknowledged_->Put("always", value);
      }
    }
    if (i % 50 == 49) {
      const absl::Status flushed = db_->Flush();
      if (flushed.ok()) durable_ = history_.batches();
      if (!flushed.ok()) {
        ExpectPlausible(flushed);
        refused_ = true;
      }
      db_->WaitForIdle().IgnoreError();  // A failed compaction is no harm.
    }
  }

  // Right or an error, never wrong.
  void CheckReads() {
    for (const auto& [key, value] : history_.map()) {
      const absl::StatusOr<std::string> got = db_->Get(key);
      if (got.ok()) {
        EXPECT_EQ(*got, value) << key;
      } else {
        EXPECT_FALSE(IsNotFound(got.status())) << key;
        ExpectPlausible(got.status());
      }
    }
    const absl::StatusOr<uint64_t> hash = History::HashOf(*db_);
    if (hash.ok()) {
      EXPECT_TRUE(history_.Find(*hash, history_.batches(), history_.batches()));
    } else {
      ExpectPlausible(hash.status());
    }
    refused_ = false;  // A new session may begin.
    AdoptUnacknowledged();
  }

  // After a reopen the write that failed may be there.
  void AdoptUnacknowledged() {
    if (!unacknowledged_.has_value()) return;
    pending_ = unacknowledged_;
    unacknowledged_.reset();
    absl::Status closed = db_->Close();
    db_.reset();
    faulty_->DisarmAll();
    absl::StatusOr<std::unique_ptr<DB>> db = DB::Open(MakeOptions(), "/db");
    ASSERT_TRUE(db.ok()) << db.status() << " after a close with " << closed;
    db_ = *std::move(db);
    Reconcile();
  }

  // Takes over what the reopened database holds, if it is legal.
  void Reconcile() {
    const absl::StatusOr<uint64_t> hash = History::HashOf(*db_);
    ASSERT_TRUE(hash.ok()) << hash.status();
    EXPECT_TRUE(IsLegal(*hash, durable_));
    History found;
    ASSERT_TRUE(
        ForEach(*db_, {}, [&](std::string_view key, std::string_view value) {
          found.Put(key, value);
          return true;
        }).ok());
    found.EndBatch();
    history_ = found;
    durable_ = history_.batches();  // Recovery made it durable.
    pending_.reset();
  }

  bool IsLegal(uint64_t hash, size_t least) {
    if (history_.Find(hash, least, history_.batches()).has_value()) return true;
    for (std::optional<History>* other : {&unacknowledged_, &pending_}) {
      if (!other->has_value()) continue;
      History with_it = **other;
      const size_t n = with_it.EndBatch();
      if (with_it.Find(hash, n, n).has_value()) return true;
    }
    return false;
  }

  void CheckImage(std::shared_ptr<MemoryFileSystem> image, size_t least) {
    Options options = MakeOptions();
    options.file_system = image;
    absl::StatusOr<std::unique_ptr<DB>> db = DB::Open(options, "/db");
    ASSERT_TRUE(db.ok()) << db.status();
    const absl::StatusOr<uint64_t> hash = History::HashOf(**db);
    ASSERT_TRUE(hash.ok()) << hash.status();
    EXPECT_TRUE(IsLegal(*hash, least)) << "least durable: " << least;
    EXPECT_TRUE((*db)->Put({.sync = true}, "it goes on", "").ok());
    EXPECT_TRUE((*db)->Close().ok());
  }

  // An error that a user can make sense of, and never "no such key".
  static void ExpectPlausible(const absl::Status& status) {
    EXPECT_TRUE(absl::IsInternal(status) || absl::IsResourceExhausted(status) ||
                absl::IsFailedPrecondition(status) || absl::IsDataLoss(status))
        << status;
  }

  Random random_;
  uint64_t sessions_ = 0;
  std::shared_ptr<MemoryFileSystem> memory_;
  std::shared_ptr<FaultInjectionFileSystem> faulty_;
  std::string failed_path_;
  std::unique_ptr<DB> db_;
  History history_;                        // Of acknowledged batches.
  std::optional<History> unacknowledged_;  // And with the one that failed.
  std::optional<History> pending_;
  size_t durable_ = 0;
  bool refused_ = false;
};

struct Plan {
  FileOp op;
  Fault::Effect effect;
  int error_number;
};

class FaultTest : public testing::TestWithParam<Plan> {};

TEST_P(FaultTest, AtEveryOperation) {
  const uint64_t seed = 7;  // The script is fixed; the fault moves.
  uint64_t operations = 0;
  {
    FaultyRun run(seed);
    run.Execute();
    operations = run.faulty().count(GetParam().op);
    run.CheckRecovery();
    ASSERT_FALSE(HasFailure()) << "without a fault";
  }
  const uint64_t step = std::max<uint64_t>(1, operations / Scaled(300, 10));
  uint64_t runs = 0;
  for (uint64_t at = 0; at < operations; at += step) {
    for (const bool sticky : {false, true}) {
      SCOPED_TRACE(testing::Message()
                   << ToString(GetParam().op) << " number " << at
                   << (sticky ? " and all later ones" : ""));
      FaultyRun run(seed);
      run.Arm({.op = GetParam().op,
               .skip = at,
               .sticky = sticky,
               .error_number = GetParam().error_number,
               .effect = GetParam().effect});
      run.Execute();
      run.CheckRecovery();
      ++runs;
      if (HasFailure()) return;
    }
  }
  std::printf("%s: %llu operations, %llu runs\n", ToString(GetParam().op),
              static_cast<unsigned long long>(operations),
              static_cast<unsigned long long>(runs));
}

INSTANTIATE_TEST_SUITE_P(
    Operations, FaultTest,
    testing::Values(Plan{FileOp::kAppend, Fault::Effect::kNothing, ENOSPC},
                    Plan{FileOp::kAppend, Fault::Effect::kHalf, EIO},
                    Plan{FileOp::kAppend, Fault::Effect::kDone, EIO},
                    Plan{FileOp::kSync, Fault::Effect::kNothing, EIO},
                    Plan{FileOp::kSync, Fault::Effect::kDone, EIO},
                    Plan{FileOp::kSyncDirectory, Fault::Effect::kNothing, EIO},
                    Plan{FileOp::kCreate, Fault::Effect::kNothing, EMFILE},
                    Plan{FileOp::kCreate, Fault::Effect::kDone, EIO},
                    Plan{FileOp::kRename, Fault::Effect::kNothing, EIO},
                    Plan{FileOp::kRename, Fault::Effect::kDone, EIO},
                    Plan{FileOp::kRemove, Fault::Effect::kNothing, EIO},
                    Plan{FileOp::kClose, Fault::Effect::kNothing, EIO},
                    Plan{FileOp::kTrim, Fault::Effect::kNothing, EIO},
                    Plan{FileOp::kAllocate, Fault::Effect::kNothing, ENOSPC},
                    Plan{FileOp::kOpen, Fault::Effect::kNothing, EMFILE},
                    Plan{FileOp::kRead, Fault::Effect::kNothing, EIO},
                    Plan{FileOp::kRead, Fault::Effect::kShortRead, EIO},
                    Plan{FileOp::kRead, Fault::Effect::kCorruptRead, EIO},
                    Plan{FileOp::kList, Fault::Effect::kNothing, EIO},
                    Plan{FileOp::kInfo, Fault::Effect::kNothing, EIO},
                    Plan{FileOp::kLock, Fault::Effect::kNothing, EIO}));

TEST(BackgroundFault, AFailedCompactionIsAJobThatIsDoneAgain) {
  auto files = std::make_shared<FaultInjectionFileSystem>(
      std::make_shared<MemoryFileSystem>(
          MemoryFileSystem::Options{.record_operations = false}));
  auto clock = std::make_shared<ManualClock>();
  Options options;
  options.create_if_missing = true;
  options.file_system = files;
  options.clock = clock;
  options.executor = std::make_shared<SimulatedExecutor>(1);
  options.info_log = std::make_shared<NullLogger>();
  options.level0_file_num_compaction_trigger = 2;
  options.block_cache_size = 0;
  auto db = DB::Open(options, "/db");
  ASSERT_TRUE(db.ok()) << db.status();
  const uint64_t fault = files->Arm(
      {.op = FileOp::kRead, .kind = IoContext::Kind::kTable, .sticky = true});
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE((*db)->Put({}, "key", std::to_string(i)).ok());
    ASSERT_TRUE((*db)->Flush().ok());
  }
  const absl::Status failed = (*db)->WaitForIdle();
  EXPECT_TRUE(absl::IsInternal(failed)) << failed;
  ASSERT_TRUE(DetailOf(failed).has_value());
  EXPECT_EQ(DetailOf(failed)->severity, Severity::kJob);
  EXPECT_GT(files->hits(fault), 0u);
  files->DisarmAll();
  EXPECT_FALSE((*db)->WaitForIdle().ok()) << "its wait is not over";
  clock->Advance(absl::Seconds(2));
  EXPECT_TRUE((*db)->WaitForIdle().ok());
  EXPECT_TRUE((*db)->Put({}, "key", "2").ok());
}

}  // namespace
}  // namespace lissom
