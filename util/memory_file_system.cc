#include "util/memory_file_system.h"

#include <cerrno>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "util/check.h"
#include "util/error.h"
#include "util/mutex.h"
#include "util/status_macros.h"

namespace lissom {

using Kind = MemoryOperation::Kind;

struct MemoryFileSystem::State {
  // Does the operation and, if that went well, records it.
  absl::Status Apply(MemoryOperation operation) ABSL_LOCKS_EXCLUDED(mu) {
    MutexLock lock(mu);
    return ApplyLocked(std::move(operation));
  }
  absl::Status ApplyLocked(MemoryOperation operation)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    if (record && !base.has_value()) {
      // All is durable before the first operation, so the seen state is all.
      base = disk.AfterCrash(CrashPolicy::Everything());
    }
    LISSOM_RETURN_IF_ERROR(disk.Apply(operation));
    ++count;
    if (record) {
      log.push_back(
          std::make_shared<const MemoryOperation>(std::move(operation)));
    }
    return absl::OkStatus();
  }

  mutable Mutex mu;
  MemoryDisk disk ABSL_GUARDED_BY(mu);
  bool record = true;  // Constant once the file system is made.
  // The disk at operation 0; unset until there is one.
  std::optional<MemoryDisk> base ABSL_GUARDED_BY(mu);
  std::vector<std::shared_ptr<const MemoryOperation>> log ABSL_GUARDED_BY(mu);
  size_t count ABSL_GUARDED_BY(mu) = 0;
  uint64_t last_handle ABSL_GUARDED_BY(mu) = 0;
  absl::flat_hash_set<const MemoryNode*> locked ABSL_GUARDED_BY(mu);
};

class MemoryFileSystem::ReadHandle final : public RandomAccessFile {
 public:
  ReadHandle(std::shared_ptr<State> state, MemoryNodePtr node)
      : state_(std::move(state)), node_(std::move(node)) {}

  absl::StatusOr<std::string_view> Read(uint64_t offset, size_t size,
                                        char* scratch,
                                        const IoContext&) const override {
    MutexLock lock(state_->mu);
    return std::string_view(scratch,
                            node_->AsFile()->Read(offset, size, scratch));
  }
  absl::StatusOr<uint64_t> Size() const override {
    MutexLock lock(state_->mu);
    return node_->AsFile()->size();
  }

 private:
  const std::shared_ptr<State> state_;
  const MemoryNodePtr node_;  // A file, guarded by state_->mu.
};

class MemoryFileSystem::WriteHandle final : public WritableFile {
 public:
  WriteHandle(std::shared_ptr<State> state, uint64_t handle, std::string path)
      : state_(std::move(state)), handle_(handle), path_(std::move(path)) {}
  ~WriteHandle() override {
    // Closing twice fails, and an error has nowhere to go from here.
    Close().IgnoreError();
  }

  absl::Status Append(std::span<const std::string_view> pieces,
                      const IoContext&) override {
    MemoryOperation operation = Make(Kind::kAppend, size_);
    for (std::string_view piece : pieces) operation.bytes += piece;
    const size_t appended = operation.bytes.size();
    LISSOM_RETURN_IF_ERROR(state_->Apply(std::move(operation)));
    size_ += appended;
    return absl::OkStatus();
  }
  absl::Status Sync(const IoContext&) override {
    return state_->Apply(Make(Kind::kSync));
  }
  absl::Status Allocate(uint64_t size, const IoContext&) override {
    return state_->Apply(Make(Kind::kAllocate, size));
  }
  absl::Status TrimToSize(const IoContext&) override {
    return state_->Apply(Make(Kind::kTrim, size_));
  }
  absl::Status Close() override { return state_->Apply(Make(Kind::kClose)); }

 private:
  MemoryOperation Make(Kind kind, uint64_t offset = 0) const {
    return {.kind = kind,
            .path = path_,
            .to = {},
            .handle = handle_,
            .offset = offset,
            .bytes = {}};
  }

  const std::shared_ptr<State> state_;
  const uint64_t handle_;
  const std::string path_;
};

class MemoryFileSystem::Lock final : public FileLock {
 public:
  Lock(std::shared_ptr<State> state, MemoryNodePtr node)
      : state_(std::move(state)), node_(std::move(node)) {}
  ~Lock() override {
    MutexLock lock(state_->mu);
    state_->locked.erase(node_.get());
  }

 private:
  const std::shared_ptr<State> state_;
  const MemoryNodePtr node_;
};

