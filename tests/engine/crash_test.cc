// Power cuts. A scripted workload runs on the memory file system; then, after
// every single operation of it, images of what a power cut there could have
// left are drawn, opened, and compared with the history of writes.
//
// What must hold of every image (db/README.md):
//   it opens (P7), holds the state after exactly n batches (P3, P4), n not
//   below the last write that was acknowledged as durable (P1), and, if nothing
//   at all was lost (kill -9), not below the last acknowledged one (P2).
// Writes with the WAL off have keys and a history of their own: of them, all
// are there that a Flush or Close came after.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/history.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/memory_file_system.h"
#include "util/random.h"

namespace lissom {
namespace {

Options SmallOptions(std::shared_ptr<FileSystem> files, uint64_t seed) {
  Options options;
  options.create_if_missing = true;
  options.file_system = std::move(files);
  options.executor = std::make_shared<SimulatedExecutor>(seed);
  options.info_log = std::make_shared<NullLogger>();
  options.random_seed = seed | 1;
  options.write_buffer_size = size_t{64} << 10;
  options.max_write_buffer_number = 3;
  options.block_cache_size = size_t{1} << 20;
  options.block_size = 1024;
  options.target_file_size_base = size_t{32} << 10;
  options.max_bytes_for_level_base = uint64_t{128} << 10;
  options.level0_file_num_compaction_trigger = 2;
  return options;
}

// Keys of writes with the WAL off begin with this.
constexpr std::string_view kUnlogged = "~";

// What a database holds now, of the logged keys and of the others.
struct Hashes {
  uint64_t logged = 0;
  uint64_t unlogged = 0;
};
absl::StatusOr<Hashes> HashesOf(DB& db) {
  Hashes hashes;
  const absl::Status status =
      ForEach(db, {}, [&](std::string_view key, std::string_view value) {
        (key.starts_with(kUnlogged) ? hashes.unlogged : hashes.logged) +=
            History::EntryHash(key, value);
        return true;
      });
  if (!status.ok()) return status;
  return hashes;
}

// Runs the workload and remembers what was promised when.
class Script {
 public:
  explicit Script(uint64_t seed)
      : seed_(seed),
        random_(seed),
        files_(std::make_shared<MemoryFileSystem>()) {}

  void Run(size_t writes) {
    Open();
    for (size_t i = 0; i < writes; ++i) {
      Step();
      if (testing::Test::HasFatalFailure()) return;
    }
    ASSERT_TRUE(db_->Close().ok());
    NoteFlushed();
    db_.reset();
  }

  const MemoryFileSystem& files() const { return *files_; }
  const History& history() const { return history_; }
  const History& unlogged() const { return unlogged_; }

  // Bounds of what may be found after a crash at `operations`.
  size_t LeastDurable(size_t operations) const {
    return At(durable_, operations);
  }
  size_t LeastAcknowledged(size_t operations) const {
    return At(acknowledged_, operations);
  }
  size_t MostStarted(size_t operations) const {
    return At(started_, operations);
  }
  size_t LeastUnlogged(size_t operations) const {
    return At(flushed_unlogged_, operations);
  }
  size_t MostUnlogged(size_t operations) const {
    return At(started_unlogged_, operations);
  }

 private:
  struct Moment {
    size_t operations;
    size_t batches;
  };

  static size_t At(const std::vector<Moment>& moments, size_t operations) {
    const auto it = std::upper_bound(
        moments.begin(), moments.end(), operations,
        [](size_t value, const Moment& m) { return value < m.operations; });
    return it == moments.begin() ? 0 : std::prev(it)->batches;
  }

  void Open() {
    absl::StatusOr<std::unique_ptr<DB>> db =
        DB::Open(SmallOptions(files_, ++seed_), "/db");
    ASSERT_TRUE(db.ok()) << db.status();
    db_ = *std::move(db);
  }

  void Note(std::vector<Moment>& moments) {
    moments.push_back({files_->operation_count(), history_.batches()});
  }
  void NoteUnlogged(std::vector<Moment>& moments) {
    moments.push_back({files_->operation_count(), unlogged_.batches()});
  }
  void NoteDurable() { Note(durable_); }
  // A Flush or Close came after everything.
  void NoteFlushed() {
    NoteDurable();
    NoteUnlogged(flushed_unlogged_);
  }

