// When a table's blocks are worth a dictionary, and when not.
#include "table/block_dictionary.h"

#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "table/data_block_builder.h"
#include "tests/table/table_testing.h"
#include "util/compression.h"

namespace lissom {
namespace {

constexpr Compression kSmall = Compression::Zstd(1, 1024);

std::vector<std::string> BlocksOf(const std::vector<TestEntry>& entries,
                                  size_t block_size) {
  std::vector<std::string> blocks;
  DataBlockBuilder builder;
  const auto cut = [&] {
    blocks.emplace_back();
    builder.Finish(&blocks.back());
  };
  for (const TestEntry& e : entries) {
    builder.Add(e.key.view(), KeyHash(e.key.user_key), e.value);
    if (builder.SizeWith(10, 100) > block_size) cut();
  }
  if (!builder.empty()) cut();
  return blocks;
}

std::string Make(const Compression& compression,
                 const std::vector<std::string>& blocks, bool is_all = false) {
  return MakeBlockDictionary(
      compression, std::vector<std::string_view>(blocks.begin(), blocks.end()),
      is_all);
}

TEST(BlockDictionary, IsMadeOfSmallBlocksThatAreAlike) {
  for (const int level : {-5, -1, 1, 3, 9}) {
    for (const size_t size : {1024, 4096, 16384}) {
      const auto blocks = BlocksOf(AlikeEntries(4000), 1000);
      const std::string dictionary =
          Make(Compression::Zstd(level, size), blocks);
      ASSERT_FALSE(dictionary.empty()) << level << " " << size;
      EXPECT_LE(dictionary.size(), size);
      EXPECT_TRUE(DecompressionDictionary::Create(dictionary).ok());
    }
  }
}

TEST(BlockDictionary, DependsOnItsArgumentsOnly) {
  const auto blocks = BlocksOf(AlikeEntries(1000), 1000);
  EXPECT_EQ(Make(kSmall, blocks), Make(kSmall, blocks));
}

TEST(BlockDictionary, IsNotMadeOfFewBlocks) {
  auto blocks = BlocksOf(AlikeEntries(1000), 2000);
  ASSERT_FALSE(Make(kSmall, blocks).empty());
  blocks.resize(kLeastDictionaryBlocks - 1);
  EXPECT_EQ(Make(kSmall, blocks), "");
  EXPECT_EQ(Make(kSmall, {}), "");
}

TEST(BlockDictionary, IsNotMadeOfLessThanEightTimesItsSize) {
  auto blocks = BlocksOf(AlikeEntries(1000), 500);
  size_t total = 0;
  size_t count = 0;
  while (total < 8 * 1024) total += blocks[count++].size();
  blocks.resize(count);
  EXPECT_NE(Make(kSmall, blocks), "");
  blocks.pop_back();
  EXPECT_EQ(Make(kSmall, blocks), "");
}

TEST(BlockDictionary, IsNotMadeWhereATrialDoesNotPay) {
  Random random(TestSeed());
  std::vector<TestEntry> noise = AlikeEntries(2000);
  for (TestEntry& e : noise) {
    for (char& c : e.value) c = static_cast<char>(random.Next());
  }
  EXPECT_EQ(Make(kSmall, BlocksOf(noise, 1000)), "");
  // Large blocks have all that a dictionary could tell them.
  const auto alike = AlikeEntries(20'000);
  EXPECT_NE(Make(kSmall, BlocksOf(alike, 2000)), "");
  EXPECT_EQ(Make(kSmall, BlocksOf(alike, 100'000)), "");
}

TEST(BlockDictionary, CountsItsOwnSizeIfThereAreNoOtherBlocks) {
  const auto blocks = BlocksOf(AlikeEntries(250), 2000);
  const Compression compression = Compression::Zstd(1, 2048);
  EXPECT_NE(Make(compression, blocks, false), "");
  EXPECT_EQ(Make(compression, blocks, true), "");
}

TEST(BlockDictionary, IsNotMadeOfEmptyOrEqualBlocks) {
  for (const size_t size : {0, 1, 7, 3000}) {
    const std::vector<std::string> blocks(100, std::string(size, 'x'));
    // Whatever zstd makes of them, nothing breaks.
    EXPECT_LE(Make(kSmall, blocks).size(), 1024u);
  }
  // All bytes in one block for the trial: nothing is left to learn from.
  std::vector<std::string> lopsided(9, "x");
  lopsided[0] = std::string(50'000, 'y');
  EXPECT_EQ(Make(kSmall, lopsided), "");
}

TEST(BlockDictionary, SamplesAreBounded) {
  EXPECT_EQ(DictionarySampleBytes(Compression::None()), 0u);
  EXPECT_EQ(DictionarySampleBytes(Compression::Zstd(3)), 0u);
  EXPECT_EQ(DictionarySampleBytes(Compression::Zstd(3, 4096)), 128u << 10);
  EXPECT_EQ(DictionarySampleBytes(Compression::Zstd(3, 256 << 10)), 4u << 20);
  EXPECT_EQ(DictionarySampleBytes(Compression::Zstd(3, ~size_t{0})), 4u << 20);
}

}  // namespace
}  // namespace lissom
