#include "util/coding.h"

namespace lissom {

bool Decoder::ReadVarint64(uint64_t* v) {
  uint64_t result = 0;
  for (size_t i = 0; i < rest_.size() && i < kMaxVarint64Bytes; ++i) {
    const uint64_t byte = static_cast<unsigned char>(rest_[i]);
    // The tenth byte holds the 64th bit and nothing else.
    if (i == kMaxVarint64Bytes - 1 && byte > 1) return false;
    result |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      rest_.remove_prefix(i + 1);
      *v = result;
      return true;
    }
  }
  return false;
}

bool Decoder::ReadVarint32(uint32_t* v) {
  uint64_t wide;
  if (!ReadVarint64(&wide) || wide > UINT32_MAX) return false;
  *v = static_cast<uint32_t>(wide);
  return true;
}

bool Decoder::ReadLengthPrefixed(std::string_view* v) {
  uint64_t n;
  if (!ReadVarint64(&n) || n > rest_.size()) return false;
  return ReadBytes(static_cast<size_t>(n), v);
}

}  // namespace lissom
