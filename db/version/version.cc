#include "db/version/version.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "util/check.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom {
namespace {

using TablePtr = std::shared_ptr<const TableFile>;

std::string Describe(const TableMetadata& table) {
  return absl::StrCat(table.number, "[", Escape(table.smallest.user_key), "..",
                      Escape(table.largest.user_key), "]");
}

absl::Status Broken(int level, const TableMetadata& table,
                    absl::string_view what) {
  return absl::InternalError(
      absl::StrCat("level ", level, ", table ", Describe(table), ": ", what));
}

// Does the table hold a key in [begin, end], as far as its ends tell?
bool Overlaps(const KeyOrder& order, const TableMetadata& table,
              std::optional<std::string_view> begin,
              std::optional<std::string_view> end) {
  const bool before = begin.has_value() &&
                      order.CompareUser(table.largest.user_key, *begin) < 0;
  const bool after =
      end.has_value() && order.CompareUser(table.smallest.user_key, *end) > 0;
  return !before && !after;
}

// What is true of any table by itself.
absl::Status CheckTable(const KeyOrder& order, int level,
                        const TableMetadata& table) {
  if (order.Compare(table.smallest.view(), table.largest.view()) > 0) {
    return Broken(level, table, "its smallest key comes after its largest");
  }
  const auto within = [&table](SequenceNumber sequence) {
    return sequence >= table.smallest_sequence &&
           sequence <= table.largest_sequence;
  };
  if (table.largest_sequence > kMaxSequence ||
      !within(table.smallest.view().sequence()) ||
      !within(table.largest.view().sequence())) {
    return Broken(
        level, table,
        absl::StrCat("its ends lie outside its sequences ",
                     table.smallest_sequence, " to ", table.largest_sequence));
  }
  return absl::OkStatus();
}

bool IsNewer(const TableMetadata& a, const TableMetadata& b) {
  if (a.largest_sequence != b.largest_sequence) {
    return a.largest_sequence > b.largest_sequence;
  }
  return a.number > b.number;
}

// Of two tables of level 0 that share keys, one must be newer altogether: a
// read takes the first version it meets.
//
// A sweep over the keys: as long as all is well the tables over one key have
// disjoint sequences, so a new one is compared with its two neighbours only.
absl::Status CheckLevel0Sequences(const KeyOrder& order,
                                  const Version::Level& tables) {
  using Pair = std::pair<const TableMetadata*, bool>;  // Table, does it end?
  std::vector<Pair> ends;
  ends.reserve(2 * tables.size());
  for (const TablePtr& table : tables) {
    ends.emplace_back(&table->meta(), false);
    ends.emplace_back(&table->meta(), true);
  }
  const auto key = [](const Pair& end) -> std::string_view {
    return end.second ? end.first->largest.user_key
                      : end.first->smallest.user_key;
  };
  std::sort(ends.begin(), ends.end(), [&](const Pair& a, const Pair& b) {
    const int by_key = order.CompareUser(key(a), key(b));
    return by_key != 0 ? by_key < 0 : a.second < b.second;
  });
  std::map<SequenceNumber, const TableMetadata*> open;  // By largest sequence.
  for (const auto& [table, is_end] : ends) {
    if (is_end) {
      open.erase(table->largest_sequence);
      continue;
    }
    // The oldest of those that are not older altogether.
    const auto next = open.lower_bound(table->smallest_sequence);
    if (next != open.end() &&
        next->second->smallest_sequence <= table->largest_sequence) {
      return Broken(0, *table,
                    absl::StrCat("shares keys and sequences with table ",
                                 Describe(*next->second)));
    }
    open.emplace(table->largest_sequence, table);
  }
  return absl::OkStatus();
}

absl::Status CheckNumbers(
    const std::array<Version::Level, Version::kLevels>& levels, size_t count) {
  std::vector<uint64_t> numbers;
  numbers.reserve(count);
  for (const Version::Level& tables : levels) {
    for (const TablePtr& table : tables) {
      numbers.push_back(table->meta().number);
    }
  }
  std::sort(numbers.begin(), numbers.end());
  const auto twice = std::adjacent_find(numbers.begin(), numbers.end());
  if (twice == numbers.end()) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("table ", *twice, " stands in two places"));
}

}  // namespace

Version::Version(KeyOrder order, std::array<Level, kLevels> levels)
    : order_(std::move(order)), levels_(std::move(levels)) {
  for (size_t n = 0; n < levels_.size(); ++n) {
    for (const TablePtr& table : levels_[n]) {
      level_bytes_[n] += table->meta().size;
    }
  }
}

