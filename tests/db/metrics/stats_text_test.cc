// What the texts look like. They are compared whole: who changes one looks at
// all of it, and pastes it here.
#include "db/metrics/stats_text.h"

#include <string>
#include <string_view>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/metrics/sample_metrics.h"

namespace lissom {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A raw string begins with a line break that is not part of the text.
std::string_view Expected(std::string_view raw) { return raw.substr(1); }

TEST(StatsText, SaysAllThatMatters) {
  EXPECT_EQ(StatsText(testing::SampleMetrics()), Expected(R"(
level  tables       size     target  score  ratio  get hits  jobs  moves       read    written  w-amp    time
L0          2  124.0 MiB          -   0.50   1.00    300000     3      0        0 B  190.0 MiB   0.82   1.2 s
L5          1  700.0 MiB  560.0 MiB   1.25   2.00   1000000     3      1  300.0 MiB  280.0 MiB   1.21   4.0 s
L6          2    8.0 GiB    8.0 GiB   0.00   2.25   2000000     1      0  600.0 MiB  520.0 MiB   2.24   9.0 s
sum         5    8.8 GiB                     2.21   3300000     7      1  900.0 MiB  990.0 MiB   4.27  14.2 s

writes      2000000 keys in 1000000 batches, 232.0 MiB
log         250.0 MiB in 900000 appends, 1 sync; 90.0 MiB in 8 files
amplified   write 4.27 (5.34 with the log), space 1.10
memtables   3 with 450000 entries, 84.0 MiB
reads       5000000 gets, 1000 multigets of 32000 keys; 4000000 found, 1032000 not, 700000 decided in memtables
filters     3000000 tables ruled out, 30000 searched in vain (1.0 %)
iterators   12 made, 2 open; 1 seek, 1200 moves
snapshots   1, oldest at 123456
cache       97.0 % of 1000000 questions answered; 200.0 MiB of 256.0 MiB, 5 evicted
tables      4 of 5 open, 3.0 MiB of memory; 17 opens so far
flushes     3, 190.0 MiB; 1 running
compactions 4, 900.0 MiB read, 800.0 MiB written, 100000 of 8000000 entries dropped; 6 running, 124.0 MiB pending
errors      2 of background jobs; writes are stopped; writes are slowed down to 16.0 MiB/s

stalls              count    total      p99      max
memtables              12  34.0 ms   4.9 ms   5.0 ms
pending_compaction  90000    2.0 s  40.0 us  99.0 us

latency  samples       p50       p90       p99     p99.9       max
get        78000    700 ns    1.4 us    5.1 us  120.0 us    3.0 ms
flush          3  380.0 ms  500.0 ms  500.0 ms  500.0 ms  500.0 ms
)"));
}

TEST(StatsText, OfAnEmptyDatabase) {
  EXPECT_EQ(StatsText(Metrics()), Expected(R"(
level  tables  size  target  score  ratio  get hits  jobs  moves  read  written  w-amp  time
sum         0   0 B                  0.00         0     0      0   0 B      0 B   0.00  0 ns

writes      0 keys in 0 batches, 0 B
log         0 B in 0 appends, 0 syncs; 0 B in 0 files
amplified   write 0.00 (0.00 with the log), space 0.00
memtables   0 with 0 entries, 0 B
reads       0 gets, 0 multigets of 0 keys; 0 found, 0 not, 0 decided in memtables
filters     0 tables ruled out, 0 searched in vain (0.0 %)
iterators   0 made, 0 open; 0 seeks, 0 moves
snapshots   0
cache       0.0 % of 0 questions answered; 0 B of 0 B, 0 evicted
tables      0 of 0 open, 0 B of memory; 0 opens so far
flushes     0, 0 B; 0 running
compactions 0, 0 B read, 0 B written, 0 of 0 entries dropped; 0 running, 0 B pending
errors      0 of background jobs

stalls: none

latency: no samples
)"));
}

TEST(StatsText, SaysWhatARateLimiterHeldUp) {
  Metrics m;
  EXPECT_THAT(StatsText(m), Not(HasSubstr("limited")));
  m.rate_limited_bytes = 3 << 20;
  m.rate_limit_wait_micros = 1'200'000;
  EXPECT_THAT(StatsText(m),
              HasSubstr("\nlimited     3.0 MiB, which waited 1.2 s\n"));
}

TEST(StatsText, SaysThatWritesAreRefused) {
  Metrics metrics;
  metrics.writes_refused = true;
  EXPECT_THAT(StatsText(metrics),
              HasSubstr("0 of background jobs; writes are refused\n"));
}

TEST(StatsText, ShowsALevelThatIsEmptyNow) {
  Metrics metrics;
  metrics.levels[3].moves = 1;
  EXPECT_THAT(StatsText(metrics), HasSubstr("\nL3 "));
}

TEST(StallsText, NamesTheCauses) {
  EXPECT_EQ(StallsText(testing::SampleMetrics()), Expected(R"(
stalls              count    total      p99      max
memtables              12  34.0 ms   4.9 ms   5.0 ms
pending_compaction  90000    2.0 s  40.0 us  99.0 us
)"));
}

TEST(LevelsText, ShowsAllLevels) {
  EXPECT_EQ(LevelsText(testing::SampleMetrics()), Expected(R"(
level  files       size
0          2  124.0 MiB
1          0        0 B
2          0        0 B
3          0        0 B
4          0        0 B
5          1  700.0 MiB
6          2    8.0 GiB
)"));
}

TEST(ShapeText, DrawsTheTree) {
  EXPECT_EQ(ShapeText(testing::SampleMetrics()), Expected(R"(
mem         ########################          3 memtables, 84.0 MiB
L0         ##########################         2 tables, 124.0 MiB
L5      ################################      1 table, 700.0 MiB of 560.0 MiB, due (1.25)
L6  ########################################  2 tables, 8.0 GiB of 8.0 GiB
5 tables, 8.8 GiB, about 8.0 GiB of it live, 40000000 keys
)"));
}

TEST(ShapeText, OfAnEmptyDatabase) {
  EXPECT_EQ(ShapeText(Metrics()), Expected(R"(
mem                                           0 memtables, 0 B
0 tables, 0 B, about 0 B of it live, 0 keys
)"));
}

TEST(ShapeText, ASmallLevelHasABar) {
  Metrics metrics;
  metrics.levels[0] = {.tables = 1, .bytes = 1};
  metrics.levels[6] = {.tables = 1, .bytes = uint64_t{1} << 62};
  EXPECT_THAT(ShapeText(metrics), HasSubstr(" #                      1 table"));
  EXPECT_THAT(ShapeText(metrics),
              HasSubstr("L6  " + std::string(40, '#') + "  1 table, 4.0 EiB"));
}

TEST(TablesText, NamesEveryTable) {
  EXPECT_EQ(TablesText(*testing::SampleVersion()), Expected(R"(
level 0
  9: 64.0 MiB, 10 entries, [a .. f]
  7: 60.0 MiB, 10 entries, [c .. k]
level 5
  3: 700.0 MiB, 10 entries, [a .. d]
level 6
  1: 4.0 GiB, 10 entries, [a .. d]
  2: 4.0 GiB, 10 entries, [e .. z]
)"));
  EXPECT_EQ(TablesText(*testing::ParseShape("")), "");
}

TEST(TablesText, EscapesKeys) {
  EXPECT_THAT(TablesText(*testing::ParseShape("L6: 1[\x01-\xff]")),
              HasSubstr("[\\x01 .. \\xff]"));
}

TEST(AggregatedText, SumsALevelOrAll) {
  const auto version = testing::SampleVersion();
  EXPECT_EQ(AggregatedText(*version, -1),
            "tables=5; entries=50; tombstones=0; raw key bytes=0; "
            "raw value bytes=0; file bytes=9453961216");
  EXPECT_EQ(AggregatedText(*version, 5),
            "tables=1; entries=10; tombstones=0; raw key bytes=0; "
            "raw value bytes=0; file bytes=734003200");
}

}  // namespace
}  // namespace lissom
