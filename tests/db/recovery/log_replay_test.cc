// The chain of logs: what of it counts, where it breaks, and whether a break is
// a torn tail or damage. How one log reads back is left to tests/db/wal.
#include "db/recovery/log_replay.h"

#include <algorithm>
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
#include "tests/support/test_env.h"
#include "util/fault_injection_file_system.h"

namespace lissom {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using EndKind = LogReader::End::Kind;

constexpr char kDirectory[] = "/db";
constexpr WalRecoveryMode kModes[] = {WalRecoveryMode::kPointInTime,
                                      WalRecoveryMode::kTornTailOnly,
                                      WalRecoveryMode::kAbsolute};
// A batch holds fewer changes than this: none is below two bytes.
constexpr SequenceNumber kMostChanges = uint64_t{1} << 31;

LogHeader HeaderOf(uint64_t number, SequenceNumber base) {
  return {.kind = LogKind::kWal,
          .number = number,
          .id = {.high = 77, .low = number},
          .base_sequence = base};
}

// A record that begins at this sequence, with so many changes.
TestRecord Record(SequenceNumber first, uint64_t changes = 1,
                  SyncMark mark = {}, uint64_t skipped = 0) {
  WriteBatch batch;
  for (uint64_t i = 0; i < changes; ++i) {
    batch.Put(absl::StrCat("key", first + i), "value");
  }
  return {first, std::string(batch.data()), mark, skipped};
}
TestRecord Skipping(uint64_t skipped, SequenceNumber first,
                    uint64_t changes = 1) {
  return Record(first, changes, {}, skipped);
}

class LogReplay : public ::testing::Test {
 protected:
  LogReplay() { EXPECT_TRUE(disk_->CreateDirectory(kDirectory).ok()); }

  static std::string PathOf(uint64_t number) {
    return WalFileName(kDirectory, number);
  }

  // A log that the manifest knows; returns where its header and each of its
  // records end.
  std::vector<uint64_t> AddLog(uint64_t number, SequenceNumber base,
                               const std::vector<TestRecord>& records) {
    manifest_.logs.push_back({number, HeaderOf(number, base).id});
    return AddUnregistered(number, base, records);
  }
  std::vector<uint64_t> AddUnregistered(
      uint64_t number, SequenceNumber base,
      const std::vector<TestRecord>& records) {
    const WrittenLog log = WriteLog(records, HeaderOf(number, base));
    SetBytes(number, log.bytes);
    return log.ends;
  }
  void SetBytes(uint64_t number, std::string_view bytes) {
    EXPECT_TRUE(disk_->SetBytes(PathOf(number), bytes).ok());
    if (std::find(present_.begin(), present_.end(), number) == present_.end()) {
      present_.push_back(number);
    }
  }
  std::string BytesOf(uint64_t number) const {
    return *disk_->GetBytes(PathOf(number));
  }
  void Extend(uint64_t number, std::string_view bytes) {
    SetBytes(number, BytesOf(number) + std::string(bytes));
  }
  void Cut(uint64_t number, uint64_t size) {
    EXPECT_TRUE(disk_->Truncate(PathOf(number), size).ok());
  }
  void Damage(uint64_t number, uint64_t offset) {
    EXPECT_TRUE(disk_->FlipBit(PathOf(number), offset * 8 + 3).ok());
  }
  // The manifest says that the log was closed as it is now.
  void NoteClosed(uint64_t number) {
    const ReadResult read = ReadBytes(BytesOf(number), HeaderOf(number, 0));
    manifest_.closed_logs.push_back(
        {number, BytesOf(number).size(), read.chain_hash});
  }

