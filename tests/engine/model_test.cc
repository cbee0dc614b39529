// The whole database against std::map: random operations, random options,
// random shapes of keys, with snapshots, iterators both ways, reopening and
// power cuts in between; writes with and without the WAL, patience and time.
// LISSOM_SEED replays a run; LISSOM_SCALE shortens it.
#include <algorithm>
#include <cinttypes>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/history.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/manual_clock.h"
#include "util/memory_file_system.h"
#include "util/random.h"
#include "util/strings.h"

namespace lissom {
namespace {

using Map = std::map<std::string, std::string, std::less<>>;

// Keys of writes with the WAL off begin with this: after a power cut they have
// a history of their own.
constexpr std::string_view kUnlogged = "~unlogged~";

enum class KeyShape {
  kRandomBytes,
  kUser,
  kDigits,
  kUrl,
  kFewKeys,
  kOneKey,
  kShort
};
constexpr int kKeyShapes = 7;

std::string MakeKey(KeyShape shape, Random& random) {
  char text[64];
  switch (shape) {
    case KeyShape::kRandomBytes: {
      Random of_key(random.Uniform(3000));
      std::string key(of_key.Uniform(20), '\0');
      for (char& c : key) c = static_cast<char>(of_key.Next() >> 56);
      return key;
    }
    case KeyShape::kUser:
      std::snprintf(text, sizeof text, "user%012" PRIu64,
                    random.Uniform(3000) * 7919);
      return text;
    case KeyShape::kDigits:
      std::snprintf(text, sizeof text, "%016" PRIu64, random.Uniform(3000));
      return text;
    case KeyShape::kUrl:
      std::snprintf(text, sizeof text,
                    "https://example.org/%" PRIu64 "/p%" PRIu64 ".html",
                    random.Uniform(20), random.Uniform(150));
      return text;
    case KeyShape::kFewKeys:
      return std::string(1 + random.Uniform(12),
                         static_cast<char>(random.Uniform(3) * 127));
    case KeyShape::kOneKey:
      return random.OneIn(50) ? "other" : "the one key";
    case KeyShape::kShort: {
      std::string key(random.Uniform(3), '\0');
      for (char& c : key) c = static_cast<char>(random.Next() >> 56);
      return key;
    }
  }
  return {};
}

class ModelTest : public testing::TestWithParam<int> {
 protected:
  // --- The database under test ---

  Options DrawOptions() {
    Options options;
    options.create_if_missing = true;
    options.file_system = files_;
    options.executor =
        std::make_shared<SimulatedExecutor>(random_.Next(), clock_);
    options.clock = clock_;
    options.info_log = std::make_shared<NullLogger>();
    options.random_seed = random_.Next() | 1;
    options.comparator =
        reverse_ ? ReverseBytewiseComparator() : BytewiseComparator();
    options.write_buffer_size = size_t{64} << (10 + random_.Uniform(4));
    options.max_write_buffer_number = 2 + static_cast<int>(random_.Uniform(3));
    options.block_cache_size =
        random_.OneIn(4) ? 0 : size_t{16} << (10 + random_.Uniform(8));
    options.block_size = size_t{512} << random_.Uniform(6);
    options.compression = {
        random_.OneIn(2) ? Compression::None() : Compression::Zstd(1),
        random_.OneIn(2) ? Compression::None() : Compression::Zstd(-3),
        random_.OneIn(2) ? Compression::Zstd(1, 1024 << random_.Uniform(3))
                         : Compression::Zstd(-1)};
    options.filter_policy =
        random_.OneIn(4)
            ? FilterPolicy::None()
            : FilterPolicy::Bloom(2 + static_cast<double>(random_.Uniform(14)));
    options.target_file_size_base = size_t{16} << (10 + random_.Uniform(5));
    options.max_bytes_for_level_base = uint64_t{32}
                                       << (10 + random_.Uniform(5));
    options.max_bytes_for_level_multiplier =
        2 + static_cast<double>(random_.Uniform(9));
    options.level0_file_num_compaction_trigger =
        1 + static_cast<int>(random_.Uniform(5));
    options.level0_slowdown_writes_trigger =
        1 + static_cast<int>(random_.Uniform(40));
    if (random_.OneIn(2)) {
      options.max_total_wal_size = uint64_t{64} << (10 + random_.Uniform(5));
    }
    return options;
  }

