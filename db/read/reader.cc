#include "db/read/reader.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "db/read/range_size.h"
#include "db/read/table_options.h"
#include "db/read/verify_tables.h"
#include "lissom/write_batch.h"
#include "util/status_macros.h"
#include "util/sync_point.h"

namespace lissom {
namespace {

absl::Status Closed() {
  return absl::CancelledError("the database was closed");
}

absl::Status TooLongKey() {
  return absl::InvalidArgumentError("the key is over 1 MiB");
}

absl::Status ForeignSnapshot() {
  return absl::InvalidArgumentError("the snapshot is of another database");
}

// Small values are copied, others pinned. Inside the guard of the lookup.
void HandOut(const LookupResult& result, PinnedValue* value) {
  if (result.value.size() <= PinnedValue::kInlineBytes) {
    value->CopyInline(result.value);
    return;
  }
  result.owner->AddRef();
  value->Pin(result.value, const_cast<RefCounted*>(result.owner),
             &RefCounted::UnrefOwner);
}

void Count(MetricsRecorder::Local& metrics, const absl::Status& status,
           const LookupResult& result) {
  if (status.ok()) {
    metrics.Add(Counter::kKeysFound);
  } else if (absl::IsNotFound(status)) {
    metrics.Add(Counter::kKeysNotFound);
  } else {
    return;
  }
  if (result.found_in >= 0) {
    metrics.Add(LevelHits(result.found_in));
  } else if (result.found_in == LookupResult::kMemtables) {
    metrics.Add(Counter::kMemtableHits);
  }
  if (result.ruled_out != 0) {
    metrics.Add(Counter::kFilterUseful, result.ruled_out);
  }
  if (result.in_vain != 0) {
    metrics.Add(Counter::kFilterFalsePositives, result.in_vain);
  }
}

}  // namespace

Reader::Reader(ReaderDeps deps)
    : deps_(std::move(deps)),
      core_(std::make_shared<IteratorCore>(deps_.source->order)),
      snapshots_(std::make_shared<SnapshotList>(deps_.visible)) {
  core_->log = deps_.log;
  core_->clock = deps_.clock;
  core_->metrics = &deps_.metrics;
  core_->released = [this] { OnIteratorReleased(); };
}

absl::StatusOr<SequenceNumber> Reader::ReadSequence(
    const ReadOptions& options) const {
  if (options.snapshot == nullptr) return LatestSequence();
  if (!snapshots_->Owns(*options.snapshot)) return ForeignSnapshot();
  return options.snapshot->sequence();
}

template <typename Use>
absl::Status Reader::Lookup(const ReadOptions& options, std::string_view key,
                            Use use) const {
  if (closed()) return Closed();
  if (key.size() > WriteBatch::kMaxKeyBytes) {
    return TooLongKey();
  }
  const LatencyTimer timer(deps_.metrics, Operation::kGet);
  MetricsRecorder::Local metrics = deps_.metrics.local();
  metrics.Add(Counter::kGets);
  ReadView view(views_);
  LISSOM_SYNC_POINT("Reader:GotView");
  LISSOM_ASSIGN_OR_RETURN(const SequenceNumber sequence, ReadSequence(options));
  LookupResult result;
  absl::Status status =
      PointLookup(view, LookupKey(key, sequence),
                  TableOptionsOf(options, deps_.clock.get()), &result);
  Count(metrics, status, result);
  if (!status.ok()) return status;
  use(result);
  return absl::OkStatus();
}

absl::Status Reader::Get(const ReadOptions& options, std::string_view key,
                         std::string* value) const {
  return Lookup(options, key, [&](const LookupResult& result) {
    value->assign(result.value);
  });
}

absl::Status Reader::Get(const ReadOptions& options, std::string_view key,
                         PinnedValue* value) const {
  value->Reset();
  return Lookup(options, key,
                [&](const LookupResult& result) { HandOut(result, value); });
}

absl::Status Reader::MultiGet(const ReadOptions& options,
                              std::span<const std::string_view> keys,
                              std::span<PinnedValue> values,
                              std::span<absl::Status> statuses) const {
  if (closed()) return Closed();
  if (values.size() != keys.size() || statuses.size() != keys.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("MultiGet of ", keys.size(), " keys with ", values.size(),
                     " values and ", statuses.size(), " statuses"));
  }
  const LatencyTimer timer(deps_.metrics, Operation::kMultiGet);
  MetricsRecorder::Local metrics = deps_.metrics.local();
  metrics.Add(Counter::kMultiGets);
  metrics.Add(Counter::kMultiGetKeys, keys.size());
  ReadView view(views_);
  LISSOM_ASSIGN_OR_RETURN(const SequenceNumber sequence, ReadSequence(options));
  const TableReadOptions table_options =
      TableOptionsOf(options, deps_.clock.get());
  constexpr size_t kBatch = TableReader::kMaxRequests;
  std::array<LookupRequest, kBatch> requests;
  for (size_t begin = 0; begin < keys.size(); begin += kBatch) {
    const size_t count = std::min(kBatch, keys.size() - begin);
    for (size_t i = 0; i < count; ++i) {
      // A longer key is nowhere.
      requests[i].key = LookupKey(
          keys[begin + i].substr(0, WriteBatch::kMaxKeyBytes + 1), sequence);
    }
    PointLookups(view, std::span(requests).first(count), table_options);
    for (size_t i = 0; i < count; ++i) {
      PinnedValue& value = values[begin + i];
      absl::Status& status = statuses[begin + i];
      value.Reset();
      status = std::move(requests[i].status);
      if (keys[begin + i].size() > WriteBatch::kMaxKeyBytes) {
        status = TooLongKey();
      } else if (status.ok()) {
        HandOut(requests[i].result, &value);
      }
      Count(metrics, status, requests[i].result);
      requests[i].result = {};
    }
  }
  return absl::OkStatus();
}

