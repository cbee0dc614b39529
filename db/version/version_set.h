// VersionSet owns the current Version and the manifest that makes it durable.
//
// A change is durable before it is visible: Apply appends the edit to the
// manifest, syncs it, and only then makes the new Version current. Any failure
// on the way is final: every later Apply returns it (P6), reads go on with the
// Version there was.
//
// Lock order: apply_mu_ (held over the manifest's I/O) before mu_ (a leaf).
// Threads: thread-safe once created.
#ifndef LISSOM_DB_VERSION_VERSION_SET_H_
#define LISSOM_DB_VERSION_VERSION_SET_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "db/version/version.h"
#include "db/version/version_edit.h"
#include "util/mutex.h"
#include "util/random.h"

namespace lissom {

// What the manifest says, before the logs were read.
struct ManifestState {
  std::string comparator;
  FileId database_id;
  uint64_t manifest_number = 0;
  uint64_t min_log_number = 0;
  uint64_t next_file_number = 1;
  SequenceNumber flushed_sequence = 0;
  SequenceNumber last_sequence = 0;
  std::vector<VersionEdit::LogCreated> logs;  // At or above min_log_number.
  std::vector<VersionEdit::LogClosed> closed_logs;  // Of a clean stop.
  std::vector<VersionEdit::NewTable> tables;
};

// Reads CURRENT and the manifest it names, and changes nothing. kDataLoss:
// either is missing, malformed or damaged, or names tables that cannot be
// (twice, not there when removed, ...); kUnimplemented: newer.
absl::StatusOr<ManifestState> ReadManifest(FileSystem& file_system,
                                           const std::string& directory);

class VersionSet {
 public:
  struct Deps {
    std::shared_ptr<const TableSource>
        source;                // File system, directory, order.
    uint64_t random_seed = 0;  // For file ids.
    // Size at which the manifest is written anew; also at least twice the
    // size of a fresh one.
    uint64_t manifest_roll_bytes = uint64_t{4} << 20;
  };

  // Begins life with `state` plus `edit`: writes a new manifest that holds all
  // of it (number taken from state.next_file_number), syncs it, points CURRENT
  // at it and syncs the directory. Until CURRENT is switched nothing has
  // changed; a crash at any point leaves the old or the new state.
  static absl::StatusOr<std::unique_ptr<VersionSet>> Create(
      Deps deps, const ManifestState& state, const VersionEdit& edit);
  ~VersionSet();

  // See the class comment. Always-on checks: the new Version's invariants; no
  // removed table that is not there. Rolls the manifest when it has grown.
  absl::Status Apply(const VersionEdit& edit);

  // After a failure: writes a new manifest that holds the current Version plus
  // `edit`, points CURRENT at it, and accepts edits again. The edit that failed
  // is undone for good, whether it was durable or not; the tables that it would
  // have added are obsolete. On an error all is as it was, and it can be called
  // again. kCancelled: closed.
  absl::Status Resume(const VersionEdit& edit);

  // Reads CURRENT and the manifest back: kDataLoss naming what is damaged. No
  // edit is made meanwhile.
  absl::Status VerifyManifest();

  std::shared_ptr<const Version> current() const;

  uint64_t NewFileNumber() {
    return next_file_number_.fetch_add(1, std::memory_order_relaxed);
  }
  FileId NewFileId();
  uint64_t min_log_number() const;
  uint64_t manifest_number() const;

  // Tables that some Version in use names, current or older.
  std::vector<uint64_t> LiveTables() const;
  // Versions that somebody holds, the current one included, and the bytes of
  // tables that are kept for the others only.
  size_t LiveVersions() const;
  uint64_t ObsoleteBytes() const;
  // Tables that edits have removed and no Version in use names any more. Each
  // is returned once: the caller deletes the files.
  std::vector<uint64_t> TakeObsoleteTables();
  // Manifests that a roll has replaced. Each is returned once.
  std::vector<uint64_t> TakeObsoleteManifests();

  // No more than this is promised to have been given out durably.
  void RaiseLastSequence(SequenceNumber sequence);

  // Syncs and closes the manifest; returns the failure that was latched, if one
  // was. Apply returns kCancelled from then on.
  absl::Status Close();

 private:
  struct Rep;
  explicit VersionSet(Deps deps);

  std::atomic<uint64_t> next_file_number_{
      1};  // Relaxed: only uniqueness matters.
  std::unique_ptr<Rep> rep_;
};

}  // namespace lissom

#endif  // LISSOM_DB_VERSION_VERSION_SET_H_
