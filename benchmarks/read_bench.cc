// What does a point lookup cost as more tables may hold its key? Tables of
// level 0, each over the whole range of keys; only the last has the key. Warm
// cache, more data than the processor's caches hold. Keys of 16 bytes, values
// of 100 bytes.
#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "benchmark/benchmark.h"
#include "db/filename.h"
#include "db/read/point_lookup.h"
#include "db/version/version.h"
#include "table/table_builder.h"
#include "util/memory_file_system.h"
#include "util/random.h"

namespace lissom {
namespace {

constexpr uint64_t kEntries = 500'000;  // Of each table.

std::string Key(uint64_t n) {
  char key[24];
  std::snprintf(key, sizeof key, "user%012llu",
                static_cast<unsigned long long>(n));
  return key;
}

// Table `number` has the keys number, number + step, number + 2 * step, ...
std::shared_ptr<const TableFile> MakeTable(
    const std::shared_ptr<const TableSource>& source, uint64_t number,
    uint64_t step) {
  const FileId id = {.high = number, .low = 1};
  auto builder = TableBuilder::Create(
      {.order = source->order, .id = id}, "bench",
      *source->file_system->Create(TableFileName(source->directory, number),
                                   {.kind = IoContext::Kind::kTable}));
  const std::string value(100, 'v');
  for (uint64_t i = 0; i < kEntries; ++i) {
    builder
        ->Add({Key(i * step + number), PackTrailer(1, EntryKind::kPut)}, value)
        .IgnoreError();
  }
  const TableSummary summary = *builder->Finish();
  TableMetadata meta;
  meta.number = number;
  meta.size = summary.file_size;
  meta.tail_size = summary.tail_size;
  meta.id = id;
  // All of them may hold all keys.
  meta.smallest = InternalKey("a", 0);
  meta.largest = InternalKey("z", 0);
  return std::make_shared<TableFile>(source, std::move(meta));
}

struct World {
  explicit World(uint64_t tables) {
    const auto files = std::make_shared<MemoryFileSystem>(
        MemoryFileSystem::Options{.record_operations = false});
    files->CreateDirectory("/db").IgnoreError();
    const auto source = std::make_shared<const TableSource>(
        TableSource{.file_system = files,
                    .directory = "/db",
                    .order = KeyOrder(BytewiseComparator()),
                    .cache = std::make_shared<BlockCache>(size_t{2} << 30)});
    std::array<Version::Level, Version::kLevels> levels;
    for (uint64_t t = 1; t <= tables; ++t) {
      levels[0].push_back(MakeTable(source, t, 16));
    }
    view = Ref<const View>(
        new View({}, std::make_shared<const Version>(source->order, levels)));
    Random random(9);
    for (int i = 0; i < 1 << 16; ++i) {
      const uint64_t n = random.Uniform(kEntries) * 16;
      first.push_back(Key(n + 1));
      last.push_back(Key(n + tables));
    }
  }
  Ref<const View> view;
  std::vector<std::string> first;  // Keys of the first table,
  std::vector<std::string> last;   // and of the last.
};

World& WorldOf(uint64_t tables) {
  static auto* world = new std::pair<uint64_t, std::unique_ptr<World>>;
  if (world->first != tables) {
    world->second.reset();
    *world = {tables, std::make_unique<World>(tables)};
  }
  return *world->second;
}

void Look(benchmark::State& state, const View& view,
          const std::vector<std::string>& keys) {
  const auto look = [&](const std::string& key) {
    ReadView read_view(view);
    LookupResult result;
    const absl::Status status =
        PointLookup(read_view, LookupKey(key, kMaxSequence), {}, &result);
    if (!status.ok()) state.SkipWithError("not found");
    benchmark::DoNotOptimize(result.value.data());
  };
  for (const std::string& key : keys) look(key);  // Warms the cache up.
  for (const std::string& key : keys) look(key);
  size_t i = 0;
  for (auto _ : state) look(keys[i++ & (keys.size() - 1)]);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}

// The key is in the last of the tables: the filters of the others say no.
void BM_PointLookup_LastOf(benchmark::State& state) {
  World& world = WorldOf(static_cast<uint64_t>(state.range(0)));
  Look(state, *world.view, world.last);
}
BENCHMARK(BM_PointLookup_LastOf)->ArgName("tables")->Arg(1)->Arg(4)->Arg(8);

// The key is in the first: the others need not be asked.
void BM_PointLookup_FirstOf(benchmark::State& state) {
  World& world = WorldOf(static_cast<uint64_t>(state.range(0)));
  Look(state, *world.view, world.first);
}
BENCHMARK(BM_PointLookup_FirstOf)->ArgName("tables")->Arg(8);

}  // namespace
}  // namespace lissom

BENCHMARK_MAIN();
