// Options::Validate: what is taken, what is refused, and in which words.
#include <sys/resource.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "lissom/event_listener.h"
#include "lissom/options.h"

namespace lissom {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;
constexpr size_t kGiB = 1024 * kMiB;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kNaN = std::nan("");

class NamelessOrder final : public Comparator {
 public:
  int Compare(std::string_view a, std::string_view b) const override {
    return a.compare(b);
  }
  std::string_view Name() const override { return ""; }
};

struct Row {
  std::string what;
  void (*set)(Options&);
};

// Each of these is refused with this rule, and with nothing else.
void ExpectRefused(const std::vector<Row>& rows, const std::string& rule) {
  for (const Row& row : rows) {
    Options options;
    row.set(options);
    EXPECT_EQ(options.Validate(),
              absl::InvalidArgumentError("options: " + rule))
        << row.what;
  }
}
void ExpectTaken(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    Options options;
    row.set(options);
    EXPECT_TRUE(options.Validate().ok())
        << row.what << ": " << options.Validate();
  }
}

TEST(OptionsCheck, TakesTheDefaults) {
  ExpectTaken({{"", [](Options&) {}}});
}

TEST(OptionsCheck, ErrorIfExistsNeedsCreateIfMissing) {
  ExpectTaken(
      {{"both",
        [](Options& o) { o.create_if_missing = o.error_if_exists = true; }},
       {"create", [](Options& o) { o.create_if_missing = true; }}});
  ExpectRefused(
      {{"alone", [](Options& o) { o.error_if_exists = true; }}},
      "error_if_exists needs create_if_missing: without it no open can "
      "succeed");
}

TEST(OptionsCheck, WalRecoveryModeIsOneOfThree) {
  ExpectTaken({{"torn tail",
                [](Options& o) {
                  o.wal_recovery_mode = WalRecoveryMode::kTornTailOnly;
                }},
               {"absolute", [](Options& o) {
                  o.wal_recovery_mode = WalRecoveryMode::kAbsolute;
                }}});
  ExpectRefused({{"3",
                  [](Options& o) {
                    o.wal_recovery_mode = static_cast<WalRecoveryMode>(3);
                  }},
                 {"255",
                  [](Options& o) {
                    o.wal_recovery_mode = static_cast<WalRecoveryMode>(255);
                  }}},
                "wal_recovery_mode is not a mode");
}

TEST(OptionsCheck, ListenersAreAllThere) {
  ExpectTaken({{"two", [](Options& o) {
                  o.listeners = {std::make_shared<EventListener>(),
                                 std::make_shared<EventListener>()};
                }}});
  ExpectRefused({{"one", [](Options& o) { o.listeners = {nullptr}; }},
                 {"the last",
                  [](Options& o) {
                    o.listeners = {std::make_shared<EventListener>(), nullptr};
                  }}},
                "listeners must not be null");
}

TEST(OptionsCheck, StatisticsLevelIsOneOfThree) {
  ExpectTaken(
      {{"off", [](Options& o) { o.statistics_level = StatisticsLevel::kOff; }},
       {"all",
        [](Options& o) { o.statistics_level = StatisticsLevel::kAll; }}});
  ExpectRefused({{"3",
                  [](Options& o) {
                    o.statistics_level = static_cast<StatisticsLevel>(3);
                  }}},
                "statistics_level is not a level");
}

TEST(OptionsCheck, ComparatorHasAName) {
  ExpectTaken({{"reverse", [](Options& o) {
                  o.comparator = ReverseBytewiseComparator();
                }}});
  ExpectRefused({{"null", [](Options& o) { o.comparator = nullptr; }}},
                "comparator must not be null");
  ExpectRefused(
      {{"nameless",
        [](Options& o) { o.comparator = std::make_shared<NamelessOrder>(); }}},
      "comparator must have a name");
}

TEST(OptionsCheck, WriteBufferSize) {
  ExpectTaken({{"least", [](Options& o) { o.write_buffer_size = 64 * kKiB; }},
               {"most", [](Options& o) { o.write_buffer_size = 4 * kGiB; }}});
  ExpectRefused(
      {{"0", [](Options& o) { o.write_buffer_size = 0; }},
       {"less", [](Options& o) { o.write_buffer_size = 64 * kKiB - 1; }},
       {"more", [](Options& o) { o.write_buffer_size = 4 * kGiB + 1; }}},
      "write_buffer_size must be 64 KiB to 4 GiB");
}