  absl::StatusOr<LogReplayResult> Replay(
      WalRecoveryMode mode = WalRecoveryMode::kPointInTime) {
    applied_.clear();
    return ReplayLogs(
        {.file_system = files_,
         .directory = kDirectory,
         .mode = mode,
         .manifest = manifest_,
         .present = present_},
        [this](std::string_view batch, SequenceNumber first) {
          EXPECT_EQ(
              batch,
              Record(first, WriteBatch::FromData(batch)->Count()).payload);
          applied_.push_back(first);
          return apply_status_;
        });
  }
  // Of a replay that must succeed.
  LogReplayResult Result() {
    const auto result = Replay();
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : LogReplayResult();
  }
  // All is well in this mode, and these records were applied.
  void ExpectReplay(WalRecoveryMode mode,
                    const std::vector<SequenceNumber>& applied, bool torn) {
    const auto result = Replay(mode);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(applied_, applied);
    EXPECT_EQ(result->records, applied.size());
    EXPECT_EQ(result->torn, torn);
    EXPECT_EQ(result->torn_where.empty(), !torn);
    EXPECT_GE(result->last_seen, result->last_applied);
  }
  void ExpectDataLoss(WalRecoveryMode mode, uint64_t number, uint64_t offset) {
    const absl::Status status = Replay(mode).status();
    ASSERT_TRUE(IsDataLoss(status)) << status;
    ASSERT_TRUE(DetailOf(status).has_value());
    EXPECT_EQ(DetailOf(status)->file, PathOf(number));
    EXPECT_EQ(DetailOf(status)->offset, offset) << status;
  }
  void ExpectDataLossInEveryMode(uint64_t number, uint64_t offset) {
    for (const WalRecoveryMode mode : kModes) {
      SCOPED_TRACE(static_cast<int>(mode));
      ExpectDataLoss(mode, number, offset);
    }
  }

  const std::shared_ptr<MemoryFileSystem> disk_ = NewFiles();
  FaultInjectionFileSystem files_{disk_};
  ManifestState manifest_;
  std::vector<uint64_t> present_;
  std::vector<SequenceNumber> applied_;
  absl::Status apply_status_;
};

// --- What is applied --------------------------------------------------------

TEST_F(LogReplay, WithoutLogsIsWhatTheTablesHold) {
  manifest_.flushed_sequence = 40;
  manifest_.last_sequence = 50;
  const auto result = Replay();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->last_applied, 40u);
  EXPECT_EQ(result->last_seen, 50u) << "given out, if never used";
  EXPECT_EQ(result->records, 0u);
  EXPECT_FALSE(result->torn);
}

TEST_F(LogReplay, AppliesEveryRecordInOrder) {
  manifest_.flushed_sequence = 40;
  AddLog(7, 40, {Record(41, 2), Record(43)});
  AddLog(9, 43, {});
  AddLog(12, 43, {Record(44, 3), Record(47)});
  for (const WalRecoveryMode mode : kModes) {
    ExpectReplay(mode, {41, 43, 44, 47}, false);
  }
  EXPECT_EQ(Result().last_applied, 47u);
  EXPECT_EQ(Result().last_seen, 47u);
}

TEST_F(LogReplay, ARecordWithoutChangesTakesNoSequence) {
  AddLog(7, 0, {Record(1), Record(2, 0), Record(2), Record(3, 0)});
  AddLog(8, 2, {Record(3, 0), Record(3)});
  ExpectReplay(WalRecoveryMode::kAbsolute, {1, 2, 2, 3, 3, 3}, false);
}

TEST_F(LogReplay, GoesOnWithALogThatTheManifestDoesNotKnowYet) {
  AddLog(7, 0, {Record(1)});
  AddUnregistered(9, 1, {Record(2)});
  ExpectReplay(WalRecoveryMode::kAbsolute, {1, 2}, false);
}

TEST_F(LogReplay, TheRemainsOfALogThatWasBeingMadeAreNone) {
  AddLog(7, 0, {Record(1)});
  const std::string header = WriteLog({}, HeaderOf(9, 1)).bytes;
  std::string damaged = header;
  damaged[50] = static_cast<char>(damaged[50] ^ 1);
  for (const std::string& remains : {std::string(), header.substr(0, 30),
                                     std::string(4096, '\0'), damaged}) {
    SetBytes(9, remains);
    for (const WalRecoveryMode mode : kModes) ExpectReplay(mode, {1}, false);
  }
}

TEST_F(LogReplay, WhatTheCallerSaysEndsIt) {
  AddLog(7, 0, {Record(1), Record(2)});
  apply_status_ = absl::ResourceExhaustedError("no space");
  EXPECT_EQ(Replay().status(), apply_status_);
  EXPECT_THAT(applied_, ElementsAre(1));
}

