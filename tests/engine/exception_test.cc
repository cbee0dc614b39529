// What user's callbacks throw, and memory that runs out. A scripted run meets
// an exception at each of its callbacks, or at each allocation, in turn. What
// must hold:
//   nothing is thrown out of the library, nothing waits for ever; a call that
//   fails says kInternal or kResourceExhausted (or what a latched failure
//   says); no read is wrong; and what was acknowledged is there after the next
//   open.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>

#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/allocation_counter.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/fault_injection_file_system.h"
#include "util/memory_file_system.h"

namespace lissom {
namespace {

// Throws at a chosen call, once or from then on.
class Bomb {
 public:
  Bomb() = default;
  Bomb(long calls_before, bool sticky)
      : left_(calls_before), sticky_(sticky), armed_(true) {}

  void Tick() {
    if (!armed_ || --left_ >= 0) return;
    went_off_ = true;
    armed_ = sticky_;
    throw std::runtime_error("boom");
  }
  bool went_off() const { return went_off_; }
  void Defuse() { armed_ = false; }

 private:
  long left_ = 0;
  bool sticky_ = false;
  bool armed_ = false;
  bool went_off_ = false;
};

class ThrowingComparator final : public Comparator {
 public:
  explicit ThrowingComparator(Bomb& bomb) : bomb_(bomb) {}
  int Compare(std::string_view a, std::string_view b) const override {
    bomb_.Tick();
    return a.compare(b);
  }
  std::string_view Name() const override { return "test.Throwing"; }

 private:
  Bomb& bomb_;
};

class ThrowingExecutor final : public Executor {
 public:
  explicit ThrowingExecutor(Bomb& bomb) : bomb_(bomb), base_(1) {}
  void Schedule(Priority priority, std::function<void()> task) override {
    bomb_.Tick();
    base_.Schedule(priority, std::move(task));
  }
  void Await(Wait& wait) override { base_.Await(wait); }

 private:
  Bomb& bomb_;
  SimulatedExecutor base_;
};

class ThrowingLogger final : public Logger {
 public:
  explicit ThrowingLogger(Bomb& bomb) : bomb_(bomb) {}
  void Log(LogLevel, std::string_view) override { bomb_.Tick(); }

 private:
  Bomb& bomb_;
};

// One run of the script.
class ScriptedRun {
 public:
  explicit ScriptedRun(Bomb& bomb)
      : bomb_(bomb),
        files_(std::make_shared<MemoryFileSystem>(
            MemoryFileSystem::Options{.record_operations = false})),
        executor_(std::make_shared<SimulatedExecutor>(1)),
        comparator_(BytewiseComparator()),
        log_(std::make_shared<NullLogger>()) {}

  std::shared_ptr<MemoryFileSystem> files_in_memory() { return files_; }
  void Use(std::shared_ptr<FileSystem> files) { wrapped_ = std::move(files); }
  void Use(std::shared_ptr<Executor> executor) {
    executor_ = std::move(executor);
  }
  void Use(std::shared_ptr<const Comparator> comparator) {
    comparator_ = std::move(comparator);
  }
  void Use(std::shared_ptr<Logger> log) { log_ = std::move(log); }

  // Allocation number `n` within the library fails. On real files: those in
  // memory are no part of a database, and allocate.
  void FailAllocation(long n) {
    allocations_left_ = n;
    real_directory_ =
        std::filesystem::exists("/dev/shm") ? "/dev/shm/" : testing::TempDir();
    real_directory_ += "lissom_exception_" + std::to_string(getpid());
    Use(FileSystem::Posix());
  }
  bool allocation_failed() const {
    return allocation_armed_ && allocations_left_ < 0;
  }

  void Execute() {
    allocation_armed_ = allocations_left_ >= 0;
    for (int session = 0; session < 2; ++session) {
      absl::StatusOr<std::unique_ptr<DB>> db = absl::UnknownError("");
      const Options options = MakeOptions();
      Call([&] { db = DB::Open(options, path()); });
      if (!db.ok()) {
        ExpectPlausible(db.status());
        continue;
      }
      db_ = *std::move(db);
      for (int i = 0; i < 70; ++i) Step(i);
      CheckReads();
      if (session == 0) Call([&] { db_->Close().IgnoreError(); });
      Call([&] { db_.reset(); });
    }
  }

