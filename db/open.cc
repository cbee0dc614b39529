#include "db/open.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "db/db_impl.h"
#include "db/filename.h"
#include "db/flush/flush_job.h"
#include "db/recovery/obsolete_files.h"
#include "db/recovery/recovery.h"
#include "db/version/manifest.h"
#include "util/block_cache.h"
#include "util/error.h"
#include "util/guarded.h"
#include "util/info_log.h"
#include "util/random.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

// Holds what recovery says until there is a LOG to say it in: a directory that
// cannot be opened is left without a trace.
class DeferredLog final : public Logger {
 public:
  void Log(LogLevel level, std::string_view line) override {
    lines_.emplace_back(level, line);
  }
  void ReplayTo(Logger& log) {
    for (const auto& [level, line] : lines_) log.Log(level, line);
  }

 private:
  std::vector<std::pair<LogLevel, std::string>> lines_;
};

// A logger of the user's: what it throws goes no further.
class QuietLogger final : public Logger {
 public:
  explicit QuietLogger(std::shared_ptr<Logger> base) : base_(std::move(base)) {}
  void Log(LogLevel level, std::string_view line) override {
    Quietly([&] { base_->Log(level, line); });
  }

 private:
  const std::shared_ptr<Logger> base_;
};

// Keeps the file ids that recovery draws apart from those of the VersionSet,
// which draws from the same seed.
constexpr uint64_t kRecoveryIds = 0x7265636f76657279u;

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class Opener {
 public:
  Opener(const Options& options, const std::string& path)
      : options_(options), path_(WithoutTrailingSlashes(path)) {}

  absl::StatusOr<std::shared_ptr<DbImpl>> Open() {
    LISSOM_RETURN_IF_ERROR(options_.Validate());
    LISSOM_RETURN_IF_ERROR(CheckPath(path_));
    FillIn(options_);
    if (options_.executor == nullptr) {
      options_.executor =
          Executor::NewThreadPool(options_.max_background_jobs - 1);
    }
    if (options_.executor == nullptr) {
      return WithDetail(
          absl::ResourceExhaustedError("no thread for background work"),
          {.kind = ErrorKind::kNoResources});
    }
    LISSOM_RETURN_IF_ERROR(EnterDirectory());
    source_ = std::make_shared<const TableSource>(TableSource{
        .file_system = options_.file_system,
        .directory = path_,
        .order = KeyOrder(options_.comparator),
        .cache = std::make_shared<BlockCache>(*options_.block_cache_size),
        .open_tables = std::make_shared<OpenTables>(TableLimits(options_))});
    absl::StatusOr<RecoveredState> state =
        Guarded([this] { return Prepare(); });
    if (!state.ok()) {
      RemoveMadeTables();
      return std::move(state).status();
    }
    return Install(*std::move(state));
  }

 private:
  FileSystem& files() { return *options_.file_system; }

  // Finds out what is there, makes the directory if asked to, and locks it.
  absl::Status EnterDirectory() {
    LISSOM_ASSIGN_OR_RETURN(DirectoryState state,
                            InspectDirectory(files(), path_));
    if (state != DirectoryState::kDatabase && !options_.create_if_missing) {
      return absl::InvalidArgumentError(absl::StrCat(
          path_, ": no database there, and create_if_missing is off"));
    }
    if (state == DirectoryState::kDatabase) {
      // Before LOCK is made. Their other files have names like ours.
      LISSOM_RETURN_IF_ERROR(RefuseOtherEngines(files(), path_));
    }
    if (state == DirectoryState::kDatabase && options_.error_if_exists) {
      return absl::AlreadyExistsError(absl::StrCat(
          path_, ": the database exists, and error_if_exists is on"));
    }
    if (state == DirectoryState::kAbsent) {
      absl::Status made = files().CreateDirectory(path_);
      if (!made.ok() && !absl::IsAlreadyExists(made)) return made;
    }
    if (state != DirectoryState::kDatabase) {
      // Also for a directory that was there: whoever made it, perhaps an open
      // that failed right here, may not have made its name durable.
      LISSOM_RETURN_IF_ERROR(files().SyncDirectory(ParentOf(path_)));
    }
    LISSOM_ASSIGN_OR_RETURN(lock_, files().LockFile(LockFileName(path_)));
    // Again, under the lock: another opener may just have created it.
    LISSOM_ASSIGN_OR_RETURN(state, InspectDirectory(files(), path_));
    exists_ = state == DirectoryState::kDatabase;
    if (exists_ && options_.error_if_exists) {
      return absl::AlreadyExistsError(absl::StrCat(
          path_, ": the database exists, and error_if_exists is on"));
    }
    return absl::OkStatus();
  }

  // Files that a crash during creation left; a database never had them.
  absl::Status ClearUnfinishedCreation() {
    LISSOM_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                            files().ListDirectory(path_));
    for (const std::string& name : ObsoleteFiles(names, NeededFiles{})) {
      LISSOM_RETURN_IF_ERROR(
          files().RemoveFile(absl::StrCat(path_, "/", name), IoContext{}));
    }
    return absl::OkStatus();
  }

  // All that can be undone, before the first change that counts.
  absl::StatusOr<RecoveredState> Prepare() {
    RecoveredState state;
    if (exists_) {
      LISSOM_ASSIGN_OR_RETURN(state, RecoverState());
    } else {
      LISSOM_RETURN_IF_ERROR(ClearUnfinishedCreation());
    }
    LISSOM_RETURN_IF_ERROR(OpenInfoLogFile());
    return state;
  }

  absl::StatusOr<RecoveredState> RecoverState() {
    Random ids(options_.random_seed ^ kRecoveryIds);
    const RecoveryDeps deps{
        .source = source_,
        .mode = options_.wal_recovery_mode,
        .write_buffer_size = *options_.write_buffer_size,
        .log = deferred_log_,
        .flush = [&](const Ref<const Memtable>& memtable,
                     const std::function<uint64_t()>& new_number) {
          return FlushMemtable(
              *source_, options_, memtable, {memtable->largest_sequence()},
              [&] {
                made_tables_.push_back(new_number());
                return made_tables_.back();
              },
              [&] { return ids.NextFileId(); });
        }};
    return Recover(deps);
  }

  // A database that cannot be opened is left as it was; what cannot be removed
  // is garbage that the next successful open removes.
  void RemoveMadeTables() {
    for (const uint64_t number : made_tables_) {
      files()
          .RemoveFile(TableFileName(path_, number), IoContext{})
          .IgnoreError();
    }
  }

  absl::Status OpenInfoLogFile() {
    if (options_.info_log != nullptr) {
      options_.info_log = std::make_shared<QuietLogger>(options_.info_log);
    } else {
      LISSOM_ASSIGN_OR_RETURN(
          options_.info_log,
          OpenInfoLog(options_.file_system, InfoLogFileName(path_),
                      InfoLogFileName(path_) + ".old", options_.clock));
    }
    deferred_log_.ReplayTo(*options_.info_log);
    return absl::OkStatus();
  }

  // Makes what was recovered durable under a new manifest, and begins a log.
  absl::StatusOr<std::shared_ptr<DbImpl>> Install(RecoveredState state) {
    const SequenceNumber last = state.replay.last_seen;
    VersionEdit edit;
    edit.min_log_number = state.manifest.next_file_number;
    edit.flushed_sequence = last;
    edit.last_sequence = last;
    if (!exists_) {
      edit.comparator = std::string(options_.comparator->Name());
      edit.database_id = Random(options_.random_seed).NextFileId();
    }
    for (TableMetadata& table : state.tables) {
      edit.added.push_back({.level = 0, .table = std::move(table)});
    }
    // The logs that were replayed go with this switch, so it is what ends a
    // torn log for good.
    LISSOM_ASSIGN_OR_RETURN(
        std::unique_ptr<VersionSet> versions,
        VersionSet::Create(
            {.source = source_,
             // Other ids in every session, also with a fixed seed.
             .random_seed =
                 options_.random_seed + state.manifest.next_file_number},
            state.manifest, edit));
    LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<LogWriter> log,
                            CreateRegisteredLog(*source_, *versions, last,
                                                *options_.write_buffer_size));
    RemoveObsolete(*versions);
    options_.info_log->Log(
        LogLevel::kInfo,
        absl::StrCat(exists_ ? "opened" : "created", " ", path_, ": ",
                     versions->current()->TableCount(), " tables, ",
                     state.replay.records,
                     " log records replayed, last sequence ", last));
    const uint64_t log_number = log->header().number;
    auto impl = std::make_shared<DbImpl>(
        DbImpl::Parts{.options = options_,
                      .path = path_,
                      .lock = std::move(lock_),
                      .source = source_,
                      .versions = std::move(versions),
                      .memtable = Memtable::Create(source_->order, log_number),
                      .log = std::move(log),
                      .last_sequence = last});
    impl->Start();
    return impl;
  }

  void RemoveObsolete(const VersionSet& versions) {
    NeededFiles needed;
    for (const uint64_t number : versions.LiveTables())
      needed.tables.insert(number);
    needed.min_log_number = versions.min_log_number();
    needed.manifest_number = versions.manifest_number();
    const absl::StatusOr<std::vector<std::string>> names =
        files().ListDirectory(path_);
    if (!names.ok()) return;  // They stay garbage until the next open.
    for (const std::string& name : ObsoleteFiles(*names, needed)) {
      const absl::Status removed =
          files().RemoveFile(absl::StrCat(path_, "/", name), IoContext{});
      if (!removed.ok()) {
        options_.info_log->Log(LogLevel::kWarning,
                               absl::StrCat("could not remove ", name));
      }
    }
  }

  Options options_;
  const std::string path_;
  bool exists_ = false;
  std::unique_ptr<FileLock> lock_;
  std::shared_ptr<const TableSource> source_;
  DeferredLog deferred_log_;
  std::vector<uint64_t> made_tables_;  // By the recovery.
};

}  // namespace

