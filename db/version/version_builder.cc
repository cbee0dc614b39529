#include "db/version/version_builder.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

using TablePtr = std::shared_ptr<const TableFile>;
// Tables that an edit removes, by number; null until they are found.
using RemovedTables = std::map<uint64_t, TablePtr>;

absl::Status CheckLevel(int level, uint64_t number) {
  if (level >= 0 && level < Version::kLevels) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("table ", number, ": there is no level ", level));
}

// Takes the tables of `removed` that stand in `tables` out of it.
void TakeOut(Version::Level* tables, RemovedTables* removed) {
  std::erase_if(*tables, [removed](const TablePtr& table) {
    const auto found = removed->find(table->meta().number);
    if (found == removed->end()) return false;
    found->second = table;
    return true;
  });
}

void SortLevel(int level, const KeyOrder& order, Version::Level* tables) {
  std::sort(tables->begin(), tables->end(),
            [&](const TablePtr& left, const TablePtr& right) {
              const TableMetadata& a = left->meta();
              const TableMetadata& b = right->meta();
              if (level > 0) {
                return order.Compare(a.smallest.view(), b.smallest.view()) < 0;
              }
              if (a.largest_sequence != b.largest_sequence) {
                return a.largest_sequence > b.largest_sequence;
              }
              return a.number > b.number;
            });
}

}  // namespace

VersionBuilder::VersionBuilder(std::shared_ptr<const TableSource> source,
                               const Version* base)
    : source_(std::move(source)) {
  if (base == nullptr) return;
  for (size_t n = 0; n < levels_.size(); ++n) {
    levels_[n] = base->level(static_cast<int>(n));
  }
}

absl::Status VersionBuilder::Apply(const VersionEdit& edit) {
  std::array<RemovedTables, Version::kLevels> removed;
  for (const VersionEdit::RemovedTable& table : edit.removed) {
    LISSOM_RETURN_IF_ERROR(CheckLevel(table.level, table.number));
    removed[static_cast<size_t>(table.level)][table.number] = nullptr;
  }
  RemovedTables all_removed;
  for (size_t n = 0; n < levels_.size(); ++n) {
    if (removed[n].empty()) continue;
    TakeOut(&levels_[n], &removed[n]);
    for (auto& [number, table] : removed[n]) {
      if (table == nullptr) {
        return absl::InternalError(absl::StrCat("table ", number,
                                                " is removed from level ", n,
                                                " and does not stand there"));
      }
      all_removed[number] = std::move(table);
    }
  }
  std::array<bool, Version::kLevels> grew{};
  for (const VersionEdit::NewTable& added : edit.added) {
    LISSOM_RETURN_IF_ERROR(CheckLevel(added.level, added.table.number));
    const size_t n = static_cast<size_t>(added.level);
    const auto moved = all_removed.find(added.table.number);
    if (moved == all_removed.end()) {
      levels_[n].push_back(std::make_shared<TableFile>(source_, added.table));
    } else if (moved->second->meta() == added.table) {
      levels_[n].push_back(moved->second);
    } else {
      return absl::InternalError(absl::StrCat(
          "table ", added.table.number, " is moved and not the same any more"));
    }
    grew[n] = true;
  }
  for (size_t n = 0; n < levels_.size(); ++n) {
    if (grew[n]) SortLevel(static_cast<int>(n), source_->order, &levels_[n]);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Version>> VersionBuilder::Finish() {
  auto version =
      std::make_shared<const Version>(source_->order, std::move(levels_));
  LISSOM_RETURN_IF_ERROR(version->CheckInvariants());
  return version;
}

}  // namespace lissom
