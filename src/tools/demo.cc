// lissom_demo holds the library to its promises on real input: the machine's
// own Debian package index, some 60,000 records of 800 bytes.
//
//   load it, close, open, read every record back, scan it both ways, read a
//   snapshot while another thread overwrites everything, and kill a loading
//   process with -9 five times: nothing may differ, nothing may be lost.
//
// The exit code is 0 only if all of it held. `./dev demo` runs it.
#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "db/filename.h"
#include "db/version/version_set.h"
#include "lissom/db.h"
#include "src/tools/demo_kill.h"
#include "src/tools/package_index.h"
#include "src/tools/terminal.h"
#include "util/hash.h"
#include "util/random.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

struct Flags {
  std::string input;  // Empty: ask apt-cache.
  std::string dir = "build/demo/db";
  uint64_t kills = 5;
  uint64_t seed = 1;
  // For the child of RunKills:
  bool child_load = false;
  uint64_t first = 0;
  uint64_t ack_fd = 0;
};

constexpr const char* kUsage =
    "lissom_demo [--input=FILE] [--dir=DIRECTORY] [--kills=N] [--seed=N]\n"
    "  --input  Debian package stanzas (default: what apt-cache dumpavail "
    "prints)\n"
    "  --dir    where the demo's databases go; they are made anew\n";

// One step of the demo, for the closing table.
struct Step {
  std::string name;
  uint64_t operations = 0;
  double seconds = 0;
};

// What a closed database keeps on disk.
struct Stored {
  struct Files {
    uint64_t count = 0;
    uint64_t bytes = 0;
    void Add(uint64_t size) {
      ++count;
      bytes += size;
    }
  };
  std::vector<Files> levels = std::vector<Files>(Version::kLevels);
  Files logs;
  Files other;  // The manifest, CURRENT, LOCK, the operator's log.
  uint64_t total_bytes = 0;
};

// A database that has come to rest: its files, and what it says of itself.
struct Settled {
  Stored stored;
  Metrics metrics;  // Since it was opened.
  std::string shape;
};

absl::StatusOr<Stored> LookAtFiles(const std::string& directory) {
  const std::shared_ptr<FileSystem> file_system = FileSystem::Posix();
  Stored stored;
  LISSOM_ASSIGN_OR_RETURN(const ManifestState manifest,
                          ReadManifest(*file_system, directory));
  for (const VersionEdit::NewTable& table : manifest.tables) {
    stored.levels[static_cast<size_t>(table.level)].Add(table.table.size);
  }
  LISSOM_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                          file_system->ListDirectory(directory));
  for (const std::string& name : names) {
    LISSOM_ASSIGN_OR_RETURN(const FileInfo info,
                            file_system->GetFileInfo(directory + "/" + name));
    stored.total_bytes += info.size;
    const std::optional<ParsedFileName> parsed = ParseFileName(name);
    if (parsed.has_value() && parsed->type == FileType::kTable) continue;
    const bool is_log = parsed.has_value() && parsed->type == FileType::kWal;
    (is_log ? stored.logs : stored.other).Add(info.size);
  }
  return stored;
}

absl::Status Differs(std::string_view where, std::string_view key) {
  return absl::DataLossError(absl::StrCat(ToAbsl(where), ": the value of '",
                                          Escape(key),
                                          "' is not the one that was written"));
}

class Demo {
 public:
  Demo(const PackageIndex& index, Flags flags, std::string program)
      : index_(index),
        flags_(std::move(flags)),
        program_(std::move(program)),
        directory_(flags_.dir + "/packages"),
        random_(flags_.seed),
        sorted_(index.SortedOrder()) {}

