// Which files of a directory may go, and which never: a mistake here deletes
// somebody's data.
#include "db/recovery/obsolete_files.h"

#include <algorithm>
#include <string>
#include <vector>

#include "db/filename.h"
#include "gtest/gtest.h"
#include "tests/support/test_env.h"
#include "util/random.h"

namespace lissom {
namespace {

using Names = std::vector<std::string>;

const NeededFiles kNeeded{
    .tables = {12, 1234567}, .min_log_number = 20, .manifest_number = 19};

TEST(ObsoleteFiles, KeepsWhatIsNeeded) {
  EXPECT_EQ(
      ObsoleteFiles({"CURRENT", "LOCK", "LOG", "LOG.old", "MANIFEST-000019",
                     "000012.sst", "1234567.sst", "000020.log", "000021.log"},
                    kNeeded),
      Names());
}

TEST(ObsoleteFiles, NamesTheRestInTheOrderOfTheListing) {
  const Names rest = {"000013.sst",      "000011.sst", "000019.log",
                      "MANIFEST-000018", "000001.log", "CURRENT.000019.tmp",
                      "MANIFEST-000020"};
  Names listing = rest;
  listing.insert(listing.begin() + 2, "000012.sst");
  listing.push_back("CURRENT");
  EXPECT_EQ(ObsoleteFiles(listing, kNeeded), rest);
}

// A number alone decides nothing: a table, a log and a manifest of one number
// are three files.
TEST(ObsoleteFiles, LooksAtTheTypeAndTheNumber) {
  EXPECT_EQ(ObsoleteFiles({"000012.log", "MANIFEST-000012", "000012.sst",
                           "000019.sst", "000020.sst", "MANIFEST-000020"},
                          kNeeded),
            (Names{"000012.log", "MANIFEST-000012", "000019.sst", "000020.sst",
                   "MANIFEST-000020"}));
}

TEST(ObsoleteFiles, NeverNamesAFileThatIsNotOurs) {
  EXPECT_EQ(ObsoleteFiles({"",
                           ".",
                           "..",
                           "lost+found",
                           "notes.txt",
                           "12.sst",
                           "000013.sst.bak",
                           "000013.SST",
                           "000013.sst ",
                           " 13.sst",
                           "0000013.sst",
                           "x000013.sst",
                           "000013",
                           ".sst",
                           "-1.log",
                           "000013.log.gz",
                           "MANIFEST",
                           "MANIFEST-",
                           "MANIFEST-000018.tmp",
                           "MANIFEST-00001x",
                           "CURRENT.tmp",
                           "CURRENT.000018",
                           "CURRENT~",
                           "LOG.old.old",
                           "lock",
                           "99999999999999999999999.sst",
                           std::string("000013.sst\0", 11)},
                          NeededFiles{}),
            Names());
}

TEST(ObsoleteFiles, WithNothingNeededLeavesOnlyWhatHasNoNumber) {
  EXPECT_EQ(
      ObsoleteFiles({"CURRENT", "LOCK", "LOG", "LOG.old", "MANIFEST-000001",
                     "CURRENT.000001.tmp", "000002.sst"},
                    NeededFiles{}),
      (Names{"MANIFEST-000001", "CURRENT.000001.tmp", "000002.sst"}));
  EXPECT_EQ(ObsoleteFiles({}, kNeeded), Names());
}

// What is needed stays and what is not goes, whatever the numbers are.
TEST(ObsoleteFiles, IsTheDifferenceOfTheSets) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(testing::Message() << "LISSOM_SEED=" << seed);
  Random random(seed);
  for (uint64_t round = 0; round < Scaled(500, 10); ++round) {
    NeededFiles needed;
    needed.min_log_number = random.Uniform(40);
    needed.manifest_number = random.Uniform(40);
    for (uint64_t n = random.Uniform(10); n > 0; --n) {
      needed.tables.insert(random.Uniform(40));
    }
    Names listing;
    Names expected;
    for (uint64_t n = 0; n < 40; ++n) {
      const std::string table = TableFileName("d", n).substr(2);
      const std::string log = WalFileName("d", n).substr(2);
      const std::string manifest = ManifestFileName("d", n).substr(2);
      listing.insert(listing.end(), {table, log, manifest});
      if (!needed.tables.contains(n)) expected.push_back(table);
      if (n < needed.min_log_number) expected.push_back(log);
      if (n != needed.manifest_number) expected.push_back(manifest);
    }
    ASSERT_EQ(ObsoleteFiles(listing, needed), expected);
  }
}

}  // namespace
}  // namespace lissom
