#include "db/recovery/beside_writer_files.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "util/error.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

constexpr std::string_view kWhy = "the database was opened read-only";

bool IsMissing(const absl::Status& status) {
  const std::optional<ErrorDetail> detail = DetailOf(status);
  return detail.has_value() && detail->kind == ErrorKind::kMissingFile;
}

// Reads the range whole. kDataLoss: the file ends in it.
absl::Status ReadFully(const RandomAccessFile& file, uint64_t offset,
                       size_t size, char* to, const std::string& path,
                       const IoContext& context) {
  LISSOM_ASSIGN_OR_RETURN(const std::string_view got,
                          file.Read(offset, size, to, context));
  if (got.size() != size) {
    return CorruptionError(path, offset + got.size(), "the file was cut short");
  }
  if (got.data() != to) std::memcpy(to, got.data(), size);
  return absl::OkStatus();
}

}  // namespace

class BesideWriterFiles::FrozenFile {
 public:
  FrozenFile(std::string path, std::unique_ptr<RandomAccessFile> file)
      : path_(std::move(path)), file_(std::move(file)) {}

  absl::Status Freeze(const IoContext& context) {
    LISSOM_ASSIGN_OR_RETURN(size_, file_->Size());
    // From the back: see the header.
    constexpr uint64_t kChunk = uint64_t{256} << 10;
    std::string bytes;
    for (uint64_t end = size_; end > 0;) {
      const uint64_t begin = (end - 1) / kChunk * kChunk;
      bytes.resize(end - begin);
      // Nothing behind what we have read is known to be written yet, so a file
      // that is being trimmed may end here: those were zeros.
      LISSOM_ASSIGN_OR_RETURN(
          const std::string_view got,
          file_->Read(begin, bytes.size(), bytes.data(), context));
      const size_t last = got.find_last_not_of('\0');
      if (last != std::string_view::npos) {
        written_ = begin + last + 1;
        break;
      }
      end = begin;
    }
    return absl::OkStatus();
  }

  uint64_t size() const { return size_; }
  uint64_t written() const { return written_; }

  absl::StatusOr<std::string_view> Read(uint64_t offset, size_t size,
                                        char* scratch,
                                        const IoContext& context) const {
    if (offset >= size_) return std::string_view();
    size = static_cast<size_t>(std::min<uint64_t>(size, size_ - offset));
    const auto written =
        offset < written_
            ? static_cast<size_t>(std::min<uint64_t>(size, written_ - offset))
            : size_t{0};
    LISSOM_RETURN_IF_ERROR(
        ReadFully(*file_, offset, written, scratch, path_, context));
    std::memset(scratch + written, 0, size - written);
    return std::string_view(scratch, size);
  }

 private:
  const std::string path_;
  const std::unique_ptr<RandomAccessFile> file_;
  uint64_t size_ = 0;
  uint64_t written_ = 0;  // Behind the last byte that was not zero.
};

class BesideWriterFiles::FrozenHandle final : public RandomAccessFile {
 public:
  explicit FrozenHandle(std::shared_ptr<const FrozenFile> file)
      : file_(std::move(file)) {}

  absl::StatusOr<std::string_view> Read(
      uint64_t offset, size_t size, char* scratch,
      const IoContext& context) const override {
    return file_->Read(offset, size, scratch, context);
  }
  absl::StatusOr<uint64_t> Size() const override { return file_->size(); }

 private:
  const std::shared_ptr<const FrozenFile> file_;
};

BesideWriterFiles::BesideWriterFiles(std::shared_ptr<FileSystem> base)
    : ReadOnlyFileSystem(std::move(base), kWhy) {}
BesideWriterFiles::~BesideWriterFiles() = default;

absl::StatusOr<uint64_t> BesideWriterFiles::Freeze(const std::string& path,
                                                   const IoContext& context) {
  LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessFile> file,
                          base().OpenForRead(path, context));
  auto frozen = std::make_shared<FrozenFile>(path, std::move(file));
  LISSOM_RETURN_IF_ERROR(frozen->Freeze(context));
  const uint64_t written = frozen->written();
  frozen_[path] = std::move(frozen);
  return written;
}

void BesideWriterFiles::Forget() { frozen_.clear(); }

absl::StatusOr<std::unique_ptr<RandomAccessFile>>
BesideWriterFiles::OpenForRead(const std::string& path,
                               const IoContext& context) {
  const auto found = frozen_.find(path);
  if (found != frozen_.end()) {
    return std::make_unique<FrozenHandle>(found->second);
  }
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> file =
      base().OpenForRead(path, context);
  if (!file.ok()) {
    if (context.kind != IoContext::Kind::kTable || !IsMissing(file.status())) {
      return file;
    }
    return WithDetail(
        absl::UnavailableError(absl::StrCat(
            path, ": the writer has removed this table; open again")),
        {.kind = ErrorKind::kMissingFile, .file = path});
  }
  if (context.kind != IoContext::Kind::kWal &&
      context.kind != IoContext::Kind::kManifest) {
    return file;
  }
  auto frozen = std::make_shared<FrozenFile>(path, *std::move(file));
  LISSOM_RETURN_IF_ERROR(frozen->Freeze(context));
  return std::make_unique<FrozenHandle>(std::move(frozen));
}

}  // namespace lissom
