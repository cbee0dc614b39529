#include "lissom/write_batch.h"

#include <algorithm>
#include <utility>

#include "db/memtable/batch_format.h"
#include "util/coding.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

// Most that an entry needs beside its bytes: tag and two lengths.
constexpr size_t kFramingBytes = 1 + 2 * kMaxVarint64Bytes;

// Room for an entry of `bytes`, growing as a string grows by itself.
void GrowFor(std::string* rep, size_t bytes) {
  const size_t need = rep->size() + bytes + kFramingBytes;
  if (need > rep->capacity()) rep->reserve(std::max(need, 2 * rep->capacity()));
}

void AppendTag(std::string* rep, EntryKind kind, size_t body_bytes) {
  rep->push_back(static_cast<char>(kind));
  AppendVarint64(rep, body_bytes);
}

uint32_t CountIn(const std::string& rep) {
  return DecodeFixed32(rep.data() + 1);
}

void SetCount(std::string* rep, uint32_t count) {
  EncodeFixed32(rep->data() + 1, count);
}

}  // namespace

WriteBatch::WriteBatch() { Clear(); }

// An empty batch fits into the string itself, so this allocates nothing.
WriteBatch::WriteBatch(WriteBatch&& other) noexcept : WriteBatch() {
  *this = std::move(other);
}

WriteBatch& WriteBatch::operator=(WriteBatch&& other) noexcept {
  if (this == &other) return *this;
  rep_.swap(other.rep_);
  save_points_.swap(other.save_points_);
  oversized_ = other.oversized_;
  other.Clear();
  return *this;
}

void WriteBatch::Put(std::string_view key, std::string_view value) {
  if (key.size() > kMaxKeyBytes || value.size() > kMaxValueBytes ||
      rep_.size() + key.size() + value.size() + kFramingBytes >
          kMaxBatchBytes) {
    oversized_ = true;
    return;
  }
  // Room first: an entry is added whole, or bad_alloc leaves the batch as it
  // was.
  GrowFor(&rep_, key.size() + value.size());
  AppendTag(&rep_, EntryKind::kPut,
            VarintLength(key.size()) + key.size() + value.size());
  AppendLengthPrefixed(&rep_, key);
  rep_.append(value);
  SetCount(&rep_, CountIn(rep_) + 1);
}

void WriteBatch::Delete(std::string_view key) {
  if (key.size() > kMaxKeyBytes ||
      rep_.size() + key.size() + kFramingBytes > kMaxBatchBytes) {
    oversized_ = true;
    return;
  }
  GrowFor(&rep_, key.size());
  AppendTag(&rep_, EntryKind::kDelete, key.size());
  rep_.append(key);
  SetCount(&rep_, CountIn(rep_) + 1);
}

void WriteBatch::PutLogData(std::string_view blob) {
  if (rep_.size() + blob.size() + kFramingBytes > kMaxBatchBytes) {
    oversized_ = true;
    return;
  }
  GrowFor(&rep_, blob.size());
  AppendTag(&rep_, EntryKind::kLogData, blob.size());
  rep_.append(blob);
}

void WriteBatch::Clear() {
  rep_.assign(kBatchHeaderBytes, '\0');
  rep_[0] = static_cast<char>(kBatchVersion);
  save_points_.clear();
  oversized_ = false;
}

void WriteBatch::Append(const WriteBatch& other) {
  if (other.oversized_ || rep_.size() + other.rep_.size() > kMaxBatchBytes) {
    oversized_ = true;
    return;
  }
  const uint32_t count = CountIn(rep_) + CountIn(other.rep_);
  // Taken first: `other` may be this batch.
  const size_t end = other.rep_.size();
  rep_.append(other.rep_, kBatchHeaderBytes, end - kBatchHeaderBytes);
  SetCount(&rep_, count);
}

size_t WriteBatch::Count() const { return CountIn(rep_); }
size_t WriteBatch::ByteSize() const { return rep_.size(); }

void WriteBatch::SetSavePoint() {
  save_points_.push_back({rep_.size(), CountIn(rep_), oversized_});
}

absl::Status WriteBatch::RollbackToSavePoint() {
  if (save_points_.empty()) {
    return absl::InvalidArgumentError(
        "write batch: no save point to roll back to");
  }
  const SavePoint point = save_points_.back();
  save_points_.pop_back();
  rep_.resize(point.size);
  SetCount(&rep_, point.count);
  oversized_ = point.oversized;
  return absl::OkStatus();
}

absl::Status WriteBatch::Iterate(Handler* handler) const {
  LISSOM_RETURN_IF_ERROR(Validate());
  LISSOM_ASSIGN_OR_RETURN(BatchReader reader, BatchReader::Open(rep_));
  BatchEntry entry;
  while (true) {
    LISSOM_ASSIGN_OR_RETURN(const bool more, reader.Next(&entry));
    if (!more) return absl::OkStatus();
    switch (entry.kind) {
      case EntryKind::kPut:
        LISSOM_RETURN_IF_ERROR(handler->Put(entry.key, entry.value));
        break;
      case EntryKind::kDelete:
        LISSOM_RETURN_IF_ERROR(handler->Delete(entry.key));
        break;
      default:
        LISSOM_RETURN_IF_ERROR(handler->LogData(entry.value));
    }
  }
}

absl::StatusOr<WriteBatch> WriteBatch::FromData(std::string_view data) {
  if (data.size() > kMaxBatchBytes) {
    return absl::InvalidArgumentError("write batch: over its limit");
  }
  LISSOM_RETURN_IF_ERROR(ValidateBatch(data));
  WriteBatch batch;
  batch.rep_.assign(data);
  return batch;
}

absl::Status WriteBatch::Validate() const {
  if (!oversized_) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "write batch: a key is over 1 MiB, a value over 1 GiB, or all together "
      "over 4 GiB");
}

}  // namespace lissom
