#include "util/file_id.h"

#include "util/hash.h"

namespace lissom {

uint64_t FileChecksum(const FileId& id, uint64_t offset,
                      std::string_view bytes) {
  // Both halves of the id and the offset stir the seed; an odd multiplier
  // keeps distinct offsets of one file distinct.
  const uint64_t seed =
      id.low ^ (id.high * 0x9e3779b97f4a7c15u) ^ (offset * 0xd6e8feb86659fd93u);
  return Hash64(bytes, seed);
}

}  // namespace lissom
