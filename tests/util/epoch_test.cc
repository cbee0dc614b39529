#include "util/epoch.h"

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "util/mutex.h"

namespace lissom {
namespace {

class Tracked final : public RefCounted {
 public:
  explicit Tracked(std::function<void()> gone) : gone_(std::move(gone)) {}
  ~Tracked() override { gone_(); }

 private:
  std::function<void()> gone_;
};

Ref<const RefCounted> Counted(int* dropped) {
  return MakeRef<Tracked>([dropped] { ++*dropped; });
}

// A thread that does what it is told, one step at a time.
class Puppet {
 public:
  Puppet() : thread_([this] { Loop(); }) {}
  ~Puppet() {
    Do(nullptr);
    thread_.join();
  }
  void Do(std::function<void()> step) {  // Returns when it is done.
    MutexLock lock(mu_);
    step_ = std::move(step);
    busy_ = true;
    changed_.SignalAll();
    while (busy_) changed_.Wait(mu_);
  }

 private:
  void Loop() {
    MutexLock lock(mu_);
    while (true) {
      while (!busy_) changed_.Wait(mu_);
      if (step_) step_();
      busy_ = false;
      changed_.SignalAll();
      if (!step_) return;
    }
  }

  Mutex mu_;
  CondVar changed_;
  std::function<void()> step_ ABSL_GUARDED_BY(mu_);
  bool busy_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // Last: it uses the others.
};

TEST(Epoch, DropsAtOnceWithoutReaders) {
  int dropped = 0;
  RetireList list;
  list.Add(Counted(&dropped));
  EXPECT_EQ(dropped, 0);
  EXPECT_EQ(list.size(), 1u);
  EXPECT_TRUE(list.Reclaim());
  EXPECT_EQ(dropped, 1);
  EXPECT_EQ(list.size(), 0u);
}

TEST(Epoch, KeepsAnObjectForAGuardThatWasOpen) {
  int dropped = 0;
  RetireList list;
  Puppet reader;
  std::unique_ptr<EpochGuard> guard;
  reader.Do([&] { guard = std::make_unique<EpochGuard>(); });
  list.Add(Counted(&dropped));
  EXPECT_FALSE(list.Reclaim());
  EXPECT_EQ(dropped, 0);
  reader.Do([&] { guard.reset(); });
  EXPECT_TRUE(list.Reclaim());
  EXPECT_EQ(dropped, 1);
}

TEST(Epoch, AGuardOpenedLaterHoldsNothingUp) {
  int dropped = 0;
  RetireList list;
  list.Add(Counted(&dropped));
  const EpochGuard guard;
  EXPECT_TRUE(list.Reclaim());
  EXPECT_EQ(dropped, 1);
}

TEST(Epoch, DropsTheOnesBeforeAGuardAndKeepsTheOnesAfter) {
  int before = 0, after = 0;
  RetireList list;
  list.Add(Counted(&before));
  list.Add(Counted(&before));
  {
    const EpochGuard guard;
    list.Add(Counted(&after));
    EXPECT_FALSE(list.Reclaim());
    EXPECT_EQ(before, 2);
    EXPECT_EQ(after, 0);
    EXPECT_EQ(list.size(), 1u);
  }
  EXPECT_TRUE(list.Reclaim());
  EXPECT_EQ(after, 1);
}

TEST(Epoch, GuardsNest) {
  int dropped = 0;
  RetireList list;
  {
    const EpochGuard outer;
    list.Add(Counted(&dropped));
    { const EpochGuard inner; }
    EXPECT_FALSE(list.Reclaim());
    EXPECT_EQ(dropped, 0);
  }
  EXPECT_TRUE(list.Reclaim());
}

TEST(Epoch, ADestroyedListLeavesItsObjectsToLaterCalls) {
  int dropped = 0;
  Puppet reader;
  std::unique_ptr<EpochGuard> guard;
  reader.Do([&] { guard = std::make_unique<EpochGuard>(); });
  {
    RetireList list;
    list.Add(Counted(&dropped));
  }
  RetireList other;
  other.Reclaim();
  EXPECT_EQ(dropped, 0);
  reader.Do([&] { guard.reset(); });
  EXPECT_TRUE(other.Reclaim());
  EXPECT_EQ(dropped, 1);
}

TEST(Epoch, ADroppedObjectMayRetireOthers) {
  int dropped = 0;
  RetireList list;
  list.Add(MakeRef<Tracked>([&] {
    const EpochGuard guard;
    list.Add(Counted(&dropped));
  }));
  list.Reclaim();
  EXPECT_EQ(list.size(), 1u);
  EXPECT_TRUE(list.Reclaim());
  EXPECT_EQ(dropped, 1);
}

TEST(Epoch, AnotherOwnerKeepsTheObject) {
  int dropped = 0;
  Ref<const RefCounted> mine = Counted(&dropped);
  RetireList list;
  list.Add(mine);
  list.Reclaim();
  EXPECT_EQ(dropped, 0);
  mine.reset();
  EXPECT_EQ(dropped, 1);
}

TEST(Epoch, ThreadsThatComeAndGoShareSlots) {
  internal::EpochSlot* slot = nullptr;
  std::thread([&] {
    const EpochGuard guard;
    slot = internal::epoch_thread.slot;
  }).join();
  std::thread([&] {
    const EpochGuard guard;
    EXPECT_EQ(internal::epoch_thread.slot, slot);
  }).join();
}

struct GuardsLate {
  ~GuardsLate() {
    int dropped = 0;
    RetireList list;
    {
      const EpochGuard guard;
      list.Add(Counted(&dropped));
      EXPECT_FALSE(list.Reclaim());
    }
    EXPECT_TRUE(list.Reclaim());
    EXPECT_EQ(dropped, 1);
    EXPECT_EQ(internal::epoch_thread.slot, nullptr);
  }
};

TEST(Epoch, GuardsWorkWhileTheirThreadEnds) {
  std::thread([] {
    static thread_local GuardsLate late;
    static_cast<void>(late);  // Made first, so destroyed last.
    const EpochGuard guard;
  }).join();
}

// Readers follow a pointer that writers keep replacing. The cells that objects
// stand for are never freed, so reading a dropped one is seen, not undefined.
class Stress {
 public:
  static constexpr size_t kCells = 512;

