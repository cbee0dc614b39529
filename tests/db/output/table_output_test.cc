#include "db/output/table_output.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "db/filename.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/output/failing_file_system.h"
#include "tests/support/shape.h"
#include "tests/table/vector_iterator.h"
#include "util/memory_file_system.h"

namespace lissom {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A builder whose file is as large as its keys and values.
class FakeBuilder final : public TableBuilder {
 public:
  FakeBuilder(TableBuilderOptions options, std::unique_ptr<WritableFile> file)
      : options_(std::move(options)), file_(std::move(file)) {}

  absl::Status Add(const InternalKeyView& key,
                   std::string_view value) override {
    if (summary_.entries == 0) {
      summary_.smallest = InternalKey(key);
    } else if (options_.order.Compare(summary_.largest.view(), key) >= 0) {
      return absl::InternalError("out of order");
    }
    summary_.largest = InternalKey(key);
    ++summary_.entries;
    const std::string_view pieces[] = {key.user_key, value};
    return file_->Append(pieces, options_.io);
  }
  absl::StatusOr<TableSummary> Finish() override {
    LISSOM_RETURN_IF_ERROR(file_->Sync(options_.io));
    LISSOM_RETURN_IF_ERROR(file_->Close());
    summary_.file_size = file_->size();
    summary_.entries -= lose_;
    return summary_;
  }
  uint64_t EstimatedFileSize() const override { return file_->size(); }
  uint64_t entries() const override { return summary_.entries; }

  static uint64_t lose_;  // Entries that every table forgets.

 private:
  const TableBuilderOptions options_;
  const std::unique_ptr<WritableFile> file_;
  TableSummary summary_;
};
uint64_t FakeBuilder::lose_ = 0;

class TableOutputTest : public ::testing::Test {
 protected:
  TableOutputTest() {
    EXPECT_TRUE(disk_->CreateDirectory("/db").ok());
    EXPECT_TRUE(disk_->SyncDirectory("/").ok());
    FakeBuilder::lose_ = 0;
  }

  // Merges `entries`, 5 bytes each by habit, at a target of `target_bytes`.
  absl::StatusOr<OutputResult> Merge(std::vector<TestEntry> entries,
                                     uint64_t target_bytes,
                                     const std::string& grandparents = "") {
    VectorIterator input(source_.order, entries);
    return Merge(input, entries.size(), target_bytes, grandparents);
  }
  absl::StatusOr<OutputResult> Merge(InternalIterator& input, uint64_t entries,
                                     uint64_t target_bytes,
                                     const std::string& grandparents = "") {
    OutputOptions options;
    options.target_bytes = target_bytes;
    if (!grandparents.empty()) {
      options.grandparents =
          testing::ParseShape("L3: " + grandparents)->level(3);
    }
    TableOutput output(deps_, options);
    EntryFilter filter({kMaxSequence}, nullptr);
    return MergeToTables({.entries = input,
                          .expected_entries = entries,
                          .cancelled = cancelled_},
                         filter, output);
  }

  // "a..c d..d": the tables' ends.
  static std::string Ends(const absl::StatusOr<OutputResult>& result) {
    if (!result.ok()) return result.status().ToString();
    std::string ends;
    for (const TableMetadata& t : result->tables) {
      absl::StrAppend(&ends, ends.empty() ? "" : " ", t.smallest.user_key, "..",
                      t.largest.user_key);
    }
    return ends;
  }

  // One entry each of these letters, of 5 bytes.
  static std::vector<TestEntry> Letters(const std::string& letters) {
    std::vector<TestEntry> entries;
    for (const char c : letters) {
      entries.push_back(Put(std::string(1, c), entries.size() + 1, "1234"));
    }
    return entries;
  }

