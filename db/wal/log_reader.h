// LogReader reads the records of one log in order, and judges where and how
// they end.
//
//   Open; Next until it says false; then end(), and ScanForMark() if torn.
//
// It never decides what a bad end means: that takes all logs together
// (db/recovery) and the recovery mode.
// Threads: thread-compatible. Memory: one record and a read buffer; a length
// beyond the file's end is a bad record, not an allocation.
#ifndef LISSOM_DB_WAL_LOG_READER_H_
#define LISSOM_DB_WAL_LOG_READER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "db/wal/log_format.h"
#include "lissom/file_system.h"

namespace lissom {

class LogReader {
 public:
  // Reads and verifies the header. kDataLoss: no valid header of this kind and
  // number (`path` too short, damaged, or another log under this name);
  // kUnimplemented: a newer format. I/O errors as they are.
  static absl::StatusOr<std::unique_ptr<LogReader>> Open(
      FileSystem& file_system, const std::string& path, LogKind kind,
      uint64_t number);
  ~LogReader();

  const LogHeader& header() const;

  // True and the next record (views live until the next call), or false at the
  // end, whatever the end is like. An I/O error is an error, never an end.
  // kUnimplemented: a record that says it must not be skipped. kDataLoss: one
  // whose checksum holds and whose fields are malformed; no tear does that.
  absl::StatusOr<bool> Next(LogRecord* record);

  // How the records ended. Requires: Next said false.
  struct End {
    enum class Kind {
      kClean,       // The file ends with the last record.
      kZeros,       // Only zeros follow: preallocated, or never written.
      kIncomplete,  // Behind the last record stands a record that the file's
                    // end, or zeros up to the file's end, cut short. By its
                    // looks: if ScanForMark finds a record behind it, it is
                    // its length that is damaged.
      kBad,         // What follows is no record.
    };
    Kind kind = Kind::kClean;
    uint64_t offset = 0;  // Where the last valid record ends.
  };
  const End& end() const;

  // Scans everything behind end().offset for valid records (their checksums
  // are bound to their places, so there are no false ones) and returns the
  // greatest mark among them; nullopt if there is no valid record with a mark.
  // *largest_ordinal is raised to the greatest ordinal seen, and *any_record
  // set if there was a valid record at all. Bounded work: linear in the file,
  // plus checksums of at most sixteen times the file.
  absl::StatusOr<std::optional<SyncMark>> ScanForMark(uint64_t* largest_ordinal,
                                                      bool* any_record);

  // The greatest mark in the records that Next returned.
  std::optional<SyncMark> mark() const;
  // The mark in the last record that Next returned, if it has one.
  std::optional<SyncMark> record_mark() const;
  uint64_t chain_hash() const;  // Of the records that Next returned.
  // Where the next record begins, or would: name it in errors about its
  // payload.
  uint64_t offset() const;

 private:
  struct Rep;
  explicit LogReader(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace lissom

#endif  // LISSOM_DB_WAL_LOG_READER_H_
