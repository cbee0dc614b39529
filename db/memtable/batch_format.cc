#include "db/memtable/batch_format.h"

#include "lissom/write_batch.h"
#include "util/coding.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

absl::Status Malformed(const char* what) {
  return absl::InvalidArgumentError(what);
}

}  // namespace

absl::StatusOr<BatchReader> BatchReader::Open(std::string_view bytes) {
  Decoder in(bytes);
  uint8_t version;
  uint32_t count;
  if (!in.ReadByte(&version)) return Malformed("write batch: empty");
  if (version > kBatchVersion) {
    return absl::UnimplementedError("write batch: written by a newer lissom");
  }
  if (!in.ReadFixed32(&count))
    return Malformed("write batch: header cut short");
  return BatchReader(in.rest(), count);
}

absl::StatusOr<bool> BatchReader::Next(BatchEntry* entry) {
  while (!rest_.empty()) {
    Decoder in(rest_);
    uint8_t tag;
    std::string_view body;
    if (!in.ReadByte(&tag) || !in.ReadLengthPrefixed(&body)) {
      return Malformed("write batch: entry cut short");
    }
    rest_ = in.rest();
    const auto kind = static_cast<EntryKind>(tag & kBatchKindMask);
    const bool known = IsStoredKind(kind) || kind == EntryKind::kLogData;
    if (!known || (tag & kBatchHasFamily) != 0) {
      if ((tag & kBatchMaySkip) != 0) continue;
      return absl::UnimplementedError(
          "write batch: an entry of a kind that this lissom does not know");
    }
    entry->kind = kind;
    if (kind == EntryKind::kLogData) {
      entry->key = {};
      entry->value = body;
      return true;
    }
    if (kind == EntryKind::kPut) {
      Decoder put(body);
      if (!put.ReadLengthPrefixed(&entry->key)) {
        return Malformed("write batch: key cut short");
      }
      entry->value = put.rest();
    } else {
      entry->key = body;
      entry->value = {};
    }
    if (entry->key.size() > WriteBatch::kMaxKeyBytes ||
        entry->value.size() > WriteBatch::kMaxValueBytes) {
      return Malformed("write batch: key or value over its limit");
    }
    if (left_ == 0) return Malformed("write batch: more changes than counted");
    --left_;
    return true;
  }
  if (left_ != 0) return Malformed("write batch: fewer changes than counted");
  return false;
}

absl::Status ValidateBatch(std::string_view bytes) {
  LISSOM_ASSIGN_OR_RETURN(BatchReader reader, BatchReader::Open(bytes));
  BatchEntry entry;
  while (true) {
    LISSOM_ASSIGN_OR_RETURN(const bool more, reader.Next(&entry));
    if (!more) return absl::OkStatus();
  }
}

absl::Status InsertBatch(std::string_view bytes, SequenceNumber first,
                         Memtable& memtable) {
  LISSOM_ASSIGN_OR_RETURN(BatchReader reader, BatchReader::Open(bytes));
  BatchEntry entry;
  SequenceNumber sequence = first;
  while (true) {
    LISSOM_ASSIGN_OR_RETURN(const bool more, reader.Next(&entry));
    if (!more) return absl::OkStatus();
    if (entry.kind == EntryKind::kLogData) continue;
    memtable.Add(sequence++, entry.kind, entry.key, entry.value);
  }
}

}  // namespace lissom
