#include "db/metrics/properties.h"

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "db/metrics/stats_text.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom {
namespace {

constexpr std::string_view kOurPrefix = "lissom.";
constexpr std::array<std::string_view, 3> kPrefixes = {kOurPrefix, "rocksdb.",
                                                       "leveldb."};

// A name without its prefix, and what it means: a number or a text, of the
// whole or of one level.
struct Property {
  using NumberFn = uint64_t (*)(const PropertySource&);
  using LevelNumberFn = uint64_t (*)(const LevelMetrics&);
  using TextFn = std::string (*)(const PropertySource&);
  using LevelTextFn = std::string (*)(const PropertySource&, int level);

  constexpr Property(std::string_view n, NumberFn f) : name(n), number(f) {}
  constexpr Property(std::string_view n, uint64_t Metrics::*m)
      : name(n), member(m) {}
  constexpr Property(std::string_view n, LevelNumberFn f)
      : name(n), level_number(f) {}
  constexpr Property(std::string_view n, TextFn f) : name(n), text(f) {}
  constexpr Property(std::string_view n, LevelTextFn f)
      : name(n), level_text(f) {}

  bool per_level() const {
    return level_number != nullptr || level_text != nullptr;
  }
  bool is_number() const {
    return number != nullptr || member != nullptr || level_number != nullptr;
  }
  // As people read it: "num-files-at-level<N>".
  std::string Shown() const {
    return absl::StrCat(ToAbsl(name), per_level() ? "<N>" : "");
  }

