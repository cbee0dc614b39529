#include "tests/stress/session.h"

#include <cstdio>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/stress/violation.h"
#include "tests/support/test_env.h"
#include "util/random.h"
#include "util/strings.h"

namespace lissom::stress {
namespace {

constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMiB = 1024 * kKiB;

Compression DrawCompression(Random& random) {
  if (random.OneIn(3)) return Compression::None();
  return Compression::Zstd(static_cast<int>(random.Uniform(7)) - 3);
}

// Sizes at which everything happens all the time.
void DrawSmallSizes(Random& random, Options* options) {
  options->write_buffer_size = (64 * kKiB) << random.Uniform(5);
  options->max_write_buffer_number = 2 + static_cast<int>(random.Uniform(4));
  options->block_cache_size = (256 * kKiB) << random.Uniform(6);
  if (random.OneIn(3)) {
    options->memory_budget =
        *options->write_buffer_size *
            static_cast<size_t>(*options->max_write_buffer_number) +
        *options->block_cache_size + 4 * kMiB;
    options->block_cache_size.reset();
  }
  options->block_size = size_t{512} << random.Uniform(5);
  options->target_file_size_base = (32 * kKiB) << random.Uniform(6);
  options->max_bytes_for_level_base = (128 * kKiB) << random.Uniform(6);
  options->max_bytes_for_level_multiplier =
      3 + static_cast<double>(random.Uniform(8));
  options->level0_file_num_compaction_trigger =
      1 + static_cast<int>(random.Uniform(5));
  options->level0_slowdown_writes_trigger =
      6 + static_cast<int>(random.Uniform(15));
  options->level0_stop_writes_trigger =
      options->level0_slowdown_writes_trigger + 4;
  if (random.OneIn(3)) {
    options->max_total_wal_size = *options->write_buffer_size * 2;
  }
  const double bits[] = {0, 4, 10, 16};
  const double drawn = bits[random.Uniform(4)];
  options->filter_policy =
      drawn == 0 ? FilterPolicy::None() : FilterPolicy::Bloom(drawn);
}

std::string OptionsText(const Options& drawn) {
  const Options o = drawn.WithSizes();
  std::string text =
      absl::StrCat("memtables ", *o.max_write_buffer_number, " x ",
                   ToAbsl(BytesText(*o.write_buffer_size)), ", cache ",
                   ToAbsl(BytesText(*o.block_cache_size)), ", budget ",
                   ToAbsl(BytesText(*o.memory_budget)), ", tables ",
                   ToAbsl(BytesText(o.target_file_size_base)), ", blocks ",
                   o.block_size, ", jobs ", o.max_background_jobs, ", parts ",
                   o.max_subcompactions, ", zstd");
  for (const Compression& c : o.compression) {
    absl::StrAppend(&text, " ", c.enabled() ? absl::StrCat(c.level()) : "off");
  }
  return text;
}

}  // namespace

Session::Session(const Flags& flags, Oracle& oracle, Tally& tally)
    : flags_(flags), oracle_(oracle), tally_(tally) {}

Options Session::DrawOptions(uint64_t round) const {
  Random random(flags_.seed * 1000 + round);
  Options options;
  options.create_if_missing = true;
  options.max_background_jobs = 2 + static_cast<int>(random.Uniform(3));
  options.max_subcompactions = 1 + static_cast<int>(random.Uniform(4));
  options.statistics_level = static_cast<StatisticsLevel>(random.Uniform(3));
  options.compression.clear();
  for (uint64_t i = 0; i <= random.Uniform(4); ++i) {
    options.compression.push_back(DrawCompression(random));
  }
  if (flags_.memory_budget != 0) {
    options.memory_budget = flags_.memory_budget;
  } else {
    DrawSmallSizes(random, &options);
  }
  return options;
}

Options Session::ReadOnlyOptions() const {
  Options options;
  options.memory_budget = 8 * kMiB;
  options.info_log = std::make_shared<NullLogger>();
  return options;
}

Lease Session::Peek() const {
  MutexLock lock(mu_);
  return {db_, round_.load()};
}

Lease Session::Next() {
  MutexLock lock(mu_);
  ++waiting_;
  changed_.SignalAll();
  while (!stopped_.load() &&
         (paused_.load() || closing_.load() || db_ == nullptr)) {
    changed_.Wait(mu_);
  }
  --waiting_;
  if (stopped_.load()) return {};
  return {db_, round_.load()};
}

void Session::Open(uint64_t workers) {
  const uint64_t round = round_.load() + 1;
  const Options options = DrawOptions(round);
  absl::StatusOr<std::unique_ptr<DB>> db = DB::Open(options, flags_.db);
  if (!db.ok()) {
    Report({"Open", "", "OK", db.status().ToString()});
  }
  if (round % 1000 == 1 || flags_.memory_budget == 0) {
    std::printf("open %llu: %s\n", static_cast<unsigned long long>(round),
                OptionsText(options).c_str());
    std::fflush(stdout);
  }
  MutexLock lock(mu_);
  workers_ = workers;
  db_ = *std::move(db);
  round_.store(round);
  closing_.store(false);
  paused_.store(false);
  changed_.SignalAll();
}

void Session::AwaitWorkers() {
  while (waiting_ < workers_ && !stopped_.load()) changed_.Wait(mu_);
}

void Session::Close(bool in_the_midst) {
  std::shared_ptr<DB> db;
  {
    MutexLock lock(mu_);
    if (!in_the_midst) {
      paused_.store(true);
      AwaitWorkers();
    }
    closing_.store(true);
    db = std::move(db_);
    db_ = nullptr;
  }
  std::vector<uint64_t> floors(oracle_.slots());
  oracle_.CopyFloors(floors.data());
  const absl::Status status = db->Close();
  if (!status.ok()) Report({"Close", "", "OK", status.ToString()});
  oracle_.KeepUpTo(floors.data());
  if (in_the_midst) {
    MutexLock lock(mu_);
    AwaitWorkers();
    oracle_.ForgetUnkept();
  }
  tally_.Add(in_the_midst ? Count::kRacingCloses : Count::kReopens);
}

void Session::Stop() {
  MutexLock lock(mu_);
  stopped_.store(true);
  changed_.SignalAll();
}

}  // namespace lissom::stress
