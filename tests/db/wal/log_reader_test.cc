#include "db/wal/log_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "lissom/status.h"
#include "tests/db/wal/log_test_util.h"
#include "tests/support/test_env.h"
#include "util/fault_injection_file_system.h"

namespace lissom {
namespace {

using Kind = LogReader::End::Kind;

std::string RandomBytes(Random& random, size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random.Next());
  return bytes;
}

// Four records with marks that no two share. No payload ends with a zero.
std::vector<TestRecord> SmallRecords() {
  return {{42, "first", {6, 700}},
          {43, std::string("\0second\0x", 9), {7, 56}},
          {45, "", {7, 80}},
          {50, "fourth", {7, 90}}};
}

std::vector<TestRecord> FirstOf(const std::vector<TestRecord>& records,
                                size_t count) {
  return {records.begin(), records.begin() + static_cast<ptrdiff_t>(count)};
}

// How many records lie unharmed at the front of `damaged`.
size_t IntactRecords(const WrittenLog& log, std::string_view damaged) {
  const auto [end, other] = std::mismatch(log.bytes.begin(), log.bytes.end(),
                                          damaged.begin(), damaged.end());
  const uint64_t intact_bytes = static_cast<uint64_t>(end - log.bytes.begin());
  const auto behind =
      std::upper_bound(log.ends.begin() + 1, log.ends.end(), intact_bytes);
  return static_cast<size_t>(behind - log.ends.begin() - 1);
}

TEST(LogReader, ReturnsWhatWasWritten) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("LISSOM_SEED=" + std::to_string(seed));
  Random random(seed);
  std::vector<TestRecord> records;
  std::vector<size_t> sizes = {0,        1,       127,     128,
                               65'535,   65'536,  65'537,  size_t{200} * 1024,
                               5u << 20, 262'100, 262'144, 262'200};
  for (int i = 0; i < 300; ++i) {
    sizes.push_back(random.Uniform(uint64_t{1} << random.Uniform(18)));
  }
  uint64_t ordinal = TestHeader().base_sequence;
  SyncMark mark = {6, 0};
  for (const size_t size : sizes) {
    if (random.OneIn(3)) mark.offset += random.Uniform(1000);
    ordinal += 1 + random.Uniform(100);
    records.push_back({ordinal, RandomBytes(random, size), mark});
  }
  const WrittenLog log = WriteLog(records);
  const ReadResult result = ReadBytes(log.bytes);
  ASSERT_TRUE(result.status.ok()) << result.status;
  EXPECT_TRUE(result.records == records);
  EXPECT_EQ(result.end.kind, Kind::kClean);
  EXPECT_EQ(result.end.offset, log.bytes.size());
  EXPECT_EQ(result.chain_hash, log.chain_hash);
  EXPECT_EQ(result.mark, mark);
  EXPECT_FALSE(result.any_record);
}

TEST(LogReader, SaysWhichRecordHasAMark) {
  // A writer leaves out a mark that is no news.
  const WrittenLog log =
      WriteLog({{42, "a", {6, 1}}, {43, "b", {6, 1}}, {44, "c", {7, 60}}});
  const auto files = NewFiles();
  ASSERT_TRUE(files->SetBytes(kLogPath, log.bytes).ok());
  auto reader =
      LogReader::Open(*files, kLogPath, LogKind::kWal, TestHeader().number);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->record_mark(), std::nullopt);
  std::vector<std::optional<SyncMark>> marks;
  LogRecord record;
  while (*(*reader)->Next(&record)) marks.push_back((*reader)->record_mark());
  EXPECT_EQ(marks, (std::vector<std::optional<SyncMark>>{
                       SyncMark{6, 1}, std::nullopt, SyncMark{7, 60}}));
}

TEST(LogReader, ReturnsAnyOrdinal) {
  const std::vector<TestRecord> records = {{0, "below the base", {9, 1}},
                                           {UINT64_MAX, "b", {UINT64_MAX, 2}}};
  const ReadResult result = ReadBytes(WriteLog(records).bytes);
  EXPECT_EQ(result.records, records);
  EXPECT_EQ(result.mark, (SyncMark{UINT64_MAX, 2}));
}