  Stress() { alive_[0].store(true, std::memory_order_relaxed); }

  void Read() {
    while (!stop_.load(std::memory_order_relaxed)) {
      const EpochGuard guard;
      const size_t cell = current_.load(std::memory_order_acquire);
      for (int i = 0; i < 3; ++i) {
        if (!alive_[cell].load(std::memory_order_relaxed)) {
          too_early_.fetch_add(1, std::memory_order_relaxed);
        }
      }
    }
  }

  // Runs in one thread. Takes the next dead cell, brings it to life, swings
  // the pointer to it and retires the old one.
  void Write(std::chrono::milliseconds time) {
    RetireList list;
    const auto end = std::chrono::steady_clock::now() + time;
    size_t next = 1;
    while (std::chrono::steady_clock::now() < end) {
      for (int i = 0; i < 100; ++i, next = (next + 1) % kCells) {
        if (alive_[next].load(std::memory_order_relaxed)) {
          list.Reclaim();
          continue;
        }
        alive_[next].store(true, std::memory_order_relaxed);
        const size_t old = current_.exchange(next, std::memory_order_acq_rel);
        list.Add(MakeRef<Tracked>([this, old] {
          alive_[old].store(false, std::memory_order_relaxed);
        }));
        ++retired_;
        list.Reclaim();
      }
    }
    stop_.store(true, std::memory_order_relaxed);
  }

  uint64_t too_early() const { return too_early_; }
  uint64_t retired() const { return retired_; }

 private:
  std::array<std::atomic<bool>, kCells> alive_{};
  std::atomic<size_t> current_{0};
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> too_early_{0};
  uint64_t retired_ = 0;
};

TEST(Epoch, NoReaderEverMeetsADroppedObject) {
  Stress stress;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) readers.emplace_back([&] { stress.Read(); });
  stress.Write(std::chrono::milliseconds(1500));
  for (std::thread& reader : readers) reader.join();
  RetireList().Reclaim();  // What the writer's list left behind uses `stress`.
  EXPECT_EQ(stress.too_early(), 0u);
  EXPECT_GT(stress.retired(), 100u);
}

// The same with memory that is really freed, for the sanitizers.
TEST(Epoch, ReadersUseObjectsWithoutOwningThem) {
  class Number final : public RefCounted {
   public:
    explicit Number(int v) : value(v), twice(2 * v) {}
    int value, twice;
  };
  std::atomic<Number*> current{nullptr};
  Ref<Number> owner = MakeRef<Number>(0);
  current.store(owner.get());
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!stop.load(std::memory_order_relaxed)) {
        const EpochGuard guard;
        const Number* number = current.load(std::memory_order_acquire);
        ASSERT_EQ(number->twice, 2 * number->value);
      }
    });
  }
  RetireList list;
  for (int i = 1; i < 20000; ++i) {
    Ref<Number> fresh = MakeRef<Number>(i);
    current.store(fresh.get(), std::memory_order_release);
    list.Add(std::exchange(owner, fresh));
    list.Reclaim();
  }
  stop.store(true, std::memory_order_relaxed);
  for (std::thread& reader : readers) reader.join();
  EXPECT_TRUE(list.Reclaim());
}

}  // namespace
}  // namespace lissom