std::string WithoutTrailingSlashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

absl::Status CheckPath(const std::string& path) {
  if (path.empty()) return absl::InvalidArgumentError("the path is empty");
  if (path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("the path holds a NUL byte");
  }
  return absl::OkStatus();
}

void FillIn(Options& options) {
  options = options.WithSizes();
  if (options.file_system == nullptr) options.file_system = FileSystem::Posix();
  if (options.clock == nullptr) options.clock = Clock::System();
  if (options.random_seed == 0) options.random_seed = SystemSeed();
}

OpenTableLimits TableLimits(const Options& options) {
  // Logs, manifest, LOCK, LOG, directories, tables that are written.
  constexpr int kOtherFiles = 16;
  // However little cache there is: a few tables must be open.
  constexpr uint64_t kLeastBytes = uint64_t{256} << 10;
  return {
      .tables = static_cast<uint64_t>(*options.max_open_files - kOtherFiles),
      .bytes = std::max<uint64_t>(*options.block_cache_size / 2, kLeastBytes)};
}

absl::StatusOr<std::shared_ptr<DbImpl>> OpenDb(const Options& options,
                                               const std::string& path) {
  return Opener(options, path).Open();
}

absl::StatusOr<std::unique_ptr<LogWriter>> CreateLog(
    const TableSource& source, VersionSet& versions,
    SequenceNumber last_sequence, size_t write_buffer_size) {
  // Room for the memtable's worth of records, so that a sync seldom has a new
  // length to write; more would be written in vain if the memtable is dense.
  constexpr uint64_t kMostPreallocated = uint64_t{64} << 20;
  const LogHeader header{.kind = LogKind::kWal,
                         .number = versions.NewFileNumber(),
                         .id = versions.NewFileId(),
                         .base_sequence = last_sequence};
  const std::string path = WalFileName(source.directory, header.number);
  FileSystem& files = *source.file_system;
  LISSOM_ASSIGN_OR_RETURN(
      std::unique_ptr<LogWriter> log,
      LogWriter::Create(
          files, path, header,
          std::min<uint64_t>(write_buffer_size, kMostPreallocated)));
  absl::Status status = log->Sync();
  if (status.ok()) status = files.SyncDirectory(source.directory);
  if (status.ok()) return log;
  log.reset();
  // As LogWriter does: what is tried again must not fill a disk that is full.
  files.RemoveFile(path, LogIoContext(LogKind::kWal)).IgnoreError();
  return status;
}

