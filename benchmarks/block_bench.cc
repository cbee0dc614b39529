// How should a data block be laid out? Point reads, seeks and scans over blocks
// of 4 KiB in 64 MiB, each key of 16 bytes and value of 100: ours with a shared
// prefix, ours with whole keys, and the classic restart block. The counter
// bytes_per_entry is what a layout pays for its speed.
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "benchmark/benchmark.h"
#include "table/data_block.h"
#include "table/data_block_builder.h"
#include "util/coding.h"
#include "util/random.h"

namespace lissom {
namespace {

constexpr size_t kBlockSize = 4096;
constexpr size_t kTotalBytes = 64 << 20;
constexpr size_t kValueSize = 100;

// Keys are those of a database of ten million: neighbours differ by about one
// in the last digits. 0: binary numbers, `0` behind; 1: user%012llu.
std::string KeyOf(uint64_t n, int64_t shape) {
  char key[24];
  if (shape == 1) {
    std::snprintf(key, sizeof key, "user%012llu",
                  static_cast<unsigned long long>(n));
    return key;
  }
  const uint64_t big_endian = __builtin_bswap64(n);
  std::string bytes(reinterpret_cast<const char*>(&big_endian), 8);
  return bytes + "00000000";
}

uint64_t TrailerOf(uint64_t n) {
  return PackTrailer(n * 0x9e3779b97f4a7c15u >> 40, EntryKind::kPut);
}

// The textbook block: shared prefixes against the entry before, whole keys
// every 16 entries, found by binary search and then one by one.
class RestartBlock {
 public:
  static constexpr uint32_t kInterval = 16;

  bool Fits(size_t key, size_t value) const {
    return bytes_.size() + key + value + 12 + restarts_.size() * 4 < kBlockSize;
  }
  void Add(std::string_view key, uint64_t trailer, std::string_view value) {
    size_t shared = 0;
    if (count_ % kInterval == 0) {
      restarts_.push_back(static_cast<uint32_t>(bytes_.size()));
    } else {
      while (shared < key.size() && shared < last_.size() &&
             key[shared] == last_[shared]) {
        ++shared;
      }
    }
    AppendVarint64(&bytes_, shared);
    AppendVarint64(&bytes_, key.size() - shared);
    AppendVarint64(&bytes_, value.size());
    bytes_.append(key.substr(shared));
    AppendFixed64(&bytes_, trailer);
    bytes_.append(value);
    last_ = key;
    ++count_;
  }
  size_t size() const { return bytes_.size() + restarts_.size() * 4 + 4; }

  std::string_view Find(std::string_view key) const {
    uint32_t low = 0;
    uint32_t high = static_cast<uint32_t>(restarts_.size());
    char buffer[64];
    while (low + 1 < high) {
      const uint32_t middle = (low + high) / 2;
      size_t size = 0;
      std::string_view value;
      Decode(bytes_.data() + restarts_[middle], buffer, &size, &value);
      (std::string_view(buffer, size) <= key ? low : high) = middle;
    }
    const char* at = bytes_.data() + restarts_[low];
    while (at < bytes_.data() + bytes_.size()) {
      size_t size = 0;
      std::string_view value;
      at = Decode(at, buffer, &size, &value);
      const int order = std::string_view(buffer, size).compare(key);
      if (order == 0) return value;
      if (order > 0) break;
    }
    return {};
  }
  size_t Scan() const {
    size_t sum = 0;
    char buffer[64];
    for (const char* at = bytes_.data(); at < bytes_.data() + bytes_.size();) {
      size_t size = 0;
      std::string_view value;
      at = Decode(at, buffer, &size, &value);
      sum += size + value.size() + static_cast<uint8_t>(buffer[size - 1]);
    }
    return sum;
  }

 private:
  static const char* Decode(const char* at, char* key, size_t* size,
                            std::string_view* value) {
    const auto shared = static_cast<uint8_t>(at[0]);  // All below 128 here.
    const auto own = static_cast<uint8_t>(at[1]);
    const auto value_size = static_cast<uint8_t>(at[2]);
    std::memcpy(key + shared, at + 3, own);
    *size = shared + own;
    *value = {at + 3 + own + 8, value_size};
    return value->data() + value_size;
  }

