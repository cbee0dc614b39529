#include "src/tools/report/key_axis.h"

#include <algorithm>

namespace lissom::tools {
namespace {

// Of the width, for stretches between tables that no table covers.
constexpr double kForGaps = 0.04;

}  // namespace

KeyAxis::KeyAxis(std::span<const VersionEdit::NewTable> tables, bool reverse)
    : reverse_(reverse) {
  keys_.reserve(tables.size() * 2);
  for (const VersionEdit::NewTable& table : tables) {
    keys_.push_back(table.table.smallest.user_key);
    keys_.push_back(table.table.largest.user_key);
  }
  const auto less = [this](std::string_view a, std::string_view b) {
    return Less(a, b);
  };
  std::sort(keys_.begin(), keys_.end(), less);
  keys_.erase(std::unique(keys_.begin(), keys_.end()), keys_.end());
  if (keys_.empty()) return;

  const size_t n = keys_.size();
  std::vector<double> of_key(n, 0);
  std::vector<double> step(n + 1, 0);  // What changes from gap to gap.
  double total = 0;
  for (const VersionEdit::NewTable& table : tables) {
    size_t i = IndexOf(table.table.smallest.user_key);
    size_t j = IndexOf(table.table.largest.user_key);
    if (i > j) std::swap(i, j);  // Of another order than we think.
    const double bytes = static_cast<double>(table.table.size) + 1;
    total += bytes;
    if (i == j) {
      of_key[i] += bytes;
    } else {
      const double each = bytes / static_cast<double>(j - i);
      step[i] += each;
      step[j] -= each;
    }
  }
  const double least = total * kForGaps / static_cast<double>(n);
  places_.resize(n);
  double at = 0;
  double covered = 0;
  for (size_t i = 0; i < n; ++i) {
    places_[i].begin = at;
    at += of_key[i];
    places_[i].end = at;
    covered += step[i];
    if (i + 1 < n) at += std::max(covered, least);
  }
  // One key alone has the whole width.
  for (Span& place : places_) {
    place.begin /= at;
    place.end /= at;
  }
}

size_t KeyAxis::IndexOf(std::string_view key) const {
  const auto found = std::lower_bound(
      keys_.begin(), keys_.end(), key,
      [this](std::string_view a, std::string_view b) { return Less(a, b); });
  return static_cast<size_t>(found - keys_.begin());
}

KeyAxis::Span KeyAxis::Of(const TableMetadata& table) const {
  const Span a = places_[IndexOf(table.smallest.user_key)];
  const Span b = places_[IndexOf(table.largest.user_key)];
  return {std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

std::string_view KeyAxis::KeyAt(double place) const {
  if (keys_.empty()) return {};
  const auto behind = std::upper_bound(
      places_.begin(), places_.end(), place,
      [](double at, const Span& span) { return at < span.begin; });
  const size_t i = static_cast<size_t>(behind - places_.begin());
  return keys_[i == 0 ? 0 : i - 1];
}

size_t KeyAxis::shared_prefix() const {
  if (keys_.size() < 2) return 0;
  const std::string_view a = keys_.front();
  const std::string_view b = keys_.back();
  return static_cast<size_t>(
      std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

}  // namespace lissom::tools
