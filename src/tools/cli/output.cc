#include "src/tools/cli/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/tools/cli/signals.h"

namespace lissom::tools {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 16;

}  // namespace

Output::Output(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}

void Output::Write(std::string_view bytes) {
  if (!good()) return;
  if (buffer_.size() + bytes.size() > kBufferBytes) {
    Drain(buffer_);
    buffer_.clear();
    // A value may be a gigabyte: it does not pass through the buffer.
    if (bytes.size() > kBufferBytes) return Drain(bytes);
  }
  buffer_ += bytes;
}

void Output::Drain(std::string_view bytes) {
  while (!bytes.empty() && good()) {
    const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
    } else if (errno == EPIPE) {
      reader_gone_ = true;
    } else if (errno == EINTR) {
      // A reader that does not read is not to be waited for any longer.
      if (Signals::Caught() != 0) {
        status_ = absl::CancelledError("stopped by a signal");
      }
    } else {
      const int error = errno;
      const std::string message = absl::StrCat(
          "cannot write ", name_, ": ", std::generic_category().message(error));
      status_ = error == ENOSPC || error == EDQUOT || error == EFBIG
                    ? absl::ResourceExhaustedError(message)
                    : absl::InternalError(message);
    }
  }
}

absl::Status Output::Flush() {
  Drain(buffer_);
  buffer_.clear();
  return status_;
}

}  // namespace lissom::tools