TEST_F(LogReplay, AReadErrorIsNeverAnEnd) {
  AddLog(7, 0, {Record(1), Record(2)});
  AddUnregistered(9, 2, {Record(3)});
  ASSERT_TRUE(Replay().ok());
  uint64_t failures = 0;
  for (const FileOp op : {FileOp::kOpen, FileOp::kRead, FileOp::kInfo}) {
    for (uint64_t n = 0;; ++n) {
      files_.DisarmAll();
      const uint64_t fault = files_.Arm({.op = op, .skip = n});
      const absl::Status status = Replay().status();
      if (files_.hits(fault) == 0) break;
      EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << ToString(op);
      ++failures;
    }
  }
  EXPECT_GE(failures, 4u) << "each log is opened and read";
}

// --- The end of the last log ------------------------------------------------

struct Ending {
  const char* what;
  EndKind kind;
  std::string (*spoil)(const std::string& bytes, uint64_t last_record);
  std::vector<SequenceNumber> applied;
};

TEST_F(LogReplay, AcceptsAnEndAsTheModeSays) {
  const Ending endings[] = {
      {"nothing behind the last record",
       EndKind::kClean,
       [](const std::string& bytes, uint64_t) { return bytes; },
       {1, 2}},
      {"the last record gone as a whole",
       EndKind::kClean,
       [](const std::string& bytes, uint64_t last) {
         return bytes.substr(0, last);
       },
       {1}},
      {"room that was never used",
       EndKind::kZeros,
       [](const std::string& bytes, uint64_t) {
         return bytes + std::string(100, '\0');
       },
       {1, 2}},
      {"a record that was never written",
       EndKind::kZeros,
       [](const std::string& bytes, uint64_t last) {
         return bytes.substr(0, last) + std::string(bytes.size() - last, '\0');
       },
       {1}},
      {"a record that lacks its last byte",
       EndKind::kIncomplete,
       [](const std::string& bytes, uint64_t) {
         return bytes.substr(0, bytes.size() - 1);
       },
       {1}},
      {"half a record's header",
       EndKind::kIncomplete,
       [](const std::string& bytes, uint64_t last) {
         return bytes.substr(0, last + 5);
       },
       {1}},
      {"half a record in room",
       EndKind::kIncomplete,
       [](const std::string& bytes, uint64_t last) {
         return bytes.substr(0, last + 20) + std::string(500, '\0');
       },
       {1}},
      {"a record with a wrong byte in its midst",
       EndKind::kBad,
       [](const std::string& bytes, uint64_t) {
         std::string spoilt = bytes;
         spoilt[spoilt.size() - 3] ^= 1;
         return spoilt;
       },
       {1}},
      {"bytes of something else",
       EndKind::kBad,
       [](const std::string& bytes, uint64_t) {
         return bytes + std::string(100, 'x');
       },
       {1, 2}},
  };
  for (const Ending& ending : endings) {
    SCOPED_TRACE(ending.what);
    manifest_.logs.clear();
    const auto ends = AddLog(7, 0, {Record(1), Record(2)});
    SetBytes(7, ending.spoil(BytesOf(7), ends[1]));
    const ReadResult read = ReadBytes(BytesOf(7), HeaderOf(7, 0));
    ASSERT_EQ(read.end.kind, ending.kind);
    const bool torn =
        ending.kind == EndKind::kIncomplete || ending.kind == EndKind::kBad;
    ExpectReplay(WalRecoveryMode::kPointInTime, ending.applied, torn);
    if (ending.kind == EndKind::kBad) {
      ExpectDataLoss(WalRecoveryMode::kTornTailOnly, 7, read.end.offset);
    } else {
      ExpectReplay(WalRecoveryMode::kTornTailOnly, ending.applied, torn);
    }
    if (torn) {
      ExpectDataLoss(WalRecoveryMode::kAbsolute, 7, read.end.offset);
    } else {
      ExpectReplay(WalRecoveryMode::kAbsolute, ending.applied, torn);
    }
  }
}

TEST_F(LogReplay, SaysWhereItTore) {
  const auto ends = AddLog(7, 0, {Record(1), Record(2)});
  Cut(7, ends[2] - 1);
  EXPECT_EQ(Result().torn_where,
            absl::StrCat("/db/000007.log at offset ", ends[1]));
}

// --- Holes ------------------------------------------------------------------

