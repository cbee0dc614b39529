// What do the memtable's inserts, point reads and scans cost, beside a classic
// skip list (one node an entry, full comparisons) and absl::btree_map? Keys of
// 16 bytes, values of 100; the time of filling includes mapping the memory.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "benchmark/benchmark.h"
#include "db/memtable/memtable.h"
#include "util/arena.h"
#include "util/coding.h"
#include "util/random.h"

namespace lissom {
namespace {

constexpr size_t kKeyBytes = 16;
constexpr size_t kValueBytes = 100;

// Keys lie in one string, in the order in which they are added. Those of
// another seed are (but for chance) not among them.
class Keys {
 public:
  Keys(size_t count, bool sequential, uint64_t seed) {
    Random random(seed);
    bytes_.reserve(count * kKeyBytes);
    for (size_t i = 0; i < count; ++i) {
      char key[24];
      if (sequential) {
        std::snprintf(key, sizeof key, "%016zu", i);
      } else {
        const uint64_t words[] = {random.Next(), random.Next()};
        std::memcpy(key, words, kKeyBytes);
      }
      bytes_.append(key, kKeyBytes);
    }
  }
  size_t size() const { return bytes_.size() / kKeyBytes; }
  std::string_view operator[](size_t i) const {
    return std::string_view(bytes_).substr(i * kKeyBytes, kKeyBytes);
  }

 private:
  std::string bytes_;
};

std::string_view Value() {
  static const auto* value = new std::string(kValueBytes, 'v');
  return *value;
}

// The textbook: a tower of pointers an entry, in an arena, for one writer and
// readers without locks.
class ClassicSkipList {
 public:
  ClassicSkipList() : head_(NewNode({}, 0, {}, kMaxHeight)) {}

  void Add(SequenceNumber sequence, std::string_view key,
           std::string_view value) {
    const uint64_t trailer = PackTrailer(sequence, EntryKind::kPut);
    Node* previous[kMaxHeight];
    FindAtLeast({key, trailer}, previous);
    int height = 1;
    while (height < kMaxHeight && random_.OneIn(4)) ++height;
    Node* node = NewNode(key, trailer, value, height);
    for (int i = 0; i < height; ++i) {
      node->next[i].store(previous[i]->next[i].load(std::memory_order_relaxed),
                          std::memory_order_relaxed);
      previous[i]->next[i].store(node, std::memory_order_release);
    }
  }
  bool Get(const LookupKey& key, std::string_view* value) const {
    const Node* node = FindAtLeast(key.seek_key(), nullptr);
    if (node == nullptr || node->key != key.user_key) return false;
    *value = {node->key.data() + node->key.size(), node->value_size};
    return true;
  }
  template <typename Visit>
  void ForEach(Visit visit) const {
    const Node* node = head_;
    while ((node = node->next[0].load(std::memory_order_acquire)) != nullptr) {
      visit(node->key, std::string_view(node->key.data() + node->key.size(),
                                        node->value_size));
    }
  }
  size_t memory_bytes() const { return arena_.used_bytes(); }

 private:
  static constexpr int kMaxHeight = 12;
  struct Node {
    std::string_view key;
    uint64_t trailer;
    size_t value_size;
    std::atomic<Node*> next[1];  // As many as the node is high.
  };

  Node* NewNode(std::string_view key, uint64_t trailer, std::string_view value,
                int height) {
    const size_t links =
        sizeof(Node) + sizeof(std::atomic<Node*>) * (height - 1);
    char* at =
        arena_.Resolve(arena_.Allocate(links + key.size() + value.size()));
    Node* node = new (at) Node{.key = {at + links, key.size()},
                               .trailer = trailer,
                               .value_size = value.size(),
                               .next = {}};
    std::copy(key.begin(), key.end(), at + links);
    std::copy(value.begin(), value.end(), at + links + key.size());
    return node;
  }
  Node* FindAtLeast(const InternalKeyView& key, Node** previous) const {
    Node* node = head_;
    for (int level = kMaxHeight - 1;; --level) {
      Node* next;
      while ((next = node->next[level].load(std::memory_order_acquire)) &&
             order_.Compare({next->key, next->trailer}, key) < 0) {
        node = next;
      }
      if (previous != nullptr) previous[level] = node;
      if (level == 0) return next;
    }
  }

  const KeyOrder order_{BytewiseComparator()};
  Arena arena_;
  Random random_{1};
  Node* const head_;
};

// One face for the three.
class Lissom {
 public:
  void Add(SequenceNumber sequence, std::string_view key,
           std::string_view value) {
    memtable_->Add(sequence, EntryKind::kPut, key, value);
  }
  bool Get(const LookupKey& key, std::string_view* value) const {
    Memtable::Entry entry;
    if (!memtable_->Get(key, &entry)) return false;
    *value = entry.value;
    return true;
  }
  template <typename Visit>
  void ForEach(Visit visit) const {
    auto it = memtable_->NewIterator();
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      visit(it->key().user_key, it->value());
    }
  }
  size_t memory_bytes() const { return memtable_->memory_bytes(); }