  std::string bytes_;
  std::vector<uint32_t> restarts_;
  std::string last_;
  uint32_t count_ = 0;
};

enum Layout : int64_t { kShared = 0, kWhole = 1, kRestarts = 2 };

struct Blocks {
  Blocks(int64_t layout, int64_t shape) {
    const std::string value(kValueSize, 'v');
    DataBlockBuilder builder(layout == kShared);
    uint64_t n = 0;
    size_t total = 0;
    while (total < kTotalBytes) {
      first.push_back(n);
      if (layout == kRestarts) {
        auto block = std::make_unique<RestartBlock>();
        while (block->Fits(16, kValueSize)) {
          block->Add(KeyOf(n, shape), TrailerOf(n), value);
          ++n;
        }
        total += block->size();
        restart.push_back(std::move(block));
        continue;
      }
      while (builder.SizeWith(16, kValueSize) <= kBlockSize) {
        const std::string key = KeyOf(n, shape);
        builder.Add({key, TrailerOf(n)}, KeyHash(key), value);
        ++n;
      }
      std::string bytes;
      builder.Finish(&bytes);
      Ref<DataBlock> block = DataBlock::Allocate(bytes.size());
      std::memcpy(block->mutable_data(), bytes.data(), bytes.size());
      if (block->Parse(bytes.size())) std::abort();
      total += bytes.size();
      ours.push_back(std::move(block));
    }
    first.push_back(n);
    bytes_per_entry = static_cast<double>(total) / static_cast<double>(n);
  }

  std::vector<uint64_t> first;  // Key number of each block's first entry.
  std::vector<Ref<DataBlock>> ours;
  std::vector<std::unique_ptr<RestartBlock>> restart;
  double bytes_per_entry = 0;
};

// Blocks and keys to look for, the keys made beforehand.
struct Questions {
  explicit Questions(const Blocks& blocks, int64_t shape) {
    Random random(42);
    for (int i = 0; i < 1 << 16; ++i) {
      const size_t b = random.Uniform(blocks.first.size() - 1);
      const uint64_t n = blocks.first[b] +
                         random.Uniform(blocks.first[b + 1] - blocks.first[b]);
      block.push_back(b);
      key.push_back(KeyOf(n, shape));
    }
    for (const std::string& k : key) hash.push_back(KeyHash(k));
  }
  std::vector<size_t> block;
  std::vector<std::string> key;
  std::vector<uint64_t> hash;
};

void Report(benchmark::State& state, const Blocks& blocks) {
  state.SetItemsProcessed(state.iterations());
  state.counters["bytes_per_entry"] = blocks.bytes_per_entry;
}

// What does a point read in a random block cost, hash included?
void BM_Block_Find(benchmark::State& state) {
  const Blocks blocks(state.range(0), state.range(1));
  const Questions ask(blocks, state.range(1));
  size_t i = 0;
  for (auto _ : state) {
    const std::string& key = ask.key[i];
    if (state.range(0) == kRestarts) {
      benchmark::DoNotOptimize(blocks.restart[ask.block[i]]->Find(key).data());
    } else {
      const DataBlock& block = *blocks.ours[ask.block[i]];
      const uint32_t at = block.Find(LookupKey(key, kMaxSequence));
      if (at == block.count()) state.SkipWithError("lost a key");
      benchmark::DoNotOptimize(block.entry(at).value.data());
    }
    i = (i + 1) % ask.key.size();
  }
  Report(state, blocks);
}
BENCHMARK(BM_Block_Find)
    ->ArgNames({"layout", "keys"})
    ->ArgsProduct({{kShared, kWhole, kRestarts}, {0, 1}});

// What does a seek in a random block cost, heads made before?
void BM_Block_Seek(benchmark::State& state) {
  const Blocks blocks(state.range(0), state.range(1));
  const Questions ask(blocks, state.range(1));
  const KeyOrder order(BytewiseComparator());
  for (const auto& block : blocks.ours) block->heads(order);
  DataBlockCursor cursor(order);
  size_t i = 0;
  for (auto _ : state) {
    cursor.Attach(blocks.ours[ask.block[i]].get());
    cursor.Seek({ask.key[i], SeekTrailer(kMaxSequence)});
    benchmark::DoNotOptimize(cursor.key().user_key.data());
    i = (i + 1) % ask.key.size();
  }
  Report(state, blocks);
}
BENCHMARK(BM_Block_Seek)
    ->ArgNames({"layout", "keys"})
    ->ArgsProduct({{kShared, kWhole}, {0, 1}});

// What does a step of a scan cost, with key and value touched?
void BM_Block_Scan(benchmark::State& state) {
  const Blocks blocks(state.range(0), 1);
  const KeyOrder order(BytewiseComparator());
  DataBlockCursor cursor(order);
  for (auto _ : state) {
    size_t sum = 0;
    for (const auto& block : blocks.restart) sum += block->Scan();
    for (const auto& block : blocks.ours) {
      cursor.Attach(block.get());
      for (cursor.SeekToFirst(); cursor.Valid(); cursor.Next()) {
        const InternalKeyView key = cursor.key();
        sum += key.user_key.size() + cursor.value().size() +
               static_cast<uint8_t>(key.user_key.back());
      }
    }
    benchmark::DoNotOptimize(sum);
  }
  Report(state, blocks);
  state.SetItemsProcessed(state.iterations() *
                          static_cast<int64_t>(blocks.first.back()));
}
BENCHMARK(BM_Block_Scan)
    ->ArgName("layout")
    ->Arg(kShared)
    ->Arg(kWhole)
    ->Arg(kRestarts)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lissom

BENCHMARK_MAIN();
