// NullFileSystem's files take every append and keep nothing: for measuring what
// a writer itself costs. Reading, listing and the rest are kUnimplemented.
// Stateless but for the sizes of the files: thread-safe.
#ifndef LISSOM_TESTS_SUPPORT_NULL_FILE_SYSTEM_H_
#define LISSOM_TESTS_SUPPORT_NULL_FILE_SYSTEM_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lissom/file_system.h"

namespace lissom {

class NullFileSystem final : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(
      const std::string&, const IoContext&) override {
    return std::make_unique<File>();
  }
  absl::Status RemoveFile(const std::string&, const IoContext&) override {
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenForRead(
      const std::string&, const IoContext&) override {
    return Refusal();
  }
  absl::Status RenameFile(const std::string&, const std::string&,
                          const IoContext&) override {
    return Refusal();
  }
  absl::StatusOr<FileInfo> GetFileInfo(const std::string&) override {
    return Refusal();
  }
  absl::StatusOr<std::vector<std::string>> ListDirectory(
      const std::string&) override {
    return Refusal();
  }
  absl::Status CreateDirectory(const std::string&) override {
    return Refusal();
  }
  absl::Status RemoveDirectory(const std::string&) override {
    return Refusal();
  }
  absl::Status SyncDirectory(const std::string&) override { return Refusal(); }
  absl::StatusOr<std::unique_ptr<FileLock>> LockFile(
      const std::string&) override {
    return Refusal();
  }

 private:
  class File final : public WritableFile {
   public:
    absl::Status Append(std::span<const std::string_view> pieces,
                        const IoContext&) override {
      for (const std::string_view piece : pieces) size_ += piece.size();
      return absl::OkStatus();
    }
    absl::Status Sync(const IoContext&) override { return absl::OkStatus(); }
    absl::Status Allocate(uint64_t, const IoContext&) override {
      return absl::OkStatus();
    }
    absl::Status TrimToSize(const IoContext&) override {
      return absl::OkStatus();
    }
    absl::Status Close() override { return absl::OkStatus(); }
  };

  static absl::Status Refusal() {
    return absl::UnimplementedError("null files only take appends");
  }
};

}  // namespace lissom

#endif  // LISSOM_TESTS_SUPPORT_NULL_FILE_SYSTEM_H_
