// What does a user's iterator cost, all layers together? A database in memory,
// all blocks in the cache, keys of 16 bytes, values of 100. The parameter is
// the number of sorted runs that a step has to merge: tables of level 0, and
// with 0 one memtable.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "lissom/db.h"
#include "util/memory_file_system.h"
#include "util/random.h"

namespace lissom {
namespace {

constexpr uint64_t kKeys = 100'000;

std::string KeyOf(uint64_t number) {
  char key[17];
  std::snprintf(key, sizeof key, "%016llu",
                static_cast<unsigned long long>(number));
  return key;
}

// Keys are dealt to the runs in turn: each step changes the run.
std::unique_ptr<DB> Filled(benchmark::State& state) {
  Options options;
  options.create_if_missing = true;
  options.file_system = std::make_shared<MemoryFileSystem>();
  options.level0_file_num_compaction_trigger = 100;  // Runs stay as they are.
  options.level0_slowdown_writes_trigger = 200;
  options.level0_stop_writes_trigger = 300;
  auto db = DB::Open(options, "/db");
  if (!db.ok()) {
    state.SkipWithError("no database");
    return nullptr;
  }
  const auto tables = static_cast<uint64_t>(state.range(0));
  const uint64_t runs = tables == 0 ? 1 : tables;
  const std::string value(100, 'v');
  for (uint64_t run = 0; run < runs; ++run) {
    absl::Status status;
    for (uint64_t i = run; i < kKeys; i += runs) {
      status.Update((*db)->Put({}, KeyOf(i), value));
    }
    if (tables > 0) status.Update((*db)->Flush());
    if (!status.ok()) state.SkipWithError("not filled");
  }
  const std::unique_ptr<Iterator> it = (*db)->NewIterator();
  for (it->SeekToFirst(); it->Valid(); it->Next()) {  // Brings the blocks.
  }
  return *std::move(db);
}

// What does a Next cost, with key and value touched?
void BM_Iterator_Next(benchmark::State& state) {
  const std::unique_ptr<DB> db = Filled(state);
  if (db == nullptr) return;
  const std::unique_ptr<Iterator> it = db->NewIterator();
  it->SeekToFirst();
  for (auto _ : state) {
    if (!it->Valid()) it->SeekToFirst();
    benchmark::DoNotOptimize(it->key().front() + it->value().front());
    it->Next();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Iterator_Next)->ArgName("tables")->Arg(0)->Arg(1)->Arg(4)->Arg(16);

// And a Prev?
void BM_Iterator_Prev(benchmark::State& state) {
  const std::unique_ptr<DB> db = Filled(state);
  if (db == nullptr) return;
  const std::unique_ptr<Iterator> it = db->NewIterator();
  it->SeekToLast();
  for (auto _ : state) {
    if (!it->Valid()) it->SeekToLast();
    benchmark::DoNotOptimize(it->key().front() + it->value().front());
    it->Prev();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Iterator_Prev)->ArgName("tables")->Arg(0)->Arg(1)->Arg(4);

// What does a seek to a random key cost?
void BM_Iterator_Seek(benchmark::State& state) {
  const std::unique_ptr<DB> db = Filled(state);
  if (db == nullptr) return;
  const std::unique_ptr<Iterator> it = db->NewIterator();
  Random random(1);
  std::vector<std::string> keys(1 << 14);
  for (std::string& key : keys) key = KeyOf(random.Uniform(kKeys));
  size_t i = 0;
  for (auto _ : state) {
    i = (i + 1) % keys.size();
    it->Seek(keys[i]);
    benchmark::DoNotOptimize(it->Valid());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Iterator_Seek)->ArgName("tables")->Arg(0)->Arg(1)->Arg(4);

// What does it cost to make one, and to give it back?
void BM_Iterator_New(benchmark::State& state) {
  const std::unique_ptr<DB> db = Filled(state);
  if (db == nullptr) return;
  for (auto _ : state) benchmark::DoNotOptimize(db->NewIterator());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Iterator_New)->ArgName("tables")->Arg(0)->Arg(1)->Arg(4);

}  // namespace
}  // namespace lissom

BENCHMARK_MAIN();
