// MemoryDisk is the tree of files and directories behind MemoryFileSystem, with
// what a power cut needs to know: of every file and name, what is seen now and
// what is durable, and what it went through in between.
//
//   file        pages of 4 KiB, immutable and shared between disks (a changed
//               page is a new page), twice: live and durable. Sync copies the
//               dirty pages and the length from live to durable.
//   directory   for each name the states it went through since the last
//               SyncDirectory: [durable, ..., live]; null is "absent".
//
// AfterCrash draws from it a new disk, on which all is durable. A disk changes
// by operations only, so that a log of them replays to the same disk.
//
// Legal after a crash: each dirty page old or new on its own, any length that
// the file may have passed through, each changed name in any of its states. A
// name that a rename took away is gone only if the target has it or something
// newer. Synced bytes and names are always there.
//
// Threads: thread-compatible. Pages and frozen contents are immutable, so disks
// that share them may be used by different threads.
#ifndef LISSOM_UTIL_MEMORY_DISK_H_
#define LISSOM_UTIL_MEMORY_DISK_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "util/random.h"

namespace lissom {

// What a crash leaves of that which was not synced.
struct CrashPolicy {
  enum class Kind : uint8_t {
    kSyncedOnly,    // Nothing.
    kEverything,    // All, as after kill -9.
    kRandomSubset,  // Each page, length and name on its own.
    kTorn,          // The same, and pages torn between and inside sectors.
  };

  Kind kind = Kind::kSyncedOnly;
  uint64_t seed = 0;  // The same seed draws the same image.

  static CrashPolicy SyncedOnly() { return {Kind::kSyncedOnly, 0}; }
  static CrashPolicy Everything() { return {Kind::kEverything, 0}; }
  static CrashPolicy RandomSubset(uint64_t seed) {
    return {Kind::kRandomSubset, seed};
  }
  static CrashPolicy Torn(uint64_t seed) { return {Kind::kTorn, seed}; }
};

std::string ToString(const CrashPolicy& policy);

// One change of a MemoryDisk.
struct MemoryOperation {
  enum class Kind : uint8_t {
    kCreate,
    kAppend,
    kSync,
    kAllocate,
    kTrim,
    kClose,
    kRemove,
    kRename,
    kMakeDirectory,
    kRemoveDirectory,
    kSyncDirectory,
    kDropUnsynced,  // A sync failed; the dirty pages count as clean.
    kSetBytes,      // From outside: name and bytes durable at once.
  };

  Kind kind = Kind::kCreate;
  std::string path;     // Of an open file: its name when it was created.
  std::string to;       // kRename.
  uint64_t handle = 0;  // kCreate to kClose: which open file.
  uint64_t offset = 0;  // kAppend: where. kAllocate, kTrim: the size.
  std::string bytes;    // kAppend, kSetBytes.
};

// "append /db/000003.log 120 bytes at 4096".
std::string ToString(const MemoryOperation& operation);

// Bytes as shared pages.
struct FileContent {
  static constexpr size_t kPageSize = 4096;
  // Up to kPageSize bytes; what is missing, and null, reads as zeros.
  using Page = std::shared_ptr<const std::string>;

  std::vector<Page> pages;  // As many as `size` needs.
  uint64_t size = 0;

  static size_t PageCount(uint64_t size) {
    return (size + kPageSize - 1) / kPageSize;
  }
  void Resize(uint64_t new_size);  // Cuts, or extends with zeros.
  size_t Read(uint64_t offset, size_t size, char* scratch) const;
};

class MemoryFile;
class MemoryDirectory;

// A file or a directory, apart from its names.
class MemoryNode {
 public:
  virtual ~MemoryNode() = default;
  virtual MemoryFile* AsFile() { return nullptr; }
  virtual MemoryDirectory* AsDirectory() { return nullptr; }
};
using MemoryNodePtr = std::shared_ptr<MemoryNode>;

class MemoryFile final : public MemoryNode {
 public:
  MemoryFile() = default;
  // All of it durable.
  explicit MemoryFile(std::shared_ptr<const FileContent> content)
      : frozen_(std::move(content)) {}
  MemoryFile* AsFile() override { return this; }

