#include "util/fault_injection_file_system.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "util/error.h"
#include "util/mutex.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

constexpr size_t kKindCount =
    static_cast<size_t>(IoContext::Kind::kDirectory) + 1;

size_t Index(FileOp op) { return static_cast<size_t>(op); }
size_t Index(IoContext::Kind kind) {
  // A caller may have cast any number to a Kind; it must not leave the tables.
  return std::min(static_cast<size_t>(kind), kKindCount - 1);
}

// A call on its way to the base.
struct Call {
  FileOp op;
  IoContext::Kind kind;
  const std::string& path;
  const std::string* to = nullptr;  // kRename.
};

bool Matches(const Fault& fault, const Call& call) {
  if (fault.op.has_value() && *fault.op != call.op) return false;
  if (fault.kind.has_value() && *fault.kind != call.kind) return false;
  const auto contains = [&fault](const std::string& path) {
    return path.find(fault.path_contains) != std::string::npos;
  };
  return contains(call.path) || (call.to != nullptr && contains(*call.to));
}

// What a fault makes of one call.
struct Verdict {
  bool hit = false;
  Fault::Effect effect = Fault::Effect::kNothing;
  int error_number = 0;

  bool hit_before() const {  // The base is not asked.
    return hit && (effect == Fault::Effect::kNothing ||
                   effect == Fault::Effect::kHalf);
  }
  bool hit_after() const {  // The base is asked; its success becomes an error.
    return hit && effect == Fault::Effect::kDone;
  }
};

}  // namespace

const char* ToString(FileOp op) {
  static constexpr const char* kNames[kFileOpCount] = {
      "open",  "create", "read",           "append", "sync", "allocate",
      "trim",  "close",  "remove",         "rename", "list", "info",
      "mkdir", "rmdir",  "sync directory", "lock"};
  return Index(op) < kFileOpCount ? kNames[Index(op)] : "?";
}

class FaultInjectionFileSystem::Injector {
 public:
  uint64_t Arm(Fault fault) {
    MutexLock lock(mu_);
    faults_.push_back({.number = ++last_number_, .fault = std::move(fault)});
    return last_number_;
  }
  void Disarm(uint64_t number) {
    MutexLock lock(mu_);
    std::erase_if(faults_, [&](const Armed& a) { return a.number == number; });
  }
  void DisarmAll() {
    MutexLock lock(mu_);
    faults_.clear();
  }
  uint64_t hits(uint64_t number) const {
    MutexLock lock(mu_);
    const auto it = hits_.find(number);
    return it == hits_.end() ? 0 : it->second;
  }

  // Counts the call and says whether it fails; runs on_hit.
  Verdict Check(const Call& call) {
    std::function<void(const std::string&)> on_hit;
    Verdict verdict;
    {
      MutexLock lock(mu_);
      ++counts_[Index(call.op)][Index(call.kind)];
      verdict = Judge(call, &on_hit);
    }
    if (on_hit) on_hit(call.path);
    return verdict;
  }

  // The call through the verdict: `run` asks the base, and is not run if the
  // call fails before.
  template <typename Run>
  auto Through(const Call& call, Run run) -> decltype(run()) {
    const Verdict verdict = Check(call);
    if (verdict.hit_before()) return Error(verdict, call);
    auto result = run();
    if (verdict.hit_after() && result.ok()) return Error(verdict, call);
    return result;
  }

  static absl::Status Error(const Verdict& verdict, const Call& call,
                            uint64_t offset = ErrorDetail::kNoOffset) {
    return ErrnoError(verdict.error_number, ToString(call.op), call.path,
                      offset);
  }

  void CountAppended(IoContext::Kind kind, uint64_t bytes) {
    MutexLock lock(mu_);
    appended_[Index(kind)] += bytes;
  }
  void CountRead(IoContext::Kind kind, uint64_t bytes) {
    MutexLock lock(mu_);
    read_[Index(kind)] += bytes;
  }
  void CountUseAfterFailedSync() {
    MutexLock lock(mu_);
    ++uses_after_failed_sync_;
  }

