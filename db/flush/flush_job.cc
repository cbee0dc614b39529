#include "db/flush/flush_job.h"

#include <limits>
#include <memory>

#include "table/merging_iterator.h"
#include "util/status_macros.h"

namespace lissom {

absl::StatusOr<FlushResult> RunFlush(const OutputDeps& deps,
                                     const FlushInput& input) {
  std::vector<std::unique_ptr<InternalIterator>> sources;
  uint64_t entries = 0;
  for (const Ref<const Memtable>& memtable : input.memtables) {
    if (memtable->empty()) continue;
    entries += memtable->entries();
    sources.push_back(memtable->NewIterator());
  }
  if (sources.empty()) return FlushResult{};
  const std::unique_ptr<InternalIterator> merged =
      NewMergingIterator(deps.source.order, std::move(sources));

  OutputOptions options = OutputOptionsFor(input.options, 0);
  // One table, however large: pieces would only be more tables of level 0.
  options.target_bytes = std::numeric_limits<uint64_t>::max();
  options.priority = IoContext::Priority::kFlush;
  TableOutput output(deps, std::move(options));
  EntryFilter filter(input.snapshots, nullptr);
  LISSOM_ASSIGN_OR_RETURN(OutputResult written,
                          MergeToTables({.entries = *merged,
                                         .expected_entries = entries,
                                         .cancelled = nullptr},
                                        filter, output));
  FlushResult result;
  result.counts = written.counts;
  if (!written.tables.empty()) result.table = std::move(written.tables.front());
  return result;
}

absl::StatusOr<std::optional<TableMetadata>> FlushMemtable(
    const TableSource& source, const ColumnFamilyOptions& options,
    const Ref<const Memtable>& memtable, std::vector<SequenceNumber> snapshots,
    std::function<uint64_t()> new_file_number,
    std::function<FileId()> new_file_id) {
  const OutputDeps deps{.source = source,
                        .new_file_number = std::move(new_file_number),
                        .new_file_id = std::move(new_file_id)};
  LISSOM_ASSIGN_OR_RETURN(FlushResult result,
                          RunFlush(deps, {.options = options,
                                          .memtables = {memtable},
                                          .snapshots = std::move(snapshots)}));
  return std::move(result.table);
}

}  // namespace lissom