TEST(OptionsCheck, MaxWriteBufferNumber) {
  ExpectTaken({{"least", [](Options& o) { o.max_write_buffer_number = 2; }},
               {"most", [](Options& o) { o.max_write_buffer_number = 64; }}});
  ExpectRefused(
      {{"negative", [](Options& o) { o.max_write_buffer_number = -1; }},
       {"less", [](Options& o) { o.max_write_buffer_number = 1; }},
       {"more", [](Options& o) { o.max_write_buffer_number = 65; }}},
      "max_write_buffer_number must be 2 to 64");
}

TEST(OptionsCheck, BlockCacheSize) {
  ExpectTaken(
      {{"none", [](Options& o) { o.block_cache_size = 0; }},
       {"most", [](Options& o) { o.block_cache_size = 65536 * kGiB; }}});
  ExpectRefused(
      {{"more", [](Options& o) { o.block_cache_size = 65536 * kGiB + 1; }},
       {"negative", [](Options& o) { o.block_cache_size = SIZE_MAX; }}},
      "block_cache_size must be at most 64 TiB");
}

TEST(OptionsCheck, BlockSize) {
  ExpectTaken({{"least", [](Options& o) { o.block_size = 512; }},
               {"most", [](Options& o) { o.block_size = kMiB; }}});
  ExpectRefused({{"less", [](Options& o) { o.block_size = 511; }},
                 {"more", [](Options& o) { o.block_size = kMiB + 1; }}},
                "block_size must be 512 bytes to 1 MiB");
}

TEST(OptionsCheck, Compression) {
  ExpectTaken(
      {{"ends",
        [](Options& o) {
          o.compression = {Compression::Zstd(-7), Compression::Zstd(22)};
        }},
       {"none", [](Options& o) { o.compression = {Compression::None()}; }}});
  ExpectRefused({{"empty", [](Options& o) { o.compression.clear(); }}},
                "compression must name at least one level");
  ExpectRefused(
      {{"less", [](Options& o) { o.compression = {Compression::Zstd(-8)}; }},
       {"more", [](Options& o) { o.compression = {Compression::Zstd(23)}; }},
       {"not the first",
        [](Options& o) {
          o.compression = {Compression::None(), Compression::Zstd(99)};
        }}},
      "compression must have zstd levels from -7 to 22");
  ExpectTaken({{"dictionaries", [](Options& o) {
                  o.compression = {Compression::Zstd(1, 0),
                                   Compression::Zstd(1, 1024),
                                   Compression::Zstd(1, 256 << 10)};
                }}});
  ExpectRefused(
      {{"less",
        [](Options& o) { o.compression = {Compression::Zstd(1, 1023)}; }},
       {"more",
        [](Options& o) {
          o.compression = {Compression::None(),
                           Compression::Zstd(1, (256 << 10) + 1)};
        }}},
      "compression must have dictionaries of 1 to 256 KiB, or none");
}

TEST(OptionsCheck, FilterPolicy) {
  ExpectTaken(
      {{"none", [](Options& o) { o.filter_policy = FilterPolicy::None(); }},
       {"least", [](Options& o) { o.filter_policy = FilterPolicy::Bloom(1); }},
       {"most",
        [](Options& o) { o.filter_policy = FilterPolicy::Bloom(64); }}});
  ExpectRefused(
      {{"less",
        [](Options& o) { o.filter_policy = FilterPolicy::Bloom(0.99); }},
       {"more",
        [](Options& o) { o.filter_policy = FilterPolicy::Bloom(64.01); }},
       {"negative",
        [](Options& o) { o.filter_policy = FilterPolicy::Bloom(-10); }},
       {"infinite",
        [](Options& o) { o.filter_policy = FilterPolicy::Bloom(kInfinity); }},
       {"not a number",
        [](Options& o) { o.filter_policy = FilterPolicy::Bloom(kNaN); }}},
      "filter_policy must have 1 to 64 bits a key, or none");
}

TEST(OptionsCheck, TargetFileSizeBase) {
  ExpectTaken(
      {{"least", [](Options& o) { o.target_file_size_base = 16 * kKiB; }},
       {"most", [](Options& o) { o.target_file_size_base = 64 * kGiB; }}});
  ExpectRefused(
      {{"less", [](Options& o) { o.target_file_size_base = 16 * kKiB - 1; }},
       {"more", [](Options& o) { o.target_file_size_base = 64 * kGiB + 1; }}},
      "target_file_size_base must be 16 KiB to 64 GiB");
}

