// The parts that only a full comparison has, with data of a minute's size cut
// down to a second's.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "benchmarks/compare/compare.h"
#include "benchmarks/compare/summary.h"

namespace lissom::bench {
namespace {

class FullPartsTest : public testing::Test {
 protected:
  FullPartsTest() : plan_(PlanFor(Mode::kCi)), voice_(/*quiet=*/true) {
    std::string path = testing::TempDir() + "full_parts_test_XXXXXX";
    directory_ = mkdtemp(path.data());
    plan_.read_keys = 2000;
    plan_.slice_operations = 500;
  }
  ~FullPartsTest() override { std::filesystem::remove_all(directory_); }

  Plan plan_;
  Voice voice_;
  std::string directory_;
  Result result_;
};

TEST_F(FullPartsTest, YcsbRunsOnEveryStore) {
  plan_.ycsb_records = 1000;
  Bench bench(plan_, LISSOM_COMPARE_PROGRAM, directory_);
  const absl::Status status = CompareYcsb(bench, voice_, &result_);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(CellsOf(result_, "ycsb").size(), 7u);
  for (const Cell& cell : result_.cells) {
    EXPECT_EQ(EnginesIn(cell).size(), 4u) << cell.id;
    EXPECT_GT(RatiosOf(cell, kOurs, kAnchor).count, 0u) << cell.id;
    for (const Sample& sample : cell.samples) EXPECT_GT(sample.value, 0);
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

TEST_F(FullPartsTest, LargeValuesRunWithBlobFilesToo) {
  plan_.large_bytes = 1 << 20;
  Bench bench(plan_, LISSOM_COMPARE_PROGRAM, directory_);
  const absl::Status status = CompareLargeValues(bench, voice_, &result_);
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(CellsOf(result_, "large").size(), 2u);
  EXPECT_EQ(EnginesIn(result_.cells[0]).size(), 3u);
  EXPECT_GT(RatiosOf(result_.cells[1], kOurs, "rocksdb-blobs").count, 0u);
}

TEST_F(FullPartsTest, SustainedOverwritingHasASeriesAndItsLastThird) {
  plan_.engines = {"lissom", "rocksdb"};
  plan_.sustained_seconds = 3;
  Bench bench(plan_, LISSOM_COMPARE_PROGRAM, directory_);
  const absl::Status status = CompareReads(bench, voice_, &result_);
  ASSERT_TRUE(status.ok()) << status;
  const Cell* const cell = FindCell(result_, "sustained");
  ASSERT_NE(cell, nullptr);
  EXPECT_EQ(cell->samples.size(), 2u);
  EXPECT_GT(cell->samples[0].value, 0);
  EXPECT_EQ(result_.series.size(), 2u);
}

TEST_F(FullPartsTest, WithoutRoomForItBeyondMemoryIsLeftOutAndNoted) {
  plan_.beyond_left_bytes = uint64_t{1} << 50;
  Bench bench(plan_, LISSOM_COMPARE_PROGRAM, directory_);
  ASSERT_TRUE(CompareBeyondMemory(bench, voice_, &result_).ok());
  ASSERT_EQ(result_.notes.size(), 1u);
  EXPECT_EQ(result_.notes[0].find("Data larger than memory was left out"), 0u);
  EXPECT_TRUE(result_.cells.empty());
}

TEST_F(FullPartsTest, AnEngineThatFailsIsNamedAndNothingStaysBehind) {
  plan_.engines = {"lissom", "wiredtiger"};
  Bench bench(plan_, LISSOM_COMPARE_PROGRAM, directory_);
  const absl::Status status = CompareWrites(bench, voice_, &result_);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(std::string(status.message())
                .find("wiredtiger, open: there is no engine 'wiredtiger'"),
            0u)
      << status;
}

TEST_F(FullPartsTest, AProgramThatCannotStartIsAnError) {
  Bench bench(plan_, "/nonexistent/program", directory_);
  const absl::Status status = CompareWrites(bench, voice_, &result_);
  EXPECT_EQ(status,
            absl::UnavailableError("lissom, open: its process has ended"));
}

}  // namespace
}  // namespace lissom::bench
