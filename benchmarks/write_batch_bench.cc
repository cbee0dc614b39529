// What does a WriteBatch cost a change? Keys of 16 bytes.
#include <string>

#include "absl/status/status.h"
#include "benchmark/benchmark.h"
#include "lissom/write_batch.h"

namespace lissom {
namespace {

WriteBatch BatchOf(int64_t puts, size_t value_bytes) {
  WriteBatch batch;
  const std::string value(value_bytes, 'v');
  for (int64_t i = 0; i < puts; ++i) batch.Put("0123456789abcdef", value);
  return batch;
}

// What does it cost to add a put, into memory that is there already?
void BM_WriteBatch_Put(benchmark::State& state) {
  const int64_t puts = state.range(0);
  const std::string value(static_cast<size_t>(state.range(1)), 'v');
  WriteBatch batch;
  for (auto _ : state) {
    batch.Clear();
    for (int64_t i = 0; i < puts; ++i) batch.Put("0123456789abcdef", value);
    benchmark::DoNotOptimize(batch);
  }
  state.SetItemsProcessed(puts * state.iterations());
  state.SetBytesProcessed(puts * (16 + state.range(1)) * state.iterations());
}
BENCHMARK(BM_WriteBatch_Put)
    ->ArgNames({"puts", "value_bytes"})
    ->ArgsProduct({{1, 100}, {100, 1000}});

// What does it cost to walk a batch, as each insert into a memtable does?
void BM_WriteBatch_Iterate(benchmark::State& state) {
  class Counter final : public WriteBatch::Handler {
   public:
    absl::Status Put(std::string_view key, std::string_view value) override {
      bytes += key.size() + value.size();
      return absl::OkStatus();
    }
    absl::Status Delete(std::string_view key) override {
      bytes += key.size();
      return absl::OkStatus();
    }
    size_t bytes = 0;
  };
  const WriteBatch batch = BatchOf(state.range(0), 100);
  Counter counter;
  for (auto _ : state) {
    if (!batch.Iterate(&counter).ok()) state.SkipWithError("no batch");
  }
  benchmark::DoNotOptimize(counter.bytes);
  state.SetItemsProcessed(state.range(0) * state.iterations());
}
BENCHMARK(BM_WriteBatch_Iterate)->ArgName("puts")->Arg(1)->Arg(100);

}  // namespace
}  // namespace lissom

BENCHMARK_MAIN();
