// What the merge of sorted runs costs a record: the inner loop of compactions.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "benchmark/benchmark.h"
#include "db/output/entry_filter.h"
#include "table/internal_iterator.h"
#include "table/merging_iterator.h"
#include "util/random.h"

namespace lissom {
namespace {

constexpr uint64_t kRecords = 1 << 20;
constexpr size_t kKeySize = 16;

// A run whose keys stand one behind the other in memory, as a decoded block
// would have them: what remains is the price of merging.
struct Run {
  std::string keys;
  std::vector<uint64_t> trailers;
};

class RunIterator final : public InternalIterator {
 public:
  explicit RunIterator(const Run& run) : run_(run), at_(run.trailers.size()) {}

  void SeekToFirst() override { at_ = 0; }
  void SeekToLast() override { at_ = run_.trailers.size() - 1; }
  void Seek(const InternalKeyView&) override { at_ = 0; }
  void SeekForPrev(const InternalKeyView&) override { at_ = 0; }
  void Next() override { ++at_; }
  void Prev() override { --at_; }
  bool Valid() const override { return at_ < run_.trailers.size(); }
  InternalKeyView key() const override {
    return {{run_.keys.data() + at_ * kKeySize, kKeySize}, run_.trailers[at_]};
  }
  std::string_view value() const override { return {}; }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  const Run& run_;
  size_t at_;
};

// `count` runs of kRecords keys together. A stretch of about `stretch` keys
// comes from one run before the next run's turn. `format`: of a key's number.
std::vector<Run> MakeRuns(size_t count, uint64_t stretch, const char* format) {
  std::vector<Run> runs(count);
  Random random(1);
  Run* run = &runs[0];
  for (uint64_t i = 0; i < kRecords; ++i) {
    if (random.OneIn(stretch)) run = &runs[random.Uniform(count)];
    char key[kKeySize + 1];
    std::snprintf(key, sizeof key, format, static_cast<unsigned long long>(i));
    run->keys.append(key, kKeySize);
    run->trailers.push_back(PackTrailer(i + 1, EntryKind::kPut));
  }
  return runs;
}

std::unique_ptr<InternalIterator> Merge(const std::vector<Run>& runs) {
  std::vector<std::unique_ptr<InternalIterator>> sources;
  for (const Run& run : runs) {
    sources.push_back(std::make_unique<RunIterator>(run));
  }
  return NewMergingIterator(KeyOrder(BytewiseComparator()), std::move(sources));
}

constexpr const char* kHexKeys = "%016llx";  // Share eight bytes or more.
constexpr const char* kUserKeys = "user%012llu";

// What does a record cost when its run changes at random, or every so often?
void BM_Merge_Scan(benchmark::State& state, const char* format) {
  const std::vector<Run> runs =
      MakeRuns(static_cast<size_t>(state.range(0)),
               static_cast<uint64_t>(state.range(1)), format);
  const std::unique_ptr<InternalIterator> it = Merge(runs);
  for (auto _ : state) {
    uint64_t sum = 0;
    for (it->SeekToFirst(); it->Valid(); it->Next()) sum += it->key().trailer;
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRecords));
  state.SetBytesProcessed(state.items_processed() *
                          static_cast<int64_t>(kKeySize + 8));
}
BENCHMARK_CAPTURE(BM_Merge_Scan, hex_keys, kHexKeys)
    ->ArgNames({"runs", "stretch"})
    ->Args({2, 10})
    ->Args({4, 1})
    ->Args({4, 100})
    ->Args({16, 1});
BENCHMARK_CAPTURE(BM_Merge_Scan, user_keys, kUserKeys)
    ->ArgNames({"runs", "stretch"})
    ->Args({4, 1});

// And with the rule of what survives, without and with snapshots?
void BM_Merge_Filter(benchmark::State& state) {
  const std::vector<Run> runs = MakeRuns(4, 1, kUserKeys);
  const std::unique_ptr<InternalIterator> it = Merge(runs);
  std::vector<SequenceNumber> snapshots;
  for (int64_t i = 0; i < state.range(0); ++i) {
    snapshots.push_back(static_cast<SequenceNumber>(i * 1000));
  }
  snapshots.push_back(kMaxSequence);
  for (auto _ : state) {
    EntryFilter filter(snapshots, nullptr);
    uint64_t kept = 0;
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      kept += filter.Judge(it->key()) == EntryFilter::Verdict::kKeep ? 1 : 0;
    }
    benchmark::DoNotOptimize(kept);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRecords));
}
BENCHMARK(BM_Merge_Filter)->ArgName("snapshots")->Arg(0)->Arg(8);

}  // namespace
}  // namespace lissom

BENCHMARK_MAIN();