  std::string Key() {
    const uint64_t n = random_.Uniform(600);
    return (n % 3 == 0 ? "user" : "k") + std::to_string(n * n % 997);
  }
  std::string Value() {
    std::string value(
        random_.OneIn(40) ? random_.Uniform(9000) : random_.Uniform(300),
        static_cast<char>('a' + random_.Uniform(26)));
    value += std::to_string(history_.batches());
    return value;
  }

  void Step() {
    const uint64_t kind = random_.Uniform(1000);
    if (kind < 4) {
      ASSERT_TRUE(db_->Flush().ok());
      NoteFlushed();
    } else if (kind < 10) {
      ASSERT_TRUE(db_->SyncWal().ok());
      NoteDurable();
    } else if (kind < 12) {
      ASSERT_TRUE(db_->WaitForIdle().ok());
    } else if (kind < 15) {
      // Reopened: closed cleanly, or left to the destructor, which closes too.
      if (random_.OneIn(2)) {
        ASSERT_TRUE(db_->Close().ok());
      }
      db_.reset();
      NoteFlushed();
      Open();
    } else if (kind < 120) {
      UnloggedStep();
    } else {
      WriteBatchStep(/*sync=*/random_.OneIn(12));
    }
  }

  void UnloggedStep() {
    WriteBatch batch;
    for (uint64_t i = 1 + random_.Uniform(3); i > 0; --i) {
      const std::string key = std::string(kUnlogged) + Key();
      const std::string value = Value();
      batch.Put(key, value);
      unlogged_.Put(key, value);
    }
    unlogged_.EndBatch();
    NoteUnlogged(started_unlogged_);
    ASSERT_TRUE(db_->Write({.disable_wal = true}, batch).ok());
  }

  void WriteBatchStep(bool sync) {
    WriteBatch batch;
    const uint64_t changes = random_.OneIn(4) ? 1 + random_.Uniform(12) : 1;
    for (uint64_t i = 0; i < changes; ++i) {
      const std::string key = Key();
      if (random_.OneIn(5)) {
        batch.Delete(key);
        history_.Delete(key);
      } else {
        const std::string value = Value();
        batch.Put(key, value);
        history_.Put(key, value);
      }
    }
    if (random_.OneIn(50)) batch.PutLogData("a note");
    history_.EndBatch();
    Note(started_);
    ASSERT_TRUE(db_->Write({.sync = sync}, batch).ok());
    Note(acknowledged_);
    if (sync) NoteDurable();
  }

  uint64_t seed_;
  Random random_;
  std::shared_ptr<MemoryFileSystem> files_;
  std::unique_ptr<DB> db_;
  History history_;
  History unlogged_;
  std::vector<Moment> started_;
  std::vector<Moment> acknowledged_;
  std::vector<Moment> durable_;
  std::vector<Moment> started_unlogged_;
  std::vector<Moment> flushed_unlogged_;
};

class CrashTest : public testing::Test {
 protected:
  // How many batches a state may come after.
  struct Bounds {
    size_t least, most;
    size_t least_unlogged, most_unlogged;
  };
  // Exactly so many.
  struct Found {
    size_t logged, unlogged;
    Bounds bounds() const { return {logged, logged, unlogged, unlogged}; }
  };

  // Opens the image and returns after how many batches it stands.
  std::optional<Found> Recover(std::shared_ptr<MemoryFileSystem> image,
                               uint64_t seed, const Bounds& bounds) {
    absl::StatusOr<std::unique_ptr<DB>> db =
        DB::Open(SmallOptions(image, seed), "/db");
    EXPECT_TRUE(db.ok()) << db.status();
    if (!db.ok()) return std::nullopt;
    const absl::StatusOr<Hashes> hashes = HashesOf(**db);
    EXPECT_TRUE(hashes.ok()) << hashes.status();
    if (!hashes.ok()) return std::nullopt;
    const std::optional<size_t> logged =
        script_->history().Find(hashes->logged, bounds.least, bounds.most);
    EXPECT_TRUE(logged.has_value())
        << "the state is that after none of the batches " << bounds.least
        << " to " << bounds.most;
    const std::optional<size_t> unlogged = script_->unlogged().Find(
        hashes->unlogged, bounds.least_unlogged, bounds.most_unlogged);
    EXPECT_TRUE(unlogged.has_value())
        << "with the WAL off, the state is that after none of the batches "
        << bounds.least_unlogged << " to " << bounds.most_unlogged;
    std::optional<Found> found;
    if (logged.has_value() && unlogged.has_value()) {
      found = Found{*logged, *unlogged};
    }
    // It goes on working.
    if (found.has_value() && seed % 16 == 0) {
      EXPECT_TRUE((*db)->Put({.sync = true}, "after the crash", "x").ok());
      EXPECT_EQ((*db)->Get("after the crash").value_or("gone"), "x");
    }
    EXPECT_TRUE((*db)->Close().ok());
    return found;
  }