std::unique_ptr<Iterator> Reader::NewIterator(const ReadOptions& options,
                                              std::shared_ptr<Reader> self) {
  if (closed()) return NewErrorIterator(Closed());
  if (options.snapshot != nullptr && !snapshots_->Owns(*options.snapshot)) {
    return NewErrorIterator(ForeignSnapshot());
  }
  // An iterator made at a snapshot stays there when it is refreshed; the
  // snapshot itself need not outlive it, because its View keeps everything.
  std::optional<SequenceNumber> fixed;
  if (options.snapshot != nullptr) fixed = options.snapshot->sequence();
  auto refresh = [self = std::move(self), fixed,
                  first = true]() mutable -> absl::StatusOr<ReadPoint> {
    if (fixed.has_value() && !std::exchange(first, false)) {
      return absl::InvalidArgumentError(
          "an iterator at a snapshot cannot be refreshed");
    }
    ReadPoint point;
    point.view = self->views_.Acquire();
    point.sequence = fixed.has_value() ? *fixed : self->LatestSequence();
    return point;
  };
  auto iterator = NewDbIterator(core_, std::move(refresh), options);
  iterators_.fetch_add(1, std::memory_order_relaxed);
  deps_.metrics.Add(Counter::kIteratorsCreated);
  return iterator;
}

std::unique_ptr<const Snapshot> Reader::GetSnapshot() {
  if (closed()) return nullptr;
  return snapshots_->Take();
}

absl::StatusOr<std::vector<uint64_t>> Reader::ApproximateSizes(
    std::span<const KeyRange> ranges) const {
  if (closed()) return Closed();
  const Ref<const View> view = views_.Acquire();
  std::vector<uint64_t> sizes;
  sizes.reserve(ranges.size());
  for (const KeyRange& range : ranges) {
    LISSOM_ASSIGN_OR_RETURN(const uint64_t bytes,
                            RangeSize(view->version(), range, {}));
    sizes.push_back(bytes);
  }
  return sizes;
}

absl::Status Reader::VerifyTables() const {
  if (closed()) return Closed();
  const Ref<const View> view = views_.Acquire();
  return lissom::VerifyTables(*deps_.source, view->version(), [this] {
    return closed() ? Closed() : absl::OkStatus();
  });
}

void Reader::DeleteAfterIterators() {
  if (iterators_.load(std::memory_order_relaxed) > 0) {
    purge_wanted_.store(true, std::memory_order_relaxed);
  }
}

void Reader::OnIteratorReleased() {
  const int left = iterators_.fetch_sub(1, std::memory_order_relaxed) - 1;
  if (!purge_wanted_.exchange(false, std::memory_order_relaxed)) return;
  if (deps_.delete_obsolete_files) deps_.delete_obsolete_files();
  if (left > 0) purge_wanted_.store(true, std::memory_order_relaxed);
}

}  // namespace lissom
