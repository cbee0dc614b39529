// The facade: forwards to a DbCore, and lets no exception out.
#include "lissom/db.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "db/db_impl.h"
#include "db/open.h"
#include "db/read_only_db.h"
#include "util/guarded.h"
#include "util/status_macros.h"

namespace lissom {
namespace {

// The batch of a single Put or Delete. Reused by the thread, so that a write
// allocates nothing; let go of when a large value made it large.
WriteBatch& ScratchBatch() {
  thread_local WriteBatch batch;
  constexpr size_t kKeepBytes = size_t{1} << 20;
  if (batch.ByteSize() > kKeepBytes) {
    batch = WriteBatch();
  } else {
    batch.Clear();
  }
  return batch;
}

}  // namespace

DB::DB(std::shared_ptr<DbCore> impl) : impl_(std::move(impl)) {}

absl::StatusOr<std::unique_ptr<DB>> DB::Open(const Options& options,
                                             const std::string& path) {
  return Guarded([&]() -> absl::StatusOr<std::unique_ptr<DB>> {
    LISSOM_ASSIGN_OR_RETURN(std::shared_ptr<DbCore> impl,
                            OpenDb(options, path));
    return std::unique_ptr<DB>(new DB(std::move(impl)));
  });
}

absl::StatusOr<std::unique_ptr<DB>> DB::OpenReadOnly(const Options& options,
                                                     const std::string& path) {
  return Guarded([&]() -> absl::StatusOr<std::unique_ptr<DB>> {
    LISSOM_ASSIGN_OR_RETURN(std::shared_ptr<DbCore> impl,
                            OpenReadOnlyDb(options, path));
    return std::unique_ptr<DB>(new DB(std::move(impl)));
  });
}

absl::Status DB::Destroy(const Options& options, const std::string& path) {
  return Guarded([&] { return DestroyDb(options, path); });
}

DB::~DB() {
  const absl::Status status = Close();
  if (status.ok()) return;
  Quietly([&] {
    impl_->log().Log(
        LogLevel::kError,
        absl::StrCat(
            "close failed, in the destructor: ",
            status.ToString(absl::StatusToStringMode::kWithNoExtraData)));
  });
}

absl::Status DB::Close() {
  return Guarded([&] { return impl_->Close(); });
}

absl::Status DB::Put(const WriteOptions& options, std::string_view key,
                     std::string_view value) {
  return Guarded([&] {
    WriteBatch& batch = ScratchBatch();
    batch.Put(key, value);
    return impl_->Write(options, batch);
  });
}

absl::Status DB::Delete(const WriteOptions& options, std::string_view key) {
  return Guarded([&] {
    WriteBatch& batch = ScratchBatch();
    batch.Delete(key);
    return impl_->Write(options, batch);
  });
}

absl::Status DB::Write(const WriteOptions& options, const WriteBatch& batch) {
  return Guarded([&] { return impl_->Write(options, batch); });
}

absl::Status DB::Get(const ReadOptions& options, std::string_view key,
                     std::string* value) {
  return Guarded([&] { return impl_->reader().Get(options, key, value); });
}

absl::Status DB::Get(const ReadOptions& options, std::string_view key,
                     PinnedValue* value) {
  return Guarded([&] { return impl_->reader().Get(options, key, value); });
}

absl::StatusOr<std::string> DB::Get(std::string_view key) {
  return Guarded([&]() -> absl::StatusOr<std::string> {
    std::string value;
    LISSOM_RETURN_IF_ERROR(impl_->reader().Get(ReadOptions(), key, &value));
    return value;
  });
}

void DB::MultiGet(const ReadOptions& options,
                  std::span<const std::string_view> keys,
                  std::span<PinnedValue> values,
                  std::span<absl::Status> statuses) {
  const absl::Status status = Guarded([&] {
    return impl_->reader().MultiGet(options, keys, values, statuses);
  });
  // What holds for all of them; the answers are in place already.
  if (!status.ok()) {
    for (absl::Status& each : statuses) each = status;
  }
}

std::unique_ptr<Iterator> DB::NewIterator(const ReadOptions& options) {
  try {
    return impl_->NewIterator(options);
  } catch (...) {
    return NewErrorIterator(StatusOfException());
  }
}

std::unique_ptr<const Snapshot> DB::GetSnapshot() {
  try {
    return impl_->reader().GetSnapshot();
  } catch (...) {  // Out of memory: as after Close, there is none.
    return nullptr;
  }
}

absl::Status DB::Flush(const FlushOptions& options) {
  return Guarded([&] { return impl_->Flush(options); });
}

absl::Status DB::SyncWal() {
  return Guarded([&] { return impl_->SyncWal(); });
}

absl::Status DB::CompactRange(const CompactRangeOptions& options,
                              std::optional<std::string_view> begin,
                              std::optional<std::string_view> end) {
  return Guarded([&] { return impl_->CompactRange(options, begin, end); });
}

absl::Status DB::Resume() {
  return Guarded([&] { return impl_->Resume(); });
}

absl::Status DB::WaitForIdle() {
  return Guarded([&] { return impl_->WaitForIdle(); });
}

Metrics DB::GetMetrics() const {
  try {
    return impl_->GetMetrics();
  } catch (...) {  // Out of memory.
    return {};
  }
}

absl::StatusOr<std::string> DB::GetProperty(std::string_view name) const {
  return Guarded([&] { return impl_->GetProperty(name); });
}

absl::StatusOr<uint64_t> DB::GetIntProperty(std::string_view name) const {
  return Guarded([&] { return impl_->GetIntProperty(name); });
}

absl::Status DB::VerifyChecksums() {
  return Guarded([&] { return impl_->VerifyChecksums(); });
}

absl::StatusOr<std::vector<uint64_t>> DB::ApproximateSizes(
    std::span<const KeyRange> ranges) {
  return Guarded([&] { return impl_->reader().ApproximateSizes(ranges); });
}

uint64_t DB::LatestSequence() const { return impl_->reader().LatestSequence(); }

absl::Status ForEach(
    DB& db, const ReadOptions& options,
    absl::FunctionRef<bool(std::string_view key, std::string_view value)>
        visit) {
  const std::unique_ptr<Iterator> it = db.NewIterator(options);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const std::string_view value = it->value();
    if (!visit(it->key(), value)) break;
  }
  return it->status();
}

}  // namespace lissom
