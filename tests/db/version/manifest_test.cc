// CURRENT and the manifest as bytes: what is written, what is believed, what is
// refused. How a VersionSet uses them is in version_set_test.cc.
#include "db/version/manifest.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "db/filename.h"
#include "db/version/version_set.h"
#include "db/wal/log_writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lissom/status.h"
#include "tests/support/shape.h"
#include "util/memory_file_system.h"

namespace lissom {
namespace {

using ::testing::HasSubstr;

constexpr char kCurrentPath[] = "/db/CURRENT";
constexpr char kManifestPath[] = "/db/MANIFEST-000003";

std::shared_ptr<MemoryFileSystem> NewFileSystem() {
  auto file_system = std::make_shared<MemoryFileSystem>();
  EXPECT_TRUE(file_system->CreateDirectory("/db").ok());
  return file_system;
}

VersionEdit FirstEdit() {
  VersionEdit edit;
  edit.comparator = "order";
  edit.database_id = FileId{.high = 1, .low = 2};
  edit.min_log_number = 4;
  edit.next_file_number = 10;
  edit.flushed_sequence = 50;
  edit.last_sequence = 100;
  return edit;
}

VersionEdit Adding(int level, std::string_view table) {
  VersionEdit edit;
  edit.added.push_back({.level = level, .table = testing::ParseTable(table)});
  return edit;
}

VersionEdit Removing(int level, uint64_t number) {
  VersionEdit edit;
  edit.removed.push_back({.level = level, .number = number});
  return edit;
}

// Writes manifest 3 with `edits`, and CURRENT.
void WriteManifest(MemoryFileSystem& file_system,
                   const std::vector<std::string>& edits) {
  auto writer = ManifestWriter::Install(file_system, "/db", 3,
                                        {.high = 7, .low = 8}, edits[0]);
  ASSERT_TRUE(writer.ok()) << writer.status();
  for (size_t i = 1; i < edits.size(); ++i) {
    ASSERT_TRUE((*writer)->Append(edits[i]).ok());
  }
}

absl::StatusOr<ManifestState> ReadEdits(const std::vector<VersionEdit>& edits) {
  const auto file_system = NewFileSystem();
  std::vector<std::string> encoded;
  for (const VersionEdit& edit : edits) encoded.push_back(edit.Encode());
  WriteManifest(*file_system, encoded);
  return ReadManifest(*file_system, "/db");
}

std::string ShapeOf(const ManifestState& state) {
  std::string out;
  for (const VersionEdit::NewTable& t : state.tables) {
    absl::StrAppend(&out, out.empty() ? "" : " ", "L", t.level, ":",
                    testing::ToString(t.table));
  }
  return out;
}

// --- CURRENT ----------------------------------------------------------------

TEST(Current, IsOneLineThatProvesItself) {
  const std::string body = FormatCurrent(3);
  EXPECT_EQ(body, "lissom MANIFEST-000003 7d0c65bbb10ebec0\n");
  const auto number = ParseCurrent(kCurrentPath, body);
  ASSERT_TRUE(number.ok());
  EXPECT_EQ(*number, 3u);
  for (const uint64_t n : {uint64_t{1}, uint64_t{1234567}, kMaxFileNumber}) {
    EXPECT_EQ(*ParseCurrent(kCurrentPath, FormatCurrent(n)), n);
  }
}

std::string Replaced(std::string text, std::string_view from,
                     std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos);
  return text.replace(at, from.size(), to);
}

// Whatever stands in CURRENT: kDataLoss that names the file and the first wrong
// byte, and no file outside the directory is looked at.
TEST(Current, AnythingElseIsRefused) {
  const std::string good = FormatCurrent(3);
  const std::string hash = good.substr(23, 16);
  const std::string evil = "lissom ../evil/MANIFEST-000003 " + hash + "\n";
  const struct {
    const char* what;
    std::string body;
    uint64_t offset;
  } cases[] = {
      {"empty", "", 0},
      {"a newline", "\n", 0},
      {"a zero byte", std::string(1, '\0'), 0},
      {"zeros", std::string(40, '\0'), 0},
      {"no newline", good.substr(0, good.size() - 1), 39},
      {"two newlines", good + "\n", 40},
      {"carriage return", Replaced(good, "\n", "\r\n"), 39},
      {"twice", good + good, 40},
      {"space behind", Replaced(good, "\n", " \n"), 39},
      {"space before", " " + good, 0},
      {"two spaces", Replaced(good, "lissom ", "lissom  "), 7},
      {"tab", Replaced(good, "lissom ", "lissom\t"), 6},
      {"capitals", Replaced(good, "lissom", "Lissom"), 0},
      {"another engine's", "MANIFEST-000003\n", 0},
      {"only our name", "lissom", 6},
      {"our name and a space", "lissom ", 7},
      {"no hash", "lissom MANIFEST-000003\n", 7},
      {"empty hash", "lissom MANIFEST-000003 \n", 23},
      {"hash cut", good.substr(0, 30), 30},
      {"hash of zeros", Replaced(good, hash, std::string(16, '0')), 23},
      {"wrong last digit of the hash", Replaced(good, "c0\n", "c1\n"), 38},
      {"hash in capitals", Replaced(good, "7d0c", "7D0c"), 24},
      {"another manifest with this one's hash",
       Replaced(good, "000003", "000004"), 23},
      {"five digits", Replaced(good, "000003", "00003"), 7},
      {"seven digits", Replaced(good, "000003", "0000003"), 7},
      {"letters", Replaced(good, "000003", "00000a"), 7},
      {"negative", Replaced(good, "000003", "-00003"), 7},
      {"number 0", FormatCurrent(0), 7},
      {"number too large", FormatCurrent(kMaxFileNumber + 1), 7},
      {"number over 64 bits", Replaced(good, "000003", "99999999999999999999"),
       7},
      {"a table", Replaced(good, "MANIFEST-000003", "000003.sst"), 7},
      {"a log", Replaced(good, "MANIFEST-000003", "000003.log"), 7},
      {"CURRENT itself", Replaced(good, "MANIFEST-000003", "CURRENT"), 7},
      {"path up", evil, 7},
      {"path up with its own hash",
       Replaced(good, "MANIFEST-000003", "../MANIFEST-000003"), 7},
      {"path down", Replaced(good, "MANIFEST", "x/MANIFEST"), 7},
      {"here", Replaced(good, "MANIFEST", "./MANIFEST"), 7},
      {"absolute path", Replaced(good, "MANIFEST", "/MANIFEST"), 7},
      {"zero in the name",
       Replaced(good, "000003", std::string("000003\0x", 8)), 7},
      {"device", Replaced(good, "MANIFEST-000003", "/dev/zero"), 7},
      {"garbage", "\xff\xfe\x80 garbage", 0},
      {"huge", good + std::string(1 << 20, 'x'), 40},
      {"huge without end", std::string(1 << 20, 'l'), 1},
      {"huge name", "lissom " + std::string(1 << 20, '0'), 7},
  };
  for (const auto& c : cases) {
    const auto file_system = NewFileSystem();
    WriteManifest(*file_system, {FirstEdit().Encode()});
    ASSERT_TRUE(ReadManifest(*file_system, "/db").ok());
    // Where an escape would lead.
    ASSERT_TRUE(file_system->CreateDirectory("/evil").ok());
    const auto manifest = file_system->GetBytes(kManifestPath);
    for (const char* path :
         {"/MANIFEST-000003", "/evil/MANIFEST-000003", "/db/MANIFEST-000004"}) {
      ASSERT_TRUE(file_system->SetBytes(path, *manifest).ok());
    }
    ASSERT_TRUE(file_system->SetBytes(kCurrentPath, c.body).ok());
    const absl::Status status = ReadManifest(*file_system, "/db").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << c.what;
    ASSERT_TRUE(DetailOf(status).has_value()) << c.what << ": " << status;
    EXPECT_EQ(DetailOf(status)->kind, ErrorKind::kCorruption) << c.what;
    EXPECT_EQ(DetailOf(status)->file, kCurrentPath) << c.what;
    EXPECT_EQ(DetailOf(status)->offset, c.offset) << c.what << ": " << status;
  }
}

TEST(Current, EveryFlippedBitIsSeen) {
  const auto file_system = NewFileSystem();
  WriteManifest(*file_system, {FirstEdit().Encode()});
  const std::string body = *file_system->GetBytes(kCurrentPath);
  for (size_t bit = 0; bit < body.size() * 8; ++bit) {
    ASSERT_TRUE(file_system->FlipBit(kCurrentPath, bit).ok());
    EXPECT_TRUE(IsDataLoss(ReadManifest(*file_system, "/db").status())) << bit;
    ASSERT_TRUE(file_system->FlipBit(kCurrentPath, bit).ok());
  }
  EXPECT_TRUE(ReadManifest(*file_system, "/db").ok());
}

TEST(Current, MissingIsMissingAndNotAnEmptyDatabase) {
  const auto file_system = NewFileSystem();
  WriteManifest(*file_system, {FirstEdit().Encode()});
  ASSERT_TRUE(file_system->RemoveFile(kCurrentPath, {}).ok());
  const absl::Status status = ReadManifest(*file_system, "/db").status();
  EXPECT_TRUE(IsDataLoss(status));
  EXPECT_EQ(DetailOf(status)->kind, ErrorKind::kMissingFile);
  EXPECT_EQ(DetailOf(status)->file, kCurrentPath);
}

TEST(Current, MayBeADirectoryAndIsRefused) {
  const auto file_system = NewFileSystem();
  ASSERT_TRUE(file_system->CreateDirectory(kCurrentPath).ok());
  EXPECT_TRUE(IsDataLoss(ReadManifest(*file_system, "/db").status()));
}

// --- What edits add up to ---------------------------------------------------

TEST(Manifest, AddsUpItsEdits) {
  VersionEdit created;
  created.logs_created = {{.number = 4, .id = {.high = 4, .low = 4}},
                          {.number = 6, .id = {.high = 6, .low = 6}}};
  created.logs_closed = {{.number = 4, .length = 1, .chain_hash = 2},
                         {.number = 6, .length = 3, .chain_hash = 4}};
  VersionEdit moved = Removing(0, 7);
  moved.added = Adding(1, "7[a-f]").added;
  VersionEdit numbers;
  numbers.min_log_number = 5;
  numbers.next_file_number = 20;
  numbers.flushed_sequence = 200;
  numbers.last_sequence = 300;
  const auto state = ReadEdits({FirstEdit(), created, Adding(0, "7[a-f]"),
                                Adding(0, "8[a-f]@80-89"), moved,
                                Removing(0, 8), numbers, Adding(0, "12[x-z]")});
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->comparator, "order");
  EXPECT_EQ(state->database_id, (FileId{.high = 1, .low = 2}));
  EXPECT_EQ(state->manifest_number, 3u);
  EXPECT_EQ(state->min_log_number, 5u);
  EXPECT_EQ(state->next_file_number, 20u);
  EXPECT_EQ(state->flushed_sequence, 200u);
  EXPECT_EQ(state->last_sequence, 300u);
  EXPECT_EQ(ShapeOf(*state), "L0:12[x-z] L1:7[a-f]");
  // Log 4 is not needed any more.
  ASSERT_EQ(state->logs.size(), 1u);
  EXPECT_EQ(state->logs[0], created.logs_created[1]);
  ASSERT_EQ(state->closed_logs.size(), 1u);
  EXPECT_EQ(state->closed_logs[0], created.logs_closed[1]);
}

