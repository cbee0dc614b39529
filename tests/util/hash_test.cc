// Hashes and file checksums are part of the file formats: these values never
// change. (util/hash.h, util/file_id.h)
#include "util/hash.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/test_env.h"
#include "util/file_id.h"
#include "util/random.h"

namespace lissom {
namespace {

TEST(Hash, NeverChanges) {
  const std::string long_text(1000, 'a');
  EXPECT_EQ(Hash64(""), 0x2d06800538d394c2u);
  EXPECT_EQ(Hash64("lissom"), 0xe3aacb8503cea243u);
  EXPECT_EQ(Hash64(long_text), 0xb3e7af627147db7cu);
  EXPECT_EQ(Hash64("lissom", 42), 0x1e5d0e59d3a81f73u);
  EXPECT_EQ(Hash64(long_text, 42), 0x89aa7101be6fe6d8u);
  EXPECT_EQ(KeyHash("lissom"), Hash64("lissom"));
}

TEST(FileChecksum, NeverChanges) {
  EXPECT_EQ(FileChecksum({1, 2}, 3, "block"), 0xdcd501713261fa16u);
  EXPECT_EQ(
      FileChecksum({0x123456789abcdef0u, 0xfedcba9876543210u}, 4096, "block"),
      0xa58030292774df33u);
}

TEST(Hash, TakesPiecesAsOneString) {
  Random random(TestSeed());
  for (uint64_t i = 0; i < Scaled(500); ++i) {
    std::string whole(random.Uniform(2000), '\0');
    for (char& c : whole) c = static_cast<char>(random.Next());
    std::vector<std::string_view> pieces;
    for (std::string_view rest = whole; !rest.empty();) {
      const size_t n = random.Uniform(rest.size() + 1);
      pieces.push_back(rest.substr(0, n));
      rest.remove_prefix(n);
    }
    const uint64_t seed = random.Next();
    ASSERT_EQ(Hash64(pieces, seed), Hash64(whole, seed));
    const FileId id = random.NextFileId();
    ASSERT_EQ(FileChecksum(id, i, pieces), FileChecksum(id, i, whole));
  }
}

TEST(FileChecksum, IsBoundToFileAndPlace) {
  const FileId id{.high = 11, .low = 22};
  const uint64_t here = FileChecksum(id, 0, "the same bytes");
  for (int bit = 0; bit < 64; ++bit) {
    FileId other = id;
    other.high ^= uint64_t{1} << bit;
    EXPECT_NE(FileChecksum(other, 0, "the same bytes"), here);
    other = id;
    other.low ^= uint64_t{1} << bit;
    EXPECT_NE(FileChecksum(other, 0, "the same bytes"), here);
  }
  std::set<uint64_t> seen;
  for (uint64_t offset = 0; offset < 1000; ++offset) {
    seen.insert(FileChecksum(id, offset, "the same bytes"));
  }
  EXPECT_EQ(seen.size(), 1000u);
}

}  // namespace
}  // namespace lissom