TEST(OptionsCheck, MaxOpenFiles) {
  ExpectTaken({{"least", [](Options& o) { o.max_open_files = 64; }},
               {"most", [](Options& o) { o.max_open_files = 1 << 30; }}});
  ExpectRefused(
      {{"less", [](Options& o) { o.max_open_files = 63; }},
       {"none", [](Options& o) { o.max_open_files = 0; }},
       {"RocksDB's word for no limit",
        [](Options& o) { o.max_open_files = -1; }},
       {"more", [](Options& o) { o.max_open_files = (1 << 30) + 1; }}},
      "max_open_files must be 64 to 2^30");
}

// Half of the process's soft limit, whatever that is here.
TEST(OptionsCheck, MaxOpenFilesDerivesFromTheProcesssLimit) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const auto derived = [&](rlim_t soft) {
    rlimit limit = before;
    limit.rlim_cur = soft;
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return *Options().WithSizes().max_open_files;
  };
  EXPECT_EQ(derived(500), 250);
  EXPECT_EQ(derived(100), 64);
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  Options given;
  given.max_open_files = 77;
  EXPECT_EQ(given.WithSizes().max_open_files, 77);
}

TEST(OptionsCheck, MaxBytesForLevelBase) {
  ExpectTaken(
      {{"least", [](Options& o) { o.max_bytes_for_level_base = 16 * kKiB; }},
       {"most", [](Options& o) { o.max_bytes_for_level_base = kMiB * kGiB; }}});
  ExpectRefused(
      {{"less", [](Options& o) { o.max_bytes_for_level_base = 16 * kKiB - 1; }},
       {"more",
        [](Options& o) { o.max_bytes_for_level_base = kMiB * kGiB + 1; }}},
      "max_bytes_for_level_base must be 16 KiB to 1 PiB");
}

TEST(OptionsCheck, MaxBytesForLevelMultiplier) {
  ExpectTaken(
      {{"least", [](Options& o) { o.max_bytes_for_level_multiplier = 2; }},
       {"most", [](Options& o) { o.max_bytes_for_level_multiplier = 100; }}});
  ExpectRefused(
      {{"less", [](Options& o) { o.max_bytes_for_level_multiplier = 1.99; }},
       {"more", [](Options& o) { o.max_bytes_for_level_multiplier = 100.1; }},
       {"infinite",
        [](Options& o) { o.max_bytes_for_level_multiplier = kInfinity; }},
       {"not a number",
        [](Options& o) { o.max_bytes_for_level_multiplier = kNaN; }}},
      "max_bytes_for_level_multiplier must be 2 to 100");
}

void SetLevel0(Options& options, int compaction, int stop) {
  options.level0_file_num_compaction_trigger = compaction;
  options.level0_stop_writes_trigger = stop;
}

TEST(OptionsCheck, Level0Triggers) {
  ExpectTaken({{"least", [](Options& o) { SetLevel0(o, 1, 2); }},
               {"most", [](Options& o) { SetLevel0(o, 1000, 10000); }},
               {"one apart", [](Options& o) { SetLevel0(o, 1000, 1001); }}});
  ExpectRefused({{"none", [](Options& o) { SetLevel0(o, 0, 36); }},
                 {"negative", [](Options& o) { SetLevel0(o, -4, 36); }},
                 {"more", [](Options& o) { SetLevel0(o, 1001, 10000); }}},
                "level0_file_num_compaction_trigger must be 1 to 1000");
  ExpectRefused({{"equal", [](Options& o) { SetLevel0(o, 4, 4); }},
                 {"below", [](Options& o) { SetLevel0(o, 4, 3); }},
                 {"negative", [](Options& o) { SetLevel0(o, 4, -1); }},
                 {"more", [](Options& o) { SetLevel0(o, 4, 10001); }}},
                "level0_stop_writes_trigger must be above "
                "level0_file_num_compaction_trigger, at most 10000");
}

TEST(OptionsCheck, Level0Slowdown) {
  ExpectTaken(
      {{"least", [](Options& o) { o.level0_slowdown_writes_trigger = 1; }},
       {"behind the stop: none",
        [](Options& o) { o.level0_slowdown_writes_trigger = 10000; }}});
  ExpectRefused(
      {{"none", [](Options& o) { o.level0_slowdown_writes_trigger = 0; }},
       {"negative", [](Options& o) { o.level0_slowdown_writes_trigger = -1; }},
       {"more", [](Options& o) { o.level0_slowdown_writes_trigger = 10001; }}},
      "level0_slowdown_writes_trigger must be 1 to 10000");
}

