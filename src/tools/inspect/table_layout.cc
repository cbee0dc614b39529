#include "src/tools/inspect/table_layout.h"

#include <array>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/tools/inspect/dump.h"
#include "util/coding.h"
#include "util/error.h"
#include "util/status_macros.h"

namespace lissom::tools {
namespace {

constexpr IoContext kTableIo = {.kind = IoContext::Kind::kTable};
constexpr size_t kIdInFooter = 24;

// An order that nobody here knows, under its name: bytes stand for it, so that
// a reader opens the table. No heads: it must not look between the keys.
class NamedOrder final : public Comparator {
 public:
  explicit NamedOrder(std::string name) : name_(std::move(name)) {}
  int Compare(std::string_view a, std::string_view b) const override {
    return a.compare(b);
  }
  std::string_view Name() const override { return name_; }

 private:
  const std::string name_;
};

}  // namespace

absl::Status TableLayout::Error(uint64_t offset, const Flaw& flaw) const {
  if (!flaw.newer) return CorruptionError(path_, offset, flaw.what);
  return absl::UnimplementedError(
      absl::StrCat(path_, ": ", flaw.what, " at offset ", offset));
}

absl::StatusOr<TableLayout> TableLayout::Open(FileSystem& files,
                                              const std::string& path) {
  LISSOM_RETURN_IF_ERROR(CheckIsFile(files, path, "a table"));
  TableLayout layout;
  layout.path_ = path;
  LISSOM_ASSIGN_OR_RETURN(layout.file_, files.OpenForRead(path, kTableIo));
  LISSOM_ASSIGN_OR_RETURN(layout.file_size_, layout.file_->Size());
  if (layout.file_size_ < Footer::kSize) {
    return layout.Error(0, {.what = "too short for a table"});
  }
  const uint64_t footer_at = layout.file_size_ - Footer::kSize;
  std::array<char, Footer::kSize> tail{};
  LISSOM_ASSIGN_OR_RETURN(
      const std::string_view bytes,
      layout.file_->Read(footer_at, tail.size(), tail.data(), kTableIo));
  FileId id;
  if (bytes.size() == Footer::kSize) {
    id.high = DecodeFixed64(bytes.data() + kIdInFooter);
    id.low = DecodeFixed64(bytes.data() + kIdInFooter + sizeof(uint64_t));
  }
  if (Flaw flaw = layout.footer_.Decode(id, footer_at, bytes)) {
    return layout.Error(footer_at, flaw);
  }
  const Block block = layout.Read(layout.footer_.properties);
  LISSOM_RETURN_IF_ERROR(block.flaw);
  if (Flaw flaw = layout.properties_.Decode(block.bytes)) {
    return layout.Error(layout.footer_.properties.offset, flaw);
  }
  const std::string& name = layout.properties_.comparator;
  if (name == ReverseBytewiseComparator()->Name()) {
    layout.order_ = KeyOrder(ReverseBytewiseComparator());
  } else if (name != BytewiseComparator()->Name()) {
    layout.order_ = KeyOrder(std::make_shared<NamedOrder>(name));
    layout.order_is_known_ = false;
  }
  return layout;
}

TableLayout::Block TableLayout::Read(const BlockHandle& handle) const {
  Block block;
  const uint64_t end = file_size_ - Footer::kSize;
  if (handle.offset > end || end - handle.offset < kBlockTrailerSize ||
      handle.stored_size > end - handle.offset - kBlockTrailerSize) {
    block.flaw = Error(handle.offset, {.what = "no block can stand here"});
    return block;
  }
  const size_t size = handle.stored_size + kBlockTrailerSize;
  block.bytes.resize(size);
  const absl::StatusOr<std::string_view> got =
      file_->Read(handle.offset, size, block.bytes.data(), kTableIo);
  if (!got.ok()) {
    block.flaw = got.status();
  } else if (got->size() != size) {
    block.flaw = Error(handle.offset, {.what = "the file shrank"});
  } else {
    if (got->data() != block.bytes.data()) block.bytes.assign(*got);
    block.codec = static_cast<uint8_t>(block.bytes[handle.stored_size]);
    if (!BlockChecksumHolds(footer_.id, handle.offset, block.bytes)) {
      block.flaw = Error(handle.offset, {.what = "block checksum mismatch"});
    }
  }
  block.bytes.resize(block.flaw.ok() ? handle.stored_size : 0);
  return block;
}

absl::StatusOr<Ref<const IndexBlock>> TableLayout::ReadIndex(
    const BlockHandle& handle, uint64_t limit) const {
  const Block block = Read(handle);
  LISSOM_RETURN_IF_ERROR(block.flaw);
  if (block.codec != static_cast<uint8_t>(Codec::kNone)) {
    return Error(handle.offset, {.what = "an index block is compressed"});
  }
  Ref<IndexBlock> index = MakeRef<IndexBlock>();
  if (Flaw flaw =
          index->Parse(block.bytes, order_, properties_.filter, limit)) {
    return Error(handle.offset, flaw);
  }
  return Ref<const IndexBlock>(std::move(index));
}

}  // namespace lissom::tools
