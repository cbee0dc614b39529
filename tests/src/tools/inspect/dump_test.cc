// The dumps of logs, manifests and tables: what they show of small files, and
// that no byte of a hostile one makes them do more than say so.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lissom/db.h"
#include "lissom/write_batch.h"
#include "src/tools/inspect/beside_writer.h"
#include "src/tools/inspect/manifest_dump.h"
#include "src/tools/inspect/table_dump.h"
#include "src/tools/inspect/wal_dump.h"
#include "tests/db/wal/log_test_util.h"
#include "tests/support/test_env.h"
#include "util/forwarding_file_system.h"
#include "util/manual_clock.h"
#include "util/memory_file_system.h"

namespace lissom::tools {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// What a dump wrote, and what it returned.
struct Dumped {
  std::vector<std::string> lines;
  absl::Status status;
};

using Dump = std::function<absl::Status(LineSink&)>;

Dumped Collect(const Dump& dump) {
  Dumped dumped;
  LineSink sink([&](std::string_view line) {
    EXPECT_EQ(line.find('\n'), std::string_view::npos);
    dumped.lines.emplace_back(line);
    return true;
  });
  dumped.status = dump(sink);
  return dumped;
}

std::string All(const Dumped& dumped) {
  std::string text;
  for (const std::string& line : dumped.lines) text += line + "\n";
  return text;
}

Dumped RunWal(FileSystem& files, const std::string& path,
              const WalDumpOptions& options = {}) {
  return Collect(
      [&](LineSink& sink) { return DumpWal(files, path, options, sink); });
}

Dumped RunManifest(FileSystem& files, const std::string& path,
                   const ManifestDumpOptions& options = {}) {
  return Collect(
      [&](LineSink& sink) { return DumpManifest(files, path, options, sink); });
}

Dumped RunTable(FileSystem& files, const std::string& path,
                const TableDumpOptions& options = {}) {
  return Collect(
      [&](LineSink& sink) { return DumpTable(files, path, options, sink); });
}

void SetBytes(MemoryFileSystem& files, const std::string& path,
              std::string_view bytes) {
  if (files.GetBytes(path).ok()) {
    ASSERT_TRUE(files.RemoveFile(path, {}).ok());
  }
  auto file = files.Create(path, {});
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Append({&bytes, 1}, {}).ok());
  ASSERT_TRUE((*file)->Close().ok());
}

// --- Logs

std::string Batch(const std::function<void(WriteBatch&)>& fill) {
  WriteBatch batch;
  fill(batch);
  return std::string(batch.data());
}

// Log 7 behind sequence 41: three records.
WrittenLog SmallLog() {
  return WriteLog(
      {{42,
        Batch([](WriteBatch& b) {
          b.Put("apple", "red");
          b.Put(std::string("\0\"\\", 3), "");
          b.Delete("pear");
        }),
        {6, 4096}},
       {45, Batch([](WriteBatch& b) { b.Put("fig", "\xff"); }), {6, 4096}},
       {50,
        Batch([](WriteBatch& b) {
          b.PutLogData("hi");
          b.Delete("apple");
        }),
        {7, 110},
        4}});
}

class WalDump : public ::testing::Test {
 protected:
  void Write(std::string_view bytes) { SetBytes(*files_, kPath, bytes); }

  static constexpr char kPath[] = "/000007.log";
  std::shared_ptr<MemoryFileSystem> files_ = NewFiles();
};

TEST_F(WalDump, ShowsRecordsWithPlaceSequencesAndMark) {
  const WrittenLog log = SmallLog();
  Write(log.bytes);
  const Dumped dumped = RunWal(*files_, kPath);
  EXPECT_TRUE(dumped.status.ok()) << dumped.status;
  EXPECT_THAT(
      dumped.lines,
      ElementsAre(
          absl::StrCat("/000007.log: log 7, ", log.bytes.size(),
                       " bytes, id 1122334455667788-99aabbccddeeff00, after "
                       "sequence 41"),
          "  at 56               48 bytes  sequence 42-44         3 changes, "
          "synced: log 6 up to 4096",
          "  at 104              27 bytes  sequence 45            1 change",
          "  at 131              38 bytes  sequence 50            1 change, "
          "after 4 that no log has, synced: log 7 up to 110",
          "  at 169: the end", "  3 records, 5 changes"));
}

