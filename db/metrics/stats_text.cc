#include "db/metrics/stats_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "util/strings.h"

namespace lissom {
namespace {

using Row = std::vector<std::string>;

// Columns two spaces apart, the first one to the left, the others to the
// right; each line begins with `indent`.
std::string TableText(std::string_view indent, const std::vector<Row>& rows) {
  std::vector<size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text;
  for (const Row& row : rows) {
    text += indent;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - row[i].size(), ' ');
      text += i == 0 ? row[i] + padding : "  " + padding + row[i];
    }
    text += '\n';
  }
  return text;
}

std::string Fixed(double value) { return absl::StrFormat("%.2f", value); }
std::string Percent(double part) {
  return absl::StrFormat("%.1f %%", part * 100);
}
std::string Percent(uint64_t part, uint64_t whole) {
  return Percent(
      whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole));
}
std::string Number(uint64_t value) { return absl::StrCat(value); }
std::string Counted(uint64_t count, const char* noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}
std::string Micros(uint64_t micros) {
  return DurationText(absl::Microseconds(micros));
}
std::string Nanos(uint64_t nanos) {
  return DurationText(absl::Nanoseconds(nanos));
}

// Is there anything to say of the level?
bool IsOfInterest(const LevelMetrics& level) {
  return level.tables > 0 || level.target_bytes > 0 || level.compactions > 0 ||
         level.moves > 0 || level.get_hits > 0;
}

double BytesWrittenAByte(const Metrics& m, uint64_t bytes) {
  return m.bytes_written == 0 ? 0
                              : static_cast<double>(bytes) /
                                    static_cast<double>(m.bytes_written);
}

std::string LevelTable(const Metrics& m) {
  std::vector<Row> rows = {{"level", "tables", "size", "target", "score",
                            "ratio", "get hits", "jobs", "moves", "read",
                            "written", "w-amp", "time"}};
  LevelMetrics sum;
  for (size_t i = 0; i < m.levels.size(); ++i) {
    const LevelMetrics& level = m.levels[i];
    sum.get_hits += level.get_hits;
    sum.compactions += level.compactions;
    sum.moves += level.moves;
    sum.read_bytes += level.read_bytes;
    sum.written_bytes += level.written_bytes;
    sum.micros += level.micros;
    if (!IsOfInterest(level)) continue;
    rows.push_back(
        {absl::StrCat("L", i), Number(level.tables), BytesText(level.bytes),
         level.target_bytes == 0 ? "-" : BytesText(level.target_bytes),
         Fixed(level.score), Fixed(level.CompressionRatio()),
         Number(level.get_hits), Number(level.compactions), Number(level.moves),
         BytesText(level.read_bytes), BytesText(level.written_bytes),
         Fixed(BytesWrittenAByte(m, level.written_bytes)),
         Micros(level.micros)});
  }
  rows.push_back({"sum", Number(m.tables), BytesText(m.table_bytes), "", "",
                  Fixed(m.CompressionRatio()), Number(sum.get_hits),
                  Number(sum.compactions), Number(sum.moves),
                  BytesText(sum.read_bytes), BytesText(sum.written_bytes),
                  Fixed(m.WriteAmplification()), Micros(sum.micros)});
  return TableText("", rows);
}

std::string WritesText(const Metrics& m) {
  return absl::StrCat(
      "writes      ", Counted(m.keys_written, "key"), " in ", m.batches_written,
      m.batches_written == 1 ? " batch, " : " batches, ",
      BytesText(m.bytes_written), "\n", "log         ", BytesText(m.wal_bytes),
      " in ", Counted(m.wal_writes, "append"), ", ",
      Counted(m.wal_syncs, "sync"), "; ", BytesText(m.wal_file_bytes), " in ",
      Counted(m.wal_files, "file"), "\n", "amplified   write ",
      Fixed(m.WriteAmplification()), " (", Fixed(m.WriteAmplificationWithWal()),
      " with the log), space ", Fixed(m.SpaceAmplification()), "\n",
      "memtables   ", m.memtables, " with ", m.memtable_entries, " entries, ",
      BytesText(m.memtable_bytes), "\n");
}