TEST(Manifest, EditsThatCannotFollowAreDataLoss) {
  const auto with = [](const std::function<void(VersionEdit&)>& change) {
    VersionEdit edit;
    change(edit);
    return edit;
  };
  const FileId id{.high = 6, .low = 6};
  VersionEdit same_twice = Adding(1, "7[a-b]");
  same_twice.added.push_back(same_twice.added[0]);
  const struct {
    const char* message;
    std::vector<VersionEdit> edits;
  } cases[] = {
      {"table 7 is removed from level 1", {Removing(1, 7)}},
      {"table 7 is removed from level 2",
       {Adding(1, "7[a-b]"), Removing(2, 7)}},
      {"table 7 is removed from level 1",
       {Adding(1, "7[a-b]"), Removing(1, 7), Removing(1, 7)}},
      {"table 7 is added twice", {Adding(1, "7[a-b]"), Adding(2, "7[a-b]")}},
      {"table 7 is added twice", {same_twice}},
      {"the oldest log goes back from 4 to 3",
       {with([](VersionEdit& e) { e.min_log_number = 3; })}},
      {"the next file number goes back from 10 to 9",
       {with([](VersionEdit& e) { e.next_file_number = 9; })}},
      {"the flushed sequence goes back from 50 to 49",
       {with([](VersionEdit& e) { e.flushed_sequence = 49; })}},
      {"the last sequence goes back from 100 to 99",
       {with([](VersionEdit& e) { e.last_sequence = 99; })}},
      {"the oldest log is 11",
       {with([](VersionEdit& e) { e.min_log_number = 11; })}},
      {"sequence 101 was flushed",
       {with([](VersionEdit& e) { e.flushed_sequence = 101; })}},
      {"table 10 with sequences", {Adding(1, "10[a-b]@1-2")}},
      {"table 9 with sequences up to 101", {Adding(1, "9[a-b]@1-101")}},
      {"the comparator changes",
       {with([](VersionEdit& e) { e.comparator = "other"; })}},
      {"the database's id changes",
       {with([](VersionEdit& e) { e.database_id = FileId{}; })}},
      {"log 6 was created twice", {with([&](VersionEdit& e) {
         e.logs_created = {{.number = 6, .id = id}, {.number = 6, .id = id}};
       })}},
      {"log 10 was created twice, or never numbered",
       {with([&](VersionEdit& e) {
         e.logs_created = {{.number = 10, .id = id}};
       })}},
      {"log 6 was closed in two ways", {with([](VersionEdit& e) {
         e.logs_closed = {{.number = 6, .length = 1},
                          {.number = 6, .length = 2}};
       })}},
  };
  for (const auto& c : cases) {
    std::vector<VersionEdit> edits = {FirstEdit()};
    edits.insert(edits.end(), c.edits.begin(), c.edits.end());
    const absl::Status status = ReadEdits(edits).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << c.message;
    EXPECT_THAT(status.message(), HasSubstr(c.message));
    ASSERT_TRUE(DetailOf(status).has_value()) << status;
    EXPECT_EQ(DetailOf(status)->file, kManifestPath);
    EXPECT_NE(DetailOf(status)->offset, ErrorDetail::kNoOffset);
  }
}

