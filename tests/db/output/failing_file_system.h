// FailingFileSystem passes everything on to another file system, and fails
// exactly one operation, the nth, or every one from the nth on, with EIO. For
// "whatever fails, nothing is left behind" tests: run, count, fail each.
// Removing files never fails: it is what cleaning up counts on.
// Threads: operations from any; FailAt while there are none.
#ifndef LISSOM_TESTS_DB_OUTPUT_FAILING_FILE_SYSTEM_H_
#define LISSOM_TESTS_DB_OUTPUT_FAILING_FILE_SYSTEM_H_

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lissom/file_system.h"
#include "util/error.h"
#include "util/status_macros.h"

namespace lissom {

class FailingFileSystem final : public FileSystem {
 public:
  explicit FailingFileSystem(std::shared_ptr<FileSystem> base)
      : base_(std::move(base)) {}

  // Counts from 0 anew; the operation `n` fails, and if `sticky` all after it.
  void FailAt(uint64_t n, bool sticky) {
    operations_ = 0;
    fail_at_ = n;
    sticky_ = sticky;
    failed_ = false;
  }
  bool failed() const { return failed_; }

  absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenForRead(
      const std::string& path, const IoContext& context) override {
    LISSOM_RETURN_IF_ERROR(Step("open", path));
    LISSOM_ASSIGN_OR_RETURN(auto file, base_->OpenForRead(path, context));
    return std::make_unique<Reader>(*this, path, std::move(file));
  }
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(
      const std::string& path, const IoContext& context) override {
    LISSOM_RETURN_IF_ERROR(Step("create", path));
    LISSOM_ASSIGN_OR_RETURN(auto file, base_->Create(path, context));
    return std::make_unique<Writer>(*this, path, std::move(file));
  }
  absl::Status RemoveFile(const std::string& path,
                          const IoContext& context) override {
    return base_->RemoveFile(path, context);
  }
  absl::Status RenameFile(const std::string& from, const std::string& to,
                          const IoContext& context) override {
    LISSOM_RETURN_IF_ERROR(Step("rename", from));
    return base_->RenameFile(from, to, context);
  }
  absl::StatusOr<FileInfo> GetFileInfo(const std::string& path) override {
    LISSOM_RETURN_IF_ERROR(Step("stat", path));
    return base_->GetFileInfo(path);
  }
  absl::StatusOr<std::vector<std::string>> ListDirectory(
      const std::string& path) override {
    LISSOM_RETURN_IF_ERROR(Step("list", path));
    return base_->ListDirectory(path);
  }
  absl::Status CreateDirectory(const std::string& path) override {
    LISSOM_RETURN_IF_ERROR(Step("mkdir", path));
    return base_->CreateDirectory(path);
  }
  absl::Status RemoveDirectory(const std::string& path) override {
    LISSOM_RETURN_IF_ERROR(Step("rmdir", path));
    return base_->RemoveDirectory(path);
  }
  absl::Status SyncDirectory(const std::string& path) override {
    LISSOM_RETURN_IF_ERROR(Step("sync directory", path));
    return base_->SyncDirectory(path);
  }
  absl::StatusOr<std::unique_ptr<FileLock>> LockFile(
      const std::string& path) override {
    return base_->LockFile(path);
  }

 private:
  class Reader final : public RandomAccessFile {
   public:
    Reader(FailingFileSystem& owner, std::string path,
           std::unique_ptr<RandomAccessFile> base)
        : owner_(owner), path_(std::move(path)), base_(std::move(base)) {}
    absl::StatusOr<std::string_view> Read(
        uint64_t offset, size_t size, char* scratch,
        const IoContext& context) const override {
      LISSOM_RETURN_IF_ERROR(owner_.Step("read", path_));
      return base_->Read(offset, size, scratch, context);
    }
    absl::StatusOr<uint64_t> Size() const override {
      LISSOM_RETURN_IF_ERROR(owner_.Step("size", path_));
      return base_->Size();
    }

   private:
    FailingFileSystem& owner_;
    const std::string path_;
    const std::unique_ptr<RandomAccessFile> base_;
  };

  class Writer final : public WritableFile {
   public:
    Writer(FailingFileSystem& owner, std::string path,
           std::unique_ptr<WritableFile> base)
        : owner_(owner), path_(std::move(path)), base_(std::move(base)) {}
    absl::Status Append(std::span<const std::string_view> pieces,
                        const IoContext& context) override {
      LISSOM_RETURN_IF_ERROR(owner_.Step("append", path_));
      LISSOM_RETURN_IF_ERROR(base_->Append(pieces, context));
      size_ = base_->size();
      return absl::OkStatus();
    }
    absl::Status Sync(const IoContext& context) override {
      LISSOM_RETURN_IF_ERROR(owner_.Step("sync", path_));
      return base_->Sync(context);
    }
    absl::Status Allocate(uint64_t size, const IoContext& context) override {
      LISSOM_RETURN_IF_ERROR(owner_.Step("allocate", path_));
      return base_->Allocate(size, context);
    }
    absl::Status TrimToSize(const IoContext& context) override {
      LISSOM_RETURN_IF_ERROR(owner_.Step("trim", path_));
      return base_->TrimToSize(context);
    }
    absl::Status Close() override {
      LISSOM_RETURN_IF_ERROR(owner_.Step("close", path_));
      return base_->Close();
    }

   private:
    FailingFileSystem& owner_;
    const std::string path_;
    const std::unique_ptr<WritableFile> base_;
  };

  absl::Status Step(std::string_view what, const std::string& path) {
    const uint64_t n = operations_++;
    if (n != fail_at_ && !(sticky_ && n > fail_at_)) return absl::OkStatus();
    failed_ = true;
    return ErrnoError(EIO, what, path);
  }

  const std::shared_ptr<FileSystem> base_;
  std::atomic<uint64_t> operations_{0};
  uint64_t fail_at_ = UINT64_MAX;
  bool sticky_ = false;
  std::atomic<bool> failed_{false};
};

}  // namespace lissom

#endif  // LISSOM_TESTS_DB_OUTPUT_FAILING_FILE_SYSTEM_H_