TEST_F(WalDump, ShowsChangesIfAsked) {
  Write(SmallLog().bytes);
  EXPECT_THAT(
      All(RunWal(*files_, kPath, {.keys = true})),
      AllOf(HasSubstr("\n    42 put \"apple\" (3 bytes)\n"
                      "    43 put \"\\x00\\x22\\\\\" (0 bytes)\n"
                      "    44 delete \"pear\"\n"),
            HasSubstr("\n    note (2 bytes)\n    50 delete \"apple\"\n")));
  EXPECT_THAT(All(RunWal(*files_, kPath, {.values = true})),
              AllOf(HasSubstr("\n    45 put \"fig\" = \"\\xFF\"\n"),
                    HasSubstr("\n    note \"hi\"\n")));
  EXPECT_THAT(
      All(RunWal(*files_, kPath, {.style = {.hex = true}, .values = true})),
      HasSubstr("\n    45 put 0x666967 = 0xFF\n"));
}

TEST_F(WalDump, SpeaksJson) {
  Write(SmallLog().bytes);
  EXPECT_THAT(
      All(RunWal(*files_, kPath, {.style = {.json = true}, .values = true})),
      AllOf(
          HasSubstr(
              "{\"type\":\"record\",\"log\":7,\"offset\":104,\"bytes\":27,"
              "\"first_sequence\":45,\"changes\":1,\"skipped\":0}\n"
              "{\"type\":\"change\",\"log\":7,\"kind\":\"put\",\"sequence\":45,"
              "\"key\":\"fig\",\"value_bytes\":1,\"value_hex\":\"FF\"}\n"),
          HasSubstr("\"verdict\":\"ok\"")));
}

TEST_F(WalDump, NeedsNotTheName) {
  SetBytes(*files_, "/a copy", SmallLog().bytes);
  EXPECT_TRUE(RunWal(*files_, "/a copy").status.ok());
  SetBytes(*files_, "/000008.log", SmallLog().bytes);
  EXPECT_TRUE(absl::IsDataLoss(RunWal(*files_, "/000008.log").status));
}

TEST_F(WalDump, ATornTailIsNoDamage) {
  const WrittenLog log = SmallLog();
  Write(std::string_view(log.bytes).substr(0, log.bytes.size() - 1));
  const Dumped dumped = RunWal(*files_, kPath);
  EXPECT_TRUE(dumped.status.ok()) << dumped.status;
  EXPECT_EQ(dumped.lines[3],
            "  at 131: 37 bytes that do not read back (a record cut short): a "
            "torn tail, because no mark in this log says that it was durable");
}

TEST_F(WalDump, AMarkBehindIsWhatMakesDamage) {
  std::string bytes = SmallLog().bytes;
  bytes[125] = static_cast<char>(bytes[125] ^ 1);  // In the second record.
  Write(bytes);
  const Dumped dumped = RunWal(*files_, kPath);
  EXPECT_EQ(PlainMessage(dumped.status),
            "/000007.log: the log is damaged: it had been durable up to offset "
            "110 of log 7 at offset 104");
  EXPECT_EQ(dumped.lines[2],
            "  at 104: 65 bytes that do not read back (no record), and records "
            "behind them, the last with sequence 50: damage, because all was "
            "durable up to 110 of log 7");
}

TEST_F(WalDump, ARecordThatIsNoBatchIsDamageWhereItStands) {
  Write(WriteLog({{42, "junk", {}},
                  {43, Batch([](WriteBatch& b) { b.Delete("k"); }), {}}})
            .bytes);
  const Dumped dumped = RunWal(*files_, kPath);
  EXPECT_TRUE(absl::IsDataLoss(dumped.status)) << dumped.status;
  EXPECT_THAT(dumped.lines[2], StartsWith("  at 56: /000007.log: "));
  EXPECT_THAT(All(dumped), HasSubstr("  2 records, 1 change\n"));
}

