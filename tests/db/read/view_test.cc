// Views: which one readers get, and when a replaced one goes.
#include "db/read/view.h"

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/shape.h"
#include "tests/support/test_env.h"

namespace lissom {
namespace {

// A View that is recognised by the log number of its one memtable, with a
// version that says when the View is gone.
struct Numbered {
  explicit Numbered(uint64_t number) {
    auto version = testing::ParseShape("");
    alive = version;
    view =
        MakeRef<const View>(std::vector<Ref<const Memtable>>{Memtable::Create(
                                version->order(), number)},
                            version);
  }
  Ref<const View> view;
  std::weak_ptr<const Version> alive;
};

uint64_t NumberOf(const View& view) {
  return view.memtables().at(0)->log_number();
}

// Publishes a View of this number and keeps no Ref to it.
std::weak_ptr<const Version> Publish(ViewHolder& holder, uint64_t number) {
  Numbered numbered(number);
  holder.Publish(std::move(numbered.view));
  return numbered.alive;
}

TEST(View, HoldsItsMemtablesAndItsVersion) {
  const auto version = testing::ParseShape("L1: 1[a-c]");
  const Ref<const Memtable> newer = Memtable::Create(version->order(), 2);
  const Ref<const Memtable> older = Memtable::Create(version->order(), 1);
  const auto view = MakeRef<const View>(
      std::vector<Ref<const Memtable>>{newer, older}, version);
  ASSERT_EQ(view->memtables().size(), 2u);
  EXPECT_EQ(view->memtables()[0].get(), newer.get());
  EXPECT_EQ(view->memtables()[1].get(), older.get());
  EXPECT_EQ(&view->version(), version.get());
}

TEST(ViewHolder, ShowsTheViewPublishedLast) {
  ViewHolder holder;
  for (uint64_t number = 1; number <= 3; ++number) {
    Publish(holder, number);
    {
      const EpochGuard guard;
      EXPECT_EQ(NumberOf(*holder.current()), number);
    }
    EXPECT_EQ(NumberOf(*holder.Acquire()), number);
  }
}

TEST(ViewHolder, AReplacedViewGoesAtTheNextReclaim) {
  ViewHolder holder;
  const auto first = Publish(holder, 1);
  const auto second = Publish(holder, 2);
  EXPECT_FALSE(first.expired());  // Publish itself frees nothing.
  holder.Reclaim();
  EXPECT_TRUE(first.expired());
  EXPECT_FALSE(second.expired());
  holder.Reclaim();
  EXPECT_FALSE(second.expired());  // Nobody replaced it.
}

TEST(ViewHolder, AViewStaysForAGuardThatMayHaveFoundIt) {
  ViewHolder holder;
  const auto first = Publish(holder, 1);
  {
    const EpochGuard guard;
    const View* const view = holder.current();
    Publish(holder, 2);
    holder.Reclaim();
    EXPECT_FALSE(first.expired());
    EXPECT_EQ(NumberOf(*view), 1u);
    EXPECT_EQ(NumberOf(*holder.current()), 2u);
  }
  EXPECT_FALSE(first.expired());  // A reader frees nothing either.
  holder.Reclaim();
  EXPECT_TRUE(first.expired());
}

TEST(ViewHolder, AGuardThatCameAfterHoldsNothingUp) {
  ViewHolder holder;
  const auto first = Publish(holder, 1);
  Publish(holder, 2);
  const EpochGuard guard;
  holder.Reclaim();
  EXPECT_TRUE(first.expired());
}

TEST(ViewHolder, AnAcquiredViewStaysUntilItIsLetGo) {
  ViewHolder holder;
  const auto first = Publish(holder, 1);
  Ref<const View> mine = holder.Acquire();
  Publish(holder, 2);
  holder.Reclaim();
  EXPECT_EQ(NumberOf(*mine), 1u);
  mine.reset();
  EXPECT_TRUE(first.expired());
}

TEST(ViewHolder, TakesItsViewsWithItButNotTheAcquiredOnes) {
  auto holder = std::make_unique<ViewHolder>();
  const auto first = Publish(*holder, 1);
  const auto second = Publish(*holder, 2);
  Ref<const View> mine = holder->Acquire();
  const auto third = Publish(*holder, 3);
  holder.reset();
  EXPECT_TRUE(first.expired());
  EXPECT_FALSE(second.expired());
  EXPECT_TRUE(third.expired());
  EXPECT_EQ(NumberOf(*mine), 2u);
}

// Real threads: no reader meets a View that is gone (the sanitizers watch), or
// an older one than it has seen.
TEST(ViewHolder, ReadersNeverGoBackInTime) {
  ViewHolder holder;
  Publish(holder, 1);
  std::atomic<bool> stop{false};
  std::atomic<int> violations{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&, keeps = i == 0] {
      uint64_t last = 0;
      while (!stop.load(std::memory_order_relaxed)) {
        uint64_t number;
        if (keeps) {
          number = NumberOf(*holder.Acquire());
        } else {
          const EpochGuard guard;
          number = NumberOf(*holder.current());
        }
        if (number < last) ++violations;
        last = number;
      }
    });
  }
  std::vector<std::weak_ptr<const Version>> replaced;
  for (uint64_t number = 2; number <= Scaled(5000, 100); ++number) {
    replaced.push_back(Publish(holder, number));
    holder.Reclaim();
  }
  stop.store(true, std::memory_order_relaxed);
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(violations, 0);
  holder.Reclaim();
  EXPECT_FALSE(replaced.back().expired());
  replaced.pop_back();
  for (const auto& version : replaced) EXPECT_TRUE(version.expired());
}

}  // namespace
}  // namespace lissom
