// LogWriter appends records to a log.
//
//   Create (Add+ Write | Sync)* Close?
//
// Add collects, Write hands everything collected to the file in one append: so
// a group of writers costs one system call. After any error the log must be
// abandoned: every later call returns the same error.
// Threads: thread-compatible.
#ifndef LISSOM_DB_WAL_LOG_WRITER_H_
#define LISSOM_DB_WAL_LOG_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "db/wal/log_format.h"
#include "lissom/file_system.h"

namespace lissom {

class LogWriter {
 public:
  // Creates the file `path` and writes its header, not synced.
  // `preallocate_bytes`: room to reserve at once (0: none); the zeros behind
  // the records are cut off by Close and ignored by LogReader.
  static absl::StatusOr<std::unique_ptr<LogWriter>> Create(
      FileSystem& file_system, const std::string& path, const LogHeader& header,
      uint64_t preallocate_bytes);
  ~LogWriter();

  // Collects a record; copies the payload unless it is large (above 64 KiB),
  // and then it must live until Write. `mark`: the newest known; written only
  // where it is news, or the last one written is 32 KiB behind.
  void Add(const LogRecord& record, const SyncMark& mark);

  // Appends what was collected with one call of the file. No allocation in
  // the steady state.
  absl::Status Write();

  // Makes everything written durable. (Not the file's name.)
  absl::Status Sync();

  // Trims the file to its records, syncs and closes it.
  absl::Status Close();

  uint64_t size() const;  // Bytes written: the offset of the next record.
  uint64_t synced_size() const;  // Bytes known to be durable.
  // Stands for all records written, in order; LogReader::chain_hash after the
  // last record must equal it.
  uint64_t chain_hash() const;
  const LogHeader& header() const;

 private:
  struct Rep;
  explicit LogWriter(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace lissom

#endif  // LISSOM_DB_WAL_LOG_WRITER_H_