TEST(LogReader, ReadsTheRecordsBeforeAnyTruncation) {
  const std::vector<TestRecord> records = SmallRecords();
  const WrittenLog log = WriteLog(records);
  for (size_t size = 0; size < log.bytes.size(); ++size) {
    SCOPED_TRACE(size);
    const ReadResult result = ReadBytes(log.bytes.substr(0, size));
    if (size < kLogHeaderBytes) {
      EXPECT_TRUE(IsDataLoss(result.status));
      const auto detail = DetailOf(result.status);
      ASSERT_TRUE(detail.has_value());
      EXPECT_EQ(detail->file, kLogPath);
      EXPECT_EQ(detail->offset, size);
      continue;
    }
    const size_t count = static_cast<size_t>(
        std::upper_bound(log.ends.begin(), log.ends.end(), size) -
        log.ends.begin() - 1);
    ASSERT_TRUE(result.status.ok()) << result.status;
    EXPECT_EQ(result.records, FirstOf(records, count));
    EXPECT_EQ(result.end.offset, log.ends[count]);
    EXPECT_EQ(result.end.kind,
              size == log.ends[count] ? Kind::kClean : Kind::kIncomplete);
    EXPECT_TRUE(result.scan_status.ok());
    EXPECT_FALSE(result.any_record);
  }
}

TEST(LogReader, ReadsTheRecordsBeforeZeros) {
  const std::vector<TestRecord> records = SmallRecords();
  const WrittenLog log = WriteLog(records);
  for (const size_t room : {0, 1, 11, 12, 13, 100'000, 600'000}) {
    for (size_t at = kLogHeaderBytes; at <= log.bytes.size(); ++at) {
      if (room > 1000 && at % 7 != 0) continue;
      SCOPED_TRACE(std::to_string(at) + " then " + std::to_string(room));
      std::string bytes = log.bytes.substr(0, at);
      bytes.resize(log.bytes.size() + room);
      const size_t count = IntactRecords(log, bytes);
      const uint64_t end = log.ends[count];
      const bool zeros =
          bytes.find_first_not_of('\0', end) == std::string::npos;
      const ReadResult result = ReadBytes(bytes);
      ASSERT_TRUE(result.status.ok()) << result.status;
      EXPECT_EQ(result.records, FirstOf(records, count));
      EXPECT_EQ(result.end.offset, end);
      EXPECT_EQ(result.end.kind, end == bytes.size() ? Kind::kClean
                                 : zeros             ? Kind::kZeros
                                                     : Kind::kIncomplete);
      EXPECT_FALSE(result.any_record);
    }
  }
}

TEST(LogReader, ReturnsNoDamagedRecord) {
  const std::vector<TestRecord> records = SmallRecords();
  const WrittenLog log = WriteLog(records);
  for (size_t bit = 0; bit < 8 * log.bytes.size(); ++bit) {
    SCOPED_TRACE(bit);
    std::string bytes = log.bytes;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
    const ReadResult result = ReadBytes(bytes);
    if (bit / 8 < kLogHeaderBytes) {
      EXPECT_TRUE(IsDataLoss(result.status)) << result.status;
      continue;
    }
    ASSERT_TRUE(result.status.ok()) << result.status;
    const size_t count = IntactRecords(log, bytes);
    ASSERT_LT(count, records.size());
    EXPECT_EQ(result.records, FirstOf(records, count));
    EXPECT_EQ(result.end.offset, log.ends[count]);
    // A wrong length may lead beyond the end, as that of a torn record does.
    const size_t in_record = bit / 8 - log.ends[count];
    if (in_record < 4 || in_record >= kLogTagOffset) {
      EXPECT_EQ(result.end.kind, Kind::kBad);
    } else {
      EXPECT_TRUE(result.end.kind == Kind::kBad ||
                  result.end.kind == Kind::kIncomplete);
    }
    // The records behind it bear witness.
    ASSERT_TRUE(result.scan_status.ok());
    EXPECT_EQ(result.any_record, count + 1 < records.size());
    if (result.any_record) {
      EXPECT_EQ(result.scan_mark, records.back().mark);
      EXPECT_EQ(result.largest_ordinal, records.back().ordinal);
    }
  }
}

TEST(LogReader, RefusesRecordsThatMoved) {
  const std::vector<TestRecord> records = {
      {42, "aaaa", {}}, {43, "bbbb", {}}, {44, "cccc", {}}};
  const WrittenLog log = WriteLog(records);
  const size_t size = log.ends[1] - log.ends[0];
  ASSERT_EQ(log.ends[3] - log.ends[2], size);
  const std::string header = log.bytes.substr(0, log.ends[0]);
  const std::string a = log.bytes.substr(log.ends[0], size);
  const std::string b = log.bytes.substr(log.ends[1], size);
  const std::string c = log.bytes.substr(log.ends[2], size);

  ReadResult result = ReadBytes(header + b + a + c);  // Swapped.
  EXPECT_TRUE(result.records.empty());
  EXPECT_EQ(result.end.kind, Kind::kBad);
  EXPECT_TRUE(result.any_record);  // c stands where it stood.

  result = ReadBytes(header + a + a + b + c);  // Twice.
  EXPECT_EQ(result.records, FirstOf(records, 1));
  EXPECT_EQ(result.end.kind, Kind::kBad);
  EXPECT_FALSE(result.any_record);

  result = ReadBytes(header + b + c);  // Lost.
  EXPECT_TRUE(result.records.empty());
  EXPECT_FALSE(result.any_record);
}