TEST_F(WalDump, EndsWhenNobodyWantsMore) {
  Write(SmallLog().bytes);
  int lines = 0;
  LineSink sink([&](std::string_view) { return ++lines < 2; });
  EXPECT_TRUE(DumpWal(*files_, kPath, {.keys = true}, sink).ok());
  EXPECT_EQ(lines, 2);
}

// --- A small database

class SmallDatabase : public ::testing::Test {
 protected:
  void SetUp() override {
    Options options;
    options.create_if_missing = true;
    options.file_system = files_;
    options.clock = std::make_shared<ManualClock>(absl::FromUnixSeconds(1000));
    options.random_seed = 7;
    options.info_log = std::make_shared<NullLogger>();
    auto db = DB::Open(options, "/db");
    ASSERT_TRUE(db.ok()) << db.status();
    ASSERT_TRUE((*db)->Put({}, "a", "1").ok());
    ASSERT_TRUE((*db)->Put({}, "<b>", std::string(300, 'x')).ok());
    ASSERT_TRUE((*db)->Delete({}, "c").ok());
    ASSERT_TRUE((*db)->Flush().ok());
    ASSERT_TRUE((*db)->Put({}, "d", "4").ok());
    ASSERT_TRUE((*db)->Close().ok());
    const auto names = files_->ListDirectory("/db");
    ASSERT_TRUE(names.ok());
    for (const std::string& name : *names) {
      if (name.ends_with(".sst")) table_ = "/db/" + name;
      if (name.starts_with("MANIFEST-")) manifest_ = "/db/" + name;
      if (name.ends_with(".log")) log_ = "/db/" + name;
    }
  }

  // Every byte of the file at `path` turned over in two ways, and every shorter
  // file; `check` is given what `dump` makes of it.
  void Harm(const std::string& path, const Dump& dump,
            const std::function<void(const Dumped&)>& check) {
    const std::string whole = *files_->GetBytes(path);
    for (size_t i = 0; i < whole.size(); ++i) {
      for (const int flip : {1, 0xff}) {
        SCOPED_TRACE(absl::StrCat("byte ", i, " ^ ", flip));
        std::string bytes = whole;
        bytes[i] = static_cast<char>(bytes[i] ^ flip);
        SetBytes(*files_, path, bytes);
        check(Collect(dump));
      }
      SCOPED_TRACE(absl::StrCat("cut to ", i));
      SetBytes(*files_, path, std::string_view(whole).substr(0, i));
      check(Collect(dump));
    }
  }

  std::shared_ptr<MemoryFileSystem> files_ = NewFiles();
  std::string table_;
  std::string manifest_;
  std::string log_;
};

TEST_F(SmallDatabase, ItsLogsAreJudgedTogether) {
  const Dumped dumped = RunWal(*files_, "/db", {.keys = true});
  EXPECT_TRUE(dumped.status.ok()) << dumped.status;
  EXPECT_EQ(dumped.lines.back(),
            "together: an open replays 1 record of 1 log, up to sequence 4");
  // Closed cleanly with a length: a tear is damage, though alone it is none.
  const std::string whole = *files_->GetBytes(log_);
  SetBytes(*files_, log_, whole.substr(0, whole.size() - 1));
  EXPECT_TRUE(RunWal(*files_, log_).status.ok());
  const Dumped torn = RunWal(*files_, "/db");
  EXPECT_TRUE(absl::IsDataLoss(torn.status));
  EXPECT_THAT(torn.lines.back(), StartsWith("together: an open refuses: "));
}