namespace {

MemoryOperation OnPath(Kind kind, std::string path, std::string to = {},
                       std::string bytes = {}) {
  return {.kind = kind,
          .path = std::move(path),
          .to = std::move(to),
          .handle = 0,
          .offset = 0,
          .bytes = std::move(bytes)};
}

// The file at `path`, or why there is none.
absl::StatusOr<MemoryNodePtr> FindFile(const MemoryDisk& disk,
                                       std::string_view what,
                                       const std::string& path) {
  MemoryNodePtr node = disk.Find(path);
  if (!node) return ErrnoError(ENOENT, what, path);
  if (!node->AsFile()) return CorruptionError(path, 0, "not a regular file");
  return node;
}

std::string ReadAll(const MemoryFile& file) {
  std::string bytes(file.size(), '\0');
  file.Read(0, bytes.size(), bytes.data());
  return bytes;
}

void CollectFiles(MemoryDirectory& directory, const std::string& path,
                  std::vector<std::string>& files) {
  for (const std::string& name : directory.List()) {
    const MemoryNodePtr node = directory.Find(name);
    const std::string child = absl::StrCat(path, "/", name);
    if (node->AsDirectory()) {
      CollectFiles(*node->AsDirectory(), child, files);
    } else {
      files.push_back(child);
    }
  }
}

}  // namespace

MemoryFileSystem::MemoryFileSystem() : MemoryFileSystem(Options{}) {}

MemoryFileSystem::MemoryFileSystem(const Options& options)
    : state_(std::make_shared<State>()) {
  state_->record = options.record_operations;
}

MemoryFileSystem::MemoryFileSystem(MemoryDisk disk)
    : state_(std::make_shared<State>()) {
  MutexLock lock(state_->mu);
  state_->disk = std::move(disk);
}

MemoryFileSystem::~MemoryFileSystem() = default;

absl::StatusOr<std::unique_ptr<RandomAccessFile>> MemoryFileSystem::OpenForRead(
    const std::string& path, const IoContext&) {
  MutexLock lock(state_->mu);
  LISSOM_ASSIGN_OR_RETURN(MemoryNodePtr node,
                          FindFile(state_->disk, "open", path));
  return std::make_unique<ReadHandle>(state_, std::move(node));
}

absl::StatusOr<std::unique_ptr<WritableFile>> MemoryFileSystem::Create(
    const std::string& path, const IoContext&) {
  MutexLock lock(state_->mu);
  MemoryOperation operation = OnPath(Kind::kCreate, path);
  const uint64_t handle = ++state_->last_handle;
  operation.handle = handle;
  LISSOM_RETURN_IF_ERROR(state_->ApplyLocked(std::move(operation)));
  return std::make_unique<WriteHandle>(state_, handle, path);
}

absl::Status MemoryFileSystem::RemoveFile(const std::string& path,
                                          const IoContext&) {
  return state_->Apply(OnPath(Kind::kRemove, path));
}

absl::Status MemoryFileSystem::RenameFile(const std::string& from,
                                          const std::string& to,
                                          const IoContext&) {
  return state_->Apply(OnPath(Kind::kRename, from, to));
}

absl::StatusOr<FileInfo> MemoryFileSystem::GetFileInfo(
    const std::string& path) {
  MutexLock lock(state_->mu);
  const MemoryNodePtr node = state_->disk.Find(path);
  if (!node) return FileInfo{};
  if (!node->AsFile()) return FileInfo{.type = FileInfo::Type::kDirectory};
  return FileInfo{.type = FileInfo::Type::kFile,
                  .size = node->AsFile()->size()};
}

absl::StatusOr<std::vector<std::string>> MemoryFileSystem::ListDirectory(
    const std::string& path) {
  MutexLock lock(state_->mu);
  const MemoryNodePtr node = state_->disk.Find(path);
  if (!node) return ErrnoError(ENOENT, "list", path);
  if (!node->AsDirectory()) return ErrnoError(ENOTDIR, "list", path);
  return node->AsDirectory()->List();
}

absl::Status MemoryFileSystem::CreateDirectory(const std::string& path) {
  return state_->Apply(OnPath(Kind::kMakeDirectory, path));
}

absl::Status MemoryFileSystem::RemoveDirectory(const std::string& path) {
  return state_->Apply(OnPath(Kind::kRemoveDirectory, path));
}

absl::Status MemoryFileSystem::SyncDirectory(const std::string& path) {
  return state_->Apply(OnPath(Kind::kSyncDirectory, path));
}