TEST(LogReader, RefusesRecordsOfAnotherLog) {
  const std::vector<TestRecord> records = {
      {42, "aaaa", {}}, {43, "bbbb", {}}, {44, "cccc", {}}};
  const WrittenLog log = WriteLog(records);
  LogHeader header = TestHeader();
  header.id.low ^= 1;
  const WrittenLog other = WriteLog(records, header);
  std::string bytes = log.bytes;
  bytes.replace(log.ends[1], log.ends[2] - log.ends[1], other.bytes,
                log.ends[1], log.ends[2] - log.ends[1]);
  const ReadResult result = ReadBytes(bytes);
  EXPECT_EQ(result.records, FirstOf(records, 1));
  EXPECT_EQ(result.end.kind, Kind::kBad);
  EXPECT_TRUE(result.any_record);

  // A whole old log behind the end of a new one, as on reused blocks.
  bytes = log.bytes + other.bytes;
  EXPECT_EQ(ReadBytes(bytes).records, records);
  EXPECT_FALSE(ReadBytes(bytes).any_record);
}

TEST(LogReader, FindsMarksBehindLostPages) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("LISSOM_SEED=" + std::to_string(seed));
  Random random(seed);
  // Over several windows of the reader, with records larger than one.
  std::vector<TestRecord> records;
  for (uint64_t i = 0; i < 800; ++i) {
    const size_t size = i % 97 == 96 ? 300'000 : random.Uniform(2000);
    records.push_back({42 + i, RandomBytes(random, size), {7, 100 + i}});
  }
  const WrittenLog log = WriteLog(records);
  constexpr size_t kPage = 4096;
  for (int i = 0; i < 40; ++i) {
    const size_t page = 1 + random.Uniform(log.bytes.size() / kPage - 1);
    const size_t pages = 1 + random.Uniform(100);
    SCOPED_TRACE("page " + std::to_string(page));
    std::string bytes = log.bytes;
    for (size_t at = page * kPage;
         at < std::min(bytes.size(), (page + pages) * kPage); ++at) {
      bytes[at] = '\0';
    }
    const size_t count = IntactRecords(log, bytes);
    const size_t lost_end = std::min(bytes.size(), (page + pages) * kPage);
    // The last record is found unless the damage reaches it.
    const bool last_whole = log.ends[records.size() - 1] >= lost_end;
    const ReadResult result = ReadBytes(bytes);
    ASSERT_TRUE(result.status.ok()) << result.status;
    ASSERT_TRUE(result.scan_status.ok()) << result.scan_status;
    EXPECT_TRUE(result.records == FirstOf(records, count));
    EXPECT_EQ(result.end.offset, log.ends[count]);
    if (last_whole) {
      EXPECT_EQ(result.scan_mark, records.back().mark);
      EXPECT_EQ(result.largest_ordinal, records.back().ordinal);
      EXPECT_EQ(result.end.kind, Kind::kBad);
    }
  }
}

TEST(LogReader, FindsTheOnlyRecordAcrossTheEndOfAWindow) {
  constexpr size_t kWindow = 256 << 10;
  const std::string header = WriteLog({}).bytes;
  for (size_t before = 0; before < 60; ++before) {
    SCOPED_TRACE(before);
    std::string bytes = header + std::string(kWindow - before, 'x');
    bytes += MakeRecord(TestHeader().id, bytes.size(),
                        "\x81\x02\x01\x05\x82\x11\x02the long payload");
    const ReadResult result = ReadBytes(bytes);
    ASSERT_TRUE(result.scan_status.ok()) << result.scan_status;
    EXPECT_EQ(result.end.kind, Kind::kBad);
    EXPECT_EQ(result.scan_mark, (SyncMark{6, 5}));
    EXPECT_EQ(result.largest_ordinal, 43u);
  }
}

