// ReadOnlyDb is a database that is only read: the state of the moment when it
// was opened, beside a writer that may go on.
//
// It takes no lock, writes nothing and has no background work; its View never
// changes. Tables that it has open stay readable when the writer removes them;
// one that it has not (there were too many) is kUnavailable from then on.
#ifndef LISSOM_DB_READ_ONLY_DB_H_
#define LISSOM_DB_READ_ONLY_DB_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "db/db_core.h"
#include "db/metrics/metrics_recorder.h"
#include "db/recovery/read_only_state.h"
#include "lissom/options.h"

namespace lissom {

// DB::OpenReadOnly, up to the facade.
absl::StatusOr<std::shared_ptr<DbCore>> OpenReadOnlyDb(const Options& options,
                                                       const std::string& path);

class ReadOnlyDb final : public DbCore {
 public:
  // `options.info_log` is set.
  ReadOnlyDb(const Options& options, ReadOnlyState state);

  absl::Status Close() override;
  absl::Status VerifyChecksums() override;
  Metrics GetMetrics() override;
  absl::StatusOr<std::string> GetProperty(std::string_view name) override;
  absl::StatusOr<uint64_t> GetIntProperty(std::string_view name) override;

  // Nothing to do.
  absl::Status Resume() override;
  absl::Status WaitForIdle() override;

  // kFailedPrecondition.
  absl::Status Write(const WriteOptions& options,
                     const WriteBatch& batch) override;
  absl::Status Flush(const FlushOptions& options) override;
  absl::Status SyncWal() override;
  absl::Status CompactRange(const CompactRangeOptions& options,
                            std::optional<std::string_view> begin,
                            std::optional<std::string_view> end) override;

  Logger& log() override { return *log_; }

 private:
  absl::Status Refusal() const;
  absl::Status VerifyManifest() const;

  const Options options_;
  MetricsRecorder metrics_;
  const std::shared_ptr<const Version> version_;
  const std::vector<Ref<const Memtable>> memtables_;
  const std::shared_ptr<Logger> log_;
  const std::shared_ptr<const TableSource> source_;
  const std::vector<TablePin> kept_open_;      // The writer may remove them.
  const std::atomic<SequenceNumber> visible_;  // Constant.
  const ReadOnlyState::Logs logs_;
};

}  // namespace lissom

#endif  // LISSOM_DB_READ_ONLY_DB_H_
