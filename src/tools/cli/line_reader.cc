#include "src/tools/cli/line_reader.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/tools/cli/signals.h"
#include "util/status_macros.h"

namespace lissom::tools {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 16;

}  // namespace

LineReader::LineReader(int fd, std::string name)
    : fd_(fd), name_(std::move(name)) {}

absl::Status LineReader::Fill() {
  buffer_.resize(kBufferBytes);
  ssize_t count = 0;
  do {
    count = ::read(fd_, buffer_.data(), buffer_.size());
  } while (count < 0 && errno == EINTR && Signals::Caught() == 0);
  const int error = errno;
  buffer_.resize(static_cast<size_t>(std::max<ssize_t>(count, 0)));
  at_ = 0;
  at_end_ = count <= 0;
  bytes_read_ += buffer_.size();
  if (count >= 0) return absl::OkStatus();
  if (error == EINTR) return Signals::Stopped();
  return absl::InternalError(absl::StrCat(
      "cannot read ", name_, ": ", std::generic_category().message(error)));
}

absl::StatusOr<LineReader::Found> LineReader::Next(size_t max_bytes) {
  line_.clear();
  bool any = false;
  bool too_long = false;
  while (true) {
    if (at_ == buffer_.size()) {
      if (!at_end_) LISSOM_RETURN_IF_ERROR(Fill());
      if (at_end_) break;
    }
    if (!any) ++number_;
    any = true;
    const size_t newline = buffer_.find('\n', at_);
    const size_t end = std::min(newline, buffer_.size());
    if (line_.size() + (end - at_) > max_bytes) {
      too_long = true;
      // Not only clear(): a line of gigabytes is not to stay in memory.
      std::string().swap(line_);
    }
    if (!too_long) line_.append(buffer_, at_, end - at_);
    at_ = end;
    if (newline != std::string::npos) {
      ++at_;
      break;
    }
  }
  if (!any) return Found::kEnd;
  return too_long ? Found::kTooLong : Found::kLine;
}

}  // namespace lissom::tools
