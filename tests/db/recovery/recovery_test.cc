// What a directory is, and what of it a database goes on from. Which records of
// the logs count is left to log_replay_test; the switch to a new manifest, and
// crashes, to tests/engine.
#include "db/recovery/recovery.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "db/filename.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lissom/status.h"
#include "lissom/write_batch.h"
#include "tests/db/wal/log_test_util.h"
#include "tests/support/shape.h"
#include "util/fault_injection_file_system.h"
#include "util/memory_file_system.h"

namespace lissom {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kDirectory[] = "/db";
constexpr WalRecoveryMode kModes[] = {WalRecoveryMode::kPointInTime,
                                      WalRecoveryMode::kTornTailOnly,
                                      WalRecoveryMode::kAbsolute};

// --- What a directory is ----------------------------------------------------

absl::StatusOr<DirectoryState> Inspect(const std::vector<std::string>& names) {
  MemoryFileSystem files;
  EXPECT_TRUE(files.CreateDirectory(kDirectory).ok());
  for (const std::string& name : names) {
    EXPECT_TRUE(files.SetBytes(absl::StrCat(kDirectory, "/", name), "").ok());
  }
  return InspectDirectory(files, kDirectory);
}

TEST(InspectDirectory, TellsAbsentFromEmptyFromADatabase) {
  MemoryFileSystem files;
  EXPECT_EQ(*InspectDirectory(files, "/none"), DirectoryState::kAbsent);
  EXPECT_EQ(*Inspect({}), DirectoryState::kEmpty);
  EXPECT_EQ(*Inspect({"CURRENT"}), DirectoryState::kDatabase);
  EXPECT_EQ(*Inspect({"000007.log", "CURRENT", "foreign"}),
            DirectoryState::kDatabase);
}

TEST(InspectDirectory, WhatACutShortCreationLeavesIsEmpty) {
  EXPECT_EQ(*Inspect({"LOCK", "LOG", "LOG.old", "MANIFEST-000001",
                      "CURRENT.000001.tmp", "lost+found"}),
            DirectoryState::kEmpty);
}

TEST(InspectDirectory, FilesOfADatabaseWithoutCurrentAreDamage) {
  for (const char* name :
       {"000002.log", "000005.sst", "MANIFEST-000002", "MANIFEST-000100"}) {
    for (const bool foreign : {false, true}) {
      std::vector<std::string> names = {"LOCK", name};
      if (foreign) names.push_back("holiday.jpg");
      const absl::Status status = Inspect(names).status();
      ASSERT_TRUE(IsDataLoss(status)) << name << ": " << status;
      EXPECT_EQ(DetailOf(status)->kind, ErrorKind::kMissingFile);
      EXPECT_EQ(DetailOf(status)->file, "/db/CURRENT");
      EXPECT_THAT(std::string(status.message()), HasSubstr(name));
    }
  }
}

TEST(InspectDirectory, RefusesWhatIsNotOurs) {
  for (const char* name : {"holiday.jpg", "CURRENT.bak", "7.log", "current"}) {
    const absl::Status status = Inspect({name, "LOCK"}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << name << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(name));
  }
  MemoryFileSystem files;
  ASSERT_TRUE(files.SetBytes("/db", "a file").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(InspectDirectory(files, "/db").status()));
}

// --- Recovery ---------------------------------------------------------------

LogHeader HeaderOf(uint64_t number, SequenceNumber base) {
  return {.kind = LogKind::kWal,
          .number = number,
          .id = {.high = 77, .low = number},
          .base_sequence = base};
}

// A record that puts these keys, numbered from `first`.
TestRecord Record(SequenceNumber first, const std::vector<std::string>& keys) {
  WriteBatch batch;
  for (const std::string& key : keys) batch.Put(key, "v");
  return {first, std::string(batch.data()), {}};
}

class LineLogger final : public Logger {
 public:
  void Log(LogLevel level, std::string_view line) override {
    if (level == LogLevel::kWarning) warnings.emplace_back(line);
  }
  std::vector<std::string> warnings;
};

class AnotherOrder final : public Comparator {
 public:
  int Compare(std::string_view a, std::string_view b) const override {
    return b.compare(a);
  }
  std::string_view Name() const override { return "test.Another"; }
};

// A database of one manifest, whose tables are only sizes, and logs.
class RecoveryTest : public ::testing::Test {
 protected:
  RecoveryTest() {
    EXPECT_TRUE(disk_->CreateDirectory(kDirectory).ok());
    VersionEdit birth;
    birth.comparator = std::string(BytewiseComparator()->Name());
    birth.database_id = FileId{.high = 1, .low = 2};
    birth.next_file_number = 50;
    auto versions =
        VersionSet::Create({.source = SourceOn(disk_)}, ManifestState(), birth);
    EXPECT_TRUE(versions.ok()) << versions.status();
    versions_ = *std::move(versions);
  }

