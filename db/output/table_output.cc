#include "db/output/table_output.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "db/filename.h"
#include "util/check.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

TableMetadata MetadataOf(uint64_t number, const FileId& id,
                         const TableSummary& summary) {
  TableMetadata table;
  table.number = number;
  table.size = summary.file_size;
  table.tail_size = summary.tail_size;
  table.id = id;
  table.smallest = summary.smallest;
  table.largest = summary.largest;
  table.smallest_sequence = summary.smallest_sequence;
  table.largest_sequence = summary.largest_sequence;
  table.entries = summary.entries;
  table.tombstones = summary.tombstones;
  table.raw_key_bytes = summary.raw_key_bytes;
  table.raw_value_bytes = summary.raw_value_bytes;
  table.codec = summary.codec;
  table.filter_id = summary.filter_id;
  return table;
}

}  // namespace

Compression CompressionOf(const ColumnFamilyOptions& options, int level) {
  const std::vector<Compression>& all = options.compression;
  if (all.empty()) return Compression::None();  // Validate refuses it.
  return all[std::min(static_cast<size_t>(level), all.size() - 1)];
}

OutputOptions OutputOptionsFor(const ColumnFamilyOptions& options, int level) {
  OutputOptions output;
  output.block_size = options.block_size;
  output.compression = CompressionOf(options, level);
  output.filter_policy = options.filter_policy;
  output.target_bytes = options.target_file_size_base;
  return output;
}

TableOutput::TableOutput(const OutputDeps& deps, OutputOptions options)
    : deps_(deps), options_(std::move(options)) {}

TableOutput::~TableOutput() {
  if (finished_) return;
  builder_.reset();  // Closes the file.
  for (const uint64_t number : numbers_) {
    // What cannot be removed is named by no Version: the next open removes it.
    deps_.source.file_system
        ->RemoveFile(
            TableFileName(deps_.source.directory, number),
            {.kind = IoContext::Kind::kTable, .priority = options_.priority})
        .IgnoreError();
  }
}

absl::Status TableOutput::Add(const InternalKeyView& key,
                              std::string_view value, bool may_cut) {
  if (may_cut && ShouldCutBefore(key.user_key)) {
    LISSOM_RETURN_IF_ERROR(FinishTable());
  }
  if (builder_ == nullptr) LISSOM_RETURN_IF_ERROR(StartTable());
  return builder_->Add(key, value);
}

// Moves the cursor over the grandparents to `user_key` and says whether the
// present table, if there is one, ends before it.
bool TableOutput::ShouldCutBefore(std::string_view user_key) {
  const uint64_t passed_before = grandparent_bytes_;
  const Version::Level& grandparents = options_.grandparents;
  while (grandparent_ < grandparents.size() &&
         deps_.source.order.CompareUser(
             grandparents[grandparent_]->meta().largest.user_key, user_key) <
             0) {
    // One that ended before the present table began does not burden it.
    if (builder_ != nullptr) {
      grandparent_bytes_ += grandparents[grandparent_]->meta().size;
    }
    ++grandparent_;
  }
  if (builder_ == nullptr) return false;
  const uint64_t size = builder_->EstimatedFileSize();
  const bool at_boundary = grandparent_bytes_ != passed_before;
  return size >= options_.target_bytes ||
         (at_boundary && size >= options_.target_bytes / 2) ||
         grandparent_bytes_ > MaxGrandparentBytes(options_.target_bytes);
}

absl::Status TableOutput::StartTable() {
  const uint64_t number = deps_.new_file_number();
  const IoContext io = {.kind = IoContext::Kind::kTable,
                        .priority = options_.priority};
  std::string path = TableFileName(deps_.source.directory, number);
  numbers_.reserve(numbers_.size() + 1);  // So that no made file is forgotten.
  LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file,
                          deps_.source.file_system->Create(path, io));
  numbers_.push_back(number);
  if (deps_.may_append != nullptr) {
    file = NewLimitedFile(std::move(file), deps_.may_append);
  }
  id_ = deps_.new_file_id();
  builder_ = deps_.new_builder({.order = deps_.source.order,
                                .id = id_,
                                .block_size = options_.block_size,
                                .compression = options_.compression,
                                .filter_policy = options_.filter_policy,
                                .io = io},
                               std::move(path), std::move(file));
  grandparent_bytes_ = 0;
  return absl::OkStatus();
}

absl::Status TableOutput::FinishTable() {
  LISSOM_ASSIGN_OR_RETURN(const TableSummary summary, builder_->Finish());
  builder_.reset();
  tables_.push_back(MetadataOf(numbers_.back(), id_, summary));
  tables_.back().creation_time = CreationTime();
  return absl::OkStatus();
}

uint64_t TableOutput::CreationTime() const {
  if (options_.creation_time != 0 || deps_.now == nullptr) {
    return options_.creation_time;
  }
  return static_cast<uint64_t>(
      std::max<int64_t>(absl::ToUnixSeconds(deps_.now()), 0));
}

