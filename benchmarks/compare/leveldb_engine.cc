#include "benchmarks/compare/leveldb_engine.h"

#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/iterator.h>
#include <leveldb/options.h>
#include <leveldb/write_batch.h>
#include <sys/resource.h>

#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

leveldb::Slice ToSlice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}
std::string_view ToView(const leveldb::Slice& slice) {
  return {slice.data(), slice.size()};
}

absl::Status ToStatus(const leveldb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const std::string text = absl::StrCat("leveldb: ", status.ToString());
  if (status.IsCorruption()) return absl::DataLossError(text);
  if (status.IsInvalidArgument()) return absl::InvalidArgumentError(text);
  return absl::UnknownError(text);
}

leveldb::ReadOptions Reading() {
  leveldb::ReadOptions options;
  // Its default: it maps tables and caches no blocks of them, so it would pay
  // for a checksum at every read, where the others pay when a block is loaded.
  options.verify_checksums = false;
  return options;
}

double CpuSecondsOfProcess() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) /
             1e6;
}

class LevelDbCursor final : public Cursor {
 public:
  explicit LevelDbCursor(leveldb::Iterator* it) : it_(it) {}

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
  const std::unique_ptr<leveldb::Iterator> it_;
};

class LevelDbSession final : public Session {
 public:
  explicit LevelDbSession(leveldb::DB& db) : db_(db), read_(Reading()) {}

  void Put(std::string_view key, std::string_view value) override {
    batch_.Put(ToSlice(key), ToSlice(value));
  }
  void Delete(std::string_view key) override { batch_.Delete(ToSlice(key)); }

  absl::Status Commit(bool sync) override {
    leveldb::WriteOptions options;
    options.sync = sync;
    const leveldb::Status status = db_.Write(options, &batch_);
    batch_.Clear();
    return ToStatus(status);
  }

  absl::StatusOr<Found> Get(std::string_view key) override {
    const leveldb::Status status = db_.Get(read_, ToSlice(key), &value_);
    if (status.IsNotFound()) return Found{};
    LISSOM_RETURN_IF_ERROR(ToStatus(status));
    return Found{.entries = 1, .bytes = key.size() + value_.size()};
  }

  absl::StatusOr<Found> MultiGet(
      std::span<const std::string_view> keys) override {
    Found sum;
    for (const std::string_view key : keys) {
      LISSOM_ASSIGN_OR_RETURN(const Found one, Get(key));
      sum.entries += one.entries;
      sum.bytes += one.bytes;
    }
    return sum;
  }

  absl::StatusOr<std::unique_ptr<Cursor>> NewCursor() override {
    return std::make_unique<LevelDbCursor>(db_.NewIterator(read_));
  }

 private:
  leveldb::DB& db_;
  const leveldb::ReadOptions read_;
  leveldb::WriteBatch batch_;
  std::string value_;
};

class LevelDbEngine final : public Engine {
 public:
  LevelDbEngine(std::unique_ptr<leveldb::Cache> cache,
                std::unique_ptr<const leveldb::FilterPolicy> filter)
      : cache_(std::move(cache)), filter_(std::move(filter)) {}

  absl::Status Open(const EngineSettings& settings) {
    leveldb::Options options;
    options.create_if_missing = true;
    options.block_cache = cache_.get();
    if (!settings.defaults) {
      options.compression = leveldb::kNoCompression;
      options.write_buffer_size = settings.write_buffer_size;
      options.max_file_size = size_t{64} << 20;
      options.block_size = settings.block_size;
      options.max_open_files = 10000;
      options.filter_policy = filter_.get();
    }
    if (settings.fresh) {
      LISSOM_RETURN_IF_ERROR(
          ToStatus(leveldb::DestroyDB(settings.path, options)));
    }
    leveldb::DB* db = nullptr;
    LISSOM_RETURN_IF_ERROR(
        ToStatus(leveldb::DB::Open(options, settings.path, &db)));
    db_.reset(db);
    return absl::OkStatus();
  }

  std::string_view name() const override { return "leveldb"; }

  std::unique_ptr<Session> NewSession() override {
    return std::make_unique<LevelDbSession>(*db_);
  }

  // There is no call for it. A compaction of a range without keys begins with
  // the memtable, and then finds nothing else to do.
  absl::Status Flush() override {
    const std::string beyond(64, '\xff');
    const leveldb::Slice begin(beyond);
    db_->CompactRange(&begin, nullptr);
    return absl::OkStatus();
  }

  // There is no question for it either: it is settled when it has counted no
  // further compaction, and the process has used no processor to speak of, for
  // three looks. So it finds out 0.3 seconds late.
  absl::Status Settle() override {
    constexpr std::chrono::milliseconds kLook(100);
    LISSOM_RETURN_IF_ERROR(Flush());
    std::string last;
    double cpu = CpuSecondsOfProcess();
    for (int quiet = 0; quiet < 3;) {
      std::this_thread::sleep_for(kLook);
      LISSOM_ASSIGN_OR_RETURN(std::string now, Property("stats"));
      const double cpu_now = CpuSecondsOfProcess();
      quiet = now == last && cpu_now - cpu < 0.005 ? quiet + 1 : 0;
      last = std::move(now);
      cpu = cpu_now;
    }
    return absl::OkStatus();
  }

  absl::Status CompactAll() override {
    db_->CompactRange(nullptr, nullptr);
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Property(std::string_view name) override {
    std::string value;
    const std::string full = absl::StrCat("leveldb.", ToAbsl(name));
    if (db_->GetProperty(full, &value)) return value;
    return absl::InvalidArgumentError(
        absl::StrCat("leveldb has no property '", full, "'"));
  }

  absl::Status Close() override {
    db_.reset();  // Cannot fail, or does not say so.
    return absl::OkStatus();
  }

 private:
  // In this order: a database uses both until it has gone.
  const std::unique_ptr<leveldb::Cache> cache_;
  const std::unique_ptr<const leveldb::FilterPolicy> filter_;
  std::unique_ptr<leveldb::DB> db_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> OpenLevelDb(
    const EngineSettings& settings) {
  std::unique_ptr<const leveldb::FilterPolicy> filter;
  if (settings.bloom_bits > 0) {
    filter.reset(
        leveldb::NewBloomFilterPolicy(static_cast<int>(settings.bloom_bits)));
  }
  auto engine = std::make_unique<LevelDbEngine>(
      std::unique_ptr<leveldb::Cache>(
          leveldb::NewLRUCache(settings.cache_size)),
      std::move(filter));
  LISSOM_RETURN_IF_ERROR(engine->Open(settings));
  return engine;
}

std::string LevelDbVersion() {
  return absl::StrCat(leveldb::kMajorVersion, ".", leveldb::kMinorVersion);
}

}  // namespace lissom::bench
