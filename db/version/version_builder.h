// VersionBuilder makes the next Version from one there is and an edit.
//
//   VersionBuilder builder(source, base); Apply(edit)...; Finish()
//
// Tables that stay are shared with the base, and one that only moves to another
// level stays the same TableFile: its reader remains open.
// Threads: thread-compatible.
#ifndef LISSOM_DB_VERSION_VERSION_BUILDER_H_
#define LISSOM_DB_VERSION_VERSION_BUILDER_H_

#include <array>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "db/version/version.h"
#include "db/version/version_edit.h"

namespace lissom {

class VersionBuilder {
 public:
  // `base`: null for an empty tree.
  VersionBuilder(std::shared_ptr<const TableSource> source,
                 const Version* base);

  // Removals first, then additions. kInternal: a removed table is not where the
  // edit says, or a moved one changed on the way; the builder is then spent.
  absl::Status Apply(const VersionEdit& edit);

  // kInternal: the result breaks an invariant. Call once.
  absl::StatusOr<std::shared_ptr<const Version>> Finish();

 private:
  const std::shared_ptr<const TableSource> source_;
  std::array<Version::Level, Version::kLevels> levels_;
};

}  // namespace lissom

#endif  // LISSOM_DB_VERSION_VERSION_BUILDER_H_
