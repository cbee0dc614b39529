// Background work under a rate limiter: what is limited and what is not, who
// goes first, and that nobody who wants to end has to wait for it.
#include "lissom/rate_limiter.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/fault_injection_file_system.h"
#include "util/manual_clock.h"
#include "util/memory_file_system.h"
#include "util/random.h"

namespace lissom {
namespace {

using Priority = IoContext::Priority;

constexpr uint64_t kRate = 1'000'000;

// Another limiter, and what it granted when.
class Observed final : public RateLimiter {
 public:
  struct Grant {
    absl::Duration time;
    uint64_t bytes;
    Priority priority;
  };

  Observed(std::shared_ptr<RateLimiter> base, std::shared_ptr<Clock> clock)
      : base_(std::move(base)), clock_(std::move(clock)) {}

  uint64_t MostBytes() const override { return base_->MostBytes(); }
  bool Request(uint64_t bytes, Priority priority, Waiter& waiter) override {
    {
      const std::lock_guard<std::mutex> lock(mu_);
      ++requests_[priority == Priority::kCompaction];
      cv_.notify_all();
    }
    if (!base_->Request(bytes, priority, waiter)) return false;
    const std::lock_guard<std::mutex> lock(mu_);
    grants_.push_back({clock_->Monotonic(), bytes, priority});
    return true;
  }

  // Block until a compaction, a flush has asked so often.
  void AwaitCompaction(int requests) { AwaitRequests(1, requests); }
  void AwaitFlush(int requests) { AwaitRequests(0, requests); }
  std::vector<Grant> grants() const {
    const std::lock_guard<std::mutex> lock(mu_);
    return grants_;
  }
  uint64_t Bytes(std::optional<Priority> priority = std::nullopt) const {
    uint64_t sum = 0;
    for (const Grant& grant : grants()) {
      if (!priority.has_value() || grant.priority == *priority) {
        sum += grant.bytes;
      }
    }
    return sum;
  }

 private:
  void AwaitRequests(size_t kind, int requests) {
    std::unique_lock<std::mutex> lock(mu_);
    cv_.wait(lock, [&] { return requests_[kind] >= requests; });
  }

  const std::shared_ptr<RateLimiter> base_;
  const std::shared_ptr<Clock> clock_;
  mutable std::mutex mu_;
  std::condition_variable cv_;
  std::array<int, 2> requests_ = {};
  std::vector<Grant> grants_;
};

// Grants nothing, and looks again in an hour.
class Never final : public RateLimiter {
 public:
  uint64_t MostBytes() const override { return 1 << 20; }
  bool Request(uint64_t, Priority, Waiter& waiter) override {
    while (waiter.WaitFor(absl::Hours(1))) {
    }
    return false;
  }
};

class KeepsLines final : public Logger {
 public:
  void Log(LogLevel, std::string_view line) override {
    const std::lock_guard<std::mutex> lock(mu_);
    lines_.emplace_back(line);
  }
  std::vector<std::string> lines() const {
    const std::lock_guard<std::mutex> lock(mu_);
    return lines_;
  }

 private:
  mutable std::mutex mu_;
  std::vector<std::string> lines_;
};

class RateLimitedDb : public testing::Test {
 protected:
  static std::string Key(uint64_t i) { return absl::StrFormat("key%06d", i); }
  static std::string Value(uint64_t i) {
    return absl::StrCat(i, std::string(1000, 'v'));
  }

  static Options Base() {
    Options options;
    options.create_if_missing = true;
    options.write_buffer_size = size_t{64} << 10;
    options.target_file_size_base = size_t{64} << 10;
    options.max_bytes_for_level_base = uint64_t{256} << 10;
    options.compression = {Compression::None()};
    return options;
  }

  // Everything in one thread, in the time of a clock that waits move on.
  void OpenSimulated(uint64_t seed, uint64_t rate = kRate) {
    Options options = Base();
    const auto clock = std::make_shared<ManualClock>();
    clock_ = clock;
    options.file_system = files_;
    options.clock = clock;
    options.executor = std::make_shared<SimulatedExecutor>(seed, clock);
    options.info_log = log_;
    OpenWith(std::move(options),
             *RateLimiter::NewTokenBucket(rate, {.clock = clock}));
  }
  // Real threads and the machine's clock.
  void OpenThreaded(uint64_t rate) {
    OpenThreaded(*RateLimiter::NewTokenBucket(rate));
  }
  void OpenThreaded(std::shared_ptr<RateLimiter> limiter) {
    Options options = Base();
    clock_ = Clock::System();
    options.file_system = files_;
    options.info_log = log_;
    options.write_buffer_size = size_t{1} << 20;
    OpenWith(std::move(options), std::move(limiter));
  }
  void OpenWith(Options options, std::shared_ptr<RateLimiter> limiter) {
    limiter_ = std::make_shared<Observed>(std::move(limiter), clock_);
    options.rate_limiter = limiter_;
    auto opened = DB::Open(options, "/db");
    ASSERT_TRUE(opened.ok()) << opened.status();
    db_ = *std::move(opened);
  }

