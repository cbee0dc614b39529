// The shape of a tree drawn as text, and a Version of it whose tables have no
// files behind them.
//
//   L0: 9[a-f] 7[c-k]@10-20:64M!3~500
//   L1: 3[a-d] 4[e-z]
//
// A table is number[smallest-largest], user keys without '-' and ']'; then, if
// it matters, @smallest-largest sequence (else ten of them, from ten times the
// number on, so a larger number is newer), :size with B, K, M or G for bytes to
// GiB (else 1M), !tombstones (else none; there is an entry for each sequence)
// and ~seconds of its creation (else unknown). A level may be left out; the
// order within a line is the order of the level, right or wrong. Lines that are
// empty or start with
// '#' are skipped.
#ifndef LISSOM_TESTS_SUPPORT_SHAPE_H_
#define LISSOM_TESTS_SUPPORT_SHAPE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "db/version/version.h"

namespace lissom::testing {

// Ends the test program with a message if `text` is no shape: it is part of
// the test's source.
std::shared_ptr<const Version> ParseShape(std::string_view text);
std::shared_ptr<const Version> ParseShape(std::string_view text,
                                          const KeyOrder& order);

// One table of such a shape, "7[a-c]@10-20:64M".
TableMetadata ParseTable(std::string_view text);

// The shape as text without sequences and sizes; levels without tables are
// left out. "" if there is no table at all.
std::string ToString(const Version& version);
// "9[a-f] 7[c-k]"
std::string ToString(const Version::Level& tables);
std::string ToString(const TableMetadata& table);

}  // namespace lissom::testing

#endif  // LISSOM_TESTS_SUPPORT_SHAPE_H_
