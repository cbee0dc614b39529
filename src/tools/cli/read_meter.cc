#include "src/tools/cli/read_meter.h"

#include <utility>

#include "util/status_macros.h"

namespace lissom::tools {
namespace {

class MeteredFile final : public ForwardingRandomAccessFile {
 public:
  MeteredFile(std::unique_ptr<RandomAccessFile> base,
              std::shared_ptr<const ReadMeter::OnRead> on_read)
      : ForwardingRandomAccessFile(std::move(base)),
        on_read_(std::move(on_read)) {}

  absl::StatusOr<std::string_view> Read(
      uint64_t offset, size_t size, char* scratch,
      const IoContext& context) const override {
    LISSOM_ASSIGN_OR_RETURN(const std::string_view bytes,
                            base().Read(offset, size, scratch, context));
    (*on_read_)(bytes.size());
    return bytes;
  }
  void ReadBatch(std::span<ReadRequest> requests,
                 const IoContext& context) const override {
    base().ReadBatch(requests, context);
    for (const ReadRequest& request : requests) {
      (*on_read_)(request.result.size());
    }
  }

 private:
  const std::shared_ptr<const ReadMeter::OnRead> on_read_;
};

}  // namespace

ReadMeter::ReadMeter(std::shared_ptr<FileSystem> base, OnRead on_read)
    : ReadOnlyFileSystem(std::move(base), "nothing is to be changed here"),
      on_read_(std::make_shared<const OnRead>(std::move(on_read))) {}

absl::StatusOr<std::unique_ptr<RandomAccessFile>> ReadMeter::OpenForRead(
    const std::string& path, const IoContext& context) {
  auto file = base().OpenForRead(path, context);
  if (!file.ok() || context.kind != IoContext::Kind::kTable) return file;
  return std::make_unique<MeteredFile>(*std::move(file), on_read_);
}

}  // namespace lissom::tools
