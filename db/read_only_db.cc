#include "db/read_only_db.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "db/db_metrics.h"
#include "db/metrics/properties.h"
#include "db/open.h"
#include "db/version/version_set.h"
#include "lissom/status.h"
#include "util/block_cache.h"
#include "util/guarded.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

absl::Status Closed() {
  return absl::CancelledError("the database was closed");
}

// Nothing is written, not even a log, unless the user gives one.
class NoLog final : public Logger {
 public:
  void Log(LogLevel, std::string_view) override {}
};

}  // namespace

absl::StatusOr<std::shared_ptr<DbCore>> OpenReadOnlyDb(
    const Options& given, const std::string& given_path) {
  LISSOM_RETURN_IF_ERROR(given.Validate());
  const std::string path = WithoutTrailingSlashes(given_path);
  LISSOM_RETURN_IF_ERROR(CheckPath(path));
  Options options = given;
  FillIn(options);
  if (options.info_log == nullptr) options.info_log = std::make_shared<NoLog>();
  LISSOM_ASSIGN_OR_RETURN(
      ReadOnlyState state,
      LoadReadOnlyState(
          {.file_system = options.file_system,
           .directory = path,
           .order = KeyOrder(options.comparator),
           .cache = std::make_shared<BlockCache>(*options.block_cache_size),
           .memtable_bytes = *options.write_buffer_size,
           .limits = TableLimits(options)}));
  Quietly([&] {
    options.info_log->Log(
        LogLevel::kInfo,
        absl::StrCat("opened read-only ", path, ": ",
                     state.version->TableCount(), " tables, last sequence ",
                     state.last_sequence));
  });
  return std::make_shared<ReadOnlyDb>(options, std::move(state));
}

ReadOnlyDb::ReadOnlyDb(const Options& options, ReadOnlyState state)
    : options_(options),
      metrics_(options.statistics_level, *options.clock),
      version_(std::move(state.version)),
      memtables_(std::move(state.memtables)),
      log_(options.info_log),
      source_(state.source),
      kept_open_(std::move(state.kept_open)),
      visible_(state.last_sequence),
      logs_(state.logs) {
  reader_ = std::make_unique<Reader>(ReaderDeps{.source = source_,
                                                .visible = visible_,
                                                .log = log_,
                                                .clock = options.clock,
                                                .delete_obsolete_files = {},
                                                .metrics = metrics_});
  reader_->Publish(Ref<const View>(new View(memtables_, version_)));
}

Metrics ReadOnlyDb::GetMetrics() {
  Metrics metrics;
  metrics_.ReadInto(&metrics);
  metrics.memtables = memtables_.size();
  for (const Ref<const Memtable>& memtable : memtables_) {
    metrics.memtable_bytes += memtable->memory_bytes();
    metrics.memtable_entries += memtable->entries();
  }
  AddTreeMetrics(*version_, *source_, options_, &metrics);
  AddReaderMetrics(*reader_, &metrics);
  metrics.live_versions = 1;
  metrics.min_log_number = logs_.least;
  metrics.wal_files = logs_.files;
  metrics.wal_file_bytes = logs_.bytes;
  return metrics;
}

absl::StatusOr<std::string> ReadOnlyDb::GetProperty(std::string_view name) {
  const Metrics metrics = GetMetrics();
  return PropertyText(name, {.metrics = metrics, .version = *version_});
}

absl::StatusOr<uint64_t> ReadOnlyDb::GetIntProperty(std::string_view name) {
  const Metrics metrics = GetMetrics();
  return PropertyInt(name, {.metrics = metrics, .version = *version_});
}

absl::Status ReadOnlyDb::Close() {
  reader_->Close();
  return absl::OkStatus();
}

absl::Status ReadOnlyDb::Refusal() const {
  if (closed()) return Closed();
  return absl::FailedPreconditionError("the database was opened read-only");
}

absl::Status ReadOnlyDb::VerifyChecksums() {
  if (closed()) return Closed();
  LISSOM_RETURN_IF_ERROR(VerifyManifest());
  return reader_->VerifyTables();
}

// The one in force now; that of our moment may be gone.
absl::Status ReadOnlyDb::VerifyManifest() const {
  constexpr int kAttempts = 10;  // One may go while it is opened.
  absl::Status status;
  for (int i = 0; i < kAttempts; ++i) {
    status = ReadManifest(*source_->file_system, source_->directory).status();
    const std::optional<ErrorDetail> detail = DetailOf(status);
    if (!detail.has_value() || detail->kind != ErrorKind::kMissingFile) break;
  }
  return status;
}

absl::Status ReadOnlyDb::Resume() {
  return closed() ? Closed() : absl::OkStatus();
}
absl::Status ReadOnlyDb::WaitForIdle() {
  return closed() ? Closed() : absl::OkStatus();
}

absl::Status ReadOnlyDb::Write(const WriteOptions&, const WriteBatch&) {
  return Refusal();
}
absl::Status ReadOnlyDb::Flush(const FlushOptions&) { return Refusal(); }
absl::Status ReadOnlyDb::SyncWal() { return Refusal(); }
absl::Status ReadOnlyDb::CompactRange(const CompactRangeOptions&,
                                      std::optional<std::string_view>,
                                      std::optional<std::string_view>) {
  return Refusal();
}

}  // namespace lissom
