// Integers and lengths as bytes: little-endian fixed widths, base-128 varints,
// length-prefixed strings. Writers append; a Decoder reads untrusted bytes and
// never past their end.
#ifndef LISSOM_UTIL_CODING_H_
#define LISSOM_UTIL_CODING_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace lissom {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "fixed-width integers are stored as they lie in memory");

inline constexpr size_t kMaxVarint64Bytes = 10;

inline void EncodeFixed32(char* to, uint32_t v) {
  std::memcpy(to, &v, sizeof v);
}
inline void EncodeFixed64(char* to, uint64_t v) {
  std::memcpy(to, &v, sizeof v);
}
inline uint16_t DecodeFixed16(const char* from) {
  uint16_t v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
inline uint32_t DecodeFixed32(const char* from) {
  uint32_t v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
inline uint64_t DecodeFixed64(const char* from) {
  uint64_t v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

// Writes `v` at `to`, which has kMaxVarint64Bytes of room; returns the end.
inline char* EncodeVarint64(char* to, uint64_t v) {
  while (v >= 0x80) {
    *to++ = static_cast<char>(v | 0x80);
    v >>= 7;
  }
  *to++ = static_cast<char>(v);
  return to;
}

// Bytes that EncodeVarint64 writes.
inline size_t VarintLength(uint64_t v) {
  size_t n = 1;
  while (v >= 0x80) {
    v >>= 7;
    ++n;
  }
  return n;
}

inline void AppendFixed16(std::string* to, uint16_t v) {
  to->append(reinterpret_cast<const char*>(&v), sizeof v);
}
inline void AppendFixed32(std::string* to, uint32_t v) {
  to->append(reinterpret_cast<const char*>(&v), sizeof v);
}
inline void AppendFixed64(std::string* to, uint64_t v) {
  to->append(reinterpret_cast<const char*>(&v), sizeof v);
}
inline void AppendVarint64(std::string* to, uint64_t v) {
  char buffer[kMaxVarint64Bytes];
  to->append(buffer, static_cast<size_t>(EncodeVarint64(buffer, v) - buffer));
}
// Varint length, then the bytes.
inline void AppendLengthPrefixed(std::string* to, std::string_view v) {
  AppendVarint64(to, v.size());
  to->append(v);
}

// Reads values off the front of `rest()`. Each Read returns false, and leaves
// its argument alone, if the bytes do not hold such a value; the decoder is
// then spent: stop. Views point into the input.
class Decoder {
 public:
  explicit Decoder(std::string_view input) : rest_(input) {}

  bool empty() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

  bool ReadByte(uint8_t* v) {
    if (rest_.empty()) return false;
    *v = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return true;
  }
  bool ReadFixed16(uint16_t* v) { return ReadRaw(v); }
  bool ReadFixed32(uint32_t* v) { return ReadRaw(v); }
  bool ReadFixed64(uint64_t* v) { return ReadRaw(v); }

  // At most ten bytes, and not more than 64 bits.
  bool ReadVarint64(uint64_t* v);
  bool ReadVarint32(uint32_t* v);  // And fits 32 bits.
  bool ReadBytes(size_t n, std::string_view* v) {
    if (rest_.size() < n) return false;
    *v = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return true;
  }
  bool ReadLengthPrefixed(std::string_view* v);

 private:
  template <typename T>
  bool ReadRaw(T* v) {
    if (rest_.size() < sizeof(T)) return false;
    std::memcpy(v, rest_.data(), sizeof(T));
    rest_.remove_prefix(sizeof(T));
    return true;
  }

  std::string_view rest_;
};

}  // namespace lissom

#endif  // LISSOM_UTIL_CODING_H_
