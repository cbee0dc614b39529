// DB::OpenReadOnly beside a live writer: it shows all that was acknowledged
// before, one state of the history, whatever flushes, compactions and new
// manifests come between its steps; it changes nothing; damage is damage.
// On the file system in memory and on real files.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/fault_injection_file_system.h"
#include "util/memory_file_system.h"
#include "util/random.h"
#include "util/sync_point.h"

namespace lissom {
namespace {

using Map = std::map<std::string, std::string>;

enum class Place { kMemory, kPosix };

class ReadOnlyTest : public testing::TestWithParam<Place> {
 protected:
  ReadOnlyTest() {
    if (GetParam() == Place::kMemory) {
      base_ = std::make_shared<MemoryFileSystem>(
          MemoryFileSystem::Options{.record_operations = false});
      path_ = "/db";
    } else {
      // Real files, but no real syncs if that can be had.
      std::string name =
          (std::filesystem::exists("/dev/shm") ? "/dev/shm"
                                               : testing::TempDir()) +
          "/lissom_read_only_XXXXXX";
      root_ = mkdtemp(name.data());
      base_ = FileSystem::Posix();
      path_ = root_ + "/db";
    }
    files_ = std::make_shared<FaultInjectionFileSystem>(base_);
    OpenWriter();
  }
  ~ReadOnlyTest() override {
#ifdef LISSOM_CHECKS
    SyncPoints::ClearAll();
#endif
    reader_.reset();
    writer_.reset();
    if (!root_.empty()) std::filesystem::remove_all(root_);
  }

  Options CommonOptions() const {
    Options options;
    options.write_buffer_size = size_t{64} << 10;
    options.target_file_size_base = size_t{32} << 10;
    options.max_bytes_for_level_base = uint64_t{64} << 10;
    options.level0_file_num_compaction_trigger = 2;
    options.block_cache_size = 0;  // Reads go to the files.
    return options;
  }

  void OpenWriter() {
    writer_.reset();
    Options options = CommonOptions();
    options.create_if_missing = true;
    options.file_system = base_;
    options.executor = std::make_shared<SimulatedExecutor>(1);
    options.info_log = std::make_shared<NullLogger>();
    auto db = DB::Open(options, path_);
    ASSERT_TRUE(db.ok()) << db.status();
    writer_ = *std::move(db);
  }

  absl::StatusOr<std::unique_ptr<DB>> TryOpen() {
    Options options = CommonOptions();
    options.file_system = files_;
    return DB::OpenReadOnly(options, path_);
  }
  void OpenReader() {
    reader_.reset();
    auto db = TryOpen();
    ASSERT_TRUE(db.ok()) << db.status();
    reader_ = *std::move(db);
  }

  void Put(const std::string& key, const std::string& value) {
    ASSERT_TRUE(writer_->Put({}, key, value).ok());
    model_[key] = value;
  }
  // Puts and deletions; memtables fill and are flushed and compacted.
  void WriteSome(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string key = "key" + std::to_string(random_.Uniform(500));
      if (random_.OneIn(5)) {
        ASSERT_TRUE(writer_->Delete({}, key).ok());
        model_.erase(key);
      } else {
        Put(key,
            std::string(random_.Uniform(300), static_cast<char>('a' + i % 26)));
      }
    }
  }
  // Everything into new tables; what was there goes.
  void Rewrite() {
    WriteSome(20);
    ASSERT_TRUE(writer_->Flush().ok());
    ASSERT_TRUE(writer_->CompactRange({}, std::nullopt, std::nullopt).ok());
    ASSERT_TRUE(writer_->WaitForIdle().ok());
  }

  static Map Contents(DB& db, const ReadOptions& options = {}) {
    Map shown;
    const absl::Status status =
        ForEach(db, options, [&](std::string_view key, std::string_view value) {
          shown.emplace(key, value);
          return true;
        });
    EXPECT_TRUE(status.ok()) << status;
    return shown;
  }

