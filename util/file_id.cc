#include "util/file_id.h"

#include "util/hash.h"

namespace lissom {

namespace {

// Both halves of the id and the offset stir the seed; an odd multiplier keeps
// distinct offsets of one file distinct.
uint64_t ChecksumSeed(const FileId& id, uint64_t offset) {
  return id.low ^ (id.high * 0x9e3779b97f4a7c15u) ^
         (offset * 0xd6e8feb86659fd93u);
}

}  // namespace

uint64_t FileChecksum(const FileId& id, uint64_t offset,
                      std::string_view bytes) {
  return Hash64(bytes, ChecksumSeed(id, offset));
}

uint64_t FileChecksum(const FileId& id, uint64_t offset,
                      std::span<const std::string_view> pieces) {
  return Hash64(pieces, ChecksumSeed(id, offset));
}

}  // namespace lissom
