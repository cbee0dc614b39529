// LineReader reads a file or a pipe line by line in bounded memory: a line over
// its limit is passed over, not kept. Bytes are bytes: a NUL is one, and so is
// a carriage return. The last line may lack its newline.
//
// Thread-compatible.
#ifndef LISSOM_SRC_TOOLS_CLI_LINE_READER_H_
#define LISSOM_SRC_TOOLS_CLI_LINE_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lissom::tools {

class LineReader {
 public:
  enum class Found {
    kLine,
    kTooLong,  // There was a line, longer than it may be.
    kEnd,
  };

  // `fd` is borrowed; `name` is for messages.
  LineReader(int fd, std::string name);
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // Reads the next line, without its newline, into line(). kInternal: reading
  // failed. kCancelled: a signal came while it waited (signals.h).
  absl::StatusOr<Found> Next(size_t max_bytes);

  // Valid until the next call of Next.
  std::string_view line() const { return line_; }
  uint64_t number() const { return number_; }  // The first one is 1.
  const std::string& name() const { return name_; }
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  absl::Status Fill();

  const int fd_;
  const std::string name_;
  std::string buffer_;
  size_t at_ = 0;  // Of buffer_: what was not returned yet.
  bool at_end_ = false;
  std::string line_;
  uint64_t number_ = 0;
  uint64_t bytes_read_ = 0;
};

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_CLI_LINE_READER_H_
