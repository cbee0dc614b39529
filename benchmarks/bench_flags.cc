#include "benchmarks/bench_flags.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <functional>
#include <string_view>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

constexpr uint64_t kMaxCount = uint64_t{1} << 40;

struct Flag {
  std::string_view name;
  std::string_view help;
  std::function<bool(std::string_view)> set;
};

Flag Number(std::string_view name, uint64_t* to, uint64_t min, uint64_t max,
            std::string_view help) {
  return {name, help, [=](std::string_view text) {
            const char* const end = text.data() + text.size();
            const auto parsed = std::from_chars(text.data(), end, *to);
            return parsed.ec == std::errc() && parsed.ptr == end &&
                   *to >= min && *to <= max;
          }};
}

// --sync, --sync=1 and --sync=true are the same.
Flag Switch(std::string_view name, bool* to, std::string_view help) {
  return {name, help, [=](std::string_view text) {
            *to = text.empty() || text == "1" || text == "true";
            return *to || text == "0" || text == "false";
          }};
}

std::vector<Flag> TableOf(Flags& flags) {
  return {
      {"benchmarks", "workloads, with commas, in the order to run",
       [&flags](std::string_view text) {
         flags.benchmarks =
             absl::StrSplit(ToAbsl(text), ',', absl::SkipEmpty());
         return !flags.benchmarks.empty();
       }},
      {"db", "the database's directory; made anew by fill workloads",
       [&flags](std::string_view text) {
         flags.db = text;
         return !text.empty();
       }},
      Number("num", &flags.run.num, 1, kMaxCount, "keys; operations a thread"),
      {"reads", "operations of a reading thread; default: num",
       [&flags](std::string_view text) {
         uint64_t reads = 0;
         if (!Number("", &reads, 1, kMaxCount, "").set(text)) return false;
         flags.run.reads = reads;
         return true;
       }},
      Number("value_size", &flags.run.value_size, 0, uint64_t{1} << 30,
             "bytes"),
      Number("key_size", &flags.run.key_size, 8, uint64_t{1} << 20,
             "bytes, at least 8"),
      Number("seed", &flags.seed, 0, UINT64_MAX, "of the random generators"),
      Number("threads", &flags.threads, 1, 256, "that do the same at once"),
      Number("batch_size", &flags.run.batch_size, 1, 1 << 20,
             "puts a write, keys a MultiGet"),
      Number("seek_nexts", &flags.run.seek_nexts, 0, kMaxCount,
             "moves after each seek of seekrandom"),
      Number("write_buffer_size", &flags.write_buffer_size, 0, kMaxCount,
             "bytes of a memtable"),
      Number("max_write_buffer_number", &flags.max_write_buffer_number, 2, 1024,
             "memtables, the active one included"),
      Number("max_background_jobs", &flags.max_background_jobs, 1, 256,
             "flushes and compactions at once"),
      Number("cache_size", &flags.cache_size, 0, kMaxCount,
             "bytes of the block cache"),
      Number("block_size", &flags.block_size, 0, kMaxCount,
             "bytes of a table's data block"),
      Number("bloom_bits", &flags.bloom_bits, 0, 64,
             "filter bits a key; 0: no filter"),
      {"compression_type",
       "none or zstd (level -1), for all levels; default: as in options.h",
       [&flags](std::string_view text) {
         flags.compression_type = text;
         return text == "none" || text == "zstd" || text == "default";
       }},
      Number("compression_max_dict_bytes", &flags.compression_max_dict_bytes, 0,
             256 << 10, "of a table's dictionary, where there is zstd"),
      Switch("use_existing_db", &flags.use_existing_db,
             "keep what --db holds; workloads that make it anew are skipped"),
      Switch("sync", &flags.run.sync, "make every write durable"),
      Switch("histogram", &flags.run.histogram, "show percentiles of latency"),
  };
}

std::string Help(const std::vector<Flag>& table) {
  std::string help = "flags:";
  for (const Flag& flag : table) {
    const size_t pad = flag.name.size() < 18 ? 18 - flag.name.size() : 1;
    absl::StrAppend(&help, "\n  --", ToAbsl(flag.name), std::string(pad, ' '),
                    ToAbsl(flag.help));
  }
  return help;
}

absl::Status ParseOne(std::string_view argument,
                      const std::vector<Flag>& table) {
  const size_t equals = std::min(argument.find('='), argument.size());
  const std::string_view value =
      argument.substr(std::min(equals + 1, argument.size()));
  for (const Flag& flag : table) {
    if (argument.substr(0, equals) != absl::StrCat("--", ToAbsl(flag.name))) {
      continue;
    }
    if (flag.set(value)) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("bad value in ", ToAbsl(argument), ": --",
                     ToAbsl(flag.name), " is ", ToAbsl(flag.help)));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown flag ", ToAbsl(argument), "\n", Help(table)));
}

}  // namespace

absl::StatusOr<Flags> ParseFlags(int argc, char** argv) {
  Flags flags;
  const std::vector<Flag> table = TableOf(flags);
  for (int i = 1; i < argc; ++i) {
    LISSOM_RETURN_IF_ERROR(ParseOne(argv[i], table));
  }
  return flags;
}

}  // namespace lissom::bench
