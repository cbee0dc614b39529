// Who runs the parts of a job, in which order, and what is left behind.
#include "db/compaction/part_runner.h"

#include <new>
#include <set>
#include <stdexcept>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/mutex.h"

namespace lissom {
namespace {

// Notes which parts ran; those of `failing` fail.
struct Notes {
  absl::Status Run(size_t part) {
    MutexLock lock(mu);
    order.push_back(part);
    if (!failing.contains(part)) return absl::OkStatus();
    return absl::InternalError(absl::StrCat("part ", part));
  }
  Mutex mu;
  std::vector<size_t> order;
  std::set<size_t> failing;
};

std::vector<size_t> UpTo(size_t count) {
  std::vector<size_t> all;
  for (size_t i = 0; i < count; ++i) all.push_back(i);
  return all;
}

TEST(RunParts, RunsEachHereWithoutAnExecutor) {
  Notes notes;
  EXPECT_TRUE(RunParts(nullptr, 5, [&](size_t part, const auto&) {
                return notes.Run(part);
              }).ok());
  EXPECT_EQ(notes.order, UpTo(5));
}

TEST(RunParts, NeedsNoFreeThread) {
  SimulatedExecutor executor(1);
  Notes notes;
  EXPECT_TRUE(RunParts(&executor, 5, [&](size_t part, const auto&) {
                return notes.Run(part);
              }).ok());
  EXPECT_EQ(notes.order, UpTo(5));
  EXPECT_EQ(executor.queued(), 4u);
}

// The tasks are still queued when everything they were made for is gone.
TEST(RunParts, TasksThatStartLateTouchNothing) {
  SimulatedExecutor executor(1);
  int runs = 0;
  {
    std::vector<int> gone(3, 0);
    EXPECT_TRUE(RunParts(&executor, 3, [&](size_t part, const auto&) {
                  ++gone[part];
                  ++runs;
                  return absl::OkStatus();
                }).ok());
  }
  while (executor.RunOne()) {
  }
  EXPECT_EQ(runs, 3);
}

// Tasks that get their turn in the midst of the caller's parts take the others.
TEST(RunParts, SharesThePartsWithWhoeverComes) {
  const uint64_t seed = TestSeed();
  bool out_of_order = false;
  for (uint64_t round = 0; round < 50; ++round) {
    Random random(seed + round);
    SimulatedExecutor executor(seed + round);
    Notes notes;
    std::vector<size_t> ended;
    EXPECT_TRUE(RunParts(&executor, 6, [&](size_t part, const auto&) {
                  const absl::Status status = notes.Run(part);
                  while (random.OneIn(2) && executor.RunOne()) {
                  }
                  ended.push_back(part);
                  return status;
                }).ok());
    EXPECT_EQ(notes.order, UpTo(6));
    out_of_order |= ended != UpTo(6);
  }
  EXPECT_TRUE(out_of_order);
}

TEST(RunParts, BeginsNoPartAfterAFailure) {
  Notes notes;
  notes.failing = {2, 4};
  EXPECT_EQ(RunParts(nullptr, 6,
                     [&](size_t part, const std::atomic<bool>& stop) {
                       EXPECT_FALSE(stop.load());
                       return notes.Run(part);
                     }),
            absl::InternalError("part 2"));
  EXPECT_EQ(notes.order, UpTo(3));
}

TEST(RunParts, AFailureCallsTheOthersOffAndIsWhatIsReported) {
  SimulatedExecutor executor(1);
  EXPECT_EQ(RunParts(&executor, 2,
                     [&](size_t part, const std::atomic<bool>& stop) {
                       if (part == 1) return absl::DataLossError("rot");
                       EXPECT_FALSE(stop.load());
                       executor.RunOne();  // Part 1.
                       EXPECT_TRUE(stop.load());
                       return absl::CancelledError("called off");
                     }),
            absl::DataLossError("rot"));
}

TEST(RunParts, SaysCancelledIfNothingElseHappened) {
  EXPECT_EQ(RunParts(nullptr, 3,
                     [](size_t part, const auto&) {
                       return part == 1 ? absl::CancelledError("enough")
                                        : absl::OkStatus();
                     }),
            absl::CancelledError("enough"));
}

TEST(RunParts, ExceptionsBecomeStatuses) {
  EXPECT_EQ(RunParts(nullptr, 2,
                     [](size_t, const auto&) -> absl::Status {
                       throw std::bad_alloc();
                     })
                .code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(RunParts, DoesItAllIfTheExecutorRefuses) {
  class Refusing final : public Executor {
   public:
    void Schedule(Priority, std::function<void()>) override {
      throw std::runtime_error("no");
    }
  } executor;
  Notes notes;
  EXPECT_TRUE(RunParts(&executor, 4, [&](size_t part, const auto&) {
                return notes.Run(part);
              }).ok());
  EXPECT_EQ(notes.order, UpTo(4));
}

TEST(RunParts, RunsEachOnceAmongThreads) {
  const auto pool = Executor::NewThreadPool(3);
  for (int round = 0; round < 200; ++round) {
    Notes notes;
    if (round % 4 == 0) notes.failing = {3};
    const absl::Status status =
        RunParts(pool.get(), 8,
                 [&](size_t part, const auto&) { return notes.Run(part); });
    EXPECT_EQ(status.ok(), notes.failing.empty());
    const std::set<size_t> ran(notes.order.begin(), notes.order.end());
    EXPECT_EQ(ran.size(), notes.order.size());
    if (status.ok()) {
      EXPECT_EQ(ran.size(), 8u);
    }
  }
}

}  // namespace
}  // namespace lissom
