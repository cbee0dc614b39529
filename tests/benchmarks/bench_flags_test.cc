// Every way we know to get a flag wrong, with what the user is told. The
// program itself is run: no workload starts, and it ends with 2.
#include "benchmarks/bench_flags.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lissom/status.h"
#include "tests/benchmarks/program.h"

namespace lissom::bench {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Mistake {
  std::vector<std::string> arguments;
  std::string message;
};

std::vector<Mistake> Mistakes() {
  return {
      // Names.
      {{"--foo=1"},
       "unknown flag --foo; lissom_bench --help lists those there are"},
      {{"-foo"},
       "unknown flag --foo; lissom_bench --help lists those there are"},
      {{"--Num=1"},
       "unknown flag --Num; lissom_bench --help lists those there are"},
      {{"--nonum"},
       "unknown flag --nonum; lissom_bench --help lists those there are"},
      {{"--=3"}, "unknown flag --; lissom_bench --help lists those there are"},
      {{"--n\xffm=1"},
       "unknown flag --n\\xffm; lissom_bench --help lists those there are"},
      {{"--undefok=bar", "--foo"},
       "unknown flag --foo; lissom_bench --help lists those there are"},
      // What is no flag.
      {{"readrandom"}, "unexpected argument 'readrandom'"},
      {{"--histogram", "1"}, "unexpected argument '1'"},
      {{"-"}, "unexpected argument '-'"},
      {{"--", "fillseq"}, "unexpected argument 'fillseq'"},
      // Whole numbers.
      {{"--num"}, "--num: its value is missing"},
      {{"--num="}, "--num=: not a whole number"},
      {{"--num=1x"}, "--num=1x: not a whole number"},
      {{"--num", "--histogram"}, "--num=--histogram: not a whole number"},
      {{"--num=1e6"}, "--num=1e6: not a whole number"},
      {{"--num= 5"}, "--num= 5: not a whole number"},
      {{"--num=0x10"}, "--num=0x10: not a whole number"},
      {{"--cache_size=64M"}, "--cache_size=64M: not a whole number"},
      {{"--num=0"}, "--num=0: not in 1 to 1099511627776"},
      {{"--num=-1"}, "--num=-1: not in 1 to 1099511627776"},
      {{"--num=1099511627777"},
       "--num=1099511627777: not in 1 to 1099511627776"},
      {{"--num=99999999999999999999"},
       "--num=99999999999999999999: not in 1 to 1099511627776"},
      {{"--seed=18446744073709551616"},
       "--seed=18446744073709551616: not in 0 to 18446744073709551615"},
      {{"--reads=-2"}, "--reads=-2: neither -1 nor in 0 to 1099511627776"},
      {{"--memory_budget=4194303"},
       "--memory_budget=4194303: neither -1 nor in 4194304 to 70368744177664"},
      {{"--open_files=10"},
       "--open_files=10: neither -1 nor in 64 to 1073741824"},
      {{"--key_size=7"}, "--key_size=7: not in 8 to 1048576"},
      {{"--threads=257"}, "--threads=257: not in 1 to 256"},
      {{"--readwritepercent=101"}, "--readwritepercent=101: not in 0 to 100"},
      {{"--batch_size=0"}, "--batch_size=0: not in 1 to 1048576"},
      // Other numbers.
      {{"--compression_ratio=half"}, "--compression_ratio=half: not a number"},
      {{"--compression_ratio=nan"}, "--compression_ratio=nan: not a number"},
      {{"--compression_ratio=1.5"}, "--compression_ratio=1.5: not in 0 to 1"},
      {{"--compression_ratio=-0.1"}, "--compression_ratio=-0.1: not in 0 to 1"},
      {{"--max_bytes_for_level_multiplier=inf"},
       "--max_bytes_for_level_multiplier=inf: not a number"},
      // Switches and texts.
      {{"--sync=maybe"}, "--sync=maybe: neither true nor false"},
      {{"--sync="}, "--sync=: neither true nor false"},
      {{"--nosync=1"}, "--nosync takes no value"},
      {{"--db="}, "--db=: must not be empty"},
      {{"--compression_type=snappy"},
       "--compression_type=snappy: not one of none, zstd, default"},
      {{"--output_format=xml"}, "--output_format=xml: not one of text, json"},
      // Of db_bench, and not ours.
      {{"--cache_type=lru_cache"},
       "--cache_type is db_bench's and has no meaning here; "
       "--undefok=cache_type has it passed over"},
      {{"--compaction_style=1"},
       "--compaction_style can only be 0: compactions are leveled; "
       "--undefok=compaction_style has it passed over"},
      {{"--disable_auto_compactions"},
       "--disable_auto_compactions can only be false: there is no database "
       "without compactions; --undefok=disable_auto_compactions has it passed "
       "over"},
      {{"--nocache_index_and_filter_blocks"},
       "--cache_index_and_filter_blocks can only be true: indexes and filters "
       "are charged to the cache; --undefok=cache_index_and_filter_blocks has "
       "it passed over"},
      // What the options say.
      {{"--write_buffer_size=1"},
       "options: write_buffer_size must be 64 KiB to 4 GiB"},
      {{"--rate_limiter_bytes_per_sec=1"},
       "rate limiter: bytes_per_second must be 1 KiB to 2^50"},
      // What contradicts itself.
      {{"--sync", "--disable_wal"},
       "--sync and --disable_wal contradict each other"},
      {{"--min_level_to_compress=2"},
       "--min_level_to_compress needs --compression_type=zstd"},
      {{"--compression_level=3"},
       "--compression_level needs --compression_type=zstd or default"},
      {{"--compression_max_dict_bytes=4096"},
       "--compression_max_dict_bytes needs --compression_type=zstd or "
       "default"},
      {{"--stats_per_interval=1"},
       "--stats_per_interval needs --stats_interval_seconds"},
      {{"--report_file=r.csv"},
       "--report_file needs --report_interval_seconds: without it nothing is "
       "reported"},
      // Workloads.
      {{"--benchmarks="}, "--benchmarks=: must not be empty"},
      {{"--benchmarks=,,"}, "--benchmarks names no workload"},
      {{"--benchmarks=readseq[X5"},
       "bad suffix in 'readseq[X5': it is [X5], [W2] or [X5-W2], counts 1 to "
       "1000"},
      {{"--benchmarks=readseq[X0]"},
       "bad suffix in 'readseq[X0]': it is [X5], [W2] or [X5-W2], counts 1 to "
       "1000"},
      {{"--benchmarks=readseq[Y5]"},
       "bad suffix in 'readseq[Y5]': it is [X5], [W2] or [X5-W2], counts 1 to "
       "1000"},
      {{"--benchmarks=readseq[X5-]"},
       "bad suffix in 'readseq[X5-]': it is [X5], [W2] or [X5-W2], counts 1 to "
       "1000"},
      {{"--benchmarks=readseq[]"},
       "bad suffix in 'readseq[]': it is [X5], [W2] or [X5-W2], counts 1 to "
       "1000"},
  };
}

TEST(BenchFlags, EachMistakeIsNamed) {
  const TestFolder folder;
  for (const Mistake& mistake : Mistakes()) {
    std::vector<std::string> arguments = mistake.arguments;
    // What is not refused would print something and end.
    arguments.insert(arguments.begin(),
                     {"--db=" + (folder / "db"), "--benchmarks=stats"});
    const Ended ended = bench::Run(folder, arguments);
    EXPECT_EQ(ended.err, "lissom_bench: " + mistake.message + "\n");
    EXPECT_EQ(ended.code, 2) << mistake.message;
    EXPECT_EQ(ended.out, "");
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "db"));
}

