#include "benchmarks/compare/rocksdb_engine.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/iterator.h>
#include <rocksdb/options.h>
#include <rocksdb/perf_level.h>
#include <rocksdb/table.h>
#include <rocksdb/version.h>
#include <rocksdb/write_batch.h>

#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

rocksdb::Slice ToSlice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}
std::string_view ToView(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

absl::Status ToStatus(const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const std::string text = absl::StrCat("rocksdb: ", status.ToString());
  if (status.IsCorruption()) return absl::DataLossError(text);
  if (status.IsInvalidArgument()) return absl::InvalidArgumentError(text);
  return absl::UnknownError(text);
}

// The options that a parity row gives to RocksDB. What db_bench would set
// otherwise than the library does is set here, whichever is the default.
rocksdb::Options ParityOptions(const EngineSettings& settings) {
  rocksdb::Options options;
  options.compression = rocksdb::kNoCompression;
  options.write_buffer_size = settings.write_buffer_size;
  options.max_write_buffer_number = static_cast<int>(settings.write_buffers);
  options.min_write_buffer_number_to_merge = 1;
  options.max_background_jobs = static_cast<int>(settings.background_jobs);
  options.max_subcompactions = 1;
  options.target_file_size_base = uint64_t{64} << 20;
  options.max_bytes_for_level_base = uint64_t{256} << 20;
  options.level_compaction_dynamic_level_bytes = true;
  options.level0_file_num_compaction_trigger = 4;
  options.level0_slowdown_writes_trigger = 20;
  options.level0_stop_writes_trigger = 36;
  options.max_open_files = -1;
  options.enable_pipelined_write = false;
  options.allow_concurrent_memtable_write = settings.writers > 1;
  options.stats_dump_period_sec = 0;
  options.enable_blob_files = settings.blob_files;
  options.enable_blob_garbage_collection = settings.blob_files;
  return options;
}

rocksdb::BlockBasedTableOptions ParityTable(const EngineSettings& settings) {
  rocksdb::BlockBasedTableOptions table;
  table.block_size = settings.block_size;
  if (settings.bloom_bits > 0) {
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(
        static_cast<double>(settings.bloom_bits)));
  }
  // Readers find index and filters without a look into the cache, which is
  // RocksDB's faster way; their bytes are taken from the cache nevertheless.
  table.cache_index_and_filter_blocks = false;
  table.cache_usage_options.options_overrides.insert(
      {rocksdb::CacheEntryRole::kBlockBasedTableReader,
       {.charged = rocksdb::CacheEntryRoleOptions::Decision::kEnabled}});
  return table;
}

