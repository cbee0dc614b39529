// What do hash and checksum of keys and blocks cost?
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "util/hash.h"
#include "util/random.h"

namespace lissom {
namespace {

std::string RandomBytes(size_t size) {
  Random random(1);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random.Next());
  return bytes;
}

// What does a key's or block's hash cost, whose bytes are in the first cache?
void BM_Hash_Hash64(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  const std::string bytes = RandomBytes(size + 64);
  size_t at = 0;
  for (auto _ : state) {
    at = (at + 1) % 64;  // Keys begin anywhere.
    benchmark::DoNotOptimize(Hash64({bytes.data() + at, size}));
  }
  state.SetBytesProcessed(static_cast<int64_t>(size) * state.iterations());
}
BENCHMARK(BM_Hash_Hash64)
    ->ArgName("bytes")
    ->Arg(8)
    ->Arg(16)
    ->Arg(64)
    ->Arg(4096)
    ->Arg(65536);

// What does it cost when the bytes come in two pieces, as a record's do?
void BM_Hash_TwoPieces(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  const std::string bytes = RandomBytes(size + 8);
  const std::vector<std::string_view> pieces = {
      std::string_view(bytes).substr(0, 8), std::string_view(bytes).substr(8)};
  for (auto _ : state) benchmark::DoNotOptimize(Hash64(pieces, 7));
  state.SetBytesProcessed(static_cast<int64_t>(bytes.size()) *
                          state.iterations());
}
BENCHMARK(BM_Hash_TwoPieces)->ArgName("bytes")->Arg(128)->Arg(4096);

}  // namespace
}  // namespace lissom

BENCHMARK_MAIN();