  uint64_t count(FileOp op) const {
    MutexLock lock(mu_);
    uint64_t sum = 0;
    for (uint64_t n : counts_[Index(op)]) sum += n;
    return sum;
  }
  uint64_t count(FileOp op, IoContext::Kind kind) const {
    MutexLock lock(mu_);
    return counts_[Index(op)][Index(kind)];
  }
  uint64_t appended(IoContext::Kind kind) const {
    MutexLock lock(mu_);
    return appended_[Index(kind)];
  }
  uint64_t read(IoContext::Kind kind) const {
    MutexLock lock(mu_);
    return read_[Index(kind)];
  }
  uint64_t uses_after_failed_sync() const {
    MutexLock lock(mu_);
    return uses_after_failed_sync_;
  }
  void ResetCounters() {
    MutexLock lock(mu_);
    for (auto& row : counts_) std::fill(std::begin(row), std::end(row), 0);
    std::fill(std::begin(appended_), std::end(appended_), 0);
    std::fill(std::begin(read_), std::end(read_), 0);
    uses_after_failed_sync_ = 0;
  }

 private:
  struct Armed {
    uint64_t number = 0;
    Fault fault;
    uint64_t matched = 0;
  };

  Verdict Judge(const Call& call,
                std::function<void(const std::string&)>* on_hit)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    Verdict verdict;
    for (Armed& armed : faults_) {
      const Fault& fault = armed.fault;
      if (!Matches(fault, call)) continue;
      const uint64_t earlier = armed.matched++;
      const bool due =
          fault.sticky ? earlier >= fault.skip : earlier == fault.skip;
      if (!due || verdict.hit) continue;
      ++hits_[armed.number];
      verdict = {.hit = true,
                 .effect = fault.effect,
                 .error_number = fault.error_number};
      *on_hit = fault.on_hit;
    }
    return verdict;
  }

  mutable Mutex mu_;
  std::vector<Armed> faults_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<uint64_t, uint64_t> hits_ ABSL_GUARDED_BY(mu_);
  uint64_t last_number_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t counts_[kFileOpCount][kKindCount] ABSL_GUARDED_BY(mu_) = {};
  uint64_t appended_[kKindCount] ABSL_GUARDED_BY(mu_) = {};
  uint64_t read_[kKindCount] ABSL_GUARDED_BY(mu_) = {};
  uint64_t uses_after_failed_sync_ ABSL_GUARDED_BY(mu_) = 0;
};

namespace {

IoContext::Kind KindOf(const IoContext& context, IoContext::Kind opened_as) {
  return context.kind == IoContext::Kind::kOther ? opened_as : context.kind;
}

}  // namespace

class FaultInjectionFileSystem::ReadHandle final : public RandomAccessFile {
 public:
  ReadHandle(std::shared_ptr<Injector> injector, std::string path,
             IoContext::Kind kind, std::unique_ptr<RandomAccessFile> base)
      : injector_(std::move(injector)),
        path_(std::move(path)),
        kind_(kind),
        base_(std::move(base)) {}

  absl::StatusOr<std::string_view> Read(
      uint64_t offset, size_t size, char* scratch,
      const IoContext& context) const override {
    const Call call{FileOp::kRead, KindOf(context, kind_), path_};
    const Verdict verdict = injector_->Check(call);
    if (verdict.hit_before()) return Injector::Error(verdict, call, offset);
    LISSOM_ASSIGN_OR_RETURN(std::string_view bytes,
                            base_->Read(offset, size, scratch, context));
    if (verdict.hit_after()) return Injector::Error(verdict, call, offset);
    if (verdict.hit && !bytes.empty()) {
      bytes = Damage(verdict.effect, bytes, scratch);
    }
    injector_->CountRead(call.kind, bytes.size());
    return bytes;
  }

  void Prefetch(uint64_t offset, uint64_t size,
                const IoContext& context) const override {
    base_->Prefetch(offset, size, context);
  }

  absl::StatusOr<uint64_t> Size() const override {
    return injector_->Through(Call{FileOp::kInfo, kind_, path_},
                              [&] { return base_->Size(); });
  }

