// A database of many more tables than may be open, within a small budget: every
// read finds what is there, compactions work, and neither files nor memory pass
// their bounds.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/counting_file_system.h"
#include "tests/support/test_env.h"
#include "util/memory_file_system.h"
#include "util/random.h"

namespace lissom {
namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr int kMaxOpenFiles = 64;
constexpr uint64_t kMaxOpenTables = kMaxOpenFiles - 16;

// Two entries fill a table of the least size.
constexpr size_t kValueBytes = 8 << 10;
constexpr size_t kKeysPerTable = 2;

std::string Key(size_t i) { return absl::StrFormat("key%06d", i); }

std::string Value(size_t i, int generation) {
  std::string value(kValueBytes, static_cast<char>('a' + generation));
  const std::string head = absl::StrCat(i, ".", generation, " ");
  value.replace(0, head.size(), head);
  return value;
}

class ManyTables {
 public:
  ManyTables(std::shared_ptr<FileSystem> base, std::string path, size_t keys)
      : files_(std::make_shared<CountingFileSystem>(std::move(base))),
        path_(std::move(path)),
        generations_(keys, 0) {}

  // Writes all keys, and leaves them in tables of the least size.
  void Make() {
    Options options = Base();
    options.write_buffer_size = 2 * kValueBytes * generations_.size() + kMiB;
    db_ = *DB::Open(options, path_);
    for (size_t i = 0; i < generations_.size(); ++i) Put(i);
    ASSERT_TRUE(db_->Flush().ok());
    ASSERT_TRUE(db_->CompactRange({.rewrite_last_level = true}, std::nullopt,
                                  std::nullopt)
                    .ok());
    ASSERT_GE(db_->GetMetrics().tables, generations_.size() / kKeysPerTable);
    ASSERT_TRUE(db_->Close().ok());
    db_.reset();
  }

