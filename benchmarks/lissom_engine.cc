#include "benchmarks/lissom_engine.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

class LissomCursor final : public Cursor {
 public:
  explicit LissomCursor(std::unique_ptr<Iterator> it) : it_(std::move(it)) {}

  absl::StatusOr<bool> Seek(std::string_view key) override {
    it_->Seek(key);
    if (it_->Valid()) return true;
    LISSOM_RETURN_IF_ERROR(it_->status());
    return false;
  }

  absl::Status SeekToEnd(Direction direction) override {
    direction == Direction::kForward ? it_->SeekToFirst() : it_->SeekToLast();
    return it_->Valid() ? absl::OkStatus() : it_->status();
  }

  std::string_view key() override { return it_->key(); }

  absl::StatusOr<Found> Walk(Direction direction, uint64_t steps) override {
    Found found;
    for (; found.entries < steps && it_->Valid(); ++found.entries) {
      found.bytes += it_->key().size() + it_->value().size();
      direction == Direction::kForward ? it_->Next() : it_->Prev();
    }
    if (!it_->Valid()) LISSOM_RETURN_IF_ERROR(it_->status());
    return found;
  }

 private:
  const std::unique_ptr<Iterator> it_;
};

class LissomSession final : public Session {
 public:
  LissomSession(DB& db, const LissomSettings& settings)
      : db_(db), disable_wal_(settings.disable_wal) {
    read_options_.verify_checksums = settings.verify_checksums;
  }

  void Put(std::string_view key, std::string_view value) override {
    batch_.Put(key, value);
  }
  void Delete(std::string_view key) override { batch_.Delete(key); }

  absl::Status Commit(bool sync) override {
    absl::Status status =
        db_.Write({.sync = sync, .disable_wal = disable_wal_}, batch_);
    batch_.Clear();
    return status;
  }

  absl::StatusOr<Found> Get(std::string_view key) override {
    const absl::Status status = db_.Get(read_options_, key, &value_);
    if (status.ok()) {
      return Found{.entries = 1, .bytes = key.size() + value_.view().size()};
    }
    if (IsNotFound(status)) return Found{};
    return status;
  }

  absl::StatusOr<Found> MultiGet(
      std::span<const std::string_view> keys) override {
    values_.resize(keys.size());
    statuses_.resize(keys.size());
    db_.MultiGet(read_options_, keys, values_, statuses_);
    Found found;
    for (size_t i = 0; i < keys.size(); ++i) {
      if (statuses_[i].ok()) {
        ++found.entries;
        found.bytes += keys[i].size() + values_[i].view().size();
      } else if (!IsNotFound(statuses_[i])) {
        return statuses_[i];
      }
    }
    return found;
  }

  absl::StatusOr<std::unique_ptr<Cursor>> NewCursor() override {
    return std::make_unique<LissomCursor>(db_.NewIterator(read_options_));
  }

 private:
  DB& db_;
  const bool disable_wal_;
  ReadOptions read_options_;
  WriteBatch batch_;
  PinnedValue value_;
  std::vector<PinnedValue> values_;
  std::vector<absl::Status> statuses_;
};

// The names are RocksDB's tickers' with another prefix, where it has the same.
Counters CountersOf(const Metrics& m) {
  Counters counters = {
      {"lissom.block.cache.hit", m.block_cache_hits},
      {"lissom.block.cache.miss", m.block_cache_misses},
      {"lissom.block.cache.evictions", m.block_cache_evictions},
      {"lissom.bloom.filter.useful", m.filter_useful},
      {"lissom.bloom.filter.false.positive", m.filter_false_positives},
      {"lissom.memtable.hit", m.memtable_hits},
      {"lissom.number.keys.read", m.gets},
      {"lissom.number.keys.written", m.keys_written},
      {"lissom.number.multiget.get", m.multigets},
      {"lissom.number.multiget.keys.read", m.multiget_keys},
      {"lissom.number.keys.found", m.keys_found},
      {"lissom.number.keys.not.found", m.keys_not_found},
      {"lissom.number.iterators", m.iterators_created},
      {"lissom.number.db.seek", m.seeks},
      {"lissom.number.db.next", m.nexts},
      {"lissom.bytes.written", m.bytes_written},
      {"lissom.wal.writes", m.wal_writes},
      {"lissom.wal.bytes", m.wal_bytes},
      {"lissom.wal.synced", m.wal_syncs},
      {"lissom.flushes", m.flushes},
      {"lissom.flush.write.bytes", m.flush_bytes},
      {"lissom.compactions", m.compactions},
      {"lissom.compact.read.bytes", m.compaction_read_bytes},
      {"lissom.compact.write.bytes", m.compaction_written_bytes},
  };
  for (size_t cause = 0; cause < kStallCauses; ++cause) {
    const std::string_view name = StallCauseName(StallCause(cause));
    counters.emplace_back(absl::StrCat("lissom.stall.micros.", ToAbsl(name)),
                          m.stalls[cause].micros);
  }
  return counters;
}

class LissomEngine final : public Engine {
 public:
  LissomEngine(std::unique_ptr<DB> db, LissomSettings settings)
      : settings_(std::move(settings)), db_(std::move(db)) {}

  std::string_view name() const override { return "lissom"; }
  std::unique_ptr<Session> NewSession() override {
    return std::make_unique<LissomSession>(*db_, settings_);
  }

  absl::Status Flush() override { return db_->Flush(); }
  absl::Status Settle() override { return db_->WaitForIdle(); }
  absl::Status CompactAll() override { return db_->CompactRange({}, {}, {}); }
  absl::StatusOr<std::string> Property(std::string_view name) override {
    return db_->GetProperty(absl::StrCat("lissom.", ToAbsl(name)));
  }
  Counters GetCounters() override { return CountersOf(db_->GetMetrics()); }
  absl::Status Close() override { return db_->Close(); }

 private:
  const LissomSettings settings_;
  const std::unique_ptr<DB> db_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> OpenLissom(
    const LissomSettings& settings, const std::string& path) {
  LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<DB> db,
                          DB::Open(settings.options, path));
  return std::make_unique<LissomEngine>(std::move(db), settings);
}

}  // namespace lissom::bench
