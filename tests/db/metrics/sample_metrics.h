// A database's numbers and tree as they might be, for the tests of texts.
#ifndef LISSOM_TESTS_DB_METRICS_SAMPLE_METRICS_H_
#define LISSOM_TESTS_DB_METRICS_SAMPLE_METRICS_H_

#include <memory>

#include "db/version/version.h"
#include "lissom/metrics.h"
#include "tests/support/shape.h"

namespace lissom::testing {

inline std::shared_ptr<const Version> SampleVersion() {
  return ParseShape(
      "L0: 9[a-f]:64M 7[c-k]:60M\n"
      "L5: 3[a-d]:700M\n"
      "L6: 1[a-d]:4G 2[e-z]:4G");
}

// Of SampleVersion. Every member that some text or property shows has a value
// of its own.
inline Metrics SampleMetrics() {
  constexpr uint64_t kMiB = 1 << 20;
  Metrics m;
  m.keys_written = 2'000'000;
  m.batches_written = 1'000'000;
  m.bytes_written = 232 * kMiB;
  m.wal_writes = 900'000;
  m.wal_bytes = 250 * kMiB;
  m.wal_syncs = 1;
  m.gets = 5'000'000;
  m.multigets = 1000;
  m.multiget_keys = 32'000;
  m.keys_found = 4'000'000;
  m.keys_not_found = 1'032'000;
  m.memtable_hits = 700'000;
  m.filter_useful = 3'000'000;
  m.filter_false_positives = 30'000;
  m.iterators_created = 12;
  m.seeks = 1;
  m.nexts = 1200;
  m.background_errors = 2;
  m.flushes = 3;
  m.flush_bytes = 190 * kMiB;
  m.compactions = 4;
  m.compaction_read_bytes = 900 * kMiB;
  m.compaction_written_bytes = 800 * kMiB;
  m.compaction_entries_in = 8'000'000;
  m.compaction_entries_dropped = 100'000;
  m.block_cache_hits = 970'000;
  m.block_cache_misses = 30'000;
  m.block_cache_evictions = 5;
  m.block_cache_usage = 200 * kMiB;
  m.block_cache_capacity = 256 * kMiB;
  m.table_opens = 17;
  m.active_memtable_bytes = 20 * kMiB;
  m.active_memtable_entries = 100'000;
  m.memtable_bytes = 84 * kMiB;
  m.memtable_entries = 450'000;
  m.memtables = 3;
  m.open_iterators = 2;
  m.snapshots = 1;
  m.oldest_snapshot_sequence = 123456;
  m.running_flushes = 1;
  m.running_compactions = 6;
  m.pending_compaction_bytes = 124 * kMiB;
  m.tables = 5;
  m.table_bytes = 9016 * kMiB;
  m.obsolete_bytes = 11 * kMiB;
  m.estimated_live_bytes = 8192 * kMiB;
  m.estimated_keys = 40'000'000;
  m.open_tables = 4;
  m.table_memory_bytes = 3 * kMiB;
  m.wal_files = 8;
  m.wal_file_bytes = 90 * kMiB;
  m.min_log_number = 41;
  m.live_versions = 7;
  m.base_level = 5;
  m.flush_pending = true;
  m.writes_stopped = true;
  m.delayed_write_rate = 16 * kMiB;
  m.levels[0] = {.tables = 2,
                 .bytes = 124 * kMiB,
                 .raw_bytes = 124 * kMiB,
                 .score = 0.5,
                 .get_hits = 300'000,
                 .compactions = 3,
                 .written_bytes = 190 * kMiB,
                 .micros = 1'200'000};
  m.levels[5] = {.tables = 1,
                 .bytes = 700 * kMiB,
                 .raw_bytes = 1400 * kMiB,
                 .target_bytes = 560 * kMiB,
                 .score = 1.25,
                 .get_hits = 1'000'000,
                 .compactions = 3,
                 .moves = 1,
                 .read_bytes = 300 * kMiB,
                 .written_bytes = 280 * kMiB,
                 .micros = 4'000'000};
  m.levels[6] = {.tables = 2,
                 .bytes = 8192 * kMiB,
                 .raw_bytes = 18'432 * kMiB,
                 .target_bytes = 8192 * kMiB,
                 .get_hits = 2'000'000,
                 .compactions = 1,
                 .read_bytes = 600 * kMiB,
                 .written_bytes = 520 * kMiB,
                 .micros = 9'000'000};
  m.stalls[static_cast<size_t>(StallCause::kMemtables)] = {
      .count = 12, .micros = 34'000, .p99_micros = 4900, .max_micros = 5000};
  m.stalls[static_cast<size_t>(StallCause::kPendingCompaction)] = {
      .count = 90'000, .micros = 2'000'000, .p99_micros = 40, .max_micros = 99};
  m.get_latency = {.count = 78'000,
                   .p50 = 700,
                   .p90 = 1400,
                   .p99 = 5100,
                   .p999 = 120'000,
                   .max = 3'000'000};
  m.flush_latency = {.count = 3,
                     .p50 = 380'000'000,
                     .p90 = 500'000'000,
                     .p99 = 500'000'000,
                     .p999 = 500'000'000,
                     .max = 500'000'000};
  return m;
}

}  // namespace lissom::testing

#endif  // LISSOM_TESTS_DB_METRICS_SAMPLE_METRICS_H_
