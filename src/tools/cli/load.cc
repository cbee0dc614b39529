#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/tools/cli/record.h"
#include "src/tools/cli/signals.h"
#include "src/tools/cli/transfer.h"
#include "src/tools/terminal.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

constexpr uint64_t kBatchRecords = 1000;
// A batch is in memory twice: here and in the memtable.
constexpr size_t kBatchBytes = size_t{4} << 20;

struct LoadFlags {
  RecordFormat format = {};
  std::vector<std::string> files = {};  // None: stdin.
  bool create = false;
  bool skip_bad = false;
  std::optional<uint64_t> batch = std::nullopt;
};

// Where records go: into the database, a batch at a time.
class Loader {
 public:
  Loader(Cli& cli, const LoadFlags& flags)
      : cli_(cli),
        flags_(flags),
        batch_records_(flags.batch.value_or(kBatchRecords)) {}

  absl::Status Run() {
    // With --create not before there is something to write: input that is
    // broken from the start leaves no empty database.
    if (!flags_.create) LISSOM_RETURN_IF_ERROR(Open(false));
    const std::vector<std::string> stdin_only = {"-"};
    const std::vector<std::string>& files =
        flags_.files.empty() ? stdin_only : flags_.files;
    Progress progress("load", TotalBytes(files), stderr);
    for (const std::string& file : files) {
      LISSOM_RETURN_IF_ERROR(LoadFile(file, progress));
    }
    LISSOM_RETURN_IF_ERROR(WriteBatchOut());
    if (db_ == nullptr) LISSOM_RETURN_IF_ERROR(OpenWithoutRecords());
    // Or every later opening would read the log.
    absl::Status status = db_->Flush();
    if (status.ok()) status = db_->Close();
    return status.ok() ? status : Stopped(status);
  }

  uint64_t loaded() const { return loaded_; }
  uint64_t skipped() const { return skipped_; }

 private:
  static bool IsNoDatabase(const absl::Status& status) {
    return absl::IsInvalidArgument(status) &&
           absl::EndsWith(status.message(), "no database there");
  }

  absl::Status Open(bool create) {
    if (db_ != nullptr) return absl::OkStatus();
    absl::StatusOr<std::unique_ptr<DB>> db = cli_.OpenToWrite(create);
    if (IsNoDatabase(db.status())) {
      return WithMessage(db.status(), absl::StrCat(db.status().message(),
                                                   "; --create makes one"));
    }
    LISSOM_RETURN_IF_ERROR(db.status());
    db_ = *std::move(db);
    return absl::OkStatus();
  }

  // An empty pipe is more often a command that failed than a wish.
  absl::Status OpenWithoutRecords() {
    absl::StatusOr<std::unique_ptr<DB>> db = cli_.OpenToWrite(false);
    if (IsNoDatabase(db.status())) {
      return absl::InvalidArgumentError("no records; nothing was created");
    }
    LISSOM_RETURN_IF_ERROR(db.status());
    db_ = *std::move(db);
    return absl::OkStatus();
  }

  // Zero, and with it no bar, if a pipe is among them.
  static uint64_t TotalBytes(const std::vector<std::string>& files) {
    uint64_t total = 0;
    for (const std::string& file : files) {
      struct stat info = {};
      const int found = file == "-" ? ::fstat(STDIN_FILENO, &info)
                                    : ::stat(file.c_str(), &info);
      if (found != 0 || !S_ISREG(info.st_mode)) return 0;
      total += static_cast<uint64_t>(info.st_size);
    }
    return total;
  }

