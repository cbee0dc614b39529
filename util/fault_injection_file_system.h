// FaultInjectionFileSystem passes calls on to another FileSystem, counts them,
// and lets those fail that a test has picked.
//
//   auto faulty = std::make_shared<FaultInjectionFileSystem>(base);
//   faulty->Arm({.op = FileOp::kSync, .kind = IoContext::Kind::kWal,
//                .skip = 2, .error_number = EIO});   // The third WAL sync.
//
// A call belongs to the kind of file that its IoContext says; if that says
// kOther, to the one its file was opened with. Calls without a context:
// kDirectory for directories, kLock for LockFile, kOther for GetFileInfo.
//
// To model a sync that fails and loses the dirty pages, arm a kSync fault whose
// on_hit calls MemoryFileSystem::DropUnsynced(path).
//
// Threads: thread-safe; arm, disarm and count while others use it. on_hit runs
// in the failing thread, without a lock held. Files may outlive the system.
#ifndef LISSOM_UTIL_FAULT_INJECTION_FILE_SYSTEM_H_
#define LISSOM_UTIL_FAULT_INJECTION_FILE_SYSTEM_H_

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lissom/file_system.h"

namespace lissom {

enum class FileOp : uint8_t {
  kOpen,
  kCreate,
  kRead,  // Each request of a ReadBatch is one.
  kAppend,
  kSync,
  kAllocate,
  kTrim,
  kClose,  // Destroying an open file does not count and does not fail.
  kRemove,
  kRename,
  kList,
  kInfo,  // GetFileInfo and RandomAccessFile::Size.
  kMakeDirectory,
  kRemoveDirectory,
  kSyncDirectory,
  kLock,
};
inline constexpr size_t kFileOpCount = static_cast<size_t>(FileOp::kLock) + 1;

const char* ToString(FileOp op);

// Which calls fail, and how.
struct Fault {
  enum class Effect : uint8_t {
    kNothing,      // Not done; the error is returned.
    kHalf,         // An append writes half its bytes; else as kNothing.
    kDone,         // Done, and the error is returned all the same.
    kShortRead,    // Reads only: OK, with half the bytes.
    kCorruptRead,  // Reads only: OK, with one bit flipped in the middle.
  };

  // Unset and empty match all. A rename matches by either path.
  std::optional<FileOp> op = std::nullopt;
  std::optional<IoContext::Kind> kind = std::nullopt;
  std::string path_contains = {};

  uint64_t skip = 0;    // Lets so many matching calls pass first.
  bool sticky = false;  // Every matching call from then on, else just one.
  int error_number = EIO;
  Effect effect = Effect::kNothing;
  // Called with the path before the failure takes effect; may be empty.
  std::function<void(const std::string& path)> on_hit = nullptr;
};

class FaultInjectionFileSystem final : public FileSystem {
 public:
  explicit FaultInjectionFileSystem(std::shared_ptr<FileSystem> base);
  ~FaultInjectionFileSystem() override;

  // Several faults may be armed: each counts its matching calls by itself, the
  // one armed first wins. Returns a number for Disarm and hits.
  uint64_t Arm(Fault fault);
  void Disarm(uint64_t fault);
  void DisarmAll();
  // Calls that this fault has made fail; 0 for a number never given.
  uint64_t hits(uint64_t fault) const;

  // Counted since the start or ResetCounters, failed calls included.
  uint64_t count(FileOp op) const;
  uint64_t count(FileOp op, IoContext::Kind kind) const;
  // Bytes of appends that succeeded, bytes that reads returned.
  uint64_t bytes_appended(IoContext::Kind kind) const;
  uint64_t bytes_read(IoContext::Kind kind) const;
  // Appends and syncs of a file after a Sync of it failed: always a bug of the
  // caller, who does not know what the file holds.
  uint64_t uses_after_failed_sync() const;
  void ResetCounters();

  FileSystem& base() const;

  absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenForRead(
      const std::string& path, const IoContext& context) override;
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(
      const std::string& path, const IoContext& context) override;
  absl::Status RemoveFile(const std::string& path,
                          const IoContext& context) override;
  absl::Status RenameFile(const std::string& from, const std::string& to,
                          const IoContext& context) override;
  absl::StatusOr<FileInfo> GetFileInfo(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> ListDirectory(
      const std::string& path) override;
  absl::Status CreateDirectory(const std::string& path) override;
  absl::Status RemoveDirectory(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<FileLock>> LockFile(
      const std::string& path) override;

 private:
  class Injector;  // Faults and counters, shared with the open files.
  class ReadHandle;
  class WriteHandle;

  const std::shared_ptr<FileSystem> base_;
  const std::shared_ptr<Injector> injector_;
};

}  // namespace lissom

#endif  // LISSOM_UTIL_FAULT_INJECTION_FILE_SYSTEM_H_
