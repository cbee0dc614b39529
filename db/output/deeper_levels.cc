#include "db/output/deeper_levels.h"

#include <utility>

#include "util/check.h"

namespace lissom {

DeeperLevels::DeeperLevels(std::shared_ptr<const Version> version, int level)
    : version_(std::move(version)), level_(level) {
  LISSOM_DCHECK(level >= 0 && level < Version::kLevels);
}

bool DeeperLevels::MayHold(std::string_view user_key) {
  const KeyOrder& order = version_->order();
  for (int n = level_ + 1; n < Version::kLevels; ++n) {
    const Version::Level& tables = version_->level(n);
    size_t& cursor = cursors_[static_cast<size_t>(n)];
    while (cursor < tables.size() &&
           order.CompareUser(tables[cursor]->meta().largest.user_key,
                             user_key) < 0) {
      ++cursor;
    }
    if (cursor < tables.size() &&
        order.CompareUser(tables[cursor]->meta().smallest.user_key, user_key) <=
            0) {
      return true;
    }
  }
  return false;
}

}  // namespace lissom