  absl::Status Run() {
    LISSOM_RETURN_IF_ERROR(Load());
    LISSOM_RETURN_IF_ERROR(ReadBack());
    LISSOM_RETURN_IF_ERROR(ScanForward());
    LISSOM_RETURN_IF_ERROR(ScanBackward());
    LISSOM_RETURN_IF_ERROR(OverwriteUnderSnapshot());
    LISSOM_RETURN_IF_ERROR(ReadOverwritten());
    LISSOM_RETURN_IF_ERROR(Kill());
    Report();
    if (kills_.lost == 0) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat(
        kills_.lost, " acknowledged records were lost by kill -9"));
  }

 private:
  using Record = PackageIndex::Record;

  static Options DbOptions() {
    Options options;
    options.create_if_missing = true;
    // Small sizes, so that 50 MB already make a tree of several levels.
    options.write_buffer_size = size_t{4} << 20;
    options.target_file_size_base = size_t{4} << 20;
    options.max_bytes_for_level_base = uint64_t{16} << 20;
    return options;
  }

  static std::string NewValueOf(const Record& record) {
    return absl::StrCat("overwritten\n", ToAbsl(record.value));
  }

  std::vector<size_t> ShuffledOrder() {
    std::vector<size_t> order = sorted_;
    for (size_t i = order.size(); i > 1; --i) {
      std::swap(order[i - 1], order[random_.Uniform(i)]);
    }
    return order;
  }

  // `progress` becomes a line on the screen and a row of the table.
  void Done(std::string name, Progress& progress, const std::string& noun) {
    progress.Finish(noun);
    steps_.push_back({std::move(name), progress.done(), progress.seconds()});
  }

  absl::Status Open() {
    LISSOM_ASSIGN_OR_RETURN(db_, DB::Open(DbOptions(), directory_));
    return absl::OkStatus();
  }

  // Flushed, nothing left to do in the background, closed.
  absl::StatusOr<Settled> Settle() {
    LISSOM_RETURN_IF_ERROR(db_->Flush());
    LISSOM_RETURN_IF_ERROR(db_->WaitForIdle());
    Settled settled;
    settled.metrics = db_->GetMetrics();
    LISSOM_ASSIGN_OR_RETURN(settled.shape, db_->GetProperty("lissom.shape"));
    LISSOM_RETURN_IF_ERROR(db_->Close());
    db_.reset();
    LISSOM_ASSIGN_OR_RETURN(settled.stored, LookAtFiles(directory_));
    return settled;
  }

  absl::Status Load() {
    LISSOM_RETURN_IF_ERROR(DB::Destroy(DbOptions(), directory_));
    LISSOM_RETURN_IF_ERROR(Open());
    Progress progress("load", index_.records().size());
    for (const Record& record : index_.records()) {
      LISSOM_RETURN_IF_ERROR(
          db_->Put(WriteOptions(), record.key, record.value));
      progress.Add();
    }
    Done("load", progress, "records");
    LISSOM_ASSIGN_OR_RETURN(loaded_, Settle());
    return Open();
  }

  absl::Status ReadBack() {
    PinnedValue value;
    Progress progress("close, open, read all back", sorted_.size());
    for (const size_t i : ShuffledOrder()) {
      const Record& record = index_.records()[i];
      LISSOM_RETURN_IF_ERROR(Get(nullptr, record.key, &value));
      if (value.view() != record.value) return Differs("read", record.key);
      progress.Add();
    }
    Done("read back, random order", progress, "records");
    return absl::OkStatus();
  }

  // A key that is not there is a loss here, not an answer.
  absl::Status Get(const Snapshot* snapshot, std::string_view key,
                   PinnedValue* value) {
    ReadOptions options;
    options.snapshot = snapshot;
    const absl::Status status = db_->Get(options, key, value);
    if (!IsNotFound(status)) return status;
    return absl::DataLossError(
        absl::StrCat("'", Escape(key), "' was written, and is not there"));
  }

  // Compares the entry that `it` stands on with the record of `rank` in the
  // order of keys.
  absl::Status CompareEntry(Iterator& it, size_t rank) {
    if (rank >= sorted_.size()) {
      return absl::DataLossError(absl::StrCat(
          "a scan shows '", Escape(it.key()), "', and all keys were shown"));
    }
    const Record& record = index_.records()[sorted_[rank]];
    if (it.key() != record.key) {
      return absl::DataLossError(
          absl::StrCat("a scan shows '", Escape(it.key()), "' where '",
                       Escape(record.key), "' should be"));
    }
    LISSOM_RETURN_IF_ERROR(it.PrepareValue());
    if (it.value() != record.value) return Differs("scan", record.key);
    checksum_ ^= Hash64(it.value(), Hash64(it.key()));
    return absl::OkStatus();
  }

  absl::Status Complete(const Iterator& it, uint64_t shown) {
    LISSOM_RETURN_IF_ERROR(it.status());
    if (shown == sorted_.size()) return absl::OkStatus();
    return absl::DataLossError(
        absl::StrCat("a scan showed ", shown, " of ", sorted_.size(), " keys"));
  }

  // Scans the state of `snapshot` (null: the present one) from the first key.
  absl::Status Walk(const Snapshot* snapshot, Progress& progress) {
    ReadOptions options;
    options.snapshot = snapshot;
    const std::unique_ptr<Iterator> it = db_->NewIterator(options);
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      LISSOM_RETURN_IF_ERROR(CompareEntry(*it, progress.done()));
      progress.Add();
    }
    return Complete(*it, progress.done());
  }

  absl::Status ScanForward() {
    checksum_ = 0;
    Progress progress("scan forward", sorted_.size());
    LISSOM_RETURN_IF_ERROR(Walk(nullptr, progress));
    Done("scan forward", progress, "records");
    return absl::OkStatus();
  }

  absl::Status ScanBackward() {
    const uint64_t forward = std::exchange(checksum_, 0);
    Progress progress("scan backward", sorted_.size());
    const std::unique_ptr<Iterator> it = db_->NewIterator();
    for (it->SeekToLast(); it->Valid(); it->Prev()) {
      // Past the first key the rank wraps round, and is none.
      const size_t rank = sorted_.size() - 1 - progress.done();
      LISSOM_RETURN_IF_ERROR(CompareEntry(*it, rank));
      progress.Add();
    }
    LISSOM_RETURN_IF_ERROR(Complete(*it, progress.done()));
    if (checksum_ != forward) {
      return absl::DataLossError("the two scans have different checksums");
    }
    Done("scan backward", progress, "records");
    return absl::OkStatus();
  }

  absl::Status OverwriteAll(Progress& progress,
                            const std::vector<size_t>& order) {
    for (const size_t i : order) {
      const Record& record = index_.records()[i];
      LISSOM_RETURN_IF_ERROR(
          db_->Put(WriteOptions(), record.key, NewValueOf(record)));
      progress.Add();
    }
    return absl::OkStatus();
  }

  // Reads random keys through the snapshot while `writing`, then each once.
  absl::Status ReadOldValues(const Snapshot& snapshot,
                             const std::atomic<bool>& writing, Step& step) {
    const Progress clock("", 0);
    PinnedValue value;
    const std::vector<size_t> order = ShuffledOrder();
    const size_t count = order.size();
    size_t left = count;  // To read after the writer has ended.
    for (size_t at = 0; left > 0; ++at) {
      // Acquire: pairs with the writer's release, so that the last round
      // begins after the last overwrite.
      if (!writing.load(std::memory_order_acquire)) --left;
      const Record& record = index_.records()[order[at % count]];
      LISSOM_RETURN_IF_ERROR(Get(&snapshot, record.key, &value));
      if (value.view() != record.value) return Differs("snapshot", record.key);
      ++step.operations;
    }
    step.seconds = clock.seconds();
    return absl::OkStatus();
  }

  absl::Status OverwriteUnderSnapshot() {
    const std::unique_ptr<const Snapshot> snapshot = db_->GetSnapshot();
    const std::vector<size_t> order = ShuffledOrder();
    std::atomic<bool> writing = true;
    absl::Status written;  // The thread's until it is joined.
    Progress progress("overwrite, snapshot read", order.size());
    std::thread writer([&] {
      written = OverwriteAll(progress, order);
      progress.Finish("records");
      writing.store(false, std::memory_order_release);
    });
    Step reads{.name = "read the snapshot meanwhile"};
    const absl::Status read = ReadOldValues(*snapshot, writing, reads);
    writer.join();
    LISSOM_RETURN_IF_ERROR(written);
    LISSOM_RETURN_IF_ERROR(read);
    steps_.push_back({"overwrite all", progress.done(), progress.seconds()});
    steps_.push_back(std::move(reads));
    Progress scan("scan the snapshot after", order.size());
    LISSOM_RETURN_IF_ERROR(Walk(snapshot.get(), scan));
    Done("scan the snapshot after", scan, "old records");
    return absl::OkStatus();
  }

  absl::Status ReadOverwritten() {
    PinnedValue value;
    Progress progress("read the new values", sorted_.size());
    for (const size_t i : ShuffledOrder()) {
      const Record& record = index_.records()[i];
      LISSOM_RETURN_IF_ERROR(Get(nullptr, record.key, &value));
      if (value.view() != NewValueOf(record)) {
        return Differs("read after overwriting", record.key);
      }
      progress.Add();
    }
    Done("read the new values", progress, "records");
    LISSOM_ASSIGN_OR_RETURN(overwritten_, Settle());
    return absl::OkStatus();
  }

  absl::Status Kill() {
    LISSOM_ASSIGN_OR_RETURN(
        kills_, RunKills(index_, {.program = program_,
                                  .input = flags_.input,
                                  .directory = flags_.dir + "/killed",
                                  .kills = flags_.kills,
                                  .seed = flags_.seed}));
    steps_.push_back(
        {"recover after kill -9", flags_.kills, kills_.recovery_seconds});
    return absl::OkStatus();
  }

  void ReportSteps() const {
    Table table({"step", "operations", "time", "a second"});
    for (const Step& step : steps_) {
      table.AddRow(
          {step.name, WithCommas(step.operations), HumanSeconds(step.seconds),
           WithCommas(
               static_cast<uint64_t>(static_cast<double>(step.operations) /
                                     std::max(step.seconds, 1e-9)))});
    }
    std::fputs(table.ToString().c_str(), stdout);
  }

  // The raw bytes of the records, before and after they were overwritten.
  uint64_t raw_bytes(const Settled& when) const {
    const bool longer = &when == &overwritten_;
    return index_.raw_bytes() +
           (longer ? index_.records().size() * std::strlen("overwritten\n")
                   : 0);
  }

  void ReportFiles() const {
    Table table({"on disk", "after loading", "", "after overwriting", ""});
    const auto row = [&table](std::string name, Stored::Files a,
                              Stored::Files b) {
      if (a.count + b.count == 0) return;
      table.AddRow({std::move(name), WithCommas(a.count), HumanBytes(a.bytes),
                    WithCommas(b.count), HumanBytes(b.bytes)});
    };
    const Stored& a = loaded_.stored;
    const Stored& b = overwritten_.stored;
    for (size_t level = 0; level < a.levels.size(); ++level) {
      row(absl::StrCat("level ", level), a.levels[level], b.levels[level]);
    }
    row("log", a.logs, b.logs);
    row("manifest and others", a.other, b.other);
    table.AddLine();
    const auto sum = [&](std::string name, auto&& text) {
      table.AddRow(
          {std::move(name), "", text(loaded_), "", text(overwritten_)});
    };
    sum("stored", [](const Settled& when) {
      return HumanBytes(when.stored.total_bytes);
    });
    sum("raw keys and values",
        [this](const Settled& when) { return HumanBytes(raw_bytes(when)); });
    sum("compression ratio of the tables", [](const Settled& when) {
      return absl::StrFormat("%.2f", when.metrics.CompressionRatio());
    });
    sum("write amplification, with the log", [](const Settled& when) {
      return absl::StrFormat("%.2f", when.metrics.WriteAmplificationWithWal());
    });
    table.AddLine();
    ReportStalls(table);
    std::fputs(table.ToString().c_str(), stdout);
  }

  // How often writers waited for what, and how long in all.
  void ReportStalls(Table& table) const {
    bool waited = false;
    for (size_t i = 0; i < kStallCauses; ++i) {
      const auto cause = static_cast<StallCause>(i);
      const StallMetrics& a = loaded_.metrics.stall(cause);
      const StallMetrics& b = overwritten_.metrics.stall(cause);
      if (a.count + b.count == 0) continue;
      waited = true;
      const auto time = [](const StallMetrics& stall) {
        return HumanSeconds(static_cast<double>(stall.micros) / 1e6);
      };
      table.AddRow(
          {absl::StrCat("writes waited: ", ToAbsl(StallCauseName(cause))),
           WithCommas(a.count), time(a), WithCommas(b.count), time(b)});
    }
    if (!waited) table.AddRow({"writes waited", "0", "", "0", ""});
  }

  void Report() const {
    std::printf("\n");
    ReportSteps();
    ReportFiles();
    std::printf(
        "The tree after overwriting, a bar's length by the logarithm "
        "of its bytes:\n%s\n",
        overwritten_.shape.c_str());
    std::printf(
        "%s kills with -9: %s acknowledged records, %s lost; %s were written "
        "and not yet acknowledged; recovery took %s in all.\n",
        WithCommas(flags_.kills).c_str(),
        WithCommas(kills_.acknowledged).c_str(),
        WithCommas(kills_.lost).c_str(), WithCommas(kills_.in_flight).c_str(),
        HumanSeconds(kills_.recovery_seconds).c_str());
  }

  const PackageIndex& index_;
  const Flags flags_;
  const std::string program_;
  const std::string directory_;
  Random random_;
  const std::vector<size_t> sorted_;  // Records in the order of their keys.
  std::unique_ptr<DB> db_;
  std::vector<Step> steps_;
  uint64_t checksum_ = 0;  // Of what a scan showed, in any order.
  Settled loaded_;
  Settled overwritten_;
  KillResult kills_;
};

