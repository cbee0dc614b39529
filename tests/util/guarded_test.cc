#include "util/guarded.h"

#include <new>
#include <stdexcept>
#include <string>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "lissom/status.h"

namespace lissom {
namespace {

template <typename Thrown>
absl::Status StatusOfThrowing(const Thrown& thrown) {
  return Guarded([&]() -> absl::Status { throw thrown; });
}

TEST(Guarded, GivesWhatTheBodyGives) {
  EXPECT_TRUE(Guarded([] { return absl::OkStatus(); }).ok());
  const absl::Status error = absl::DataLossError("x");
  EXPECT_EQ(Guarded([&] { return error; }), error);
  EXPECT_EQ(Guarded([] { return absl::StatusOr<int>(7); }).value(), 7);
}

TEST(Guarded, WantOfMemoryIsResourceExhausted) {
  const absl::Status status = StatusOfThrowing(std::bad_alloc());
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  ASSERT_TRUE(DetailOf(status).has_value());
  EXPECT_EQ(DetailOf(status)->kind, ErrorKind::kNoResources);
}

TEST(Guarded, AnyOtherExceptionIsACallbacks) {
  const absl::Status named = StatusOfThrowing(std::runtime_error("boom"));
  EXPECT_TRUE(absl::IsInternal(named)) << named;
  EXPECT_EQ(named.message(), "a callback threw: boom");
  const absl::Status odd = StatusOfThrowing(42);
  EXPECT_TRUE(absl::IsInternal(odd)) << odd;
  ASSERT_TRUE(DetailOf(odd).has_value());
  EXPECT_EQ(DetailOf(odd)->kind, ErrorKind::kCallback);
}

TEST(Quietly, IsContentWithWhateverHappens) {
  int ran = 0;
  Quietly([&] { ++ran; });
  Quietly([&] {
    ++ran;
    throw std::runtime_error("boom");
  });
  EXPECT_EQ(ran, 2);
}

}  // namespace
}  // namespace lissom