  void Put(uint64_t i) { ASSERT_TRUE(db_->Put({}, Key(i), Value(i)).ok()); }
  // A tree that a full compaction rewrites, and that nothing else does.
  void MakeTablesWithoutLimit(uint64_t keys) {
    Options options = Base();
    options.file_system = files_;
    options.info_log = log_;
    options.write_buffer_size = size_t{4} << 20;
    options.level0_file_num_compaction_trigger = 100;
    options.level0_stop_writes_trigger = 200;
    db_ = *DB::Open(options, "/db");
    for (int round = 0; round < 3; ++round) {
      for (uint64_t i = 0; i < keys; ++i) Put(i);
      ASSERT_TRUE(db_->Flush().ok());
    }
    ASSERT_TRUE(db_->Close().ok());
  }
  void CheckAll(uint64_t keys) {
    for (uint64_t i = 0; i < keys; ++i) {
      ASSERT_EQ(db_->Get(Key(i)).value_or("?"), Value(i)) << i;
    }
  }

  const std::shared_ptr<FaultInjectionFileSystem> files_ =
      std::make_shared<FaultInjectionFileSystem>(
          std::make_shared<MemoryFileSystem>(
              MemoryFileSystem::Options{.record_operations = false}));
  const std::shared_ptr<KeepsLines> log_ = std::make_shared<KeepsLines>();
  std::shared_ptr<Clock> clock_;
  std::shared_ptr<Observed> limiter_;
  std::unique_ptr<DB> db_;
};

TEST_F(RateLimitedDb, AllThatJobsWriteIsAskedForAndTheRateIsNeverPassed) {
  const uint64_t seed = TestSeed();
  Random random(seed);
  OpenSimulated(seed);
  const uint64_t keys = Scaled(2000, 500);
  for (uint64_t i = 0; i < 2 * keys; ++i) Put(random.Uniform(keys));
  for (uint64_t i = 0; i < keys; ++i) Put(i);
  ASSERT_TRUE(db_->CompactRange({}, std::nullopt, std::nullopt).ok());
  ASSERT_TRUE(db_->WaitForIdle().ok());
  CheckAll(keys);

  EXPECT_EQ(limiter_->Bytes(), files_->bytes_appended(IoContext::Kind::kTable));
  EXPECT_GT(limiter_->Bytes(Priority::kFlush), keys * 1000);
  EXPECT_GT(limiter_->Bytes(Priority::kCompaction), keys * 1000);
  EXPECT_EQ(limiter_->Bytes(Priority::kForeground), 0u);
  const auto grants = limiter_->grants();
  for (size_t from = 0; from < grants.size(); ++from) {
    double bytes = 0;
    for (size_t to = from; to < grants.size(); ++to) {
      bytes += static_cast<double>(grants[to].bytes);
      ASSERT_LE(grants[to].bytes, kRate / 20);
      ASSERT_LE(bytes, kRate * absl::ToDoubleSeconds(grants[to].time -
                                                     grants[from].time) +
                           kRate / 10.0 + 1);
    }
  }
  const Metrics metrics = db_->GetMetrics();
  EXPECT_EQ(metrics.rate_limited_bytes, limiter_->Bytes());
  EXPECT_GT(metrics.rate_limit_wait_micros, 1'000'000u);
  ASSERT_TRUE(db_->Close().ok());
}

// Of a compaction that is under way, too. In real time, about a second.
TEST_F(RateLimitedDb, AFlushGoesAheadOfACompaction) {
  MakeTablesWithoutLimit(2000);
  // Who is late by less than half the period keeps its turn.
  OpenThreaded(*RateLimiter::NewTokenBucket(
      500'000, {.refill_period = absl::Milliseconds(200)}));
  std::thread compacting([&] {
    EXPECT_TRUE(
        absl::IsCancelled(db_->CompactRange({}, std::nullopt, std::nullopt)));
  });
  limiter_->AwaitCompaction(/*requests=*/2);
  const size_t before = limiter_->grants().size();
  for (uint64_t i = 0; i < 800; ++i) Put(i);
  EXPECT_TRUE(db_->Flush().ok());
  std::vector<Observed::Grant> grants = limiter_->grants();
  EXPECT_TRUE(db_->Close().ok());
  compacting.join();

  // From the flush's first bytes to its last.
  const auto is_flush = [](const Observed::Grant& grant) {
    return grant.priority == Priority::kFlush;
  };
  grants.erase(grants.begin(), grants.begin() + static_cast<ptrdiff_t>(before));
  const auto first = std::find_if(grants.begin(), grants.end(), is_flush);
  const auto last =
      std::find_if(grants.rbegin(), grants.rend(), is_flush).base();
  uint64_t flushed = 0;
  uint64_t compacted = 0;
  for (auto it = first; it != last; ++it) {
    (is_flush(*it) ? flushed : compacted) += it->bytes;
  }
  EXPECT_GT(flushed, 800'000u);
  EXPECT_LT(compacted, flushed * 4 / 10);  // Turn by turn it would be as much.
}

TEST_F(RateLimitedDb, CloseDoesNotWaitForACompactionThatWaits) {
  constexpr uint64_t kKeys = 1000;
  MakeTablesWithoutLimit(kKeys);
  OpenThreaded(std::make_shared<Never>());
  std::thread compacting([&] {
    EXPECT_TRUE(
        absl::IsCancelled(db_->CompactRange({}, std::nullopt, std::nullopt)));
  });
  limiter_->AwaitCompaction(/*requests=*/1);
  const absl::Duration before = clock_->Monotonic();
  EXPECT_TRUE(db_->Close().ok());
  EXPECT_LT(clock_->Monotonic() - before, absl::Seconds(60));
  compacting.join();
  db_.reset();
  OpenThreaded(uint64_t{1} << 40);
  CheckAll(kKeys);
}

TEST_F(RateLimitedDb, ACancelledCompactRangeDoesNotWait) {
  constexpr uint64_t kKeys = 1000;
  MakeTablesWithoutLimit(kKeys);
  OpenThreaded(std::make_shared<Never>());
  std::stop_source stop;
  std::thread stopping([&] {
    limiter_->AwaitCompaction(/*requests=*/1);
    stop.request_stop();
  });
  const absl::Status status =
      db_->CompactRange({.stop = stop.get_token()}, std::nullopt, std::nullopt);
  stopping.join();
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  // The job itself has ended, too.
  EXPECT_TRUE(db_->WaitForIdle().ok());
  EXPECT_EQ(limiter_->Bytes(), 0u);
  CheckAll(kKeys);
  EXPECT_TRUE(db_->Close().ok());
}

// A flush that waits goes on at full speed when Close waits for it.
TEST_F(RateLimitedDb, CloseDoesNotWaitForTheRateOfAFlush) {
  OpenThreaded(std::make_shared<Never>());
  for (uint64_t i = 0; i < 60; ++i) Put(i);
  ASSERT_TRUE(db_->Flush({.wait = false}).ok());
  limiter_->AwaitFlush(/*requests=*/1);
  EXPECT_TRUE(db_->Close().ok());
  db_.reset();
  OpenThreaded(uint64_t{1} << 40);
  CheckAll(60);
}

// The same when Resume does.
TEST_F(RateLimitedDb, ResumeIsNotLimited) {
  OpenSimulated(/*seed=*/1);
  for (uint64_t i = 0; i < 60; ++i) Put(i);
  files_->Arm({.op = FileOp::kSync,
               .kind = IoContext::Kind::kTable,
               .error_number = EROFS});
  EXPECT_FALSE(db_->Flush().ok());
  const uint64_t before = limiter_->Bytes();
  const uint64_t written = files_->bytes_appended(IoContext::Kind::kTable);
  ASSERT_TRUE(db_->Resume().ok());
  EXPECT_GT(files_->bytes_appended(IoContext::Kind::kTable), written);
  EXPECT_EQ(limiter_->Bytes(), before);
  CheckAll(60);
}

// Nor does it wait for a job that waits. (The log fails meanwhile.)
TEST_F(RateLimitedDb, ResumeDoesNotWaitForACompactionThatWaits) {
  MakeTablesWithoutLimit(100);
  OpenThreaded(std::make_shared<Never>());
  std::thread compacting([&] {
    EXPECT_FALSE(db_->CompactRange({}, std::nullopt, std::nullopt).ok());
  });
  limiter_->AwaitCompaction(/*requests=*/1);
  files_->Arm({.op = FileOp::kSync,
               .kind = IoContext::Kind::kWal,
               .error_number = EROFS});
  EXPECT_FALSE(db_->Put({.sync = true}, Key(0), Value(0)).ok());
  EXPECT_TRUE(db_->Resume().ok());
  EXPECT_TRUE(db_->Put({.sync = true}, Key(0), Value(0)).ok());
  EXPECT_TRUE(db_->Close().ok());
  compacting.join();
}

TEST_F(RateLimitedDb, TheLogIsNotLimited) {
  OpenSimulated(/*seed=*/1, /*rate=*/1024);
  for (uint64_t i = 0; i < 50; ++i) {
    ASSERT_TRUE(db_->Put({.sync = true}, Key(i), Value(i)).ok());
  }
  EXPECT_EQ(limiter_->grants().size(), 0u);
  EXPECT_EQ(clock_->Monotonic(), absl::ZeroDuration());
}

TEST_F(RateLimitedDb, TheRateMayChangeWhileJobsRun) {
  const auto clock = std::make_shared<ManualClock>();
  Options options = Base();
  options.file_system = files_;
  options.clock = clock;
  options.executor = std::make_shared<SimulatedExecutor>(1, clock);
  options.info_log = log_;
  options.rate_limiter =
      *RateLimiter::NewTokenBucket(1'000'000, {.clock = clock});
  db_ = *DB::Open(options, "/db");
  const auto flush = [&] {
    const absl::Duration before = clock->Monotonic();
    for (uint64_t i = 0; i < 50; ++i) Put(i);
    EXPECT_TRUE(db_->Flush().ok());
    return clock->Monotonic() - before;
  };
  flush();
  ASSERT_TRUE(options.rate_limiter->SetBytesPerSecond(10'000).ok());
  EXPECT_GT(flush(), absl::Seconds(3));
  ASSERT_TRUE(options.rate_limiter->SetBytesPerSecond(100'000'000).ok());
  EXPECT_LT(flush(), absl::Milliseconds(500));
}

// Whatever a limiter does: throws here or there, allows nothing, or refuses
// those who did not ask to be refused.
TEST_F(RateLimitedDb, AnUnsafeLimiterBreaksNothing) {
  struct Unsafe final : public RateLimiter {
    uint64_t MostBytes() const override {
      if (kind == 0) throw 7;
      return kind == 1 ? 0 : UINT64_MAX;
    }
    bool Request(uint64_t, Priority, Waiter& waiter) override {
      if (kind == 2) throw std::runtime_error("no");
      if (kind == 3) return false;
      if (kind == 4) waiter.WaitFor(-absl::Seconds(1));
      return true;
    }
    explicit Unsafe(int which) : kind(which) {}
    const int kind;
  };
  for (int kind = 0; kind <= 4; ++kind) {
    const auto clock = std::make_shared<ManualClock>();
    Options options = Base();
    options.file_system = std::make_shared<MemoryFileSystem>();
    options.clock = clock;
    options.executor = std::make_shared<SimulatedExecutor>(1, clock);
    const auto log = std::make_shared<KeepsLines>();
    options.info_log = log;
    options.rate_limiter = std::make_shared<Unsafe>(kind);
    db_ = *DB::Open(options, "/db");
    const uint64_t keys = kind == 1 ? 20 : 300;  // Byte by byte takes long.
    for (uint64_t i = 0; i < keys; ++i) Put(i);
    ASSERT_TRUE(db_->Flush().ok()) << kind;
    ASSERT_TRUE(db_->CompactRange({.rewrite_last_level = true}, std::nullopt,
                                  std::nullopt)
                    .ok())
        << kind;
    CheckAll(keys);
    const Metrics metrics = db_->GetMetrics();
    EXPECT_EQ(metrics.background_errors, 0u);
    EXPECT_EQ(metrics.rate_limited_bytes > 0, kind == 1 || kind == 4) << kind;
    EXPECT_TRUE(db_->Close().ok());
    const std::vector<std::string> lines = log->lines();
    EXPECT_EQ(std::count(lines.begin(), lines.end(),
                         "the rate limiter threw: what it throws at is not "
                         "limited"),
              kind == 0 || kind == 2 ? 1 : 0);
  }
}

}  // namespace
}  // namespace lissom
