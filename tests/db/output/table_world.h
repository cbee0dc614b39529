// TableWorld: a directory in memory with real tables in it, for tests of the
// rooms that make tables.
#ifndef LISSOM_TESTS_DB_OUTPUT_TABLE_WORLD_H_
#define LISSOM_TESTS_DB_OUTPUT_TABLE_WORLD_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "db/filename.h"
#include "db/output/table_output.h"
#include "db/version/level_iterator.h"
#include "db/version/version.h"
#include "gtest/gtest.h"
#include "tests/db/output/failing_file_system.h"
#include "tests/table/vector_iterator.h"
#include "util/block_cache.h"
#include "util/memory_file_system.h"
#include "util/random.h"

namespace lissom {

class TableWorld {
 public:
  explicit TableWorld(
      std::shared_ptr<const Comparator> comparator = BytewiseComparator())
      : source_(std::make_shared<TableSource>(
            TableSource{failing_, "/db", KeyOrder(std::move(comparator)),
                        std::make_shared<BlockCache>(1 << 20)})) {
    EXPECT_TRUE(disk_->CreateDirectory("/db").ok());
    EXPECT_TRUE(disk_->SyncDirectory("/").ok());
  }

  MemoryFileSystem& disk() { return *disk_; }
  FailingFileSystem& failing() { return *failing_; }
  const TableSource& source() const { return *source_; }
  const KeyOrder& order() const { return source_->order; }

  uint64_t NewFileNumber() { return next_number_++; }
  FileId NewFileId() { return random_.NextFileId(); }
  OutputDeps Deps() {
    return {.source = *source_,
            .new_file_number = [this] { return NewFileNumber(); },
            .new_file_id = [this] { return NewFileId(); }};
  }

  // A new TableFile: with no reader yet.
  std::shared_ptr<const TableFile> Open(const TableMetadata& table) const {
    return std::make_shared<TableFile>(source_, table);
  }

  // A table of these entries, which must not be empty.
  std::shared_ptr<const TableFile> Make(const std::vector<TestEntry>& entries,
                                        const ColumnFamilyOptions& options,
                                        int level = 0) {
    Version::Level made = MakeLevel(entries, options, level, UINT64_MAX);
    EXPECT_EQ(made.size(), 1u);
    return made.at(0);
  }
  // Tables of these entries, cut at `target_bytes`.
  Version::Level MakeLevel(const std::vector<TestEntry>& entries,
                           const ColumnFamilyOptions& options, int level,
                           uint64_t target_bytes) {
    VectorIterator input(order(), entries);
    OutputOptions output_options = OutputOptionsFor(options, level);
    output_options.target_bytes = target_bytes;
    const OutputDeps deps = Deps();
    TableOutput output(deps, output_options);
    EntryFilter keep_all({0}, nullptr);  // Everything is above "now".
    auto result = MergeToTables({.entries = input,
                                 .expected_entries = entries.size(),
                                 .cancelled = nullptr},
                                keep_all, output);
    EXPECT_TRUE(result.ok()) << result.status();
    Version::Level level_tables;
    for (const TableMetadata& table : result.value().tables) {
      level_tables.push_back(Open(table));
    }
    return level_tables;
  }

  // All entries of tables that do not overlap, in order.
  std::vector<TestEntry> Read(const Version::Level& tables) const {
    std::vector<TestEntry> entries;
    auto it = NewLevelIterator(order(), tables, TableReadOptions{});
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      entries.push_back({InternalKey(it->key()), std::string(it->value())});
    }
    EXPECT_TRUE(it->status().ok()) << it->status();
    return entries;
  }

 private:
  const std::shared_ptr<MemoryFileSystem> disk_ =
      std::make_shared<MemoryFileSystem>();
  const std::shared_ptr<FailingFileSystem> failing_ =
      std::make_shared<FailingFileSystem>(disk_);
  const std::shared_ptr<const TableSource> source_;
  Random random_{7};
  uint64_t next_number_ = 1;
};

// What a reader at `sequence` gets of a key, given entries newest source first
// (those of one key in order within a source).
inline std::optional<std::string> ReadAt(
    const std::vector<std::vector<TestEntry>>& sources, std::string_view key,
    SequenceNumber sequence) {
  const TestEntry* newest = nullptr;
  for (const std::vector<TestEntry>& entries : sources) {
    for (const TestEntry& e : entries) {
      if (e.key.user_key != key || e.key.view().sequence() > sequence) continue;
      if (newest == nullptr || e.key.trailer > newest->key.trailer) newest = &e;
    }
  }
  if (newest == nullptr || newest->key.view().kind() == EntryKind::kDelete) {
    return std::nullopt;
  }
  return newest->value;
}

}  // namespace lissom

#endif  // LISSOM_TESTS_DB_OUTPUT_TABLE_WORLD_H_
