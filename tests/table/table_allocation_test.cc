// A Get from a warm cache allocates nothing.
#include <cstdlib>
#include <new>

#include "absl/strings/str_cat.h"
#include "tests/table/table_testing.h"

namespace {

thread_local uint64_t allocations = 0;

void* Allocate(size_t size, size_t alignment) {
  ++allocations;
  void* p = nullptr;
  if (posix_memalign(&p, alignment, size) != 0) std::abort();
  return p;
}

}  // namespace

void* operator new(size_t size) { return Allocate(size, 16); }
void* operator new(size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<size_t>(alignment));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept {
  std::free(p);
}

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
      const uint64_t before = allocations;
      for (const std::string& key : keys) {
        PointResult result;
        const auto found =
            reader->Get(LookupKey(key, kMaxSequence), {}, &result);
        ASSERT_TRUE(found.ok());
      }
      if (warm) {
        EXPECT_EQ(allocations, before);
      } else {
        EXPECT_GT(allocations, before);  // The counter counts.
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
  uint64_t before = 0;
  constexpr int kEntries = 100'000;
  for (int i = 0; i < kEntries; ++i) {
    char key[24];
    std::snprintf(key, sizeof key, "user%012d", i);
    if (i == kEntries / 2) before = allocations;
    ASSERT_TRUE(
        builder->Add({key, PackTrailer(7, EntryKind::kPut)}, value).ok());
  }
  EXPECT_LT(allocations - before, 200u);
}

}  // namespace
}  // namespace lissom
