#include "src/tools/cli/new_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

absl::Status Failed(std::string_view verb, const std::string& path, int error) {
  return absl::InternalError(
      absl::StrCat("cannot ", ToAbsl(verb), " ", path, ": ",
                   std::generic_category().message(error)));
}

absl::Status Exists(const std::string& path) {
  return absl::AlreadyExistsError(
      absl::StrCat(path, " exists; --force replaces it"));
}

}  // namespace

NewFile::NewFile(std::string path, std::string temporary, int fd, bool replace)
    : path_(std::move(path)),
      temporary_(std::move(temporary)),
      fd_(fd),
      replace_(replace) {}

NewFile::~NewFile() {
  ::close(fd_);
  if (!committed_ && !temporary_.empty()) ::unlink(temporary_.c_str());
}

absl::StatusOr<std::unique_ptr<NewFile>> NewFile::Create(
    const std::string& path, bool replace) {
  struct stat info = {};
  const bool exists = ::stat(path.c_str(), &info) == 0;
  const bool direct = exists && !S_ISREG(info.st_mode);
  if (exists && !direct && !replace) return Exists(path);
  const std::string temporary =
      direct ? "" : absl::StrCat(path, ".part-", ::getpid());
  const std::string& opened = direct ? path : temporary;
  const int flags = O_WRONLY | O_CLOEXEC | (direct ? 0 : O_CREAT | O_EXCL);
  const int fd = ::open(opened.c_str(), flags, 0666);
  if (fd < 0) return Failed("write", path, errno);
  return std::unique_ptr<NewFile>(new NewFile(path, temporary, fd, replace));
}

absl::Status NewFile::Commit() {
  if (temporary_.empty()) return absl::OkStatus();
  if (::fsync(fd_) != 0) return Failed("sync", path_, errno);
  const int renamed = replace_
                          ? std::rename(temporary_.c_str(), path_.c_str())
                          : ::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD,
                                        path_.c_str(), RENAME_NOREPLACE);
  if (renamed != 0) {
    return errno == EEXIST ? Exists(path_) : Failed("create", path_, errno);
  }
  committed_ = true;
  return absl::OkStatus();
}

}  // namespace lissom::tools