  static std::shared_ptr<const TableSource> SourceOn(
      std::shared_ptr<FileSystem> files,
      std::shared_ptr<const Comparator> comparator = BytewiseComparator()) {
    return std::make_shared<TableSource>(
        TableSource{.file_system = std::move(files),
                    .directory = kDirectory,
                    .order = KeyOrder(std::move(comparator)),
                    .cache = nullptr});
  }

  void Apply(const VersionEdit& edit) {
    const absl::Status status = versions_->Apply(edit);
    ASSERT_TRUE(status.ok()) << status;
  }
  // A table of the manifest, "7[a-c]:100B", with its file.
  void AddTable(std::string_view text) {
    VersionEdit edit;
    edit.added.push_back({.level = 1, .table = testing::ParseTable(text)});
    const TableMetadata& table = edit.added[0].table;
    SetBytes(TableFileName(kDirectory, table.number),
             std::string(table.size, 't'));
    Apply(edit);
  }
  void SetBytes(const std::string& path, std::string_view bytes) {
    ASSERT_TRUE(disk_->SetBytes(path, bytes).ok());
  }
  // A log, registered or not; returns where its records end.
  std::vector<uint64_t> AddLog(uint64_t number, SequenceNumber base,
                               const std::vector<TestRecord>& records,
                               bool registered = true) {
    const WrittenLog log = WriteLog(records, HeaderOf(number, base));
    SetBytes(WalFileName(kDirectory, number), log.bytes);
    if (registered) {
      VersionEdit edit;
      edit.logs_created.push_back({number, HeaderOf(number, base).id});
      Apply(edit);
    }
    return log.ends;
  }
  void Cut(uint64_t number, uint64_t size) {
    ASSERT_TRUE(disk_->Truncate(WalFileName(kDirectory, number), size).ok());
  }

  absl::StatusOr<RecoveredState> Run(
      WalRecoveryMode mode = WalRecoveryMode::kPointInTime) {
    flushed_.clear();
    logger_.warnings.clear();
    const RecoveryDeps deps{
        .source = source_,
        .mode = mode,
        .write_buffer_size = write_buffer_size_,
        .log = logger_,
        .flush = [this](const Ref<const Memtable>& memtable,
                        const std::function<uint64_t()>& new_number) {
          return Flush(*memtable, new_number);
        }};
    return Recover(deps);
  }

  // Remembers the entries; there is no file.
  absl::StatusOr<std::optional<TableMetadata>> Flush(
      const Memtable& memtable, const std::function<uint64_t()>& new_number) {
    std::string entries;
    const auto it = memtable.NewIterator();
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      absl::StrAppend(&entries, entries.empty() ? "" : " ",
                      std::string(it->key().user_key), "@",
                      it->key().sequence());
    }
    flushed_.push_back(entries);
    if (!flush_status_.ok()) return flush_status_;
    if (flush_makes_nothing_) return std::nullopt;
    TableMetadata table;
    table.number = new_number();
    return table;
  }

  std::map<std::string, std::string> Contents() const {
    std::map<std::string, std::string> contents;
    for (const std::string& file : disk_->Files()) {
      contents[file] = *disk_->GetBytes(file);
    }
    return contents;
  }
  void ExpectDamage(const absl::Status& status, const std::string& file,
                    ErrorKind kind) {
    ASSERT_TRUE(IsDataLoss(status)) << status;
    ASSERT_TRUE(DetailOf(status).has_value());
    EXPECT_EQ(DetailOf(status)->file, file);
    EXPECT_EQ(DetailOf(status)->kind, kind);
  }

