// A database among threads whose order a seed chooses, at every lock, wait and
// sync point: writers and their groups, sealing, flushes, compactions, views,
// snapshots, evictions, a close in the midst. Thousands of orders, each a
// different one by its hash; every answer is checked, and what was acknowledged
// must be there after the database was opened again. And the same while a file
// operation, drawn from the seed, fails once or from then on: then calls may
// fail too, but what they answer is right, and what was acknowledged is there.
//
// Concurrency_test has threads that run freely, for TSan; here is what luck
// would seldom give.
#include "tests/support/schedule.h"

#include <atomic>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/test_env.h"
#include "util/fault_injection_file_system.h"
#include "util/memory_file_system.h"
#include "util/random.h"

namespace lissom {
namespace {

constexpr int kWriters = 3;
constexpr int kWrites = 3;  // Of each writer.
// Two of them fill a memtable.
constexpr size_t kValueBytes = size_t{40} << 10;

// Each batch puts the pair of keys of its writer to one value: the number of
// the batch, padded.
std::string KeyOf(int writer, char half) {
  return absl::StrCat("w", writer, std::string(1, half));
}

// Time that passes by being looked at: the same in every run.
class SteppingClock final : public Clock {
 public:
  absl::Time Now() override { return absl::UnixEpoch() + Monotonic(); }
  absl::Duration Monotonic() override {
    return absl::Microseconds(20 * looks_.fetch_add(1));
  }

 private:
  std::atomic<int64_t> looks_{0};
};

Fault DrawFault(Random& random) {
  constexpr FileOp kOps[] = {FileOp::kAppend,   FileOp::kSync,
                             FileOp::kCreate,   FileOp::kRename,
                             FileOp::kRead,     FileOp::kOpen,
                             FileOp::kAllocate, FileOp::kSyncDirectory};
  constexpr IoContext::Kind kKinds[] = {IoContext::Kind::kWal,
                                        IoContext::Kind::kTable,
                                        IoContext::Kind::kManifest};
  constexpr Fault::Effect kWriteEffects[] = {
      Fault::Effect::kNothing, Fault::Effect::kHalf, Fault::Effect::kDone};
  constexpr Fault::Effect kReadEffects[] = {Fault::Effect::kNothing,
                                            Fault::Effect::kShortRead,
                                            Fault::Effect::kCorruptRead};
  Fault fault;
  if (!random.OneIn(4)) fault.op = kOps[random.Uniform(std::size(kOps))];
  if (random.OneIn(2)) fault.kind = kKinds[random.Uniform(std::size(kKinds))];
  fault.skip = random.Uniform(40);
  fault.sticky = random.OneIn(3);
  fault.error_number = random.OneIn(3) ? ENOSPC : EIO;
  fault.effect = (fault.op == FileOp::kRead ? kReadEffects
                                            : kWriteEffects)[random.Uniform(3)];
  return fault;
}

class World {
 public:
  // With faults, one of them is drawn.
  World(uint64_t seed, bool faults)
      : random_(seed),
        schedule_(random_.Next()),
        files_(std::make_shared<FaultInjectionFileSystem>(
            std::make_shared<MemoryFileSystem>(
                MemoryFileSystem::Options{.record_operations = false}))),
        executor_(std::make_shared<ScheduledExecutor>(schedule_)),
        with_faults_(faults) {}

  // The order that was chosen.
  uint64_t Run() {
    db_ = *DB::Open(OptionsOf(executor_), "/db");
    if (with_faults_) files_->Arm(DrawFault(random_));
    armed_ = with_faults_;
    for (int writer = 0; writer < kWriters; ++writer) {
      schedule_.Spawn([this, writer] { Write(writer); });
    }
    for (int reader = 0; reader < 2; ++reader) {
      schedule_.Spawn([this, reader] { Read(reader == 0); });
    }
    schedule_.Spawn([this] { Disturb(); });
    schedule_.Run();
    const absl::Status closed = db_->Close();
    EXPECT_TRUE(Excused(closed)) << closed;
    db_.reset();
    executor_.reset();
    files_->DisarmAll();
    armed_ = false;
    EXPECT_EQ(files_->uses_after_failed_sync(), 0u);
    CheckReopened();
    return schedule_.hash();
  }

