// What was counted is what Metrics says, each in its own place; and who is
// timed. The clock is manual: no latency here is one of this machine.
#include "db/metrics/metrics_recorder.h"

#include <barrier>
#include <memory>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "util/manual_clock.h"

namespace lissom {
namespace {

Metrics Read(const MetricsRecorder& recorder) {
  Metrics metrics;
  recorder.ReadInto(&metrics);
  return metrics;
}

// A recorder is some 100 KiB.
std::unique_ptr<MetricsRecorder> NewRecorder(
    Clock& clock, StatisticsLevel level = StatisticsLevel::kSampled) {
  return std::make_unique<MetricsRecorder>(level, clock);
}

TEST(MetricsRecorder, EachCounterHasAPlaceOfItsOwn) {
  ManualClock clock;
  const auto recorder = NewRecorder(clock);
  // The n-th counter is raised to n + 1.
  for (size_t i = 0; i < kCounters; ++i) {
    recorder->Add(static_cast<Counter>(i), i + 1);
  }
  const Metrics m = Read(*recorder);
  EXPECT_EQ(m.keys_written, 1u);
  EXPECT_EQ(m.batches_written, 2u);
  EXPECT_EQ(m.bytes_written, 3u);
  EXPECT_EQ(m.wal_writes, 4u);
  EXPECT_EQ(m.wal_bytes, 5u);
  EXPECT_EQ(m.wal_syncs, 6u);
  EXPECT_EQ(m.gets, 7u);
  EXPECT_EQ(m.multigets, 8u);
  EXPECT_EQ(m.multiget_keys, 9u);
  EXPECT_EQ(m.keys_found, 10u);
  EXPECT_EQ(m.keys_not_found, 11u);
  EXPECT_EQ(m.memtable_hits, 12u);
  EXPECT_EQ(m.filter_useful, 13u);
  EXPECT_EQ(m.filter_false_positives, 14u);
  EXPECT_EQ(m.iterators_created, 15u);
  EXPECT_EQ(m.seeks, 16u);
  EXPECT_EQ(m.nexts, 17u);
  EXPECT_EQ(m.background_errors, 18u);
  EXPECT_EQ(m.rate_limited_bytes, 19u);
  EXPECT_EQ(m.rate_limit_wait_micros, 20u);
  for (size_t level = 0; level < Metrics::kLevels; ++level) {
    EXPECT_EQ(m.levels[level].get_hits, 21 + level);
  }
}

TEST(MetricsRecorder, LosesNoCountAmongManyThreads) {
  constexpr uint64_t kThreads = 40;  // More than have a stripe of their own.
  constexpr uint64_t kTimes = 5'000;
  ManualClock clock;
  const auto recorder = NewRecorder(clock);
  std::barrier all(kThreads);  // Else the first would end before the last.
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      recorder->Add(Counter::kGets, 0);
      all.arrive_and_wait();
      for (uint64_t i = 0; i < kTimes; ++i) {
        MetricsRecorder::Local local = recorder->local();
        local.Add(Counter::kGets);
        local.Add(LevelHits(6), 2);
        LatencyTimer timer(*recorder, Operation::kGet);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const Metrics m = Read(*recorder);
  EXPECT_EQ(m.gets, kThreads * kTimes);
  EXPECT_EQ(m.levels[6].get_hits, 2 * kThreads * kTimes);
  EXPECT_GT(m.get_latency.count, kThreads * kTimes / 100);
}

TEST(MetricsRecorder, CompactionsCountForTheLevelTheyWrite) {
  ManualClock clock;
  const auto recorder = NewRecorder(clock);
  recorder->AddFlush(1000, absl::Microseconds(30));
  recorder->AddFlush(500, absl::Microseconds(20));
  recorder->AddCompaction({.output_level = 5,
                           .read_bytes = 700,
                           .written_bytes = 600,
                           .entries_in = 70,
                           .entries_out = 60,
                           .entries_dropped = 10,
                           .time = absl::Microseconds(9)});
  recorder->AddCompaction({.output_level = 0,
                           .read_bytes = 40,
                           .written_bytes = 30,
                           .entries_in = 4,
                           .entries_out = 3,
                           .entries_dropped = 1,
                           .time = absl::Microseconds(1)});
  recorder->AddMove(6, 2);
  const Metrics m = Read(*recorder);
  EXPECT_EQ(m.flushes, 2u);
  EXPECT_EQ(m.flush_bytes, 1500u);
  EXPECT_EQ(m.compactions, 2u);
  EXPECT_EQ(m.compaction_read_bytes, 740u);
  EXPECT_EQ(m.compaction_written_bytes, 630u);
  EXPECT_EQ(m.compaction_entries_in, 74u);
  EXPECT_EQ(m.compaction_entries_out, 63u);
  EXPECT_EQ(m.compaction_entries_dropped, 11u);
  EXPECT_EQ(m.levels[0].compactions, 3u);
  EXPECT_EQ(m.levels[0].read_bytes, 40u);
  EXPECT_EQ(m.levels[0].written_bytes, 1530u);
  EXPECT_EQ(m.levels[0].micros, 51u);
  EXPECT_EQ(m.levels[5].compactions, 1u);
  EXPECT_EQ(m.levels[5].written_bytes, 600u);
  EXPECT_EQ(m.levels[6].moves, 2u);
  EXPECT_EQ(m.levels[6].compactions, 0u);
}

TEST(MetricsRecorder, EveryStallCounts) {
  ManualClock clock;
  const auto recorder = NewRecorder(clock, StatisticsLevel::kOff);
  for (int i = 0; i < 99; ++i) {
    recorder->AddStall(StallCause::kLevel0Files, absl::Microseconds(8));
  }
  recorder->AddStall(StallCause::kLevel0Files, absl::Milliseconds(5));
  recorder->AddStall(StallCause::kWalSize, absl::Nanoseconds(400));
  const Metrics m = Read(*recorder);
  const StallMetrics& level0 = m.stall(StallCause::kLevel0Files);
  EXPECT_EQ(level0.count, 100u);
  EXPECT_EQ(level0.micros, 99u * 8 + 5000);
  EXPECT_GE(level0.p99_micros, 8u);
  EXPECT_LE(level0.p99_micros, 9u);
  EXPECT_EQ(level0.max_micros, 5000u);
  EXPECT_EQ(m.stall(StallCause::kWalSize).count, 1u);
  EXPECT_EQ(m.stall(StallCause::kWalSize).micros, 0u);
  EXPECT_EQ(m.stall(StallCause::kMemtables).count, 0u);
}

// Times `count` calls of a microsecond each.
void Time(MetricsRecorder& recorder, ManualClock& clock, Operation operation,
          int count) {
  for (int i = 0; i < count; ++i) {
    LatencyTimer timer(recorder, operation);
    clock.Advance(absl::Microseconds(1));
  }
}

TEST(LatencyTimer, MeasuresOnTheInjectedClock) {
  ManualClock clock;
  const auto recorder = NewRecorder(clock, StatisticsLevel::kAll);
  Time(*recorder, clock, Operation::kWrite, 998);
  for (const int millis : {2, 3}) {
    LatencyTimer timer(*recorder, Operation::kWrite);
    clock.Advance(absl::Milliseconds(millis));
  }
  const LatencySummary write = Read(*recorder).write_latency;
  EXPECT_EQ(write.count, 1000u);
  EXPECT_EQ(write.p50, 1023u);  // The end of the bucket of 1000 ns.
  EXPECT_EQ(write.p99, 1023u);
  EXPECT_GE(write.p999, 2'000'000u);
  EXPECT_LE(write.p999, 2'250'000u);
  EXPECT_EQ(write.max, 3'000'000u);
}

TEST(LatencyTimer, EachOperationHasItsSummary) {
  ManualClock clock;
  const auto recorder = NewRecorder(clock, StatisticsLevel::kAll);
  for (size_t i = 0; i < kOperations; ++i) {
    Time(*recorder, clock, static_cast<Operation>(i), static_cast<int>(i + 1));
  }
  const Metrics m = Read(*recorder);
  EXPECT_EQ(m.get_latency.count, 1u);
  EXPECT_EQ(m.multiget_latency.count, 2u);
  EXPECT_EQ(m.write_latency.count, 3u);
  EXPECT_EQ(m.seek_latency.count, 4u);
  EXPECT_EQ(m.wal_sync_latency.count, 5u);
  EXPECT_EQ(m.flush_latency.count, 6u);
  EXPECT_EQ(m.compaction_latency.count, 7u);
}

TEST(LatencyTimer, SamplesOneIn64OnAverage) {
  ManualClock clock;
  const auto recorder = NewRecorder(clock);
  constexpr int kCalls = 64'000;
  for (const Operation sampled : {Operation::kGet, Operation::kMultiGet,
                                  Operation::kWrite, Operation::kSeek}) {
    Time(*recorder, clock, sampled, kCalls);
  }
  const Metrics m = Read(*recorder);
  for (const LatencySummary& latency :
       {m.get_latency, m.multiget_latency, m.write_latency, m.seek_latency}) {
    EXPECT_GT(latency.count, 900u);
    EXPECT_LT(latency.count, 1100u);
  }
}

TEST(LatencyTimer, NoRhythmOfTheCallerHidesACase) {
  ManualClock clock;
  const auto recorder = NewRecorder(clock);
  // Which of 64 calls in turn is the one that is timed?
  std::set<int> timed;
  for (int i = 0; i < 64 * 64 * 20; ++i) {
    if (recorder->ShouldTime(Operation::kGet)) timed.insert(i % 64);
  }
  EXPECT_EQ(timed.size(), 64u);
}

TEST(LatencyTimer, TimesLongOperationsAlwaysUnlessOff) {
  ManualClock clock;
  for (const auto& [level, expected] :
       {std::pair(StatisticsLevel::kSampled, 10u),
        std::pair(StatisticsLevel::kAll, 10u),
        std::pair(StatisticsLevel::kOff, 0u)}) {
    const auto recorder = NewRecorder(clock, level);
    for (const Operation operation :
         {Operation::kWalSync, Operation::kFlush, Operation::kCompaction}) {
      Time(*recorder, clock, operation, 10);
    }
    const Metrics m = Read(*recorder);
    EXPECT_EQ(m.wal_sync_latency.count, expected);
    EXPECT_EQ(m.flush_latency.count, expected);
    EXPECT_EQ(m.compaction_latency.count, expected);
  }
}

TEST(LatencyTimer, TimesNothingWhenOff) {
  ManualClock clock;
  const auto recorder = NewRecorder(clock, StatisticsLevel::kOff);
  Time(*recorder, clock, Operation::kGet, 10'000);
  EXPECT_EQ(Read(*recorder).get_latency.count, 0u);
}

// Throws at the looks that it is told to.
class ThrowingClock final : public Clock {
 public:
  explicit ThrowingClock(std::set<int> looks) : looks_(std::move(looks)) {}
  absl::Time Now() override { return absl::UnixEpoch(); }
  absl::Duration Monotonic() override {
    if (looks_.count(++look_) != 0) throw std::runtime_error("no time");
    return absl::Seconds(look_);
  }

 private:
  const std::set<int> looks_;
  int look_ = 0;
};

TEST(LatencyTimer, AClockThatThrowsCostsTheSampleOnly) {
  ThrowingClock clock({1, 4, 5, 6});
  const auto recorder = NewRecorder(clock, StatisticsLevel::kAll);
  for (int i = 0; i < 4; ++i) {
    LatencyTimer timer(*recorder, Operation::kGet);
  }
  // Looks 1 and 2: no start. 3 and 4: no end. 5 and 6: neither. 7 and 8.
  const LatencySummary get = Read(*recorder).get_latency;
  EXPECT_EQ(get.count, 1u);
  EXPECT_EQ(get.max, 1'000'000'000u);
}

// Goes backwards, which it promised not to.
class BackwardsClock final : public Clock {
 public:
  absl::Time Now() override { return absl::UnixEpoch(); }
  absl::Duration Monotonic() override { return now_ -= absl::Seconds(1); }

 private:
  absl::Duration now_ = absl::ZeroDuration();
};

TEST(LatencyTimer, AClockThatGoesBackCountsAsNoTime) {
  BackwardsClock clock;
  const auto recorder = NewRecorder(clock, StatisticsLevel::kAll);
  { LatencyTimer timer(*recorder, Operation::kSeek); }
  EXPECT_EQ(Read(*recorder).seek_latency.count, 1u);
  EXPECT_EQ(Read(*recorder).seek_latency.max, 0u);
}

}  // namespace
}  // namespace lissom
