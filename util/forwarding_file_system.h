// File systems that stand before another one: what they do not override goes
// through to it. ForwardingFileSystem passes everything on,
// ReadOnlyFileSystem refuses what would change a file.
//
// Thread-safe if the file system behind is.
#ifndef LISSOM_UTIL_FORWARDING_FILE_SYSTEM_H_
#define LISSOM_UTIL_FORWARDING_FILE_SYSTEM_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lissom/file_system.h"

namespace lissom {

class ForwardingFileSystem : public FileSystem {
 public:
  explicit ForwardingFileSystem(std::shared_ptr<FileSystem> base)
      : base_(std::move(base)) {}

  absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenForRead(
      const std::string& path, const IoContext& context) override {
    return base_->OpenForRead(path, context);
  }
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(
      const std::string& path, const IoContext& context) override {
    return base_->Create(path, context);
  }
  absl::Status RemoveFile(const std::string& path,
                          const IoContext& context) override {
    return base_->RemoveFile(path, context);
  }
  absl::Status RenameFile(const std::string& from, const std::string& to,
                          const IoContext& context) override {
    return base_->RenameFile(from, to, context);
  }
  absl::StatusOr<FileInfo> GetFileInfo(const std::string& path) override {
    return base_->GetFileInfo(path);
  }
  absl::StatusOr<std::vector<std::string>> ListDirectory(
      const std::string& path) override {
    return base_->ListDirectory(path);
  }
  absl::Status CreateDirectory(const std::string& path) override {
    return base_->CreateDirectory(path);
  }
  absl::Status RemoveDirectory(const std::string& path) override {
    return base_->RemoveDirectory(path);
  }
  absl::Status SyncDirectory(const std::string& path) override {
    return base_->SyncDirectory(path);
  }
  absl::StatusOr<std::unique_ptr<FileLock>> LockFile(
      const std::string& path) override {
    return base_->LockFile(path);
  }

 protected:
  FileSystem& base() const { return *base_; }

 private:
  const std::shared_ptr<FileSystem> base_;
};

// kFailedPrecondition, "PATH: WHY", from every call that would change a file.
class ReadOnlyFileSystem : public ForwardingFileSystem {
 public:
  // `why` outlives it.
  ReadOnlyFileSystem(std::shared_ptr<FileSystem> base, std::string_view why)
      : ForwardingFileSystem(std::move(base)), why_(why) {}

  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path,
                                                       const IoContext&) final {
    return Refused(path);
  }
  absl::Status RemoveFile(const std::string& path, const IoContext&) final {
    return Refused(path);
  }
  absl::Status RenameFile(const std::string& from, const std::string&,
                          const IoContext&) final {
    return Refused(from);
  }
  absl::Status CreateDirectory(const std::string& path) final {
    return Refused(path);
  }
  absl::Status RemoveDirectory(const std::string& path) final {
    return Refused(path);
  }
  absl::Status SyncDirectory(const std::string& path) final {
    return Refused(path);
  }
  absl::StatusOr<std::unique_ptr<FileLock>> LockFile(
      const std::string& path) final {
    return Refused(path);
  }

 private:
  absl::Status Refused(const std::string& path) const {
    return absl::FailedPreconditionError(path + ": " + std::string(why_));
  }

  const std::string_view why_;
};

// A file that is read through to another one.
class ForwardingRandomAccessFile : public RandomAccessFile {
 public:
  explicit ForwardingRandomAccessFile(std::unique_ptr<RandomAccessFile> base)
      : base_(std::move(base)) {}

  absl::StatusOr<std::string_view> Read(
      uint64_t offset, size_t size, char* scratch,
      const IoContext& context) const override {
    return base_->Read(offset, size, scratch, context);
  }
  void ReadBatch(std::span<ReadRequest> requests,
                 const IoContext& context) const override {
    base_->ReadBatch(requests, context);
  }
  void Prefetch(uint64_t offset, uint64_t size,
                const IoContext& context) const override {
    base_->Prefetch(offset, size, context);
  }
  absl::StatusOr<uint64_t> Size() const override { return base_->Size(); }

 protected:
  const RandomAccessFile& base() const { return *base_; }

 private:
  const std::unique_ptr<RandomAccessFile> base_;
};

}  // namespace lissom

#endif  // LISSOM_UTIL_FORWARDING_FILE_SYSTEM_H_