size_t Version::TableCount() const {
  size_t count = 0;
  for (const Level& tables : levels_) count += tables.size();
  return count;
}

size_t Version::FindTable(int level, std::string_view user_key) const {
  LISSOM_DCHECK(level > 0 && level < kLevels);
  const Level& tables = this->level(level);
  size_t first = 0;
  for (size_t count = tables.size(); count > 0;) {
    const size_t half = count / 2;
    const TableMetadata& middle = tables[first + half]->meta();
    if (order_.CompareUser(middle.largest.user_key, user_key) < 0) {
      first += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return first;
}

Version::Tables Version::TablesIn(int level,
                                  const std::optional<std::string>& begin,
                                  const std::optional<std::string>& end) const {
  const Tables all(this->level(level));
  const size_t first = begin.has_value() ? FindTable(level, *begin) : 0;
  size_t last = all.size();
  if (end.has_value()) {
    const auto behind =
        std::partition_point(all.begin(), all.end(), [&](const auto& table) {
          return order_.CompareUser(table->meta().smallest.user_key, *end) < 0;
        });
    last = static_cast<size_t>(behind - all.begin());
  }
  return first < last ? all.subspan(first, last - first) : Tables();
}

Version::Level Version::Overlapping(int level,
                                    std::optional<std::string_view> begin,
                                    std::optional<std::string_view> end) const {
  const Level& tables = this->level(level);
  Level result;
  if (level > 0) {
    size_t i = begin.has_value() ? FindTable(level, *begin) : 0;
    for (; i < tables.size() && Overlaps(order_, tables[i]->meta(), begin, end);
         ++i) {
      result.push_back(tables[i]);
    }
    return result;
  }

  std::vector<bool> taken(tables.size(), false);
  for (bool grew = true; grew;) {
    grew = false;
    for (size_t i = 0; i < tables.size(); ++i) {
      const TableMetadata& table = tables[i]->meta();
      if (taken[i] || !Overlaps(order_, table, begin, end)) continue;
      taken[i] = true;
      if (begin.has_value() &&
          order_.CompareUser(table.smallest.user_key, *begin) < 0) {
        begin = table.smallest.user_key;
        grew = true;
      }
      if (end.has_value() &&
          order_.CompareUser(table.largest.user_key, *end) > 0) {
        end = table.largest.user_key;
        grew = true;
      }
    }
  }
  for (size_t i = 0; i < tables.size(); ++i) {
    if (taken[i]) result.push_back(tables[i]);
  }
  return result;
}

bool Version::OverlapsBelow(int level, std::string_view begin,
                            std::string_view end) const {
  for (int n = level; n < kLevels; ++n) {
    const Level& tables = this->level(n);
    if (n == 0) {
      for (const TablePtr& table : tables) {
        if (Overlaps(order_, table->meta(), begin, end)) return true;
      }
      continue;
    }
    const size_t i = FindTable(n, begin);
    if (i < tables.size() && Overlaps(order_, tables[i]->meta(), begin, end)) {
      return true;
    }
  }
  return false;
}

absl::Status Version::CheckInvariants() const {
  for (int n = 0; n < kLevels; ++n) {
    const Level& tables = level(n);
    for (size_t i = 0; i < tables.size(); ++i) {
      const TableMetadata& table = tables[i]->meta();
      LISSOM_RETURN_IF_ERROR(CheckTable(order_, n, table));
      if (i == 0) continue;
      const TableMetadata& previous = tables[i - 1]->meta();
      if (n == 0 && !IsNewer(previous, table)) {
        return Broken(n, table, "stands behind an older one");
      }
      if (n > 0 && order_.CompareUser(previous.largest.user_key,
                                      table.smallest.user_key) >= 0) {
        return Broken(n, table,
                      absl::StrCat("does not begin behind the end of ",
                                   Describe(previous)));
      }
    }
  }
  LISSOM_RETURN_IF_ERROR(CheckLevel0Sequences(order_, level(0)));
  return CheckNumbers(levels_, TableCount());
}

std::string Version::DebugString() const {
  std::string out;
  for (int n = 0; n < kLevels; ++n) {
    if (level(n).empty()) continue;
    absl::StrAppend(&out, out.empty() ? "" : "\n", "L", n, ":");
    for (const TablePtr& table : level(n)) {
      absl::StrAppend(&out, " ", Describe(table->meta()));
    }
  }
  return out;
}

}  // namespace lissom
