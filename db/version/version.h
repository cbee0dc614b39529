// Version is one immutable shape of the tree: which tables stand in which
// level. Readers pin it by shared_ptr; a table's file outlives every Version
// that names it.
//
//   level 0: tables overlap; newest first (by largest sequence, then number)
//   level 1 and below: sorted by key, no overlap, and no user key stands in two
//     tables of one level
#ifndef LISSOM_DB_VERSION_VERSION_H_
#define LISSOM_DB_VERSION_VERSION_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "db/version/table_file.h"

namespace lissom {

class Version {
 public:
  static constexpr int kLevels = 7;
  using Level = std::vector<std::shared_ptr<const TableFile>>;
  using Tables = std::span<const std::shared_ptr<const TableFile>>;

  Version(KeyOrder order, std::array<Level, kLevels> levels);

  const Level& level(int n) const { return levels_[static_cast<size_t>(n)]; }
  uint64_t LevelBytes(int n) const {
    return level_bytes_[static_cast<size_t>(n)];
  }
  size_t TableCount() const;
  const KeyOrder& order() const { return order_; }

  // Of a level below 0: the index of the first table whose largest user key is
  // not before `user_key`; level size if there is none. No allocation.
  size_t FindTable(int level, std::string_view user_key) const;

  // The tables of a level below 0 that may hold a key in [begin, end). No
  // allocation.
  Tables TablesIn(int level, const std::optional<std::string>& begin,
                  const std::optional<std::string>& end) const;

  // Tables of a level that hold a key in [begin, end] (user keys, inclusive;
  // nullopt: open), in the level's order. In level 0 the range grows until no
  // further table overlaps it (an older version of a key must not be left
  // behind above a newer one).
  Level Overlapping(int level, std::optional<std::string_view> begin,
                    std::optional<std::string_view> end) const;

  // Does any table of `level` or below hold a key in [begin, end]?
  bool OverlapsBelow(int level, std::string_view begin,
                     std::string_view end) const;

  // Order, overlap, ranges, sequences. kInternal, naming what is wrong. Cheap
  // enough to run at every install, and it does, in release builds too.
  absl::Status CheckInvariants() const;

  // "L0: 7[a..c] 5[a..b]\nL1: ..." for messages and tests.
  std::string DebugString() const;

 private:
  const KeyOrder order_;
  const std::array<Level, kLevels> levels_;
  std::array<uint64_t, kLevels> level_bytes_{};
};

}  // namespace lissom

#endif  // LISSOM_DB_VERSION_VERSION_H_