  const std::shared_ptr<MemoryFileSystem> disk_ = NewFiles();
  const std::shared_ptr<FaultInjectionFileSystem> files_ =
      std::make_shared<FaultInjectionFileSystem>(disk_);
  std::shared_ptr<const TableSource> source_ = SourceOn(files_);
  std::unique_ptr<VersionSet> versions_;
  LineLogger logger_;
  size_t write_buffer_size_ = 1 << 20;
  absl::Status flush_status_;
  bool flush_makes_nothing_ = false;
  std::vector<std::string> flushed_;  // "a@1 b@2", of each memtable.
};

TEST_F(RecoveryTest, WithoutLogsIsTheManifest) {
  AddTable("7[a-c]:100B");
  const auto state = Run();
  ASSERT_TRUE(state.ok()) << state.status();
  ASSERT_EQ(state->manifest.tables.size(), 1u);
  EXPECT_EQ(state->manifest.tables[0].table.number, 7u);
  EXPECT_THAT(state->tables, IsEmpty());
  EXPECT_THAT(flushed_, IsEmpty()) << "an empty memtable is no table";
  EXPECT_GE(state->manifest.next_file_number, 50u);
}

TEST_F(RecoveryTest, TurnsLogsIntoATable) {
  AddLog(10, 0, {Record(1, {"b", "a"}), Record(3, {"b"})});
  AddLog(12, 3, {Record(4, {"c"})});
  const auto state = Run(WalRecoveryMode::kAbsolute);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_THAT(flushed_, ElementsAre("a@2 b@3 b@1 c@4"));
  ASSERT_EQ(state->tables.size(), 1u);
  EXPECT_EQ(state->replay.last_applied, 4u);
  EXPECT_EQ(state->replay.records, 3u);
  EXPECT_THAT(logger_.warnings, IsEmpty());
}

TEST_F(RecoveryTest, FlushesInTheMidstWhenMemoryIsFull) {
  AddLog(10, 0, {Record(1, {"b", "a"}), Record(3, {"b"})});
  AddLog(12, 3, {Record(4, {"c"})});
  write_buffer_size_ = 1;  // Full with any record.
  const auto state = Run();
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_THAT(flushed_, ElementsAre("a@2 b@1", "b@3", "c@4"));
  ASSERT_EQ(state->tables.size(), 3u);
  EXPECT_LT(state->tables[0].number, state->tables[1].number);
  EXPECT_LT(state->tables[1].number, state->tables[2].number);
  EXPECT_GT(state->manifest.next_file_number, state->tables[2].number);
}

