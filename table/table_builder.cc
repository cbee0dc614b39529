#include "table/table_builder.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "table/block_dictionary.h"
#include "table/bloom_filter.h"
#include "table/data_block_builder.h"
#include "table/format.h"
#include "table/index_block.h"
#include "table/properties.h"
#include "util/compression.h"
#include "util/error.h"
#include "util/strings.h"

namespace lissom {
namespace {

// A partition is closed when its index and filter pass this: small enough to
// be read and evicted one by one, large enough that the top stays a page.
constexpr size_t kPartitionSize = 32 << 10;

// Appends go to the file in pieces of about this size.
constexpr size_t kWriteSize = 512 << 10;

// The first block that a table of this size can have is the last: what a key
// and a value may have together (kMaxBlockSize less the frame).
constexpr size_t kMaxEntrySize = kMaxBlockSize - 1024;

constexpr size_t kMinBlockSize = 64;
constexpr size_t kMaxTargetBlockSize = 16 << 20;

class TableBuilderImpl final : public TableBuilder {
 public:
  TableBuilderImpl(TableBuilderOptions options, std::string path,
                   std::unique_ptr<WritableFile> file);

  absl::Status Add(const InternalKeyView& key, std::string_view value) override;
  absl::StatusOr<TableSummary> Finish() override;
  uint64_t EstimatedFileSize() const override;
  uint64_t entries() const override { return properties_.entries; }

 private:
  bool filtered() const { return bits_per_key_ > 0; }
  absl::Status Fail(absl::Status status) { return status_ = std::move(status); }
  absl::Status CheckEntry(const InternalKeyView& key, std::string_view value);
  void Count(const InternalKeyView& key, std::string_view value);

  // Ends the data block; `next` is the first key behind it, null at the end.
  absl::Status CutBlock(const InternalKeyView* next);
  InternalKeyView Separator(const InternalKeyView* next);
  // Appends a data block to the file and to the open partition, which holds the
  // hashes of its keys already.
  absl::Status PlaceBlock(std::string_view raw,
                          const InternalKeyView& separator, bool is_last);
  void CutPartition();
  // The two ways of a block while samples for a dictionary are collected.
  void HoldBlock(const InternalKeyView& separator);
  absl::Status ReleaseBlocks(bool is_last);
  // Appends `raw` as a block at the end of the file and says where it stands.
  BlockHandle WriteBlock(std::string_view raw, bool may_compress);
  bool CompressBlock(std::string_view raw);
  absl::Status WriteOut();
  TableSummary Summary(uint64_t tail_at) const;

  uint64_t offset() const { return written_ + out_.size(); }

  const TableBuilderOptions options_;
  const std::string path_;
  const size_t block_size_;
  const double bits_per_key_;  // 0: no filter.
  const int probes_;
  std::unique_ptr<WritableFile> file_;
  absl::Status status_;  // The first error; final.
  bool finished_ = false;

  TableProperties properties_;
  DataBlockBuilder block_;
  std::string last_key_;  // Of the last entry.
  uint64_t last_trailer_ = 0;
  uint64_t last_hash_ = 0;
  std::string separator_;

  IndexBlockBuilder partition_;
  std::vector<uint64_t> hashes_;  // Of the keys in the open partition.

  // Closed partitions wait for the end of the data: index and filters then
  // stand together. They are about a fiftieth of the table.
  struct Partition {
    std::string bytes;
    InternalKey last;
  };
  std::vector<Partition> partitions_;
  uint64_t partition_bytes_ = 0;

  // Data blocks that wait until there are enough to make a dictionary.
  struct HeldBlock {
    std::string raw;
    InternalKey separator;
    std::vector<uint64_t> hashes;
  };
  size_t hold_up_to_;  // Bytes; 0: no block is held (any more).
  std::vector<HeldBlock> held_;
  size_t held_bytes_ = 0;
  uint64_t held_hashes_ = 0;
  std::string dictionary_;                             // Empty: there is none.
  std::unique_ptr<CompressionDictionary> compressor_;  // With the dictionary.

