// VerifyChecksums finds damage wherever it lies; ApproximateSizes says what
// ranges take on disk.
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/fault_injection_file_system.h"
#include "util/memory_file_system.h"
#include "util/random.h"

namespace lissom {
namespace {

std::string Key(int n) { return "key" + std::to_string(100'000 + n); }

class VerifyTest : public testing::Test {
 protected:
  static constexpr int kKeys = 3000;

  VerifyTest() { Open(); }

  void Open(size_t cache_bytes = size_t{8} << 20) {
    db_.reset();
    Options options;
    options.create_if_missing = true;
    options.file_system = files_;
    options.executor = std::make_shared<SimulatedExecutor>(1);
    options.info_log = std::make_shared<NullLogger>();
    options.block_size = 1024;
    options.block_cache_size = cache_bytes;
    options.write_buffer_size = size_t{64} << 10;
    options.target_file_size_base = size_t{64} << 10;
    options.max_bytes_for_level_base = uint64_t{128} << 10;
    db_ = *DB::Open(options, "/db");
  }

  // Tables on several levels.
  void Fill() {
    Random random(5);
    for (int i = 0; i < 3 * kKeys; ++i) {
      std::string value(100, '\0');
      for (char& c : value) c = static_cast<char>(random.Next() >> 56);
      ASSERT_TRUE(
          db_->Put({}, Key(static_cast<int>(random.Uniform(kKeys))), value)
              .ok());
    }
    ASSERT_TRUE(db_->Flush().ok());
    ASSERT_TRUE(db_->WaitForIdle().ok());
  }

  std::vector<std::string> FilesLike(const std::string& part) const {
    std::vector<std::string> found;
    for (const std::string& path : memory_->Files()) {
      if (path.find(part) != std::string::npos) found.push_back(path);
    }
    return found;
  }

  const std::shared_ptr<MemoryFileSystem> memory_ =
      std::make_shared<MemoryFileSystem>(
          MemoryFileSystem::Options{.record_operations = false});
  const std::shared_ptr<FaultInjectionFileSystem> files_ =
      std::make_shared<FaultInjectionFileSystem>(memory_);
  std::unique_ptr<DB> db_;
};

TEST_F(VerifyTest, ASoundDatabaseIsReadWholeAndWellSpokenOf) {
  EXPECT_TRUE(db_->VerifyChecksums().ok());  // An empty one, too.
  Fill();
  uint64_t bytes = 0;
  for (const std::string& path : FilesLike(".sst")) {
    bytes += memory_->GetBytes(path)->size();
  }
  for (int round = 0; round < 2; ++round) {  // Whatever the cache holds.
    files_->ResetCounters();
    EXPECT_EQ(db_->VerifyChecksums(), absl::OkStatus());
    EXPECT_GE(files_->bytes_read(IoContext::Kind::kTable), bytes);
  }
}

TEST_F(VerifyTest, AFlippedBitIsFoundInEveryPartOfEveryTable) {
  Fill();
  Random random(TestSeed());
  const std::vector<std::string> tables = FilesLike(".sst");
  ASSERT_GT(tables.size(), 3u);
  for (const std::string& path : tables) {
    const std::string sound = *memory_->GetBytes(path);
    std::vector<uint64_t> places = {0, sound.size() / 2, sound.size() - 1,
                                    // The footer, and what lies before it.
                                    sound.size() - 60, sound.size() - 100,
                                    sound.size() - 200, sound.size() - 400};
    for (int i = 0; i < 5; ++i) places.push_back(random.Uniform(sound.size()));
    for (const uint64_t at : places) {
      ASSERT_TRUE(memory_->FlipBit(path, at * 8 + random.Uniform(8)).ok());
      const absl::Status status = db_->VerifyChecksums();
      ASSERT_TRUE(absl::IsDataLoss(status)) << path << " at " << at << status;
      const auto detail = DetailOf(status);
      ASSERT_TRUE(detail.has_value());
      EXPECT_EQ(detail->file, path);
      EXPECT_LE(detail->offset, at);
      ASSERT_TRUE(memory_->SetBytes(path, sound).ok());
    }
  }
  EXPECT_EQ(db_->VerifyChecksums(), absl::OkStatus());
}

TEST_F(VerifyTest, ATableThatIsGoneOrAnotherOneIsFound) {
  Fill();
  const std::vector<std::string> tables = FilesLike(".sst");
  const std::string first = *memory_->GetBytes(tables[0]);
  ASSERT_TRUE(memory_->SetBytes(tables[0], *memory_->GetBytes(tables[1])).ok());
  EXPECT_TRUE(absl::IsDataLoss(db_->VerifyChecksums()));
  ASSERT_TRUE(memory_->RemoveFile(tables[0], {}).ok());
  const absl::Status gone = db_->VerifyChecksums();
  EXPECT_TRUE(absl::IsDataLoss(gone)) << gone;
  EXPECT_EQ(DetailOf(gone)->file, tables[0]);
  ASSERT_TRUE(memory_->SetBytes(tables[0], first).ok());
  EXPECT_TRUE(db_->VerifyChecksums().ok());
}

TEST_F(VerifyTest, ADamagedManifestIsFound) {
  Fill();
  for (const std::string& path :
       {FilesLike("MANIFEST")[0], std::string("/db/CURRENT")}) {
    const std::string sound = *memory_->GetBytes(path);
    ASSERT_TRUE(memory_->FlipBit(path, sound.size() / 2 * 8).ok());
    const absl::Status status = db_->VerifyChecksums();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_EQ(DetailOf(status)->file, path);
    ASSERT_TRUE(memory_->SetBytes(path, sound).ok());
  }
  EXPECT_TRUE(db_->VerifyChecksums().ok());
}

TEST_F(VerifyTest, AFailedReadIsItsError) {
  Fill();
  files_->Arm({.op = FileOp::kRead,
               .kind = IoContext::Kind::kTable,
               .skip = 10,
               .sticky = true});
  const absl::Status status = db_->VerifyChecksums();
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  files_->DisarmAll();
}

TEST_F(VerifyTest, CloseCancelsIt) {
  Fill();
  // Closes in the midst of it, as another thread would.
  files_->Arm(
      {.op = FileOp::kRead,
       .kind = IoContext::Kind::kTable,
       .skip = 5,
       .effect = Fault::Effect::kDone,
       .on_hit = [&](const std::string&) { EXPECT_TRUE(db_->Close().ok()); }});
  // The read that "fails" is of a window, and the block is read again.
  const absl::Status status = db_->VerifyChecksums();
  files_->DisarmAll();
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  EXPECT_TRUE(absl::IsCancelled(db_->VerifyChecksums()));
}

// --- ApproximateSizes -------------------------------------------------------

TEST_F(VerifyTest, SizesOfPartsAddUpToTheTables) {
  Fill();
  // One version of each key: until then a part may hold more of the old ones
  // than another, as the clock lets compactions fall.
  ASSERT_TRUE(db_->CompactRange({}, std::nullopt, std::nullopt).ok());
  uint64_t bytes = 0;
  for (const std::string& path : FilesLike(".sst")) {
    bytes += memory_->GetBytes(path)->size();
  }
  std::vector<std::string> keys;
  for (int i = 0; i <= 10; ++i) keys.push_back(Key(kKeys / 10 * i));
  std::vector<KeyRange> ranges = {{"", "z"}};
  for (int i = 0; i < 10; ++i) ranges.push_back({keys[i], keys[i + 1]});
  const auto sizes = db_->ApproximateSizes(ranges);
  ASSERT_TRUE(sizes.ok()) << sizes.status();
  ASSERT_EQ(sizes->size(), 11u);
  EXPECT_EQ((*sizes)[0], bytes);
  const uint64_t sum =
      std::accumulate(sizes->begin() + 1, sizes->end(), uint64_t{0});
  EXPECT_NEAR(static_cast<double>(sum), static_cast<double>(bytes),
              static_cast<double>(bytes) / 50);
  for (size_t i = 1; i <= 10; ++i) {
    EXPECT_NEAR(static_cast<double>((*sizes)[i]),
                static_cast<double>(bytes) / 10,
                static_cast<double>(bytes) / 30);
  }
}

TEST_F(VerifyTest, SizesReadNoDataBlock) {
  Fill();
  Open();
  files_->ResetCounters();
  const std::string middle = Key(kKeys / 2);
  ASSERT_TRUE(db_->ApproximateSizes(std::vector<KeyRange>{{"", middle}}).ok());
  // Tails of the few tables that reach over the end.
  EXPECT_LE(files_->count(FileOp::kRead, IoContext::Kind::kTable), 6u);
}

TEST_F(VerifyTest, SizesOfNothingAreNothing) {
  Fill();
  const auto sizes = db_->ApproximateSizes(
      std::vector<KeyRange>{{"x", "z"}, {"", "a"}, {"key1", "key1"}});
  ASSERT_TRUE(sizes.ok()) << sizes.status();
  EXPECT_EQ(*sizes, (std::vector<uint64_t>{0, 0, 0}));
  EXPECT_EQ(db_->ApproximateSizes({})->size(), 0u);
}

TEST_F(VerifyTest, AReversedRangeIsNamed) {
  const auto sizes =
      db_->ApproximateSizes(std::vector<KeyRange>{{"a", "b"}, {"dog", "cat"}});
  EXPECT_TRUE(absl::IsInvalidArgument(sizes.status())) << sizes.status();
  EXPECT_NE(sizes.status().message().find("dog"), std::string::npos);
  ASSERT_TRUE(db_->Close().ok());
  EXPECT_TRUE(absl::IsCancelled(db_->ApproximateSizes({}).status()));
}

}  // namespace
}  // namespace lissom
