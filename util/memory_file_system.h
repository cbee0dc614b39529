// MemoryFileSystem is a whole FileSystem in memory that can say what a power
// cut after any of its operations would have left.
//
//   auto fs = std::make_shared<MemoryFileSystem>();
//   ... use it ...
//   CrashReplayer replayer(*fs);
//   for (size_t n = 0; n <= fs->operation_count(); ++n) {
//     replayer.AdvanceTo(n);
//     auto image = replayer.Image(CrashPolicy::Torn(seed + n));
//     ... open the database in *image ...
//   }
//
// Every change is an operation in a log: its bytes stay in memory as long as
// the file system. What is legal after a crash stands in util/memory_disk.h.
// An image is a file system of its own: everything in it is durable, nothing is
// locked, its log is empty; it shares unchanged pages with where it came from.
//
// The root directory exists; a relative path starts there. Open files stay
// usable after they were removed or renamed, like POSIX's.
// Threads: thread-safe, as FileSystem demands. Files may outlive the system.
#ifndef LISSOM_UTIL_MEMORY_FILE_SYSTEM_H_
#define LISSOM_UTIL_MEMORY_FILE_SYSTEM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lissom/file_system.h"
#include "util/memory_disk.h"

namespace lissom {

class MemoryFileSystem final : public FileSystem {
 public:
  struct Options {
    // false: no log, so no crashes in the past; CrashImageNow works.
    bool record_operations = true;
  };

  MemoryFileSystem();
  explicit MemoryFileSystem(const Options& options);
  MemoryFileSystem(const MemoryFileSystem&) = delete;
  MemoryFileSystem& operator=(const MemoryFileSystem&) = delete;
  ~MemoryFileSystem() override;

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
  // Against other openers of this MemoryFileSystem.
  absl::StatusOr<std::unique_ptr<FileLock>> LockFile(
      const std::string& path) override;

  // Crashes.

  // Operations that succeeded so far. A crash point n lies after the first n.
  size_t operation_count() const;
  // Operation `index` of the log. Requires: index < operation_count(), and
  // operations are recorded.
  MemoryOperation operation(size_t index) const;

  // What a power cut after the first `after_operations` could have left.
  // Requires: after_operations <= operation_count(). Cost: replays them all;
  // use a CrashReplayer to draw many.
  std::shared_ptr<MemoryFileSystem> CrashImage(size_t after_operations,
                                               const CrashPolicy& policy) const;
  // The same for this moment, without replaying.
  std::shared_ptr<MemoryFileSystem> CrashImageNow(
      const CrashPolicy& policy) const;
  // A copy of what is seen now.
  std::shared_ptr<MemoryFileSystem> Clone() const;

  // What a failed fsync does to a file: its dirty pages stay readable but count
  // as clean; no later Sync saves them, a crash loses them. DataLoss: no file.
  absl::Status DropUnsynced(const std::string& path);

  // Damage, for tests: what they write is durable at once.

  absl::StatusOr<std::string> GetBytes(const std::string& path) const;
  // Makes the file if there is none. The directory must exist.
  absl::Status SetBytes(const std::string& path, std::string_view bytes);
  // Both fail with InvalidArgument beyond the end of the file.
  absl::Status FlipBit(const std::string& path, uint64_t bit);
  absl::Status Truncate(const std::string& path, uint64_t size);
  // Full paths of all files, in order.
  std::vector<std::string> Files() const;

 private:
  friend class CrashReplayer;
  struct State;  // Shared with the open files.
  explicit MemoryFileSystem(MemoryDisk disk);
  class ReadHandle;
  class WriteHandle;
  class Lock;

  std::shared_ptr<State> state_;
};

// Walks the log of a MemoryFileSystem forward and draws crash images where it
// stands. Cost of an image: as the number of files and of unsynced pages.
// Threads: thread-compatible; several may walk one log, also while it grows.
class CrashReplayer {
 public:
  // At operation 0. `fs` may go away.
  explicit CrashReplayer(const MemoryFileSystem& fs);

  size_t position() const { return position_; }
  // Requires: position() <= after_operations <= the log's length.
  void AdvanceTo(size_t after_operations);
  std::shared_ptr<MemoryFileSystem> Image(const CrashPolicy& policy) const;

 private:
  std::shared_ptr<MemoryFileSystem::State> state_;
  MemoryDisk disk_;
  size_t position_ = 0;
};

}  // namespace lissom

#endif  // LISSOM_UTIL_MEMORY_FILE_SYSTEM_H_