  std::vector<std::string> Files() const {
    std::vector<std::string> names = *base_->ListDirectory(path_);
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string FileLike(const std::string& part) const {
    for (const std::string& name : Files()) {
      if (name.find(part) != std::string::npos) return path_ + "/" + name;
    }
    ADD_FAILURE() << "no file like " << part;
    return {};
  }

  // Replaces the bytes of a file by change(bytes).
  void Change(const std::string& path,
              const std::function<void(std::string&)>& change) {
    const auto file = base_->OpenForRead(path, {});
    ASSERT_TRUE(file.ok()) << file.status();
    std::string bytes(*(*file)->Size(), '\0');
    ASSERT_TRUE((*file)->Read(0, bytes.size(), bytes.data(), {}).ok());
    change(bytes);
    ASSERT_TRUE(base_->RemoveFile(path, {}).ok());
    const auto to = base_->Create(path, {});
    ASSERT_TRUE(to.ok()) << to.status();
    const std::string_view piece = bytes;
    ASSERT_TRUE((*to)->Append({&piece, 1}, {}).ok());
    ASSERT_TRUE((*to)->Close().ok());
  }

  Random random_{3};
  std::string root_;  // Of real files.
  std::string path_;
  std::shared_ptr<FileSystem> base_;
  std::shared_ptr<FaultInjectionFileSystem> files_;  // The reader's.
  std::unique_ptr<DB> writer_;
  std::unique_ptr<DB> reader_;
  Map model_;  // What the writer's database holds.
};

INSTANTIATE_TEST_SUITE_P(Places, ReadOnlyTest,
                         testing::Values(Place::kMemory, Place::kPosix),
                         [](const auto& info) {
                           return info.param == Place::kMemory ? "Memory"
                                                               : "Posix";
                         });

// --- What it shows ----------------------------------------------------------

TEST_P(ReadOnlyTest, ShowsAllThatWasAcknowledged) {
  OpenReader();  // Of an empty database.
  EXPECT_TRUE(Contents(*reader_).empty());
  for (int round = 0; round < 20; ++round) {
    ASSERT_NO_FATAL_FAILURE(WriteSome(100));
    if (round % 7 == 6) {
      ASSERT_TRUE(writer_->WaitForIdle().ok());
    }
    ASSERT_NO_FATAL_FAILURE(OpenReader());
    ASSERT_EQ(Contents(*reader_), model_) << round;
    EXPECT_EQ(reader_->LatestSequence(), writer_->LatestSequence());
  }
}

TEST_P(ReadOnlyTest, TellsOfTheLogs) {
  ASSERT_NO_FATAL_FAILURE(WriteSome(300));
  ASSERT_TRUE(writer_->WaitForIdle().ok());
  Put("key", "value");
  OpenReader();
  const Metrics mine = reader_->GetMetrics();
  const Metrics theirs = writer_->GetMetrics();
  EXPECT_EQ(mine.wal_files, theirs.wal_files);
  // A log that was made ahead has a header, which the writer does not count.
  EXPECT_GE(mine.wal_file_bytes, theirs.wal_file_bytes);
  EXPECT_LT(mine.wal_file_bytes, theirs.wal_file_bytes + 100);
  EXPECT_EQ(mine.min_log_number, theirs.min_log_number);
}

TEST_P(ReadOnlyTest, ShowsValuesThatEndInZeros) {
  // The log is preallocated with zeros: they are no end.
  for (size_t size = 0; size < 40; ++size) {
    Put("zeros", std::string(size, '\0'));
    ASSERT_NO_FATAL_FAILURE(OpenReader());
    ASSERT_EQ(Contents(*reader_), model_) << size;
  }
}

TEST_P(ReadOnlyTest, StaysAtItsMomentWhileTheWriterGoesOn) {
  ASSERT_NO_FATAL_FAILURE(WriteSome(1500));
  ASSERT_NO_FATAL_FAILURE(OpenReader());
  const Map moment = model_;
  const auto iterator = reader_->NewIterator();
  const auto snapshot = reader_->GetSnapshot();
  ASSERT_NE(snapshot, nullptr);
  for (int round = 0; round < 3; ++round) {
    ASSERT_NO_FATAL_FAILURE(WriteSome(1000));
    ASSERT_NO_FATAL_FAILURE(Rewrite());  // No table of the moment is left.
    EXPECT_EQ(Contents(*reader_), moment);
    EXPECT_EQ(Contents(*reader_, {.snapshot = snapshot.get()}), moment);
  }
  size_t shown = 0;
  for (iterator->SeekToLast(); iterator->Valid(); iterator->Prev()) ++shown;
  EXPECT_TRUE(iterator->status().ok()) << iterator->status();
  EXPECT_EQ(shown, moment.size());
  std::vector<std::string> keys = {"absent"};
  for (const auto& [key, value] : moment) keys.push_back(key);
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  std::vector<PinnedValue> values(keys.size());
  std::vector<absl::Status> statuses(keys.size());
  reader_->MultiGet({}, views, values, statuses);
  EXPECT_TRUE(absl::IsNotFound(statuses[0]));
  for (size_t i = 1; i < keys.size(); ++i) {
    ASSERT_TRUE(statuses[i].ok()) << statuses[i];
    ASSERT_EQ(values[i].view(), moment.at(keys[i]));
    std::string value;
    ASSERT_TRUE(reader_->Get({}, keys[i], &value).ok());
    ASSERT_EQ(value, moment.at(keys[i]));
  }
}

TEST_P(ReadOnlyTest, NeedsNoWriter) {
  ASSERT_NO_FATAL_FAILURE(WriteSome(300));
  ASSERT_TRUE(writer_->Close().ok());
  ASSERT_NO_FATAL_FAILURE(OpenReader());
  EXPECT_EQ(Contents(*reader_), model_);
  OpenWriter();  // Nor does it keep one out.
  EXPECT_EQ(Contents(*writer_), model_);
}

TEST_P(ReadOnlyTest, SeveralReadersAndTheWriterCloseInAnyOrder) {
  ASSERT_NO_FATAL_FAILURE(WriteSome(300));
  const auto first = TryOpen();
  const auto second = TryOpen();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_TRUE((*first)->Close().ok());
  EXPECT_TRUE((*first)->Close().ok());
  ASSERT_TRUE(writer_->Close().ok());
  EXPECT_EQ(Contents(**second), model_);
  std::string value;
  EXPECT_TRUE(absl::IsCancelled((*first)->Get({}, "key1", &value)));
  EXPECT_EQ((*first)->GetSnapshot(), nullptr);
}

TEST_P(ReadOnlyTest, AnIteratorOutlivesTheDatabase) {
  ASSERT_NO_FATAL_FAILURE(WriteSome(300));
  ASSERT_NO_FATAL_FAILURE(OpenReader());
  const auto it = reader_->NewIterator();
  it->SeekToFirst();
  ASSERT_TRUE(it->Valid());
  reader_.reset();
  EXPECT_EQ(it->key(), model_.begin()->first);
  it->Next();
  EXPECT_TRUE(absl::IsCancelled(it->status())) << it->status();
}

// --- What it does not do ----------------------------------------------------

TEST_P(ReadOnlyTest, ChangesNothing) {
  ASSERT_NO_FATAL_FAILURE(WriteSome(1500));
  const std::vector<std::string> before = Files();
  files_->ResetCounters();
  ASSERT_NO_FATAL_FAILURE(OpenReader());
  EXPECT_EQ(Contents(*reader_), model_);
  EXPECT_TRUE(reader_->VerifyChecksums().ok());
  EXPECT_TRUE(reader_->WaitForIdle().ok());
  EXPECT_TRUE(reader_->Resume().ok());
  EXPECT_TRUE(reader_->Close().ok());
  for (const FileOp op :
       {FileOp::kCreate, FileOp::kAppend, FileOp::kSync, FileOp::kRemove,
        FileOp::kRename, FileOp::kMakeDirectory, FileOp::kRemoveDirectory,
        FileOp::kSyncDirectory, FileOp::kLock}) {
    EXPECT_EQ(files_->count(op), 0u) << ToString(op);
  }
  EXPECT_EQ(Files(), before);
}

TEST_P(ReadOnlyTest, RefusesToWrite) {
  ASSERT_NO_FATAL_FAILURE(OpenReader());
  EXPECT_TRUE(absl::IsFailedPrecondition(reader_->Put({}, "a", "b")));
  EXPECT_TRUE(absl::IsFailedPrecondition(reader_->Delete({}, "a")));
  EXPECT_TRUE(absl::IsFailedPrecondition(reader_->Write({}, WriteBatch())));
  EXPECT_TRUE(absl::IsFailedPrecondition(reader_->Flush()));
  EXPECT_TRUE(absl::IsFailedPrecondition(reader_->SyncWal()));
  EXPECT_TRUE(absl::IsFailedPrecondition(
      reader_->CompactRange({}, std::nullopt, std::nullopt)));
  ASSERT_TRUE(reader_->Close().ok());
  EXPECT_TRUE(absl::IsCancelled(reader_->Put({}, "a", "b")));
  EXPECT_TRUE(absl::IsCancelled(reader_->WaitForIdle()));
}

TEST_P(ReadOnlyTest, WhereNoDatabaseIsItMakesNone) {
  Options options = CommonOptions();
  options.file_system = files_;
  options.create_if_missing = true;
  const std::string nowhere = path_ + "_nowhere";
  EXPECT_TRUE(
      absl::IsInvalidArgument(DB::OpenReadOnly(options, nowhere).status()));
  EXPECT_EQ(base_->GetFileInfo(nowhere)->type, FileInfo::Type::kAbsent);
  EXPECT_TRUE(absl::IsInvalidArgument(DB::OpenReadOnly(options, "").status()));
  ASSERT_TRUE(base_->CreateDirectory(nowhere).ok());
  EXPECT_TRUE(
      absl::IsInvalidArgument(DB::OpenReadOnly(options, nowhere).status()));
  options.comparator = ReverseBytewiseComparator();
  EXPECT_TRUE(
      absl::IsInvalidArgument(DB::OpenReadOnly(options, path_).status()));
  options.block_size = 0;
  EXPECT_TRUE(
      absl::IsInvalidArgument(DB::OpenReadOnly(options, path_).status()));
}

// --- The writer is at work --------------------------------------------------

#ifdef LISSOM_CHECKS

constexpr const char* kSteps[] = {"ReadOnly:ManifestRead",
                                  "ReadOnly:TablesOpened", "ReadOnly:LogFrozen",
                                  "ReadOnly:LogsFrozen"};

// At each of its steps, the first `times` it gets there, the writer does
// `work`; then the reader must show a state from when it began or later.
TEST_P(ReadOnlyTest, ShowsAStateOfTheHistoryWhateverComesBetweenItsSteps) {
  const std::vector<std::pair<const char*, std::function<void()>>> works = {
      {"writes", [this] { WriteSome(30); }},
      {"seals", [this] { WriteSome(700); }},
      {"flushes",
       [this] {
         WriteSome(30);
         ASSERT_TRUE(writer_->Flush().ok());
       }},
      {"rewrites", [this] { Rewrite(); }},
      {"opens anew",
       [this] {
         OpenWriter();
         WriteSome(10);
       }},
  };
  for (const auto& [name, work] : works) {
    for (const char* step : kSteps) {
      for (const int times : {1, 4}) {
        SCOPED_TRACE(testing::Message()
                     << name << " at " << step << ", " << times << " times");
        ASSERT_NO_FATAL_FAILURE(WriteSome(400));
        // Every state there was since the reader began.
        std::map<uint64_t, Map> states;
        states[writer_->LatestSequence()] = model_;
        const uint64_t least = writer_->LatestSequence();
        int left = times;
        SyncPoints::Set(step, [&, w = &work] {
          if (left-- <= 0) return;
          (*w)();
          states[writer_->LatestSequence()] = model_;
        });
        OpenReader();
        SyncPoints::ClearAll();
        ASSERT_FALSE(HasFatalFailure());
        ASSERT_LT(left, times) << "the step was never taken";
        ASSERT_GE(reader_->LatestSequence(), least);
        const auto state = states.find(reader_->LatestSequence());
        ASSERT_NE(state, states.end()) << reader_->LatestSequence();
        ASSERT_EQ(Contents(*reader_), state->second);
      }
    }
  }
}

TEST_P(ReadOnlyTest, GivesUpWhenTheWriterIsFasterEveryTime) {
  ASSERT_NO_FATAL_FAILURE(WriteSome(1500));
  SyncPoints::Set("ReadOnly:ManifestRead", [this] { Rewrite(); });
  const auto reader = TryOpen();
  SyncPoints::ClearAll();
  EXPECT_TRUE(absl::IsUnavailable(reader.status())) << reader.status();
  const auto detail = DetailOf(reader.status());
  ASSERT_TRUE(detail.has_value());
  EXPECT_NE(detail->file.find(".sst"), std::string::npos) << reader.status();
  ASSERT_NO_FATAL_FAILURE(OpenReader());
}

#endif  // LISSOM_CHECKS

// Real threads: writers that count, and an opener that must find no less than
// what each of them had reported.
TEST_P(ReadOnlyTest, ShowsWhatBusyThreadsHadAcknowledged) {
  constexpr int kThreads = 3;
  constexpr int kKeys = 40;
  writer_.reset();
  Options options = CommonOptions();
  options.file_system = base_;
  options.info_log = std::make_shared<NullLogger>();
  writer_ = *DB::Open(options, path_);
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> acknowledged[kThreads] = {};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t n = 1; !stop; ++n) {
        WriteBatch batch;  // All keys of a batch have one value.
        const std::string value = std::to_string(n) + std::string(90, ':');
        for (int k = 0; k < kKeys; k += 8) {
          batch.Put("t" + std::to_string(t) + "/" +
                        std::to_string(k + static_cast<int>(n % 8)),
                    value);
        }
        if (!writer_->Write({}, batch).ok()) break;
        acknowledged[t] = n;
      }
    });
  }
  int opened = 0;
  int beaten = 0;
  for (uint64_t round = 0; round < Scaled(40); ++round) {
    uint64_t before[kThreads];
    for (int t = 0; t < kThreads; ++t) before[t] = acknowledged[t];
    auto reader = TryOpen();
    if (absl::IsUnavailable(reader.status())) {
      ++beaten;
      continue;
    }
    ASSERT_TRUE(reader.ok()) << reader.status();
    ++opened;
    uint64_t newest[kThreads] = {};
    std::map<std::string, int> counts;
    for (const auto& [key, value] : Contents(**reader)) {
      const int t = key[1] - '0';
      const uint64_t n = std::stoull(value);
      newest[t] = std::max(newest[t], n);
      ++counts[std::to_string(t) + "/" + std::to_string(n)];
    }
    for (int t = 0; t < kThreads; ++t) EXPECT_GE(newest[t], before[t]);
    for (const auto& [batch, count] : counts) EXPECT_EQ(count, kKeys / 8);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(opened, beaten);
}