bool ParseNumber(std::string_view text, uint64_t* number) {
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, *number);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

// False if `argument` is none of ours.
bool ParseFlag(std::string_view argument, Flags* flags) {
  if (argument == "--child-load") return flags->child_load = true;
  const size_t equals = argument.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = argument.substr(0, equals);
  const std::string_view value = argument.substr(equals + 1);
  if (name == "--input") {
    flags->input = value;
  } else if (name == "--dir") {
    flags->dir = value;
  } else if (name == "--kills") {
    return ParseNumber(value, &flags->kills);
  } else if (name == "--seed") {
    return ParseNumber(value, &flags->seed);
  } else if (name == "--first") {
    return ParseNumber(value, &flags->first);
  } else if (name == "--ack-fd") {
    return ParseNumber(value, &flags->ack_fd);
  } else {
    return false;
  }
  return true;
}

absl::Status Run(const Flags& flags, const std::string& program) {
  LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<const PackageIndex> index,
                          PackageIndex::Read(flags.input));
  if (flags.child_load) {
    return LoadUntilKilled(*index, flags.dir, flags.first,
                           static_cast<int>(flags.ack_fd));
  }
  std::printf("%s Debian packages, %s of names and stanzas",
              WithCommas(index->records().size()).c_str(),
              HumanBytes(index->raw_bytes()).c_str());
  if (index->replaced() > 0) {
    std::printf(" (%s stanzas replaced by a later one of their name)",
                WithCommas(index->replaced()).c_str());
  }
  std::printf("; databases in %s\n\n", flags.dir.c_str());
  std::error_code error;
  std::filesystem::create_directories(flags.dir, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot create ", flags.dir, ": ", error.message()));
  }
  return Demo(*index, flags, program).Run();
}

int Main(int argc, char** argv) {
  Flags flags;
  for (int i = 1; i < argc; ++i) {
    if (!ParseFlag(argv[i], &flags)) {
      std::fprintf(stderr, "lissom_demo: bad argument '%s'\n%s", argv[i],
                   kUsage);
      return 2;
    }
  }
  const absl::Status status = Run(flags, argv[0]);
  if (!status.ok()) {
    std::fprintf(stderr, "lissom_demo: FAILED: %s\n",
                 status.ToString().c_str());
    return 1;
  }
  std::printf("Every record was read back as written; nothing was lost.\n");
  return 0;
}

}  // namespace
}  // namespace lissom::tools

int main(int argc, char** argv) { return lissom::tools::Main(argc, argv); }
