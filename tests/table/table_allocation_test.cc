// A Get from a warm cache allocates nothing.
#include "absl/strings/str_cat.h"
#include "tests/support/allocation_counter.h"
#include "tests/table/table_testing.h"

namespace lissom {
namespace {

TEST(TableAllocation, AWarmGetAllocatesNothing) {
  std::vector<TestEntry> entries;
  for (int i = 0; i < 20'000; ++i) {
    entries.push_back({InternalKey(absl::StrCat("user", 1'000'000 + i),
                                   PackTrailer(5, EntryKind::kPut)),
                       std::string(100, 'v')});
  }
  for (size_t count : {size_t{100}, entries.size()}) {
    const TestTable table = BuildTable(
        BuilderOptions(),
        {entries.begin(), entries.begin() + static_cast<ptrdiff_t>(count)});
    const auto reader = MustOpen(table);
    std::vector<std::string> keys;
    for (int i = 0; i < 1000; ++i) {
      keys.push_back(absl::StrCat("user", 1'000'000 + i, i % 2 ? "x" : ""));
    }
    for (bool warm : {false, true}) {
      const unsigned long allocations = CountAllocations([&] {
        for (const std::string& key : keys) {
          const EpochGuard guard;
          PointResult result;
          const auto found =
              reader->Get(LookupKey(key, kMaxSequence), {}, &result);
          ASSERT_TRUE(found.ok());
        }
      });
      if (warm) {
        EXPECT_EQ(allocations, 0u);
      } else if (kCountsAllocations) {
        EXPECT_GT(allocations, 0u);  // The counter counts.
      }
    }
  }
}

TEST(TableAllocation, AddingAllocatesByTheBlockNotByTheEntry) {
  std::string bytes;
  bytes.reserve(32 << 20);
  auto builder = TableBuilder::Create(
      BuilderOptions(), "t", std::make_unique<StringWritableFile>(&bytes));
  const std::string value(100, 'v');
  unsigned long before = 0;
  constexpr int kEntries = 100'000;
  for (int i = 0; i < kEntries; ++i) {
    char key[24];
    std::snprintf(key, sizeof key, "user%012d", i);
    if (i == kEntries / 2) before = g_allocations.load();
    ASSERT_TRUE(
        builder->Add({key, PackTrailer(7, EntryKind::kPut)}, value).ok());
  }
  EXPECT_LT(g_allocations.load() - before, 200u);
}

}  // namespace
}  // namespace lissom
