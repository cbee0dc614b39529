// lissom_compare measures lissom beside RocksDB, LevelDB and LMDB, and draws
// what came out. README.md says what is compared, and how.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "benchmarks/compare/calibrate.h"
#include "benchmarks/compare/child.h"
#include "benchmarks/compare/compare.h"
#include "benchmarks/compare/compare_flags.h"
#include "benchmarks/compare/host.h"
#include "benchmarks/compare/interrupt.h"
#include "benchmarks/compare/page.h"
#include "benchmarks/compare/result.h"
#include "util/status_macros.h"

namespace lissom::bench {
namespace {

// A directory of its own, which goes with it.
class WorkDirectory {
 public:
  static absl::StatusOr<WorkDirectory> Make(std::string parent) {
    if (parent.empty()) {
      // Nothing here changes the environment.
      // NOLINTNEXTLINE(concurrency-mt-unsafe)
      const char* const temporary = std::getenv("TMPDIR");
      parent = temporary != nullptr && *temporary != '\0' ? temporary : "/tmp";
    }
    std::error_code error;
    std::filesystem::create_directories(parent, error);
    std::string path = parent + "/lissom_compare-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) {
      return absl::ErrnoToStatus(errno, "--dir=" + parent);
    }
    return WorkDirectory(std::move(path));
  }
  ~WorkDirectory() {
    std::error_code ignored;  // There is nobody left to tell.
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  WorkDirectory(WorkDirectory&& other) noexcept
      : path_(std::exchange(other.path_, {})) {}
  WorkDirectory& operator=(WorkDirectory&&) = delete;
  const std::string& path() const { return path_; }

 private:
  explicit WorkDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Whole or not at all: a page that is half there would be believed.
absl::Status WriteFile(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".tmp";
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file || std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    std::remove(temporary.c_str());
    return absl::ErrnoToStatus(error == 0 ? EIO : error, "writing " + path);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::ErrnoToStatus(errno, "reading " + path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

absl::Status WriteOutputs(const CompareFlags& flags, const Result& result) {
  if (!flags.json.empty()) {
    LISSOM_RETURN_IF_ERROR(WriteFile(flags.json, ToJson(result)));
  }
  if (!flags.html.empty()) {
    LISSOM_RETURN_IF_ERROR(WriteFile(flags.html, ToHtml(result)));
  }
  if (!flags.svg.empty()) {
    LISSOM_RETURN_IF_ERROR(WriteFile(flags.svg, ToHeadlineSvg(result)));
  }
  return absl::OkStatus();
}

absl::Status Render(const CompareFlags& flags) {
  LISSOM_ASSIGN_OR_RETURN(const std::string text, ReadFile(flags.render));
  absl::StatusOr<Result> result = FromJson(text);
  if (!result.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(flags.render, ": ", result.status().message()));
  }
  return WriteOutputs(flags, *result);
}

absl::Status RunCalibration(const CompareFlags& flags,
                            const std::string& program) {
  LISSOM_ASSIGN_OR_RETURN(const WorkDirectory directory,
                          WorkDirectory::Make(flags.dir));
  Voice voice(flags.quiet);
  CalibrationRequest request{.program = program,
                             .db_bench = flags.db_bench,
                             .directory = directory.path(),
                             .pairs = flags.pairs};
  if (flags.read_keys > 0) request.keys = flags.read_keys;
  absl::StatusOr<std::vector<Calibration>> calibrations =
      Calibrate(request, voice);
  if (!calibrations.ok()) return calibrations.status();
  voice.Note("");
  std::fputs(ToText(*calibrations).c_str(), stdout);
  return absl::OkStatus();
}

absl::Status RunComparison(const CompareFlags& flags,
                           const std::string& program,
                           const std::string& command) {
  LISSOM_ASSIGN_OR_RETURN(const WorkDirectory directory,
                          WorkDirectory::Make(flags.dir));
  const Plan plan = PlanOf(flags);
  Voice voice(flags.quiet);
  voice.Note(LabelOf(plan));
  Result result;
  absl::Status status =
      Compare(plan, program, directory.path(), voice, &result);
  if (!status.ok() && result.cells.empty()) return status;
  result.command = command;
  result.lissom_commit = flags.commit;
  voice.Note("");
  std::fputs(ToText(result).c_str(), stdout);
  std::printf("%s\n%llu of %llu slices thrown away: others were busy. %.0f s\n",
              result.label.c_str(),
              static_cast<unsigned long long>(SlicesThrownAway(result)),
              static_cast<unsigned long long>(Slices(result)), result.seconds);
  for (const std::string& note : result.notes) {
    std::printf("%s\n", note.c_str());
  }
  if (result.checks_on) {
    std::printf("WARNING: built with checks; use the release preset.\n");
  }
  LISSOM_RETURN_IF_ERROR(WriteOutputs(flags, result));
  for (const std::string& file : {flags.json, flags.html, flags.svg}) {
    if (!file.empty()) std::printf("written: %s\n", file.c_str());
  }
  return status;
}

absl::Status Main(const std::vector<std::string>& arguments) {
  LISSOM_ASSIGN_OR_RETURN(const CompareFlags flags,
                          ParseCompareFlags(arguments));
  if (flags.serve) return Serve(Child::kSocket);
  if (flags.help) {
    std::fputs(CompareHelp().c_str(), stdout);
    return absl::OkStatus();
  }
  if (!flags.render.empty()) return Render(flags);
  std::error_code error;
  const std::string program =
      std::filesystem::read_symlink("/proc/self/exe", error).string();
  if (error) return absl::UnavailableError("/proc/self/exe: no such link");
  CatchInterrupts();
  if (flags.calibrate) return RunCalibration(flags, program);
  return RunComparison(
      flags, program,
      absl::StrCat("lissom_compare ", absl::StrJoin(arguments, " ")));
}

}  // namespace
}  // namespace lissom::bench

// Exit codes: 0; 1, something failed; 2, bad flags.
int main(int argc, char** argv) {
  const absl::Status status = lissom::bench::Main({argv + 1, argv + argc});
  if (status.ok()) return 0;
  std::fprintf(stderr, "lissom_compare: %s\n",
               std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? 2 : 1;
}
