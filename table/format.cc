#include "table/format.h"

#include "util/check.h"
#include "util/coding.h"

namespace lissom {

void SealBlock(const FileId& id, uint64_t offset, Codec codec, size_t start,
               std::string* file_end) {
  file_end->push_back(static_cast<char>(codec));
  AppendFixed64(
      file_end,
      FileChecksum(id, offset, std::string_view(*file_end).substr(start)));
}

bool BlockChecksumHolds(const FileId& id, uint64_t offset,
                        std::string_view bytes) {
  LISSOM_DCHECK(bytes.size() >= kBlockTrailerSize);
  const size_t covered = bytes.size() - sizeof(uint64_t);
  return FileChecksum(id, offset, bytes.substr(0, covered)) ==
         DecodeFixed64(bytes.data() + covered);
}

void Footer::AppendTo(uint64_t offset, std::string* file) const {
  const size_t start = file->size();
  AppendFixed64(file, top.offset);
  AppendFixed32(file, top.stored_size);
  AppendFixed32(file, properties.stored_size);
  AppendFixed64(file, properties.offset);
  AppendFixed64(file, id.high);
  AppendFixed64(file, id.low);
  AppendFixed32(file, version);
  AppendFixed32(file, min_reader_version);
  AppendFixed64(file, 0);
  AppendFixed64(
      file, FileChecksum(id, offset, std::string_view(*file).substr(start)));
  AppendFixed64(file, kMagic);
}

Flaw Footer::Decode(const FileId& expected, uint64_t offset,
                    std::string_view bytes) {
  if (bytes.size() != kSize) return {.what = "too short for a table"};
  constexpr size_t kCovered = kSize - 2 * sizeof(uint64_t);
  if (DecodeFixed64(bytes.data() + kSize - sizeof(uint64_t)) != kMagic) {
    return {.what = "not a table: bad magic number"};
  }
  Decoder in(bytes);
  uint64_t reserved, checksum;
  const bool whole =
      in.ReadFixed64(&top.offset) && in.ReadFixed32(&top.stored_size) &&
      in.ReadFixed32(&properties.stored_size) &&
      in.ReadFixed64(&properties.offset) && in.ReadFixed64(&id.high) &&
      in.ReadFixed64(&id.low) && in.ReadFixed32(&version) &&
      in.ReadFixed32(&min_reader_version) && in.ReadFixed64(&reserved) &&
      in.ReadFixed64(&checksum);
  LISSOM_DCHECK(whole);
  if (!whole) return {.what = "too short for a table"};
  // The checksum is made with the id that the footer itself names, so that a
  // swapped file is called that, and a damaged one damaged.
  if (FileChecksum(id, offset, bytes.substr(0, kCovered)) != checksum) {
    return {.what = "footer checksum mismatch"};
  }
  if (id != expected) return {.what = "another table stands here: wrong id"};
  if (min_reader_version > kVersion) {
    return {.what = "table of a newer format", .newer = true};
  }
  top.raw_size = top.stored_size;
  properties.raw_size = properties.stored_size;
  return {};
}

}  // namespace lissom
