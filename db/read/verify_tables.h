// VerifyTables reads all tables of a Version from their files: what
// DB::VerifyChecksums does beside the manifest.
#ifndef LISSOM_DB_READ_VERIFY_TABLES_H_
#define LISSOM_DB_READ_VERIFY_TABLES_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "db/version/version.h"

namespace lissom {

// kDataLoss naming the first file that is damaged, missing or another one than
// `version` says. Opens each file anew and keeps nothing in the cache. Asks
// `may_go_on` before each block; its error ends it. `version` is held by the
// caller, so that its files stay.
absl::Status VerifyTables(const TableSource& source, const Version& version,
                          absl::FunctionRef<absl::Status()> may_go_on);

}  // namespace lissom

#endif  // LISSOM_DB_READ_VERIFY_TABLES_H_