  void Open() {
    const Options options = DrawOptions();
    executor_ = static_cast<SimulatedExecutor*>(options.executor.get());
    absl::StatusOr<std::unique_ptr<DB>> db = DB::Open(options, "/db");
    ASSERT_TRUE(db.ok()) << db.status();
    db_ = *std::move(db);
  }

  // --- One step ---

  void Step() {
    const uint64_t kind = random_.Uniform(1000);
    if (kind < 550) {
      WriteStep();
    } else if (kind < 880) {
      GetStep();
    } else if (kind < 960) {
      WalkStep();
    } else if (kind < 980) {
      SnapshotStep();
    } else if (kind < 995) {
      executor_->RunOne();
    } else if (random_.OneIn(8)) {
      MaintenanceStep();
    }
  }

  void WriteStep() {
    WriteOptions options;
    options.disable_wal = random_.OneIn(6);
    options.sync = !options.disable_wal && random_.OneIn(50);
    options.no_slowdown = random_.OneIn(5);
    if (random_.OneIn(5)) {
      options.timeout = absl::Microseconds(random_.Uniform(2000));
    }
    WriteBatch batch;
    std::vector<std::pair<std::string, std::optional<std::string>>> changes;
    for (uint64_t i = random_.OneIn(8) ? random_.Uniform(30) : 1; i > 0; --i) {
      std::string key = MakeKey(shape_, random_);
      if (options.disable_wal) key.insert(0, kUnlogged);
      if (random_.OneIn(4)) {
        batch.Delete(key);
        changes.emplace_back(std::move(key), std::nullopt);
      } else {
        std::string value(
            random_.OneIn(60) ? random_.Uniform(20000) : random_.Uniform(120),
            static_cast<char>('a' + random_.Uniform(26)));
        value += std::to_string(counter_++);
        batch.Put(key, value);
        changes.emplace_back(std::move(key), std::move(value));
      }
    }
    const absl::Status status = db_->Write(options, batch);
    if (!status.ok()) {  // And without effect.
      ASSERT_TRUE((options.no_slowdown && absl::IsUnavailable(status)) ||
                  (options.timeout != absl::InfiniteDuration() &&
                   absl::IsDeadlineExceeded(status)))
          << status;
      ++turned_away_;
      return;
    }
    History& history = options.disable_wal ? unlogged_ : history_;
    for (const auto& [key, value] : changes) {
      if (value.has_value()) {
        history.Put(key, *value);
        model_[key] = *value;
      } else {
        history.Delete(key);
        model_.erase(key);
      }
    }
    history.EndBatch();
    if (options.sync) durable_ = history_.batches();
  }

  // A Flush or Close came after everything.
  void NoteFlushed() {
    durable_ = history_.batches();
    durable_unlogged_ = unlogged_.batches();
  }

  struct Pinned {
    std::unique_ptr<const Snapshot> snapshot;
    Map model;
  };

  // The present, or one of the snapshots.
  const Map& DrawState(ReadOptions* options) {
    if (pinned_.empty() || random_.OneIn(2)) return model_;
    const Pinned& pinned = pinned_[random_.Uniform(pinned_.size())];
    options->snapshot = pinned.snapshot.get();
    return pinned.model;
  }

  void GetStep() {
    ReadOptions options;
    const Map& expected = DrawState(&options);
    options.fill_cache = !random_.OneIn(4);
    const std::string key = MakeKey(shape_, random_);
    const auto it = expected.find(key);
    std::string value;
    absl::Status status;
    if (random_.OneIn(2)) {
      status = db_->Get(options, key, &value);
    } else {
      PinnedValue pinned;
      status = db_->Get(options, key, &pinned);
      value = pinned.ToString();
    }
    if (it == expected.end()) {
      ASSERT_TRUE(IsNotFound(status)) << Escape(key) << ": " << status;
      ASSERT_TRUE(status.message().empty());
    } else {
      ASSERT_TRUE(status.ok()) << Escape(key) << ": " << status;
      ASSERT_EQ(value, it->second) << Escape(key);
    }
  }

