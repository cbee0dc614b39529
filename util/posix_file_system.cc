// The machine's files, by plain system calls: pread, pwritev, fdatasync.
//
// Locks: an open-file-description lock (F_OFD_SETLK) keeps other processes
// out. Unlike a classic POSIX lock it does not vanish when some other
// descriptor of the file is closed. A table of the files locked by this process
// stands before it and says so sooner and without a system call on the lock.
// After a fork the child has a copy of the table and of the descriptors: the
// entries carry the pid of their maker, so that the child leaves the parent's
// locks alone, and asks the kernel about them.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lissom/file_system.h"
#include "util/error.h"
#include "util/mutex.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

// The table of locks is full of races with those who delete the lock file;
// whoever loses that often in a row is told that it is locked.
constexpr int kLockAttempts = 100;

template <typename Call>
auto RetryInterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// Owns a descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { Close(); }

  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  // 0 or an errno. Linux has closed the descriptor even if it says EINTR.
  int Close() {
    if (fd_ < 0) return EBADF;
    return ::close(std::exchange(fd_, -1)) < 0 && errno != EINTR ? errno : 0;
  }

 private:
  int fd_;
};

Descriptor Open(const std::string& path, int flags) {
  return Descriptor(RetryInterrupted(
      [&] { return ::open(path.c_str(), flags | O_CLOEXEC, kFileMode); }));
}

class PosixRandomAccessFile final : public RandomAccessFile {
 public:
  PosixRandomAccessFile(std::string path, Descriptor file)
      : path_(std::move(path)), file_(std::move(file)) {}

  absl::StatusOr<std::string_view> Read(uint64_t offset, size_t size,
                                        char* scratch,
                                        const IoContext&) const override {
    if (offset > static_cast<uint64_t>(INT64_MAX)) {
      return std::string_view();  // No file reaches there.
    }
    size_t done = 0;
    while (done < size) {
      const ssize_t n = RetryInterrupted([&] {
        return ::pread(file_.get(), scratch + done, size - done,
                       static_cast<off_t>(offset + done));
      });
      if (n < 0) return ErrnoError(errno, "read", path_, offset + done);
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    return std::string_view(scratch, done);
  }

  // The kernel starts to read all of them before we wait for the first.
  void ReadBatch(std::span<ReadRequest> requests,
                 const IoContext& context) const override {
    if (requests.size() > 1) {
      for (const ReadRequest& request : requests) {
        Prefetch(request.offset, request.size, context);
      }
    }
    RandomAccessFile::ReadBatch(requests, context);
  }

  void Prefetch(uint64_t offset, uint64_t size,
                const IoContext&) const override {
    // A hint: what it returns changes nothing.
    (void)::posix_fadvise(file_.get(), static_cast<off_t>(offset),
                          static_cast<off_t>(size), POSIX_FADV_WILLNEED);
  }

  absl::StatusOr<uint64_t> Size() const override {
    struct stat info;
    if (::fstat(file_.get(), &info) < 0) {
      return ErrnoError(errno, "stat", path_);
    }
    return static_cast<uint64_t>(info.st_size);
  }

 private:
  const std::string path_;
  const Descriptor file_;
};

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(std::string path, Descriptor file)
      : path_(std::move(path)), file_(std::move(file)) {}

  absl::Status Append(std::span<const std::string_view> pieces,
                      const IoContext& context) override {
    // Writes at size_, not at the end: Allocate moves the end.
    uint64_t at = size_;
    while (!pieces.empty()) {
      iovec vector[kMaxPieces];
      const size_t taken = std::min(pieces.size(), kMaxPieces);
      int count = 0;
      for (std::string_view piece : pieces.first(taken)) {
        if (piece.empty()) continue;
        vector[count].iov_base = const_cast<char*>(piece.data());
        vector[count].iov_len = piece.size();
        ++count;
      }
      LISSOM_RETURN_IF_ERROR(WriteAll(vector, count, &at));
      pieces = pieces.subspan(taken);
    }
    size_ = at;
    if (context.kind == IoContext::Kind::kTable) StartWriteBack();
    return absl::OkStatus();
  }

  absl::Status Sync(const IoContext&) override {
    // Not retried, not even when interrupted: a second fsync may report success
    // for pages that the first one lost. fdatasync includes the length.
    if (::fdatasync(file_.get()) < 0) {
      return ErrnoError(errno, "fdatasync", path_);
    }
    return absl::OkStatus();
  }

  absl::Status Allocate(uint64_t size, const IoContext&) override {
    // Mode 0: the length grows now, so that later syncs need not write it.
    const int result = RetryInterrupted([&] {
      return ::fallocate(file_.get(), 0, 0, static_cast<off_t>(size));
    });
    if (result == 0 || errno == EOPNOTSUPP || errno == ENOTSUP ||
        errno == EINVAL || errno == ENOSYS) {
      return absl::OkStatus();
    }
    return ErrnoError(errno, "fallocate", path_, size);
  }

