#include "db/version/version_edit.h"

#include <limits>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "db/version/version.h"
#include "util/coding.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

// A tag is one byte, a field's number and a bit: must a reader that does not
// know the number refuse, or may it skip the field? Numbers are never used
// again. db/FORMAT.md has a row for each.
constexpr uint8_t kMustUnderstand = 0x80;
constexpr uint8_t Must(uint8_t number) { return kMustUnderstand | number; }
constexpr uint8_t May(uint8_t number) { return number; }
constexpr int NumberOf(uint8_t tag) { return tag & ~kMustUnderstand; }

constexpr uint8_t kComparator = Must(1);
constexpr uint8_t kDatabaseId = Must(2);
constexpr uint8_t kMinLogNumber = Must(3);
constexpr uint8_t kNextFileNumber = Must(4);
constexpr uint8_t kFlushedSequence = Must(5);
constexpr uint8_t kLastSequence = Must(6);
constexpr uint8_t kLogCreated = Must(7);
constexpr uint8_t kLogClosed = Must(8);
constexpr uint8_t kRemovedTable = Must(9);
constexpr uint8_t kNewTable = Must(10);

// Fields of a table. What only steers compactions may be skipped; what changes
// how the table reads may not.
constexpr uint8_t kTableNumber = Must(1);
constexpr uint8_t kTableSize = Must(2);
constexpr uint8_t kTableTailSize = Must(3);
constexpr uint8_t kTableId = Must(4);
constexpr uint8_t kTableSmallest = Must(5);
constexpr uint8_t kTableLargest = Must(6);
constexpr uint8_t kTableLargestExclusive = Must(7);
constexpr uint8_t kTableSmallestSequence = Must(8);
constexpr uint8_t kTableLargestSequence = Must(9);
constexpr uint8_t kTableGlobalSequence = Must(10);
constexpr uint8_t kTableEntries = May(11);
constexpr uint8_t kTableTombstones = May(12);
constexpr uint8_t kTableRawKeyBytes = May(13);
constexpr uint8_t kTableRawValueBytes = May(14);
constexpr uint8_t kTableCodec = May(15);
constexpr uint8_t kTableFilterId = May(16);
constexpr uint8_t kTableTemperature = May(17);
constexpr uint8_t kTableBlobFile = Must(18);
constexpr uint8_t kTableCreationTime = May(19);

// A set of tags as bits: every number above is below 64.
constexpr uint64_t Bit(uint8_t tag) { return uint64_t{1} << NumberOf(tag); }
constexpr uint64_t kRequiredTableTags =
    Bit(kTableNumber) | Bit(kTableSize) | Bit(kTableTailSize) | Bit(kTableId) |
    Bit(kTableSmallest) | Bit(kTableLargest) | Bit(kTableSmallestSequence) |
    Bit(kTableLargestSequence);

void AppendField(std::string* to, uint8_t tag, std::string_view value) {
  to->push_back(static_cast<char>(tag));
  AppendLengthPrefixed(to, value);
}

void AppendNumber(std::string* to, uint8_t tag, uint64_t value) {
  to->push_back(static_cast<char>(tag));
  AppendVarint64(to, VarintLength(value));
  AppendVarint64(to, value);
}

void AppendNumberUnlessZero(std::string* to, uint8_t tag, uint64_t value) {
  if (value != 0) AppendNumber(to, tag, value);
}

void AppendId(std::string* to, const FileId& id) {
  AppendFixed64(to, id.high);
  AppendFixed64(to, id.low);
}

void AppendIdField(std::string* to, uint8_t tag, const FileId& id) {
  std::string value;
  AppendId(&value, id);
  AppendField(to, tag, value);
}

void AppendKey(std::string* to, uint8_t tag, const InternalKey& key) {
  std::string value = key.user_key;
  AppendFixed64(&value, key.trailer);
  AppendField(to, tag, value);
}

