#include "db/wal/log_format.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/db/wal/log_test_util.h"

namespace lissom {
namespace {

// As `hexdump -C` prints them.
std::vector<std::string> HexLines(std::string_view bytes) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < bytes.size(); at += 16) {
    const std::string_view row = bytes.substr(at, 16);
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%08zx ", at);
    std::string line = buffer;
    std::string text;
    for (size_t i = 0; i < 16; ++i) {
      if (i == 8) line += ' ';
      if (i >= row.size()) {
        line += "   ";
        continue;
      }
      const auto c = static_cast<unsigned char>(row[i]);
      std::snprintf(buffer, sizeof buffer, " %02x", c);
      line += buffer;
      text += c >= 0x20 && c < 0x7f ? row[i] : '.';
    }
    lines.push_back(line + "  |" + text + "|");
  }
  return lines;
}

std::string ReadFormatPage() {
  std::ifstream in(std::string(LISSOM_SOURCE_DIR) + "/db/FORMAT.md");
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(LogFormat, IsWhatFormatMdShows) {
  const WrittenLog log =
      WriteLog({{42, "hello", {6, 4096}}, {43, "world", {}}});
  const std::string page = ReadFormatPage();
  std::string dump;
  for (const std::string& line : HexLines(log.bytes)) dump += line + "\n";
  EXPECT_NE(page.find(dump), std::string::npos)
      << "db/FORMAT.md does not show this log:\n"
      << dump;
}

TEST(LogFormat, ARecordOfTheReferenceWorkloadCostsAtMost24Bytes) {
  const std::string payload(122, 'p');  // A put of 16 + 100 bytes, encoded.
  LogHeader header = TestHeader();
  header.base_sequence = 5'000'000'000;
  std::vector<TestRecord> records;
  uint64_t ordinal = header.base_sequence;
  for (int i = 0; i < 3000; ++i) records.push_back({++ordinal, payload, {}});
  // Steady: no news of what is durable, so a mark every 32 KiB.
  for (TestRecord& r : records) r.mark = {7, 1000};
  const WrittenLog log = WriteLog(records, header);
  const double overhead =
      static_cast<double>(log.bytes.size() - kLogHeaderBytes) / 3000 - 122;
  EXPECT_LT(overhead, 16.5);
  // The dearest: a new mark in each, ten gigabytes into a log.
  EXPECT_LE(kLogRecordHeaderBytes + 2 + 1 + 5 + 2 + 3 - 1, 24u);
}

TEST(LogFormat, NoByteOfATagWordIsZero) {
  Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    const uint32_t word = LogTagWord(random.NextFileId());
    for (int shift = 0; shift < 32; shift += 8) {
      ASSERT_NE(word >> shift & 0xff, 0u);
    }
  }
}

// Once failed in sanitizer builds only: the hash state began uninitialised.
TEST(LogFormat, ChecksumOfPiecesIsThatOfTheirSum) {
  const FileId id = TestHeader().id;
  std::string text;
  for (int i = 0; i < 5000; ++i) text += static_cast<char>(i * 7);
  for (const size_t size : {0, 1, 16, 128, 240, 241, 1024, 5000}) {
    const std::string_view all = std::string_view(text).substr(0, size);
    for (size_t cut = 0; cut <= size; cut += 1 + size / 7) {
      const std::string_view pieces[] = {all.substr(0, cut), all.substr(cut)};
      EXPECT_EQ(FileChecksum(id, 99, std::span(pieces)),
                FileChecksum(id, 99, all));
    }
  }
}

TEST(LogHeader, OfANewerReaderIsRefusedAsNewer) {
  std::string bytes = WriteLog({}).bytes;
  bytes[10] = 1;  // min_reader_version.
  const std::string_view checked = std::string_view(bytes).substr(0, 48);
  EncodeFixed64(bytes.data() + 48, FileChecksum(TestHeader().id, 0, checked));
  EXPECT_EQ(ReadBytes(bytes).status.code(), absl::StatusCode::kUnimplemented);
}

TEST(LogHeader, MayGrow) {
  std::string bytes = WriteLog({}).bytes;
  bytes.resize(48);
  bytes += "what a newer version adds";
  const size_t length = bytes.size() + 8;
  EncodeFixed32(bytes.data() + 12, static_cast<uint32_t>(length));
  AppendFixed64(&bytes, FileChecksum(TestHeader().id, 0, bytes));
  bytes += MakeRecord(TestHeader().id, length, "\x82\x02\x01p");
  const ReadResult result = ReadBytes(bytes);
  ASSERT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(result.records, (std::vector<TestRecord>{{42, "p", {}}}));
}