TEST_F(LogReplay, StopsAtAHoleAndGivesNoSequenceBehindItOutAgain) {
  const auto ends = AddLog(7, 0, {Record(1), Record(2), Record(3)});
  Damage(7, ends[1] + 20);
  ExpectReplay(WalRecoveryMode::kPointInTime, {1}, true);
  EXPECT_GE(Result().last_seen, 3 + kMostChanges);
  ExpectDataLoss(WalRecoveryMode::kTornTailOnly, 7, ends[1]);
  ExpectDataLoss(WalRecoveryMode::kAbsolute, 7, ends[1]);
}

TEST_F(LogReplay, ADamagedLengthBeforeAnotherRecordIsNoTornTail) {
  const auto ends = AddLog(7, 0, {Record(1), Record(2), Record(3)});
  // Now the record seems to reach beyond the end of the file.
  Damage(7, ends[1] + 6);
  ExpectReplay(WalRecoveryMode::kPointInTime, {1}, true);
  ExpectDataLoss(WalRecoveryMode::kTornTailOnly, 7, ends[1]);
}

TEST_F(LogReplay, AHoleBelowAMarkIsDamage) {
  const auto ends = WriteLog({Record(1), Record(2)}, HeaderOf(7, 0)).ends;
  AddLog(7, 0, {Record(1), Record(2), Record(3, 1, {7, ends[2]})});
  Damage(7, ends[1] + 20);
  ExpectDataLossInEveryMode(7, ends[1]);
}

TEST_F(LogReplay, AMarkThatEndsWhereTheHoleBeginsProvesNothing) {
  const auto ends = WriteLog({Record(1), Record(2)}, HeaderOf(7, 0)).ends;
  AddLog(7, 0, {Record(1), Record(2), Record(3, 1, {7, ends[1]})});
  Damage(7, ends[1] + 20);
  ExpectReplay(WalRecoveryMode::kPointInTime, {1}, true);
}

TEST_F(LogReplay, NoLaterLogMakesUpForAHole) {
  const auto ends = AddLog(7, 0, {Record(1), Record(2), Record(3)});
  AddLog(9, 1, {Record(2)});
  Damage(7, ends[1] + 20);
  ExpectReplay(WalRecoveryMode::kPointInTime, {1}, true);
}

// --- Two logs ---------------------------------------------------------------

TEST_F(LogReplay, StopsWhereAnOlderLogLostItsEnd) {
  const auto ends = AddLog(7, 0, {Record(1), Record(2)});
  AddLog(9, 2, {Record(3)});
  for (const uint64_t size : {ends[2] - 1, ends[1]}) {
    SCOPED_TRACE(size);
    Cut(7, size);
    ExpectReplay(WalRecoveryMode::kPointInTime, {1}, true);
    EXPECT_GE(Result().last_seen, 3 + kMostChanges);
    ExpectDataLoss(WalRecoveryMode::kTornTailOnly, 7, ends[1]);
    ExpectDataLoss(WalRecoveryMode::kAbsolute, 7, ends[1]);
  }
}

TEST_F(LogReplay, AnOlderTornTailIsOneIfTheNewerLogIsEmpty) {
  const auto ends = AddLog(7, 0, {Record(1), Record(2, 10)});
  AddLog(9, 11, {});
  Cut(7, ends[2] - 1);
  ExpectReplay(WalRecoveryMode::kPointInTime, {1}, true);
  ExpectReplay(WalRecoveryMode::kTornTailOnly, {1}, true);
  ExpectDataLoss(WalRecoveryMode::kAbsolute, 7, ends[1]);
  EXPECT_GE(Result().last_seen, 11u) << "the newer log says it was given out";
}

TEST_F(LogReplay, ARecordBehindDamageInALaterLogIsMoreThanATornTail) {
  const auto ends = AddLog(7, 0, {Record(1), Record(2)});
  const auto later = AddLog(9, 2, {Record(3), Record(4)});
  Cut(7, ends[2] - 1);
  Damage(9, later[0] + 20);
  ExpectReplay(WalRecoveryMode::kPointInTime, {1}, true);
  ExpectDataLoss(WalRecoveryMode::kTornTailOnly, 7, ends[1]);
}

TEST_F(LogReplay, AMarkInALaterLogProvesDamageOfAnOlderOne) {
  const auto ends = AddLog(7, 0, {Record(1), Record(2)});
  AddLog(8, 2, {Record(3)});
  AddLog(9, 3, {Record(4), Record(5, 1, {7, ends[2]})});
  Cut(7, ends[1]);
  ExpectDataLossInEveryMode(7, ends[1]);
}

