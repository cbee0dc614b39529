#include "db/wal/log_writer.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/db/wal/log_test_util.h"
#include "tests/support/allocation_counter.h"
#include "tests/support/null_file_system.h"
#include "util/fault_injection_file_system.h"

namespace lissom {
namespace {

constexpr size_t kKiB = 1024;

// Marks of all records, in order; those that carry none are left out.
std::vector<std::pair<uint64_t, SyncMark>> MarksOf(std::string_view bytes) {
  std::vector<std::pair<uint64_t, SyncMark>> marks;
  size_t at = kLogHeaderBytes;
  while (at < bytes.size()) {
    const size_t n = DecodeFixed32(bytes.data() + at + 4);
    LogBody body;
    EXPECT_EQ(ParseLogBody(bytes.substr(at + kLogRecordHeaderBytes, n),
                           TestHeader(), &body),
              LogBodyVerdict::kOk);
    if (body.mark.has_value()) marks.emplace_back(at, *body.mark);
    at += kLogRecordHeaderBytes + n;
  }
  return marks;
}

TEST(LogWriter, WritesAGroupWithOneAppend) {
  FaultInjectionFileSystem files(NewFiles());
  auto writer = *LogWriter::Create(files, kLogPath, TestHeader(), 0);
  const std::string large(100 * kKiB, 'l');
  files.ResetCounters();
  writer->Add({.ordinal = 42, .payload = "a"}, {});
  writer->Add({.ordinal = 43, .payload = large}, {});
  writer->Add({.ordinal = 44, .payload = ""}, {});
  writer->Add({.ordinal = 45, .payload = large}, {});
  EXPECT_EQ(files.count(FileOp::kAppend), 0u);
  const uint64_t before = writer->size();
  ASSERT_TRUE(writer->Write().ok());
  EXPECT_GT(writer->size(), before + 2 * large.size());
  ASSERT_TRUE(writer->Write().ok());  // Nothing to write.
  EXPECT_EQ(files.count(FileOp::kAppend, IoContext::Kind::kWal), 1u);
  const ReadResult result = ReadFrom(files);
  EXPECT_EQ(
      result.records,
      (std::vector<TestRecord>{
          {42, "a", {}}, {43, large, {}}, {44, "", {}}, {45, large, {}}}));
  EXPECT_EQ(result.chain_hash, writer->chain_hash());
}

TEST(LogWriter, DoesNotAllocateOnceWarm) {
  NullFileSystem files;
  auto writer = *LogWriter::Create(files, kLogPath, TestHeader(), 1 << 20);
  const std::string payload(122, 'p');
  const std::string large(65 * kKiB, 'l');
  uint64_t ordinal = 41;
  for (int round = 0; round < 50; ++round) {
    bool ok = true;
    const unsigned long count = CountAllocations([&] {
      for (int i = 0; i < 100; ++i) {
        writer->Add({.ordinal = ++ordinal, .payload = payload},
                    {7, writer->size()});
      }
      writer->Add({.ordinal = ++ordinal, .payload = large}, {});
      ok = writer->Write().ok() && writer->Sync().ok();
    });
    ASSERT_TRUE(ok);
    if (round > 0) {
      ASSERT_EQ(count, 0u) << "round " << round;
    }
  }
}

TEST(LogWriter, WritesAMarkWhereItIsNewsAndEvery32KiB) {
  std::vector<TestRecord> records;
  const std::string payload(1000, 'p');
  uint64_t ordinal = 41;
  for (int i = 0; i < 3; ++i) records.push_back({++ordinal, payload, {}});
  for (int i = 0; i < 200; ++i) {
    records.push_back({++ordinal, payload, {6, 5000}});
  }
  records.push_back({++ordinal, payload, {7, 3000}});
  records.push_back({++ordinal, payload, {7, 3000}});
  records.push_back({++ordinal, payload, {7, 9000}});
  const auto marks = MarksOf(WriteLog(records).bytes);
  // Nothing known says nothing; about 200 KB with one mark a 32 KiB.
  ASSERT_EQ(marks.size(), 7u + 2u);
  for (size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(marks[i].second, (SyncMark{6, 5000}));
    if (i > 0) {
      EXPECT_GE(marks[i].first - marks[i - 1].first, 32 * kKiB);
      EXPECT_LT(marks[i].first - marks[i - 1].first, 32 * kKiB + 1020);
    }
  }
  EXPECT_EQ(marks[7].second, (SyncMark{7, 3000}));
  EXPECT_EQ(marks[8].second, (SyncMark{7, 9000}));
}

TEST(LogWriter, KnowsWhatIsDurable) {
  auto files = NewFiles();
  auto writer = *LogWriter::Create(*files, kLogPath, TestHeader(), 0);
  EXPECT_EQ(writer->size(), kLogHeaderBytes);
  EXPECT_EQ(writer->synced_size(), 0u);
  writer->Add({.ordinal = 42, .payload = "a"}, {});
  ASSERT_TRUE(writer->Write().ok());
  EXPECT_EQ(writer->synced_size(), 0u);
  ASSERT_TRUE(writer->Sync().ok());
  EXPECT_EQ(writer->synced_size(), writer->size());
  writer->Add({.ordinal = 43, .payload = "b"}, {});
  ASSERT_TRUE(writer->Write().ok());
  EXPECT_LT(writer->synced_size(), writer->size());
  ASSERT_TRUE(writer->Close().ok());
  EXPECT_EQ(writer->synced_size(), writer->size());
  EXPECT_FALSE(writer->Write().ok());
}

TEST(LogWriter, PreallocatesAheadAndTrimsAtClose) {
  auto files = NewFiles();
  auto writer = *LogWriter::Create(*files, kLogPath, TestHeader(), 1 << 20);
  EXPECT_EQ(files->GetBytes(kLogPath)->size(), 1u << 20);
  const std::string payload(60 * kKiB, 'p');
  std::vector<TestRecord> records;
  for (uint64_t i = 0; i < 40; ++i) {
    records.push_back({42 + i, payload, {}});
    writer->Add({.ordinal = 42 + i, .payload = payload}, {});
    ASSERT_TRUE(writer->Write().ok());
    EXPECT_GT(files->GetBytes(kLogPath)->size(), writer->size());
  }
  ReadResult result = ReadFrom(*files);
  EXPECT_EQ(result.records, records);
  EXPECT_EQ(result.end.kind, LogReader::End::Kind::kZeros);
  EXPECT_EQ(result.end.offset, writer->size());
  ASSERT_TRUE(writer->Close().ok());
  result = ReadFrom(*files);
  EXPECT_EQ(result.records, records);
  EXPECT_EQ(result.end.kind, LogReader::End::Kind::kClean);
}

TEST(LogWriter, DoesWithoutPreallocationThatFails) {
  FaultInjectionFileSystem files(NewFiles());
  files.Arm({.op = FileOp::kAllocate, .sticky = true, .error_number = ENOSPC});
  auto writer = *LogWriter::Create(files, kLogPath, TestHeader(), 4096);
  const std::string payload(1000, 'p');
  for (uint64_t i = 0; i < 100; ++i) {
    writer->Add({.ordinal = 42 + i, .payload = payload}, {});
    ASSERT_TRUE(writer->Write().ok());
  }
  EXPECT_LE(files.count(FileOp::kAllocate), 2u);  // One a step, not a write.
  ASSERT_TRUE(writer->Close().ok());
  EXPECT_EQ(ReadFrom(files).records.size(), 100u);
}

TEST(LogWriter, ReturnsItsFirstErrorForEver) {
  for (const FileOp op : {FileOp::kAppend, FileOp::kSync}) {
    SCOPED_TRACE(ToString(op));
    FaultInjectionFileSystem files(NewFiles());
    auto writer = *LogWriter::Create(files, kLogPath, TestHeader(), 0);
    writer->Add({.ordinal = 42, .payload = "a"}, {});
    ASSERT_TRUE(writer->Write().ok());
    const uint64_t size = writer->size();
    const uint64_t chain = writer->chain_hash();
    files.Arm({.op = op, .error_number = EIO, .effect = Fault::Effect::kHalf});
    writer->Add({.ordinal = 43, .payload = "b"}, {});
    absl::Status first = writer->Write();
    if (op == FileOp::kAppend) {
      EXPECT_EQ(writer->size(), size);
      EXPECT_EQ(writer->chain_hash(), chain);
    } else {
      ASSERT_TRUE(first.ok());
      first = writer->Sync();
    }
    EXPECT_EQ(first.code(), absl::StatusCode::kInternal);
    EXPECT_EQ(writer->synced_size(), 0u);
    writer->Add({.ordinal = 44, .payload = "c"}, {});
    EXPECT_EQ(writer->Write(), first);
    EXPECT_EQ(writer->Sync(), first);
    EXPECT_EQ(writer->Close(), first);
    EXPECT_EQ(files.uses_after_failed_sync(), 0u);
    EXPECT_EQ(ReadFrom(files).records.front().payload, "a");
  }
}

TEST(LogWriter, LeavesNoFileIfItCannotBegin) {
  auto base = NewFiles();
  FaultInjectionFileSystem files(base);
  files.Arm({.op = FileOp::kAppend, .error_number = ENOSPC});
  const auto writer = LogWriter::Create(files, kLogPath, TestHeader(), 0);
  EXPECT_EQ(writer.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(base->Files().empty());
}

TEST(LogWriter, DoesNotReplaceAFile) {
  auto files = NewFiles();
  ASSERT_TRUE(files->SetBytes(kLogPath, "precious").ok());
  const auto writer = LogWriter::Create(*files, kLogPath, TestHeader(), 0);
  EXPECT_EQ(writer.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(*files->GetBytes(kLogPath), "precious");
}

TEST(LogWriter, RefusesARecordOfFourGiB) {
  NullFileSystem files;
  auto writer = *LogWriter::Create(files, kLogPath, TestHeader(), 0);
  // Its bytes are never looked at.
  const char byte = 'x';
  writer->Add({.ordinal = 42, .payload = {&byte, uint64_t{1} << 32}}, {});
  EXPECT_EQ(writer->Write().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace lissom