  void OpenSmall(size_t budget) {
    budget_ = budget;
    Options options = Base();
    options.memory_budget = budget;
    options.max_open_files = kMaxOpenFiles;
    auto opened = DB::Open(options, path_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    db_ = *std::move(opened);
    files_->ResetMost();
    CheckBounds();
  }

  // A new value.
  void Put(size_t i) {
    ++generations_[i];
    ASSERT_TRUE(db_->Put({}, Key(i), Expected(i)).ok());
  }

  void CheckGet(size_t i) {
    std::string value;
    const absl::Status status = db_->Get({}, Key(i), &value);
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_EQ(value, Expected(i));
  }

  // Keys from all over, so that each is in a table of its own.
  void CheckMultiGet(Random& random, size_t count) {
    std::vector<size_t> chosen;
    std::vector<std::string> keys;
    for (size_t n = 0; n < count; ++n) {
      chosen.push_back(random.Uniform(generations_.size()));
      keys.push_back(Key(chosen.back()));
    }
    const std::vector<std::string_view> views(keys.begin(), keys.end());
    std::vector<PinnedValue> values(count);
    std::vector<absl::Status> statuses(count);
    db_->MultiGet({}, views, values, statuses);
    for (size_t n = 0; n < count; ++n) {
      ASSERT_TRUE(statuses[n].ok()) << statuses[n];
      ASSERT_EQ(values[n].view(), Expected(chosen[n]));
    }
  }

  void CheckScan(bool forward) {
    const auto it = db_->NewIterator();
    size_t seen = 0;
    for (forward ? it->SeekToFirst() : it->SeekToLast(); it->Valid();
         forward ? it->Next() : it->Prev()) {
      const size_t i = forward ? seen : generations_.size() - 1 - seen;
      ASSERT_LT(seen, generations_.size());
      ASSERT_EQ(it->key(), Key(i));
      ASSERT_EQ(it->value(), Expected(i));
      if (++seen % 1000 == 0) CheckBounds();
    }
    ASSERT_TRUE(it->status().ok()) << it->status();
    ASSERT_EQ(seen, generations_.size());
  }

  // The database's word for it, and that of the files.
  void CheckBounds() {
    const Metrics metrics = db_->GetMetrics();
    ASSERT_LE(metrics.open_tables, kMaxOpenTables);
    ASSERT_LE(static_cast<uint64_t>(files_->most_open()), kMaxOpenTables);
    ASSERT_EQ(*db_->GetIntProperty("lissom.num-open-tables"),
              metrics.open_tables);
    ASSERT_LE(metrics.table_memory_bytes + metrics.table_metadata_bytes,
              metrics.block_cache_capacity);
    ASSERT_LE(*db_->GetIntProperty("lissom.approximate-memory-usage"), budget_);
  }

  DB& db() { return *db_; }
  CountingFileSystem& files() { return *files_; }
  size_t keys() const { return generations_.size(); }

 private:
  std::string Expected(size_t i) const { return Value(i, generations_[i]); }

  Options Base() const {
    Options options;
    options.create_if_missing = true;
    options.file_system = files_;
    options.info_log = std::make_shared<NullLogger>();
    options.compression = {Compression::None()};
    options.target_file_size_base = size_t{16} << 10;
    options.max_bytes_for_level_base = uint64_t{1} << 30;
    return options;
  }

  const std::shared_ptr<CountingFileSystem> files_;
  const std::string path_;
  std::vector<int> generations_;
  std::unique_ptr<DB> db_;
  size_t budget_ = 0;
};

void CheckEverything(ManyTables& tables, Random& random, size_t budget) {
  ASSERT_NO_FATAL_FAILURE(tables.Make());
  ASSERT_NO_FATAL_FAILURE(tables.OpenSmall(budget));
  for (int n = 0; n < 2000; ++n) {
    ASSERT_NO_FATAL_FAILURE(tables.CheckGet(random.Uniform(tables.keys())));
    if (n % 50 == 0) {
      ASSERT_NO_FATAL_FAILURE(tables.CheckBounds());
    }
  }
  for (const size_t count : {1u, 7u, 32u, 33u, 500u}) {
    ASSERT_NO_FATAL_FAILURE(tables.CheckMultiGet(random, count));
    ASSERT_NO_FATAL_FAILURE(tables.CheckBounds());
  }
  for (const bool forward : {true, false}) {
    ASSERT_NO_FATAL_FAILURE(tables.CheckScan(forward));
  }
  // A part of them anew, here and there: compactions read and write many.
  for (size_t i = 0; i < tables.keys(); i += 40) {
    ASSERT_NO_FATAL_FAILURE(tables.Put(i));
  }
  ASSERT_TRUE(tables.db().Flush().ok());
  ASSERT_NO_FATAL_FAILURE(tables.CheckBounds());
  ASSERT_TRUE(tables.db().CompactRange({}, std::nullopt, std::nullopt).ok());
  ASSERT_TRUE(tables.db().WaitForIdle().ok());
  ASSERT_NO_FATAL_FAILURE(tables.CheckBounds());
  ASSERT_NO_FATAL_FAILURE(tables.CheckScan(/*forward=*/true));
  EXPECT_GT(tables.db().GetMetrics().table_opens, 2 * kMaxOpenTables);
  ASSERT_TRUE(tables.db().Close().ok());
}

TEST(OpenTables, TenThousandTablesAreReadWithinTheBounds) {
  const uint64_t seed = TestSeed();
  Random random(seed);
  ManyTables tables(std::make_shared<MemoryFileSystem>(
                        MemoryFileSystem::Options{.record_operations = false}),
                    "/db", Scaled(10'000, 1000) * kKeysPerTable);
  ASSERT_NO_FATAL_FAILURE(CheckEverything(tables, random, 24 * kMiB));
}

// The process has little more than what the database may use.
TEST(OpenTables, SoItIsOnTheMachinesFilesWithFewDescriptors) {
  const uint64_t seed = TestSeed();
  Random random(seed);
  std::string root = testing::TempDir() + "/lissom_tables_XXXXXX";
  ASSERT_NE(mkdtemp(root.data()), nullptr);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = kMaxOpenFiles + 16;  // The test's own.
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  {
    ManyTables tables(FileSystem::Posix(), root + "/db",
                      Scaled(300, 200) * kKeysPerTable);
    CheckEverything(tables, random, 16 * kMiB);
  }
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace lissom
