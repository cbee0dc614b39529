// VerifyTable reads all of a table and believes nothing: every block's
// checksum and form, that keys go up and stand where the index says, that the
// filter lets each of them pass, and that the properties count what is there.
// Blocks fill the file: no byte goes unlooked at.
#ifndef LISSOM_TABLE_TABLE_VERIFIER_H_
#define LISSOM_TABLE_TABLE_VERIFIER_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "table/format.h"
#include "table/properties.h"
#include "table/table_iterator.h"

namespace lissom {

// `index`, `properties` and `footer` are what opening the table has read and
// verified. See TableReader::Verify.
absl::Status VerifyTable(const TableIndex& index,
                         const TableProperties& properties,
                         const Footer& footer, const TableReadOptions& options,
                         absl::FunctionRef<absl::Status()> may_go_on);

}  // namespace lissom

#endif  // LISSOM_TABLE_TABLE_VERIFIER_H_