  std::string out_;  // Appended to the file when it is long enough.
  uint64_t written_ = 0;
  std::string raw_;         // Scratch: a block before compression,
  std::string compressed_;  // and after.
};

double FilterBits(const FilterPolicy& policy) {
  const double bits = policy.bits_per_key();
  return bits > 0 ? std::clamp(bits, 1.0, 64.0) : 0;
}

TableBuilderImpl::TableBuilderImpl(TableBuilderOptions options,
                                   std::string path,
                                   std::unique_ptr<WritableFile> file)
    : options_(std::move(options)),
      path_(std::move(path)),
      block_size_(
          std::clamp(options_.block_size, kMinBlockSize, kMaxTargetBlockSize)),
      bits_per_key_(FilterBits(options_.filter_policy)),
      probes_(filtered() ? BloomProbes(bits_per_key_) : 0),
      file_(std::move(file)),
      hold_up_to_(DictionarySampleBytes(options_.compression)) {
  properties_.comparator = options_.order.comparator().Name();
  properties_.has_heads = options_.order.has_heads();
  properties_.codec =
      options_.compression.enabled() ? Codec::kZstd : Codec::kNone;
  properties_.filter = filtered() ? FilterId::kBlockedBloom : FilterId::kNone;
}

absl::Status TableBuilderImpl::CheckEntry(const InternalKeyView& key,
                                          std::string_view value) {
  if (finished_) return absl::InternalError("Add after Finish");
  if (!IsStoredKind(key.kind()) || key.sequence() > kMaxSequence) {
    return absl::InternalError(
        absl::StrCat(path_, ": a table cannot hold ", DebugString(key)));
  }
  if (key.user_key.size() > kMaxEntrySize ||
      value.size() > kMaxEntrySize - key.user_key.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": entry too large: ", key.user_key.size(), " + ",
                     value.size(), " bytes"));
  }
  if (properties_.entries != 0 &&
      options_.order.Compare({last_key_, last_trailer_}, key) >= 0) {
    return absl::InternalError(
        absl::StrCat(path_, ": ", DebugString(key), " added after ",
                     DebugString({last_key_, last_trailer_})));
  }
  return absl::OkStatus();
}

absl::Status TableBuilderImpl::Add(const InternalKeyView& key,
                                   std::string_view value) {
  if (!status_.ok()) return status_;
  if (absl::Status status = CheckEntry(key, value); !status.ok()) {
    return Fail(std::move(status));
  }
  if (!block_.empty() &&
      block_.SizeWith(key.user_key.size(), value.size()) > block_size_) {
    if (absl::Status status = CutBlock(&key); !status.ok()) return status;
  }
  const bool new_key =
      properties_.entries == 0 || std::string_view(last_key_) != key.user_key;
  if (new_key) last_hash_ = KeyHash(key.user_key);
  // A key whose versions go on in another partition stands in both filters.
  if (filtered() && (new_key || hashes_.empty())) hashes_.push_back(last_hash_);
  block_.Add(key, last_hash_, value);
  Count(key, value);
  if (new_key) last_key_.assign(key.user_key);
  last_trailer_ = key.trailer;
  return absl::OkStatus();
}

void TableBuilderImpl::Count(const InternalKeyView& key,
                             std::string_view value) {
  if (properties_.entries == 0) properties_.smallest = InternalKey(key);
  ++properties_.entries;
  properties_.tombstones += key.kind() == EntryKind::kDelete ? 1 : 0;
  properties_.raw_key_bytes += key.user_key.size();
  properties_.raw_value_bytes += value.size();
  properties_.smallest_sequence =
      std::min(properties_.smallest_sequence, key.sequence());
  properties_.largest_sequence =
      std::max(properties_.largest_sequence, key.sequence());
}

