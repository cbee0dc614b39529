#include "util/arena.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

namespace lissom {
namespace {

TEST(Arena, HandsOutZerosThatDoNotOverlap) {
  Arena arena;
  struct Piece {
    char* at;
    size_t bytes;
  };
  std::vector<Piece> pieces;
  for (size_t i = 1; i < 3000; ++i) {
    const size_t bytes = i * 37 % 5000 + 1;
    const Arena::Ref ref = arena.Allocate(bytes);
    ASSERT_NE(ref, Arena::kNull);
    char* at = arena.Resolve(ref);
    ASSERT_TRUE(std::all_of(at, at + bytes, [](char c) { return c == 0; }));
    std::memset(at, static_cast<int>(i & 0x7f), bytes);
    pieces.push_back({at, bytes});
  }
  for (size_t i = 0; i < pieces.size(); ++i) {
    const char want = static_cast<char>((i + 1) & 0x7f);
    ASSERT_TRUE(std::all_of(pieces[i].at, pieces[i].at + pieces[i].bytes,
                            [want](char c) { return c == want; }));
  }
}

TEST(Arena, Aligns) {
  Arena arena;
  for (size_t alignment = 8; alignment <= 4096; alignment *= 2) {
    arena.Allocate(1);
    const auto at = reinterpret_cast<uintptr_t>(
        arena.Resolve(arena.Allocate(24, alignment)));
    EXPECT_EQ(at % alignment, 0u);
  }
}

TEST(Arena, StaysSmallForLittleAndGrowsInProportion) {
  Arena arena;
  EXPECT_LE(arena.used_bytes(), 8u << 10);
  size_t total = 0;
  while (total < (size_t{64} << 20)) {
    arena.Allocate(136);
    total += 136;
    ASSERT_LE(arena.reserved_bytes(), 2 * total + (size_t{64} << 10));
    ASSERT_GE(arena.used_bytes(), total);
    ASSERT_LE(arena.used_bytes(), total + total / 100 + (size_t{9} << 10));
  }
}

TEST(Arena, GivesLargePiecesTheirOwnChunk) {
  Arena arena;
  // Also as the first of all: it must not get the null position.
  const Arena::Ref large = arena.Allocate(size_t{100} << 20);
  ASSERT_NE(large, Arena::kNull);
  const Arena::Ref small = arena.Allocate(8);
  arena.Allocate(size_t{5} << 20);
  // The chunk of the small ones goes on where it was.
  EXPECT_EQ(arena.Resolve(arena.Allocate(8)), arena.Resolve(small) + 8);
  arena.Resolve(large)[(size_t{100} << 20) - 1] = 'x';
}

TEST(Arena, HoldsABatchOfTheLargestSizeWhateverItsPieces) {
  for (const size_t piece : {(size_t{1} << 20) + 1, Arena::kLargeBytes,
                             Arena::kLargeBytes + 1, size_t{7} << 20}) {
    SCOPED_TRACE(piece);
    Arena arena;  // Address space only: nothing is touched.
    for (size_t total = 0; total < (size_t{4} << 30); total += piece) {
      ASSERT_NO_THROW(arena.Allocate(piece)) << total;
    }
  }
}

TEST(Arena, AFailedAllocationChangesNothing) {
  Arena arena;
  const Arena::Ref first = arena.Allocate(8);
  const size_t used = arena.used_bytes();
  const size_t reserved = arena.reserved_bytes();
  EXPECT_THROW(arena.Allocate(size_t{1} << 60), std::bad_alloc);
  EXPECT_THROW(arena.Allocate(SIZE_MAX), std::bad_alloc);
  EXPECT_EQ(arena.used_bytes(), used);
  EXPECT_EQ(arena.reserved_bytes(), reserved);
  EXPECT_EQ(arena.Resolve(arena.Allocate(8)), arena.Resolve(first) + 8);
}

TEST(Arena, ReserveMakesRoomInOnePlace) {
  Arena arena;
  for (int i = 0; i < 200; ++i) {
    arena.Allocate(1000);
    arena.Reserve(5000);
    const size_t reserved = arena.reserved_bytes();
    for (int k = 0; k < 5; ++k) arena.Allocate(1000);
    ASSERT_EQ(arena.reserved_bytes(), reserved);
  }
}

}  // namespace
}  // namespace lissom