TEST_F(RecoveryTest, KeepsMemoryBelowTheBufferSize) {
  write_buffer_size_ = 64 << 10;
  std::vector<TestRecord> records;
  WriteBatch batch;
  batch.Put("key", std::string(10'000, 'v'));
  for (SequenceNumber s = 1; s <= 40; ++s) {
    records.push_back({s, std::string(batch.data()), {}});
  }
  AddLog(10, 0, records);
  ASSERT_TRUE(Run().ok());
  EXPECT_GE(flushed_.size(), 5u);
  EXPECT_LE(flushed_.size(), 10u);
}

TEST_F(RecoveryTest, AFlushMayMakeNoTable) {
  AddLog(10, 0, {Record(1, {"a"})});
  flush_makes_nothing_ = true;
  const auto state = Run();
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_THAT(state->tables, IsEmpty());
  EXPECT_EQ(state->replay.last_applied, 1u);
}

TEST_F(RecoveryTest, EndsWithTheFlushThatFails) {
  AddLog(10, 0, {Record(1, {"a"}), Record(2, {"b"}), Record(3, {"c"})});
  flush_status_ = absl::ResourceExhaustedError("no space");
  for (const size_t size : {1, 1 << 20}) {
    write_buffer_size_ = size;
    EXPECT_EQ(Run().status(), flush_status_);
    EXPECT_EQ(flushed_.size(), 1u) << "and nothing after it";
  }
}

// --- Numbers ----------------------------------------------------------------

TEST_F(RecoveryTest, NewNumbersPassEveryFileInTheDirectory) {
  for (const char* file : {"/db/000090.sst", "/db/MANIFEST-000080",
                           "/db/CURRENT.000070.tmp", "/db/000060.log"}) {
    SCOPED_TRACE(file);
    SetBytes(file, "");
    const auto state = Run();
    ASSERT_TRUE(state.ok()) << state.status();
    EXPECT_EQ(state->manifest.next_file_number, 91u);
  }
}

TEST_F(RecoveryTest, AFlushTakesANumberThatNoFileHas) {
  AddLog(10, 0, {Record(1, {"a"})});
  SetBytes("/db/000099.sst", "left by a crash");
  const auto state = Run();
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->tables.at(0).number, 100u);
  EXPECT_EQ(state->manifest.next_file_number, 101u);
}

TEST_F(RecoveryTest, ReadsNoLogThatIsNotNeededAnyMore) {
  AddLog(10, 0, {Record(1, {"old"})});
  VersionEdit edit;
  edit.min_log_number = 11;
  edit.flushed_sequence = 1;
  edit.last_sequence = 1;
  Apply(edit);
  AddLog(12, 1, {Record(2, {"new"})});
  for (const bool whole : {true, false}) {
    if (!whole) SetBytes("/db/000010.log", "anything");
    const auto state = Run(WalRecoveryMode::kAbsolute);
    ASSERT_TRUE(state.ok()) << state.status();
    EXPECT_THAT(flushed_, ElementsAre("new@2"));
  }
}

TEST_F(RecoveryTest, FilesThatAreNotOursAreNoLogs) {
  AddLog(10, 0, {Record(1, {"a"})});
  for (const char* name : {"/db/11.log", "/db/000012.log.bak", "/db/log"}) {
    SetBytes(name, "anything");
  }
  EXPECT_TRUE(Run(WalRecoveryMode::kAbsolute).ok());
}

// --- Logs that are not as they were -----------------------------------------

TEST_F(RecoveryTest, AMissingLogIsDamage) {
  AddLog(10, 0, {Record(1, {"a"})});
  ASSERT_TRUE(disk_->RemoveFile("/db/000010.log", {}).ok());
  for (const WalRecoveryMode mode : kModes) {
    ExpectDamage(Run(mode).status(), "/db/000010.log", ErrorKind::kMissingFile);
  }
}

TEST_F(RecoveryTest, ALogNewerThanTheManifestKnowsIsReadOrIsARemainder) {
  AddLog(10, 0, {Record(1, {"a"})});
  AddLog(60, 1, {Record(2, {"b"})}, /*registered=*/false);
  SetBytes("/db/000061.log", "half a hea");
  const auto state = Run(WalRecoveryMode::kAbsolute);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_THAT(flushed_, ElementsAre("a@1 b@2"));
  EXPECT_GT(state->manifest.next_file_number, 61u);
}

TEST_F(RecoveryTest, ATornTailIsAWarningOrAsTheModeSaysAnError) {
  const auto ends = AddLog(10, 0, {Record(1, {"a"}), Record(2, {"b"})});
  Cut(10, ends[2] - 1);
  for (const WalRecoveryMode mode :
       {WalRecoveryMode::kPointInTime, WalRecoveryMode::kTornTailOnly}) {
    const auto state = Run(mode);
    ASSERT_TRUE(state.ok()) << state.status();
    EXPECT_THAT(flushed_, ElementsAre("a@1"));
    EXPECT_TRUE(state->replay.torn);
    EXPECT_THAT(logger_.warnings, ElementsAre(HasSubstr("/db/000010.log")));
  }
  ExpectDamage(Run(WalRecoveryMode::kAbsolute).status(), "/db/000010.log",
               ErrorKind::kCorruption);
}

TEST_F(RecoveryTest, AHoleBetweenLogsEndsTheStateThere) {
  const auto ends = AddLog(10, 0, {Record(1, {"a"}), Record(2, {"b"})});
  AddLog(12, 2, {Record(3, {"c"})});
  Cut(10, ends[1]);
  const auto state = Run();
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_THAT(flushed_, ElementsAre("a@1"));
  EXPECT_GE(state->replay.last_seen, 3u);
  EXPECT_EQ(logger_.warnings.size(), 1u);
  EXPECT_TRUE(IsDataLoss(Run(WalRecoveryMode::kTornTailOnly).status()));
}

TEST_F(RecoveryTest, ABatchThatDoesNotParseIsDamage) {
  std::string batch = Record(1, {"a"}).payload;
  batch[1] = 2;  // Counts a change too many.
  AddLog(10, 0, {{1, batch, {}}});
  for (const WalRecoveryMode mode : kModes) {
    ExpectDamage(Run(mode).status(), "/db/000010.log", ErrorKind::kCorruption);
    EXPECT_THAT(flushed_, IsEmpty());
  }
}

// --- Manifest and tables ----------------------------------------------------

TEST_F(RecoveryTest, AMissingCurrentOrManifestIsDamage) {
  for (const std::string& file :
       {ManifestFileName(kDirectory, versions_->manifest_number()),
        CurrentFileName(kDirectory)}) {
    ASSERT_TRUE(disk_->RemoveFile(file, {}).ok());
    ExpectDamage(Run().status(), file, ErrorKind::kMissingFile);
  }
}

TEST_F(RecoveryTest, AnotherComparatorIsRefusedByName) {
  AddLog(10, 0, {Record(1, {"a"})});
  source_ = SourceOn(files_, std::make_shared<AnotherOrder>());
  const absl::Status status = Run().status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("test.Another"));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(std::string(BytewiseComparator()->Name())));
  EXPECT_THAT(flushed_, IsEmpty());
}

