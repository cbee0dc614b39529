#include "src/tools/inspect/log_file.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "db/filename.h"
#include "src/tools/inspect/dump.h"
#include "util/coding.h"
#include "util/status_macros.h"

namespace lissom::tools {
namespace {

// The number that the header names, believed or not: opening verifies it.
constexpr size_t kNumberAt = 16;
constexpr size_t kNumberEnd = kNumberAt + sizeof(uint64_t);

absl::StatusOr<uint64_t> NumberInHeader(FileSystem& files,
                                        const std::string& path, LogKind kind) {
  LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> file,
                          files.OpenForRead(path, LogIoContext(kind)));
  std::array<char, kNumberEnd> head{};
  LISSOM_ASSIGN_OR_RETURN(
      const std::string_view bytes,
      file->Read(0, head.size(), head.data(), LogIoContext(kind)));
  if (bytes.size() < kNumberEnd) return 0;
  return DecodeFixed64(bytes.data() + kNumberAt);
}

}  // namespace

std::shared_ptr<FileSystem> Borrowed(FileSystem& files) {
  return {std::shared_ptr<void>(), &files};
}

absl::StatusOr<OpenedLog> OpenFrozenLog(BesideWriterFiles& files,
                                        const std::string& path, LogKind kind,
                                        uint64_t number) {
  OpenedLog log;
  LISSOM_ASSIGN_OR_RETURN(log.reader,
                          LogReader::Open(files, path, kind, number));
  LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> file,
                          files.OpenForRead(path, LogIoContext(kind)));
  LISSOM_ASSIGN_OR_RETURN(log.size, file->Size());
  return log;
}

absl::StatusOr<OpenedLog> OpenLog(FileSystem& files, const std::string& path,
                                  LogKind kind) {
  const char* noun = kind == LogKind::kWal ? "a log" : "a manifest";
  const FileType type =
      kind == LogKind::kWal ? FileType::kWal : FileType::kManifest;
  LISSOM_RETURN_IF_ERROR(CheckIsFile(files, path, noun));
  const std::optional<ParsedFileName> name = ParseFileName(BaseName(path));
  uint64_t number = 0;
  if (name.has_value() && name->type == type) {
    number = name->number;
  } else if (name.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is not ", noun, " by its name"));
  } else {
    LISSOM_ASSIGN_OR_RETURN(number, NumberInHeader(files, path, kind));
  }
  BesideWriterFiles frozen(Borrowed(files));
  LISSOM_RETURN_IF_ERROR(frozen.Freeze(path, LogIoContext(kind)).status());
  return OpenFrozenLog(frozen, path, kind, number);
}

}  // namespace lissom::tools
