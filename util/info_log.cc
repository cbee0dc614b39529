#include "util/info_log.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "util/mutex.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom {
namespace {

constexpr IoContext kContext = {.kind = IoContext::Kind::kInfoLog};
constexpr size_t kMaxLineBytes = 4096;

char Letter(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return 'I';
    case LogLevel::kWarning:
      return 'W';
    case LogLevel::kError:
      return 'E';
  }
  return '?';
}

// As Escape, but a backslash stays: messages bring escapes of their own, and
// lines of JSON must read back.
std::string AsOneLine(std::string_view line) {
  std::string text;
  const std::string_view kept = line.substr(0, kMaxLineBytes);
  for (size_t begin = 0; begin <= kept.size();) {
    const size_t end = std::min(kept.find('\\', begin), kept.size());
    text += Escape(kept.substr(begin, end - begin), kMaxLineBytes);
    if (end < kept.size()) text += '\\';
    begin = end + 1;
  }
  if (kept.size() < line.size()) text += "...";
  return text;
}

class InfoLog final : public Logger {
 public:
  InfoLog(std::shared_ptr<FileSystem> file_system, std::shared_ptr<Clock> clock,
          std::unique_ptr<WritableFile> file)
      : file_system_(std::move(file_system)),
        clock_(std::move(clock)),
        file_(std::move(file)) {}

  void Log(LogLevel level, std::string_view line) override {
    const char letter[] = {' ', Letter(level), ' ', '\0'};
    const std::string text =
        absl::StrCat(absl::FormatTime("%E4Y-%m-%dT%H:%M:%E6SZ", clock_->Now(),
                                      absl::UTCTimeZone()),
                     letter, AsOneLine(line), "\n");
    MutexLock lock(mu_);
    // After a failed append the file may end in half a line: end it first.
    const std::string_view pieces[] = {torn_ ? "\n" : "", text};
    // A full disk must not be made worse by the log's complaint about it.
    torn_ = !file_->Append(pieces, kContext).ok();
  }

 private:
  const std::shared_ptr<FileSystem> file_system_;
  const std::shared_ptr<Clock> clock_;
  Mutex mu_;  // A leaf; held over the append, so that lines do not mix.
  const std::unique_ptr<WritableFile> file_ ABSL_PT_GUARDED_BY(mu_);
  bool torn_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace

absl::StatusOr<std::shared_ptr<Logger>> OpenInfoLog(
    std::shared_ptr<FileSystem> file_system, const std::string& path,
    const std::string& old_path, std::shared_ptr<Clock> clock) {
  LISSOM_ASSIGN_OR_RETURN(const FileInfo info, file_system->GetFileInfo(path));
  if (info.type != FileInfo::Type::kAbsent) {
    LISSOM_RETURN_IF_ERROR(file_system->RenameFile(path, old_path, kContext));
  }
  LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file,
                          file_system->Create(path, kContext));
  std::shared_ptr<Logger> log = std::make_shared<InfoLog>(
      std::move(file_system), std::move(clock), std::move(file));
  return log;
}

}  // namespace lissom