TEST_F(LogReplay, AMarkOfALaterLogProvesDamageOfAllBeforeIt) {
  const auto ends = AddLog(7, 0, {Record(1), Record(2)});
  AddLog(9, 2, {Record(3, 1, {9, kLogHeaderBytes})});
  Damage(7, ends[1] + 20);
  ExpectDataLossInEveryMode(7, ends[1]);
}

TEST_F(LogReplay, AMarkBehindDamageOfItsOwnIsFound) {
  const auto ends = AddLog(7, 0, {Record(1), Record(2)});
  const auto later =
      AddLog(9, 2, {Record(3), Record(4), Record(5, 1, {7, ends[2]})});
  Cut(7, ends[1]);
  Damage(9, later[1] + 20);
  ExpectDataLossInEveryMode(7, ends[1]);
}

TEST_F(LogReplay, BytesBehindAnOlderLogsLastRecordDoNotBreakTheChain) {
  const auto ends = AddLog(7, 0, {Record(1), Record(2)});
  AddLog(9, 2, {Record(3)});
  Extend(7, std::string(100, 'x'));
  ExpectReplay(WalRecoveryMode::kPointInTime, {1, 2, 3}, false);
  // But the stricter modes want a log to end where its last record does.
  ExpectDataLoss(WalRecoveryMode::kTornTailOnly, 7, ends[2]);
  ExpectDataLoss(WalRecoveryMode::kAbsolute, 7, ends[2]);
}

// Its header says less than it could; its first record tells.
TEST_F(LogReplay, ALogMayBeMadeBeforeTheOneBeforeItEnds) {
  AddLog(7, 0, {Record(1), Record(2), Record(3)});
  AddLog(8, 1, {Skipping(2, 6), Record(7)});
  AddLog(9, 3, {});
  ExpectReplay(WalRecoveryMode::kAbsolute, {1, 2, 3, 6, 7}, false);
}

TEST_F(LogReplay, SuchALogShowsThatTheOneBeforeItLostItsEnd) {
  const auto ends = AddLog(7, 0, {Record(1), Record(2)});
  AddLog(9, 1, {Record(3)});
  for (const uint64_t size : {ends[2] - 1, ends[1]}) {
    SCOPED_TRACE(size);
    Cut(7, size);
    ExpectReplay(WalRecoveryMode::kPointInTime, {1}, true);
    ExpectDataLoss(WalRecoveryMode::kTornTailOnly, 7, ends[1]);
    ExpectDataLoss(WalRecoveryMode::kAbsolute, 7, ends[1]);
  }
}

TEST_F(LogReplay, AMarkProvesDamageOfALogThatNoBreakWasSeenIn) {
  const auto ends = AddLog(7, 0, {Record(1), Record(2)});
  AddLog(8, 1, {});  // It lost all of its records.
  AddLog(9, 1, {Record(4, 1, {7, ends[2]})});
  ExpectReplay(WalRecoveryMode::kPointInTime, {1, 2}, true);
  Cut(7, ends[1]);
  ExpectDataLossInEveryMode(7, ends[1]);
}

TEST_F(LogReplay, AFirstRecordThatSkipsMoreThanThereWasIsDamage) {
  AddLog(7, 0, {Skipping(9, 9)});
  ExpectDataLossInEveryMode(7, 0);
}

TEST_F(LogReplay, ALogThatBeginsBeforeTheEndIsDamage) {
  AddLog(7, 0, {Record(1), Record(2)});
  AddLog(9, 1, {Record(2)});
  ExpectDataLossInEveryMode(9, 0);
}

TEST_F(LogReplay, AFirstLogThatBeginsBehindTheTablesIsDamage) {
  manifest_.flushed_sequence = 40;
  AddLog(7, 41, {Record(42)});
  ExpectDataLossInEveryMode(7, 0);
}

// --- Missing and wrong logs -------------------------------------------------

TEST_F(LogReplay, ALogThatTheManifestNamesMustBeThere) {
  AddLog(7, 0, {Record(1)});
  AddLog(9, 1, {Record(2)});
  for (const uint64_t missing : {7, 9}) {
    present_ = {missing == 7u ? 9u : 7u};
    const absl::Status status = Replay().status();
    EXPECT_TRUE(IsDataLoss(status)) << status;
    EXPECT_EQ(DetailOf(status)->kind, ErrorKind::kMissingFile);
    EXPECT_EQ(DetailOf(status)->file, PathOf(missing));
    EXPECT_THAT(applied_, IsEmpty());
  }
}

