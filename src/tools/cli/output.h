// Output is where a verb writes its result: a file descriptor behind a buffer,
// whose first failure is kept and ends the program with its exit code. A reader
// of a pipe that went away (`lissom scan DIR | head`) is no failure: the rest
// is not written, and nobody complains.
//
// A loop that may be long stops when good() turns false:
//
//   for (...; it->Valid() && out.good(); it->Next()) out.Write(Line(*it));
//
// Thread-compatible.
#ifndef LISSOM_SRC_TOOLS_CLI_OUTPUT_H_
#define LISSOM_SRC_TOOLS_CLI_OUTPUT_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace lissom::tools {

class Output {
 public:
  // `fd` is borrowed; `name` is for messages.
  Output(int fd, std::string name);
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // Nothing is written any more once good() is false.
  void Write(std::string_view bytes);
  bool good() const { return status_.ok() && !reader_gone_; }

  // Writes what is in the buffer. The first failure of all: kInternal, or
  // kResourceExhausted on a full disk, kCancelled after a signal (signals.h).
  // OK if only the reader went away.
  absl::Status Flush();

 private:
  void Drain(std::string_view bytes);

  const int fd_;
  const std::string name_;
  std::string buffer_;
  absl::Status status_;
  bool reader_gone_ = false;
};

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_CLI_OUTPUT_H_