  void CheckImage(const CrashReplayer& replayer, const CrashPolicy& policy,
                  uint64_t seed) {
    const size_t at = replayer.position();
    SCOPED_TRACE(testing::Message()
                 << "crash after operation " << at << ", " << ToString(policy));
    const Bounds bounds{.least = policy.kind == CrashPolicy::Kind::kEverything
                                     ? script_->LeastAcknowledged(at)
                                     : script_->LeastDurable(at),
                        .most = script_->MostStarted(at),
                        .least_unlogged = script_->LeastUnlogged(at),
                        .most_unlogged = script_->MostUnlogged(at)};
    // Until the creation was durable there may be no database at all.
    const std::shared_ptr<MemoryFileSystem> image = replayer.Image(policy);
    const std::optional<Found> found = Recover(image, seed, bounds);
    ++images_;
    if (found.has_value() && seed % nested_every_ == 0) {
      CheckCrashesInRecovery(replayer, policy, seed, *found);
    }
  }

  // The image again, and a crash at every operation of its recovery: the image
  // is durable as a whole, so the outcome must be the same.
  void CheckCrashesInRecovery(const CrashReplayer& replayer,
                              const CrashPolicy& policy, uint64_t seed,
                              const Found& expected) {
    const std::shared_ptr<MemoryFileSystem> image = replayer.Image(policy);
    {
      absl::StatusOr<std::unique_ptr<DB>> db =
          DB::Open(SmallOptions(image, seed), "/db");
      ASSERT_TRUE(db.ok()) << db.status();
    }
    CrashReplayer nested(*image);
    for (size_t n = 0; n <= image->operation_count(); ++n) {
      nested.AdvanceTo(n);
      for (const CrashPolicy& second :
           {CrashPolicy::SyncedOnly(), CrashPolicy::Torn(seed + n)}) {
        SCOPED_TRACE(testing::Message()
                     << "and in its recovery after operation " << n << ", "
                     << ToString(second));
        Recover(nested.Image(second), seed + n, expected.bounds());
        ++nested_images_;
        if (HasFailure()) return;
      }
    }
  }

  void CheckAllImages(size_t random_images) {
    CrashReplayer replayer(script_->files());
    for (size_t n = 0; n <= script_->files().operation_count(); ++n) {
      replayer.AdvanceTo(n);
      CheckImage(replayer, CrashPolicy::SyncedOnly(), n);
      CheckImage(replayer, CrashPolicy::Everything(), n);
      for (size_t i = 0; i < random_images; ++i) {
        const uint64_t seed = seed_ + n * 100 + i;
        CheckImage(replayer, CrashPolicy::RandomSubset(seed), seed);
        CheckImage(replayer, CrashPolicy::Torn(seed), seed);
      }
      if (HasFailure()) break;
    }
    RecordProperty("images", static_cast<int>(images_));
    std::printf("%zu operations, %zu images, %zu of them in recoveries\n",
                script_->files().operation_count(), images_ + nested_images_,
                nested_images_);
  }

  const uint64_t seed_ = TestSeed();
  std::unique_ptr<Script> script_;
  size_t images_ = 0;
  size_t nested_images_ = 0;
  size_t nested_every_ = 200;
};

TEST_F(CrashTest, EveryOperationLeavesAPrefixOfTheHistory) {
  SCOPED_TRACE(testing::Message() << "LISSOM_SEED=" << seed_);
  script_ = std::make_unique<Script>(seed_);
  script_->Run(Scaled(3300, 100));
  ASSERT_FALSE(HasFatalFailure());
  if (Scaled(100) == 100) {
    EXPECT_GE(script_->files().operation_count(), 3000u);
  }
  CheckAllImages(/*random_images=*/1);
}

}  // namespace
}  // namespace lissom
