// Counting from many threads: nothing is lost, whoever shares a stripe with
// whom and whatever threads come and go. With util/thread_slot.h, on which it
// stands.
#include "util/striped_counter.h"

#include <atomic>
#include <barrier>
#include <set>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lissom {
namespace {

// The slots of `count` threads that are alive together.
std::vector<uint32_t> SlotsOf(int count) {
  std::vector<uint32_t> slots(static_cast<size_t>(count));
  std::barrier all(count);
  std::vector<std::thread> threads;
  threads.reserve(slots.size());
  for (uint32_t& slot : slots) {
    threads.emplace_back([&slot, &all] {
      slot = ThreadSlot();
      all.arrive_and_wait();
      EXPECT_EQ(ThreadSlot(), slot);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return slots;
}

TEST(ThreadSlot, LivingThreadsHaveOneEach) {
  const std::vector<uint32_t> slots = SlotsOf(kThreadSlots / 2);
  EXPECT_EQ(std::set<uint32_t>(slots.begin(), slots.end()).size(),
            slots.size());
  for (const uint32_t slot : slots) EXPECT_TRUE(IsExclusive(slot));
}

TEST(ThreadSlot, ManyThreadsShareTheRest) {
  std::set<uint32_t> own;
  for (const uint32_t slot : SlotsOf(3 * kThreadSlots)) {
    ASSERT_LT(slot, kThreadSlots + kSharedThreadSlots);
    if (IsExclusive(slot)) {
      EXPECT_TRUE(own.insert(slot).second) << slot;
    }
  }
  EXPECT_GE(own.size(), kThreadSlots - 1);  // This thread may have one.
}

TEST(ThreadSlot, ComesBackWhenAThreadEnds) {
  for (uint32_t i = 0; i < 4 * kThreadSlots; ++i) {
    EXPECT_TRUE(IsExclusive(SlotsOf(1)[0])) << i;
  }
}

TEST(StripedCounters, SumWhatAllThreadsAdded) {
  constexpr int kThreads = 3 * kThreadSlots;
  constexpr uint64_t kTimes = 50'000;
  StripedCounters<2> counters;
  std::barrier all(kThreads);  // Else the first would end before the last.
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      ThreadSlot();
      all.arrive_and_wait();
      for (uint64_t i = 0; i < kTimes; ++i) {
        counters.Add(0);
        counters.Add(1, 3);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counters.Sum(0), kThreads * kTimes);
  EXPECT_EQ(counters.Sum(1), kThreads * kTimes * 3);
}

TEST(StripedCounters, AnAdditionToASharedStripeIsOneStep) {
  constexpr uint64_t kThreads = 4;
  constexpr uint64_t kTimes = 2'000'000;
  std::atomic<uint64_t> counter{0};
  std::barrier all(kThreads);
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      all.arrive_and_wait();
      for (uint64_t i = 0; i < kTimes; ++i) {
        AddTo(counter, 1, /*exclusive=*/false);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.load(), kThreads * kTimes);
}

TEST(StripedCounters, LoseNothingFromOneThreadToTheNext) {
  StripedCounters<1> counters;
  for (int i = 0; i < 200; ++i) {
    std::thread([&] { counters.Add(0); }).join();
  }
  EXPECT_EQ(counters.Sum(0), 200u);
}

// Counts when it is destroyed with the thread, after the slot went back.
struct CountsAtTheEnd {
  StripedCounters<1>* counters = nullptr;
  ~CountsAtTheEnd() {
    if (counters == nullptr) return;
    EXPECT_FALSE(IsExclusive(ThreadSlot()));  // It may be another's by now.
    counters->Add(0);
  }
};

TEST(StripedCounters, CountInDestructorsOfAThread) {
  StripedCounters<1> counters;
  for (int i = 0; i < 100; ++i) {
    std::thread([&] {
      static thread_local CountsAtTheEnd at_end;  // Made before the slot.
      at_end.counters = &counters;
      counters.Add(0);
    }).join();
  }
  EXPECT_EQ(counters.Sum(0), 200u);
}

}  // namespace
}  // namespace lissom