absl::StatusOr<std::unique_ptr<FileLock>> MemoryFileSystem::LockFile(
    const std::string& path) {
  MutexLock lock(state_->mu);
  if (!state_->disk.Find(path)) {
    MemoryOperation operation = OnPath(Kind::kCreate, path);
    operation.handle = ++state_->last_handle;
    MemoryOperation close = operation;
    close.kind = Kind::kClose;
    LISSOM_RETURN_IF_ERROR(state_->ApplyLocked(std::move(operation)));
    LISSOM_RETURN_IF_ERROR(state_->ApplyLocked(std::move(close)));
  }
  LISSOM_ASSIGN_OR_RETURN(MemoryNodePtr node,
                          FindFile(state_->disk, "lock", path));
  if (!state_->locked.insert(node.get()).second) {
    return WithDetail(
        absl::FailedPreconditionError(absl::StrCat(path, ": already locked")),
        {.kind = ErrorKind::kLocked, .file = path});
  }
  return std::make_unique<Lock>(state_, std::move(node));
}

size_t MemoryFileSystem::operation_count() const {
  MutexLock lock(state_->mu);
  return state_->count;
}

MemoryOperation MemoryFileSystem::operation(size_t index) const {
  MutexLock lock(state_->mu);
  LISSOM_DCHECK(index < state_->log.size());
  return *state_->log[index];
}

std::shared_ptr<MemoryFileSystem> MemoryFileSystem::CrashImage(
    size_t after_operations, const CrashPolicy& policy) const {
  CrashReplayer replayer(*this);
  replayer.AdvanceTo(after_operations);
  return replayer.Image(policy);
}

std::shared_ptr<MemoryFileSystem> MemoryFileSystem::CrashImageNow(
    const CrashPolicy& policy) const {
  MutexLock lock(state_->mu);
  return std::shared_ptr<MemoryFileSystem>(
      new MemoryFileSystem(state_->disk.AfterCrash(policy)));
}

std::shared_ptr<MemoryFileSystem> MemoryFileSystem::Clone() const {
  return CrashImageNow(CrashPolicy::Everything());
}

absl::Status MemoryFileSystem::DropUnsynced(const std::string& path) {
  return state_->Apply(OnPath(Kind::kDropUnsynced, path));
}

absl::StatusOr<std::string> MemoryFileSystem::GetBytes(
    const std::string& path) const {
  MutexLock lock(state_->mu);
  LISSOM_ASSIGN_OR_RETURN(MemoryNodePtr node,
                          FindFile(state_->disk, "read", path));
  return ReadAll(*node->AsFile());
}

absl::Status MemoryFileSystem::SetBytes(const std::string& path,
                                        std::string_view bytes) {
  return state_->Apply(OnPath(Kind::kSetBytes, path, {}, std::string(bytes)));
}

absl::Status MemoryFileSystem::FlipBit(const std::string& path, uint64_t bit) {
  LISSOM_ASSIGN_OR_RETURN(std::string bytes, GetBytes(path));
  if (bit / 8 >= bytes.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " has only ", bytes.size(), " bytes"));
  }
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  return SetBytes(path, bytes);
}

absl::Status MemoryFileSystem::Truncate(const std::string& path,
                                        uint64_t size) {
  LISSOM_ASSIGN_OR_RETURN(std::string bytes, GetBytes(path));
  if (size > bytes.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " has only ", bytes.size(), " bytes"));
  }
  bytes.resize(size);
  return SetBytes(path, bytes);
}

std::vector<std::string> MemoryFileSystem::Files() const {
  MutexLock lock(state_->mu);
  std::vector<std::string> files;
  CollectFiles(*state_->disk.Find("/")->AsDirectory(), "", files);
  return files;
}

CrashReplayer::CrashReplayer(const MemoryFileSystem& fs) : state_(fs.state_) {
  MutexLock lock(state_->mu);
  LISSOM_DCHECK(state_->record);
  const MemoryDisk& start =
      state_->base.has_value() ? *state_->base : state_->disk;
  disk_ = start.AfterCrash(CrashPolicy::Everything());
}

void CrashReplayer::AdvanceTo(size_t after_operations) {
  std::vector<std::shared_ptr<const MemoryOperation>> next;
  {
    MutexLock lock(state_->mu);
    LISSOM_DCHECK(position_ <= after_operations);
    LISSOM_DCHECK(after_operations <= state_->log.size());
    next.assign(state_->log.begin() + static_cast<ptrdiff_t>(position_),
                state_->log.begin() + static_cast<ptrdiff_t>(after_operations));
  }
  for (const auto& operation : next) {
    const absl::Status status = disk_.Apply(*operation);
    LISSOM_DCHECK(status.ok());  // It went well the first time.
    status.IgnoreError();
  }
  position_ = after_operations;
}

std::shared_ptr<MemoryFileSystem> CrashReplayer::Image(
    const CrashPolicy& policy) const {
  return std::shared_ptr<MemoryFileSystem>(
      new MemoryFileSystem(disk_.AfterCrash(policy)));
}

}  // namespace lissom
