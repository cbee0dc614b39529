#include "util/ref_counted.h"

#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace lissom {
namespace {

class Base : public RefCounted {
 public:
  explicit Base(int* alive) : alive_(alive) { ++*alive_; }
  ~Base() override { --*alive_; }

 private:
  int* alive_;
};
class Derived final : public Base {
 public:
  using Base::Base;
};

TEST(Ref, DeletesWithTheLastOwner) {
  int alive = 0;
  Ref<Derived> a = MakeRef<Derived>(&alive);
  {
    const Ref<const Base> b = a;  // To a base, to const.
    EXPECT_EQ(b.get(), a.get());
    a.reset();
    EXPECT_FALSE(a);
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Ref, MovesWithoutCounting) {
  int alive = 0;
  Ref<Base> a = MakeRef<Base>(&alive);
  Ref<Base> b = std::move(a);
  EXPECT_EQ(a.get(), nullptr);
  EXPECT_TRUE(b);
  b = nullptr;
  EXPECT_EQ(alive, 0);
}

TEST(Ref, SurvivesAssignmentToItself) {
  int alive = 0;
  Ref<Base> a = MakeRef<Base>(&alive);
  const Ref<Base>& same = a;
  a = same;
  EXPECT_EQ(alive, 1);
  EXPECT_TRUE(a);
}

TEST(Ref, AssignmentLetsTheOldOneGo) {
  int first = 0, second = 0;
  Ref<Base> a = MakeRef<Base>(&first);
  a = MakeRef<Base>(&second);
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
}

TEST(RefCounted, TakesPartInPins) {
  int alive = 0;
  Ref<Base> a = MakeRef<Base>(&alive);
  a->AddRef();
  void* pin = static_cast<RefCounted*>(a.get());
  a.reset();
  EXPECT_EQ(alive, 1);
  RefCounted::UnrefOwner(pin);
  EXPECT_EQ(alive, 0);
}

TEST(RefCounted, CountsFromManyThreads) {
  int alive = 0;
  {
    const Ref<Base> shared = MakeRef<Base>(&alive);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([mine = shared] {
        for (int i = 0; i < 10'000; ++i) {
          const Ref<Base> copy = mine;
          ASSERT_TRUE(copy);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace lissom
