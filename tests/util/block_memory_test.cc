// Memory of blocks: what is handed out is nobody else's, what is freed is used
// again by whoever comes, and little is held that holds nothing.
#include "util/block_memory.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/test_env.h"
#include "util/random.h"

namespace lissom {
namespace {

// False under AddressSanitizer.
bool IsActive() { return BlockMemory::TakenBy(1000) != 1000; }

struct Object {
  char* at;
  size_t size;
  char fill;
};

void Fill(const Object& object) {
  std::memset(object.at, object.fill, object.size);
}

bool Holds(const Object& object) {
  for (size_t i = 0; i < object.size; ++i) {
    if (object.at[i] != object.fill) return false;
  }
  return true;
}

class BlockMemoryTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!IsActive()) GTEST_SKIP() << "the sanitizer watches malloc instead";
  }

  Object Allocate(size_t size, char fill) {
    const Object object{static_cast<char*>(memory_->Allocate(size)), size,
                        fill};
    if (object.at != nullptr) Fill(object);
    return object;
  }

  Ref<BlockMemory> memory_ = MakeRef<BlockMemory>();
};

TEST_F(BlockMemoryTest, EverySizeIsAlignedAndTakesLittleMoreThanAsked) {
  for (size_t size = 1; size <= BlockMemory::kMaxBytes; size += 61) {
    const Object object = Allocate(size, 'x');
    ASSERT_NE(object.at, nullptr) << size;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(object.at) % BlockMemory::kAlignment,
              0u);
    EXPECT_GE(BlockMemory::TakenBy(size), size);
    if (size > 16384) {
      EXPECT_LE(BlockMemory::TakenBy(size), size * 5 / 4 + 64) << size;
    } else if (size > 1024) {
      EXPECT_LE(BlockMemory::TakenBy(size), size * 9 / 8 + 128) << size;
    }
    BlockMemory::Free(object.at);
  }
}

TEST_F(BlockMemoryTest, TooLargeIsNotTaken) {
  EXPECT_EQ(memory_->Allocate(BlockMemory::kMaxBytes + 1), nullptr);
  EXPECT_EQ(BlockMemory::TakenBy(BlockMemory::kMaxBytes + 1),
            BlockMemory::kMaxBytes + 1);
}

TEST_F(BlockMemoryTest, ASlabIsFilledToItsEnd) {
  const size_t size = BlockMemory::TakenBy(4000);
  const size_t count = (BlockMemory::kSlabBytes - 64) / size;
  std::vector<Object> objects;
  for (size_t i = 0; i < count; ++i) {
    objects.push_back(Allocate(size, static_cast<char>(i)));
  }
  EXPECT_EQ(memory_->mapped_bytes(), BlockMemory::kSlabBytes);
  objects.push_back(Allocate(size, 'y'));
  EXPECT_EQ(memory_->mapped_bytes(), 2 * BlockMemory::kSlabBytes);
  for (const Object& object : objects) {
    EXPECT_TRUE(Holds(object));
    BlockMemory::Free(object.at);
  }
}

TEST_F(BlockMemoryTest, AnEmptySlabServesAnyClass) {
  const Object small = Allocate(600, 'a');
  BlockMemory::Free(small.at);
  const Object large = Allocate(60'000, 'b');
  EXPECT_EQ(memory_->mapped_bytes(), BlockMemory::kSlabBytes);
  BlockMemory::Free(large.at);
}

TEST_F(BlockMemoryTest, ObjectsOutliveTheirOwner) {
  const Object object = Allocate(5000, 'z');
  memory_ = nullptr;
  EXPECT_TRUE(Holds(object));
  BlockMemory::Free(object.at);
}

// As a cache does it: random sizes come, random ones go.
TEST_F(BlockMemoryTest, ChurnLeavesFewHolesAndKeepsEveryByte) {
  Random random(TestSeed());
  constexpr size_t kMost = size_t{16} << 20;
  std::vector<Object> objects;
  size_t taken = 0;
  for (uint64_t i = 0; i < Scaled(100'000, 20'000); ++i) {
    const size_t size = 3000 + random.Uniform(6000);
    objects.push_back(Allocate(size, static_cast<char>(i)));
    ASSERT_NE(objects.back().at, nullptr);
    taken += BlockMemory::TakenBy(size);
    while (taken > kMost) {
      std::swap(objects[random.Uniform(objects.size())], objects.back());
      ASSERT_TRUE(Holds(objects.back()));
      taken -= BlockMemory::TakenBy(objects.back().size);
      BlockMemory::Free(objects.back().at);
      objects.pop_back();
    }
  }
  EXPECT_LT(memory_->mapped_bytes(), kMost * 13 / 10);
  for (const Object& object : objects) BlockMemory::Free(object.at);
  EXPECT_LE(memory_->mapped_bytes(), size_t{1} << 20);
}

// One thread frees what another took, all the time.
TEST_F(BlockMemoryTest, ThreadsShareOneMemory) {
  const uint64_t seed = TestSeed();
  std::vector<std::vector<Object>> passed(5);
  for (int round = 0; round < 4; ++round) {
    std::vector<std::thread> threads;
    for (size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        Random random(seed + t);
        for (const Object& object : passed[t]) {
          EXPECT_TRUE(Holds(object));
          BlockMemory::Free(object.at);
        }
        passed[t].clear();
        for (uint64_t i = 0; i < Scaled(3000, 300); ++i) {
          passed[t].push_back(
              Allocate(500 + random.Uniform(9000), static_cast<char>(i + t)));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::rotate(passed.begin(), passed.begin() + 1, passed.begin() + 4);
  }
  for (const auto& objects : passed) {
    for (const Object& object : objects) BlockMemory::Free(object.at);
  }
  EXPECT_LE(memory_->mapped_bytes(), size_t{1} << 20);
}

TEST_F(BlockMemoryTest, ArraysLieThereIfTheySuit) {
  std::vector<uint64_t, BlockAllocator<uint64_t>> array(
      BlockAllocator<uint64_t>(memory_.get()));
  array.reserve(8);  // Too small.
  EXPECT_EQ(memory_->mapped_bytes(), 0u);
  array.reserve(1000);
  EXPECT_EQ(memory_->mapped_bytes(), BlockMemory::kSlabBytes);
  array.reserve(1'000'000);  // Too large: what it was is free again.
  for (uint64_t i = 0; i < 1'000'000; ++i) array.push_back(i);
  EXPECT_EQ(array[999'999], 999'999u);
  void* const next = memory_->Allocate(60'000);
  EXPECT_EQ(memory_->mapped_bytes(), BlockMemory::kSlabBytes);
  BlockMemory::Free(next);
}

TEST_F(BlockMemoryTest, AnArrayOutlivesItsMemory) {
  std::vector<uint64_t, BlockAllocator<uint64_t>> array(
      1000, 7, BlockAllocator<uint64_t>(memory_.get()));
  memory_ = nullptr;
  EXPECT_EQ(array.back(), 7u);
}

}  // namespace
}  // namespace lissom
