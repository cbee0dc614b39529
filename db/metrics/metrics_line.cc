#include "db/metrics/metrics_line.h"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "util/json_line.h"

namespace lissom {
namespace {

void AddLevels(JsonLine& line, std::string_view name, const Metrics& metrics,
               uint64_t LevelMetrics::*member) {
  std::array<uint64_t, Metrics::kLevels> values{};
  for (size_t n = 0; n < values.size(); ++n) {
    values[n] = metrics.levels[n].*member;
  }
  line.Add(name, std::span<const uint64_t>(values));
}

}  // namespace

std::string MetricsAsJson(const Metrics& metrics, absl::Time at) {
  JsonLine line;
  line.Add("event", "metrics")
      .Add("time_micros", absl::ToUnixMicros(at))
      .Add("keys_written", metrics.keys_written)
      .Add("bytes_written", metrics.bytes_written)
      .Add("wal_bytes", metrics.wal_bytes)
      .Add("wal_syncs", metrics.wal_syncs)
      .Add("gets", metrics.gets + metrics.multiget_keys)
      .Add("seeks", metrics.seeks)
      .Add("memtable_hits", metrics.memtable_hits)
      .Add("filter_useful", metrics.filter_useful)
      .Add("filter_false_positives", metrics.filter_false_positives)
      .Add("block_cache_hits", metrics.block_cache_hits)
      .Add("block_cache_misses", metrics.block_cache_misses)
      .Add("block_cache_usage", metrics.block_cache_usage)
      .Add("block_cache_capacity", metrics.block_cache_capacity)
      .Add("flush_bytes", metrics.flush_bytes)
      .Add("compaction_read_bytes", metrics.compaction_read_bytes)
      .Add("compaction_written_bytes", metrics.compaction_written_bytes)
      .Add("estimated_live_bytes", metrics.estimated_live_bytes)
      .Add("pending_compaction_bytes", metrics.pending_compaction_bytes);
  AddLevels(line, "level_tables", metrics, &LevelMetrics::tables);
  AddLevels(line, "level_bytes", metrics, &LevelMetrics::bytes);
  AddLevels(line, "level_written_bytes", metrics, &LevelMetrics::written_bytes);
  AddLevels(line, "level_get_hits", metrics, &LevelMetrics::get_hits);
  for (size_t i = 0; i < kStallCauses; ++i) {
    std::string name = "stall_micros_";
    name += StallCauseName(static_cast<StallCause>(i));
    line.Add(name, metrics.stalls[i].micros);
  }
  return std::move(line).Finish();
}

}  // namespace lissom