TEST(Manifest, FirstEditMustSayEverything) {
  EXPECT_TRUE(ReadEdits({FirstEdit()}).ok());
  VersionEdit edit = FirstEdit();
  edit.comparator.reset();
  EXPECT_TRUE(IsDataLoss(ReadEdits({edit}).status()));
  edit = FirstEdit();
  edit.database_id.reset();
  EXPECT_TRUE(IsDataLoss(ReadEdits({edit}).status()));
  edit = FirstEdit();
  edit.min_log_number = 1;
  edit.next_file_number = 3;  // Its own.
  EXPECT_TRUE(IsDataLoss(ReadEdits({edit}).status()));
}

// Passing over these would give wrong answers.
TEST(Manifest, TablesThatNeedMoreThanWeCanAreUnimplemented) {
  const std::function<void(TableMetadata&)> changes[] = {
      [](TableMetadata& t) { t.global_sequence = 5; },
      [](TableMetadata& t) { t.largest_exclusive = true; },
      [](TableMetadata& t) { t.blob_files = {5}; },
      [](TableMetadata& t) {
        t.largest.trailer = PackTrailer(70, EntryKind::kRangeDelete);
      },
      [](TableMetadata& t) {
        t.smallest.trailer = PackTrailer(79, EntryKind::kMerge);
      },
  };
  for (const auto& change : changes) {
    VersionEdit edit = Adding(1, "7[a-b]");
    change(edit.added[0].table);
    const absl::Status status = ReadEdits({FirstEdit(), edit}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
    EXPECT_EQ(DetailOf(status)->file, kManifestPath);
  }
}

TEST(Manifest, UnknownFieldsAreUnimplementedOrSkipped) {
  const auto read = [](const std::string& field) {
    const auto file_system = NewFileSystem();
    WriteManifest(*file_system, {FirstEdit().Encode(), field});
    return ReadManifest(*file_system, "/db").status();
  };
  EXPECT_TRUE(read(std::string("\x63\x01x")).ok());
  EXPECT_EQ(read(std::string("\xe3\x01x")).code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(read(std::string("\x81\x02x")).code(), absl::StatusCode::kDataLoss);
}

TEST(Manifest, EncodeCheckedRefusesWhatCouldNotBeRead) {
  EXPECT_TRUE(EncodeChecked(FirstEdit()).ok());
  VersionEdit edit = Adding(1, "7[a-b]");
  edit.added[0].table.tail_size = edit.added[0].table.size + 1;
  EXPECT_EQ(EncodeChecked(edit).status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(EncodeChecked(Adding(7, "7[a-b]")).status().code(),
            absl::StatusCode::kInternal);
}

// --- Records ----------------------------------------------------------------

// Writes records as they come, right or wrong, and CURRENT. `marked`: each
// says how far the manifest was synced, or at least `min_mark`.
void WriteRecords(MemoryFileSystem& file_system,
                  const std::vector<std::pair<uint64_t, VersionEdit>>& records,
                  bool marked = true, uint64_t min_mark = 0) {
  auto log = LogWriter::Create(
      file_system, kManifestPath,
      {.kind = LogKind::kManifest, .number = 3, .id = {.high = 7, .low = 8}},
      0);
  ASSERT_TRUE(log.ok()) << log.status();
  for (const auto& [ordinal, edit] : records) {
    SyncMark mark;
    if (marked) mark = {3, std::max((*log)->synced_size(), min_mark)};
    (*log)->Add({.ordinal = ordinal, .payload = edit.Encode()}, mark);
    ASSERT_TRUE((*log)->Write().ok());
    ASSERT_TRUE((*log)->Sync().ok());
  }
  ASSERT_TRUE((*log)->Close().ok());
  ASSERT_TRUE(file_system.SetBytes(kCurrentPath, FormatCurrent(3)).ok());
}

TEST(Manifest, RecordsLostRepeatedOrReorderedAreDataLoss) {
  const VersionEdit first = FirstEdit();
  const VersionEdit a = Adding(1, "7[a-b]");
  const VersionEdit b = Adding(1, "8[c-d]");
  const struct {
    bool good;
    std::vector<std::pair<uint64_t, VersionEdit>> records;
  } cases[] = {
      {true, {{1, first}}},
      {true, {{1, first}, {2, a}, {3, b}}},
      {false, {}},
      {false, {{2, first}}},
      {false, {{0, first}}},
      {false, {{1, first}, {3, b}}},
      {false, {{1, first}, {2, a}, {2, a}}},
      {false, {{1, first}, {3, b}, {2, a}}},
      {false, {{1, first}, {2, a}, {1, first}}},
  };
  for (const auto& c : cases) {
    const auto file_system = NewFileSystem();
    WriteRecords(*file_system, c.records);
    const absl::Status status = ReadManifest(*file_system, "/db").status();
    EXPECT_EQ(status.code(),
              c.good ? absl::StatusCode::kOk : absl::StatusCode::kDataLoss)
        << status;
    if (!c.good) {
      EXPECT_EQ(DetailOf(status)->file, kManifestPath);
    }
  }
}

TEST(Manifest, ARecordBehindDamageIsDataLossWithoutAMarkToo) {
  const auto file_system = NewFileSystem();
  WriteRecords(*file_system,
               {{1, FirstEdit()}, {2, Adding(1, "7[a-b]")}, {3, FirstEdit()}},
               /*marked=*/false);
  ASSERT_TRUE(ReadManifest(*file_system, "/db").ok());
  // The second edit: the id of its table.
  const size_t at = file_system->GetBytes(kManifestPath)->find("pahs");
  ASSERT_NE(at, std::string::npos);
  ASSERT_TRUE(file_system->FlipBit(kManifestPath, at * 8).ok());
  const absl::Status status = ReadManifest(*file_system, "/db").status();
  EXPECT_TRUE(IsDataLoss(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("there are later ones"));
}

TEST(Manifest, AMarkBeyondItsEndIsDataLoss) {
  const auto file_system = NewFileSystem();
  WriteRecords(*file_system, {{1, FirstEdit()}}, /*marked=*/true, 1000);
  const absl::Status status = ReadManifest(*file_system, "/db").status();
  EXPECT_TRUE(IsDataLoss(status)) << status;
  EXPECT_EQ(DetailOf(status)->file, kManifestPath);
}

// --- Damage -----------------------------------------------------------------

// A manifest of three edits, and where each begins.
struct Sample {
  std::shared_ptr<MemoryFileSystem> file_system = NewFileSystem();
  std::vector<uint64_t> ends;       // Of the edits.
  std::vector<std::string> shapes;  // After each.
  std::string bytes;

  Sample() {
    auto writer = ManifestWriter::Install(
        *file_system, "/db", 3, {.high = 7, .low = 8}, FirstEdit().Encode());
    EXPECT_TRUE(writer.ok());
    ends.push_back((*writer)->size());
    EXPECT_TRUE((*writer)->Append(Adding(1, "7[a-b]").Encode()).ok());
    ends.push_back((*writer)->size());
    EXPECT_TRUE((*writer)->Append(Adding(1, "8[c-d]").Encode()).ok());
    ends.push_back((*writer)->size());
    shapes = {"", "L1:7[a-b]", "L1:7[a-b] L1:8[c-d]"};
    bytes = *file_system->GetBytes(kManifestPath);
    EXPECT_EQ(bytes.size(), ends.back());
  }

  absl::StatusOr<ManifestState> Read(const std::string& changed) {
    EXPECT_TRUE(file_system->SetBytes(kManifestPath, changed).ok());
    return ReadManifest(*file_system, "/db");
  }
};

// Cut anywhere, the edits that are whole count: after a power cut that is what
// was acknowledged. Without the first there is no database.
TEST(Manifest, CutShortItEndsWithTheLastWholeEdit) {
  Sample sample;
  for (size_t n = 0; n <= sample.bytes.size(); ++n) {
    // As it may be found: cut, or with zeros where bytes never arrived.
    for (const size_t zeros : {0, 100}) {
      const auto state =
          sample.Read(sample.bytes.substr(0, n) + std::string(zeros, '\0'));
      if (n < sample.ends[0]) {
        // A last byte that is zero by itself is not missed.
        if (zeros > 0 && state.ok()) continue;
        EXPECT_TRUE(IsDataLoss(state.status())) << n << ": " << state.status();
        continue;
      }
      ASSERT_TRUE(state.ok()) << n << ": " << state.status();
      const size_t whole = n < sample.ends[1] ? 0 : n < sample.ends[2] ? 1 : 2;
      if (zeros == 0) {
        EXPECT_EQ(ShapeOf(*state), sample.shapes[whole]) << n;
      } else {
        EXPECT_GE(ShapeOf(*state), sample.shapes[whole]) << n;
      }
    }
  }
}

// Every bit of it flipped: an edit with another behind it is damage; the last
// one may be taken for an edit that never was.
TEST(Manifest, EveryFlippedBitIsSeenUnlessItIsInTheLastEdit) {
  Sample sample;
  for (size_t bit = 0; bit < sample.bytes.size() * 8; ++bit) {
    std::string flipped = sample.bytes;
    flipped[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    const auto state = sample.Read(flipped);
    if (bit / 8 < sample.ends[1]) {
      const absl::StatusCode code = state.status().code();
      ASSERT_TRUE(code == absl::StatusCode::kDataLoss ||
                  code == absl::StatusCode::kUnimplemented)
          << "bit " << bit << ": " << state.status();
      EXPECT_EQ(DetailOf(state.status())->file, kManifestPath);
      if (bit / 8 >= sample.ends[0]) {
        EXPECT_EQ(DetailOf(state.status())->offset, sample.ends[0]);
      }
    } else {
      ASSERT_TRUE(state.ok()) << "bit " << bit << ": " << state.status();
      EXPECT_EQ(ShapeOf(*state), sample.shapes[1]);
    }
  }
}

TEST(Manifest, PiecesInTheWrongPlaceAreSeen) {
  Sample sample;
  const std::string& b = sample.bytes;
  const auto edit = [&](size_t i) {
    return b.substr(sample.ends[i - 1], sample.ends[i] - sample.ends[i - 1]);
  };
  const std::string first = b.substr(0, sample.ends[0]);
  // Lost, swapped: what is read in their place does not verify, and something
  // behind it does not either; so nothing is known to be missing.
  for (const std::string& changed :
       {first + edit(2), first + edit(2) + edit(1)}) {
    const auto state = sample.Read(changed);
    ASSERT_TRUE(state.ok()) << state.status();
    EXPECT_EQ(ShapeOf(*state), sample.shapes[0]);
  }
  // Repeated at the end: no record there, and none behind.
  const auto repeated = sample.Read(b + edit(2));
  ASSERT_TRUE(repeated.ok()) << repeated.status();
  EXPECT_EQ(ShapeOf(*repeated), sample.shapes[2]);
  // Overwritten with zeros in the midst.
  std::string zeroed = b;
  zeroed.replace(sample.ends[0], edit(1).size(), edit(1).size(), '\0');
  EXPECT_TRUE(IsDataLoss(sample.Read(zeroed).status()));
}

TEST(Manifest, MissingOrNoFileIsDataLoss) {
  Sample sample;
  ASSERT_TRUE(sample.file_system->RemoveFile(kManifestPath, {}).ok());
  absl::Status status = ReadManifest(*sample.file_system, "/db").status();
  EXPECT_TRUE(IsDataLoss(status));
  EXPECT_EQ(DetailOf(status)->kind, ErrorKind::kMissingFile);
  EXPECT_EQ(DetailOf(status)->file, kManifestPath);
  ASSERT_TRUE(sample.file_system->CreateDirectory(kManifestPath).ok());
  EXPECT_TRUE(IsDataLoss(ReadManifest(*sample.file_system, "/db").status()));
}

TEST(Manifest, UnderAnotherNumberIsDataLoss) {
  Sample sample;
  ASSERT_TRUE(
      sample.file_system->SetBytes("/db/MANIFEST-000005", sample.bytes).ok());
  ASSERT_TRUE(
      sample.file_system->SetBytes(kCurrentPath, FormatCurrent(5)).ok());
  EXPECT_TRUE(IsDataLoss(ReadManifest(*sample.file_system, "/db").status()));
}

TEST(Manifest, ReadingChangesNothing) {
  Sample sample;
  const size_t operations = sample.file_system->operation_count();
  EXPECT_TRUE(ReadManifest(*sample.file_system, "/db").ok());
  EXPECT_EQ(sample.file_system->operation_count(), operations);
}

TEST(Manifest, InstallTakesAwayALeftoverOfItsTemporaryFile) {
  const auto file_system = NewFileSystem();
  ASSERT_TRUE(file_system->SetBytes("/db/CURRENT.000003.tmp", "rest").ok());
  WriteManifest(*file_system, {FirstEdit().Encode()});
  EXPECT_TRUE(ReadManifest(*file_system, "/db").ok());
  EXPECT_THAT(file_system->Files(),
              ::testing::ElementsAre(kCurrentPath, kManifestPath));
}

}  // namespace
}  // namespace lissom
