// Integers and lengths as bytes: what is written reads back, and no input makes
// the decoder read past its end.
#include "util/coding.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/test_env.h"
#include "util/random.h"

namespace lissom {
namespace {

std::vector<uint64_t> EdgeValues() {
  std::vector<uint64_t> values = {0, UINT64_MAX};
  for (int bit = 0; bit < 64; ++bit) {
    const uint64_t power = uint64_t{1} << bit;
    values.insert(values.end(), {power - 1, power, power + 1});
  }
  return values;
}

TEST(Fixed, IsLittleEndian) {
  std::string bytes;
  AppendFixed16(&bytes, 0x0102);
  AppendFixed32(&bytes, 0x03040506);
  AppendFixed64(&bytes, 0x0708090a0b0c0d0e);
  EXPECT_EQ(bytes, "\x02\x01\x06\x05\x04\x03\x0e\x0d\x0c\x0b\x0a\x09\x08\x07");
  EXPECT_EQ(DecodeFixed16(bytes.data()), 0x0102);
  EXPECT_EQ(DecodeFixed32(bytes.data() + 2), 0x03040506u);
  EXPECT_EQ(DecodeFixed64(bytes.data() + 6), 0x0708090a0b0c0d0eu);
  char buffer[8];
  EncodeFixed32(buffer, 0x03040506);
  EXPECT_EQ(std::string_view(buffer, 4), bytes.substr(2, 4));
  EncodeFixed64(buffer, 0x0708090a0b0c0d0e);
  EXPECT_EQ(std::string_view(buffer, 8), bytes.substr(6));
}

TEST(Varint, IsBase128LowGroupFirst) {
  std::string bytes;
  AppendVarint64(&bytes, 300);
  EXPECT_EQ(bytes, "\xac\x02");
}

TEST(Varint, EveryLengthReadsBack) {
  for (uint64_t value : EdgeValues()) {
    std::string bytes;
    AppendVarint64(&bytes, value);
    EXPECT_EQ(bytes.size(), VarintLength(value));
    Decoder whole(bytes);
    uint64_t read = 0;
    ASSERT_TRUE(whole.ReadVarint64(&read));
    EXPECT_EQ(read, value);
    EXPECT_TRUE(whole.empty());
    for (size_t n = 0; n < bytes.size(); ++n) {
      Decoder cut(std::string_view(bytes).substr(0, n));
      read = 77;
      EXPECT_FALSE(cut.ReadVarint64(&read));
      EXPECT_EQ(read, 77u);
    }
    uint32_t narrow = 0;
    EXPECT_EQ(Decoder(bytes).ReadVarint32(&narrow), value <= UINT32_MAX);
    EXPECT_EQ(narrow, value <= UINT32_MAX ? value : 0);
  }
}

TEST(Varint, RefusesMoreThan64Bits) {
  uint64_t value;
  const std::string nine(9, '\xff');
  EXPECT_TRUE(Decoder(nine + "\x01").ReadVarint64(&value));
  EXPECT_EQ(value, UINT64_MAX);
  EXPECT_FALSE(Decoder(nine + "\x02").ReadVarint64(&value));
  EXPECT_FALSE(Decoder(nine + "\x7f").ReadVarint64(&value));
  EXPECT_FALSE(Decoder(nine + "\x81\x01").ReadVarint64(&value));
  EXPECT_FALSE(Decoder(std::string(100, '\x80')).ReadVarint64(&value));
}

TEST(Decoder, ReadsInTurn) {
  std::string bytes;
  bytes += '\x07';
  AppendFixed16(&bytes, 1);
  AppendFixed32(&bytes, 2);
  AppendFixed64(&bytes, 3);
  AppendLengthPrefixed(&bytes, "key");
  AppendLengthPrefixed(&bytes, "");
  bytes += "rest";
  Decoder in(bytes);
  uint8_t b;
  uint16_t v16;
  uint32_t v32;
  uint64_t v64;
  std::string_view key, empty = "x", two;
  ASSERT_TRUE(in.ReadByte(&b) && in.ReadFixed16(&v16) && in.ReadFixed32(&v32) &&
              in.ReadFixed64(&v64) && in.ReadLengthPrefixed(&key) &&
              in.ReadLengthPrefixed(&empty) && in.ReadBytes(2, &two));
  EXPECT_EQ(b, 7);
  EXPECT_EQ(v16, 1);
  EXPECT_EQ(v32, 2u);
  EXPECT_EQ(v64, 3u);
  EXPECT_EQ(key, "key");
  EXPECT_EQ(empty, "");
  EXPECT_EQ(two, "re");
  EXPECT_EQ(in.rest(), "st");
}

TEST(Decoder, RefusesWhatIsNotThere) {
  uint8_t b = 1;
  uint16_t v16 = 1;
  uint32_t v32 = 1;
  uint64_t v64 = 1;
  std::string_view view = "as it was";
  EXPECT_FALSE(Decoder("").ReadByte(&b));
  EXPECT_FALSE(Decoder("a").ReadFixed16(&v16));
  EXPECT_FALSE(Decoder("abc").ReadFixed32(&v32));
  EXPECT_FALSE(Decoder("abcdefg").ReadFixed64(&v64));
  EXPECT_FALSE(Decoder("abc").ReadBytes(4, &view));
  EXPECT_FALSE(Decoder("abc").ReadBytes(SIZE_MAX, &view));
  EXPECT_FALSE(Decoder("\x03"
                       "ab")
                   .ReadLengthPrefixed(&view));
  std::string huge;
  AppendVarint64(&huge, UINT64_MAX);
  EXPECT_FALSE(Decoder(huge + "abc").ReadLengthPrefixed(&view));
  EXPECT_EQ(b + v16 + v32 + v64, 4u);
  EXPECT_EQ(view, "as it was");
}

TEST(Decoder, StaysInsideRandomBytes) {
  Random random(TestSeed());
  for (uint64_t i = 0; i < Scaled(50'000); ++i) {
    std::string bytes(random.Uniform(40), '\0');
    for (char& c : bytes) {
      c = static_cast<char>(random.OneIn(2) ? random.Uniform(8)
                                            : random.Next());
    }
    Decoder in(bytes);
    std::string_view view;
    uint64_t value;
    while (random.OneIn(2) ? in.ReadLengthPrefixed(&view)
                           : in.ReadVarint64(&value)) {
      ASSERT_GE(in.rest().data(), bytes.data());
      ASSERT_EQ(in.rest().data() + in.rest().size(),
                bytes.data() + bytes.size());
    }
  }
}

}  // namespace
}  // namespace lissom