 private:
  static std::string_view Damage(Fault::Effect effect, std::string_view bytes,
                                 char* scratch) {
    if (effect == Fault::Effect::kShortRead) {
      return bytes.substr(0, bytes.size() / 2);
    }
    // The base may have returned its own memory, which is not ours to change.
    std::copy(bytes.begin(), bytes.end(), scratch);
    scratch[bytes.size() / 2] ^= 0x10;
    return {scratch, bytes.size()};
  }

  const std::shared_ptr<Injector> injector_;
  const std::string path_;
  const IoContext::Kind kind_;
  const std::unique_ptr<RandomAccessFile> base_;
};

class FaultInjectionFileSystem::WriteHandle final : public WritableFile {
 public:
  WriteHandle(std::shared_ptr<Injector> injector, std::string path,
              IoContext::Kind kind, std::unique_ptr<WritableFile> base)
      : injector_(std::move(injector)),
        path_(std::move(path)),
        kind_(kind),
        base_(std::move(base)) {}

  absl::Status Append(std::span<const std::string_view> pieces,
                      const IoContext& context) override {
    NoteUse();
    const Call call{FileOp::kAppend, KindOf(context, kind_), path_};
    const Verdict verdict = injector_->Check(call);
    if (verdict.hit && verdict.effect == Fault::Effect::kHalf) {
      // An error of the base is no worse than the one that is due anyway.
      AppendHalf(pieces, context).IgnoreError();
    }
    if (verdict.hit_before()) return Injector::Error(verdict, call, size_);
    LISSOM_RETURN_IF_ERROR(base_->Append(pieces, context));
    if (verdict.hit_after()) return Injector::Error(verdict, call, size_);
    uint64_t bytes = 0;
    for (std::string_view piece : pieces) bytes += piece.size();
    size_ += bytes;
    injector_->CountAppended(call.kind, bytes);
    return absl::OkStatus();
  }

  absl::Status Sync(const IoContext& context) override {
    NoteUse();
    absl::Status status =
        injector_->Through(Call{FileOp::kSync, KindOf(context, kind_), path_},
                           [&] { return base_->Sync(context); });
    if (!status.ok()) sync_failed_ = true;
    return status;
  }

  absl::Status Allocate(uint64_t size, const IoContext& context) override {
    return injector_->Through(
        Call{FileOp::kAllocate, KindOf(context, kind_), path_},
        [&] { return base_->Allocate(size, context); });
  }

  absl::Status TrimToSize(const IoContext& context) override {
    return injector_->Through(
        Call{FileOp::kTrim, KindOf(context, kind_), path_},
        [&] { return base_->TrimToSize(context); });
  }

  absl::Status Close() override {
    const Call call{FileOp::kClose, kind_, path_};
    const Verdict verdict = injector_->Check(call);
    // Closed in any case, as close(2) does.
    LISSOM_RETURN_IF_ERROR(base_->Close());
    return verdict.hit ? Injector::Error(verdict, call) : absl::OkStatus();
  }

 private:
  void NoteUse() {
    if (sync_failed_) injector_->CountUseAfterFailedSync();
  }

  absl::Status AppendHalf(std::span<const std::string_view> pieces,
                          const IoContext& context) {
    std::string bytes;
    for (std::string_view piece : pieces) bytes += piece;
    const std::string_view half =
        std::string_view(bytes).substr(0, bytes.size() / 2);
    return base_->Append({&half, 1}, context);
  }

  const std::shared_ptr<Injector> injector_;
  const std::string path_;
  const IoContext::Kind kind_;
  const std::unique_ptr<WritableFile> base_;
  bool sync_failed_ = false;
};

FaultInjectionFileSystem::FaultInjectionFileSystem(
    std::shared_ptr<FileSystem> base)
    : base_(std::move(base)), injector_(std::make_shared<Injector>()) {}

FaultInjectionFileSystem::~FaultInjectionFileSystem() = default;

FileSystem& FaultInjectionFileSystem::base() const { return *base_; }

