// Which sequences flushes and compactions are told to keep.
#include "db/read/snapshot_list.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/test_env.h"
#include "util/random.h"

namespace lissom {
namespace {

using Sequences = std::vector<SequenceNumber>;

class SnapshotListTest : public testing::Test {
 protected:
  std::unique_ptr<const Snapshot> TakeAt(SequenceNumber sequence) {
    visible_.store(sequence, std::memory_order_release);
    return list_->Take();
  }

  std::atomic<SequenceNumber> visible_{0};
  std::shared_ptr<SnapshotList> list_ =
      std::make_shared<SnapshotList>(visible_);
};

TEST_F(SnapshotListTest, WithoutSnapshotsAJobKeepsThePresent) {
  EXPECT_EQ(list_->ForJob(), Sequences{0});
  visible_ = 7;
  EXPECT_EQ(list_->ForJob(), Sequences{7});
}

TEST_F(SnapshotListTest, ASnapshotIsTheVisibleSequence) {
  const auto a = TakeAt(5);
  EXPECT_EQ(a->sequence(), 5u);
  visible_ = 9;
  EXPECT_EQ(a->sequence(), 5u);
  EXPECT_EQ(list_->ForJob(), (Sequences{5, 9}));
}

TEST_F(SnapshotListTest, AJobGetsEachSequenceOnceAndSorted) {
  const auto a = TakeAt(5);
  const auto b = TakeAt(5);
  const auto c = TakeAt(8);
  EXPECT_EQ(list_->ForJob(), (Sequences{5, 8}));
  visible_ = 11;
  EXPECT_EQ(list_->ForJob(), (Sequences{5, 8, 11}));
}

TEST_F(SnapshotListTest, ASequenceStaysUntilItsLastSnapshotGoes) {
  auto a = TakeAt(5);
  auto b = TakeAt(5);
  auto c = TakeAt(6);
  visible_ = 9;
  a.reset();
  EXPECT_EQ(list_->ForJob(), (Sequences{5, 6, 9}));
  c.reset();  // Not in the order they were taken.
  EXPECT_EQ(list_->ForJob(), (Sequences{5, 9}));
  b.reset();
  EXPECT_EQ(list_->ForJob(), Sequences{9});
}

TEST_F(SnapshotListTest, OwnsItsOwnSnapshotsOnly) {
  const auto other = std::make_shared<SnapshotList>(visible_);
  const auto a = list_->Take();
  const auto b = other->Take();
  EXPECT_TRUE(list_->Owns(*a));
  EXPECT_FALSE(list_->Owns(*b));
  EXPECT_TRUE(other->Owns(*b));
}

TEST(SnapshotList, ItsSnapshotsOutliveItAndTheSequence) {
  std::unique_ptr<const Snapshot> snapshot;
  {
    const std::atomic<SequenceNumber> visible{3};
    const auto list = std::make_shared<SnapshotList>(visible);
    snapshot = list->Take();
  }
  EXPECT_EQ(snapshot->sequence(), 3u);
  snapshot.reset();  // ASan watches.
}

TEST_F(SnapshotListTest, CallsOnceNobodyReadsBelowASequence) {
  int calls = 0;
  auto a = TakeAt(5);
  auto b = TakeAt(7);
  auto c = TakeAt(7);
  auto d = TakeAt(9);
  list_->CallWhenOldest(8, [&] { ++calls; });
  b.reset();
  a.reset();
  EXPECT_EQ(calls, 0);
  c.reset();  // 9 is left.
  EXPECT_EQ(calls, 1);
  d.reset();
  EXPECT_EQ(calls, 1);

  a = TakeAt(11);
  list_->CallWhenOldest(12, [&] { calls = -1; });
  list_->CallWhenOldest(100, [&] { ++calls; });  // Instead.
  b = TakeAt(13);
  a.reset();
  EXPECT_EQ(calls, 1);
  b.reset();  // Nobody is left.
  EXPECT_EQ(calls, 2);

  a = TakeAt(20);
  list_->CallWhenOldest(5, [&] { ++calls; });
  list_->CallWhenOldest(kMaxSequence, nullptr);  // Nothing any more.
  a.reset();
  EXPECT_EQ(calls, 2);
}

// The call may use the list.
TEST_F(SnapshotListTest, CallsWithoutItsLock) {
  auto a = TakeAt(5);
  Sequences seen;
  list_->CallWhenOldest(6, [&] { seen = list_->ForJob(); });
  visible_ = 8;
  a.reset();
  EXPECT_EQ(seen, Sequences{8});
}

TEST_F(SnapshotListTest, AgreesWithAMultiset) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(testing::Message() << "LISSOM_SEED=" << seed);
  Random random(seed);
  std::vector<std::unique_ptr<const Snapshot>> held;
  for (uint64_t i = 0; i < Scaled(20'000, 100); ++i) {
    switch (random.Uniform(3)) {
      case 0:
        visible_ += random.Uniform(3);
        break;
      case 1:
        held.push_back(list_->Take());
        break;
      default:
        if (held.empty()) break;
        std::swap(held[random.Uniform(held.size())], held.back());
        held.pop_back();
    }
    std::set<SequenceNumber> expected = {visible_};
    for (const auto& snapshot : held) expected.insert(snapshot->sequence());
    ASSERT_EQ(list_->ForJob(), Sequences(expected.begin(), expected.end()));
    if (held.size() > 50) held.clear();
  }
}

// The promise of the header: a snapshot is on the job's list, or not older than
// the job's last sequence. Threads take, check and release while one publishes
// and asks as a job does.
TEST_F(SnapshotListTest, NoSnapshotIsOlderThanAJobThatMissedIt) {
  constexpr int kThreads = 3;
  std::atomic<bool> stop{false};
  // The newest sequence that a job has asked up to: a snapshot taken after
  // that must not be older.
  std::atomic<SequenceNumber> asked{0};
  std::atomic<uint64_t> violations{0};
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      while (!stop.load(std::memory_order_relaxed)) {
        const SequenceNumber before = asked.load(std::memory_order_acquire);
        const auto snapshot = list_->Take();
        if (snapshot->sequence() < before) ++violations;
        // Taken and not yet released: every job from here on must name it.
        const Sequences job = list_->ForJob();
        if (!std::binary_search(job.begin(), job.end(), snapshot->sequence())) {
          ++violations;
        }
      }
    });
  }
  for (uint64_t i = 1; i <= Scaled(20'000, 100); ++i) {
    visible_.store(i, std::memory_order_release);
    const Sequences job = list_->ForJob();
    if (job.back() != i) ++violations;
    if (!std::is_sorted(job.begin(), job.end())) ++violations;
    asked.store(job.back(), std::memory_order_release);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(violations, 0u);
  EXPECT_EQ(list_->ForJob(), Sequences{visible_});
}

}  // namespace
}  // namespace lissom