 private:
  Ref<Memtable> memtable_ = Memtable::Create(KeyOrder(BytewiseComparator()), 1);
};

// No readers beside the writer, and keys without versions: less than asked.
class BtreeMap {
 public:
  void Add(SequenceNumber, std::string_view key, std::string_view value) {
    char* at = arena_.Resolve(arena_.Allocate(key.size() + value.size()));
    std::copy(key.begin(), key.end(), at);
    std::copy(value.begin(), value.end(), at + key.size());
    map_.emplace(std::string_view(at, key.size()),
                 static_cast<uint32_t>(value.size()));
  }
  bool Get(const LookupKey& key, std::string_view* value) const {
    const auto it = map_.find(key.user_key);
    if (it == map_.end()) return false;
    *value = {it->first.data() + it->first.size(), it->second};
    return true;
  }
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const auto& [key, size] : map_) {
      visit(key, std::string_view(key.data() + key.size(), size));
    }
  }
  size_t memory_bytes() const { return arena_.used_bytes(); }

 private:
  Arena arena_;
  absl::btree_map<std::string_view, uint32_t> map_;
};

template <typename Table>
std::unique_ptr<Table> Fill(const Keys& keys) {
  auto table = std::make_unique<Table>();
  for (size_t i = 0; i < keys.size(); ++i) table->Add(i + 1, keys[i], Value());
  return table;
}

Keys KeysOf(const benchmark::State& state, uint64_t seed = 1) {
  return Keys(static_cast<size_t>(state.range(0)), state.range(1) != 0, seed);
}

void SetCounts(benchmark::State& state, size_t items) {
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(items));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(items) *
                          static_cast<int64_t>(kKeyBytes + kValueBytes));
}

// What does an insert cost, from empty to `entries`? (Time is per filling.)
template <typename Table>
void BM_Memtable_Add(benchmark::State& state) {
  const Keys keys = KeysOf(state);
  size_t bytes = 0;
  for (auto _ : state) {
    auto table = Fill<Table>(keys);
    state.PauseTiming();
    bytes = table->memory_bytes();
    table.reset();
    state.ResumeTiming();
  }
  SetCounts(state, keys.size());
  state.counters["ns_per_entry"] =
      benchmark::Counter(static_cast<double>(keys.size()) * 1e-9,
                         benchmark::Counter::kIsIterationInvariantRate |
                             benchmark::Counter::kInvert);
  state.counters["bytes_per_entry"] =
      static_cast<double>(bytes) / static_cast<double>(keys.size());
}

// What does a point read cost, of keys that are there or are not?
template <typename Table, bool kHit>
void BM_Memtable_Get(benchmark::State& state) {
  const Keys keys = KeysOf(state);
  const Keys others = Keys(1 << 16, /*sequential=*/false, 2);
  const auto table = Fill<Table>(keys);
  Random random(3);
  for (auto _ : state) {
    const LookupKey key(kHit ? keys[random.Uniform(keys.size())]
                             : others[random.Uniform(others.size())],
                        kMaxSequence);
    std::string_view value;
    const bool found = table->Get(key, &value);
    if (found != kHit) state.SkipWithError("wrong answer");
    benchmark::DoNotOptimize(value);
  }
  SetCounts(state, 1);
}

// What does a scan cost an entry that looks at keys and values?
template <typename Table>
void BM_Memtable_Iterate(benchmark::State& state) {
  const Keys keys = KeysOf(state);
  const auto table = Fill<Table>(keys);
  for (auto _ : state) {
    uint64_t sum = 0;
    table->ForEach([&sum](std::string_view key, std::string_view value) {
      sum += static_cast<uint8_t>(key[0]) + value.size();
    });
    benchmark::DoNotOptimize(sum);
  }
  SetCounts(state, keys.size());
  state.counters["ns_per_entry"] =
      benchmark::Counter(static_cast<double>(keys.size()) * 1e-9,
                         benchmark::Counter::kIsIterationInvariantRate |
                             benchmark::Counter::kInvert);
}

void Fillings(benchmark::internal::Benchmark* b) {
  b->ArgNames({"entries", "sequential"})
      ->Args({500000, 0})
      ->Args({2000000, 0})
      ->Args({500000, 1})
      ->Unit(benchmark::kMillisecond);
}
void Reads(benchmark::internal::Benchmark* b) {
  b->ArgNames({"entries", "sequential"})
      ->Args({500000, 0})
      ->Args({2000000, 0})
      ->Args({500000, 1});
}

BENCHMARK_TEMPLATE(BM_Memtable_Add, Lissom)->Apply(Fillings);
BENCHMARK_TEMPLATE(BM_Memtable_Add, ClassicSkipList)->Apply(Fillings);
BENCHMARK_TEMPLATE(BM_Memtable_Add, BtreeMap)->Apply(Fillings);
BENCHMARK_TEMPLATE(BM_Memtable_Get, Lissom, true)->Apply(Reads);
BENCHMARK_TEMPLATE(BM_Memtable_Get, ClassicSkipList, true)->Apply(Reads);
BENCHMARK_TEMPLATE(BM_Memtable_Get, BtreeMap, true)->Apply(Reads);
BENCHMARK_TEMPLATE(BM_Memtable_Get, Lissom, false)->Apply(Reads);
BENCHMARK_TEMPLATE(BM_Memtable_Get, ClassicSkipList, false)->Apply(Reads);
BENCHMARK_TEMPLATE(BM_Memtable_Get, BtreeMap, false)->Apply(Reads);
BENCHMARK_TEMPLATE(BM_Memtable_Iterate, Lissom)->Apply(Fillings);
BENCHMARK_TEMPLATE(BM_Memtable_Iterate, ClassicSkipList)->Apply(Fillings);
BENCHMARK_TEMPLATE(BM_Memtable_Iterate, BtreeMap)->Apply(Fillings);

}  // namespace
}  // namespace lissom

BENCHMARK_MAIN();
