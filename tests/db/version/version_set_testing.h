// A version set over a file system in memory, and edits made of shapes
// (tests/support/shape.h).
#ifndef LISSOM_TESTS_DB_VERSION_VERSION_SET_TESTING_H_
#define LISSOM_TESTS_DB_VERSION_VERSION_SET_TESTING_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "db/version/version_set.h"
#include "gtest/gtest.h"
#include "tests/support/shape.h"
#include "util/memory_file_system.h"

namespace lissom {

inline constexpr char kDirectory[] = "/db";

inline VersionSet::Deps DepsOn(std::shared_ptr<FileSystem> file_system,
                               uint64_t roll_bytes = uint64_t{4} << 20) {
  return {.source = std::make_shared<TableSource>(
              TableSource{.file_system = std::move(file_system),
                          .directory = kDirectory,
                          .order = KeyOrder(BytewiseComparator()),
                          .cache = nullptr}),
          .random_seed = 1,
          .manifest_roll_bytes = roll_bytes};
}

inline std::shared_ptr<MemoryFileSystem> NewFileSystem() {
  auto file_system = std::make_shared<MemoryFileSystem>();
  EXPECT_TRUE(file_system->CreateDirectory(kDirectory).ok());
  EXPECT_TRUE(file_system->SyncDirectory("/").ok());
  return file_system;
}

// The edit that begins a new database.
inline VersionEdit Birth() {
  VersionEdit edit;
  edit.comparator = std::string(BytewiseComparator()->Name());
  edit.database_id = FileId{.high = 1, .low = 2};
  return edit;
}

inline VersionEdit Adding(int level, std::string_view table) {
  VersionEdit edit;
  edit.added.push_back({.level = level, .table = testing::ParseTable(table)});
  // Shapes choose their numbers: as if they had been given out.
  edit.next_file_number = edit.added[0].table.number + 1;
  return edit;
}

inline VersionEdit Removing(int level, uint64_t number) {
  VersionEdit edit;
  edit.removed.push_back({.level = level, .number = number});
  return edit;
}

inline std::unique_ptr<VersionSet> CreateNew(
    const std::shared_ptr<FileSystem>& file_system,
    uint64_t roll_bytes = uint64_t{4} << 20) {
  auto set = VersionSet::Create(DepsOn(file_system, roll_bytes),
                                ManifestState(), Birth());
  EXPECT_TRUE(set.ok()) << set.status();
  return *std::move(set);
}

inline std::string Text(const VersionSet& set) {
  return testing::ToString(*set.current());
}

inline std::vector<CrashPolicy> Policies(uint64_t seed) {
  return {CrashPolicy::SyncedOnly(),       CrashPolicy::Everything(),
          CrashPolicy::RandomSubset(seed), CrashPolicy::RandomSubset(seed + 1),
          CrashPolicy::Torn(seed),         CrashPolicy::Torn(seed + 1)};
}

}  // namespace lissom

#endif  // LISSOM_TESTS_DB_VERSION_VERSION_SET_TESTING_H_