void AppendTable(std::string* to, const TableMetadata& table) {
  AppendNumber(to, kTableNumber, table.number);
  AppendNumber(to, kTableSize, table.size);
  AppendNumber(to, kTableTailSize, table.tail_size);
  AppendIdField(to, kTableId, table.id);
  AppendKey(to, kTableSmallest, table.smallest);
  AppendKey(to, kTableLargest, table.largest);
  AppendNumber(to, kTableSmallestSequence, table.smallest_sequence);
  AppendNumber(to, kTableLargestSequence, table.largest_sequence);
  AppendNumberUnlessZero(to, kTableLargestExclusive,
                         table.largest_exclusive ? 1 : 0);
  AppendNumberUnlessZero(to, kTableGlobalSequence, table.global_sequence);
  AppendNumberUnlessZero(to, kTableEntries, table.entries);
  AppendNumberUnlessZero(to, kTableTombstones, table.tombstones);
  AppendNumberUnlessZero(to, kTableRawKeyBytes, table.raw_key_bytes);
  AppendNumberUnlessZero(to, kTableRawValueBytes, table.raw_value_bytes);
  AppendNumberUnlessZero(to, kTableCodec, table.codec);
  AppendNumberUnlessZero(to, kTableFilterId, table.filter_id);
  AppendNumberUnlessZero(to, kTableTemperature, table.temperature);
  AppendNumberUnlessZero(to, kTableCreationTime, table.creation_time);
  for (const uint64_t blob_file : table.blob_files) {
    AppendNumber(to, kTableBlobFile, blob_file);
  }
}

absl::Status Malformed(absl::string_view what, uint8_t tag) {
  return absl::DataLossError(
      absl::StrCat("malformed version edit: ", what, " field ", NumberOf(tag)));
}

// Of a field with an unknown tag: OK if it says that it may be skipped.
absl::Status SkipUnknown(absl::string_view what, uint8_t tag) {
  if ((tag & kMustUnderstand) == 0) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat(
      "written by a newer lissom: ", what, " field ", NumberOf(tag),
      " of a version edit is unknown and must not be skipped"));
}

// Takes the first field off `in`.
bool ReadField(Decoder* in, uint8_t* tag, std::string_view* value) {
  return in->ReadByte(tag) && in->ReadLengthPrefixed(value);
}

// The readers of values return false unless `bytes` are such a value, in
// bounds, and nothing else.

// Anything unsigned, bool too; not above `max`.
template <typename T>
bool ReadNumber(std::string_view bytes, T* to,
                uint64_t max = std::numeric_limits<T>::max()) {
  static_assert(std::is_unsigned_v<T>);
  Decoder in(bytes);
  uint64_t value;
  if (!in.ReadVarint64(&value) || !in.empty() || value > max) return false;
  *to = static_cast<T>(value);
  return true;
}

bool ReadSequence(std::string_view bytes, SequenceNumber* to) {
  return ReadNumber(bytes, to, kMaxSequence);
}

bool ReadFileNumber(std::string_view bytes, uint64_t* to) {
  return ReadNumber(bytes, to, kMaxFileNumber);
}

bool ReadId(Decoder* in, FileId* to) {
  return in->ReadFixed64(&to->high) && in->ReadFixed64(&to->low);
}

bool ReadId(std::string_view bytes, FileId* to) {
  Decoder in(bytes);
  return ReadId(&in, to) && in.empty();
}

bool ReadKey(std::string_view bytes, InternalKey* to) {
  if (bytes.size() < sizeof to->trailer) return false;
  const size_t key_size = bytes.size() - sizeof to->trailer;
  to->trailer = DecodeFixed64(bytes.data() + key_size);
  to->user_key = bytes.substr(0, key_size);
  return TrailerSequence(to->trailer) <= kMaxSequence;
}

bool ReadLevel(Decoder* in, int* to) {
  uint64_t level;
  if (!in->ReadVarint64(&level) || level >= Version::kLevels) return false;
  *to = static_cast<int>(level);
  return true;
}

bool ReadLogCreated(std::string_view bytes, VersionEdit::LogCreated* to) {
  Decoder in(bytes);
  return in.ReadVarint64(&to->number) && IsFileNumber(to->number) &&
         ReadId(&in, &to->id) && in.empty();
}

