#include "tests/stress/tally.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/tools/terminal.h"
#include "util/strings.h"

namespace lissom::stress {
namespace {

using tools::WithCommas;

constexpr std::array<std::string_view, static_cast<size_t>(Count::kCount)>
    kNames = {"Put",
              "Delete",
              "Write of a batch",
              "Get",
              "MultiGet",
              "scan of a range",
              "moves of iterators",
              "scan of sets at a snapshot",
              "range read again at a snapshot",
              "range read again by an iterator",
              "Refresh",
              "Flush",
              "SyncWal",
              "CompactRange",
              "CompactRange, cancelled",
              "VerifyChecksums",
              "metrics and properties",
              "OpenReadOnly beside the writer",
              "close and reopen",
              "close in the midst of calls",
              "kill -9",
              "writes without the log",
              "writes refused, nothing written",
              "writes that a close ended",
              "reads not in memory",
              "reads past their deadline",
              "moves that gave up",
              "keys looked at after recovery",
              "slots set back by a kill (no log)",
              "answers checked",
              "bytes written",
              "bytes read"};

std::string OperationsText(const Tally& tally, double seconds) {
  tools::Table table({"what", "count", "a second"});
  for (size_t i = 0; i < kNames.size(); ++i) {
    const auto what = static_cast<Count>(i);
    const uint64_t count = tally.Get(what);
    if (what == Count::kUnlogged || what == Count::kKeysChecked) {
      table.AddLine();
    }
    if (count == 0) continue;
    const double rate = static_cast<double>(count) / std::max(seconds, 1e-3);
    table.AddRow({std::string(kNames[i]), WithCommas(count),
                  rate < 10 ? absl::StrFormat("%.2f", rate)
                            : WithCommas(static_cast<uint64_t>(rate))});
  }
  return table.ToString();
}

}  // namespace

uint64_t Tally::Operations() const {
  uint64_t sum = 0;
  for (size_t i = 0; i < static_cast<size_t>(Count::kUnlogged); ++i) {
    sum += counts_[i].load(std::memory_order_relaxed);
  }
  return sum;
}

void Tally::AddEngine(const Metrics& before, const Metrics& now) {
  flushes_ += now.flushes - before.flushes;
  flush_bytes_ += now.flush_bytes - before.flush_bytes;
  compactions_ += now.compactions - before.compactions;
  compaction_bytes_ +=
      now.compaction_read_bytes + now.compaction_written_bytes -
      before.compaction_read_bytes - before.compaction_written_bytes;
  dropped_ +=
      now.compaction_entries_dropped - before.compaction_entries_dropped;
  background_errors_ += now.background_errors - before.background_errors;
  for (size_t i = 0; i < kStallCauses; ++i) {
    stalls_[i].count += now.stalls[i].count - before.stalls[i].count;
    stalls_[i].micros += now.stalls[i].micros - before.stalls[i].micros;
  }
}

void Tally::NoteMemory(uint64_t bytes) {
  uint64_t most = most_memory_.load();
  while (most < bytes && !most_memory_.compare_exchange_weak(most, bytes)) {
  }
}

std::string Tally::ToString(double seconds) const {
  std::string text = OperationsText(*this, seconds);
  absl::StrAppend(&text, "flushes ", WithCommas(flushes_), " (",
                  ToAbsl(BytesText(flush_bytes_)), "), compactions ",
                  WithCommas(compactions_), " (read and written ",
                  ToAbsl(BytesText(compaction_bytes_)), ", entries dropped ",
                  WithCommas(dropped_), "), failed jobs ",
                  background_errors_.load(), "\n");
  for (size_t i = 0; i < kStallCauses; ++i) {
    if (stalls_[i].count == 0) continue;
    absl::StrAppend(
        &text, "waits for ", ToAbsl(StallCauseName(static_cast<StallCause>(i))),
        ": ", WithCommas(stalls_[i].count), ", together ",
        absl::StrFormat("%.1f s\n",
                        static_cast<double>(stalls_[i].micros) / 1e6));
  }
  return text;
}

}  // namespace lissom::stress