rocksdb::Options OptionsFor(const EngineSettings& settings) {
  rocksdb::Options options;
  rocksdb::BlockBasedTableOptions table;
  if (!settings.defaults) {
    options = ParityOptions(settings);
    table = ParityTable(settings);
  }
  table.block_cache = rocksdb::NewLRUCache(settings.cache_size);
  if (settings.tuned) {
    // Hits without a lock; Gets without a search in the block, or in memtables
    // that do not have the key.
    table.block_cache = rocksdb::HyperClockCacheOptions(settings.cache_size,
                                                        settings.block_size)
                            .MakeSharedCache();
    table.data_block_index_type =
        rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
    options.memtable_whole_key_filtering = true;
    options.memtable_prefix_bloom_size_ratio = 0.05;
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.create_if_missing = true;
  return options;
}

class RocksDbCursor final : public Cursor {
 public:
  explicit RocksDbCursor(rocksdb::Iterator* it) : it_(it) {}

  absl::StatusOr<bool> Seek(std::string_view key) override {
    it_->Seek(ToSlice(key));
    if (it_->Valid()) return true;
    LISSOM_RETURN_IF_ERROR(ToStatus(it_->status()));
    return false;
  }

  absl::Status SeekToEnd(Direction direction) override {
    if (direction == Direction::kForward) {
      it_->SeekToFirst();
    } else {
      it_->SeekToLast();
    }
    return ToStatus(it_->status());
  }

  std::string_view key() override { return ToView(it_->key()); }

  absl::StatusOr<Found> Walk(Direction direction, uint64_t steps) override {
    Found found;
    for (; found.entries < steps && it_->Valid(); ++found.entries) {
      found.bytes += it_->key().size() + it_->value().size();
      if (direction == Direction::kForward) {
        it_->Next();
      } else {
        it_->Prev();
      }
    }
    if (!it_->Valid()) LISSOM_RETURN_IF_ERROR(ToStatus(it_->status()));
    return found;
  }

 private:
  const std::unique_ptr<rocksdb::Iterator> it_;
};

class RocksDbSession final : public Session {
 public:
  explicit RocksDbSession(rocksdb::DB& db) : db_(db) {}

  void Put(std::string_view key, std::string_view value) override {
    Collected(batch_.Put(ToSlice(key), ToSlice(value)));
  }
  void Delete(std::string_view key) override {
    Collected(batch_.Delete(ToSlice(key)));
  }

  absl::Status Commit(bool sync) override {
    QuietThread();
    rocksdb::WriteOptions options;
    options.sync = sync;
    rocksdb::Status status = std::exchange(collected_, {});
    if (status.ok()) status = db_.Write(options, &batch_);
    batch_.Clear();
    return ToStatus(status);
  }

  absl::StatusOr<Found> Get(std::string_view key) override {
    QuietThread();
    value_.Reset();
    const rocksdb::Status status =
        db_.Get(read_, db_.DefaultColumnFamily(), ToSlice(key), &value_);
    if (status.IsNotFound()) return Found{};
    LISSOM_RETURN_IF_ERROR(ToStatus(status));
    return Found{.entries = 1, .bytes = key.size() + value_.size()};
  }

  absl::StatusOr<Found> MultiGet(
      std::span<const std::string_view> keys) override {
    QuietThread();
    slices_.clear();
    for (const std::string_view key : keys) slices_.push_back(ToSlice(key));
    if (values_.size() < keys.size()) {
      values_ = std::vector<rocksdb::PinnableSlice>(keys.size());
      statuses_.resize(keys.size());
    }
    db_.MultiGet(read_, db_.DefaultColumnFamily(), keys.size(), slices_.data(),
                 values_.data(), statuses_.data());
    Found found;
    for (size_t i = 0; i < keys.size(); ++i) {
      if (statuses_[i].ok()) {
        ++found.entries;
        found.bytes += keys[i].size() + values_[i].size();
      } else if (!statuses_[i].IsNotFound()) {
        return ToStatus(statuses_[i]);
      }
      values_[i].Reset();
    }
    return found;
  }

  absl::StatusOr<std::unique_ptr<Cursor>> NewCursor() override {
    QuietThread();
    return std::make_unique<RocksDbCursor>(db_.NewIterator(read_));
  }

 private:
  // A thread counts what it does unless it is told not to, as db_bench tells
  // its own. Not in the constructor: that may run in another thread.
  void QuietThread() {
    if (quiet_) return;
    rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
    quiet_ = true;
  }

  void Collected(const rocksdb::Status& status) {
    if (!status.ok()) collected_ = status;
  }

  rocksdb::DB& db_;
  bool quiet_ = false;
  const rocksdb::ReadOptions read_;  // Checksums are verified by default.
  rocksdb::WriteBatch batch_;
  rocksdb::Status collected_;  // Why a change could not be collected.
  rocksdb::PinnableSlice value_;
  std::vector<rocksdb::Slice> slices_;
  std::vector<rocksdb::PinnableSlice> values_;
  std::vector<rocksdb::Status> statuses_;
};

class RocksDbEngine final : public Engine {
 public:
  explicit RocksDbEngine(rocksdb::DB* db) : db_(db) {}

  std::string_view name() const override { return "rocksdb"; }

  std::unique_ptr<Session> NewSession() override {
    return std::make_unique<RocksDbSession>(*db_);
  }

  absl::Status Flush() override {
    return ToStatus(db_->Flush(rocksdb::FlushOptions()));
  }

  // 7.8 has no call that waits. Twice quiet: between the end of a flush and
  // the start of the compaction that it makes due, all four are 0 for a moment.
  absl::Status Settle() override {
    constexpr std::string_view kBusy[] = {
        "rocksdb.mem-table-flush-pending", "rocksdb.num-running-flushes",
        "rocksdb.compaction-pending", "rocksdb.num-running-compactions"};
    LISSOM_RETURN_IF_ERROR(Flush());
    for (int quiet = 0; quiet < 2;) {
      uint64_t busy = 0;
      for (const std::string_view name : kBusy) {
        uint64_t value = 0;
        if (!db_->GetIntProperty(ToSlice(name), &value)) {
          return absl::InternalError(
              absl::StrCat("rocksdb has no property ", ToAbsl(name)));
        }
        busy += value;
      }
      quiet = busy == 0 ? quiet + 1 : 0;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return absl::OkStatus();
  }

  absl::Status CompactAll() override {
    return ToStatus(db_->CompactRange({}, nullptr, nullptr));
  }

  absl::StatusOr<std::string> Property(std::string_view name) override {
    std::string value;
    const std::string full = absl::StrCat("rocksdb.", ToAbsl(name));
    if (db_->GetProperty(full, &value)) return value;
    return absl::InvalidArgumentError(
        absl::StrCat("rocksdb has no property '", full, "'"));
  }

  absl::Status Close() override {
    if (db_ == nullptr) return absl::OkStatus();
    const rocksdb::Status status = db_->Close();
    db_.reset();
    return ToStatus(status);
  }

 private:
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> OpenRocksDb(
    const EngineSettings& settings) {
  const rocksdb::Options options = OptionsFor(settings);
  if (settings.fresh) {
    LISSOM_RETURN_IF_ERROR(
        ToStatus(rocksdb::DestroyDB(settings.path, options)));
  }
  rocksdb::DB* db = nullptr;
  LISSOM_RETURN_IF_ERROR(
      ToStatus(rocksdb::DB::Open(options, settings.path, &db)));
  return std::make_unique<RocksDbEngine>(db);
}

std::string RocksDbVersion() {
  // Its library asks __assert_fail for help: it is built without NDEBUG.
  return rocksdb::GetRocksVersionAsString(/*with_patch=*/true) +
         " of Debian, assertions on";
}

}  // namespace lissom::bench