  // Without exceptions: everything acknowledged is there.
  void CheckRecovery() {
    bomb_.Defuse();
    allocations_left_ = -1;
    if (real_directory_.empty()) wrapped_ = nullptr;
    executor_ = std::make_shared<SimulatedExecutor>(1);
    auto db = DB::Open(MakeOptions(), path());
    ASSERT_TRUE(db.ok()) << db.status();
    db_ = *std::move(db);
    read_failed_ = false;
    CheckReads();
    EXPECT_FALSE(read_failed_);
    EXPECT_TRUE(db_->Put({}, "more", "1").ok());
    EXPECT_TRUE(db_->Close().ok());
    EXPECT_TRUE(DB::Destroy(MakeOptions(), path()).ok());
  }

 private:
  const std::string& path() const {
    return real_directory_.empty() ? memory_directory_ : real_directory_;
  }

  template <typename Body>
  void Call(Body body) {
    t_allocations_left = allocations_left_;
    body();
    allocations_left_ = t_allocations_left;
    t_allocations_left = -1;
  }

  Options MakeOptions() {
    Options options;
    options.create_if_missing = true;
    options.file_system = wrapped_ != nullptr ? wrapped_ : files_;
    options.executor = executor_;
    options.info_log = log_;
    options.comparator = comparator_;
    options.random_seed = ++sessions_;
    options.write_buffer_size = size_t{64} << 10;
    options.target_file_size_base = size_t{32} << 10;
    options.max_bytes_for_level_base = uint64_t{64} << 10;
    options.level0_file_num_compaction_trigger = 2;
    options.block_cache_size = 64 << 10;
    return options;
  }

  void Step(int i) {
    const std::string key = "key" + std::to_string((i * 7919 + ++writes_) % 60);
    const std::string value =
        std::to_string(writes_) +
        std::string(static_cast<size_t>(500 + i * 37 % 3000), 'v');
    absl::Status status;
    Call([&] { status = db_->Put({.sync = i % 9 == 0}, key, value); });
    maybe_[key].insert(value);
    if (status.ok()) {
      EXPECT_FALSE(refused_) << "acknowledged after a latched failure";
      acknowledged_[key] = value;
      maybe_[key] = {value};
    } else {
      ExpectPlausible(status);
      refused_ = refused_ || absl::IsFailedPrecondition(status);
    }
    if (i % 25 == 24) {
      Call([&] { status = db_->Flush(); });
      ExpectPlausible(status);
      Call([&] { status = db_->WaitForIdle(); });
      ExpectPlausible(status);
    }
  }

  void CheckReads() {
    refused_ = false;  // By the next session, if there is one.
    for (const auto& maybe : maybe_) {
      const std::string& key = maybe.first;
      std::string value;
      absl::Status status;
      Call([&] { status = db_->Get({}, key, &value); });
      if (status.ok()) {
        EXPECT_TRUE(maybe.second.contains(value)) << key;
      } else if (absl::IsNotFound(status)) {
        EXPECT_FALSE(acknowledged_.contains(key)) << key;
      } else {
        read_failed_ = true;
        ExpectPlausible(status);
      }
    }
    Scan(&Iterator::SeekToFirst, &Iterator::Next);
    Scan(&Iterator::SeekToLast, &Iterator::Prev);
  }

  void Scan(void (Iterator::*start)(), void (Iterator::*step)()) {
    std::unique_ptr<Iterator> it;
    std::set<std::string> seen;
    absl::Status status;
    Call([&] {
      it = db_->NewIterator({});
      (it.get()->*start)();
    });
    while (it->Valid()) {
      const std::string key(it->key());
      EXPECT_TRUE(maybe_[key].contains(std::string(it->value()))) << key;
      EXPECT_TRUE(seen.insert(key).second);
      Call([&] { (it.get()->*step)(); });
    }
    status = it->status();
    if (!status.ok()) {
      read_failed_ = true;
      ExpectPlausible(status);
      // A seek starts anew, and what was thrown once is not thrown again.
      Call([&] { it->Seek("key3"); });
      if (it->Valid()) {
        EXPECT_TRUE(
            maybe_[std::string(it->key())].contains(std::string(it->value())));
      } else {
        it->status().IgnoreError();
      }
    } else {
      for (const auto& [key, value] : acknowledged_) {
        EXPECT_TRUE(seen.contains(key)) << key;
      }
    }
    Call([&] { it.reset(); });
  }

