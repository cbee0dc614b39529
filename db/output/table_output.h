// TableOutput turns a sorted stream of entries into finished, durable tables of
// one level, ready to be named by a VersionEdit. MergeToTables drives it.
//
// Where a table ends (only ever between two user keys: the versions of a key
// never straddle two tables of a level):
//   - at the target size;
//   - where a table of the level below the output (a grandparent) ends, once
//     the table has half its target: later compactions then meet fewer tables;
//   - before it overlaps more than ten targets' worth of grandparents: it will
//     have to be merged with all of them one day.
// Durable: Finish syncs every file and, once, the directory. Until then, and
//   after any error, destruction removes every file made (P9).
// Always checked: order within and between the tables, and counts, before
//   anything is handed out: wrong bytes must not be installed.
// Threads: thread-compatible.
#ifndef LISSOM_DB_OUTPUT_TABLE_OUTPUT_H_
#define LISSOM_DB_OUTPUT_TABLE_OUTPUT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "db/output/entry_filter.h"
#include "db/output/limited_file.h"
#include "db/version/version.h"
#include "lissom/options.h"
#include "table/internal_iterator.h"
#include "table/table_builder.h"

namespace lissom {

// Everything an output may touch.
struct OutputDeps {
  const TableSource& source;  // File system, directory, order.
  std::function<uint64_t()> new_file_number;
  std::function<FileId()> new_file_id;
  // The wall clock, for the age of tables; null: they have none.
  std::function<absl::Time()> now = nullptr;
  // Asked before bytes are appended to a table; null: they may always be.
  MayAppend may_append = nullptr;
  // Replaced by tests.
  std::function<std::unique_ptr<TableBuilder>(TableBuilderOptions, std::string,
                                              std::unique_ptr<WritableFile>)>
      new_builder = TableBuilder::Create;
};

struct OutputOptions {
  size_t block_size = 4096;
  Compression compression = Compression::None();
  FilterPolicy filter_policy = FilterPolicy::Bloom(10);
  uint64_t target_bytes = UINT64_MAX;  // Of a table. UINT64_MAX: one table.
  Version::Level grandparents;         // Sorted, not overlapping; may be empty.
  IoContext::Priority priority = IoContext::Priority::kCompaction;
  // Of the oldest entries, if that is known (TableMetadata); 0: they are new,
  // the time is now.
  uint64_t creation_time = 0;
};

// What `options` say of tables written to `level`.
OutputOptions OutputOptionsFor(const ColumnFamilyOptions& options, int level);
// How tables of `level` are compressed.
Compression CompressionOf(const ColumnFamilyOptions& options, int level);

// Bytes of grandparents that a table may overlap.
constexpr uint64_t MaxGrandparentBytes(uint64_t target_bytes) {
  constexpr uint64_t kFactor = 10;
  return target_bytes > UINT64_MAX / kFactor ? UINT64_MAX
                                             : kFactor * target_bytes;
}

struct OutputCounts {
  uint64_t entries_in = 0;
  uint64_t entries_out = 0;
  uint64_t shadowed = 0;             // Versions that nobody can see any more.
  uint64_t obsolete_tombstones = 0;  // Tombstones with nothing left to hide.
  uint64_t bytes_written = 0;        // Sizes of the files.
};

struct OutputResult {
  std::vector<TableMetadata> tables;  // In key order.
  OutputCounts counts;
};

class TableOutput {
 public:
  // The arguments' referents outlive the output.
  TableOutput(const OutputDeps& deps, OutputOptions options);
  ~TableOutput();  // Removes every file made, unless they were handed out.
  TableOutput(const TableOutput&) = delete;
  TableOutput& operator=(const TableOutput&) = delete;

  // Appends an entry. `may_cut`: no entry of the same user key came before it.
  // After an error the output must be destroyed.
  absl::Status Add(const InternalKeyView& key, std::string_view value,
                   bool may_cut);

  // Finishes the last table and syncs the directory. From now on the files are
  // the caller's: if a VersionEdit that names them fails to apply they must
  // stay, because the edit may be durable all the same.
  // kInternal: the tables are out of order, or do not hold `entries` entries.
  absl::StatusOr<std::vector<TableMetadata>> Finish(uint64_t entries);

  // The same in two steps, for several outputs that count together or not at
  // all: the files are synced, their names are not durable yet, and they stay
  // this output's until Release.
  absl::StatusOr<std::vector<TableMetadata>> FinishTables(uint64_t entries);
  void Release() { finished_ = true; }

  const KeyOrder& order() const { return deps_.source.order; }

 private:
  absl::Status StartTable();
  absl::Status FinishTable();
  bool ShouldCutBefore(std::string_view user_key);
  uint64_t CreationTime() const;
  absl::Status Check(uint64_t entries) const;

  const OutputDeps& deps_;
  const OutputOptions options_;
  std::unique_ptr<TableBuilder> builder_;  // Of the present table, or null.
  std::vector<uint64_t> numbers_;  // Files made; the last is the present one's.
  FileId id_;                      // Of the present table.
  std::vector<TableMetadata> tables_;  // Finished.
  size_t grandparent_ = 0;  // The first that does not end before the last key.
  uint64_t grandparent_bytes_ = 0;  // That the present table has passed.
  bool finished_ = false;
};

// What a merge reads, and how it knows that it read all of it.
struct MergeInput {
  InternalIterator& entries;  // Read from its first entry on.
  uint64_t expected_entries = 0;
  std::function<bool()> cancelled;  // Asked now and then; null: never.
};

// The same of a part of the input, whose entries somebody else adds up.
struct PartInput {
  InternalIterator& entries;
  std::optional<std::string_view> begin;  // User keys from here on,
  std::optional<std::string_view> end;    // and before this one; nullopt: all.
  std::function<bool()> cancelled;
};

// Writes what `filter` keeps of the input to `output` and finishes it.
// kCancelled; kInternal: entries were lost or out of order on the way. An error
// of the input is an error, never a shorter table.
absl::StatusOr<OutputResult> MergeToTables(const MergeInput& input,
                                           EntryFilter& filter,
                                           TableOutput& output);
// kInternal: the inputs lost entries on the way, or gave some twice.
absl::Status CheckEntriesRead(uint64_t read, uint64_t expected);
// MergeToTables, but for the count of entries read, the directory's sync and
// the output's Release.
absl::StatusOr<OutputResult> MergePart(const PartInput& input,
                                       EntryFilter& filter,
                                       TableOutput& output);

}  // namespace lissom

#endif  // LISSOM_DB_OUTPUT_TABLE_OUTPUT_H_