TEST_F(SmallDatabase, ALogWithoutAManifestIsShownAllTheSame) {
  ASSERT_TRUE(files_->RemoveFile(manifest_, {}).ok());
  const Dumped dumped = RunWal(*files_, "/db", {.keys = true});
  EXPECT_TRUE(absl::IsDataLoss(dumped.status));
  EXPECT_THAT(All(dumped), HasSubstr("    4 put \"d\" (1 bytes)\n"));
}

TEST_F(SmallDatabase, ItsManifestIsAStory) {
  const Dumped dumped = RunManifest(*files_, "/db");
  EXPECT_TRUE(dumped.status.ok()) << dumped.status;
  const std::string text = All(dumped);
  EXPECT_THAT(dumped.lines[0],
              StartsWith(absl::StrCat(manifest_, ": manifest 1, ")));
  EXPECT_THAT(text,
              HasSubstr("\n  comparator \"lissom.BytewiseComparator\"\n"));
  EXPECT_THAT(text, HasSubstr("\n  + L0 table "));
  EXPECT_THAT(text, HasSubstr(", 3 entries (1 tombstone), sequences 1-3, "
                              "\"<b>\" to \"c\"\n"));
  EXPECT_THAT(text, HasSubstr("\n  closed log "));
  EXPECT_THAT(text, HasSubstr("\nL0: 1 table, "));
  const Dumped file = RunManifest(*files_, manifest_);
  EXPECT_EQ(file.lines, dumped.lines);
  EXPECT_THAT(All(RunManifest(*files_, "/db", {.style = {.json = true}})),
              AllOf(HasSubstr("{\"type\":\"added\",\"edit\":"),
                    HasSubstr("\"smallest\":\"<b>\",\"largest\":\"c\","),
                    HasSubstr("\n{\"type\":\"table\",\"edit\":")));
}

