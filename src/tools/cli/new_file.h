// NewFile is an output file that appears whole or not at all: it is written
// under another name in the same directory and renamed by Commit; until then
// the destructor removes it. What is no regular file (a device, a named pipe)
// is written directly.
//
// Thread-compatible.
#ifndef LISSOM_SRC_TOOLS_CLI_NEW_FILE_H_
#define LISSOM_SRC_TOOLS_CLI_NEW_FILE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lissom::tools {

class NewFile {
 public:
  // kAlreadyExists: it does, and `replace` is false. kInternal: the system's
  // reason.
  static absl::StatusOr<std::unique_ptr<NewFile>> Create(
      const std::string& path, bool replace);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  int fd() const { return fd_; }

  // Makes the bytes durable and gives the file its name. kAlreadyExists:
  // somebody else was faster.
  absl::Status Commit();

 private:
  NewFile(std::string path, std::string temporary, int fd, bool replace);

  const std::string path_;
  const std::string temporary_;  // Empty: written directly.
  const int fd_;
  const bool replace_;
  bool committed_ = false;
};

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_CLI_NEW_FILE_H_
