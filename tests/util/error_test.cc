// Error statuses: codes and kinds that errno maps to, the detail they carry,
// and the macros that pass them on. (lissom/status.h, util/error.h,
// util/status_macros.h)
#include "util/error.h"

#include <cerrno>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom {
namespace {

using ::testing::HasSubstr;

std::string Message(const absl::Status& s) {
  return std::string(ToStd(s.message()));
}

TEST(ErrnoError, MapsToTheCodesOfTheContract) {
  struct Case {
    int error_number;
    absl::StatusCode code;
    ErrorKind kind;
    bool transient;
  };
  for (const Case& c : {
           Case{EIO, absl::StatusCode::kInternal, ErrorKind::kIo, true},
           {EBADF, absl::StatusCode::kInternal, ErrorKind::kIo, false},
           {ENOENT, absl::StatusCode::kDataLoss, ErrorKind::kMissingFile,
            false},
           {ENOSPC, absl::StatusCode::kResourceExhausted, ErrorKind::kNoSpace,
            true},
           {EDQUOT, absl::StatusCode::kResourceExhausted, ErrorKind::kNoSpace,
            true},
           {EMFILE, absl::StatusCode::kResourceExhausted,
            ErrorKind::kNoResources, true},
           {ENOMEM, absl::StatusCode::kResourceExhausted,
            ErrorKind::kNoResources, true},
           {EROFS, absl::StatusCode::kPermissionDenied, ErrorKind::kPermission,
            false},
           {EACCES, absl::StatusCode::kPermissionDenied, ErrorKind::kPermission,
            false},
           {EEXIST, absl::StatusCode::kAlreadyExists, ErrorKind::kOther, false},
       }) {
    const absl::Status s = ErrnoError(c.error_number, "write", "/db/7.log", 42);
    SCOPED_TRACE(Message(s));
    EXPECT_EQ(s.code(), c.code);
    EXPECT_EQ(IsTransient(s), c.transient);
    const std::optional<ErrorDetail> detail = DetailOf(s);
    ASSERT_TRUE(detail.has_value());
    EXPECT_EQ(detail->kind, c.kind);
    EXPECT_EQ(detail->error_number, c.error_number);
    EXPECT_EQ(detail->file, "/db/7.log");
    EXPECT_EQ(detail->offset, 42u);
    EXPECT_EQ(detail->severity, Severity::kCall);
    EXPECT_THAT(Message(s), HasSubstr("/db/7.log: write at 42: "));
  }
}

TEST(ErrnoError, NeverSaysNotFound) {
  for (int error_number = 0; error_number < 200; ++error_number) {
    EXPECT_FALSE(IsNotFound(ErrnoError(error_number, "open", "f")));
  }
}

TEST(ErrnoError, LeavesOutAnOffsetThatIsNotKnown) {
  const absl::Status s = ErrnoError(EIO, "fdatasync", "f");
  EXPECT_THAT(Message(s), Not(HasSubstr(" at ")));
  EXPECT_EQ(DetailOf(s)->offset, ErrorDetail::kNoOffset);
}

TEST(Error, NamesDamagedAndMissingFiles) {
  const absl::Status damaged = CorruptionError("1.sst", 9, "bad checksum");
  EXPECT_TRUE(IsDataLoss(damaged));
  EXPECT_EQ(DetailOf(damaged)->kind, ErrorKind::kCorruption);
  EXPECT_EQ(DetailOf(damaged)->offset, 9u);
  EXPECT_THAT(Message(damaged), HasSubstr("1.sst: bad checksum at offset 9"));
  const absl::Status missing = MissingFileError("2.sst", "named by manifest");
  EXPECT_TRUE(IsDataLoss(missing));
  EXPECT_EQ(DetailOf(missing)->kind, ErrorKind::kMissingFile);
  EXPECT_EQ(DetailOf(missing)->file, "2.sst");
}

TEST(Error, WithoutDetailSaysSo) {
  EXPECT_EQ(DetailOf(absl::OkStatus()), std::nullopt);
  EXPECT_EQ(DetailOf(absl::NotFoundError("")), std::nullopt);
  EXPECT_FALSE(IsTransient(absl::InternalError("x")));
}

TEST(Error, IgnoresAForeignPayloadOfItsName) {
  absl::Status s = absl::InternalError("x");
  s.SetPayload("lissom/error-detail", absl::Cord("abc"));
  EXPECT_EQ(DetailOf(s), std::nullopt);
}

TEST(LatchedError, CarriesItsCauseAndIsFinal) {
  const absl::Status cause = ErrnoError(EIO, "fdatasync", "/db/7.log");
  const absl::Status s = LatchedError(cause);
  EXPECT_EQ(s.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(s), HasSubstr("/db/7.log: fdatasync"));
  EXPECT_EQ(DetailOf(s)->severity, Severity::kWrites);
  EXPECT_EQ(DetailOf(s)->error_number, EIO);
  EXPECT_FALSE(IsTransient(s));
  EXPECT_EQ(DetailOf(LatchedError(absl::InternalError("x")))->severity,
            Severity::kWrites);
}

absl::Status Fails() { return absl::InternalError("no"); }
absl::StatusOr<int> Half(int n) {
  if (n % 2 != 0) return absl::InvalidArgumentError("odd");
  return n / 2;
}
absl::StatusOr<int> Quarter(int n, bool fail_first) {
  if (fail_first) LISSOM_RETURN_IF_ERROR(Fails());
  LISSOM_ASSIGN_OR_RETURN(const int half, Half(n));
  int quarter = 0;
  LISSOM_ASSIGN_OR_RETURN(quarter, Half(half));
  return quarter;
}

TEST(StatusMacros, PassErrorsOnAndValuesThrough) {
  EXPECT_EQ(Quarter(8, false).value(), 2);
  EXPECT_EQ(Quarter(8, true).status(), absl::InternalError("no"));
  EXPECT_EQ(Quarter(7, false).status(), absl::InvalidArgumentError("odd"));
  EXPECT_EQ(Quarter(6, false).status(), absl::InvalidArgumentError("odd"));
}

}  // namespace
}  // namespace lissom
