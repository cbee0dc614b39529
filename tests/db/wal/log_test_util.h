// What the log tests share: logs written to memory, read back whole, and bytes
// of records made by hand.
#ifndef LISSOM_TESTS_DB_WAL_LOG_TEST_UTIL_H_
#define LISSOM_TESTS_DB_WAL_LOG_TEST_UTIL_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "db/wal/log_format.h"
#include "db/wal/log_reader.h"
#include "db/wal/log_writer.h"
#include "util/coding.h"
#include "util/memory_file_system.h"

namespace lissom {

inline constexpr char kLogPath[] = "/log";

// The log that db/FORMAT.md shows.
inline LogHeader TestHeader() {
  return {.kind = LogKind::kWal,
          .number = 7,
          .id = {.high = 0x1122334455667788, .low = 0x99aabbccddeeff00},
          .base_sequence = 41};
}

inline std::shared_ptr<MemoryFileSystem> NewFiles() {
  return std::make_shared<MemoryFileSystem>(
      MemoryFileSystem::Options{.record_operations = false});
}

struct TestRecord {
  uint64_t ordinal = 0;
  std::string payload;
  SyncMark mark = {};  // As given to the writer; readers do not return it.
  uint64_t skipped = 0;
  friend bool operator==(const TestRecord& a, const TestRecord& b) {
    return a.ordinal == b.ordinal && a.payload == b.payload &&
           a.skipped == b.skipped;
  }
  friend std::ostream& operator<<(std::ostream& out, const TestRecord& r) {
    return out << r.ordinal << " with " << r.payload.size() << " bytes";
  }
};

struct WrittenLog {
  std::string bytes;
  std::vector<uint64_t> ends;  // ends[0]: of the header; then of each record.
  uint64_t chain_hash = 0;
};

// Each record by its own Write.
inline WrittenLog WriteLog(const std::vector<TestRecord>& records,
                           const LogHeader& header = TestHeader()) {
  auto files = NewFiles();
  auto writer = LogWriter::Create(*files, kLogPath, header, 0);
  EXPECT_TRUE(writer.ok()) << writer.status();
  WrittenLog log;
  log.ends.push_back((*writer)->size());
  for (const TestRecord& r : records) {
    (*writer)->Add(
        {.ordinal = r.ordinal, .payload = r.payload, .skipped = r.skipped},
        r.mark);
    EXPECT_TRUE((*writer)->Write().ok());
    log.ends.push_back((*writer)->size());
  }
  log.chain_hash = (*writer)->chain_hash();
  EXPECT_TRUE((*writer)->Close().ok());
  log.bytes = *files->GetBytes(kLogPath);
  EXPECT_EQ(log.bytes.size(), log.ends.back());
  return log;
}

struct ReadResult {
  absl::Status status;  // Of Open and Next.
  std::vector<TestRecord> records;
  LogReader::End end;
  std::optional<SyncMark> mark;
  uint64_t chain_hash = 0;
  absl::Status scan_status;
  std::optional<SyncMark> scan_mark;
  bool any_record = false;
  uint64_t largest_ordinal = 0;
};

// Reads all of the log at kLogPath and scans behind its end.
inline ReadResult ReadFrom(FileSystem& files,
                           const LogHeader& header = TestHeader()) {
  ReadResult result;
  auto reader = LogReader::Open(files, kLogPath, header.kind, header.number);
  result.status = reader.status();
  if (!reader.ok()) return result;
  LogRecord record;
  while (true) {
    const absl::StatusOr<bool> more = (*reader)->Next(&record);
    result.status = more.status();
    if (!more.ok()) return result;
    if (!*more) break;
    result.records.push_back({.ordinal = record.ordinal,
                              .payload = std::string(record.payload),
                              .skipped = record.skipped});
  }
  result.end = (*reader)->end();
  result.mark = (*reader)->mark();
  result.chain_hash = (*reader)->chain_hash();
  const auto mark =
      (*reader)->ScanForMark(&result.largest_ordinal, &result.any_record);
  result.scan_status = mark.status();
  if (mark.ok()) result.scan_mark = *mark;
  return result;
}

inline ReadResult ReadBytes(std::string_view bytes,
                            const LogHeader& header = TestHeader()) {
  auto files = NewFiles();
  EXPECT_TRUE(files->SetBytes(kLogPath, bytes).ok());
  return ReadFrom(*files, header);
}

// A record with a right checksum and any body.
inline std::string MakeRecord(const FileId& id, uint64_t offset,
                              std::string_view body) {
  std::string rest;
  AppendFixed32(&rest, static_cast<uint32_t>(body.size()));
  AppendFixed32(&rest, LogTagWord(id));
  rest += body;
  std::string record;
  AppendFixed32(&record, static_cast<uint32_t>(FileChecksum(id, offset, rest)));
  return record + rest;
}

}  // namespace lissom

#endif  // LISSOM_TESTS_DB_WAL_LOG_TEST_UTIL_H_
