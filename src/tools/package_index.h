// PackageIndex is the demo's real input: what apt knows of every Debian
// package, as `apt-cache dumpavail` prints it.
//
//   Package: zlib1g            a stanza: "Field: text" lines, ended by an
//   Version: 1:1.2.13          empty line. The record's key is the package's
//   Description: ...           name, its value the whole stanza.
//
// Immutable once parsed, so thread-safe. Owns the text; records are views of
// it, so an index is moved by pointer only.
#ifndef LISSOM_SRC_TOOLS_PACKAGE_INDEX_H_
#define LISSOM_SRC_TOOLS_PACKAGE_INDEX_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace lissom::tools {

class PackageIndex {
 public:
  struct Record {
    std::string_view key;
    std::string_view value;
  };

  // Reads a file of stanzas. An empty path: what apt-cache prints.
  // kInvalidArgument: it cannot be read, or has no stanza with a name.
  static absl::StatusOr<std::unique_ptr<const PackageIndex>> Read(
      const std::string& path);

  // As Read, from text. A stanza without a name is left out.
  static absl::StatusOr<std::unique_ptr<const PackageIndex>> Parse(
      std::string text);

  PackageIndex(const PackageIndex&) = delete;
  PackageIndex& operator=(const PackageIndex&) = delete;

  // One record a name, in the order of the text. Of several stanzas with one
  // name the last stands, as it would in a database.
  const std::vector<Record>& records() const { return records_; }

  // Indexes into records(), in the order of their keys.
  std::vector<size_t> SortedOrder() const;

  // Keys and values together.
  size_t raw_bytes() const { return raw_bytes_; }
  // Stanzas that a later one of the same name replaced.
  size_t replaced() const { return replaced_; }

 private:
  explicit PackageIndex(std::string text);

  const std::string text_;
  std::vector<Record> records_;
  size_t raw_bytes_ = 0;
  size_t replaced_ = 0;
};

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_PACKAGE_INDEX_H_
