// Writers, readers, iterators, snapshots, flushes and compactions at once, on
// real threads: every answer is checked, and TSan watches (./dev tsan).
#include <atomic>
#include <cinttypes>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/test_env.h"
#include "util/memory_file_system.h"
#include "util/random.h"

namespace lissom {
namespace {

constexpr int kWriters = 3;
constexpr int kReaders = 3;
constexpr uint64_t kKeys = 400;  // Of each writer.

// Each batch writes the pair of keys of one index with one value, and counts
// up: a reader at one moment finds both equal and never older than it knows of.
std::string KeyOf(int writer, uint64_t index, char half) {
  char text[32];
  std::snprintf(text, sizeof text, "%d/%06" PRIu64 "/%c", writer, index, half);
  return text;
}

class ConcurrencyTest : public testing::Test {
 protected:
  ConcurrencyTest() {
    Options options;
    options.create_if_missing = true;
    options.file_system = std::make_shared<MemoryFileSystem>(
        MemoryFileSystem::Options{.record_operations = false});
    options.info_log = std::make_shared<NullLogger>();
    options.write_buffer_size = size_t{64} << 10;
    options.target_file_size_base = size_t{32} << 10;
    options.max_bytes_for_level_base = uint64_t{128} << 10;
    options.level0_file_num_compaction_trigger = 2;
    options.block_cache_size = size_t{128} << 10;  // Evictions under readers.
    db_ = *DB::Open(options, "/db");
    for (auto& writer : latest_) {
      for (auto& value : writer) value.store(0);
    }
  }

  void Write(int writer, uint64_t rounds, uint64_t seed) {
    Random random(seed);
    for (uint64_t n = 1; n <= rounds; ++n) {
      const uint64_t index = random.Uniform(kKeys);
      WriteBatch batch;
      const std::string value =
          std::to_string(n) + std::string(random.Uniform(200), '.');
      batch.Put(KeyOf(writer, index, 'a'), value);
      batch.Put(KeyOf(writer, index, 'b'), value);
      if (!db_->Write({.sync = n % 64 == 0}, batch).ok()) {
        ADD_FAILURE() << "write failed";
        return;
      }
      latest_[writer][index].store(n);
    }
  }

  void ReadPair(Random& random) {
    const int writer = static_cast<int>(random.Uniform(kWriters));
    const uint64_t index = random.Uniform(kKeys);
    const uint64_t known = latest_[writer][index].load();
    const std::unique_ptr<const Snapshot> snapshot = db_->GetSnapshot();
    std::string a, b;
    const absl::Status status =
        db_->Get({.snapshot = snapshot.get()}, KeyOf(writer, index, 'a'), &a);
    const absl::Status status_b =
        db_->Get({.snapshot = snapshot.get()}, KeyOf(writer, index, 'b'), &b);
    EXPECT_EQ(status.code(), status_b.code());
    if (known > 0) {
      EXPECT_TRUE(status.ok()) << status;
      EXPECT_GE(std::strtoull(a.c_str(), nullptr, 10), known) << "an old value";
    }
    if (status.ok()) {
      EXPECT_EQ(a, b) << "half a batch";
    }
  }

  void ReadLatest(Random& random) {
    const int writer = static_cast<int>(random.Uniform(kWriters));
    const uint64_t index = random.Uniform(kKeys);
    const uint64_t known = latest_[writer][index].load();
    PinnedValue value;
    const absl::Status status = db_->Get({}, KeyOf(writer, index, 'b'), &value);
    if (known == 0) return;
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_GE(std::strtoull(value.ToString().c_str(), nullptr, 10), known);
  }

  // A scan is sorted and sees whole batches, both ways.
  void Scan(bool backwards) {
    const std::unique_ptr<Iterator> it = db_->NewIterator();
    std::vector<std::pair<std::string, std::string>> entries;
    for (backwards ? it->SeekToLast() : it->SeekToFirst(); it->Valid();
         backwards ? it->Prev() : it->Next()) {
      entries.emplace_back(it->key(), it->value());
    }
    EXPECT_TRUE(it->status().ok()) << it->status();
    EXPECT_EQ(entries.size() % 2, 0u);
    for (size_t i = 0; i + 1 < entries.size(); i += 2) {
      EXPECT_EQ(entries[i].second, entries[i + 1].second) << entries[i].first;
      if (i > 0) {
        EXPECT_EQ(backwards, entries[i].first < entries[i - 1].first);
      }
    }
  }

  std::unique_ptr<DB> db_;
  std::atomic<uint64_t> latest_[kWriters][kKeys];
};

TEST_F(ConcurrencyTest, EveryReadIsRightUnderEverythingAtOnce) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(testing::Message() << "LISSOM_SEED=" << seed);
  const uint64_t rounds = Scaled(20000, 500);
  std::atomic<bool> done{false};
  std::atomic<uint64_t> reads{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < kReaders; ++r) {
    readers.emplace_back([&, r] {
      Random random(seed + 100 + static_cast<uint64_t>(r));
      while (!done.load() && !HasFailure()) {
        switch (random.Uniform(200)) {
          case 0:
            Scan(false);
            break;
          case 1:
            Scan(true);
            break;
          case 2:
            EXPECT_TRUE(db_->Flush({.wait = random.OneIn(2)}).ok());
            break;
          case 3:
            EXPECT_TRUE(db_->SyncWal().ok());
            break;
          default:
            random.OneIn(2) ? ReadPair(random) : ReadLatest(random);
        }
        reads.fetch_add(1);
      }
    });
  }
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back(
        [&, w] { Write(w, rounds, seed + static_cast<uint64_t>(w)); });
  }
  for (std::thread& writer : writers) writer.join();
  done.store(true);
  for (std::thread& reader : readers) reader.join();
  EXPECT_TRUE(db_->WaitForIdle().ok());
  Scan(false);
  EXPECT_TRUE(db_->Close().ok());
  std::printf("%" PRIu64 " writes, %" PRIu64 " reads\n", rounds * kWriters,
              reads.load());
}

TEST_F(ConcurrencyTest, CloseRacesWithEverything) {
  const uint64_t seed = TestSeed();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Random random(seed + static_cast<uint64_t>(t));
      for (uint64_t i = 0;; ++i) {
        const std::string key = KeyOf(t, random.Uniform(kKeys), 'a');
        std::string value;
        const absl::Status status =
            random.OneIn(2) ? db_->Put({.sync = random.OneIn(10)}, key, "v")
                            : db_->Get({}, key, &value);
        if (absl::IsCancelled(status)) return;
        if (!status.ok() && !IsNotFound(status)) {
          ADD_FAILURE() << status;
          return;
        }
        if (i == 2000 && t == 0) {
          EXPECT_TRUE(db_->Close().ok());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace lissom