// What index_block.h asks of a separator. Lives until the next call.
InternalKeyView TableBuilderImpl::Separator(const InternalKeyView* next) {
  separator_.assign(last_key_);
  if (next == nullptr) return {separator_, 0};
  if (next->user_key == last_key_) return {separator_, last_trailer_};
  options_.order.comparator().FindShortestSeparator(&separator_,
                                                    next->user_key);
  // A comparator that keeps its contract never gets here; one that does not
  // must not make the index wrong.
  if (options_.order.CompareUser(last_key_, separator_) > 0 ||
      options_.order.CompareUser(separator_, next->user_key) >= 0) {
    separator_.assign(last_key_);
  }
  return {separator_, 0};
}

absl::Status TableBuilderImpl::CutBlock(const InternalKeyView* next) {
  raw_.clear();
  block_.Finish(&raw_);
  if (hold_up_to_ == 0) {
    return PlaceBlock(raw_, Separator(next), next == nullptr);
  }
  HoldBlock(Separator(next));
  if (held_bytes_ < hold_up_to_ && next != nullptr) return absl::OkStatus();
  return ReleaseBlocks(next == nullptr);
}

absl::Status TableBuilderImpl::PlaceBlock(std::string_view raw,
                                          const InternalKeyView& separator,
                                          bool is_last) {
  const BlockHandle handle = WriteBlock(raw, options_.compression.enabled());
  ++properties_.data_blocks;
  partition_.Add(separator, handle);
  const size_t filter_size =
      filtered() ? BloomFilterSize(hashes_.size(), bits_per_key_) : 0;
  if (is_last || partition_.size() + filter_size >= kPartitionSize) {
    CutPartition();
  }
  return out_.size() >= kWriteSize && !is_last ? WriteOut() : absl::OkStatus();
}

// The block is raw_; its keys' hashes are hashes_.
void TableBuilderImpl::HoldBlock(const InternalKeyView& separator) {
  held_bytes_ += raw_.size();
  held_hashes_ += hashes_.size();
  held_.push_back({std::move(raw_), InternalKey(separator), hashes_});
  raw_ = std::string();
  hashes_.clear();
}

