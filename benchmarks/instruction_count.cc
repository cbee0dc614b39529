// How many instructions does an operation take? The functions named counted_*
// below each do one kind of operation kOperations times; `./dev instructions`
// runs this program under callgrind, which counts in them only (the thread
// that calls; not flushes and compactions), and compares with
// benchmarks/instructions.txt. Unlike a time, the count hardly varies.
//
// Keys of 16 bytes, values of 100, everything in memory.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "benchmark/benchmark.h"
#include "lissom/db.h"
#include "util/random.h"
#include "util/status_macros.h"

namespace {

using lissom::DB;
using lissom::PinnedValue;

constexpr uint64_t kKeys = 100'000;
constexpr uint64_t kOperations = 10'000;

// Keys with even numbers are there.
std::string Key(uint64_t number) {
  char key[32];
  std::snprintf(key, sizeof key, "user%012llu",
                static_cast<unsigned long long>(number));
  return key;
}

std::vector<std::string> RandomKeys(uint64_t seed, uint64_t odd) {
  lissom::Random random(seed);
  std::vector<std::string> keys;
  keys.reserve(kOperations);
  for (uint64_t i = 0; i < kOperations; ++i) {
    keys.push_back(Key(random.Uniform(kKeys) * 2 + odd));
  }
  return keys;
}

void Check(bool right, const char* what) {
  if (right) return;
  std::fprintf(stderr, "instruction_count: %s\n", what);
  std::exit(1);
}

struct World {
  std::unique_ptr<DB> db;
  std::vector<std::string> present = RandomKeys(1, 0);
  std::vector<std::string> absent = RandomKeys(2, 1);
  std::string value = std::string(100, 'v');
};

}  // namespace

// External and never inlined: callgrind finds them by their names.
#define LISSOM_COUNTED extern "C" __attribute__((noinline)) void

LISSOM_COUNTED counted_put(World& world) {
  for (const std::string& key : world.present) {
    Check(world.db->Put({}, key, world.value).ok(), "a put failed");
  }
}

static void GetAll(World& world, const std::vector<std::string>& keys,
                   bool there) {
  PinnedValue value;
  for (const std::string& key : keys) {
    const absl::Status status = world.db->Get({}, key, &value);
    Check(status.ok() == there, "a get gave the wrong answer");
  }
}

LISSOM_COUNTED counted_get_memtable(World& world) {
  GetAll(world, world.present, true);
}
LISSOM_COUNTED counted_get(World& world) { GetAll(world, world.present, true); }
LISSOM_COUNTED counted_get_missing(World& world) {
  GetAll(world, world.absent, false);
}

LISSOM_COUNTED counted_multi_get(World& world) {
  constexpr size_t kBatch = 32;
  std::vector<std::string_view> keys(kBatch);
  std::vector<PinnedValue> values(kBatch);
  std::vector<absl::Status> statuses(kBatch);
  for (uint64_t i = 0; i < kOperations; ++i) {
    keys[i % kBatch] = world.present[i];
    if ((i + 1) % kBatch != 0 && i + 1 != kOperations) continue;
    const size_t count = i % kBatch + 1;
    world.db->MultiGet({}, std::span(keys).first(count),
                       std::span(values).first(count),
                       std::span(statuses).first(count));
    for (size_t n = 0; n < count; ++n) {
      Check(statuses[n].ok(), "a multiget missed a key");
    }
  }
}

LISSOM_COUNTED counted_seek(World& world) {
  const auto it = world.db->NewIterator({});
  for (const std::string& key : world.present) {
    it->Seek(key);
    Check(it->Valid() && it->key() == key, "a seek missed its key");
  }
}

LISSOM_COUNTED counted_next(World& world) {
  const auto it = world.db->NewIterator({});
  it->SeekToFirst();
  for (uint64_t i = 0; i < kOperations; ++i) {
    benchmark::DoNotOptimize(it->value().data());
    it->Next();
  }
  Check(it->Valid(), "the scan ended too soon");
}

LISSOM_COUNTED counted_prev(World& world) {
  const auto it = world.db->NewIterator({});
  it->SeekToLast();
  for (uint64_t i = 0; i < kOperations; ++i) {
    benchmark::DoNotOptimize(it->value().data());
    it->Prev();
  }
  Check(it->Valid(), "the scan ended too soon");
}

static absl::Status Run(const std::string& directory) {
  lissom::Options options;
  options.create_if_missing = true;
  options.memory_budget = uint64_t{512} << 20;
  LISSOM_RETURN_IF_ERROR(DB::Destroy(options, directory));
  World world;
  LISSOM_ASSIGN_OR_RETURN(world.db, DB::Open(options, directory));
  for (uint64_t i = 0; i < kKeys; ++i) {
    LISSOM_RETURN_IF_ERROR(
        world.db->Put({}, Key(i * 7919 % kKeys * 2), world.value));
  }
  counted_put(world);
  counted_get_memtable(world);
  LISSOM_RETURN_IF_ERROR(world.db->Flush());
  LISSOM_RETURN_IF_ERROR(world.db->CompactRange({}, {}, {}));
  LISSOM_RETURN_IF_ERROR(world.db->WaitForIdle());
  // Warm: each block has been asked for.
  for (int i = 0; i < 2; ++i) {
    GetAll(world, world.present, true);
    GetAll(world, world.absent, false);
  }
  counted_get(world);
  counted_get_missing(world);
  counted_multi_get(world);
  counted_seek(world);
  counted_next(world);
  counted_prev(world);
  std::printf("%llu\n", static_cast<unsigned long long>(kOperations));
  return world.db->Close();
}

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: instruction_count DIRECTORY\n");
    return 2;
  }
  std::filesystem::create_directories(
      std::filesystem::path(argv[1]).parent_path());
  const absl::Status status = Run(argv[1]);
  if (status.ok()) return 0;
  std::fprintf(stderr, "instruction_count: %s\n", status.ToString().c_str());
  return 1;
}