std::string ReadsText(const Metrics& m) {
  const uint64_t passed_in_vain = m.filter_false_positives;
  return absl::StrCat(
      "reads       ", Counted(m.gets, "get"), ", ", m.multigets,
      " multigets of ", Counted(m.multiget_keys, "key"), "; ", m.keys_found,
      " found, ", m.keys_not_found, " not, ", m.memtable_hits,
      " decided in memtables\n", "filters     ", m.filter_useful,
      " tables ruled out, ", passed_in_vain, " searched in vain (",
      Percent(passed_in_vain, passed_in_vain + m.filter_useful), ")\n",
      "iterators   ", m.iterators_created, " made, ", m.open_iterators,
      " open; ", Counted(m.seeks, "seek"), ", ", Counted(m.nexts, "move"), "\n",
      "snapshots   ", m.snapshots,
      m.snapshots == 0
          ? ""
          : absl::StrCat(", oldest at ", m.oldest_snapshot_sequence),
      "\n", "cache       ", Percent(m.CacheHitRate()), " of ",
      m.block_cache_hits + m.block_cache_misses, " questions answered; ",
      BytesText(m.block_cache_usage), " of ", BytesText(m.block_cache_capacity),
      ", ", m.block_cache_evictions, " evicted\n", "tables      ",
      m.open_tables, " of ", m.tables, " open, ",
      BytesText(m.table_memory_bytes), " of memory; ",
      Counted(m.table_opens, "open"), " so far\n");
}

std::string BackgroundText(const Metrics& m) {
  return absl::StrCat(
      "flushes     ", m.flushes, ", ", BytesText(m.flush_bytes), "; ",
      m.running_flushes, " running\n", "compactions ", m.compactions, ", ",
      BytesText(m.compaction_read_bytes), " read, ",
      BytesText(m.compaction_written_bytes), " written, ",
      m.compaction_entries_dropped, " of ", m.compaction_entries_in,
      " entries dropped; ", m.running_compactions, " running, ",
      BytesText(m.pending_compaction_bytes), " pending\n",
      m.rate_limited_bytes == 0
          ? ""
          : absl::StrCat("limited     ", BytesText(m.rate_limited_bytes),
                         ", which waited ", Micros(m.rate_limit_wait_micros),
                         "\n"),
      "errors      ", m.background_errors, " of background jobs",
      m.writes_refused ? "; writes are refused" : "",
      m.writes_stopped ? "; writes are stopped" : "",
      m.delayed_write_rate != 0
          ? absl::StrCat("; writes are slowed down to ",
                         BytesText(m.delayed_write_rate), "/s")
          : "",
      "\n");
}

std::string LatenciesText(const Metrics& m) {
  const std::array<std::pair<const char*, const LatencySummary*>, 7> all = {
      {{"get", &m.get_latency},
       {"multiget", &m.multiget_latency},
       {"write", &m.write_latency},
       {"seek", &m.seek_latency},
       {"log sync", &m.wal_sync_latency},
       {"flush", &m.flush_latency},
       {"compaction", &m.compaction_latency}}};
  std::vector<Row> rows = {
      {"latency", "samples", "p50", "p90", "p99", "p99.9", "max"}};
  for (const auto& [name, latency] : all) {
    if (latency->count == 0) continue;
    rows.push_back({name, Number(latency->count), Nanos(latency->p50),
                    Nanos(latency->p90), Nanos(latency->p99),
                    Nanos(latency->p999), Nanos(latency->max)});
  }
  return rows.size() == 1 ? "latency: no samples\n" : TableText("", rows);
}

// The part of `width` that a bar of `bytes` takes if the largest takes all.
size_t BarWidth(uint64_t bytes, uint64_t largest, size_t width) {
  if (bytes == 0) return 0;
  // Below 64 KiB the scale is linear, so that almost nothing is no wide bar.
  const auto size = [](uint64_t b) {
    return std::log1p(static_cast<double>(b) / (64 << 10));
  };
  const double part = size(bytes) / size(largest);
  const double bar = std::round(part * static_cast<double>(width));
  return std::clamp(static_cast<size_t>(bar), size_t{1}, width);
}

std::string BarLine(const std::string& name, uint64_t bytes, uint64_t largest,
                    const std::string& words) {
  constexpr size_t kWidth = 40;
  const size_t bar = BarWidth(bytes, largest, kWidth);
  const size_t left = (kWidth - bar) / 2;
  return absl::StrFormat("%-4s%s%s%s  %s\n", name, std::string(left, ' '),
                         std::string(bar, '#'),
                         std::string(kWidth - bar - left, ' '), words);
}

}  // namespace