TEST_F(LogReplay, ALogThatTheManifestNamesHasAHeader) {
  AddLog(7, 0, {Record(1)});
  for (const std::string& bytes : {std::string(), BytesOf(7).substr(0, 30)}) {
    SetBytes(7, bytes);
    for (const WalRecoveryMode mode : kModes) {
      EXPECT_TRUE(IsDataLoss(Replay(mode).status()));
    }
  }
}

TEST_F(LogReplay, AnotherLogUnderItsNameIsDamage) {
  AddLog(7, 0, {Record(1)});
  manifest_.logs[0].id = {.high = 1, .low = 2};
  ExpectDataLossInEveryMode(7, 0);
}

TEST_F(LogReplay, ALogThatWasClosedHasTheBytesItHadThen) {
  AddLog(7, 0, {Record(1), Record(2)});
  NoteClosed(7);
  const std::string bytes = BytesOf(7);
  for (const WalRecoveryMode mode : kModes) ExpectReplay(mode, {1, 2}, false);

  const auto ends = WriteLog({Record(1)}, HeaderOf(7, 0)).ends;
  for (const std::string& other :
       {bytes.substr(0, ends[1]),           // A record less,
        bytes.substr(0, bytes.size() - 1),  // a byte less,
        bytes + std::string(8, '\0')}) {    // room left.
    SetBytes(7, other);
    for (const WalRecoveryMode mode : kModes) {
      EXPECT_TRUE(IsDataLoss(Replay(mode).status()));
    }
  }
  SetBytes(7, bytes);
  ++manifest_.closed_logs[0].chain_hash;
  ExpectDataLossInEveryMode(7, bytes.size());
}

// --- Records that hold, and make no sense -----------------------------------

TEST_F(LogReplay, ARecordThatIsNoBatchIsDamageAndNoTail) {
  const auto ends = AddLog(7, 0, {Record(1), {2, "", {}}});
  ExpectDataLossInEveryMode(7, ends[1]);
}

TEST_F(LogReplay, ABatchThatTheCallerFindsMalformedIsDamage) {
  const auto ends = AddLog(7, 0, {Record(1)});
  apply_status_ = absl::InvalidArgumentError("a change too few");
  ExpectDataLossInEveryMode(7, ends[0]);
  EXPECT_THAT(std::string(Replay().status().message()),
              HasSubstr("a change too few"));
}

TEST_F(LogReplay, ASequenceThatDoesNotFollowIsDamage) {
  const auto ends = AddLog(7, 0, {Record(1, 2), Record(4)});
  ExpectDataLossInEveryMode(7, ends[1]);
}

TEST_F(LogReplay, MoreChangesThanThereAreSequencesAreDamage) {
  manifest_.flushed_sequence = kMaxSequence - 2;
  const auto ends = AddLog(7, kMaxSequence - 2,
                           {Record(kMaxSequence - 1), Record(kMaxSequence, 2)});
  ExpectDataLossInEveryMode(7, ends[1]);
}

// --- Sequences that no log has ----------------------------------------------

TEST_F(LogReplay, PassesWhatTheLogWasNotGiven) {
  AddLog(1, 40, {Skipping(3, 44, 2), Record(46), Skipping(1, 48)});
  manifest_.flushed_sequence = 40;
  const LogReplayResult result = Result();
  EXPECT_THAT(applied_, ElementsAre(44, 46, 48));
  EXPECT_EQ(result.last_applied, 48u);
  EXPECT_FALSE(result.torn);
}

TEST_F(LogReplay, ALogMayEndWithWhatItWasNotGiven) {
  AddLog(1, 0, {Record(1), Skipping(5, 7, 0)});
  AddLog(2, 6, {Record(7)});
  const LogReplayResult result = Result();
  EXPECT_THAT(applied_, ElementsAre(1, 7, 7));
  EXPECT_EQ(result.last_applied, 7u);
}

TEST_F(LogReplay, WithoutThatEndTheNextLogDoesNotFollow) {
  const auto ends = AddLog(1, 0, {Record(1), Skipping(5, 7, 0)});
  AddLog(2, 6, {Record(7)});
  Cut(1, ends[1]);
  ExpectReplay(WalRecoveryMode::kPointInTime, {1}, true);
}