absl::Status RegisterLog(VersionSet& versions, const LogWriter& log,
                         SequenceNumber last_sequence) {
  VersionEdit edit;
  edit.logs_created.push_back(
      {.number = log.header().number, .id = log.header().id});
  versions.RaiseLastSequence(last_sequence);
  return versions.Apply(edit);
}

absl::StatusOr<std::unique_ptr<LogWriter>> CreateRegisteredLog(
    const TableSource& source, VersionSet& versions,
    SequenceNumber last_sequence, size_t write_buffer_size) {
  LISSOM_ASSIGN_OR_RETURN(
      std::unique_ptr<LogWriter> log,
      CreateLog(source, versions, last_sequence, write_buffer_size));
  LISSOM_RETURN_IF_ERROR(RegisterLog(versions, *log, last_sequence));
  return log;
}

namespace {

// So a Destroy leaves it that ended after CURRENT went.
absl::StatusOr<bool> OnlyLockIsLeft(FileSystem& files,
                                    const std::string& path) {
  LISSOM_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                          files.ListDirectory(path));
  if (names.size() != 1) return false;
  const std::optional<ParsedFileName> file = ParseFileName(names.front());
  return file.has_value() && file->type == FileType::kLock;
}

}  // namespace

absl::Status DestroyDb(const Options& given, const std::string& given_path) {
  Options options = given;
  FillIn(options);
  const std::string path = WithoutTrailingSlashes(given_path);
  LISSOM_RETURN_IF_ERROR(CheckPath(path));
  FileSystem& files = *options.file_system;
  LISSOM_ASSIGN_OR_RETURN(const FileInfo info, files.GetFileInfo(path));
  if (info.type == FileInfo::Type::kAbsent) return absl::OkStatus();
  LISSOM_ASSIGN_OR_RETURN(const FileInfo current,
                          files.GetFileInfo(CurrentFileName(path)));
  if (current.type != FileInfo::Type::kFile) {
    LISSOM_ASSIGN_OR_RETURN(const bool cut_short, OnlyLockIsLeft(files, path));
    if (!cut_short) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": is no lissom database (there is no CURRENT)"));
    }
  } else {
    // Its other files have names like ours where it is RocksDB's or LevelDB's.
    LISSOM_ASSIGN_OR_RETURN(const bool ours, CurrentIsOurs(files, path));
    if (!ours) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": is no lissom database (CURRENT is not lissom's)"));
    }
  }
  LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<FileLock> lock,
                          files.LockFile(LockFileName(path)));
  LISSOM_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                          files.ListDirectory(path));
  bool others = false;
  bool has_current = false;
  // CURRENT goes last: until then a cut-short Destroy can be done again.
  for (const std::string& name : names) {
    const std::optional<ParsedFileName> file = ParseFileName(name);
    if (!file.has_value()) {
      others = true;
    } else if (file->type == FileType::kCurrent) {
      has_current = true;
    } else if (file->type != FileType::kLock) {
      LISSOM_RETURN_IF_ERROR(
          files.RemoveFile(absl::StrCat(path, "/", name), IoContext{}));
    }
  }
  LISSOM_RETURN_IF_ERROR(files.SyncDirectory(path));
  if (has_current) {
    LISSOM_RETURN_IF_ERROR(
        files.RemoveFile(CurrentFileName(path), IoContext{}));
  }
  LISSOM_RETURN_IF_ERROR(files.RemoveFile(LockFileName(path), IoContext{}));
  lock.reset();
  if (others) return files.SyncDirectory(path);
  LISSOM_RETURN_IF_ERROR(files.RemoveDirectory(path));
  return files.SyncDirectory(ParentOf(path));
}

}  // namespace lissom
