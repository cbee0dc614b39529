#include "db/read/verify_tables.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "db/filename.h"
#include "table/properties.h"
#include "util/error.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

constexpr TableReadOptions kVerify = {
    .fill_cache = false,
    .readahead_bytes = size_t{256} << 10,
    .io = {.kind = IoContext::Kind::kTable,
           .priority = IoContext::Priority::kCompaction}};

// Is the table what the manifest says of it?
absl::Status CompareWithManifest(const std::string& path,
                                 const TableMetadata& said,
                                 const TableProperties& found) {
  if (said.entries == found.entries && said.tombstones == found.tombstones &&
      said.smallest == found.smallest && said.largest == found.largest &&
      said.smallest_sequence == found.smallest_sequence &&
      said.largest_sequence == found.largest_sequence) {
    return absl::OkStatus();
  }
  return CorruptionError(path, 0,
                         "the table is not what the manifest says of it");
}

}  // namespace

absl::Status VerifyTables(const TableSource& source, const Version& version,
                          absl::FunctionRef<absl::Status()> may_go_on) {
  // Holds nothing: every block comes from its file.
  const auto no_cache = std::make_shared<BlockCache>(0);
  for (int level = 0; level < Version::kLevels; ++level) {
    for (const auto& table : version.level(level)) {
      LISSOM_RETURN_IF_ERROR(may_go_on());
      LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<TableReader> reader,
                              OpenTableReader(source, table->meta(), no_cache,
                                              /*cache_key=*/0, kVerify.io));
      LISSOM_RETURN_IF_ERROR(reader->Verify(kVerify, may_go_on));
      LISSOM_RETURN_IF_ERROR(CompareWithManifest(
          TableFileName(source.directory, table->meta().number), table->meta(),
          reader->properties()));
    }
  }
  return absl::OkStatus();
}

}  // namespace lissom