TEST_F(LogReplay, ASkipThatDoesNotLeadToItsRecordIsDamage) {
  for (const TestRecord& wrong :
       {Skipping(2, 4), Skipping(1, 3), Skipping(4, 6), Skipping(3, 2),
        Skipping(kMaxSequence, 5), Skipping(kMaxSequence, 1),
        Skipping(kMaxSequence, kMaxSequence + 2), Skipping(3, 5 + kMaxSequence),
        Record(5)}) {
    SCOPED_TRACE(absl::StrCat("to ", wrong.ordinal, " by ", wrong.skipped));
    manifest_.logs.clear();
    const auto ends = AddLog(1, 0, {Record(1), wrong});
    if (wrong.ordinal == wrong.skipped + 2 && wrong.ordinal <= kMaxSequence) {
      EXPECT_TRUE(Replay().ok());
    } else {
      ExpectDataLossInEveryMode(1, ends[1]);
    }
  }
}

TEST_F(LogReplay, TheLastSequenceMayBeSkipped) {
  manifest_.flushed_sequence = kMaxSequence - 3;
  AddLog(1, kMaxSequence - 3, {Skipping(3, kMaxSequence + 1, 0)});
  EXPECT_EQ(Result().last_applied, kMaxSequence);
  manifest_.logs.clear();
  const auto ends =
      AddLog(1, kMaxSequence - 3, {Skipping(4, kMaxSequence + 2, 0)});
  ExpectDataLossInEveryMode(1, kLogHeaderBytes);
  EXPECT_EQ(ends[0], kLogHeaderBytes);
}

// --- What a try to resume leaves --------------------------------------------

TEST_F(LogReplay, AnEmptyLogThatNobodyRegisteredNeedNotFollow) {
  AddLog(1, 0, {Record(1), Record(2)});
  AddUnregistered(2, 9, {});  // Sequences 3 to 9 were a failed group's.
  Extend(2, std::string(5000, '\0'));
  AddUnregistered(3, 12, {});
  for (const WalRecoveryMode mode : kModes) {
    SCOPED_TRACE(static_cast<int>(mode));
    ExpectReplay(mode, {1, 2}, false);
  }
  const LogReplayResult result = Result();
  EXPECT_EQ(result.last_applied, 2u);
  EXPECT_EQ(result.last_seen, 12u) << "given out, and never again";
}

TEST_F(LogReplay, NorDoesItBreakTheChainOfTheOthers) {
  AddLog(1, 0, {Record(1)});
  AddUnregistered(2, 5, {});
  AddLog(3, 1, {Record(2)});
  ExpectReplay(WalRecoveryMode::kAbsolute, {1, 2}, false);
}

TEST_F(LogReplay, AnEmptyLogThatIsRegisteredMustFollow) {
  AddLog(1, 0, {Record(1)});
  AddLog(2, 5, {});
  ExpectReplay(WalRecoveryMode::kPointInTime, {1}, true);
  EXPECT_TRUE(IsDataLoss(Replay(WalRecoveryMode::kAbsolute).status()));
}

TEST_F(LogReplay, AnUnregisteredLogWithRecordsMustFollow) {
  AddLog(1, 0, {Record(1)});
  AddUnregistered(2, 5, {Record(6)});
  ExpectReplay(WalRecoveryMode::kPointInTime, {1}, true);
  EXPECT_TRUE(IsDataLoss(Replay(WalRecoveryMode::kAbsolute).status()));
}

TEST_F(LogReplay, NoSequenceBeyondTheLastIsEverSkippedTo) {
  manifest_.flushed_sequence = kMaxSequence - 10;
  const auto ends = AddLog(7, kMaxSequence - 10,
                           {Record(kMaxSequence - 9), Record(kMaxSequence - 8),
                            Record(kMaxSequence - 7)});
  Damage(7, ends[1] + 20);
  EXPECT_EQ(Result().last_seen, kMaxSequence);
}

// --- All of it at random ----------------------------------------------------