  void ExpectPlausible(const absl::Status& status) {
    if (status.ok()) return;
    EXPECT_TRUE(absl::IsInternal(status) || absl::IsResourceExhausted(status) ||
                absl::IsFailedPrecondition(status))
        << status;
  }

  Bomb& bomb_;
  const std::shared_ptr<MemoryFileSystem> files_;
  std::shared_ptr<FileSystem> wrapped_;
  std::shared_ptr<Executor> executor_;
  std::shared_ptr<const Comparator> comparator_;
  std::shared_ptr<Logger> log_;
  std::unique_ptr<DB> db_;
  long allocations_left_ = -1;
  bool allocation_armed_ = false;
  const std::string memory_directory_ = "/db";
  std::string real_directory_;  // Empty: in memory.
  uint64_t sessions_ = 0;
  int writes_ = 0;
  bool refused_ = false;
  bool read_failed_ = false;
  std::map<std::string, std::string> acknowledged_;
  // What a key may hold: the acknowledged value, and those whose write failed
  // after it.
  std::map<std::string, std::set<std::string>> maybe_;
};

// Runs the script with an exception at call 0, `stride`, 2 * `stride`, ...,
// once and sticky, until a run ends before its exception.
void ThrowEverywhere(
    long stride,
    const std::function<void(ScriptedRun& run, Bomb& bomb)>& prepare) {
  for (const bool sticky : {false, true}) {
    for (long n = 0;; n += stride + n / 50) {
      SCOPED_TRACE(testing::Message() << "call " << n << " sticky " << sticky);
      Bomb bomb(n, sticky);
      ScriptedRun run(bomb);
      prepare(run, bomb);
      run.Execute();
      const bool went_off = bomb.went_off();
      run.CheckRecovery();
      if (!went_off) {
        EXPECT_GT(n, 0);
        break;
      }
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(Exception, OfAComparatorIsAnErrorOfTheCall) {
  ThrowEverywhere(static_cast<long>(10'000 / Scaled(1000)),
                  [](ScriptedRun& run, Bomb& bomb) {
                    run.Use(std::make_shared<ThrowingComparator>(bomb));
                  });
}

TEST(Exception, OfAnExecutorIsAnErrorOfTheCall) {
  ThrowEverywhere(1, [](ScriptedRun& run, Bomb& bomb) {
    run.Use(std::make_shared<ThrowingExecutor>(bomb));
  });
}

TEST(Exception, OfALoggerIsNoErrorAtAll) {
  ThrowEverywhere(1, [](ScriptedRun& run, Bomb& bomb) {
    run.Use(std::make_shared<ThrowingLogger>(bomb));
  });
}

TEST(Exception, OfAFileSystemIsAnErrorOfTheCall) {
  for (size_t op = 0; op < kFileOpCount; ++op) {
    SCOPED_TRACE(ToString(static_cast<FileOp>(op)));
    if (static_cast<FileOp>(op) == FileOp::kTrim) continue;  // In Close only.
    for (uint64_t skip = 0;; skip += 1 + skip / 8) {
      SCOPED_TRACE(testing::Message() << "after " << skip);
      Bomb none;
      ScriptedRun run(none);
      auto faulty =
          std::make_shared<FaultInjectionFileSystem>(run.files_in_memory());
      const uint64_t fault = faulty->Arm({.op = static_cast<FileOp>(op),
                                          .skip = skip,
                                          .on_hit = [](const std::string&) {
                                            throw std::runtime_error("boom");
                                          }});
      run.Use(faulty);
      run.Execute();
      const bool hit = faulty->hits(fault) > 0;
      run.CheckRecovery();
      if (!hit || testing::Test::HasFailure()) break;
    }
    if (testing::Test::HasFailure()) return;
  }
}

TEST(Exception, MemoryThatRunsOutIsAnErrorOfTheCall) {
  if (!kCountsAllocations) GTEST_SKIP() << "a sanitizer owns operator new";
  const long stride = static_cast<long>(700 / Scaled(100));
  for (long n = 0;; n += 1 + n % 3 + n * stride / 700) {
    SCOPED_TRACE(testing::Message() << "allocation " << n);
    Bomb none;
    ScriptedRun run(none);
    run.FailAllocation(n);
    run.Execute();
    const bool failed = run.allocation_failed();
    run.CheckRecovery();
    if (!failed || testing::Test::HasFailure()) {
      EXPECT_GT(n, 100);
      break;
    }
  }
}

}  // namespace
}  // namespace lissom