TEST(LogReader, AlsoScansWhereTheRecordThatBreaksOffHidesARecord) {
  const WrittenLog log = WriteLog(SmallRecords());
  std::string bytes = log.bytes;
  bytes[log.ends[1] + 6] = 1;  // The second's length: far beyond the end.
  const ReadResult result = ReadBytes(bytes);
  EXPECT_EQ(result.end.kind, Kind::kIncomplete);
  EXPECT_TRUE(result.any_record);
  EXPECT_EQ(result.scan_mark, (SyncMark{7, 90}));
}

TEST(LogReader, LeavesTheScanOfAHostileFile) {
  std::string bytes = WriteLog({}).bytes;
  const uint32_t tag = LogTagWord(TestHeader().id);
  while (bytes.size() < 100'000) {
    AppendFixed32(&bytes, 1);
    AppendFixed32(&bytes, 50'000);
    AppendFixed32(&bytes, tag);
  }
  const ReadResult result = ReadBytes(bytes);
  ASSERT_TRUE(result.status.ok());
  EXPECT_TRUE(result.records.empty());
  EXPECT_TRUE(IsDataLoss(result.scan_status)) << result.scan_status;
}

TEST(LogReader, DoesNotAllocateForALengthBeyondTheEnd) {
  std::string bytes = WriteLog({}).bytes;
  AppendFixed32(&bytes, 1);
  AppendFixed32(&bytes, UINT32_MAX);
  AppendFixed32(&bytes, LogTagWord(TestHeader().id));
  bytes += "body";
  const ReadResult result = ReadBytes(bytes);
  EXPECT_EQ(result.end.kind, Kind::kIncomplete);
}

TEST(LogReader, TakesNoIoErrorForAnEnd) {
  std::vector<TestRecord> records;
  for (uint64_t i = 0; i < 20; ++i) {
    records.push_back(
        {42 + i, std::string(100'000 + 40'000 * (i % 5), 'p'), {7, 60 + i}});
  }
  auto base = NewFiles();
  std::string bytes = WriteLog(records).bytes;
  bytes[1'500'000] ^= 1;  // So that there is something to scan.
  bytes.resize(bytes.size() + 1'000'000);
  ASSERT_TRUE(base->SetBytes(kLogPath, bytes).ok());
  using Effect = Fault::Effect;
  for (const Effect effect : {Effect::kNothing, Effect::kShortRead}) {
    uint64_t reads = 0;
    while (true) {
      FaultInjectionFileSystem files(base);
      const uint64_t fault =
          files.Arm({.op = FileOp::kRead, .skip = reads, .effect = effect});
      const ReadResult result = ReadFrom(files);
      if (files.hits(fault) == 0) break;
      SCOPED_TRACE(reads);
      const absl::Status& s =
          result.status.ok() ? result.scan_status : result.status;
      EXPECT_EQ(s.code(), effect == Effect::kNothing
                              ? absl::StatusCode::kInternal
                              : absl::StatusCode::kDataLoss)
          << s;
      ++reads;
    }
    EXPECT_GT(reads, 20u);
  }
}

TEST(LogReader, NamesAFileThatIsMissing) {
  const ReadResult result = ReadFrom(*NewFiles());
  EXPECT_TRUE(IsDataLoss(result.status));
  EXPECT_EQ(DetailOf(result.status)->kind, ErrorKind::kMissingFile);
}

// Random damage of all kinds: whatever comes back is a prefix of what was
// written, and no crash.
TEST(LogReader, ReturnsAPrefixWhateverTheDamage) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("LISSOM_SEED=" + std::to_string(seed));
  Random random(seed);
  std::vector<TestRecord> records;
  for (uint64_t i = 0; i < 30; ++i) {
    records.push_back(
        {42 + i, RandomBytes(random, random.Uniform(60)), {7, 60 + i}});
  }
  const WrittenLog log = WriteLog(records);
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = log.bytes;
    for (uint64_t hits = 1 + random.Uniform(4); hits > 0; --hits) {
      const size_t from = random.Uniform(bytes.size());
      const size_t n = random.Uniform(bytes.size() - from);
      switch (random.Uniform(4)) {
        case 0:
          bytes[from] = static_cast<char>(random.Next());
          break;
        case 1:
          bytes.erase(from, n);
          break;
        case 2:
          bytes.insert(from, log.bytes, 0, random.Uniform(log.bytes.size()));
          break;
        default:
          bytes.replace(from, n, n, '\0');
      }
      if (bytes.empty()) break;
    }
    const ReadResult result = ReadBytes(bytes);
    if (!result.status.ok()) {
      ASSERT_TRUE(IsDataLoss(result.status)) << result.status;
      continue;
    }
    ASSERT_EQ(result.records, FirstOf(records, IntactRecords(log, bytes)));
  }
}

}  // namespace
}  // namespace lissom