  absl::Status LoadFile(const std::string& file, Progress& progress) {
    const bool is_stdin = file == "-";
    const int fd =
        is_stdin ? STDIN_FILENO : ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      const int error = errno;
      LISSOM_RETURN_IF_ERROR(
          CheckSignals());  // What waits for a pipe's writer.
      return Stopped(absl::InternalError(absl::StrCat(
          "cannot open ", file, ": ", std::generic_category().message(error))));
    }
    const auto close = absl::MakeCleanup([&] {
      if (!is_stdin) ::close(fd);
    });
    LineReader lines(fd, is_stdin ? "stdin" : file);
    const std::unique_ptr<RecordReader> reader =
        NewRecordReader(flags_.format, lines);
    uint64_t shown = 0;
    Record record;
    while (true) {
      const absl::StatusOr<bool> more = reader->Next(&record);
      progress.Add(lines.bytes_read() -
                   std::exchange(shown, lines.bytes_read()));
      LISSOM_RETURN_IF_ERROR(CheckSignals());
      if (!more.ok()) {
        LISSOM_RETURN_IF_ERROR(Broken(more.status()));
        continue;
      }
      if (!*more) return absl::OkStatus();
      LISSOM_RETURN_IF_ERROR(Add(record));
    }
  }

  absl::Status Add(const Record& record) {
    batch_.Put(record.key, record.value);
    if (batch_.Count() < batch_records_ && batch_.ByteSize() < kBatchBytes) {
      return absl::OkStatus();
    }
    return WriteBatchOut();
  }

  absl::Status WriteBatchOut() {
    if (batch_.Count() == 0) return absl::OkStatus();
    LISSOM_RETURN_IF_ERROR(Open(flags_.create));
    const absl::Status written = db_->Write(WriteOptions(), batch_);
    if (!written.ok()) return Stopped(written);
    loaded_ += batch_.Count();
    batch_.Clear();
    return absl::OkStatus();
  }

  // A broken record is passed over if that is wanted; another error is not.
  absl::Status Broken(const absl::Status& status) {
    if (!flags_.skip_bad || !absl::IsInvalidArgument(status)) {
      return Stopped(status);
    }
    if (++skipped_ <= kWarnings) {
      cli_.Warn(absl::StrCat("skipped: ", status.message()));
    }
    return absl::OkStatus();
  }

  absl::Status CheckSignals() const {
    const absl::Status status = signals_.Check();
    return status.ok() ? status : Stopped(status);
  }

  // Says how far the load came.
  absl::Status Stopped(const absl::Status& status) const {
    return WithMessage(
        status,
        absl::StrCat(status.message(), "; ",
                     loaded_ == 0 ? "nothing was loaded"
                                  : absl::StrCat("records loaded before: ",
                                                 WithCommas(loaded_))));
  }

  static constexpr uint64_t kWarnings = 10;  // More would hide all else.

  Cli& cli_;
  const LoadFlags& flags_;
  const uint64_t batch_records_;
  const Signals signals_;
  std::unique_ptr<DB> db_;
  WriteBatch batch_;
  uint64_t loaded_ = 0;
  uint64_t skipped_ = 0;
};

absl::Status Load(Cli& cli, const LoadFlags& flags) {
  LISSOM_RETURN_IF_ERROR(CheckFormat(flags.format));
  if (flags.batch == 0) return UsageError("--batch: a batch has a record");
  Loader loader(cli, flags);
  const absl::Status status = loader.Run();
  // The exit code of a signal comes without a message.
  if (absl::IsCancelled(status)) cli.Warn(MessageOf(status));
  LISSOM_RETURN_IF_ERROR(status);
  if (cli.json()) {
    cli.out().Write(absl::StrCat("{\"loaded\":", loader.loaded(),
                                 ",\"skipped\":", loader.skipped(), "}\n"));
  }
  const std::string summary =
      absl::StrCat(WithCommas(loader.loaded()), " loaded, ",
                   WithCommas(loader.skipped()), " skipped");
  if (loader.skipped() > 0 || isatty(STDERR_FILENO) == 1) cli.Warn(summary);
  return absl::OkStatus();
}

}  // namespace

void AddLoad(Cli& cli) {
  auto flags = std::make_shared<LoadFlags>();
  CLI::App& verb = cli.AddVerb(
      {.name = "load",
       .what = "Store the records of files or of a pipe.",
       .footer =
           "A broken record ends the load and names its line; the batch it is\n"
           "in is not written, those before it are. All is durable when the\n"
           "verb ends.",
       .json = true},
      [&cli, flags] { return Load(cli, *flags); });
  verb.add_option("FILE", flags->files, "Files to read; -, or none: stdin.");
  AddFormat(verb, flags->format);
  verb.add_flag("--create", flags->create,
                "Create the database if there is none. Its parent directory "
                "must exist.");
  verb.add_flag("--skip-bad", flags->skip_bad,
                "Pass over broken records, and say how many there were.");
  AddNumber(verb, "--batch", flags->batch,
            "Records that are written at once, all or none (default: 1000).");
}

}  // namespace lissom::tools