TEST(LogHeader, OfAnotherKindOrNumberIsDataLoss) {
  const std::string bytes = WriteLog({}).bytes;
  LogHeader other = TestHeader();
  other.number = 8;
  EXPECT_TRUE(IsDataLoss(ReadBytes(bytes, other).status));
  other = TestHeader();
  other.kind = LogKind::kManifest;
  EXPECT_TRUE(IsDataLoss(ReadBytes(bytes, other).status));
  EXPECT_TRUE(ReadBytes(WriteLog({}, other).bytes, other).status.ok());
}

TEST(LogHeader, ComesBack) {
  LogHeader header = TestHeader();
  header.base_sequence = kMaxSequence;
  auto files = NewFiles();
  ASSERT_TRUE(files->SetBytes(kLogPath, WriteLog({}, header).bytes).ok());
  auto reader = LogReader::Open(*files, kLogPath, header.kind, header.number);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->header().id, header.id);
  EXPECT_EQ((*reader)->header().base_sequence, header.base_sequence);
}

// A reader meets bodies whose checksum is right and that no writer of this
// version makes.
struct BodyCase {
  std::string body;
  absl::StatusCode code;
};

TEST(LogBody, IsReadSkippedOrRefusedAsItsTagsSay) {
  const std::string payload("\x82\x02\x01p", 4);
  const BodyCase cases[] = {
      {payload, absl::StatusCode::kOk},
      {"\x05\x01x" + payload, absl::StatusCode::kOk},  // Unknown: skipped.
      {payload + "\x7f" + std::string(1, '\0'), absl::StatusCode::kOk},
      {"\x85\x01x" + payload, absl::StatusCode::kUnimplemented},
      {"\x81\x02\x01\x05" + payload, absl::StatusCode::kOk},
      {"\x81\x03\x01\x05\x05" + payload, absl::StatusCode::kDataLoss},
      {"\x81\x01\x01" + payload, absl::StatusCode::kDataLoss},
      {"\x81\x02\x01\x05", absl::StatusCode::kDataLoss},  // No payload.
      {payload + payload, absl::StatusCode::kDataLoss},
      {std::string("\x82\x00", 2), absl::StatusCode::kDataLoss},
      {"\x82\x7fp", absl::StatusCode::kDataLoss},
      {"\x82", absl::StatusCode::kDataLoss},
      {payload + std::string(2, '\0'), absl::StatusCode::kDataLoss},
      {"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
       absl::StatusCode::kDataLoss},
      {"\x83\x01\x05" + payload, absl::StatusCode::kOk},
      {payload + "\x83\x01\x05", absl::StatusCode::kOk},
      {"\x83\x01\x05", absl::StatusCode::kDataLoss},  // No payload.
      {"\x83\x01\x05\x83\x01\x05" + payload, absl::StatusCode::kDataLoss},
      {std::string("\x83\x01\x00", 3) + payload, absl::StatusCode::kDataLoss},
      {std::string("\x83\x00", 2) + payload, absl::StatusCode::kDataLoss},
      {"\x83\x02\x05\x05" + payload, absl::StatusCode::kDataLoss},
      {"\x83\x01\x85" + payload, absl::StatusCode::kDataLoss},
      // The last sequence there is, and one more.
      {"\x83\x08\xff\xff\xff\xff\xff\xff\xff\x3f" + payload,
       absl::StatusCode::kOk},
      {"\x83\x08\x80\x80\x80\x80\x80\x80\x80\x40" + payload,
       absl::StatusCode::kDataLoss},
      {"\x83\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" + payload,
       absl::StatusCode::kDataLoss},
  };
  const std::string header = WriteLog({}).bytes;
  for (const BodyCase& c : cases) {
    SCOPED_TRACE(::testing::PrintToString(c.body));
    const std::string bytes =
        header + MakeRecord(TestHeader().id, header.size(), c.body);
    const ReadResult result = ReadBytes(bytes);
    EXPECT_EQ(result.status.code(), c.code) << result.status;
    EXPECT_EQ(result.records.size(), result.status.ok() ? 1u : 0u);
  }
}

TEST(LogBody, SaysWhatIsInNoLog) {
  const std::vector<TestRecord> records = {{42, "a"},
                                           {45, "b", {}, 2},
                                           {46, "c", {7, 100}},
                                           {kMaxSequence, "d", {7, 100}, 90}};
  const ReadResult result = ReadBytes(WriteLog(records).bytes);
  ASSERT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(result.records, records);
}

TEST(LogBody, AManifestSkipsNothing) {
  LogHeader header = TestHeader();
  header.kind = LogKind::kManifest;
  const std::string bytes = WriteLog({}, header).bytes;
  const ReadResult result = ReadBytes(
      bytes + MakeRecord(header.id, bytes.size(), "\x83\x01\x05\x82\x02\x01p"),
      header);
  EXPECT_TRUE(IsDataLoss(result.status)) << result.status;
}

}  // namespace
}  // namespace lissom
