// What does a question to a filter cost, and a key added to one?
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "table/bloom_filter.h"
#include "util/random.h"

namespace lissom {
namespace {

std::vector<uint64_t> RandomHashes(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<uint64_t> hashes(count);
  for (uint64_t& hash : hashes) hash = random.Next();
  return hashes;
}

// Absent keys, in a filter that fits the first cache (10 k keys) or not (10 M).
void BM_Filter_Absent(benchmark::State& state) {
  const auto bits = static_cast<double>(state.range(1));
  std::string bytes;
  AppendBloomFilter(RandomHashes(static_cast<size_t>(state.range(0)), 1), bits,
                    BloomProbes(bits), &bytes);
  BloomFilterView filter;
  if (filter.Parse(bytes) != nullptr) state.SkipWithError("no filter");
  const auto asked = RandomHashes(1 << 16, 2);
  size_t i = 0;
  size_t passed = 0;
  for (auto _ : state) {
    passed += filter.MayContain(asked[i]) ? 1 : 0;
    i = (i + 1) % asked.size();
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["passed_percent"] = 100.0 * static_cast<double>(passed) /
                                     static_cast<double>(state.iterations());
}
BENCHMARK(BM_Filter_Absent)
    ->ArgNames({"keys", "bits"})
    ->ArgsProduct({{10'000, 10'000'000}, {10, 14, 20}});

// A filter of a partition's keys.
void BM_Filter_Build(benchmark::State& state) {
  const auto bits = static_cast<double>(state.range(0));
  const auto hashes = RandomHashes(20'000, 1);
  const int probes = BloomProbes(bits);
  std::string bytes;
  for (auto _ : state) {
    bytes.clear();
    AppendBloomFilter(hashes, bits, probes, &bytes);
    benchmark::DoNotOptimize(bytes.data());
  }
  state.SetItemsProcessed(state.iterations() *
                          static_cast<int64_t>(hashes.size()));
}
BENCHMARK(BM_Filter_Build)->ArgName("bits")->Arg(10)->Arg(20);

}  // namespace
}  // namespace lissom

BENCHMARK_MAIN();
