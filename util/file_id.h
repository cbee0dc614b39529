// FileId: 128 random bits that a file of ours carries in its header or footer
// and in the manifest. Checksums are bound to it, so bytes of another file, or
// of another place in the file, never verify.
#ifndef LISSOM_UTIL_FILE_ID_H_
#define LISSOM_UTIL_FILE_ID_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace lissom {

struct FileId {
  uint64_t high = 0;
  uint64_t low = 0;
  friend bool operator==(const FileId&, const FileId&) = default;
};

// Checksum of bytes that stand at `offset` of the file with this id.
uint64_t FileChecksum(const FileId& id, uint64_t offset,
                      std::string_view bytes);
// As if the pieces were one string.
uint64_t FileChecksum(const FileId& id, uint64_t offset,
                      std::span<const std::string_view> pieces);

}  // namespace lissom

#endif  // LISSOM_UTIL_FILE_ID_H_
