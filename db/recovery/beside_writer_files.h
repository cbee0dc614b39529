// BesideWriterFiles is the file system of a read-only opener whose writer may
// be at work: it changes nothing, and shows logs as they were at one moment.
//
// Logs (WALs and manifests) only grow, front to back, into zeros or beyond
// their end. A view of one is frozen thus: its size is taken; then it is
// searched from the back for the last byte that is not zero. All before that
// byte was written before it, so it never changes any more; all behind it reads
// as zeros. What the writer was about to append is a torn tail, whatever
// happens while the file is read.
//
// Freeze the newest log first: what it says of older ones (sync marks, the
// sequence it begins with) then holds for their views.
//
// Threads: Freeze and Forget before anybody else uses it; then thread-safe.
#ifndef LISSOM_DB_RECOVERY_BESIDE_WRITER_FILES_H_
#define LISSOM_DB_RECOVERY_BESIDE_WRITER_FILES_H_

#include <map>
#include <memory>
#include <string>

#include "lissom/file_system.h"
#include "util/forwarding_file_system.h"

namespace lissom {

class BesideWriterFiles final : public ReadOnlyFileSystem {
 public:
  explicit BesideWriterFiles(std::shared_ptr<FileSystem> base);
  ~BesideWriterFiles() override;

  // From now on OpenForRead shows this view of the file. Returns how many bytes
  // of it are written: what is preallocated is zeros.
  absl::StatusOr<uint64_t> Freeze(const std::string& path,
                                  const IoContext& context);
  // Lets go of all views; files that were opened keep theirs.
  void Forget();

  // A log that was not frozen is, for this one time. kUnavailable
  // (kMissingFile): a table that is gone, for the writer may remove it.
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenForRead(
      const std::string& path, const IoContext& context) override;

 private:
  class FrozenFile;
  class FrozenHandle;

  std::map<std::string, std::shared_ptr<const FrozenFile>> frozen_;
};

}  // namespace lissom

#endif  // LISSOM_DB_RECOVERY_BESIDE_WRITER_FILES_H_