  const std::shared_ptr<MemoryFileSystem> disk_ =
      std::make_shared<MemoryFileSystem>();
  const std::shared_ptr<FailingFileSystem> failing_ =
      std::make_shared<FailingFileSystem>(disk_);
  const TableSource source_{failing_, "/db", KeyOrder(BytewiseComparator()),
                            nullptr};
  uint64_t next_number_ = 10;
  const OutputDeps deps_{.source = source_,
                         .new_file_number = [this] { return next_number_++; },
                         .new_file_id =
                             [this] {
                               return FileId{1, next_number_};
                             },
                         .new_builder =
                             [](TableBuilderOptions options, std::string,
                                std::unique_ptr<WritableFile> file) {
                               return std::make_unique<FakeBuilder>(
                                   std::move(options), std::move(file));
                             }};
  std::function<bool()> cancelled_;
};

TEST_F(TableOutputTest, MakesNoTableOfNothing) {
  const auto result = Merge({}, 100);
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(result->tables, IsEmpty());
  EXPECT_THAT(disk_->Files(), IsEmpty());
}

TEST_F(TableOutputTest, CutsAtTheTargetSize) {
  const auto result = Merge(Letters("abcdefg"), 15);
  EXPECT_EQ(Ends(result), "a..c d..f g..g");
  EXPECT_EQ(result->counts.entries_out, 7u);
  EXPECT_EQ(result->counts.bytes_written, 35u);
  EXPECT_EQ(result->tables[1].number, 11u);
  EXPECT_EQ(result->tables[1].size, 15u);
  EXPECT_THAT(disk_->Files(), ElementsAre("/db/000010.sst", "/db/000011.sst",
                                          "/db/000012.sst"));
}

TEST_F(TableOutputTest, NeverSplitsTheVersionsOfAKey) {
  std::vector<TestEntry> entries = Letters("abz");
  for (SequenceNumber s = 100; s < 120; ++s) entries.push_back(Put("b", s, ""));
  OutputOptions options;
  options.target_bytes = 6;
  TableOutput output(deps_, options);
  // Every version is needed.
  std::vector<SequenceNumber> snapshots;
  for (SequenceNumber s = 0; s < 200; ++s) snapshots.push_back(s);
  EntryFilter filter(snapshots, nullptr);
  VectorIterator input(source_.order, entries);
  const auto result = MergeToTables(
      {.entries = input, .expected_entries = entries.size(), .cancelled = {}},
      filter, output);
  EXPECT_EQ(Ends(result), "a..b z..z");
  EXPECT_EQ(result->counts.entries_out, entries.size());
}

TEST_F(TableOutputTest, PrefersToEndWhereAGrandparentEnds) {
  // Half the target is reached at c; the boundary behind b comes too early.
  EXPECT_EQ(
      Ends(Merge(Letters("abcdefgh"), 30, "1[a-b]:1B 2[c-d]:1B 3[e-z]:1B")),
      "a..d e..h");
  // Only if the cut lies between two keys of the output, whichever they are.
  EXPECT_EQ(Ends(Merge(Letters("abcdgh"), 30, "1[a-b]:1B 2[c-f]:1B 3[g-z]:1B")),
            "a..d g..h");
}

TEST_F(TableOutputTest, EndsBeforeItOverlapsTenTargetsOfGrandparents) {
  EXPECT_EQ(Ends(Merge(Letters("adgjmp"), 1000,
                       "1[a-c]:4000B 2[d-f]:4000B 3[g-i]:4000B 4[j-l]:4000B "
                       "5[m-o]:4000B 6[p-r]:4000B")),
            "a..g j..p");
}

TEST_F(TableOutputTest, CountsNoGrandparentsThatLieBetweenTables) {
  // The huge ones that nothing overlaps are nobody's burden.
  EXPECT_EQ(
      Ends(Merge(Letters("xyz"), 1000, "1[a-c]:900K 2[d-f]:900K 3[x-z]:1B")),
      "x..z");
}

TEST_F(TableOutputTest, CountsWhatItDrops) {
  OutputOptions options;
  TableOutput output(deps_, options);
  EntryFilter filter({100}, [](std::string_view) { return false; });
  VectorIterator input(source_.order,
                       {Put("a", 9, ""), Put("a", 8, ""), Tombstone("b", 7),
                        Put("b", 6, ""), Tombstone("c", 5)});
  const auto result =
      MergeToTables({.entries = input, .expected_entries = 5, .cancelled = {}},
                    filter, output);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(Ends(result), "a..a");
  EXPECT_EQ(result->counts.entries_in, 5u);
  EXPECT_EQ(result->counts.shadowed, 2u);
  EXPECT_EQ(result->counts.obsolete_tombstones, 2u);
}

// Whatever operation fails, once or for good: an error, and no file.
TEST_F(TableOutputTest, LeavesNoFileBehindAfterAnyError) {
  for (const bool sticky : {false, true}) {
    for (uint64_t n = 0;; ++n) {
      failing_->FailAt(n, sticky);
      const auto result = Merge(Letters("abcdefg"), 15);
      ASSERT_EQ(result.ok(), !failing_->failed()) << n;
      if (result.ok()) {
        EXPECT_GT(n, 10u);
        break;
      }
      EXPECT_EQ(result.status().code(), absl::StatusCode::kInternal);
      ASSERT_THAT(disk_->Files(), IsEmpty()) << n;
    }
    for (const std::string& file : disk_->Files()) {
      ASSERT_TRUE(disk_->RemoveFile(file, {}).ok());
    }
  }
}

TEST_F(TableOutputTest, TouchesNoFileThatItDidNotMake) {
  ASSERT_TRUE(disk_->SetBytes(TableFileName("/db", 10), "precious").ok());
  EXPECT_EQ(Merge(Letters("abc"), 15).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(disk_->GetBytes(TableFileName("/db", 10)).value(), "precious");
}

TEST_F(TableOutputTest, AnInputErrorIsNeverAShorterTable) {
  for (size_t bad = 0; bad <= 7; ++bad) {
    VectorIterator input(source_.order, Letters("abcdefg"));
    input.FailAt(bad, absl::DataLossError("bad block"));
    EXPECT_EQ(Merge(input, 7, 15).status(), absl::DataLossError("bad block"));
    EXPECT_THAT(disk_->Files(), IsEmpty());
  }
}

TEST_F(TableOutputTest, RefusesAnInputThatLostEntries) {
  VectorIterator input(source_.order, Letters("abcdefg"));
  EXPECT_EQ(Merge(input, 8, 15).status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(disk_->Files(), IsEmpty());
}

TEST_F(TableOutputTest, RefusesTablesThatLostEntries) {
  FakeBuilder::lose_ = 1;
  EXPECT_EQ(Merge(Letters("abc"), 100).status().code(),
            absl::StatusCode::kInternal);
  EXPECT_THAT(disk_->Files(), IsEmpty());
}

// An input out of order: keys the other way round, or versions.
TEST_F(TableOutputTest, RefusesAnInputOutOfOrder) {
  VectorIterator keys(KeyOrder(ReverseBytewiseComparator()), Letters("abc"));
  EXPECT_EQ(Merge(keys, 3, 100).status().code(), absl::StatusCode::kInternal);

  class Swapped final : public InternalIterator {
   public:
    void SeekToFirst() override { at_ = 0; }
    void SeekToLast() override {}
    void Seek(const InternalKeyView&) override {}
    void SeekForPrev(const InternalKeyView&) override {}
    void Next() override { ++at_; }
    void Prev() override {}
    bool Valid() const override { return at_ < 2; }
    InternalKeyView key() const override {
      return {"k", PackTrailer(at_ + 1, EntryKind::kPut)};
    }
    std::string_view value() const override { return ""; }
    absl::Status status() const override { return absl::OkStatus(); }

   private:
    uint64_t at_ = 2;
  } versions;
  EXPECT_EQ(Merge(versions, 2, 100).status().code(),
            absl::StatusCode::kInternal);
  EXPECT_THAT(disk_->Files(), IsEmpty());
}

TEST_F(TableOutputTest, StopsWhenItIsCancelled) {
  std::vector<TestEntry> entries;
  for (SequenceNumber s = 1; s <= 5000; ++s) {
    entries.push_back(Put(absl::StrCat("key", 10000 + s), s, "1234"));
  }
  int polls = 0;
  cancelled_ = [&] { return ++polls == 3; };
  EXPECT_EQ(Merge(entries, 100).status().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(disk_->Files(), IsEmpty());
}

TEST_F(TableOutputTest, IsDurableWhenItIsFinished) {
  const auto result = Merge(Letters("abcdefg"), 15);
  ASSERT_TRUE(result.ok());
  const auto image = disk_->CrashImageNow(CrashPolicy::SyncedOnly());
  EXPECT_EQ(image->Files(), disk_->Files());
  EXPECT_EQ(image->GetBytes("/db/000012.sst").value(), "g1234");
}

}  // namespace
}  // namespace lissom