TEST_F(RecoveryTest, ATableMustBeThereWithItsSize) {
  AddTable("7[a-c]:100B");
  AddTable("9[d-f]:200B");
  AddLog(10, 0, {Record(1, {"a"})});
  for (const size_t size : {0, 199, 201}) {
    SetBytes("/db/000009.sst", std::string(size, 't'));
    ExpectDamage(Run().status(), "/db/000009.sst", ErrorKind::kCorruption);
  }
  ASSERT_TRUE(disk_->RemoveFile("/db/000009.sst", {}).ok());
  ExpectDamage(Run().status(), "/db/000009.sst", ErrorKind::kMissingFile);
  ASSERT_TRUE(disk_->CreateDirectory("/db/000009.sst").ok());
  ExpectDamage(Run().status(), "/db/000009.sst", ErrorKind::kCorruption);
  EXPECT_THAT(flushed_, IsEmpty()) << "before anything was written";
}

// --- Without a trace --------------------------------------------------------

TEST_F(RecoveryTest, ChangesNothingAndFindsTheSameAgain) {
  AddTable("7[a-c]:100B");
  const auto ends = AddLog(10, 0, {Record(1, {"a"}), Record(2, {"b"})});
  AddLog(12, 2, {Record(3, {"c"})});
  Cut(10, ends[1]);
  const auto before = Contents();
  std::vector<std::string> flushed;
  for (int i = 0; i < 2; ++i) {
    for (const WalRecoveryMode mode : kModes) {
      Run(mode).status().IgnoreError();
      EXPECT_EQ(Contents(), before);
    }
    const auto state = Run();
    ASSERT_TRUE(state.ok()) << state.status();
    if (i > 0) {
      EXPECT_EQ(flushed_, flushed);
    }
    flushed = flushed_;
  }
}

TEST_F(RecoveryTest, EveryFailingCallEndsItAndTheNextTryFindsAll) {
  AddTable("7[a-c]:100B");
  AddLog(10, 0, {Record(1, {"a"}), Record(2, {"b"})});
  AddLog(12, 2, {Record(3, {"c"})});
  const auto before = Contents();
  uint64_t n = 0;
  for (;; ++n) {
    SCOPED_TRACE(n);
    const uint64_t fault = files_->Arm({.skip = n});
    const absl::Status status = Run().status();
    const bool failed = files_->hits(fault) > 0;
    files_->DisarmAll();
    EXPECT_EQ(Contents(), before);
    if (!failed) {
      EXPECT_TRUE(status.ok()) << status;
      break;
    }
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
    ASSERT_TRUE(Run().ok());
    EXPECT_THAT(flushed_, ElementsAre("a@1 b@2 c@3"));
  }
  EXPECT_GE(n, 8u) << "CURRENT, manifest, table, listing, two logs";
}

}  // namespace
}  // namespace lissom