  uint64_t size() const { return live().size; }
  // Bytes read: fewer than `size` only at the end.
  size_t Read(uint64_t offset, size_t size, char* scratch) const {
    return live().Read(offset, size, scratch);
  }

  void Write(uint64_t offset, std::string_view bytes);
  void Resize(uint64_t size);
  void Sync();
  // The dirty pages stay readable but count as clean: no later Sync saves them.
  void DropUnsynced();
  void SetBytes(std::string_view bytes);  // And durable.

  // What a crash leaves. Cost: constant if nothing is unsynced.
  std::shared_ptr<MemoryFile> AfterCrash(CrashPolicy::Kind kind,
                                         Random& random);

 private:
  const FileContent& live() const { return frozen_ ? *frozen_ : live_; }
  bool clean() const;
  void Freeze();  // Requires: clean().
  void Thaw();    // Before every change.
  void MarkDirty(size_t page);
  void NoteSize();
  uint64_t DrawSize(Random& random) const;

  // Set: all is durable and stands here, the rest is empty. Shared by disks.
  std::shared_ptr<const FileContent> frozen_;
  FileContent live_;
  FileContent durable_;
  std::vector<size_t> dirty_;  // Pages that Sync must save; some come twice.
  bool dropped_ = false;       // live_ differs from durable_ beyond dirty_.
  uint64_t min_size_ = 0;      // Of the sizes since the last Sync.
  uint64_t max_size_ = 0;
};

// Nodes already drawn in one crash, so that two names of a file stay so.
struct CrashDraw {
  CrashPolicy::Kind kind;
  Random random;
  absl::flat_hash_map<const MemoryNode*, MemoryNodePtr> drawn;
};

class MemoryDirectory final : public MemoryNode {
 public:
  MemoryDirectory* AsDirectory() override { return this; }

  MemoryNodePtr Find(const std::string& name) const;  // Null if absent.
  std::vector<std::string> List() const;
  bool empty() const { return List().empty(); }

  // The name now means `node`; null takes it away.
  void Set(const std::string& name, MemoryNodePtr node);
  void SetDurable(const std::string& name, MemoryNodePtr node);
  // Requires: `from` is there.
  void Rename(const std::string& from, const std::string& to);
  void Sync();

  std::shared_ptr<MemoryDirectory> AfterCrash(CrashDraw& draw) const;

 private:
  // Since the last Sync: the first is durable, the last is seen. Never empty.
  using States = std::vector<MemoryNodePtr>;
  // `source` left its state source_index - 1 in favour of target.
  struct RenameLink {
    std::string source;
    size_t source_index;
    std::string target;
    size_t target_index;
  };
  absl::flat_hash_map<std::string_view, size_t> DrawChanged(
      CrashDraw& draw) const;

  std::map<std::string, States> names_;
  std::vector<std::string> changed_;  // Names with several states; may repeat.
  std::vector<RenameLink> renames_;   // Since the last Sync.
};

class MemoryDisk {
 public:
  MemoryDisk();  // An empty root directory.

  // Errors as of the system call; an operation that fails changes nothing.
  absl::Status Apply(const MemoryOperation& operation);

  // Null: absent. "." and ".." and repeated slashes are understood; a relative
  // path starts at the root.
  MemoryNodePtr Find(std::string_view path) const;

  // What a crash leaves, all of it durable. Cost: as the number of files and of
  // unsynced pages.
  MemoryDisk AfterCrash(const CrashPolicy& policy) const;

 private:
  struct Place;  // A directory and a name in it.
  absl::StatusOr<Place> Locate(std::string_view what,
                               const std::string& path) const;
  absl::Status ApplyToFile(const MemoryOperation& operation);
  absl::Status ApplyToName(const MemoryOperation& operation);
  absl::Status Create(const MemoryOperation& operation);
  absl::Status Remove(const MemoryOperation& operation);
  absl::Status Rename(const MemoryOperation& operation);
  absl::Status SetBytes(const MemoryOperation& operation);

  std::shared_ptr<MemoryDirectory> root_;
  absl::flat_hash_map<uint64_t, std::shared_ptr<MemoryFile>> open_;
};

}  // namespace lissom

#endif  // LISSOM_UTIL_MEMORY_DISK_H_