absl::StatusOr<std::vector<TableMetadata>> TableOutput::FinishTables(
    uint64_t entries) {
  LISSOM_DCHECK(!finished_);
  if (builder_ != nullptr) LISSOM_RETURN_IF_ERROR(FinishTable());
  LISSOM_RETURN_IF_ERROR(Check(entries));
  return std::move(tables_);
}

absl::StatusOr<std::vector<TableMetadata>> TableOutput::Finish(
    uint64_t entries) {
  LISSOM_ASSIGN_OR_RETURN(std::vector<TableMetadata> tables,
                          FinishTables(entries));
  if (!tables.empty()) {
    LISSOM_RETURN_IF_ERROR(
        deps_.source.file_system->SyncDirectory(deps_.source.directory));
  }
  Release();
  return tables;
}

// The last look at tables before they can be installed.
absl::Status TableOutput::Check(uint64_t entries) const {
  const KeyOrder& order = deps_.source.order;
  uint64_t held = 0;
  for (size_t i = 0; i < tables_.size(); ++i) {
    const TableMetadata& table = tables_[i];
    held += table.entries;
    const bool follows =
        i == 0 || order.CompareUser(tables_[i - 1].largest.user_key,
                                    table.smallest.user_key) < 0;
    if (!follows ||
        order.Compare(table.smallest.view(), table.largest.view()) > 0) {
      return absl::InternalError(
          absl::StrCat("new table ", table.number, ", from ",
                       DebugString(table.smallest.view()), " to ",
                       DebugString(table.largest.view()), ", is out of order"));
    }
  }
  if (held != entries) {
    return absl::InternalError(absl::StrCat("new tables hold ", held,
                                            " entries instead of ", entries));
  }
  return absl::OkStatus();
}

namespace {

// Feeds the output with what the filter keeps. Counts everything but what the
// output itself knows.
absl::Status Feed(const PartInput& input, EntryFilter& filter,
                  TableOutput& output, OutputCounts& counts) {
  constexpr uint64_t kEntriesBetweenPolls = 1024;
  InternalIterator& it = input.entries;
  bool key_has_output = false;
  uint64_t newer_trailer = 0;  // Of the version before, of the same key.
  if (input.begin.has_value()) {
    it.Seek({*input.begin, SeekTrailer(kMaxSequence)});
  } else {
    it.SeekToFirst();
  }
  for (; it.Valid(); it.Next()) {
    if (input.end.has_value() &&
        output.order().CompareUser(it.key().user_key, *input.end) >= 0) {
      break;
    }
    if (counts.entries_in++ % kEntriesBetweenPolls == 0 &&
        input.cancelled != nullptr && input.cancelled()) {
      return absl::CancelledError("the job was cancelled");
    }
    const InternalKeyView key = it.key();
    const EntryFilter::Verdict verdict = filter.Judge(key);
    if (filter.at_new_key()) {
      key_has_output = false;
    } else if (key.trailer > newer_trailer) {
      // The builder sees only what is kept; here the newer one would be lost.
      return absl::InternalError(
          absl::StrCat("versions out of order at ", DebugString(key)));
    }
    newer_trailer = key.trailer;
    switch (verdict) {
      case EntryFilter::Verdict::kKeep:
        LISSOM_RETURN_IF_ERROR(output.Add(key, it.value(), !key_has_output));
        key_has_output = true;
        break;
      case EntryFilter::Verdict::kShadowed:
        ++counts.shadowed;
        break;
      case EntryFilter::Verdict::kObsolete:
        ++counts.obsolete_tombstones;
        break;
    }
  }
  return it.status();
}

// in = out + dropped: the tables must hold exactly what was not dropped.
void CountOutput(OutputCounts& counts) {
  counts.entries_out =
      counts.entries_in - counts.shadowed - counts.obsolete_tombstones;
}

void CountBytes(OutputResult& result) {
  for (const TableMetadata& table : result.tables) {
    result.counts.bytes_written += table.size;
  }
}

}  // namespace

absl::StatusOr<OutputResult> MergePart(const PartInput& input,
                                       EntryFilter& filter,
                                       TableOutput& output) {
  OutputResult result;
  LISSOM_RETURN_IF_ERROR(Feed(input, filter, output, result.counts));
  CountOutput(result.counts);
  LISSOM_ASSIGN_OR_RETURN(result.tables,
                          output.FinishTables(result.counts.entries_out));
  CountBytes(result);
  return result;
}

absl::Status CheckEntriesRead(uint64_t read, uint64_t expected) {
  if (read == expected) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("the inputs gave ", read, " entries instead of ", expected));
}

absl::StatusOr<OutputResult> MergeToTables(const MergeInput& input,
                                           EntryFilter& filter,
                                           TableOutput& output) {
  OutputResult result;
  LISSOM_RETURN_IF_ERROR(Feed({.entries = input.entries,
                               .begin = std::nullopt,
                               .end = std::nullopt,
                               .cancelled = input.cancelled},
                              filter, output, result.counts));
  LISSOM_RETURN_IF_ERROR(
      CheckEntriesRead(result.counts.entries_in, input.expected_entries));
  CountOutput(result.counts);
  LISSOM_ASSIGN_OR_RETURN(result.tables,
                          output.Finish(result.counts.entries_out));
  CountBytes(result);
  return result;
}

}  // namespace lissom