TEST(BenchFlags, AnUnknownWorkloadIsToldWhichThereAre) {
  const TestFolder folder;
  const Ended ended = bench::Run(folder, {"--benchmarks=fillseq,readwrite"});
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err,
              StartsWith("lissom_bench: unknown workload 'readwrite'; there "
                         "are:\n  fillseq: put all keys in order"));
  for (const Workload& workload : AllWorkloads()) {
    EXPECT_THAT(ended.err, HasSubstr("\n  " + std::string(workload.name) +
                                     ": " + std::string(workload.help)));
  }
}

TEST(BenchFlags, HelpNamesEveryFlag) {
  const TestFolder folder;
  const Ended ended = bench::Run(folder, {"--num=7", "--help"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.err, "");
  Flags flags;
  for (const Flag& flag : TableOf(flags).flags) {
    EXPECT_THAT(ended.out, HasSubstr("\n  --" + std::string(flag.name) + " "));
  }
}

// --- What is right, from within.

Flags Parsed(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "lissom_bench");
  Flags flags;
  const absl::Status status =
      ParseFlags(static_cast<int>(arguments.size()), arguments.data(), &flags);
  EXPECT_TRUE(status.ok()) << status;
  return flags;
}

TEST(BenchFlags, ValuesComeInGflagsFourForms) {
  EXPECT_EQ(Parsed({"--num=5"}).run.num, 5U);
  EXPECT_EQ(Parsed({"--num", "5"}).run.num, 5U);
  EXPECT_EQ(Parsed({"-num=5"}).run.num, 5U);
  EXPECT_EQ(Parsed({"-num", "5"}).run.num, 5U);
  EXPECT_EQ(Parsed({"--num=5", "--num=6"}).run.num, 6U);  // The last counts.
}

TEST(BenchFlags, SwitchesComeInAllWords) {
  for (const char* yes : {"--sync", "-sync", "--sync=1", "--sync=t",
                          "--sync=True", "--sync=yes"}) {
    EXPECT_TRUE(Parsed({yes}).run.sync) << yes;
  }
  for (const char* no : {"--nosync", "--sync=0", "--sync=f", "--sync=FALSE",
                         "--sync=no", "--sync=n"}) {
    EXPECT_FALSE(Parsed({"--sync", no}).run.sync) << no;
  }
}

