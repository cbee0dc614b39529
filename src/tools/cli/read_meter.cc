#include "src/tools/cli/read_meter.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "util/status_macros.h"

namespace lissom::tools {
namespace {

absl::Status Refused(const std::string& path) {
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": nothing is to be changed here"));
}

class MeteredFile final : public RandomAccessFile {
 public:
  MeteredFile(std::unique_ptr<RandomAccessFile> base,
              std::shared_ptr<const ReadMeter::OnRead> on_read)
      : base_(std::move(base)), on_read_(std::move(on_read)) {}

  absl::StatusOr<std::string_view> Read(
      uint64_t offset, size_t size, char* scratch,
      const IoContext& context) const override {
    LISSOM_ASSIGN_OR_RETURN(const std::string_view bytes,
                            base_->Read(offset, size, scratch, context));
    (*on_read_)(bytes.size());
    return bytes;
  }
  void ReadBatch(std::span<ReadRequest> requests,
                 const IoContext& context) const override {
    base_->ReadBatch(requests, context);
    for (const ReadRequest& request : requests) {
      (*on_read_)(request.result.size());
    }
  }
  void Prefetch(uint64_t offset, uint64_t size,
                const IoContext& context) const override {
    base_->Prefetch(offset, size, context);
  }
  absl::StatusOr<uint64_t> Size() const override { return base_->Size(); }

 private:
  const std::unique_ptr<RandomAccessFile> base_;
  const std::shared_ptr<const ReadMeter::OnRead> on_read_;
};

}  // namespace

ReadMeter::ReadMeter(std::shared_ptr<FileSystem> base, OnRead on_read)
    : base_(std::move(base)),
      on_read_(std::make_shared<const OnRead>(std::move(on_read))) {}

absl::StatusOr<std::unique_ptr<RandomAccessFile>> ReadMeter::OpenForRead(
    const std::string& path, const IoContext& context) {
  auto file = base_->OpenForRead(path, context);
  if (!file.ok() || context.kind != IoContext::Kind::kTable) return file;
  return std::make_unique<MeteredFile>(*std::move(file), on_read_);
}

absl::StatusOr<FileInfo> ReadMeter::GetFileInfo(const std::string& path) {
  return base_->GetFileInfo(path);
}

absl::StatusOr<std::vector<std::string>> ReadMeter::ListDirectory(
    const std::string& path) {
  return base_->ListDirectory(path);
}

absl::StatusOr<std::unique_ptr<WritableFile>> ReadMeter::Create(
    const std::string& path, const IoContext&) {
  return Refused(path);
}
absl::Status ReadMeter::RemoveFile(const std::string& path, const IoContext&) {
  return Refused(path);
}
absl::Status ReadMeter::RenameFile(const std::string& from, const std::string&,
                                   const IoContext&) {
  return Refused(from);
}
absl::Status ReadMeter::CreateDirectory(const std::string& path) {
  return Refused(path);
}
absl::Status ReadMeter::RemoveDirectory(const std::string& path) {
  return Refused(path);
}
absl::Status ReadMeter::SyncDirectory(const std::string& path) {
  return Refused(path);
}
absl::StatusOr<std::unique_ptr<FileLock>> ReadMeter::LockFile(
    const std::string& path) {
  return Refused(path);
}

}  // namespace lissom::tools
