// TableLayout reads the frame of a table file: the footer, the properties, the
// top index, and any block that an index names, each with its checksum looked
// at. Unlike a TableReader it goes on where a block is damaged.
//
// Nothing in the file is believed: a block is read only if it lies within it.
// Thread-compatible.
#ifndef LISSOM_SRC_TOOLS_INSPECT_TABLE_LAYOUT_H_
#define LISSOM_SRC_TOOLS_INSPECT_TABLE_LAYOUT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lissom/file_system.h"
#include "table/format.h"
#include "table/index_block.h"
#include "table/properties.h"
#include "util/ref_counted.h"

namespace lissom::tools {

class TableLayout {
 public:
  // Reads footer and properties. kDataLoss: not a table, or these are damaged;
  // kUnimplemented: newer; kInvalidArgument: there is no file.
  static absl::StatusOr<TableLayout> Open(FileSystem& files,
                                          const std::string& path);

  uint64_t file_size() const { return file_size_; }
  const Footer& footer() const { return footer_; }
  const TableProperties& properties() const { return properties_; }

  // The order that the properties name; an order of that name which compares
  // bytes if it is not a stock one: good for walking only.
  const KeyOrder& order() const { return order_; }
  bool order_is_known() const { return order_is_known_; }

  // What stands at a handle. The error is in `flaw`.
  struct Block {
    std::string bytes;  // As stored, without the trailer; empty with a flaw.
    uint8_t codec = 0;
    absl::Status flaw;
  };
  Block Read(const BlockHandle& handle) const;

  // An index block: the top index (footer().top), or a partition of it, whose
  // blocks end at or before `limit`.
  absl::StatusOr<Ref<const IndexBlock>> ReadIndex(const BlockHandle& handle,
                                                  uint64_t limit) const;

 private:
  TableLayout() = default;
  absl::Status Error(uint64_t offset, const Flaw& flaw) const;

  std::string path_;
  std::unique_ptr<RandomAccessFile> file_;
  uint64_t file_size_ = 0;
  Footer footer_;
  TableProperties properties_;
  KeyOrder order_{BytewiseComparator()};
  bool order_is_known_ = true;
};

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_INSPECT_TABLE_LAYOUT_H_
