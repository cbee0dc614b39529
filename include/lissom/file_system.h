// FileSystem is lissom's one door to files. The library ships the POSIX one;
// inject another to run in memory, to encrypt, or to test what a power cut
// does.
//
// Durability, as the engine counts on it:
//   Append    is visible to every reader at once, durable after Sync.
//   Sync      makes the file's bytes and length durable, not its name.
//   the names in a directory (created, renamed, removed files) are durable
//             after SyncDirectory; until then a power cut may keep any of them.
//   RenameFile replaces its target in one step: after a power cut the target is
//             the old or the new file, never neither.
// After a failed Sync nothing is known about the unsynced bytes; the engine
// never syncs that file again.
//
// Errors: codes as in lissom/status.h, with an ErrorDetail. A file that is
// absent is kDataLoss (kMissingFile), never kNotFound.
// Threads: FileSystem and RandomAccessFile are thread-safe; a WritableFile is
// used by one thread at a time.
#ifndef LISSOM_FILE_SYSTEM_H_
#define LISSOM_FILE_SYSTEM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lissom/export.h"

namespace lissom {

// What a call is for: which kind of file, how urgent.
struct IoContext {
  enum class Kind : uint8_t {
    kOther,
    kWal,
    kTable,
    kManifest,
    kCurrent,
    kLock,
    kInfoLog,
    kDirectory
  };
  enum class Priority : uint8_t { kForeground, kFlush, kCompaction };

  Kind kind = Kind::kOther;
  Priority priority = Priority::kForeground;
  absl::Duration deadline = absl::InfiniteDuration();  // On the injected clock.
};

struct ReadRequest {
  uint64_t offset = 0;
  size_t size = 0;
  char* scratch = nullptr;  // `size` bytes, owned by the caller.
  std::string_view result;  // In scratch; shorter only at the end of the file.
  absl::Status status;
};

class LISSOM_EXPORT RandomAccessFile {
 public:
  virtual ~RandomAccessFile() = default;

  // Reads up to `size` bytes at `offset` into `scratch` and returns what was
  // read: shorter than `size` only where the file ends.
  virtual absl::StatusOr<std::string_view> Read(
      uint64_t offset, size_t size, char* scratch,
      const IoContext& context) const = 0;

  // Serves all requests, in any order. The default calls Read for each.
  virtual void ReadBatch(std::span<ReadRequest> requests,
                         const IoContext& context) const;

  // Hints that the range will be read soon. The default does nothing.
  virtual void Prefetch(uint64_t offset, uint64_t size,
                        const IoContext& context) const;

  virtual absl::StatusOr<uint64_t> Size() const = 0;
};

class LISSOM_EXPORT WritableFile {
 public:
  // Destroying a file that was not closed closes it and drops the error.
  virtual ~WritableFile() = default;

  // Appends the pieces, in order, as one write where the system can. A failure
  // may leave any prefix behind.
  virtual absl::Status Append(std::span<const std::string_view> pieces,
                              const IoContext& context) = 0;

  // Bytes and length durable. After a failure the file must be abandoned.
  virtual absl::Status Sync(const IoContext& context) = 0;

  // Reserves room so that the file is `size` bytes long, the part after the
  // appended bytes reading as zeros; appends go on where they were. A hint:
  // OK and no effect where the system cannot. kResourceExhausted: no space.
  virtual absl::Status Allocate(uint64_t size, const IoContext& context) = 0;

  // Cuts the file to exactly the appended bytes (undoes what Allocate left),
  // without syncing. Call before Close if Allocate was used.
  virtual absl::Status TrimToSize(const IoContext& context) = 0;

  virtual absl::Status Close() = 0;

  uint64_t size() const { return size_; }  // Bytes appended so far.

 protected:
  uint64_t size_ = 0;
};

// Held as long as it lives. See FileSystem::LockFile.
class LISSOM_EXPORT FileLock {
 public:
  virtual ~FileLock() = default;
};

struct FileInfo {
  enum class Type : uint8_t { kAbsent, kFile, kDirectory, kOther };
  Type type = Type::kAbsent;
  uint64_t size = 0;  // Of a kFile.
};

class LISSOM_EXPORT FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenForRead(
      const std::string& path, const IoContext& context) = 0;

  // Creates a file. kAlreadyExists if there is anything of that name.
  virtual absl::StatusOr<std::unique_ptr<WritableFile>> Create(
      const std::string& path, const IoContext& context) = 0;

  virtual absl::Status RemoveFile(const std::string& path,
                                  const IoContext& context) = 0;
  virtual absl::Status RenameFile(const std::string& from,
                                  const std::string& to,
                                  const IoContext& context) = 0;

  // What stands at `path`, symlinks followed. An absent file is not an error.
  virtual absl::StatusOr<FileInfo> GetFileInfo(const std::string& path) = 0;

  // Names in a directory without "." and "..", in no order.
  virtual absl::StatusOr<std::vector<std::string>> ListDirectory(
      const std::string& path) = 0;

  // kAlreadyExists if there is anything of that name. The parent must exist.
  virtual absl::Status CreateDirectory(const std::string& path) = 0;
  virtual absl::Status RemoveDirectory(
      const std::string& path) = 0;  // Empty ones.
  virtual absl::Status SyncDirectory(const std::string& path) = 0;

  // Locks `path`, creating the file if need be, against every other opener: of
  // this process, of other processes, by any name that leads to the same file.
  // Never waits: kFailedPrecondition (kLocked) if it is held. The lock goes
  // with the process; the file stays.
  virtual absl::StatusOr<std::unique_ptr<FileLock>> LockFile(
      const std::string& path) = 0;

  // The machine's files.
  static std::shared_ptr<FileSystem> Posix();
};

}  // namespace lissom

#endif  // LISSOM_FILE_SYSTEM_H_
