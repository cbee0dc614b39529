#include "util/file_limit.h"

#include <sys/resource.h>

#include <limits>

#include "gtest/gtest.h"

namespace lissom {
namespace {

TEST(FileLimit, IsTheSoftOneAsItIsNow) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit lower{.rlim_cur = 77, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &lower), 0);
  EXPECT_EQ(ProcessFileLimit(), 77u);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(ProcessFileLimit(), before.rlim_cur == RLIM_INFINITY
                                    ? std::numeric_limits<uint64_t>::max()
                                    : before.rlim_cur);
}

}  // namespace
}  // namespace lissom