  uint64_t failed_calls() const { return failed_calls_.load(); }

 private:
  // May a call end so, beside the ways in which it may end in any case?
  bool Excused(const absl::Status& status) {
    if (status.ok()) return true;
    if (absl::IsCancelled(status) || !armed_) return false;
    ++failed_calls_;
    return true;
  }

  Options OptionsOf(std::shared_ptr<Executor> executor) const {
    Options options;
    options.create_if_missing = true;
    options.file_system = files_;
    options.executor = std::move(executor);
    options.clock = std::make_shared<SteppingClock>();
    options.info_log = std::make_shared<NullLogger>();
    options.random_seed = 1;
    options.write_buffer_size = size_t{64} << 10;
    options.max_write_buffer_number = 2;
    options.level0_file_num_compaction_trigger = 2;
    options.max_background_jobs = 3;
    options.max_subcompactions = 2;
    options.target_file_size_base = size_t{64} << 10;
    options.max_bytes_for_level_base = uint64_t{128} << 10;
    options.block_cache_size = size_t{96} << 10;  // Two values fit.
    return options;
  }

  void Write(int writer) {
    for (int n = 1; n <= kWrites; ++n) {
      WriteBatch batch;
      const std::string value =
          absl::StrCat(n, std::string(kValueBytes / 2, '.'));
      batch.Put(KeyOf(writer, 'a'), value);
      batch.Put(KeyOf(writer, 'b'), value);
      const absl::Status status = db_->Write(
          {.sync = (writer + n) % 3 == 0, .no_slowdown = writer == 2 && n == 2},
          batch);
      if (status.ok()) {
        written_[writer].store(n);
      } else if (writer == 2 && n == 2) {
        EXPECT_TRUE(absl::IsUnavailable(status) || absl::IsCancelled(status) ||
                    Excused(status))
            << status;
      } else {
        EXPECT_TRUE(absl::IsCancelled(status) || Excused(status)) << status;
      }
    }
  }

  // Both keys of a pair have one value, no older than was known before.
  void CheckPair(int writer, int known, const absl::Status& a_status,
                 const absl::Status& b_status, const std::string& a,
                 const std::string& b) {
    if (absl::IsCancelled(a_status) || absl::IsCancelled(b_status)) return;
    for (const absl::Status* status : {&a_status, &b_status}) {
      if (!absl::IsNotFound(*status) && !status->ok() && Excused(*status)) {
        return;
      }
    }
    EXPECT_EQ(a_status.code(), b_status.code());
    EXPECT_TRUE(a_status.ok() || absl::IsNotFound(a_status)) << a_status;
    if (known > 0) {
      EXPECT_TRUE(a_status.ok());
      EXPECT_GE(std::atoi(a.c_str()), known) << writer;
    }
    if (a_status.ok() && b_status.ok()) {
      EXPECT_EQ(a, b);
    }
  }

  void Read(bool by_iterator) {
    for (int round = 0; round < 3; ++round) {
      const int writer = round % kWriters;
      const int known = written_[writer].load();
      if (by_iterator) {
        ReadByIterator();
        continue;
      }
      const std::unique_ptr<const Snapshot> snapshot = db_->GetSnapshot();
      if (snapshot == nullptr) return;  // Closed.
      std::string a, b;
      const ReadOptions options{.snapshot = snapshot.get()};
      const absl::Status a_status = db_->Get(options, KeyOf(writer, 'a'), &a);
      const absl::Status b_status = db_->Get(options, KeyOf(writer, 'b'), &b);
      CheckPair(writer, known, a_status, b_status, a, b);
    }
  }

