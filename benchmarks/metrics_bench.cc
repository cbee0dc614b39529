// What does counting cost a call? Threads run on the machine's cores; the
// figure is a thread's own time.
#include <cstdint>
#include <memory>

#include "benchmark/benchmark.h"
#include "db/metrics/metrics_recorder.h"

namespace lissom {
namespace {

const std::shared_ptr<Clock>& SystemClock() {
  static const auto* clock = new std::shared_ptr<Clock>(Clock::System());
  return *clock;
}
MetricsRecorder& Recorder(StatisticsLevel level) {
  static auto* sampled =
      new MetricsRecorder(StatisticsLevel::kSampled, *SystemClock());
  static auto* all = new MetricsRecorder(StatisticsLevel::kAll, *SystemClock());
  return level == StatisticsLevel::kAll ? *all : *sampled;
}

// A counter, raised by one.
void BM_Metrics_Add(benchmark::State& state) {
  MetricsRecorder& recorder = Recorder(StatisticsLevel::kSampled);
  for (auto _ : state) {
    recorder.Add(Counter::kNexts);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_Metrics_Add)->Threads(1)->Threads(2);

// The four counters of a Get.
void BM_Metrics_AddFour(benchmark::State& state) {
  MetricsRecorder& recorder = Recorder(StatisticsLevel::kSampled);
  for (auto _ : state) {
    MetricsRecorder::Local local = recorder.local();
    local.Add(Counter::kGets);
    local.Add(Counter::kKeysFound);
    local.Add(LevelHits(6));
    local.Add(Counter::kFilterUseful, 2);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_Metrics_AddFour)->Threads(1)->Threads(2);

// The decision that a call is not timed (and each 64th time that it is).
void BM_Metrics_ShouldTime(benchmark::State& state) {
  MetricsRecorder& recorder = Recorder(StatisticsLevel::kSampled);
  for (auto _ : state) {
    benchmark::DoNotOptimize(recorder.ShouldTime(Operation::kGet));
  }
}
BENCHMARK(BM_Metrics_ShouldTime)->Threads(1)->Threads(2);

// A timer around nothing: sampled, its price is spread over all calls; all, it
// is the price of two looks at the clock and of the histogram.
void BM_Metrics_Timer(benchmark::State& state) {
  MetricsRecorder& recorder =
      Recorder(static_cast<StatisticsLevel>(state.range(0)));
  for (auto _ : state) {
    LatencyTimer timer(recorder, Operation::kGet);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_Metrics_Timer)
    ->ArgName("level")
    ->Arg(static_cast<int64_t>(StatisticsLevel::kSampled))
    ->Arg(static_cast<int64_t>(StatisticsLevel::kAll))
    ->Threads(1)
    ->Threads(2);

// Reading all of it.
void BM_Metrics_Read(benchmark::State& state) {
  for (auto _ : state) {
    Metrics metrics;
    Recorder(StatisticsLevel::kSampled).ReadInto(&metrics);
    benchmark::DoNotOptimize(metrics);
  }
}
BENCHMARK(BM_Metrics_Read)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace lissom

BENCHMARK_MAIN();
