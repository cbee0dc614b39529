// What the tests of tables share: tables built from lists of entries, and
// opened from bytes.
#ifndef LISSOM_TESTS_TABLE_TABLE_TESTING_H_
#define LISSOM_TESTS_TABLE_TABLE_TESTING_H_

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "lissom/comparator.h"
#include "table/table_builder.h"
#include "table/table_reader.h"
#include "tests/support/string_file.h"
#include "util/random.h"

namespace lissom {

struct TestEntry {
  InternalKey key;
  std::string value;
};

// A finished table in memory.
struct TestTable {
  std::shared_ptr<const std::string> bytes;
  TableSummary summary;
  TableBuilderOptions options;
};

inline TableBuilderOptions BuilderOptions(
    std::shared_ptr<const Comparator> comparator = BytewiseComparator()) {
  return {.order = KeyOrder(std::move(comparator)),
          .id = {.high = 0x1122334455667788, .low = 0x99aabbccddeeff00}};
}

inline TestTable BuildTable(const TableBuilderOptions& options,
                            const std::vector<TestEntry>& entries) {
  auto bytes = std::make_shared<std::string>();
  auto builder = TableBuilder::Create(
      options, "test.table", std::make_unique<StringWritableFile>(bytes.get()));
  for (const TestEntry& e : entries) {
    const absl::Status status = builder->Add(e.key.view(), e.value);
    EXPECT_TRUE(status.ok()) << status;
  }
  auto summary = builder->Finish();
  EXPECT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->file_size, bytes->size());
  return {bytes, *summary, options};
}

// Small values that are alike and not equal: what dictionaries are for. Each
// key has `versions`.
inline std::vector<TestEntry> AlikeEntries(int keys, int versions = 1,
                                           uint64_t seed = 11) {
  Random random(seed);
  std::vector<TestEntry> entries;
  for (int i = 0; i < keys; ++i) {
    for (int v = versions; v > 0; --v) {
      std::string value = "{\"user\":\"user" +
                          std::to_string(random.Uniform(100'000)) +
                          "\",\"status\":\"active\",\"city\":\"Lisbon\",";
      value += "\"visits\":" + std::to_string(random.Uniform(1000)) + "}";
      entries.push_back(
          {InternalKey("key" + std::to_string(1'000'000 + i),
                       PackTrailer(static_cast<SequenceNumber>(v),
                                   random.OneIn(9) ? EntryKind::kDelete
                                                   : EntryKind::kPut)),
           std::move(value)});
    }
  }
  return entries;
}

inline std::shared_ptr<BlockCache> NewCache(size_t bytes = 64 << 20) {
  return std::make_shared<BlockCache>(bytes);
}

// Opens `bytes` as the table that `like` is.
inline absl::StatusOr<std::unique_ptr<TableReader>> OpenTable(
    const TestTable& like, std::shared_ptr<const std::string> bytes,
    std::shared_ptr<BlockCache> cache = NewCache(),
    std::atomic<int>* reads = nullptr) {
  return TableReader::Open(
      {.order = like.options.order,
       .cache = std::move(cache),
       .id = like.options.id,
       .file_size = like.bytes->size(),
       .tail_size = like.summary.tail_size},
      "test.table", std::make_unique<StringReadFile>(std::move(bytes), reads));
}

inline std::unique_ptr<TableReader> MustOpen(
    const TestTable& table, std::shared_ptr<BlockCache> cache = NewCache(),
    std::atomic<int>* reads = nullptr) {
  auto reader = OpenTable(table, table.bytes, std::move(cache), reads);
  EXPECT_TRUE(reader.ok()) << reader.status();
  return std::move(reader).value();
}

// LISSOM_SEED, or one from the system; printed, so that a run can be repeated.
inline uint64_t TestSeed() {
  const char* given = std::getenv("LISSOM_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : SystemSeed();
  std::cerr << "LISSOM_SEED=" << seed << "\n";
  return seed;
}

}  // namespace lissom

#endif  // LISSOM_TESTS_TABLE_TABLE_TESTING_H_