std::string StatsText(const Metrics& metrics) {
  return absl::StrCat(LevelTable(metrics), "\n", WritesText(metrics),
                      ReadsText(metrics), BackgroundText(metrics), "\n",
                      StallsText(metrics), "\n", LatenciesText(metrics));
}

std::string LevelsText(const Metrics& metrics) {
  std::vector<Row> rows = {{"level", "files", "size"}};
  for (size_t i = 0; i < metrics.levels.size(); ++i) {
    rows.push_back({Number(i), Number(metrics.levels[i].tables),
                    BytesText(metrics.levels[i].bytes)});
  }
  return TableText("", rows);
}

std::string StallsText(const Metrics& metrics) {
  std::vector<Row> rows = {{"stalls", "count", "total", "p99", "max"}};
  for (size_t i = 0; i < metrics.stalls.size(); ++i) {
    const StallMetrics& stall = metrics.stalls[i];
    if (stall.count == 0) continue;
    rows.push_back({std::string(StallCauseName(static_cast<StallCause>(i))),
                    Number(stall.count), Micros(stall.micros),
                    Micros(stall.p99_micros), Micros(stall.max_micros)});
  }
  return rows.size() == 1 ? "stalls: none\n" : TableText("", rows);
}

std::string ShapeText(const Metrics& metrics) {
  uint64_t largest = metrics.memtable_bytes;
  for (const LevelMetrics& level : metrics.levels) {
    largest = std::max(largest, level.bytes);
  }
  std::string text =
      BarLine("mem", metrics.memtable_bytes, largest,
              absl::StrCat(Counted(metrics.memtables, "memtable"), ", ",
                           BytesText(metrics.memtable_bytes)));
  for (size_t i = 0; i < metrics.levels.size(); ++i) {
    const LevelMetrics& level = metrics.levels[i];
    if (level.tables == 0 && level.target_bytes == 0) continue;
    std::string words = absl::StrCat(Counted(level.tables, "table"), ", ",
                                     BytesText(level.bytes));
    if (level.target_bytes > 0) {
      absl::StrAppend(&words, " of ", BytesText(level.target_bytes));
    }
    if (level.score >= 1) {
      absl::StrAppend(&words, ", due (", Fixed(level.score), ")");
    }
    text += BarLine(absl::StrCat("L", i), level.bytes, largest, words);
  }
  absl::StrAppend(&text, Counted(metrics.tables, "table"), ", ",
                  BytesText(metrics.table_bytes), ", about ",
                  BytesText(metrics.estimated_live_bytes), " of it live, ",
                  Counted(metrics.estimated_keys, "key"), "\n");
  return text;
}

std::string TablesText(const Version& version) {
  std::string text;
  for (int level = 0; level < Version::kLevels; ++level) {
    if (version.level(level).empty()) continue;
    absl::StrAppend(&text, "level ", level, "\n");
    for (const auto& table : version.level(level)) {
      const TableMetadata& meta = table->meta();
      absl::StrAppend(&text, "  ", meta.number, ": ", BytesText(meta.size),
                      ", ", meta.entries, " entries, [",
                      Escape(meta.smallest.user_key), " .. ",
                      Escape(meta.largest.user_key), "]\n");
    }
  }
  return text;
}

std::string AggregatedText(const Version& version, int level) {
  uint64_t tables = 0;
  TableMetadata sum;
  const int first = level < 0 ? 0 : level;
  const int last = level < 0 ? Version::kLevels - 1 : level;
  for (int n = first; n <= last; ++n) {
    for (const auto& table : version.level(n)) {
      const TableMetadata& meta = table->meta();
      ++tables;
      sum.size += meta.size;
      sum.entries += meta.entries;
      sum.tombstones += meta.tombstones;
      sum.raw_key_bytes += meta.raw_key_bytes;
      sum.raw_value_bytes += meta.raw_value_bytes;
    }
  }
  return absl::StrCat(
      "tables=", tables, "; entries=", sum.entries,
      "; tombstones=", sum.tombstones, "; raw key bytes=", sum.raw_key_bytes,
      "; raw value bytes=", sum.raw_value_bytes, "; file bytes=", sum.size);
}

}  // namespace lissom
