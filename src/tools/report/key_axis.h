// KeyAxis gives every key of a tree a place between 0 and 1, so that tables can
// be drawn as bars over the space of keys.
//
// A stretch of keys is as wide as the bytes that lie there, those of a table
// spread evenly over the stretches it covers. So the deepest level, which holds
// most, comes out even, and a small table above it is as narrow as what it
// covers.
// Immutable. The tables outlive it: their keys are borrowed.
#ifndef LISSOM_SRC_TOOLS_REPORT_KEY_AXIS_H_
#define LISSOM_SRC_TOOLS_REPORT_KEY_AXIS_H_

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "db/version/version_edit.h"

namespace lissom::tools {

class KeyAxis {
 public:
  // `reverse`: keys are in the reverse order of bytes.
  KeyAxis(std::span<const VersionEdit::NewTable> tables, bool reverse);

  struct Span {
    double begin = 0;
    double end = 0;
  };
  // Requires: one of the tables that it was made of.
  Span Of(const TableMetadata& table) const;

  // The last key that begins at or before `place`; empty without tables.
  std::string_view KeyAt(double place) const;

  bool empty() const { return keys_.empty(); }
  // The length of what all keys begin with.
  size_t shared_prefix() const;

 private:
  size_t IndexOf(std::string_view key) const;
  bool Less(std::string_view a, std::string_view b) const {
    return reverse_ ? b < a : a < b;
  }

  const bool reverse_;
  std::vector<std::string_view> keys_;  // In order, each once.
  std::vector<Span> places_;            // Of keys_.
};

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_REPORT_KEY_AXIS_H_