TEST_F(SmallDatabase, ATableSpeaksForItself) {
  const Dumped dumped = RunTable(*files_, table_);
  EXPECT_TRUE(dumped.status.ok()) << dumped.status;
  const std::string text = All(dumped);
  for (const char* line :
       {"\n  comparator   \"lissom.BytewiseComparator\"\n",
        "\n  entries      3\n", "\n  tombstones   1\n",
        "\n  smallest     \"<b>\" @ 2 put\n",
        "\n  largest      \"c\" @ 3 delete\n", "\n  sequences    1-3\n",
        "\n  filter       bloom\n", "\n  data                0 ",
        "\n  partition  ", "\n  top index  ", "\n  properties ",
        "\n  footer     "}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_EQ(text.find("BAD"), std::string::npos);
}

TEST_F(SmallDatabase, ATablesEntriesHaveSequencesAndKinds) {
  TableDumpOptions options{.layout = false, .entries = true};
  const Dumped all = RunTable(*files_, table_, options);
  ASSERT_EQ(all.lines.size(), 16u);
  EXPECT_EQ(all.lines[12], "entries:");
  EXPECT_EQ(all.lines[14], "  \"a\" @ 1 put = \"1\"");
  EXPECT_EQ(all.lines[15], "  \"c\" @ 3 delete");
  options.from = "a";
  options.to = "c";
  EXPECT_EQ(RunTable(*files_, table_, options).lines.back(),
            "  \"a\" @ 1 put = \"1\"");
  EXPECT_EQ(RunTable(*files_, table_, options).lines.size(), 14u);
  options.limit = 0;
  EXPECT_EQ(RunTable(*files_, table_, options).lines.back(), "entries:");
  options = {
      .style = {.json = true}, .layout = false, .entries = true, .from = "c"};
  EXPECT_EQ(
      RunTable(*files_, table_, options).lines.back(),
      "{\"type\":\"entry\",\"key\":\"c\",\"sequence\":3,\"kind\":\"delete\"}");
}

TEST_F(SmallDatabase, AWholeTableVerifies) {
  const Dumped dumped =
      RunTable(*files_, table_, {.layout = false, .verify = true});
  EXPECT_TRUE(dumped.status.ok()) << dumped.status;
  EXPECT_EQ(dumped.lines.back(),
            "verified: blocks, order, filters and properties");
}

TEST_F(SmallDatabase, ABadBlockIsShownAndTheRestGoesOn) {
  std::string bytes = *files_->GetBytes(table_);
  bytes[30] = static_cast<char>(bytes[30] ^ 1);
  SetBytes(*files_, table_, bytes);
  const Dumped dumped = RunTable(*files_, table_);
  EXPECT_EQ(PlainMessage(dumped.status),
            table_ + ": block checksum mismatch at offset 0");
  EXPECT_THAT(All(dumped), AllOf(HasSubstr("  BAD  up to \"c"),
                                 HasSubstr("\n  footer     ")));
}

TEST_F(SmallDatabase, EveryHarmToATableIsFound) {
  Harm(
      table_,
      [this](LineSink& sink) {
        return DumpTable(*files_, table_, {.entries = true, .verify = true},
                         sink);
      },
      [](const Dumped& dumped) {
        EXPECT_TRUE(absl::IsDataLoss(dumped.status)) << dumped.status;
      });
}

TEST_F(SmallDatabase, NoHarmToALogDoesMore) {
  const auto check = [](const Dumped& dumped) {
    EXPECT_TRUE(dumped.status.ok() || absl::IsDataLoss(dumped.status))
        << dumped.status;
  };
  Harm(
      log_,
      [this](LineSink& sink) {
        return DumpWal(*files_, log_, {.values = true}, sink);
      },
      check);
  Harm(
      log_,
      [this](LineSink& sink) {
        return DumpWal(*files_, "/db", {.style = {.json = true}}, sink);
      },
      check);
}

TEST_F(SmallDatabase, NoHarmToAManifestDoesMore) {
  Harm(
      manifest_,
      [this](LineSink& sink) { return DumpManifest(*files_, "/db", {}, sink); },
      [](const Dumped& dumped) {
        EXPECT_TRUE(dumped.status.ok() || absl::IsDataLoss(dumped.status))
            << dumped.status;
      });
}

// --- Beside a writer

// Does `act` when CURRENT was read, the first `times` times, as a writer that
// is faster than the reader.
class FastWriter final : public ForwardingFileSystem {
 public:
  FastWriter(std::shared_ptr<FileSystem> base, std::function<void()> act,
             int times)
      : ForwardingFileSystem(std::move(base)),
        act_(std::move(act)),
        left_(times) {}

  absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenForRead(
      const std::string& path, const IoContext& context) override {
    auto file = ForwardingFileSystem::OpenForRead(path, context);
    if (path == "/db/CURRENT" && left_ > 0) {
      --left_;
      act_();
    }
    return file;
  }
  absl::StatusOr<std::vector<std::string>> ListDirectory(
      const std::string& path) override {
    auto names = ForwardingFileSystem::ListDirectory(path);
    if (after_list_) after_list_();
    return names;
  }
  void AfterList(std::function<void()> act) { after_list_ = std::move(act); }

 private:
  const std::function<void()> act_;
  int left_;
  std::function<void()> after_list_;
};

// A database that a writer opens and closes whenever a reader has read CURRENT:
// the manifest that it names and the logs are gone then.
class BesideWriter : public SmallDatabase {
 protected:
  void Reopen() {
    Options options;
    options.file_system = files_;
    options.random_seed = 7;
    options.info_log = std::make_shared<NullLogger>();
    auto db = DB::Open(options, "/db");
    ASSERT_TRUE(db.ok()) << db.status();
    ASSERT_TRUE((*db)->Put({}, "e", "5").ok());
    ASSERT_TRUE((*db)->Close().ok());
  }
  FastWriter Writer(int times) {
    return FastWriter(
        files_, [this] { Reopen(); }, times);
  }
};

TEST_F(BesideWriter, WhatItRemovesIsReadAnew) {
  FastWriter logs = Writer(3);
  const Dumped wal = RunWal(logs, "/db", {.keys = true});
  EXPECT_TRUE(wal.status.ok()) << wal.status;
  EXPECT_EQ(wal.lines.back(),
            "together: an open replays 1 record of 1 log, up to sequence 7");
  FastWriter manifests = Writer(3);
  const Dumped manifest = RunManifest(manifests, "/db");
  EXPECT_TRUE(manifest.status.ok()) << manifest.status;
}

TEST_F(BesideWriter, AWriterThatIsAlwaysFasterIsNoDamage) {
  FastWriter logs = Writer(1000);
  const Dumped wal = RunWal(logs, "/db");
  EXPECT_TRUE(absl::IsUnavailable(wal.status)) << wal.status;
  EXPECT_THAT(wal.lines, ElementsAre());
  FastWriter manifests = Writer(1000);
  EXPECT_TRUE(absl::IsUnavailable(RunManifest(manifests, "/db").status));
}

TEST(RetryUnavailable, OpensFiveTimesAtMost) {
  int calls = 0;
  const auto attempts = [&](int failures, const absl::Status& failure) {
    calls = 0;
    return RetryUnavailable([&calls, failures, &failure] {
      return ++calls <= failures ? failure : absl::OkStatus();
    });
  };
  const absl::Status gone = absl::UnavailableError("open again");
  EXPECT_TRUE(attempts(0, gone).ok());
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(attempts(4, gone).ok());
  EXPECT_EQ(calls, 5);
  EXPECT_EQ(attempts(5, gone), gone);
  EXPECT_EQ(calls, 5);
  EXPECT_TRUE(absl::IsDataLoss(attempts(1, absl::DataLossError("damage"))));
  EXPECT_EQ(calls, 1);
}

TEST_F(BesideWriter, ALogThatGoesBetweenListAndOpenIsNoDamage) {
  FastWriter writer = Writer(0);
  int lists = 0;
  // The third list: behind the check for any log, and the traces.
  writer.AfterList([&] {
    if (++lists == 3) Reopen();
  });
  const Dumped wal = RunWal(writer, "/db");
  EXPECT_TRUE(wal.status.ok()) << wal.status;
  EXPECT_GT(lists, 4);
  EXPECT_THAT(All(wal), Not(HasSubstr("no such file")));
}

// A table of an order that nobody here knows can be walked, not searched.
class ByLength final : public Comparator {
 public:
  int Compare(std::string_view a, std::string_view b) const override {
    if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
    return a.compare(b);
  }
  std::string_view Name() const override { return "test.ByLength"; }
};

TEST(TableDump, WalksATableOfAnUnknownOrder) {
  auto files = NewFiles();
  Options options;
  options.create_if_missing = true;
  options.file_system = files;
  options.comparator = std::make_shared<ByLength>();
  options.info_log = std::make_shared<NullLogger>();
  auto db = DB::Open(options, "/db");
  ASSERT_TRUE(db.ok()) << db.status();
  ASSERT_TRUE((*db)->Put({}, "z", "1").ok());
  ASSERT_TRUE((*db)->Put({}, "aa", "2").ok());
  ASSERT_TRUE((*db)->Flush().ok());
  ASSERT_TRUE((*db)->Close().ok());
  std::string table;
  const auto names = files->ListDirectory("/db");
  ASSERT_TRUE(names.ok());
  for (const std::string& name : *names) {
    if (name.ends_with(".sst")) table = "/db/" + name;
  }
  TableDumpOptions dump{.entries = true, .verify = true};
  const Dumped dumped = RunTable(*files, table, dump);
  EXPECT_TRUE(dumped.status.ok()) << dumped.status;
  EXPECT_THAT(All(dumped),
              HasSubstr("  \"z\" @ 1 put = \"1\"\n  \"aa\" @ 2 put = \"2\"\n"
                        "verified: blocks; the order of the keys is not known "
                        "here\n"));
  dump.from = "b";
  EXPECT_EQ(PlainMessage(RunTable(*files, table, dump).status),
            table +
                ": --from and --to need the order of the keys, and "
                "\"test.ByLength\" is not known here");
}

}  // namespace
}  // namespace lissom::tools
