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

// --- Dictionaries

// A value of some 190 bytes as a service keeps its users.
std::string JsonValue(Random& random, uint64_t n) {
  static constexpr const char* kNames[] = {"anna",  "bert",  "carla", "dieter",
                                           "emil",  "frida", "hanna", "ivan",
                                           "julia", "karl",  "lena",  "max"};
  static constexpr const char* kCities[] = {"Berlin", "Paris",  "Madrid",
                                            "Rome",   "Vienna", "Prague",
                                            "Oslo",   "Lisbon", "Dublin"};
  static constexpr const char* kStates[] = {"active", "pending", "deleted"};
  const auto below = [&random](uint64_t limit) {
    return static_cast<unsigned>(random.Uniform(limit));
  };
  char value[320];
  std::snprintf(value, sizeof value,
                "{\"id\":%llu,\"user\":\"%s%u\",\"email\":\"%s%u@example.org\","
                "\"status\":\"%s\",\"city\":\"%s\",\"created_at\":"
                "\"2024-%02u-%02uT%02u:%02u:%02uZ\",\"balance\":%u.%02u}",
                static_cast<unsigned long long>(n), kNames[below(12)],
                below(100'000), kNames[below(12)], below(100'000),
                kStates[below(3)], kCities[below(9)], 1 + below(12),
                1 + below(28), below(24), below(60), below(60), below(10'000),
                below(100));
  return value;
}

// The reference workload's: 100 bytes that say the same 50 twice.
std::string HalfRandomValue(Random& random) {
  std::string half(50, '\0');
  for (char& c : half) c = static_cast<char>(' ' + random.Uniform(95));
  return half + half;
}

struct Rows {
  std::vector<std::string> keys;
  std::vector<std::string> values;
  size_t raw_bytes = 0;
};

const Rows& RowsOf(int64_t json) {
  constexpr size_t kRawBytes = size_t{24} << 20;
  static const auto* rows = [] {
    auto* both = new Rows[2];
    for (int shape = 0; shape < 2; ++shape) {
      Random random(3);
      Rows& to = both[shape];
      for (uint64_t n = 0; to.raw_bytes < kRawBytes; ++n) {
        to.keys.push_back(Key(7 * n));
        to.values.push_back(shape == 1 ? JsonValue(random, n)
                                       : HalfRandomValue(random));
        to.raw_bytes += to.keys.back().size() + to.values.back().size();
      }
    }
    return both;
  }();
  return rows[json];
}

TableSummary BuildRows(const Rows& rows, const benchmark::State& state,
                       std::string* bytes) {
  auto builder = TableBuilder::Create(
      {.order = KeyOrder(BytewiseComparator()),
       .id = {1, 2},
       .block_size = static_cast<size_t>(state.range(1)),
       .compression = Compression::Zstd(static_cast<int>(state.range(2)),
                                        static_cast<size_t>(state.range(3)))},
      "bench", std::make_unique<StringWritableFile>(bytes));
  Random random(5);
  for (size_t i = 0; i < rows.keys.size(); ++i) {
    builder
        ->Add({rows.keys[i],
               PackTrailer(random.Uniform(1 << 24), EntryKind::kPut)},
              rows.values[i])
        .IgnoreError();
  }
  return builder->Finish().value();
}

// What does a dictionary save, and what does it cost a table of 24 MiB, built
// in memory? `ratio` is bytes of keys and values a byte of file.
void BM_Table_BuildWithDictionary(benchmark::State& state) {
  const Rows& rows = RowsOf(state.range(0));
  std::string bytes;
  for (auto _ : state) {
    bytes.clear();
    benchmark::DoNotOptimize(BuildRows(rows, state, &bytes).file_size);
  }
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(rows.raw_bytes));
  state.counters["ratio"] =
      static_cast<double>(rows.raw_bytes) / static_cast<double>(bytes.size());
}

// And a Get of a file in memory, whose block is hardly ever in the cache (which
// holds index and filters, and a twentieth of the data)?
void BM_Table_GetWithDictionary(benchmark::State& state) {
  const Rows& rows = RowsOf(state.range(0));
  auto bytes = std::make_shared<std::string>();
  const TableSummary summary = BuildRows(rows, state, bytes.get());
  const auto reader =
      TableReader::Open({.order = KeyOrder(BytewiseComparator()),
                         .cache = std::make_shared<BlockCache>(2 << 20),
                         .id = {1, 2},
                         .file_size = summary.file_size,
                         .tail_size = summary.tail_size},
                        "bench", std::make_unique<StringReadFile>(bytes))
          .value();
  Random random(9);
  for (auto _ : state) {
    const EpochGuard guard;
    PointResult result;
    const std::string& key = rows.keys[random.Uniform(rows.keys.size())];
    const auto found = reader->Get(LookupKey(key, kMaxSequence), {}, &result);
    if (!found.ok() || !*found) state.SkipWithError("wrong answer");
  }
  state.SetItemsProcessed(state.iterations());
}

const std::vector<std::string> kDictionaryArguments = {"json", "block", "level",
                                                       "dictionary"};
const std::vector<std::vector<int64_t>> kDictionaryProduct = {
    {0, 1}, {4096, 16384}, {1, 3}, {0, 4096, 16384}};
BENCHMARK(BM_Table_BuildWithDictionary)
    ->ArgNames(kDictionaryArguments)
    ->ArgsProduct(kDictionaryProduct)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Table_GetWithDictionary)
    ->ArgNames(kDictionaryArguments)
    ->ArgsProduct(kDictionaryProduct);

}  // namespace
}  // namespace lissom

BENCHMARK_MAIN();