TEST(OptionsCheck, PendingCompactionBytesLimits) {
  const auto set = [](Options& o, uint64_t soft, uint64_t hard) {
    o.soft_pending_compaction_bytes_limit = soft;
    o.hard_pending_compaction_bytes_limit = hard;
  };
  for (const auto& [soft, hard, good] :
       {std::tuple<uint64_t, uint64_t, bool>{0, 0, true},
        {5, 5, true},
        {0, UINT64_MAX, true},
        {UINT64_MAX, UINT64_MAX, true},
        {1, 0, false},
        {5, 4, false},
        {UINT64_MAX, 0, false}}) {
    Options options;
    set(options, soft, hard);
    EXPECT_EQ(options.Validate(),
              good ? absl::OkStatus()
                   : absl::InvalidArgumentError(
                         "options: hard_pending_compaction_bytes_limit must "
                         "not be below soft_pending_compaction_bytes_limit"))
        << soft << " " << hard;
  }
}

TEST(OptionsCheck, MaxTotalWalSize) {
  ExpectTaken(
      {{"no limit", [](Options& o) { o.max_total_wal_size = 0; }},
       {"least", [](Options& o) { o.max_total_wal_size = 64 * kKiB; }},
       {"most", [](Options& o) { o.max_total_wal_size = UINT64_MAX; }}});
  ExpectRefused(
      {{"one", [](Options& o) { o.max_total_wal_size = 1; }},
       {"less", [](Options& o) { o.max_total_wal_size = 64 * kKiB - 1; }}},
      "max_total_wal_size must be 0 or at least 64 KiB");
}

TEST(OptionsCheck, MaxBackgroundJobs) {
  ExpectTaken({{"least", [](Options& o) { o.max_background_jobs = 1; }},
               {"most", [](Options& o) { o.max_background_jobs = 256; }}});
  ExpectRefused({{"none", [](Options& o) { o.max_background_jobs = 0; }},
                 {"negative", [](Options& o) { o.max_background_jobs = -1; }},
                 {"more", [](Options& o) { o.max_background_jobs = 257; }}},
                "max_background_jobs must be 1 to 256");
}

TEST(OptionsCheck, MaxSubcompactions) {
  ExpectTaken({{"least", [](Options& o) { o.max_subcompactions = 1; }},
               {"most", [](Options& o) { o.max_subcompactions = 64; }}});
  ExpectRefused({{"less", [](Options& o) { o.max_subcompactions = 0; }},
                 {"more", [](Options& o) { o.max_subcompactions = 65; }}},
                "max_subcompactions must be 1 to 64");
}

TEST(OptionsCheck, Ttl) {
  ExpectTaken({{"off", [](Options& o) { o.ttl = absl::ZeroDuration(); }},
               {"least", [](Options& o) { o.ttl = absl::Nanoseconds(1); }},
               {"long", [](Options& o) { o.ttl = absl::Hours(1 << 20); }}});
  ExpectRefused(
      {{"negative", [](Options& o) { o.ttl = -absl::Nanoseconds(1); }},
       {"infinite", [](Options& o) { o.ttl = absl::InfiniteDuration(); }}},
      "ttl must not be negative or infinite");
}

TEST(OptionsCheck, NamesEveryFaultInTheOrderOfTheFields) {
  ExpectRefused({{"four",
                  [](Options& o) {
                    SetLevel0(o, 0, -1);
                    o.block_size = 0;
                    o.comparator = nullptr;
                  }}},
                "comparator must not be null; "
                "block_size must be 512 bytes to 1 MiB; "
                "level0_file_num_compaction_trigger must be 1 to 1000; "
                "level0_stop_writes_trigger must be above "
                "level0_file_num_compaction_trigger, at most 10000");
}

TEST(OptionsCheck, NamesAFaultOnceHoweverManyLevelsHaveIt) {
  ExpectRefused({{"three levels",
                  [](Options& o) {
                    o.compression = {Compression::Zstd(50),
                                     Compression::Zstd(60),
                                     Compression::Zstd(70)};
                  }}},
                "compression must have zstd levels from -7 to 22");
}

}  // namespace
}  // namespace lissom
