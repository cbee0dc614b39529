#include "tests/stress/curve.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/tools/terminal.h"
#include "tests/stress/violation.h"
#include "util/strings.h"

namespace lissom::stress {
namespace {

constexpr size_t kPlotWidth = 72;
constexpr int kPlotHeight = 14;

double MiB(uint64_t bytes) { return static_cast<double>(bytes) / 1048576.0; }

}  // namespace

uint64_t ResidentBytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  uint64_t size = 0;
  uint64_t resident = 0;
  const int read = std::fscanf(file, "%" SCNu64 " %" SCNu64, &size, &resident);
  std::fclose(file);
  return read == 2 ? resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE))
                   : 0;
}

uint64_t MostResidentBytes() {
  std::FILE* const file = std::fopen("/proc/self/status", "re");
  if (file == nullptr) return 0;
  char line[256];
  uint64_t kib = 0;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::sscanf(line, "VmHWM: %" SCNu64, &kib) == 1) break;
  }
  std::fclose(file);
  return kib * 1024;
}

Curve::Curve(const Session& session, Tally& tally)
    : session_(session),
      tally_(tally),
      baseline_(ResidentBytes()),
      start_(std::chrono::steady_clock::now()) {
  const std::string& path = session.flags().curve;
  if (path.empty()) return;
  file_ = std::fopen(path.c_str(), "we");
  if (file_ == nullptr) Report({"--curve", path, "a file", "no such place"});
  std::fprintf(file_,
               "seconds,resident,budget,memtables,cache,cache_capacity,"
               "tables_open,table_memory,iterators,snapshots,versions,"
               "compactions_running,flushes_running,wal_bytes,table_bytes,"
               "obsolete_bytes,operations,heap_used,heap_free,heap_mapped\n");
}

Curve::~Curve() {
  if (file_ != nullptr) std::fclose(file_);
}

double Curve::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                       start_)
      .count();
}

Metrics Curve::NoteEngine(const Lease& lease) {
  if (lease.db == nullptr) return {};
  MutexLock lock(mu_);
  const Metrics now = lease.db->GetMetrics();
  if (lease.round != engine_round_) engine_ = {};
  tally_.AddEngine(engine_, now);
  engine_ = now;
  engine_round_ = lease.round;
  return now;
}

void Curve::Sample() {
  // Less than before: what the program had is partly gone.
  const uint64_t all = ResidentBytes();
  const Point point{seconds(), all > baseline_ ? all - baseline_ : 0};
  points_.push_back(point);
  const uint64_t most = MostResidentBytes();
  tally_.NoteMemory(most > baseline_ ? most - baseline_ : 0);
  const Metrics metrics = NoteEngine(session_.Peek());
  if (file_ != nullptr) WriteRow(point, metrics);
  ShowProgress(point, metrics);
}

void Curve::WriteRow(const Point& point, const Metrics& m) {
  std::fprintf(file_, "%.1f,%" PRIu64 ",%" PRIu64, point.seconds,
               point.resident, session_.flags().memory_budget);
  // Of all the allocator's arenas: given out, kept for later, and mappings of
  // their own for what is large.
  const struct mallinfo2 heap = mallinfo2();
  for (const uint64_t number :
       {m.memtable_bytes, m.block_cache_usage, m.block_cache_capacity,
        m.open_tables, m.table_memory_bytes, m.open_iterators, m.snapshots,
        m.live_versions, m.running_compactions, m.running_flushes,
        m.wal_file_bytes, m.table_bytes, m.obsolete_bytes, tally_.Operations(),
        uint64_t{heap.uordblks}, uint64_t{heap.fordblks},
        uint64_t{heap.hblkhd}}) {
    std::fprintf(file_, ",%" PRIu64, number);
  }
  std::fprintf(file_, "\n");
  std::fflush(file_);
}

void Curve::ShowProgress(const Point& point, const Metrics& metrics) {
  static const bool terminal = isatty(STDOUT_FILENO) == 1;
  if (!terminal && points_.size() % 30 != 0) return;
  std::string line = absl::StrFormat(
      "%5.0f s  %s operations, %s answers checked, memory %.1f MiB",
      point.seconds, tools::WithCommas(tally_.Operations()),
      tools::WithCommas(tally_.Get(Count::kKeysChecked)), MiB(point.resident));
  if (session_.flags().memory_budget != 0) {
    absl::StrAppendFormat(
        &line, " (%.2f of the budget)",
        static_cast<double>(point.resident) /
            static_cast<double>(session_.flags().memory_budget));
  }
  absl::StrAppend(&line, ", tables ", ToAbsl(BytesText(metrics.table_bytes)));
  std::printf(terminal ? "\r\033[K%s" : "%s\n", line.c_str());
  std::fflush(stdout);
}

std::string Curve::Plot() const {
  if (points_.empty()) return "";
  const uint64_t budget = session_.flags().memory_budget;
  uint64_t most = budget + budget / 5;
  for (const Point& point : points_) most = std::max(most, point.resident);
  // The highest of each column's seconds.
  std::vector<uint64_t> columns(std::min(kPlotWidth, points_.size()));
  for (size_t i = 0; i < points_.size(); ++i) {
    uint64_t& column = columns[i * columns.size() / points_.size()];
    column = std::max(column, points_[i].resident);
  }
  const auto row_of = [&](uint64_t bytes) {
    return static_cast<int>(bytes * kPlotHeight / (most + 1));
  };
  std::string plot = "memory of the process, without what it had before\n";
  for (int row = kPlotHeight - 1; row >= 0; --row) {
    const double label =
        MiB(most) * (static_cast<double>(row) + 1) / kPlotHeight;
    const bool at_limit = budget != 0 && row == row_of(budget + budget / 5);
    const bool at_budget = budget != 0 && row == row_of(budget);
    absl::StrAppendFormat(&plot, "%8.1f MiB |", label);
    for (const uint64_t column : columns) {
      plot += row_of(column) >= row ? '#' : at_limit || at_budget ? '-' : ' ';
    }
    plot += at_limit ? " 1.2 x budget" : at_budget ? " budget" : "";
    plot += '\n';
  }
  absl::StrAppendFormat(&plot, "%13s+%s\n%14s0 to %.0f s\n", "",
                        std::string(columns.size(), '-'), "",
                        points_.back().seconds);
  return plot;
}

}  // namespace lissom::stress