  void ReadByIterator() {
    int known[kWriters];
    for (int i = 0; i < kWriters; ++i) known[i] = written_[i].load();
    int seen = 0;
    std::string last;
    const absl::Status status =
        ForEach(*db_, {}, [&](std::string_view key, std::string_view value) {
          const int writer = key[1] - '0';
          if (key[2] == 'a') {
            last = value;
            EXPECT_GE(std::atoi(last.c_str()), known[writer]);
          } else {
            EXPECT_EQ(last, value);
          }
          ++seen;
          return true;
        });
    if (absl::IsCancelled(status)) return;
    EXPECT_TRUE(Excused(status)) << status;
    if (!status.ok()) return;
    for (int i = 0; i < kWriters; ++i) seen -= known[i] > 0 ? 2 : 0;
    EXPECT_GE(seen, 0);
  }

  // Flushes, compacts, looks at figures, and in some runs closes.
  void Disturb() {
    const auto fine = [this](const absl::Status& status) {
      return absl::IsCancelled(status) || Excused(status);
    };
    switch (random_.Uniform(5)) {
      case 0: {
        const absl::Status closed = db_->Close();
        EXPECT_TRUE(Excused(closed)) << closed;
        break;
      }
      case 1: {
        const absl::Status flushed = db_->Flush();
        EXPECT_TRUE(fine(flushed)) << flushed;
        break;
      }
      case 2: {
        const absl::Status done =
            db_->CompactRange({}, std::nullopt, std::nullopt);
        EXPECT_TRUE(fine(done)) << done;
        break;
      }
      case 3:
        EXPECT_GE(db_->GetMetrics().memtables, 1u);
        EXPECT_TRUE(fine(db_->WaitForIdle()));
        break;
      default:
        EXPECT_TRUE(fine(db_->SyncWal()));
        EXPECT_TRUE(fine(db_->Flush({.wait = false})));
    }
  }

  void CheckReopened() {
    const absl::StatusOr<std::unique_ptr<DB>> db =
        DB::Open(OptionsOf(nullptr), "/db");
    ASSERT_TRUE(db.ok()) << db.status();
    for (int writer = 0; writer < kWriters; ++writer) {
      std::string a, b;
      const absl::Status a_status = (*db)->Get({}, KeyOf(writer, 'a'), &a);
      const absl::Status b_status = (*db)->Get({}, KeyOf(writer, 'b'), &b);
      CheckPair(writer, written_[writer].load(), a_status, b_status, a, b);
    }
  }

  Random random_;
  ThreadSchedule schedule_;
  const std::shared_ptr<FaultInjectionFileSystem> files_;
  std::shared_ptr<ScheduledExecutor> executor_;
  std::unique_ptr<DB> db_;
  std::atomic<int> written_[kWriters] = {};
  const bool with_faults_;
  bool armed_ = false;
  std::atomic<uint64_t> failed_calls_{0};
};

// So many different orders, of which so many calls failed.
uint64_t RunOrders(uint64_t runs, bool faults) {
  const uint64_t first = TestSeed();
  std::set<uint64_t> orders;
  uint64_t failed_calls = 0;
  for (uint64_t i = 0; i < runs && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", first + i));
    World world(first + i, faults);
    orders.insert(world.Run());
    failed_calls += world.failed_calls();
  }
  std::printf("%zu different orders of threads\n", orders.size());
  EXPECT_GT(orders.size(), runs * 9 / 10);
  return failed_calls;
}

TEST(Schedule, EveryOrderOfThreadsGivesRightAnswers) {
  EXPECT_EQ(RunOrders(Scaled(2500), false), 0u);
}

TEST(Schedule, EveryOrderGivesRightAnswersWhileFilesFail) {
  const uint64_t runs = Scaled(1500);
  const uint64_t failed_calls = RunOrders(runs, true);
  std::printf("%" PRIu64 " calls failed\n", failed_calls);
  EXPECT_GT(failed_calls, runs / 10);
}

}  // namespace
}  // namespace lissom
