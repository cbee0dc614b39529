#include "src/tools/cli/new_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "util/random.h"
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

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// `path`, or what the links at its end lead to, be it there or not.
std::string LinksFollowed(std::string path) {
  constexpr int kMostLinks = 40;  // As the system's; then its ELOOP is due.
  for (int i = 0; i < kMostLinks; ++i) {
    char buffer[PATH_MAX];
    const ssize_t length =
        ::readlink(path.c_str(), buffer, sizeof(buffer));  // No NUL.
    if (length <= 0) break;
    const std::string link(buffer, static_cast<size_t>(length));
    path = link.front() == '/' ? link : absl::StrCat(ParentOf(path), "/", link);
  }
  return path;
}

bool IsUnsupported(int error) {
  return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP ||
         error == EPERM;
}

int Rename(const std::string& from, const std::string& to) {
  return std::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

// A new file beside `target`: *temporary and its descriptor, or -1 and errno.
int OpenBeside(const std::string& target, mode_t mode, std::string* temporary) {
  constexpr int kAttempts = 100;
  int fd = -1;
  for (int i = 0; i < kAttempts && fd < 0; ++i) {
    *temporary = absl::StrCat(target, ".part-",
                              absl::Hex(SystemSeed(), absl::kZeroPad16));
    fd = ::open(temporary->c_str(), O_WRONLY | O_CLOEXEC | O_CREAT | O_EXCL,
                mode);
    if (fd < 0 && errno != EEXIST) break;
  }
  return fd;
}

// Gives the file the owner and the mode of the one that it will replace. Where
// the owner may not be given away it is ours, as any new file's; then what the
// other group was allowed is nothing that ours was.
bool TakeOver(int fd, const struct stat& old) {
  mode_t mode = old.st_mode & 0777;
  struct stat made = {};
  if (::fstat(fd, &made) != 0) return false;
  if ((made.st_uid != old.st_uid || made.st_gid != old.st_gid) &&
      ::fchown(fd, old.st_uid, old.st_gid) != 0 && made.st_gid != old.st_gid) {
    mode &= ~mode_t{070};
  }
  return ::fchmod(fd, mode) == 0;
}

}  // namespace

int RenameToNew(const std::string& from, const std::string& to, Naming best) {
  if (best == Naming::kRename) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(),
                    RENAME_NOREPLACE) == 0) {
      return 0;
    }
    if (!IsUnsupported(errno)) return errno;
  }
  if (best != Naming::kCheck) {
    if (::link(from.c_str(), to.c_str()) == 0) {
      ::unlink(from.c_str());  // What counts is done.
      return 0;
    }
    if (!IsUnsupported(errno)) return errno;
  }
  struct stat info = {};
  if (::lstat(to.c_str(), &info) == 0) return EEXIST;
  return Rename(from, to);
}

absl::Status SyncName(const std::string& path) {
  const std::string parent = ParentOf(path);
  const int fd = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) return Failed("sync", parent, errno);
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  return error == 0 ? absl::OkStatus() : Failed("sync", parent, error);
}

bool WouldBeIn(const std::string& directory, const std::string& path) {
  struct stat here = {};
  struct stat there = {};
  return ::stat(directory.c_str(), &here) == 0 &&
         ::stat(ParentOf(LinksFollowed(path)).c_str(), &there) == 0 &&
         here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

NewFile::NewFile(Names names, int fd, bool replace)
    : names_(std::move(names)), fd_(fd), replace_(replace) {}

NewFile::~NewFile() {
  ::close(fd_);
  if (!committed_ && !names_.temporary.empty()) {
    ::unlink(names_.temporary.c_str());
  }
}

absl::StatusOr<std::unique_ptr<NewFile>> NewFile::Create(
    const std::string& path, bool replace) {
  if (path.empty()) {
    return absl::InvalidArgumentError("the name of the file is empty");
  }
  struct stat info = {};
  const bool exists = ::stat(path.c_str(), &info) == 0;
  const bool direct = exists && !S_ISREG(info.st_mode);
  if (exists && !direct && !replace) return Exists(path);
  Names names = {.given = path,
                 .target = direct ? path : LinksFollowed(path),
                 .temporary = ""};
  // Nobody reads what replaces a private file before it is as private.
  const int fd =
      direct ? ::open(path.c_str(), O_WRONLY | O_CLOEXEC)
             : OpenBeside(names.target, exists ? 0600 : 0666, &names.temporary);
  if (fd < 0) return Failed("write", path, errno);
  std::unique_ptr<NewFile> file(new NewFile(std::move(names), fd, replace));
  if (exists && !direct && !TakeOver(fd, info)) {
    return Failed("set the mode of", path, errno);
  }
  return file;
}

absl::Status NewFile::Commit() {
  if (names_.temporary.empty()) return absl::OkStatus();
  if (::fsync(fd_) != 0) return Failed("sync", names_.given, errno);
  const int error = replace_ ? Rename(names_.temporary, names_.target)
                             : RenameToNew(names_.temporary, names_.target);
  if (error != 0) {
    return error == EEXIST ? Exists(names_.given)
                           : Failed("create", names_.given, error);
  }
  committed_ = true;
  absl::Status synced = SyncName(names_.target);
  if (synced.ok()) return synced;
  return absl::InternalError(
      absl::StrCat(synced.message(), "; ", names_.given,
                   " is complete, but a power cut may take its name away"));
}

}  // namespace lissom::tools
