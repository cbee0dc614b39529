// The pieces of the manifest: what its edits add up to, how it is written, and
// CURRENT, the file that names the one in force. (Reading it all is
// ReadManifest in version_set.h.) db/FORMAT.md has the bytes.
//
//   CURRENT ---> MANIFEST-000003:  edit 1 (everything), edit 2, edit 3, ...
//
// Each edit is synced before it counts, and carries how far the manifest was
// synced before it: so a bad edit with a good one behind it is damage, and a
// bad one at the end was never acknowledged.
#ifndef LISSOM_DB_VERSION_MANIFEST_H_
#define LISSOM_DB_VERSION_MANIFEST_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "db/version/version_edit.h"
#include "db/version/version_set.h"
#include "db/wal/log_writer.h"
#include "lissom/file_system.h"

namespace lissom {

// Everything that edits say but the tables in force. A value.
class ManifestNumbers {
 public:
  // Takes over what `edit` says. kDataLoss, without file and offset: it cannot
  // follow what was (a number goes backwards, a log comes twice, ...);
  // kUnimplemented: a table needs what this version cannot do. After an error
  // the numbers are spent.
  absl::Status Apply(const VersionEdit& edit);

  const std::string& comparator() const { return comparator_; }
  const FileId& database_id() const { return database_id_; }
  uint64_t min_log_number() const { return min_log_number_; }
  uint64_t next_file_number() const { return next_file_number_; }
  SequenceNumber last_sequence() const { return last_sequence_; }
  // Have a comparator and an id been given, as the first edit must?
  bool complete() const { return has_comparator_ && has_database_id_; }

  // All but the tables and the manifest's own number.
  ManifestState ToState() const;

 private:
  absl::Status ApplyIdentity(const VersionEdit& edit);
  absl::Status ApplyCounters(const VersionEdit& edit);
  absl::Status ApplyLogs(const VersionEdit& edit);
  absl::Status CheckTable(const TableMetadata& table) const;

  bool has_comparator_ = false;
  bool has_database_id_ = false;
  std::string comparator_;
  FileId database_id_;
  uint64_t min_log_number_ = 0;
  uint64_t next_file_number_ = 1;
  SequenceNumber flushed_sequence_ = 0;
  SequenceNumber last_sequence_ = 0;
  // By number, at or above min_log_number_.
  std::map<uint64_t, VersionEdit::LogCreated> logs_;
  std::map<uint64_t, VersionEdit::LogClosed> closed_logs_;
};

// The edit that makes an empty database to `state`.
VersionEdit SnapshotOf(const ManifestState& state);

// `edit` as a record of a manifest. kInternal: a reader would refuse it (it is
// read back to see), so it must not be written.
absl::StatusOr<std::string> EncodeChecked(const VersionEdit& edit);

// Writes one manifest. After an error it must be abandoned.
// Threads: thread-compatible.
class ManifestWriter {
 public:
  // Writes a new manifest with its first edit and puts it in force: the file,
  // its name, then CURRENT, each durable before the next. On failure the one
  // before is in force, or, if CURRENT had its turn, either is: then both
  // files stay, else the new one is removed if that can be done.
  static absl::StatusOr<std::unique_ptr<ManifestWriter>> Install(
      FileSystem& file_system, const std::string& directory, uint64_t number,
      const FileId& id, std::string_view first_edit);

  // Appends an encoded edit and syncs it. An error leaves open whether the edit
  // is there.
  absl::Status Append(std::string_view edit);
  absl::Status Close() { return log_->Close(); }

  uint64_t size() const { return log_->size(); }
  uint64_t number() const { return log_->header().number; }

 private:
  explicit ManifestWriter(std::unique_ptr<LogWriter> log);

  const std::unique_ptr<LogWriter> log_;
  uint64_t last_ordinal_ = 0;
};

// The contents of CURRENT.
std::string FormatCurrent(uint64_t manifest_number);
// The manifest that `body` names. kDataLoss naming `path` and the first byte
// that is wrong: anything but what FormatCurrent makes.
absl::StatusOr<uint64_t> ParseCurrent(const std::string& path,
                                      std::string_view body);

// Whether CURRENT begins as lissom's do, be the rest damaged or not: RocksDB
// and LevelDB have a file of that name, too. kDataLoss: it is missing, or no
// file.
absl::StatusOr<bool> CurrentIsOurs(FileSystem& file_system,
                                   const std::string& directory);

// kInvalidArgument: CURRENT is as RocksDB and LevelDB write theirs, which no
// damage makes of ours; so this is not for us to touch. Any other error: it
// could not be read. What is missing or damaged is OK here, and for others to
// judge.
absl::Status RefuseOtherEngines(FileSystem& file_system,
                                const std::string& directory);

}  // namespace lissom

#endif  // LISSOM_DB_VERSION_MANIFEST_H_
