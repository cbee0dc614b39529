#include "src/tools/report/report.h"

#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "db/filename.h"
#include "src/tools/cli/new_file.h"
#include "src/tools/cli/output.h"
#include "src/tools/inspect/beside_writer.h"
#include "src/tools/report/html.h"
#include "src/tools/report/sections.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

// A writer may replace CURRENT and its manifest between our reads of the two.
absl::StatusOr<ManifestState> ReadManifestBesideWriter(
    FileSystem& files, const std::string& directory) {
  ManifestState state;
  LISSOM_RETURN_IF_ERROR(
      RetryBesideWriter(files, directory, [&]() -> absl::Status {
        LISSOM_ASSIGN_OR_RETURN(state, ReadManifest(files, directory));
        return absl::OkStatus();
      }));
  return state;
}

absl::Status CheckIsDatabase(FileSystem& files, const std::string& directory) {
  LISSOM_ASSIGN_OR_RETURN(const FileInfo info, files.GetFileInfo(directory));
  if (info.type == FileInfo::Type::kAbsent) {
    return absl::InvalidArgumentError(
        absl::StrCat(directory, ": no such directory"));
  }
  if (info.type != FileInfo::Type::kDirectory) {
    return absl::InvalidArgumentError(
        absl::StrCat(directory, ": is no directory"));
  }
  LISSOM_ASSIGN_OR_RETURN(const FileInfo current,
                          files.GetFileInfo(CurrentFileName(directory)));
  if (current.type != FileInfo::Type::kAbsent) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(directory, ": no database is in there: no CURRENT"));
}

// Logs that the manifest still needs.
absl::Status CountLogs(FileSystem& files, ReportData* data) {
  LISSOM_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                          files.ListDirectory(data->directory));
  for (const std::string& name : names) {
    const std::optional<ParsedFileName> parsed = ParseFileName(name);
    if (!parsed.has_value() || parsed->type != FileType::kWal ||
        parsed->number < data->manifest.min_log_number) {
      continue;
    }
    LISSOM_ASSIGN_OR_RETURN(
        const FileInfo info,
        files.GetFileInfo(WalFileName(data->directory, parsed->number)));
    ++data->log_files;
    data->log_bytes += info.size;
  }
  return absl::OkStatus();
}

absl::Status CheckParent(FileSystem& files, const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return absl::OkStatus();
  const std::string parent = path.substr(0, slash);
  LISSOM_ASSIGN_OR_RETURN(const FileInfo info, files.GetFileInfo(parent));
  if (info.type == FileInfo::Type::kDirectory) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": there is no directory ", parent));
}

// May there be a report at `path`?
absl::Status CheckTarget(FileSystem& files, const std::string& path,
                         bool force) {
  LISSOM_ASSIGN_OR_RETURN(const FileInfo info, files.GetFileInfo(path));
  if (info.type == FileInfo::Type::kAbsent) {
    return CheckParent(files, path);
  }
  if (info.type != FileInfo::Type::kFile) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is not a file"));
  }
  if (force) return absl::OkStatus();
  LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> file,
                          files.OpenForRead(path, {}));
  std::array<char, kReportMark.size()> scratch{};
  LISSOM_ASSIGN_OR_RETURN(
      const std::string_view head,
      file->Read(0, scratch.size(), scratch.data(), IoContext{}));
  if (head == kReportMark) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      path, ": is there and is no report; --force writes over it"));
}

}  // namespace

absl::StatusOr<ReportData> CollectReport(FileSystem& files,
                                         const std::string& directory,
                                         absl::Time now) {
  LISSOM_RETURN_IF_ERROR(CheckIsDatabase(files, directory));
  ReportData data{.directory = directory, .made = now};
  LISSOM_ASSIGN_OR_RETURN(data.manifest,
                          ReadManifestBesideWriter(files, directory));
  LISSOM_RETURN_IF_ERROR(CountLogs(files, &data));
  LISSOM_ASSIGN_OR_RETURN(data.history, ReadHistory(files, directory));
  return data;
}

std::string RenderReport(const ReportData& data) {
  const std::string name = Escaped(Escape(data.directory, 200));
  std::string page(kReportMark);
  absl::StrAppend(
      &page, "<html lang=\"en\"><head><meta charset=\"utf-8\">\n",
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">",
      "\n<title>", name, " – lissom report</title>\n<style>\n", PageStyle(),
      "</style></head>\n<body><main>\n<header><p class=\"kind\">lissom report",
      "</p><h1>", name, "</h1>\n<p class=\"soft\">",
      absl::FormatTime("%e %B %Y, %H:%M UTC", data.made, absl::UTCTimeZone()),
      " · manifest ", data.manifest.manifest_number, " · keys ordered by ",
      KeyText(data.manifest.comparator, 80), "</p></header>\n", Tiles(data),
      TreeSection(data), LevelsSection(data), WriteAmplificationSection(data),
      HistorySection(data),
      "<footer class=\"soft\">Read from the manifest and LOG; nothing was "
      "changed. Times are UTC; sizes are of files.</footer>\n"
      "</main></body></html>\n");
  return page;
}

absl::Status WriteReport(const std::string& path, std::string_view page,
                         bool force) {
  const std::shared_ptr<FileSystem> files = FileSystem::Posix();
  LISSOM_RETURN_IF_ERROR(CheckTarget(*files, path, force));
  LISSOM_ASSIGN_OR_RETURN(const FileInfo info, files->GetFileInfo(path));
  LISSOM_ASSIGN_OR_RETURN(
      const std::unique_ptr<NewFile> file,
      NewFile::Create(path, force || info.type == FileInfo::Type::kFile));
  Output out(file->fd(), path);
  out.Write(page);
  LISSOM_RETURN_IF_ERROR(out.Flush());
  return file->Commit();
}

}  // namespace lissom::tools
