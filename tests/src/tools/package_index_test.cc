// Stanzas as apt prints them, and as it does not.
#include "src/tools/package_index.h"

#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lissom::tools {
namespace {

std::unique_ptr<const PackageIndex> Parse(std::string text) {
  auto index = PackageIndex::Parse(std::move(text));
  EXPECT_TRUE(index.ok()) << index.status();
  return std::move(index).value();
}

TEST(PackageIndex, AStanzaIsARecordUnderItsName) {
  const auto index = Parse("Package: b\nSize: 1\n\nPackage: a\nSize: 22\n\n");
  ASSERT_EQ(index->records().size(), 2u);
  EXPECT_EQ(index->records()[0].key, "b");
  EXPECT_EQ(index->records()[0].value, "Package: b\nSize: 1");
  EXPECT_EQ(index->records()[1].key, "a");
  EXPECT_EQ(index->raw_bytes(), 2u + 18 + 19);
  EXPECT_THAT(index->SortedOrder(), ::testing::ElementsAre(1, 0));
}

TEST(PackageIndex, TheNameNeedNotComeFirst) {
  const auto index = Parse("Version: 1\nPackage: a");
  EXPECT_EQ(index->records()[0].key, "a");
}

TEST(PackageIndex, OfStanzasWithOneNameTheLastStands) {
  const auto index = Parse("Package: a\nX: old\n\n\nPackage: a\nX: newer\n");
  ASSERT_EQ(index->records().size(), 1u);
  EXPECT_EQ(index->records()[0].value, "Package: a\nX: newer\n");
  EXPECT_EQ(index->replaced(), 1u);
  EXPECT_EQ(index->raw_bytes(), 1 + index->records()[0].value.size());
}

TEST(PackageIndex, AStanzaWithoutANameIsLeftOut) {
  const auto index = Parse("X-Package: no\n\nPackage: a\n\nDescription: no\n");
  EXPECT_EQ(index->records().size(), 1u);
}

TEST(PackageIndex, TextWithoutAnyNameIsRefused) {
  for (const char* text : {"", "\n\n\n", "hello", "Package:", "Package: \n"}) {
    EXPECT_EQ(PackageIndex::Parse(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(PackageIndex, AFileThatIsNotThereIsNamed) {
  const auto index = PackageIndex::Read("/nonexistent/packages");
  EXPECT_EQ(index.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(index.status().ToString(),
              ::testing::HasSubstr("/nonexistent/packages"));
}

}  // namespace
}  // namespace lissom::tools