bool ReadLogClosed(std::string_view bytes, VersionEdit::LogClosed* to) {
  Decoder in(bytes);
  return in.ReadVarint64(&to->number) && IsFileNumber(to->number) &&
         in.ReadVarint64(&to->length) && in.ReadFixed64(&to->chain_hash) &&
         in.empty();
}

bool ReadRemovedTable(std::string_view bytes, VersionEdit::RemovedTable* to) {
  Decoder in(bytes);
  return ReadLevel(&in, &to->level) && in.ReadVarint64(&to->number) &&
         IsFileNumber(to->number) && in.empty();
}

// One field of a table with a tag that we know. nullopt: an unknown tag.
std::optional<bool> ReadTableField(uint8_t tag, std::string_view value,
                                   TableMetadata* to) {
  switch (tag) {
    case kTableNumber:
      return ReadFileNumber(value, &to->number) && to->number != 0;
    case kTableSize:
      return ReadNumber(value, &to->size);
    case kTableTailSize:
      return ReadNumber(value, &to->tail_size);
    case kTableId:
      return ReadId(value, &to->id);
    case kTableSmallest:
      return ReadKey(value, &to->smallest);
    case kTableLargest:
      return ReadKey(value, &to->largest);
    case kTableLargestExclusive:
      return ReadNumber(value, &to->largest_exclusive);
    case kTableSmallestSequence:
      return ReadSequence(value, &to->smallest_sequence);
    case kTableLargestSequence:
      return ReadSequence(value, &to->largest_sequence);
    case kTableGlobalSequence:
      return ReadSequence(value, &to->global_sequence);
    case kTableEntries:
      return ReadNumber(value, &to->entries);
    case kTableTombstones:
      return ReadNumber(value, &to->tombstones);
    case kTableRawKeyBytes:
      return ReadNumber(value, &to->raw_key_bytes);
    case kTableRawValueBytes:
      return ReadNumber(value, &to->raw_value_bytes);
    case kTableCodec:
      return ReadNumber(value, &to->codec);
    case kTableFilterId:
      return ReadNumber(value, &to->filter_id);
    case kTableTemperature:
      return ReadNumber(value, &to->temperature);
    case kTableCreationTime:
      return ReadNumber(value, &to->creation_time);
    case kTableBlobFile:
      return ReadFileNumber(value, &to->blob_files.emplace_back());
    default:
      return std::nullopt;
  }
}

// Fields that together make no table.
absl::Status CheckTable(const TableMetadata& table, uint64_t seen) {
  if ((seen & kRequiredTableTags) != kRequiredTableTags) {
    return absl::DataLossError("malformed version edit: a table lacks a field");
  }
  if (table.tail_size > table.size ||
      table.smallest_sequence > table.largest_sequence ||
      table.tombstones > table.entries) {
    return absl::DataLossError(
        absl::StrCat("malformed version edit: table ", table.number,
                     " contradicts itself: tail ", table.tail_size, " of ",
                     table.size, " bytes, sequences ", table.smallest_sequence,
                     " to ", table.largest_sequence, ", ", table.tombstones,
                     " tombstones of ", table.entries, " entries"));
  }
  return absl::OkStatus();
}

absl::Status ReadTable(std::string_view bytes, VersionEdit::NewTable* to) {
  Decoder in(bytes);
  if (!ReadLevel(&in, &to->level)) return Malformed("edit", kNewTable);
  uint64_t seen = 0;
  while (!in.empty()) {
    uint8_t tag;
    std::string_view value;
    if (!ReadField(&in, &tag, &value)) return Malformed("edit", kNewTable);
    const std::optional<bool> valid = ReadTableField(tag, value, &to->table);
    if (!valid.has_value()) {
      LISSOM_RETURN_IF_ERROR(SkipUnknown("table", tag));
      continue;
    }
    const bool twice = (seen & Bit(tag)) != 0 && tag != kTableBlobFile;
    if (!*valid || twice) return Malformed("table", tag);
    seen |= Bit(tag);
  }
  return CheckTable(to->table, seen);
}

