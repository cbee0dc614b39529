// Room that grows, small and mapped.
#include "util/page_buffer.h"

#include <cstring>
#include <limits>
#include <new>

#include "gtest/gtest.h"

namespace lissom {
namespace {

TEST(PageBuffer, EverySizeHasRoomForItsBytes) {
  PageBuffer buffer;
  EXPECT_TRUE(buffer.empty());
  for (const size_t size :
       {size_t{1}, size_t{4096}, PageBuffer::kMappedBytes - 1,
        PageBuffer::kMappedBytes, PageBuffer::kMappedBytes * 3}) {
    buffer.Resize(size);
    ASSERT_EQ(buffer.size(), size);
    std::memset(buffer.data(), 'x', size);
    EXPECT_EQ(buffer.data()[size - 1], 'x');
  }
}

TEST(PageBuffer, AStepBackKeepsTheRoom) {
  PageBuffer buffer;
  buffer.Resize(PageBuffer::kMappedBytes);
  const char* const data = buffer.data();
  buffer.Clear();
  EXPECT_TRUE(buffer.empty());
  buffer.Resize(10);
  EXPECT_EQ(buffer.data(), data);
  buffer.Resize(PageBuffer::kMappedBytes);
  EXPECT_EQ(buffer.data(), data);
}

TEST(PageBuffer, WithoutMemoryItIsEmpty) {
  PageBuffer buffer;
  buffer.Resize(100);
  EXPECT_THROW(buffer.Resize(std::numeric_limits<size_t>::max() / 2),
               std::bad_alloc);
  EXPECT_TRUE(buffer.empty());
  buffer.Resize(100);
  EXPECT_EQ(buffer.size(), 100u);
}

}  // namespace
}  // namespace lissom