// --- Damage -----------------------------------------------------------------

TEST_P(ReadOnlyTest, ATornLogEndsWhereItIsTorn) {
  Put("a", "1");
  ASSERT_TRUE(writer_->SyncWal().ok());
  Put("b", "2");
  const std::string log = FileLike(".log");
  writer_->Close().IgnoreError();
  // As a power cut would: before the clean stop, the last record in part.
  ASSERT_NO_FATAL_FAILURE(OpenReader());
  EXPECT_EQ(Contents(*reader_), model_);
  reader_.reset();
  ASSERT_NO_FATAL_FAILURE(
      Change(log, [](std::string& bytes) { bytes.resize(bytes.size() - 1); }));
  // The writer had closed it, with a length: now it is damage.
  EXPECT_TRUE(absl::IsDataLoss(TryOpen().status()));
}

TEST_P(ReadOnlyTest, DamageIsDamage) {
  ASSERT_NO_FATAL_FAILURE(WriteSome(1500));
  ASSERT_TRUE(writer_->Flush().ok());
  ASSERT_TRUE(writer_->WaitForIdle().ok());
  Put("a", "1");
  writer_.reset();
  const auto flip = [](std::string& bytes) {
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  };
  for (const char* part : {"CURRENT", "MANIFEST", ".log"}) {
    SCOPED_TRACE(part);
    const std::string path = FileLike(part);
    ASSERT_NO_FATAL_FAILURE(Change(path, flip));
    const absl::Status status = TryOpen().status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_EQ(DetailOf(status)->file, path);
    ASSERT_NO_FATAL_FAILURE(Change(path, flip));
  }
  const std::string table = FileLike(".sst");
  ASSERT_NO_FATAL_FAILURE(Change(table, flip));
  ASSERT_NO_FATAL_FAILURE(OpenReader());  // Its other tables are sound.
  const absl::Status scan = ForEach(
      *reader_, {}, [](std::string_view, std::string_view) { return true; });
  EXPECT_TRUE(absl::IsDataLoss(scan)) << scan;
  EXPECT_TRUE(absl::IsDataLoss(reader_->VerifyChecksums()));
  reader_.reset();
  ASSERT_TRUE(base_->RemoveFile(table, {}).ok());
  const absl::Status missing = TryOpen().status();
  EXPECT_TRUE(absl::IsDataLoss(missing)) << missing;
  EXPECT_EQ(DetailOf(missing)->file, table);
}

TEST_P(ReadOnlyTest, AFailedReadIsItsErrorAndLeavesNothing) {
  ASSERT_NO_FATAL_FAILURE(WriteSome(800));
  for (uint64_t skip = 0;; ++skip) {
    const uint64_t fault = files_->Arm({.skip = skip, .error_number = EIO});
    const auto reader = TryOpen();
    const bool hit = files_->hits(fault) > 0;
    files_->DisarmAll();
    if (!hit) {
      ASSERT_TRUE(reader.ok()) << reader.status();
      EXPECT_GT(skip, 8u);
      break;
    }
    if (reader.ok()) {
      // A table that could not be opened concerns those who read it, later.
      EXPECT_EQ(Contents(**reader), model_);
    } else {
      EXPECT_TRUE(absl::IsInternal(reader.status())) << reader.status();
    }
  }
}

}  // namespace
}  // namespace lissom