TEST(BenchFlags, MinusOneIsDbBenchsDefault) {
  const Flags flags = Parsed({"--num=7", "--reads=3", "--reads=-1",
                              "--writes=-1", "--bloom_bits=-1",
                              "--open_files=-1", "--compression_level=32767"});
  EXPECT_EQ(flags.run.Reads(), 7U);
  EXPECT_EQ(flags.run.Writes(), 7U);
  EXPECT_EQ(DatabaseOf(flags)->options.max_open_files, std::nullopt);
}

TEST(BenchFlags, UndefokPassesOverWhatIsNotKnown) {
  // With the value behind it, before and after, and what is db_bench's.
  EXPECT_EQ(
      Parsed({"--foo", "3", "--undefok=foo,bar,cache_type,compaction_style",
              "--bar", "--cache_type=x", "--compaction_style=1", "--num=4"})
          .run.num,
      4U);
}

TEST(BenchFlags, FixedFlagsMayBeGivenAsTheyAre) {
  Parsed({"--compaction_style=0", "--cache_index_and_filter_blocks",
          "--use_direct_reads=false", "--nommap_read",
          "--disable_auto_compactions=0", "--num_column_families", "1",
          "--wal_dir="});
}

TEST(BenchFlags, EachOptionReachesTheDatabase) {
  const auto database =
      DatabaseOf(Parsed({"--write_buffer_size=131072",
                         "--max_write_buffer_number=3",
                         "--cache_size=1000000",
                         "--max_background_jobs=5",
                         "--subcompactions=6",
                         "--block_size=8192",
                         "--bloom_bits=0",
                         "--compression_type=zstd",
                         "--compression_level=3",
                         "--min_level_to_compress=2",
                         "--compression_max_dict_bytes=4096",
                         "--target_file_size_base=2000000",
                         "--max_bytes_for_level_base=30000000",
                         "--max_bytes_for_level_multiplier=7.5",
                         "--level0_file_num_compaction_trigger=2",
                         "--level0_slowdown_writes_trigger=9",
                         "--level0_stop_writes_trigger=11",
                         "--soft_pending_compaction_bytes_limit=12",
                         "--hard_pending_compaction_bytes_limit=13",
                         "--max_total_wal_size=14000000",
                         "--open_files=100",
                         "--rate_limiter_bytes_per_sec=1000000",
                         "--disable_wal",
                         "--noverify_checksum"}));
  ASSERT_TRUE(database.ok()) << database.status();
  const Options& options = database->options;
  EXPECT_EQ(options.write_buffer_size, 131072U);
  EXPECT_EQ(options.max_write_buffer_number, 3);
  EXPECT_EQ(options.block_cache_size, 1000000U);
  EXPECT_EQ(options.max_background_jobs, 5);
  EXPECT_EQ(options.max_subcompactions, 6);
  EXPECT_EQ(options.block_size, 8192U);
  ASSERT_EQ(options.compression.size(), 3U);
  EXPECT_FALSE(options.compression[1].enabled());
  EXPECT_EQ(options.compression[2].level(), 3);
  EXPECT_EQ(options.compression[2].dictionary_bytes(), 4096U);
  EXPECT_EQ(options.target_file_size_base, 2000000U);
  EXPECT_EQ(options.max_bytes_for_level_base, 30000000U);
  EXPECT_EQ(options.max_bytes_for_level_multiplier, 7.5);
  EXPECT_EQ(options.level0_file_num_compaction_trigger, 2);
  EXPECT_EQ(options.level0_slowdown_writes_trigger, 9);
  EXPECT_EQ(options.level0_stop_writes_trigger, 11);
  EXPECT_EQ(options.soft_pending_compaction_bytes_limit, 12U);
  EXPECT_EQ(options.hard_pending_compaction_bytes_limit, 13U);
  EXPECT_EQ(options.max_total_wal_size, 14000000U);
  EXPECT_EQ(options.max_open_files, 100);
  EXPECT_NE(options.rate_limiter, nullptr);
  EXPECT_TRUE(database->disable_wal);
  EXPECT_FALSE(database->verify_checksums);
}

TEST(BenchFlags, SizesFollowTheBudgetUnlessTheyAreSet) {
  const auto derived = DatabaseOf(Parsed({"--memory_budget=100000000"}));
  EXPECT_EQ(derived->options.write_buffer_size, std::nullopt);
  EXPECT_EQ(derived->options.block_cache_size, std::nullopt);
  const auto set = DatabaseOf(
      Parsed({"--memory_budget=100000000", "--cache_size=20000000"}));
  EXPECT_EQ(set->options.block_cache_size, 20000000U);
  EXPECT_EQ(set->options.memory_budget, 100000000U);
}

}  // namespace
}  // namespace lissom::bench
