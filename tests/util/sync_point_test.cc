#include "util/sync_point.h"

#include "gtest/gtest.h"

namespace lissom {
namespace {

#ifdef LISSOM_CHECKS

TEST(SyncPoint, RunsWhatATestPutThere) {
  int passed = 0, other = 0;
  LISSOM_SYNC_POINT("Test:Here");
  SyncPoints::Set("Test:Here", [&] { ++passed; });
  SyncPoints::Set("Test:Elsewhere", [&] { ++other; });
  LISSOM_SYNC_POINT("Test:Here");
  LISSOM_SYNC_POINT("Test:Here");
  EXPECT_EQ(passed, 2);
  EXPECT_EQ(other, 0);
  SyncPoints::ClearAll();
  LISSOM_SYNC_POINT("Test:Here");
  EXPECT_EQ(passed, 2);
}

TEST(SyncPoint, AnActionMayChangeThePoints) {
  int passed = 0;
  SyncPoints::Set("Test:Once", [&] {
    ++passed;
    SyncPoints::ClearAll();
  });
  LISSOM_SYNC_POINT("Test:Once");
  LISSOM_SYNC_POINT("Test:Once");
  EXPECT_EQ(passed, 1);
}

#else

TEST(SyncPoint, IsNothingWithoutChecks) { LISSOM_SYNC_POINT("Test:Here"); }

#endif

}  // namespace
}  // namespace lissom
