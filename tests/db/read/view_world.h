// ViewWorld: memtables, real tables in a directory in memory, and Views over
// them, for tests of what reads a View.
#ifndef LISSOM_TESTS_DB_READ_VIEW_WORLD_H_
#define LISSOM_TESTS_DB_READ_VIEW_WORLD_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "db/read/view.h"
#include "lissom/options.h"
#include "tests/db/output/table_world.h"

namespace lissom {

// A memtable of these entries, added oldest first.
inline Ref<Memtable> MemtableOf(const KeyOrder& order,
                                std::vector<TestEntry> entries) {
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return a.key.trailer < b.key.trailer;
  });
  Ref<Memtable> memtable = Memtable::Create(order, /*log_number=*/1);
  for (const TestEntry& e : entries) {
    memtable->Add(e.key.view().sequence(), e.key.view().kind(), e.key.user_key,
                  e.value);
  }
  return memtable;
}

class ViewWorld {
 public:
  explicit ViewWorld(
      std::shared_ptr<const Comparator> comparator = BytewiseComparator())
      : tables_(std::move(comparator)) {
    options_.compression = {Compression::None()};
  }

  // How tables are made from now on; without compression unless it is changed.
  ColumnFamilyOptions& options() { return options_; }
  TableWorld& tables() { return tables_; }
  const KeyOrder& order() const { return tables_.order(); }

  // In front of the memtables there are: the newest.
  void AddMemtable(std::vector<TestEntry> entries) {
    memtables_.insert(memtables_.begin(),
                      MemtableOf(order(), std::move(entries)));
  }

  // In level 0 in front of the tables there are, the newest; below, behind
  // them. None of no entries; cut at `target_bytes`.
  void AddTables(int level, std::vector<TestEntry> entries,
                 uint64_t target_bytes = UINT64_MAX) {
    if (entries.empty()) return;
    Version::Level& tables = levels_.at(static_cast<size_t>(level));
    for (auto& table :
         tables_.MakeLevel(std::move(entries), options_, level, target_bytes)) {
      tables.insert(level == 0 ? tables.begin() : tables.end(),
                    std::move(table));
    }
  }

  const Version::Level& level(int n) const {
    return levels_.at(static_cast<size_t>(n));
  }

  // The present state. Its tables are not open.
  Ref<const View> NewView() const { return ViewOf(NewVersion()); }
  std::shared_ptr<const Version> NewVersion() const {
    std::array<Version::Level, Version::kLevels> levels;
    for (size_t n = 0; n < levels.size(); ++n) {
      for (const auto& table : levels_[n]) {
        levels[n].push_back(tables_.Open(table->meta()));
      }
    }
    return std::make_shared<Version>(order(), std::move(levels));
  }
  Ref<const View> ViewOf(std::shared_ptr<const Version> version) const {
    return MakeRef<const View>(memtables_, std::move(version));
  }

 private:
  TableWorld tables_;
  ColumnFamilyOptions options_;
  std::vector<Ref<const Memtable>> memtables_;
  std::array<Version::Level, Version::kLevels> levels_;
};

// A made-up past of `count` writes to `keys`, of sequences 1 to `count`, put
// into `world` as a database would have: the youngest entries in memtables,
// older ones in level 0, the oldest below. Returns the writes, oldest first.
inline std::vector<TestEntry> AddRandomHistory(
    Random& random, const std::vector<std::string>& keys, size_t count,
    ViewWorld& world) {
  std::vector<TestEntry> history;
  for (SequenceNumber s = 1; s <= count; ++s) {
    const std::string& key = keys[random.Uniform(keys.size())];
    history.push_back(random.OneIn(4) ? Tombstone(key, s)
                                      : Put(key, s, std::to_string(s)));
  }
  // From the oldest on: levels 3 and 1, two tables of level 0, two memtables.
  size_t at = 0;
  for (int part = 0; part < 6; ++part) {
    const size_t rest = history.size() - at;
    const size_t size =
        part == 5 ? rest : std::min(rest, random.Uniform(count / 3));
    const auto begin = history.begin() + static_cast<ptrdiff_t>(at);
    std::vector<TestEntry> entries(begin, begin + static_cast<ptrdiff_t>(size));
    at += size;
    if (part < 2) {
      world.AddTables(part == 0 ? 3 : 1, std::move(entries),
                      100 + random.Uniform(2000));
    } else if (part < 4) {
      world.AddTables(0, std::move(entries));
    } else {
      world.AddMemtable(std::move(entries));
    }
  }
  return history;
}

}  // namespace lissom

#endif  // LISSOM_TESTS_DB_READ_VIEW_WORLD_H_