  // Entries of a state in the database's order, within bounds.
  using Entries = std::vector<std::pair<std::string_view, std::string_view>>;
  Entries InOrder(const Map& map, const ReadOptions& options) const {
    Entries entries;
    for (const auto& [key, value] : map) entries.emplace_back(key, value);
    if (reverse_) std::reverse(entries.begin(), entries.end());
    const auto before = [&](std::string_view a, std::string_view b) {
      return reverse_ ? b < a : a < b;
    };
    std::erase_if(entries, [&](const auto& e) {
      return (options.iterate_lower_bound &&
              before(e.first, *options.iterate_lower_bound)) ||
             (options.iterate_upper_bound &&
              !before(e.first, *options.iterate_upper_bound));
    });
    return entries;
  }

  // Walks an iterator at random and compares each position.
  void WalkStep() {
    if (!random_.OneIn(4)) return;  // It is the dearest step.
    ReadOptions options;
    const Map& state = DrawState(&options);
    if (random_.OneIn(3))
      options.iterate_lower_bound = MakeKey(shape_, random_);
    if (random_.OneIn(3))
      options.iterate_upper_bound = MakeKey(shape_, random_);
    const Entries expected = InOrder(state, options);
    const std::unique_ptr<Iterator> it = db_->NewIterator(options);
    if (random_.OneIn(10)) {  // Writes after it do not show.
      ASSERT_TRUE(db_->Put({}, "zz temporary", "1").ok());
      history_.Put("zz temporary", "1");
      history_.EndBatch();
      ASSERT_TRUE(db_->Delete({}, "zz temporary").ok());
      history_.Delete("zz temporary");
      model_.erase("zz temporary");  // A power cut may have left it.
      history_.EndBatch();
    }
    size_t at = expected.size();  // Not valid.
    for (uint64_t moves = random_.OneIn(20) ? 3000 : 12; moves-- > 0;) {
      at = Move(*it, expected, at);
      ASSERT_TRUE(it->status().ok()) << it->status();
      ASSERT_EQ(it->Valid(), at < expected.size());
      if (!it->Valid()) continue;
      ASSERT_EQ(Escape(it->key()), Escape(expected[at].first));
      ASSERT_EQ(it->value(), expected[at].second);
    }
  }

  size_t Move(Iterator& it, const Entries& expected, size_t at) {
    const size_t none = expected.size();
    const auto before = [&](std::string_view a, std::string_view b) {
      return reverse_ ? b < a : a < b;
    };
    const uint64_t move = random_.Uniform(at == none ? 4 : 20);
    if (move == 0) {
      it.SeekToFirst();
      return 0;
    }
    if (move == 1) {
      it.SeekToLast();
      return expected.empty() ? none : expected.size() - 1;
    }
    if (move < 4) {
      const std::string target = MakeKey(shape_, random_);
      const size_t bound = static_cast<size_t>(
          std::partition_point(
              expected.begin(), expected.end(),
              [&](const auto& e) { return before(e.first, target); }) -
          expected.begin());
      if (move == 2) {
        it.Seek(target);
        return bound;
      }
      it.SeekForPrev(target);
      if (bound < none && expected[bound].first == target) return bound;
      return bound == 0 ? none : bound - 1;
    }
    if (move < 12) {
      it.Next();
      return at + 1;
    }
    it.Prev();
    return at == 0 ? none : at - 1;
  }

  void SnapshotStep() {
    if (pinned_.size() < 4 && random_.OneIn(2)) {
      pinned_.push_back({db_->GetSnapshot(), model_});
    } else if (!pinned_.empty()) {
      pinned_.erase(pinned_.begin() +
                    static_cast<ptrdiff_t>(random_.Uniform(pinned_.size())));
    }
  }