// A value that an edit has once: false if it is malformed or there already.
template <typename T, typename ReadValue>
bool ReadOnce(std::string_view bytes, std::optional<T>* to, ReadValue read) {
  return !to->has_value() && read(bytes, &to->emplace());
}

bool ReadString(std::string_view bytes, std::string* to) {
  *to = bytes;
  return true;
}

// One field of an edit with a tag that we know; kNewTable is not among them,
// for it has more to say than malformed or not. nullopt: an unknown tag.
std::optional<bool> ReadEditField(uint8_t tag, std::string_view value,
                                  VersionEdit* to) {
  const auto read_id = [](std::string_view bytes, FileId* id) {
    return ReadId(bytes, id);
  };
  switch (tag) {
    case kComparator:
      return ReadOnce(value, &to->comparator, ReadString);
    case kDatabaseId:
      return ReadOnce(value, &to->database_id, read_id);
    case kMinLogNumber:
      return ReadOnce(value, &to->min_log_number, ReadFileNumber);
    case kNextFileNumber:
      return ReadOnce(value, &to->next_file_number, ReadFileNumber);
    case kFlushedSequence:
      return ReadOnce(value, &to->flushed_sequence, ReadSequence);
    case kLastSequence:
      return ReadOnce(value, &to->last_sequence, ReadSequence);
    case kLogCreated:
      return ReadLogCreated(value, &to->logs_created.emplace_back());
    case kLogClosed:
      return ReadLogClosed(value, &to->logs_closed.emplace_back());
    case kRemovedTable:
      return ReadRemovedTable(value, &to->removed.emplace_back());
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string VersionEdit::Encode() const {
  std::string out;
  if (comparator.has_value()) AppendField(&out, kComparator, *comparator);
  if (database_id.has_value()) AppendIdField(&out, kDatabaseId, *database_id);
  const auto append_optional = [&out](uint8_t tag,
                                      const std::optional<uint64_t>& value) {
    if (value.has_value()) AppendNumber(&out, tag, *value);
  };
  append_optional(kMinLogNumber, min_log_number);
  append_optional(kNextFileNumber, next_file_number);
  append_optional(kFlushedSequence, flushed_sequence);
  append_optional(kLastSequence, last_sequence);
  std::string value;
  for (const LogCreated& log : logs_created) {
    value.clear();
    AppendVarint64(&value, log.number);
    AppendId(&value, log.id);
    AppendField(&out, kLogCreated, value);
  }
  for (const LogClosed& log : logs_closed) {
    value.clear();
    AppendVarint64(&value, log.number);
    AppendVarint64(&value, log.length);
    AppendFixed64(&value, log.chain_hash);
    AppendField(&out, kLogClosed, value);
  }
  for (const RemovedTable& table : removed) {
    value.clear();
    AppendVarint64(&value, static_cast<uint64_t>(table.level));
    AppendVarint64(&value, table.number);
    AppendField(&out, kRemovedTable, value);
  }
  for (const NewTable& table : added) {
    value.clear();
    AppendVarint64(&value, static_cast<uint64_t>(table.level));
    AppendTable(&value, table.table);
    AppendField(&out, kNewTable, value);
  }
  return out;
}

absl::StatusOr<VersionEdit> VersionEdit::Decode(std::string_view bytes) {
  VersionEdit edit;
  Decoder in(bytes);
  while (!in.empty()) {
    uint8_t tag;
    std::string_view value;
    if (!ReadField(&in, &tag, &value)) {
      return absl::DataLossError(
          "malformed version edit: a field runs over its end");
    }
    if (tag == kNewTable) {
      LISSOM_RETURN_IF_ERROR(ReadTable(value, &edit.added.emplace_back()));
      continue;
    }
    const std::optional<bool> valid = ReadEditField(tag, value, &edit);
    if (!valid.has_value()) {
      LISSOM_RETURN_IF_ERROR(SkipUnknown("edit", tag));
    } else if (!*valid) {
      return Malformed("edit", tag);
    }
  }
  return edit;
}

}  // namespace lissom
