// What does it cost to use a shared object without owning it? The figure is a
// thread's own time.
#include "benchmark/benchmark.h"
#include "util/epoch.h"
#include "util/ref_counted.h"

namespace lissom {
namespace {

class Object final : public RefCounted {};

// What does a guard cost, alone and beside others?
void BM_Epoch_Guard(benchmark::State& state) {
  for (auto _ : state) {
    EpochGuard guard;
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_Epoch_Guard)->Threads(1)->Threads(2);

// And one inside another?
void BM_Epoch_NestedGuard(benchmark::State& state) {
  EpochGuard outer;
  for (auto _ : state) {
    EpochGuard guard;
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_Epoch_NestedGuard);

// What would a counted reference to one shared object cost instead?
void BM_Epoch_CountedReference(benchmark::State& state) {
  static const Ref<const Object> shared = MakeRef<Object>();
  for (auto _ : state) {
    const Ref<const Object> reference = shared;
    benchmark::DoNotOptimize(reference.get());
  }
}
BENCHMARK(BM_Epoch_CountedReference)->Threads(1)->Threads(2);

}  // namespace
}  // namespace lissom

BENCHMARK_MAIN();