absl::Status TableBuilderImpl::ReleaseBlocks(bool is_last) {
  std::vector<std::string_view> blocks;
  blocks.reserve(held_.size());
  for (const HeldBlock& block : held_) blocks.push_back(block.raw);
  dictionary_ = MakeBlockDictionary(options_.compression, blocks, is_last);
  if (!dictionary_.empty()) {
    compressor_ = CompressionDictionary::Create(options_.compression.level(),
                                                dictionary_);
    if (compressor_ == nullptr) dictionary_.clear();  // No memory: without.
  }
  const std::vector<HeldBlock> held = std::exchange(held_, {});
  hold_up_to_ = held_bytes_ = held_hashes_ = 0;
  for (size_t i = 0; i < held.size(); ++i) {
    // A key that goes on from the block before may stand in both.
    const std::vector<uint64_t>& hashes = held[i].hashes;
    const bool goes_on =
        !hashes.empty() && !hashes_.empty() && hashes.front() == hashes_.back();
    hashes_.insert(hashes_.end(), hashes.begin() + (goes_on ? 1 : 0),
                   hashes.end());
    absl::Status status = PlaceBlock(held[i].raw, held[i].separator.view(),
                                     is_last && i + 1 == held.size());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void TableBuilderImpl::CutPartition() {
  Partition& done = partitions_.emplace_back();
  done.last = InternalKey(partition_.last());
  std::string filter;
  if (filtered()) {
    AppendBloomFilter(hashes_, bits_per_key_, probes_, &filter);
    hashes_.clear();
  }
  partition_.Finish(filter, &done.bytes);
  partition_bytes_ += done.bytes.size() + kBlockTrailerSize;
}

// Fills compressed_. False if the block is better stored as it is.
bool TableBuilderImpl::CompressBlock(std::string_view raw) {
  const bool fine =
      compressor_ != nullptr
          ? Compress(*compressor_, raw, &compressed_)
          : Compress(options_.compression.level(), raw, &compressed_);
  return fine && IsWorthStoring(raw.size(), compressed_.size()) &&
         raw.size() <= MaxRawSize(compressed_.size());
}

BlockHandle TableBuilderImpl::WriteBlock(std::string_view raw,
                                         bool may_compress) {
  const bool compressed = may_compress && CompressBlock(raw);
  const std::string_view stored = compressed ? compressed_ : raw;
  const BlockHandle handle = {
      .offset = offset(),
      .stored_size = static_cast<uint32_t>(stored.size()),
      .raw_size = static_cast<uint32_t>(raw.size())};
  const size_t start = out_.size();
  out_.append(stored);
  const Codec codec = !compressed              ? Codec::kNone
                      : compressor_ != nullptr ? Codec::kZstdDictionary
                                               : Codec::kZstd;
  SealBlock(options_.id, handle.offset, codec, start, &out_);
  return handle;
}

absl::Status TableBuilderImpl::WriteOut() {
  if (out_.empty()) return absl::OkStatus();
  const std::string_view pieces[] = {out_};
  absl::Status status = file_->Append(pieces, options_.io);
  if (!status.ok()) return Fail(std::move(status));
  written_ += out_.size();
  out_.clear();
  return absl::OkStatus();
}

absl::StatusOr<TableSummary> TableBuilderImpl::Finish() {
  if (!status_.ok()) return status_;
  if (properties_.entries == 0 || finished_) {
    return Fail(absl::InternalError(
        absl::StrCat(path_, ": a table is finished once, with entries")));
  }
  if (absl::Status status = CutBlock(nullptr); !status.ok()) return status;
  properties_.largest = InternalKey(last_key_, last_trailer_);
  properties_.data_bytes = offset();

  // A single partition belongs to the tail: the reader keeps it.
  uint64_t tail_at = offset();
  IndexBlockBuilder top;
  for (const Partition& partition : partitions_) {
    top.Add(partition.last.view(), WriteBlock(partition.bytes, false));
  }
  if (partitions_.size() > 1) tail_at = offset();
  if (!dictionary_.empty()) {
    properties_.dictionary = WriteBlock(dictionary_, false);
  }
  Footer footer;
  footer.id = options_.id;
  raw_.clear();
  top.Finish({}, &raw_);
  footer.top = WriteBlock(raw_, false);
  raw_.clear();
  properties_.AppendTo(&raw_);
  footer.properties = WriteBlock(raw_, false);
  footer.AppendTo(offset(), &out_);

  absl::Status status = WriteOut();
  if (status.ok()) status = file_->Sync(options_.io);
  if (status.ok()) status = file_->Close();
  if (!status.ok()) return Fail(std::move(status));
  finished_ = true;
  return Summary(tail_at);
}

TableSummary TableBuilderImpl::Summary(uint64_t tail_at) const {
  return {.file_size = written_,
          .tail_size = written_ - tail_at,
          .smallest = properties_.smallest,
          .largest = properties_.largest,
          .smallest_sequence = properties_.smallest_sequence,
          .largest_sequence = properties_.largest_sequence,
          .entries = properties_.entries,
          .tombstones = properties_.tombstones,
          .raw_key_bytes = properties_.raw_key_bytes,
          .raw_value_bytes = properties_.raw_value_bytes,
          .codec = static_cast<uint8_t>(properties_.codec),
          .filter_id = static_cast<uint8_t>(properties_.filter)};
}

uint64_t TableBuilderImpl::EstimatedFileSize() const {
  if (finished_) return written_;
  const auto filter = static_cast<uint64_t>(
      static_cast<double>(hashes_.size() + held_hashes_) * bits_per_key_ / 8);
  return offset() + held_bytes_ + block_.size() + partition_.size() + filter +
         partition_bytes_ + dictionary_.size() + Footer::kSize;
}

}  // namespace

std::unique_ptr<TableBuilder> TableBuilder::Create(
    TableBuilderOptions options, std::string path,
    std::unique_ptr<WritableFile> file) {
  return std::make_unique<TableBuilderImpl>(std::move(options), std::move(path),
                                            std::move(file));
}

}  // namespace lissom
