#include "src/tools/inspect/beside_writer.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "db/filename.h"
#include "lissom/status.h"
#include "src/tools/inspect/dump.h"
#include "util/error.h"

namespace lissom::tools {
namespace {

constexpr int kAttempts = 5;

// What a writer at work changes: the files that there are, and the manifest.
// What cannot be told is told by nobody: then nothing changed.
std::string Traces(FileSystem& files, const std::string& directory) {
  absl::StatusOr<std::vector<std::string>> names =
      files.ListDirectory(directory);
  if (!names.ok()) return "";
  std::sort(names->begin(), names->end());
  std::string traces;
  for (const std::string& name : *names) {
    absl::StrAppend(&traces, name, "\n");
    const std::optional<ParsedFileName> file = ParseFileName(name);
    if (!file.has_value() || file->type != FileType::kManifest) continue;
    const absl::StatusOr<FileInfo> info =
        files.GetFileInfo(absl::StrCat(directory, "/", name));
    if (info.ok()) absl::StrAppend(&traces, info->size, "\n");
  }
  return traces;
}

}  // namespace

absl::Status RetryUnavailable(const std::function<absl::Status()>& attempt) {
  absl::Status status = attempt();
  for (int i = 1; i < kAttempts && absl::IsUnavailable(status); ++i) {
    status = attempt();
  }
  return status;
}

absl::Status RetryBesideWriter(FileSystem& files, const std::string& directory,
                               const std::function<absl::Status()>& attempt) {
  absl::Status status;
  for (int i = 0; i < kAttempts; ++i) {
    const std::string before = Traces(files, directory);
    status = attempt();
    if (!absl::IsDataLoss(status) && !absl::IsUnavailable(status)) {
      return status;
    }
    if (before == Traces(files, directory)) return status;
  }
  const std::optional<ErrorDetail> detail = DetailOf(status);
  if (!detail.has_value() || detail->kind != ErrorKind::kMissingFile) {
    return status;
  }
  return absl::UnavailableError(absl::StrCat(
      detail->file,
      ": is gone: a writer removes files faster than they can be opened"));
}

}  // namespace lissom::tools
