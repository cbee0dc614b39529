#include "util/error.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "util/coding.h"
#include "util/strings.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LISSOM_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define LISSOM_TSAN 1
#endif

namespace lissom {
namespace {

constexpr char kPayloadUrl[] = "lissom/error-detail";

struct Mapping {
  absl::StatusCode code;
  ErrorKind kind;
};

Mapping MapErrno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return {absl::StatusCode::kDataLoss, ErrorKind::kMissingFile};
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return {absl::StatusCode::kResourceExhausted, ErrorKind::kNoSpace};
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return {absl::StatusCode::kResourceExhausted, ErrorKind::kNoResources};
    case EROFS:
    case EACCES:
    case EPERM:
      return {absl::StatusCode::kPermissionDenied, ErrorKind::kPermission};
    case EEXIST:
      return {absl::StatusCode::kAlreadyExists, ErrorKind::kOther};
    case ENAMETOOLONG:
    case ELOOP:
      return {absl::StatusCode::kInvalidArgument, ErrorKind::kOther};
    default:
      return {absl::StatusCode::kInternal, ErrorKind::kIo};
  }
}

}  // namespace

absl::Status WithDetail(absl::Status status, const ErrorDetail& detail) {
  std::string payload;
  payload += static_cast<char>(detail.kind);
  payload += static_cast<char>(detail.severity);
  AppendFixed32(&payload, static_cast<uint32_t>(detail.error_number));
  AppendFixed64(&payload, detail.offset);
  payload += detail.file;
  status.SetPayload(kPayloadUrl, absl::Cord(payload));
  return status;
}

std::optional<ErrorDetail> DetailOf(const absl::Status& s) {
  const absl::optional<absl::Cord> cord = s.GetPayload(kPayloadUrl);
  if (!cord.has_value()) return std::nullopt;
  const std::string payload(*cord);
  Decoder in(payload);
  uint8_t kind, severity;
  uint32_t error_number;
  ErrorDetail detail;
  if (!in.ReadByte(&kind) || !in.ReadByte(&severity) ||
      !in.ReadFixed32(&error_number) || !in.ReadFixed64(&detail.offset)) {
    return std::nullopt;  // Somebody else's payload under our name.
  }
  detail.kind = static_cast<ErrorKind>(kind);
  detail.severity = static_cast<Severity>(severity);
  detail.error_number = static_cast<int>(error_number);
  detail.file = std::string(in.rest());
  return detail;
}

bool IsTransient(const absl::Status& s) {
  const std::optional<ErrorDetail> detail = DetailOf(s);
  if (!detail.has_value() || detail->severity == Severity::kWrites)
    return false;
  switch (detail->kind) {
    case ErrorKind::kNoSpace:
    case ErrorKind::kNoResources:
      return true;
    case ErrorKind::kIo:
      return detail->error_number == EINTR || detail->error_number == EAGAIN ||
             detail->error_number == ETIMEDOUT || detail->error_number == EIO;
    default:
      return false;
  }
}

absl::Status ErrnoError(int error_number, std::string_view what,
                        std::string_view file, uint64_t offset) {
  const Mapping mapping = MapErrno(error_number);
  std::string message = absl::StrCat(ToAbsl(file), ": ", ToAbsl(what));
  if (offset != ErrorDetail::kNoOffset)
    absl::StrAppend(&message, " at ", offset);
  char buffer[128];
  absl::StrAppend(&message, ": ",
                  strerror_r(error_number, buffer, sizeof buffer));
  return WithDetail(absl::Status(mapping.code, message),
                    {.kind = mapping.kind,
                     .error_number = error_number,
                     .file = std::string(file),
                     .offset = offset});
}

absl::Status CorruptionError(std::string_view file, uint64_t offset,
                             std::string_view what) {
  return WithDetail(
      absl::DataLossError(absl::StrCat(ToAbsl(file), ": ", ToAbsl(what),
                                       " at offset ", offset)),
      {.kind = ErrorKind::kCorruption,
       .file = std::string(file),
       .offset = offset});
}

absl::Status MissingFileError(std::string_view file, std::string_view what) {
  return WithDetail(
      absl::DataLossError(absl::StrCat(ToAbsl(file), ": ", ToAbsl(what))),
      {.kind = ErrorKind::kMissingFile,
       .file = std::string(file),
       .offset = 0});
}

absl::Status LatchedError(const absl::Status& cause) {
  ErrorDetail detail = DetailOf(cause).value_or(ErrorDetail{});
  detail.severity = Severity::kWrites;
  return WithDetail(
      absl::FailedPreconditionError(absl::StrCat(
          "writes are refused since an earlier failure, until Resume or a "
          "reopen: ",
          cause.ToString(absl::StatusToStringMode::kWithNoExtraData))),
      detail);
}

absl::Status CopyForThread(const absl::Status& status) {
#ifdef LISSOM_TSAN
  absl::Status copy(status.code(), std::string(status.message()));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    copy.SetPayload(url, absl::Cord(std::string(payload)));
  });
  return copy;
#else
  return status;
#endif
}

}  // namespace lissom
