#include "src/tools/cli/metrics_json.h"

#include <string>

namespace lissom::tools {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const LatencySummary& m) {
  return {
      {"count", m.count}, {"p50", m.p50},   {"p90", m.p90},
      {"p99", m.p99},     {"p999", m.p999}, {"max", m.max},
  };
}

Json ToJson(const StallMetrics& m, StallCause cause) {
  return {
      {"cause", std::string(StallCauseName(cause))},
      {"count", m.count},
      {"micros", m.micros},
      {"p99_micros", m.p99_micros},
      {"max_micros", m.max_micros},
  };
}

// What is one number.
Json Numbers(const Metrics& m) {
  return {
      {"keys_written", m.keys_written},
      {"batches_written", m.batches_written},
      {"bytes_written", m.bytes_written},
      {"wal_writes", m.wal_writes},
      {"wal_bytes", m.wal_bytes},
      {"wal_syncs", m.wal_syncs},
      {"gets", m.gets},
      {"multigets", m.multigets},
      {"multiget_keys", m.multiget_keys},
      {"keys_found", m.keys_found},
      {"keys_not_found", m.keys_not_found},
      {"memtable_hits", m.memtable_hits},
      {"filter_useful", m.filter_useful},
      {"filter_false_positives", m.filter_false_positives},
      {"iterators_created", m.iterators_created},
      {"seeks", m.seeks},
      {"nexts", m.nexts},
      {"flushes", m.flushes},
      {"flush_bytes", m.flush_bytes},
      {"compactions", m.compactions},
      {"compaction_read_bytes", m.compaction_read_bytes},
      {"compaction_written_bytes", m.compaction_written_bytes},
      {"compaction_entries_in", m.compaction_entries_in},
      {"compaction_entries_out", m.compaction_entries_out},
      {"compaction_entries_dropped", m.compaction_entries_dropped},
      {"background_errors", m.background_errors},
      {"rate_limited_bytes", m.rate_limited_bytes},
      {"rate_limit_wait_micros", m.rate_limit_wait_micros},
      {"block_cache_hits", m.block_cache_hits},
      {"block_cache_misses", m.block_cache_misses},
      {"block_cache_evictions", m.block_cache_evictions},
      {"block_cache_usage", m.block_cache_usage},
      {"block_cache_capacity", m.block_cache_capacity},
      {"table_opens", m.table_opens},
      {"active_memtable_bytes", m.active_memtable_bytes},
      {"active_memtable_entries", m.active_memtable_entries},
      {"memtable_bytes", m.memtable_bytes},
      {"memtable_entries", m.memtable_entries},
      {"memtables", m.memtables},
      {"open_iterators", m.open_iterators},
      {"snapshots", m.snapshots},
      {"oldest_snapshot_sequence", m.oldest_snapshot_sequence},
      {"running_flushes", m.running_flushes},
      {"running_compactions", m.running_compactions},
      {"pending_compaction_bytes", m.pending_compaction_bytes},
      {"tables", m.tables},
      {"table_bytes", m.table_bytes},
      {"obsolete_bytes", m.obsolete_bytes},
      {"estimated_live_bytes", m.estimated_live_bytes},
      {"estimated_keys", m.estimated_keys},
      {"open_tables", m.open_tables},
      {"table_memory_bytes", m.table_memory_bytes},
      {"table_metadata_bytes", m.table_metadata_bytes},
      {"wal_files", m.wal_files},
      {"wal_file_bytes", m.wal_file_bytes},
      {"min_log_number", m.min_log_number},
      {"live_versions", m.live_versions},
      {"base_level", m.base_level},
      {"flush_pending", m.flush_pending},
      {"compaction_pending", m.compaction_pending},
      {"writes_stopped", m.writes_stopped},
      {"delayed_write_rate", m.delayed_write_rate},
      {"writes_refused", m.writes_refused},
      {"write_amplification", m.WriteAmplification()},
      {"write_amplification_with_wal", m.WriteAmplificationWithWal()},
      {"space_amplification", m.SpaceAmplification()},
      {"compression_ratio", m.CompressionRatio()},
      {"cache_hit_rate", m.CacheHitRate()},
  };
}

}  // namespace

Json ToJson(const LevelMetrics& m, size_t level) {
  return {
      {"level", level},
      {"tables", m.tables},
      {"bytes", m.bytes},
      {"raw_bytes", m.raw_bytes},
      {"target_bytes", m.target_bytes},
      {"score", m.score},
      {"get_hits", m.get_hits},
      {"compactions", m.compactions},
      {"moves", m.moves},
      {"read_bytes", m.read_bytes},
      {"written_bytes", m.written_bytes},
      {"micros", m.micros},
      {"compression_ratio", m.CompressionRatio()},
  };
}

Json ToJson(const Metrics& m) {
  Json json = Numbers(m);
  json["levels"] = Json::array();
  for (size_t level = 0; level < m.levels.size(); ++level) {
    json["levels"].push_back(ToJson(m.levels[level], level));
  }
  json["stalls"] = Json::array();
  for (size_t cause = 0; cause < m.stalls.size(); ++cause) {
    json["stalls"].push_back(
        ToJson(m.stalls[cause], static_cast<StallCause>(cause)));
  }
  json["get_latency"] = ToJson(m.get_latency);
  json["multiget_latency"] = ToJson(m.multiget_latency);
  json["write_latency"] = ToJson(m.write_latency);
  json["seek_latency"] = ToJson(m.seek_latency);
  json["wal_sync_latency"] = ToJson(m.wal_sync_latency);
  json["flush_latency"] = ToJson(m.flush_latency);
  json["compaction_latency"] = ToJson(m.compaction_latency);
  return json;
}

}  // namespace lissom::tools
