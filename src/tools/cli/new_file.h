// NewFile is an output file that appears whole or not at all: it is written
// under another name in the same directory and renamed by Commit; until then
// the destructor removes it. What is no regular file (a device, a named pipe)
// is written directly; a symbolic link stays, and what it names is the file. A
// file that replaces one has its mode, and its owner if that is allowed.
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
  // reason. kInvalidArgument: `path` is empty.
  static absl::StatusOr<std::unique_ptr<NewFile>> Create(
      const std::string& path, bool replace);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  int fd() const { return fd_; }

  // Makes the bytes durable, gives the file its name, and makes that durable.
  // kAlreadyExists: somebody else was faster. After an error the file is not
  // there, unless the message says so.
  absl::Status Commit();

 private:
  struct Names {
    std::string given;      // By the user: for messages.
    std::string target;     // `given`, symbolic links followed.
    std::string temporary;  // Empty: written directly.
  };
  NewFile(Names names, int fd, bool replace);

  const Names names_;
  const int fd_;
  const bool replace_;
  bool committed_ = false;
};

// True if a file at `path`, symbolic links followed, would stand in
// `directory` itself.
bool WouldBeIn(const std::string& directory, const std::string& path);

// How a file gets a name that nobody else may have, from the best way to the
// one that any file system knows.
enum class Naming {
  kRename,  // Atomic: RENAME_NOREPLACE.
  kLink,    // Atomic, but for two names at a time.
  kCheck,   // Whoever makes the file between check and rename loses it.
};

// Renames, in the way `best` or, if the file system lacks that, in the next.
// Zero or an errno; EEXIST: `to` does, and is untouched.
int RenameToNew(const std::string& from, const std::string& to,
                Naming best = Naming::kRename);

// Makes the name `path` durable. kInternal: the system's reason.
absl::Status SyncName(const std::string& path);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_CLI_NEW_FILE_H_