// A history of writes and syncs over several logs, and what is known of it.
struct WrittenRecord {
  uint64_t log_index = 0;
  uint64_t begin = 0;
  uint64_t end = 0;
  SequenceNumber first = 0;
  SequenceNumber last = 0;
  SyncMark mark = {};  // That it carries; none: 0, 0.
};
struct WrittenHistory {
  std::vector<uint64_t> sizes;  // Of each log; its number is the index plus 1.
  std::vector<SequenceNumber> bases;  // Of each log.
  std::vector<WrittenRecord> records;
};

WrittenHistory WriteHistory(Random& random, FileSystem& files,
                            ManifestState& manifest) {
  WrittenHistory history;
  SequenceNumber last = 0;
  SyncMark mark;
  for (uint64_t n = 1 + random.Uniform(4); n > 0; --n) {
    const uint64_t number = history.sizes.size() + 1;
    // Made ahead: then another follows it only once it has records.
    const bool ahead = random.OneIn(2);
    const LogHeader header =
        HeaderOf(number, ahead ? random.Uniform(last + 1) : last);
    history.bases.push_back(header.base_sequence);
    auto log =
        *LogWriter::Create(files, WalFileName(kDirectory, number), header, 0);
    manifest.logs.push_back({number, header.id});
    SyncMark said;
    const uint64_t least = ahead && n > 1 ? 1 : 0;
    for (uint64_t r = least + random.Uniform(6); r > 0; --r) {
      // A sync takes all logs before this one along.
      if (random.OneIn(3)) mark = {number, log->size()};
      WrittenRecord record{.log_index = history.sizes.size(),
                           .begin = log->size(),
                           .first = last + 1};
      if (mark != said) record.mark = said = mark;
      const uint64_t changes = 1 + random.Uniform(3);
      last += changes;
      const TestRecord test = Record(record.first, changes);
      log->Add({.ordinal = test.ordinal, .payload = test.payload}, mark);
      EXPECT_TRUE(log->Write().ok());
      record.end = log->size();
      record.last = last;
      history.records.push_back(record);
    }
    history.sizes.push_back(log->size());
    EXPECT_TRUE(log->Close().ok());
  }
  return history;
}

TEST_F(LogReplay, JudgesEveryCutAndFlipRight) {
  const uint64_t seed = TestSeed();
  Random random(seed);
  uint64_t damages = 0;
  uint64_t tears = 0;
  for (uint64_t round = 0; round < Scaled(3000, 50); ++round) {
    SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed, " round ", round));
    for (const std::string& file : disk_->Files()) {
      ASSERT_TRUE(disk_->RemoveFile(file, {}).ok());
    }
    manifest_ = {};
    const WrittenHistory history = WriteHistory(random, *disk_, manifest_);
    present_.clear();
    for (const auto& log : manifest_.logs) present_.push_back(log.number);
    if (history.records.empty()) continue;

    // One record is hit: it is flipped, or cut with all behind it in its log.
    const WrittenRecord& hit =
        history.records[random.Uniform(history.records.size())];
    const uint64_t number = hit.log_index + 1;
    const uint64_t offset = hit.begin + random.Uniform(hit.end - hit.begin);
    const bool cut = random.OneIn(2);
    if (cut) {
      Cut(number, offset);
    } else {
      Damage(number, offset);
    }
    SyncMark greatest;
    SequenceNumber last_left = 0;
    std::vector<SequenceNumber> applied;
    for (const WrittenRecord& r : history.records) {
      const bool lost =
          &r == &hit || (cut && r.log_index == hit.log_index && r.end > offset);
      if (lost) continue;
      greatest = std::max(greatest, r.mark);
      last_left = r.last;
      if (r.last < hit.first) applied.push_back(r.first);
    }
    if (greatest > SyncMark{number, hit.begin}) {
      ++damages;
      ExpectDataLossInEveryMode(number, hit.begin);
    } else {
      ++tears;
      bool clean_end = cut && offset == hit.begin && last_left < hit.first;
      for (uint64_t i = hit.log_index + 1; i < history.bases.size(); ++i) {
        clean_end = clean_end && history.bases[i] < hit.first;
      }
      ExpectReplay(WalRecoveryMode::kPointInTime, applied, !clean_end);
      EXPECT_GE(Result().last_seen, last_left);
      EXPECT_EQ(Replay(WalRecoveryMode::kAbsolute).ok(), clean_end);
    }
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GT(damages, 0u);
  EXPECT_GT(tears, 0u);
}

}  // namespace
}  // namespace lissom