  absl::Status TrimToSize(const IoContext&) override {
    const int result = RetryInterrupted(
        [&] { return ::ftruncate(file_.get(), static_cast<off_t>(size_)); });
    if (result < 0) return ErrnoError(errno, "ftruncate", path_, size_);
    return absl::OkStatus();
  }

  absl::Status Close() override {
    const int error = file_.Close();
    return error == 0 ? absl::OkStatus() : ErrnoError(error, "close", path_);
  }

 private:
  static constexpr size_t kMaxPieces = IOV_MAX;  // 1024: 16 KiB of stack.
  static constexpr uint64_t kWriteBackStep = uint64_t{1} << 20;

  // A table is written for a while and then synced. Would the device get all of
  // it only then, a sync of the log or the manifest meanwhile would wait for
  // tens of megabytes.
  void StartWriteBack() {
    if (size_ - written_back_ < kWriteBackStep) return;
    // A hint: what goes wrong with it, Sync will say.
    (void)::sync_file_range(file_.get(), static_cast<off_t>(written_back_),
                            static_cast<off_t>(size_ - written_back_),
                            SYNC_FILE_RANGE_WRITE);
    written_back_ = size_;
  }

  // Writes all of the vector, which it uses up, at *at and moves *at on.
  absl::Status WriteAll(iovec* vector, int count, uint64_t* at) {
    while (count > 0) {
      const ssize_t n = RetryInterrupted([&] {
        return ::pwritev(file_.get(), vector, count, static_cast<off_t>(*at));
      });
      if (n < 0) return ErrnoError(errno, "write", path_, *at);
      // Nothing was written and nothing is wrong: a loop would not end.
      if (n == 0) return ErrnoError(EIO, "write", path_, *at);
      *at += static_cast<uint64_t>(n);
      size_t left = static_cast<size_t>(n);
      while (count > 0 && left >= vector->iov_len) {
        left -= vector->iov_len;
        ++vector;
        --count;
      }
      if (left > 0) {
        vector->iov_base = static_cast<char*>(vector->iov_base) + left;
        vector->iov_len -= left;
      }
    }
    return absl::OkStatus();
  }

  const std::string path_;
  Descriptor file_;
  uint64_t written_back_ = 0;  // To the device, or on its way.
};

// What tells a file from all others, whatever its names.
struct FileIdentity {
  dev_t device;
  ino_t inode;
  friend bool operator<(const FileIdentity& a, const FileIdentity& b) {
    return std::tie(a.device, a.inode) < std::tie(b.device, b.inode);
  }
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

FileIdentity IdentityOf(const struct stat& info) {
  return {.device = info.st_dev, .inode = info.st_ino};
}

// The files that this process has locked, and the pid that did.
struct LockTable {
  Mutex mu;
  std::map<FileIdentity, pid_t> holders ABSL_GUARDED_BY(mu);
};

// Never destroyed: locks may be let go of by other destructors at exit.
LockTable& GlobalLockTable() {
  static LockTable* const table = new LockTable;
  return *table;
}

// 0 or an errno.
int SetOfdLock(int fd, short type) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;  // All of the file.
  const int result =
      RetryInterrupted([&] { return ::fcntl(fd, F_OFD_SETLK, &lock); });
  return result < 0 ? errno : 0;
}

absl::Status LockedError(const std::string& path) {
  return WithDetail(absl::FailedPreconditionError(
                        absl::StrCat(path, ": locked by another opener")),
                    {.kind = ErrorKind::kLocked, .file = path});
}

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(Descriptor file) : file_(std::move(file)) {}

  ~PosixFileLock() override {
    // In a forked child this is the parent's lock: closing the copy of the
    // descriptor leaves it alone, unlocking would not.
    if (!held_ || owner_ != ::getpid()) return;
    LockTable& table = GlobalLockTable();
    MutexLock lock(table.mu);
    table.holders.erase(identity_);
    // Closing alone would not do: a child may have a copy of the descriptor.
    (void)SetOfdLock(file_.get(), F_UNLCK);
  }

  // Locks the file, which was opened at `path`. False: somebody put another
  // file there meanwhile.
  absl::StatusOr<bool> Acquire(const std::string& path) {
    struct stat info;
    if (::fstat(file_.get(), &info) < 0) return ErrnoError(errno, "stat", path);
    if (!S_ISREG(info.st_mode)) {
      return CorruptionError(path, 0, "not a regular file");
    }
    identity_ = IdentityOf(info);
    LockTable& table = GlobalLockTable();
    MutexLock lock(table.mu);  // The system calls below do not wait.
    const auto [holder, fresh] = table.holders.try_emplace(identity_, 0);
    if (holder->second == owner_) return LockedError(path);
    const int error = SetOfdLock(file_.get(), F_WRLCK);
    struct stat now;
    if (error == 0 && ::stat(path.c_str(), &now) == 0 &&
        IdentityOf(now) == identity_) {
      holder->second = owner_;
      held_ = true;
      return true;
    }
    if (fresh) table.holders.erase(holder);
    if (error == EAGAIN || error == EACCES) return LockedError(path);
    if (error != 0) return ErrnoError(error, "lock", path);
    // A fork at this moment may have copied the descriptor: closing is not all.
    (void)SetOfdLock(file_.get(), F_UNLCK);
    return false;
  }

 private:
  const Descriptor file_;
  const pid_t owner_ = ::getpid();
  FileIdentity identity_ = {};
  bool held_ = false;
};

