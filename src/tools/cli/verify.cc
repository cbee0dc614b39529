#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "src/tools/cli/read_meter.h"
#include "src/tools/cli/state.h"
#include "src/tools/inspect/beside_writer.h"
#include "src/tools/terminal.h"
#include "util/mutex.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

// A Progress that several threads may move, once there is one.
class SharedProgress {
 public:
  void Begin(uint64_t total) {
    const MutexLock lock(mu_);
    progress_.emplace("verify", total, stderr);
  }
  void Add(uint64_t bytes) {
    const MutexLock lock(mu_);
    if (progress_.has_value()) progress_->Add(bytes);
  }
  void End() {  // Erases the bar.
    const MutexLock lock(mu_);
    progress_.reset();
  }

 private:
  Mutex mu_;
  std::optional<Progress> progress_ ABSL_GUARDED_BY(mu_);
};

// Opens, and reads everything; *metrics are of that opening.
absl::Status VerifyOnce(const Cli& cli, Metrics* metrics) {
  auto progress = std::make_shared<SharedProgress>();
  Options options = cli.DbOptions();
  options.file_system = std::make_shared<ReadMeter>(
      FileSystem::Posix(),
      [progress](uint64_t bytes) { progress->Add(bytes); });
  LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<DB> db,
                          DB::OpenReadOnly(options, cli.directory()));
  *metrics = db->GetMetrics();
  progress->Begin(metrics->table_bytes);
  absl::Status status = db->VerifyChecksums();
  progress->End();
  return status;
}

absl::Status Verify(Cli& cli) {
  Metrics metrics;
  LISSOM_RETURN_IF_ERROR(
      RetryUnavailable([&] { return VerifyOnce(cli, &metrics); }));
  cli.out().Write(absl::StrCat(
      "No damage: ", WithCommas(metrics.tables),
      metrics.tables == 1 ? " table of " : " tables of ",
      BytesText(metrics.table_bytes),
      "; entries in logs: ", WithCommas(metrics.memtable_entries), ".\n"));
  return absl::OkStatus();
}

}  // namespace

void AddVerify(Cli& cli) {
  cli.AddVerb(
      {.name = "verify",
       .what = "Read everything and compare checksums; exit code 4 if it is "
               "damaged.",
       .footer = "The first flaw is named by file and offset. Nothing is "
                 "written."},
      [&cli] { return Verify(cli); });
}

}  // namespace lissom::tools
