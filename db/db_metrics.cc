// The numbers of an open database: what its parts count, and the gauges that
// only the desk can read.
#include "db/db_metrics.h"

#include <memory>
#include <utility>
#include <vector>

#include "db/compaction/level_targets.h"
#include "db/db_impl.h"
#include "db/metrics/metrics_line.h"
#include "db/metrics/properties.h"
#include "db/metrics/tree_metrics.h"
#include "util/block_cache.h"
#include "util/guarded.h"

namespace lissom {
namespace {

void AddCache(const BlockCache& cache, Metrics* metrics) {
  const BlockCache::Counters counters = cache.counters();
  metrics->block_cache_hits = counters.hits;
  metrics->block_cache_misses = counters.misses;
  metrics->block_cache_evictions = counters.evictions;
  metrics->block_cache_usage = cache.usage();
  metrics->block_cache_capacity = cache.capacity();
}

void AddTargets(const Version& version, const ColumnFamilyOptions& options,
                Metrics* metrics) {
  const LevelTargets targets = ComputeLevelTargets(version, options);
  metrics->base_level = static_cast<uint64_t>(targets.base_level);
  for (size_t n = 0; n < Metrics::kLevels; ++n) {
    LevelMetrics& level = metrics->levels[n];
    // 1 stands for that of an empty tree's last level.
    level.target_bytes = targets.bytes[n] == 1 ? 0 : targets.bytes[n];
    // The last level has nowhere to go to, however large it is.
    if (level.target_bytes != 0 && n + 1 < Metrics::kLevels) {
      level.score = static_cast<double>(level.bytes) /
                    static_cast<double>(level.target_bytes);
    }
  }
  metrics->levels[0].score =
      static_cast<double>(metrics->levels[0].tables) /
      static_cast<double>(options.level0_file_num_compaction_trigger);
}

}  // namespace

void AddTreeMetrics(const Version& version, const TableSource& source,
                    const ColumnFamilyOptions& options, Metrics* metrics) {
  AddCache(*source.cache, metrics);
  SetTreeMetrics(version, metrics);
  AddTargets(version, options, metrics);
  const OpenTables& open = *source.open_tables;
  metrics->table_opens = open.opens();
  metrics->open_tables = open.count();
  metrics->table_memory_bytes = open.bytes();
  metrics->table_metadata_bytes = open.metadata_bytes();
}

void AddReaderMetrics(Reader& reader, Metrics* metrics) {
  const std::vector<SequenceNumber> snapshots = reader.snapshots().ForJob();
  metrics->snapshots = reader.snapshots().count();
  if (metrics->snapshots > 0) {
    metrics->oldest_snapshot_sequence = snapshots.front();
  }
  metrics->open_iterators = reader.open_iterators();
}

void DbImpl::AddGauges(Metrics* metrics) {
  metrics->active_memtable_bytes = active_->memory_bytes();
  metrics->active_memtable_entries = active_->entries();
  metrics->memtable_bytes = metrics->active_memtable_bytes;
  metrics->memtable_entries = metrics->active_memtable_entries;
  metrics->memtables = 1 + sealed_.size();
  for (const Sealed& sealed : sealed_) {
    metrics->memtable_bytes += sealed.memtable->memory_bytes();
    metrics->memtable_entries += sealed.memtable->entries();
  }
  metrics->running_flushes = static_cast<uint64_t>(flush_job_.running());
  metrics->running_compactions = static_cast<uint64_t>(compactions_.running());
  metrics->flush_pending = !sealed_.empty();
  metrics->compaction_pending = compaction_job_.scheduled();
  metrics->writes_stopped = stall_condition_ == StallCondition::kStopped;
  metrics->wal_files = logs_.size();
}

Metrics DbImpl::GetMetrics() {
  Metrics metrics;
  metrics_.ReadInto(&metrics);
  std::shared_ptr<const Version> version;
  {
    MutexLock lock(mu_);
    version = versions_.current();
    AddGauges(&metrics);
    metrics.pending_compaction_bytes = compactions_.PendingBytes(*version);
  }
  AddTreeMetrics(*version, *parts_.source, parts_.options, &metrics);
  AddReaderMetrics(*reader_, &metrics);
  metrics.obsolete_bytes = versions_.ObsoleteBytes();
  metrics.live_versions = versions_.LiveVersions();
  metrics.min_log_number = versions_.min_log_number();
  metrics.wal_file_bytes = writes_->wal_bytes();
  metrics.writes_refused = !writes_->latched().ok();
  const uint64_t price = writes_->throttle().nanos_per_kib();
  if (price != 0) {
    metrics.delayed_write_rate = uint64_t{1'000'000'000} * 1024 / price;
  }
  return metrics;
}

void DbImpl::LogMetrics(bool closing) noexcept {
  if (!closing) {
    const absl::Duration now = metrics_.Now();
    int64_t next = next_metrics_.load(std::memory_order_relaxed);
    // Infinite: the clock threw.
    if (now == absl::InfiniteDuration() ||
        absl::ToInt64Microseconds(now) < next ||
        !next_metrics_.compare_exchange_strong(
            next, absl::ToInt64Microseconds(now + kMetricsLineInterval),
            std::memory_order_relaxed)) {
      return;
    }
  }
  Quietly([this] {
    log().Log(LogLevel::kInfo,
              MetricsAsJson(GetMetrics(), parts_.options.clock->Now()));
  });
}

absl::StatusOr<std::string> DbImpl::GetProperty(std::string_view name) {
  const Metrics metrics = GetMetrics();
  return PropertyText(name,
                      {.metrics = metrics, .version = *versions_.current()});
}

absl::StatusOr<uint64_t> DbImpl::GetIntProperty(std::string_view name) {
  const Metrics metrics = GetMetrics();
  return PropertyInt(name,
                     {.metrics = metrics, .version = *versions_.current()});
}

}  // namespace lissom
