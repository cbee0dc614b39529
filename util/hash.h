// XXH3 in the few forms that lissom uses. The values are part of the file
// formats: they never change.
#ifndef LISSOM_UTIL_HASH_H_
#define LISSOM_UTIL_HASH_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace lissom {

uint64_t Hash64(std::string_view bytes);
uint64_t Hash64(std::string_view bytes, uint64_t seed);
// As if the pieces were one string.
uint64_t Hash64(std::span<const std::string_view> pieces, uint64_t seed);

// The hash of a key for filters and block tags.
inline uint64_t KeyHash(std::string_view user_key) { return Hash64(user_key); }

}  // namespace lissom

#endif  // LISSOM_UTIL_HASH_H_
