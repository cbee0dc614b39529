#include "util/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace lissom {

uint64_t Hash64(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

uint64_t Hash64(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

uint64_t Hash64(std::span<const std::string_view> pieces, uint64_t seed) {
  XXH3_state_t state;
  // Without it reset compares `seed` with what the stack happens to hold, and
  // where they are equal it takes the secret from there too.
  XXH3_INITSTATE(&state);
  XXH3_64bits_reset_withSeed(&state, seed);
  for (const std::string_view piece : pieces) {
    XXH3_64bits_update(&state, piece.data(), piece.size());
  }
  return XXH3_64bits_digest(&state);
}

}  // namespace lissom