  std::string_view name;
  // One of these.
  NumberFn number = nullptr;
  uint64_t Metrics::*member = nullptr;
  LevelNumberFn level_number = nullptr;
  TextFn text = nullptr;
  LevelTextFn level_text = nullptr;
};

std::string Stats(const PropertySource& s) { return StatsText(s.metrics); }
std::string Stalls(const PropertySource& s) { return StallsText(s.metrics); }
std::string ListProperties(const PropertySource&);

// RocksDB's readers know -1 as "no tables".
std::string RatioOfLevel(const PropertySource& s, int level) {
  const LevelMetrics& metrics = s.metrics.levels[static_cast<size_t>(level)];
  if (metrics.bytes == 0) return "-1";
  return absl::StrFormat("%.3f", metrics.CompressionRatio());
}

uint64_t SealedMemtables(const PropertySource& s) {
  return s.metrics.memtables > 0 ? s.metrics.memtables - 1 : 0;
}
uint64_t SealedEntries(const PropertySource& s) {
  return s.metrics.memtable_entries -
         std::min(s.metrics.memtable_entries,
                  s.metrics.active_memtable_entries);
}
uint64_t MemoryUsage(const PropertySource& s) {
  return s.metrics.memtable_bytes + s.metrics.block_cache_usage +
         s.metrics.table_memory_bytes + s.metrics.table_metadata_bytes;
}
uint64_t AllTableBytes(const PropertySource& s) {
  return s.metrics.table_bytes + s.metrics.obsolete_bytes;
}
uint64_t FlushPending(const PropertySource& s) {
  return s.metrics.flush_pending;
}
uint64_t CompactionPending(const PropertySource& s) {
  return s.metrics.compaction_pending;
}
uint64_t WritesStopped(const PropertySource& s) {
  return s.metrics.writes_stopped;
}
uint64_t TablesOfLevel(const LevelMetrics& level) { return level.tables; }
uint64_t BytesOfLevel(const LevelMetrics& level) { return level.bytes; }

const std::vector<Property>& Properties() {
  // Never destroyed. A text says something of the whole; then the numbers.
  static const auto* properties = new std::vector<Property>{
      {"stats", Stats},
      {"cfstats", Stats},
      {"cfstats-no-file-histogram", Stats},
      {"dbstats", Stats},
      {"cf-write-stall-stats", Stalls},
      {"db-write-stall-stats", Stalls},
      {"levelstats",
       [](const PropertySource& s) { return LevelsText(s.metrics); }},
      {"shape", [](const PropertySource& s) { return ShapeText(s.metrics); }},
      {"sstables",
       [](const PropertySource& s) { return TablesText(s.version); }},
      {"aggregated-table-properties",
       [](const PropertySource& s) { return AggregatedText(s.version, -1); }},
      {"aggregated-table-properties-at-level",
       [](const PropertySource& s, int level) {
         return AggregatedText(s.version, level);
       }},
      {"compression-ratio-at-level", RatioOfLevel},
      {"properties", ListProperties},

      {"num-files-at-level", TablesOfLevel},
      {"size-at-level", BytesOfLevel},
      {"base-level", &Metrics::base_level},
      {"estimate-num-keys", &Metrics::estimated_keys},
      {"estimate-live-data-size", &Metrics::estimated_live_bytes},
      {"live-sst-files-size", &Metrics::table_bytes},
      {"obsolete-sst-files-size", &Metrics::obsolete_bytes},
      {"total-sst-files-size", AllTableBytes},
      {"num-live-versions", &Metrics::live_versions},
      {"num-open-tables", &Metrics::open_tables},
      {"estimate-table-readers-mem", &Metrics::table_memory_bytes},
      {"block-cache-capacity", &Metrics::block_cache_capacity},
      {"block-cache-usage", &Metrics::block_cache_usage},
      {"approximate-memory-usage", MemoryUsage},
      {"cur-size-active-mem-table", &Metrics::active_memtable_bytes},
      {"cur-size-all-mem-tables", &Metrics::memtable_bytes},
      {"size-all-mem-tables", &Metrics::memtable_bytes},
      {"num-immutable-mem-table", SealedMemtables},
      {"num-entries-active-mem-table", &Metrics::active_memtable_entries},
      {"num-entries-imm-mem-tables", SealedEntries},
      {"mem-table-flush-pending", FlushPending},
      {"num-running-flushes", &Metrics::running_flushes},
      {"compaction-pending", CompactionPending},
      {"num-running-compactions", &Metrics::running_compactions},
      {"estimate-pending-compaction-bytes", &Metrics::pending_compaction_bytes},
      {"background-errors", &Metrics::background_errors},
      {"is-write-stopped", WritesStopped},
      {"actual-delayed-write-rate", &Metrics::delayed_write_rate},
      {"min-log-number-to-keep", &Metrics::min_log_number},
      {"num-wal-files", &Metrics::wal_files},
      {"wal-files-size", &Metrics::wal_file_bytes},
      {"num-open-iterators", &Metrics::open_iterators},
      {"num-snapshots", &Metrics::snapshots},
      {"oldest-snapshot-sequence", &Metrics::oldest_snapshot_sequence},
  };
  return *properties;
}

std::string ListProperties(const PropertySource&) {
  std::string text;
  for (const Property& property : Properties()) {
    absl::StrAppend(&text, ToAbsl(kOurPrefix), property.Shown(),
                    property.is_number() ? "  number\n" : "  text\n");
  }
  return text;
}

// --- Names

// How many bytes must be added, taken away or changed to come from a to b.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

struct Name {
  std::string_view prefix;  // With its dot; ours if the name has none we know.
  std::string_view rest;
  bool known_prefix = false;
};

Name Split(std::string_view name) {
  for (const std::string_view prefix : kPrefixes) {
    if (name.substr(0, prefix.size()) == prefix) {
      return {prefix, name.substr(prefix.size()), true};
    }
  }
  return {kOurPrefix, name, false};
}

absl::Status NoSuchProperty(std::string_view name) {
  // A name from elsewhere may be of any length; ours are below 64.
  const Name parts = Split(name.substr(0, 64));
  const Property* nearest = nullptr;
  size_t least = SIZE_MAX;
  for (const Property& property : Properties()) {
    const size_t distance = EditDistance(parts.rest, property.name);
    if (distance < least) {
      least = distance;
      nearest = &property;
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("no property \"", Escape(name), "\"; the nearest is \"",
                   ToAbsl(parts.prefix), nearest->Shown(),
                   "\", and \"lissom.properties\" lists all"));
}

struct Found {
  const Property* property = nullptr;
  int level = -1;
};

absl::StatusOr<Found> Find(std::string_view name) {
  const Name parts = Split(name);
  if (!parts.known_prefix) return NoSuchProperty(name);
  for (const Property& property : Properties()) {
    if (!property.per_level()) {
      if (parts.rest == property.name) return Found{&property};
      continue;
    }
    if (parts.rest.substr(0, property.name.size()) != property.name) continue;
    const std::string_view level = parts.rest.substr(property.name.size());
    if (level.size() == 1 && level[0] >= '0' &&
        level[0] < '0' + Version::kLevels) {
      return Found{&property, level[0] - '0'};
    }
    return absl::InvalidArgumentError(absl::StrCat("property \"", Escape(name),
                                                   "\": levels are 0 to ",
                                                   Version::kLevels - 1));
  }
  return NoSuchProperty(name);
}

// Requires: a number.
uint64_t NumberOf(const Found& found, const PropertySource& source) {
  const Property& property = *found.property;
  if (property.member != nullptr) return source.metrics.*property.member;
  if (property.number != nullptr) return property.number(source);
  return property.level_number(
      source.metrics.levels[static_cast<size_t>(found.level)]);
}

}  // namespace

absl::StatusOr<std::string> PropertyText(std::string_view name,
                                         const PropertySource& source) {
  LISSOM_ASSIGN_OR_RETURN(const Found found, Find(name));
  const Property& property = *found.property;
  if (property.is_number()) return absl::StrCat(NumberOf(found, source));
  if (property.text != nullptr) return property.text(source);
  return property.level_text(source, found.level);
}

absl::StatusOr<uint64_t> PropertyInt(std::string_view name,
                                     const PropertySource& source) {
  LISSOM_ASSIGN_OR_RETURN(const Found found, Find(name));
  if (!found.property->is_number()) {
    return absl::InvalidArgumentError(
        absl::StrCat("property \"", Escape(name),
                     "\" is text, not a number: ask GetProperty"));
  }
  return NumberOf(found, source);
}

}  // namespace lissom
