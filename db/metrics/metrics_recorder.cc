#include "db/metrics/metrics_recorder.h"

#include <algorithm>

#include "util/guarded.h"

namespace lissom {
namespace {

// Gaps are drawn from 0 to twice the interval, exclusively.
constexpr uint32_t kInterval = 64;
constexpr int kGapBits = 7;
static_assert(1 << kGapBits == 2 * kInterval);

uint32_t IntervalOf(StatisticsLevel level) {
  switch (level) {
    case StatisticsLevel::kOff:
      return 0;
    case StatisticsLevel::kSampled:
      return kInterval;
    case StatisticsLevel::kAll:
      return 1;
  }
  return 0;
}

void Increase(std::atomic<uint64_t>& value, uint64_t n) {
  value.fetch_add(n, std::memory_order_relaxed);
}
uint64_t Get(const std::atomic<uint64_t>& value) {
  return value.load(std::memory_order_relaxed);
}

// A clock that was mended or thrown at must not make an age of a moment.
uint64_t Nanos(absl::Duration time) {
  if (time == absl::InfiniteDuration()) return 0;
  return static_cast<uint64_t>(
      std::max<int64_t>(absl::ToInt64Nanoseconds(time), 0));
}
uint64_t Micros(absl::Duration time) { return Nanos(time) / 1000; }

LatencySummary Summary(const LatencyHistogram& histogram) {
  return {.count = histogram.count(),
          .p50 = histogram.Percentile(50),
          .p90 = histogram.Percentile(90),
          .p99 = histogram.Percentile(99),
          .p999 = histogram.Percentile(99.9),
          .max = histogram.max()};
}

// Operations of many threads get several stripes each.
std::array<ConcurrentLatencyHistogram, kOperations> NewHistograms() {
  constexpr size_t kMany = 4;
  using Histogram = ConcurrentLatencyHistogram;
  return {Histogram(kMany), Histogram(kMany), Histogram(kMany),
          Histogram(kMany), Histogram(1),     Histogram(1),
          Histogram(1)};
}

}  // namespace

MetricsRecorder::MetricsRecorder(StatisticsLevel level, Clock& clock)
    : interval_(IntervalOf(level)), clock_(clock), latencies_(NewHistograms()) {
  // Each stripe begins elsewhere in its rhythm; the seed is fixed so that a
  // simulated run looks at the clock at the same calls each time.
  uint32_t seed = 1;
  stripes_.ForEach([&](Stripe& stripe) {
    stripe.random.store(seed += 0x9e3779b9, std::memory_order_relaxed);
    for (std::atomic<uint32_t>& left : stripe.countdown) {
      left.store(DrawGap(stripe), std::memory_order_relaxed);
    }
  });
}

uint32_t MetricsRecorder::DrawGap(Stripe& stripe) {
  // A linear congruential generator: its high bits are random enough.
  const uint32_t next =
      stripe.random.load(std::memory_order_relaxed) * 1664525 + 1013904223;
  stripe.random.store(next, std::memory_order_relaxed);
  return next >> (32 - kGapBits);
}

absl::Duration MetricsRecorder::Now() const noexcept {
  absl::Duration now = absl::InfiniteDuration();
  Quietly([&] { now = clock_.Monotonic(); });
  return now;
}

void MetricsRecorder::AddLatency(Operation operation, absl::Duration time) {
  // Infinite in either direction: a clock that threw at one end.
  if (time == absl::InfiniteDuration() || time == -absl::InfiniteDuration()) {
    return;
  }
  latencies_[static_cast<size_t>(operation)].Add(Nanos(time));
}

void MetricsRecorder::AddStall(StallCause cause, absl::Duration time) {
  StallFigures& figures = stalls_[static_cast<size_t>(cause)];
  Increase(figures.nanos, Nanos(time));
  figures.times.Add(Nanos(time));
}

void MetricsRecorder::AddFlush(uint64_t bytes, absl::Duration time) {
  Increase(flushes_, 1);
  Increase(flush_bytes_, bytes);
  LevelFigures& level = levels_[0];
  Increase(level.compactions, 1);
  Increase(level.written_bytes, bytes);
  Increase(level.micros, Micros(time));
}

void MetricsRecorder::AddCompaction(const Compaction& compaction) {
  LevelFigures& level = levels_[static_cast<size_t>(compaction.output_level)];
  Increase(level.compactions, 1);
  Increase(level.read_bytes, compaction.read_bytes);
  Increase(level.written_bytes, compaction.written_bytes);
  Increase(level.micros, Micros(compaction.time));
  Increase(compactions_, 1);
  Increase(read_bytes_, compaction.read_bytes);
  Increase(written_bytes_, compaction.written_bytes);
  Increase(entries_in_, compaction.entries_in);
  Increase(entries_out_, compaction.entries_out);
  Increase(entries_dropped_, compaction.entries_dropped);
}

void MetricsRecorder::AddMove(int level, uint64_t tables) {
  Increase(levels_[static_cast<size_t>(level)].moves, tables);
}

uint64_t MetricsRecorder::Sum(Counter counter) const {
  uint64_t sum = 0;
  stripes_.ForEach([&](const Stripe& stripe) {
    sum += Get(stripe.counters[static_cast<size_t>(counter)]);
  });
  return sum;
}

void MetricsRecorder::ReadInto(Metrics* metrics) const {
  ReadCounters(metrics);
  ReadLevels(metrics);
  for (size_t i = 0; i < stalls_.size(); ++i) {
    const LatencyHistogram times = stalls_[i].times.Read();
    metrics->stalls[i] = {.count = times.count(),
                          .micros = Get(stalls_[i].nanos) / 1000,
                          .p99_micros = times.Percentile(99) / 1000,
                          .max_micros = times.max() / 1000};
  }
  const std::array<LatencySummary*, kOperations> summaries = {
      &metrics->get_latency,       &metrics->multiget_latency,
      &metrics->write_latency,     &metrics->seek_latency,
      &metrics->wal_sync_latency,  &metrics->flush_latency,
      &metrics->compaction_latency};
  for (size_t i = 0; i < summaries.size(); ++i) {
    *summaries[i] = Summary(latencies_[i].Read());
  }
}

void MetricsRecorder::ReadCounters(Metrics* metrics) const {
  const std::array<uint64_t*, static_cast<size_t>(Counter::kLevelHits)> values =
      {&metrics->keys_written,
       &metrics->batches_written,
       &metrics->bytes_written,
       &metrics->wal_writes,
       &metrics->wal_bytes,
       &metrics->wal_syncs,
       &metrics->gets,
       &metrics->multigets,
       &metrics->multiget_keys,
       &metrics->keys_found,
       &metrics->keys_not_found,
       &metrics->memtable_hits,
       &metrics->filter_useful,
       &metrics->filter_false_positives,
       &metrics->iterators_created,
       &metrics->seeks,
       &metrics->nexts,
       &metrics->background_errors,
       &metrics->rate_limited_bytes,
       &metrics->rate_limit_wait_micros};
  for (size_t i = 0; i < values.size(); ++i) {
    *values[i] = Sum(static_cast<Counter>(i));
  }
  metrics->flushes = Get(flushes_);
  metrics->flush_bytes = Get(flush_bytes_);
  metrics->compactions = Get(compactions_);
  metrics->compaction_read_bytes = Get(read_bytes_);
  metrics->compaction_written_bytes = Get(written_bytes_);
  metrics->compaction_entries_in = Get(entries_in_);
  metrics->compaction_entries_out = Get(entries_out_);
  metrics->compaction_entries_dropped = Get(entries_dropped_);
}

void MetricsRecorder::ReadLevels(Metrics* metrics) const {
  for (size_t i = 0; i < levels_.size(); ++i) {
    const LevelFigures& from = levels_[i];
    LevelMetrics& to = metrics->levels[i];
    to.get_hits = Sum(LevelHits(static_cast<int>(i)));
    to.compactions = Get(from.compactions);
    to.moves = Get(from.moves);
    to.read_bytes = Get(from.read_bytes);
    to.written_bytes = Get(from.written_bytes);
    to.micros = Get(from.micros);
  }
}

}  // namespace lissom
