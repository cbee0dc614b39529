// What do a table's reads cost with a warm cache, and an entry when it is
// built? Keys of 16 bytes (user%012llu, every second number), values of 100
// bytes.
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "benchmark/benchmark.h"
#include "table/table_builder.h"
#include "table/table_reader.h"
#include "tests/support/string_file.h"
#include "util/random.h"

namespace lissom {
namespace {

std::string Key(uint64_t n) {
  char key[24];
  std::snprintf(key, sizeof key, "user%012llu",
                static_cast<unsigned long long>(n));
  return key;
}

std::string Values() {
  Random random(3);
  std::string values(1 << 16, '\0');
  for (size_t i = 0; i < values.size(); ++i) {
    // Half of each value repeats the other half.
    values[i] = i % 100 < 50 ? static_cast<char>(' ' + random.Uniform(95))
                             : values[i - 50];
  }
  return values;
}

TableSummary Build(const std::vector<std::string>& keys,
                   Compression compression, std::string* bytes) {
  static const auto* values = new std::string(Values());
  const TableBuilderOptions options = {.order = KeyOrder(BytewiseComparator()),
                                       .id = {1, 2},
                                       .compression = compression};
  auto builder = TableBuilder::Create(
      options, "bench", std::make_unique<StringWritableFile>(bytes));
  Random random(5);
  for (const std::string& key : keys) {
    builder
        ->Add({key, PackTrailer(random.Uniform(1 << 24), EntryKind::kPut)},
              std::string_view(*values).substr(random.Uniform(600) * 100, 100))
        .IgnoreError();
  }
  return builder->Finish().value();
}

// A table of a million entries and more, opened, all blocks in the cache.
struct Warm {
  explicit Warm(size_t count) {
    keys.reserve(count);
    for (size_t i = 0; i < count; ++i) keys.push_back(Key(2 * i));
    auto bytes = std::make_shared<std::string>();
    const TableSummary summary = Build(keys, Compression::None(), bytes.get());
    file_size = summary.file_size;
    reader = TableReader::Open({.order = KeyOrder(BytewiseComparator()),
                                .cache = std::make_shared<BlockCache>(1 << 30),
                                .id = {1, 2},
                                .file_size = summary.file_size,
                                .tail_size = summary.tail_size},
                               "bench", std::make_unique<StringReadFile>(bytes))
                 .value();
    const auto it = reader->NewIterator({});
    for (it->SeekToFirst(); it->Valid(); it->Next()) continue;
    Random random(9);
    for (int i = 0; i < 1 << 16; ++i) {
      present.push_back(Key(2 * random.Uniform(count)));
      absent.push_back(Key(2 * random.Uniform(count) + 1));
    }
    const EpochGuard guard;
    PointResult result;
    for (const std::string& key : keys) {
      reader->Get(LookupKey(key, kMaxSequence), {}, &result).IgnoreError();
    }
  }
  std::vector<std::string> keys;
  uint64_t file_size = 0;
  std::unique_ptr<TableReader> reader;
  std::vector<std::string> present;
  std::vector<std::string> absent;
};

Warm& WarmTable(size_t count) {
  static auto* warm = new std::unique_ptr<Warm>;
  if (*warm == nullptr || (*warm)->keys.size() != count) {
    warm->reset();
    *warm = std::make_unique<Warm>(count);
  }
  return **warm;
}

// Random keys, value copied.
void BM_Table_Get(benchmark::State& state) {
  Warm& warm = WarmTable(static_cast<size_t>(state.range(0)));
  const bool hit = state.range(1) != 0;
  const auto& keys = hit ? warm.present : warm.absent;
  size_t i = 0;
  char value[128];
  for (auto _ : state) {
    const EpochGuard guard;
    PointResult result;
    const auto found =
        warm.reader->Get(LookupKey(keys[i], kMaxSequence), {}, &result);
    if (!found.ok() || *found != hit) state.SkipWithError("wrong answer");
    if (*found) {
      std::memcpy(value, result.value.data(), result.value.size());
      benchmark::DoNotOptimize(value);
    }
    i = (i + 1) % keys.size();
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["bytes_per_entry"] = static_cast<double>(warm.file_size) /
                                      static_cast<double>(warm.keys.size());
}
BENCHMARK(BM_Table_Get)
    ->ArgNames({"entries", "hit"})
    ->ArgsProduct({{10'000, 2'000'000}, {1, 0}});

// A new position in an iterator that lives on.
void BM_Table_Seek(benchmark::State& state) {
  Warm& warm = WarmTable(static_cast<size_t>(state.range(0)));
  const auto it = warm.reader->NewIterator({});
  size_t i = 0;
  for (auto _ : state) {
    it->Seek({warm.absent[i], SeekTrailer(kMaxSequence)});
    if (it->Valid()) benchmark::DoNotOptimize(it->key().user_key.data());
    i = (i + 1) % warm.absent.size();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Table_Seek)->ArgName("entries")->Arg(2'000'000);

// A whole scan, key and value touched.
void BM_Table_Scan(benchmark::State& state) {
  Warm& warm = WarmTable(2'000'000);
  const bool forward = state.range(0) != 0;
  const auto it = warm.reader->NewIterator({});
  for (auto _ : state) {
    size_t sum = 0;
    forward ? it->SeekToFirst() : it->SeekToLast();
    for (; it->Valid(); forward ? it->Next() : it->Prev()) {
      sum += static_cast<uint8_t>(it->key().user_key.back()) +
             static_cast<uint8_t>(it->value().front());
    }
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() *
                          static_cast<int64_t>(warm.keys.size()));
}
BENCHMARK(BM_Table_Scan)
    ->ArgName("forward")
    ->Arg(1)
    ->Arg(0)
    ->Unit(benchmark::kMillisecond);

// A table into memory. level 100: not compressed.
void BM_Table_Build(benchmark::State& state) {
  std::vector<std::string> keys;
  for (uint64_t i = 0; i < 300'000; ++i) keys.push_back(Key(2 * i));
  const Compression compression =
      state.range(0) == 100
          ? Compression::None()
          : Compression::Zstd(static_cast<int>(state.range(0)));
  std::string bytes;
  for (auto _ : state) {
    bytes.clear();
    benchmark::DoNotOptimize(Build(keys, compression, &bytes).file_size);
  }
  state.SetItemsProcessed(state.iterations() *
                          static_cast<int64_t>(keys.size()));
  state.counters["bytes_per_entry"] =
      static_cast<double>(bytes.size()) / static_cast<double>(keys.size());
}
BENCHMARK(BM_Table_Build)
    ->ArgName("level")
    ->Arg(100)
    ->Arg(-1)
    ->Arg(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lissom

BENCHMARK_MAIN();