uint64_t FaultInjectionFileSystem::Arm(Fault fault) {
  return injector_->Arm(std::move(fault));
}
void FaultInjectionFileSystem::Disarm(uint64_t fault) {
  injector_->Disarm(fault);
}
void FaultInjectionFileSystem::DisarmAll() { injector_->DisarmAll(); }
uint64_t FaultInjectionFileSystem::hits(uint64_t fault) const {
  return injector_->hits(fault);
}
uint64_t FaultInjectionFileSystem::count(FileOp op) const {
  return injector_->count(op);
}
uint64_t FaultInjectionFileSystem::count(FileOp op,
                                         IoContext::Kind kind) const {
  return injector_->count(op, kind);
}
uint64_t FaultInjectionFileSystem::bytes_appended(IoContext::Kind kind) const {
  return injector_->appended(kind);
}
uint64_t FaultInjectionFileSystem::bytes_read(IoContext::Kind kind) const {
  return injector_->read(kind);
}
uint64_t FaultInjectionFileSystem::uses_after_failed_sync() const {
  return injector_->uses_after_failed_sync();
}
void FaultInjectionFileSystem::ResetCounters() { injector_->ResetCounters(); }

absl::StatusOr<std::unique_ptr<RandomAccessFile>>
FaultInjectionFileSystem::OpenForRead(const std::string& path,
                                      const IoContext& context) {
  LISSOM_ASSIGN_OR_RETURN(
      std::unique_ptr<RandomAccessFile> file,
      injector_->Through(Call{FileOp::kOpen, context.kind, path},
                         [&] { return base_->OpenForRead(path, context); }));
  return std::make_unique<ReadHandle>(injector_, path, context.kind,
                                      std::move(file));
}

absl::StatusOr<std::unique_ptr<WritableFile>> FaultInjectionFileSystem::Create(
    const std::string& path, const IoContext& context) {
  LISSOM_ASSIGN_OR_RETURN(
      std::unique_ptr<WritableFile> file,
      injector_->Through(Call{FileOp::kCreate, context.kind, path},
                         [&] { return base_->Create(path, context); }));
  return std::make_unique<WriteHandle>(injector_, path, context.kind,
                                       std::move(file));
}

absl::Status FaultInjectionFileSystem::RemoveFile(const std::string& path,
                                                  const IoContext& context) {
  return injector_->Through(Call{FileOp::kRemove, context.kind, path},
                            [&] { return base_->RemoveFile(path, context); });
}

absl::Status FaultInjectionFileSystem::RenameFile(const std::string& from,
                                                  const std::string& to,
                                                  const IoContext& context) {
  return injector_->Through(
      Call{FileOp::kRename, context.kind, from, &to},
      [&] { return base_->RenameFile(from, to, context); });
}

absl::StatusOr<FileInfo> FaultInjectionFileSystem::GetFileInfo(
    const std::string& path) {
  return injector_->Through(Call{FileOp::kInfo, IoContext::Kind::kOther, path},
                            [&] { return base_->GetFileInfo(path); });
}

absl::StatusOr<std::vector<std::string>>
FaultInjectionFileSystem::ListDirectory(const std::string& path) {
  return injector_->Through(
      Call{FileOp::kList, IoContext::Kind::kDirectory, path},
      [&] { return base_->ListDirectory(path); });
}

absl::Status FaultInjectionFileSystem::CreateDirectory(
    const std::string& path) {
  return injector_->Through(
      Call{FileOp::kMakeDirectory, IoContext::Kind::kDirectory, path},
      [&] { return base_->CreateDirectory(path); });
}

absl::Status FaultInjectionFileSystem::RemoveDirectory(
    const std::string& path) {
  return injector_->Through(
      Call{FileOp::kRemoveDirectory, IoContext::Kind::kDirectory, path},
      [&] { return base_->RemoveDirectory(path); });
}

absl::Status FaultInjectionFileSystem::SyncDirectory(const std::string& path) {
  return injector_->Through(
      Call{FileOp::kSyncDirectory, IoContext::Kind::kDirectory, path},
      [&] { return base_->SyncDirectory(path); });
}

absl::StatusOr<std::unique_ptr<FileLock>> FaultInjectionFileSystem::LockFile(
    const std::string& path) {
  return injector_->Through(Call{FileOp::kLock, IoContext::Kind::kLock, path},
                            [&] { return base_->LockFile(path); });
}

}  // namespace lissom
