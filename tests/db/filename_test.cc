#include "db/filename.h"

#include <cstdint>
#include <string>

#include "gtest/gtest.h"

namespace lissom {
namespace {

TEST(FileName, IsMadeWithSixDigitsOrMore) {
  EXPECT_EQ(TableFileName("/db", 12), "/db/000012.sst");
  EXPECT_EQ(WalFileName("/db", 7), "/db/000007.log");
  EXPECT_EQ(ManifestFileName("/db", 3), "/db/MANIFEST-000003");
  EXPECT_EQ(CurrentFileName("/db"), "/db/CURRENT");
  EXPECT_EQ(CurrentTempFileName("/db", 3), "/db/CURRENT.000003.tmp");
  EXPECT_EQ(LockFileName("/db"), "/db/LOCK");
  EXPECT_EQ(InfoLogFileName("/db"), "/db/LOG");
  EXPECT_EQ(TableFileName("/db", 1234567), "/db/1234567.sst");
}

TEST(FileName, IsReadBack) {
  const struct {
    std::string name;
    FileType type;
    uint64_t number;
  } cases[] = {
      {"000012.sst", FileType::kTable, 12},
      {"1234567.sst", FileType::kTable, 1234567},
      {"000000.log", FileType::kWal, 0},
      {"MANIFEST-000003", FileType::kManifest, 3},
      {"CURRENT", FileType::kCurrent, 0},
      {"CURRENT.000003.tmp", FileType::kCurrentTemp, 3},
      {"LOCK", FileType::kLock, 0},
      {"LOG", FileType::kInfoLog, 0},
      {"LOG.old", FileType::kInfoLog, 0},
      {"4611686018427387903.sst", FileType::kTable, (uint64_t{1} << 62) - 1},
  };
  for (const auto& c : cases) {
    const auto parsed = ParseFileName(c.name);
    ASSERT_TRUE(parsed.has_value()) << c.name;
    EXPECT_EQ(parsed->type, c.type) << c.name;
    EXPECT_EQ(parsed->number, c.number) << c.name;
  }
}

TEST(FileName, OfAnybodyElseIsNotOurs) {
  for (const char* name : {"",
                           "foo",
                           "12.sst",
                           "00012.sst",
                           "0000012.sst",
                           "000012.SST",
                           "000012.sst.bak",
                           "000012",
                           "000012.",
                           ".sst",
                           "-00012.sst",
                           "+00012.sst",
                           " 000012.sst",
                           "00001x.sst",
                           "99999999999999999999.sst",
                           "manifest-000003",
                           "MANIFEST-",
                           "MANIFEST-3",
                           "MANIFEST-000003.tmp",
                           "MANIFEST-0000003",
                           "CURRENT ",
                           "CURRENT.tmp",
                           "CURRENT.3.tmp",
                           "CURRENT.000003",
                           "LOG.old.old",
                           "LOCK.1",
                           "../000012.sst",
                           "000012.log/",
                           "x/000012.log"}) {
    EXPECT_FALSE(ParseFileName(name).has_value()) << name;
  }
}

// One number, one name: else two files would be taken for one.
TEST(FileName, EveryNameOfOursIsTheOnlyOneOfItsNumber) {
  for (uint64_t number = 1; number < uint64_t{1} << 62;
       number = number * 3 + 1) {
    const std::string path = TableFileName("", number);
    const auto parsed = ParseFileName(path.substr(1));
    ASSERT_TRUE(parsed.has_value()) << path;
    EXPECT_EQ(parsed->number, number);
  }
}

}  // namespace
}  // namespace lissom