class PosixFileSystem final : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenForRead(
      const std::string& path, const IoContext& context) override {
    // O_NONBLOCK: a FIFO under this name must not hang us.
    Descriptor file = Open(path, O_RDONLY | O_NONBLOCK);
    if (!file.open()) return ErrnoError(errno, "open", path);
    struct stat info;
    if (::fstat(file.get(), &info) < 0) return ErrnoError(errno, "stat", path);
    if (!S_ISREG(info.st_mode)) {
      return CorruptionError(path, 0, "not a regular file");
    }
    // Point reads of tables must not draw in megabytes of read-ahead;
    // those who scan call Prefetch.
    if (context.kind == IoContext::Kind::kTable &&
        context.priority == IoContext::Priority::kForeground) {
      (void)::posix_fadvise(file.get(), 0, 0, POSIX_FADV_RANDOM);
    }
    return std::make_unique<PosixRandomAccessFile>(path, std::move(file));
  }

  absl::StatusOr<std::unique_ptr<WritableFile>> Create(
      const std::string& path, const IoContext&) override {
    Descriptor file = Open(path, O_WRONLY | O_CREAT | O_EXCL);
    if (!file.open()) return ErrnoError(errno, "create", path);
    return std::make_unique<PosixWritableFile>(path, std::move(file));
  }

  absl::Status RemoveFile(const std::string& path, const IoContext&) override {
    if (::unlink(path.c_str()) < 0) return ErrnoError(errno, "unlink", path);
    return absl::OkStatus();
  }

  absl::Status RenameFile(const std::string& from, const std::string& to,
                          const IoContext&) override {
    if (::rename(from.c_str(), to.c_str()) < 0) {
      return ErrnoError(errno, absl::StrCat("rename to ", to), from);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<FileInfo> GetFileInfo(const std::string& path) override {
    struct stat info;
    if (::stat(path.c_str(), &info) < 0) {
      if (errno == ENOENT || errno == ENOTDIR) return FileInfo{};
      return ErrnoError(errno, "stat", path);
    }
    if (S_ISDIR(info.st_mode)) {
      return FileInfo{.type = FileInfo::Type::kDirectory};
    }
    if (!S_ISREG(info.st_mode)) return FileInfo{.type = FileInfo::Type::kOther};
    return FileInfo{.type = FileInfo::Type::kFile,
                    .size = static_cast<uint64_t>(info.st_size)};
  }

  absl::StatusOr<std::vector<std::string>> ListDirectory(
      const std::string& path) override {
    // Close-on-exec in glibc, musl.
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(
        ::opendir(path.c_str()), [](DIR* open) { return ::closedir(open); });
    if (directory == nullptr) return ErrnoError(errno, "opendir", path);
    std::vector<std::string> names;
    int error = 0;
    for (;;) {
      errno = 0;
      // Only this thread knows the stream.
      // NOLINTNEXTLINE(concurrency-mt-unsafe)
      const dirent* entry = ::readdir(directory.get());
      if (entry == nullptr) {
        error = errno;
        break;
      }
      std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(std::move(name));
    }
    if (error != 0) return ErrnoError(error, "readdir", path);
    return names;
  }

  absl::Status CreateDirectory(const std::string& path) override {
    if (::mkdir(path.c_str(), kDirectoryMode) < 0) {
      return ErrnoError(errno, "mkdir", path);
    }
    return absl::OkStatus();
  }

  absl::Status RemoveDirectory(const std::string& path) override {
    if (::rmdir(path.c_str()) < 0) return ErrnoError(errno, "rmdir", path);
    return absl::OkStatus();
  }

  absl::Status SyncDirectory(const std::string& path) override {
    const Descriptor directory = Open(path, O_RDONLY | O_DIRECTORY);
    if (!directory.open()) return ErrnoError(errno, "open directory", path);
    if (::fsync(directory.get()) < 0) return ErrnoError(errno, "fsync", path);
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<FileLock>> LockFile(
      const std::string& path) override {
    for (int attempt = 0; attempt < kLockAttempts; ++attempt) {
      // Opening first is harmless: closing a descriptor drops no OFD lock.
      Descriptor file = Open(path, O_RDWR | O_CREAT | O_NONBLOCK);
      if (!file.open()) return ErrnoError(errno, "open", path);
      auto lock = std::make_unique<PosixFileLock>(std::move(file));
      LISSOM_ASSIGN_OR_RETURN(const bool held, lock->Acquire(path));
      if (held) return lock;
    }
    return LockedError(path);
  }
};

}  // namespace

std::shared_ptr<FileSystem> FileSystem::Posix() {
  // Without state of its own, so everybody gets a new one: no singleton.
  return std::make_shared<PosixFileSystem>();
}

}  // namespace lissom