  void MaintenanceStep() {
    switch (random_.Uniform(6)) {
      case 0:
        ASSERT_TRUE(db_->Flush().ok());
        NoteFlushed();
        break;
      case 1:
        ASSERT_TRUE(db_->SyncWal().ok());
        durable_ = history_.batches();
        break;
      case 2:
        ASSERT_TRUE(db_->WaitForIdle().ok());
        break;
      case 3:
        pinned_.clear();
        ASSERT_TRUE(db_->Close().ok());
        NoteFlushed();
        Open();
        break;
      default:
        Crash();
    }
  }

  // A power cut: what is left must be a prefix that keeps what was durable; the
  // model goes back to it.
  void Crash() {
    pinned_.clear();
    const CrashPolicy policies[] = {CrashPolicy::SyncedOnly(),
                                    CrashPolicy::Everything(),
                                    CrashPolicy::RandomSubset(random_.Next()),
                                    CrashPolicy::Torn(random_.Next())};
    const CrashPolicy& policy = policies[random_.Uniform(4)];
    SCOPED_TRACE(ToString(policy));
    std::shared_ptr<MemoryFileSystem> image = files_->CrashImageNow(policy);
    db_.reset();
    // A copy without the log of the past, which would only grow.
    files_ = image;
    Open();
    if (HasFatalFailure()) return;
    model_.clear();
    History logged, unlogged;
    uint64_t hash = 0;
    uint64_t unlogged_hash = 0;
    ASSERT_TRUE(
        ForEach(*db_, {}, [&](std::string_view key, std::string_view value) {
          model_.emplace(key, value);
          const bool off = key.starts_with(kUnlogged);
          (off ? unlogged : logged).Put(key, value);
          (off ? unlogged_hash : hash) += History::EntryHash(key, value);
          return true;
        }).ok());
    const size_t least = policy.kind == CrashPolicy::Kind::kEverything
                             ? history_.batches()
                             : durable_;
    ASSERT_TRUE(history_.Find(hash, least, history_.batches()).has_value());
    ASSERT_TRUE(
        unlogged_.Find(unlogged_hash, durable_unlogged_, unlogged_.batches())
            .has_value());
    history_ = std::move(logged);
    unlogged_ = std::move(unlogged);
    history_.EndBatch();
    unlogged_.EndBatch();
    NoteFlushed();
  }

  const uint64_t seed_ = TestSeed() + static_cast<uint64_t>(GetParam());
  Random random_{seed_};
  KeyShape shape_ = static_cast<KeyShape>(GetParam() % kKeyShapes);
  bool reverse_ = random_.OneIn(4);
  std::shared_ptr<MemoryFileSystem> files_ = std::make_shared<MemoryFileSystem>(
      MemoryFileSystem::Options{.record_operations = false});
  const std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  SimulatedExecutor* executor_ = nullptr;
  std::unique_ptr<DB> db_;
  Map model_;
  History history_;   // Of writes with the WAL on.
  History unlogged_;  // Of the others.
  size_t durable_ = 0;
  size_t durable_unlogged_ = 0;
  uint64_t turned_away_ = 0;  // Out of patience, or of time.
  uint64_t counter_ = 0;
  std::vector<Pinned> pinned_;
};

TEST_P(ModelTest, AnswersLikeAMap) {
  SCOPED_TRACE(testing::Message()
               << "LISSOM_SEED=" << seed_ - static_cast<uint64_t>(GetParam()));
  Open();
  // All shapes together: a million.
  const uint64_t steps = Scaled(1'000'000 / kKeyShapes + 1, 1000);
  for (uint64_t i = 0; i < steps && !HasFailure(); ++i) {
    SCOPED_TRACE(testing::Message() << "step " << i);
    Step();
  }
  pinned_.clear();
  if (HasFailure()) return;
  EXPECT_TRUE(db_->Close().ok());
  std::printf("%" PRIu64 " writes were turned away\n", turned_away_);
}

INSTANTIATE_TEST_SUITE_P(KeyShapes, ModelTest, testing::Range(0, kKeyShapes));

}  // namespace
}  // namespace lissom
