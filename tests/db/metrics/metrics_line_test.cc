// The line of numbers in the log: what it says, and when databases write it.
#include "db/metrics/metrics_line.h"

#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lissom/db.h"
#include "lissom/logger.h"
#include "tests/db/metrics/sample_metrics.h"
#include "util/manual_clock.h"
#include "util/memory_file_system.h"
#include "util/mutex.h"

namespace lissom {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(MetricsLine, SaysTheNumbersInTheFormOfAnEvent) {
  const std::string line =
      MetricsAsJson(testing::SampleMetrics(), absl::FromUnixMicros(1234567));
  EXPECT_THAT(line, StartsWith("{\"event\":\"metrics\",\"time_micros\":1234567,"
                               "\"keys_written\":2000000,"));
  for (const char* member :
       {"\"gets\":5032000,", "\"filter_useful\":3000000,",
        "\"filter_false_positives\":30000,", "\"block_cache_hits\":970000,",
        "\"block_cache_misses\":30000,", "\"level_tables\":[2,0,0,0,0,1,2],",
        "\"level_written_bytes\":[199229440,0,0,0,0,293601280,545259520],",
        "\"stall_micros_memtables\":34000,",
        "\"stall_micros_pending_compaction\":2000000,",
        "\"stall_micros_wal_size\":0}"}) {
    EXPECT_THAT(line, HasSubstr(member));
  }
}

TEST(MetricsLine, IsNeverCutByTheLog) {
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  Metrics m;
  m.keys_written = m.bytes_written = m.wal_bytes = m.wal_syncs = m.seeks =
      m.multiget_keys = m.memtable_hits = m.filter_useful =
          m.filter_false_positives = m.block_cache_hits = m.block_cache_misses =
              m.block_cache_usage = m.block_cache_capacity = m.flush_bytes =
                  m.compaction_read_bytes = m.compaction_written_bytes =
                      m.estimated_live_bytes = m.pending_compaction_bytes =
                          kMost;
  for (LevelMetrics& level : m.levels) {
    level.tables = level.bytes = level.written_bytes = level.get_hits = kMost;
  }
  for (StallMetrics& stall : m.stalls) stall.micros = kMost;
  EXPECT_LT(MetricsAsJson(m, absl::InfiniteFuture()).size(), 4096u);
}

// Keeps the lines of metrics.
class LineLog final : public Logger {
 public:
  void Log(LogLevel, std::string_view line) override {
    if (!line.starts_with("{\"event\":\"metrics\"")) return;
    MutexLock lock(mu_);
    lines_.emplace_back(line);
  }
  std::vector<std::string> lines() {
    MutexLock lock(mu_);
    return lines_;
  }

 private:
  Mutex mu_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mu_);
};

class MetricsLineInLog : public ::testing::Test {
 protected:
  MetricsLineInLog() {
    options_.create_if_missing = true;
    options_.file_system = std::make_shared<MemoryFileSystem>();
    options_.clock = clock_;
    options_.info_log = log_;
    auto db = DB::Open(options_, "/db");
    EXPECT_TRUE(db.ok()) << db.status();
    if (db.ok()) db_ = *std::move(db);
  }

  void PutAndFlush() {
    ASSERT_TRUE(db_->Put({}, "key", "value").ok());
    ASSERT_TRUE(db_->Flush().ok());
    ASSERT_TRUE(db_->WaitForIdle().ok());
  }

  std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  std::shared_ptr<LineLog> log_ = std::make_shared<LineLog>();
  Options options_;
  std::unique_ptr<DB> db_;
};

TEST_F(MetricsLineInLog, FollowsAFlushAtMostOnceInTenSeconds) {
  PutAndFlush();
  ASSERT_EQ(log_->lines().size(), 1u);
  EXPECT_THAT(log_->lines()[0], HasSubstr("\"keys_written\":1,"));
  clock_->Advance(kMetricsLineInterval - absl::Microseconds(1));
  PutAndFlush();
  EXPECT_EQ(log_->lines().size(), 1u);
  clock_->Advance(absl::Microseconds(1));
  PutAndFlush();
  ASSERT_EQ(log_->lines().size(), 2u);
  EXPECT_THAT(log_->lines()[1], HasSubstr("\"time_micros\":10000000,"));
  EXPECT_THAT(log_->lines()[1], HasSubstr("\"level_tables\":[3,"));
}

TEST_F(MetricsLineInLog, FollowsACompaction) {
  PutAndFlush();
  PutAndFlush();
  clock_->Advance(kMetricsLineInterval);
  ASSERT_TRUE(db_->CompactRange({}, std::nullopt, std::nullopt).ok());
  ASSERT_TRUE(db_->WaitForIdle().ok());
  ASSERT_EQ(log_->lines().size(), 2u);
  EXPECT_THAT(log_->lines()[1], HasSubstr("\"level_tables\":[0,"));
}

TEST_F(MetricsLineInLog, ComesOfCloseWheneverThatIs) {
  PutAndFlush();
  ASSERT_TRUE(db_->Put({}, "key", "value").ok());
  ASSERT_TRUE(db_->Close().ok());
  ASSERT_EQ(log_->lines().size(), 2u);
  EXPECT_THAT(log_->lines()[1], HasSubstr("\"keys_written\":2,"));
  ASSERT_TRUE(db_->Close().ok());
  EXPECT_EQ(log_->lines().size(), 2u);
}

TEST_F(MetricsLineInLog, DoesNotComeOfTimeAlone) {
  clock_->Advance(absl::Hours(1));
  ASSERT_TRUE(db_->Put({}, "key", "value").ok());
  EXPECT_TRUE(log_->lines().empty());
}

}  // namespace
}  // namespace lissom
