#include "benchmarks/compare/compare_flags.h"

#include <algorithm>
#include <cstddef>
#include <functional>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "benchmarks/compare/engines.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

struct Flag {
  std::string name;
  std::string wants;  // The value, for the help; empty: it takes none.
  std::string help;
  std::function<bool(const std::string& value)> set;
};

Flag Text(std::string name, std::string wants, std::string help,
          std::string* to) {
  return {std::move(name), std::move(wants), std::move(help),
          [to](const std::string& value) {
            *to = value;
            return !value.empty();
          }};
}

Flag Switch(std::string name, std::string help, std::function<void()> set) {
  return {std::move(name), "", std::move(help),
          [set = std::move(set)](const std::string&) {
            set();
            return true;
          }};
}

Flag Number(std::string name, std::string help, uint64_t least, uint64_t most,
            uint64_t* to) {
  return {std::move(name), absl::StrCat("a number from ", least, " to ", most),
          std::move(help), [=](const std::string& value) {
            return absl::SimpleAtoi(value, to) && *to >= least && *to <= most;
          }};
}

bool Has(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// A list with commas, of the words that there are.
Flag List(std::string name, std::string help,
          const std::vector<std::string>& known, std::vector<std::string>* to) {
  return {std::move(name), "some of " + absl::StrJoin(known, ","),
          std::move(help), [=](const std::string& value) {
            *to = absl::StrSplit(value, ',');
            return std::all_of(to->begin(), to->end(), [&](const auto& word) {
              return Has(known, word) &&
                     std::count(to->begin(), to->end(), word) == 1;
            });
          }};
}

constexpr uint64_t kMostKeys = 1'000'000'000;

// The last four are those of --full.
const std::vector<std::string>& PartNames() {
  static const std::vector<std::string>& names = *new std::vector<std::string>{
      "write", "read", "latency", "sustained", "ycsb", "large", "beyond"};
  return names;
}
constexpr size_t kPartsOfAll = 3;

std::vector<Flag> TableOf(CompareFlags& flags) {
  const auto mode = [&flags](Mode mode) {
    return [&flags, mode] { flags.mode = mode; };
  };
  return {
      Switch("quick", "1 M keys, about 3 minutes", mode(Mode::kQuick)),
      Switch("full",
             "adds 10 minutes of overwriting, YCSB, large values and data "
             "larger than memory; hours",
             mode(Mode::kFull)),
      Switch("ci", "50 k keys: does everything run and agree?",
             mode(Mode::kCi)),
      Text("dir", "a directory", "for the databases; default: $TMPDIR or /tmp",
           &flags.dir),
      Text("json", "a file", "writes all samples", &flags.json),
      Text("html", "a file", "writes the page", &flags.html),
      Text("svg", "a file", "writes the headline's picture", &flags.svg),
      Text("render", "a JSON file", "draws it instead of measuring",
           &flags.render),
      List("engines", "these; the first two in every round", EngineNames(),
           &flags.engines),
      List("parts", "these; default: all that the mode has", PartNames(),
           &flags.parts),
      Number("read_keys", "that are read", 1'000, kMostKeys, &flags.read_keys),
      Number("write_keys", "that are written", 1'000, kMostKeys,
             &flags.write_keys),
      Number("rounds", "of each question", 1, 1'000, &flags.rounds),
      Number("slice_seconds", "of each slice of reads", 1, 3'600,
             &flags.slice_seconds),
      Text("commit", "a text", "lissom's commit, for the result",
           &flags.commit),
      Switch("calibrate", "compares the RocksDB adapter with db_bench instead",
             [&flags] { flags.calibrate = true; }),
      Number("pairs", "of --calibrate", 1, 1'000, &flags.pairs),
      Text("db_bench", "a program", "RocksDB's db_bench, for --calibrate",
           &flags.db_bench),
      Switch("quiet", "says nothing but the result",
             [&flags] { flags.quiet = true; }),
      Switch("help", "shows this", [&flags] { flags.help = true; }),
  };
}

absl::Status ParseOne(const std::string& argument,
                      const std::vector<Flag>& table) {
  const size_t equals = std::min(argument.find('='), argument.size());
  const bool has_value = equals < argument.size();
  const std::string value = has_value ? argument.substr(equals + 1) : "";
  for (const Flag& flag : table) {
    if (argument.substr(0, equals) != "--" + flag.name) continue;
    if (flag.wants.empty() && has_value) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", flag.name, " takes no value"));
    }
    if (!flag.wants.empty() && !has_value) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--", flag.name, " wants ", flag.wants, ": --", flag.name, "=..."));
    }
    if (flag.set(value)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        "--", flag.name, " wants ", flag.wants, ", not '", value, "'"));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "unknown flag '", argument, "'; --help shows those there are"));
}

// The first of the flags that was given, as "--name"; empty: none was.
std::string FirstOf(const std::vector<std::string>& names,
                    const std::vector<std::string>& arguments) {
  for (const std::string& name : names) {
    for (const std::string& argument : arguments) {
      if (argument == name || argument.starts_with(name + "=")) return name;
    }
  }
  return "";
}

// What each flag says alone is right; do they go together?
absl::Status CheckTogether(const CompareFlags& flags,
                           const std::vector<std::string>& arguments) {
  const auto modes =
      std::count_if(arguments.begin(), arguments.end(), [](const auto& one) {
        return one == "--quick" || one == "--full" || one == "--ci";
      });
  if (modes > 1) {
    return absl::InvalidArgumentError(
        "--quick, --full and --ci exclude each other");
  }
  const std::vector<std::string> of_a_comparison = {
      "--quick",     "--full",       "--ci",     "--engines",      "--parts",
      "--read_keys", "--write_keys", "--rounds", "--slice_seconds"};
  if (flags.calibrate) {
    std::vector<std::string> others = of_a_comparison;
    std::erase(others, "--read_keys");  // It is of a size, too.
    others.insert(others.end(), {"--render", "--json", "--html", "--svg"});
    const std::string other = FirstOf(others, arguments);
    if (!other.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--calibrate is a measurement of its own, without ", other));
    }
  } else if (const std::string other =
                 FirstOf({"--pairs", "--db_bench"}, arguments);
             !other.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(other, " is --calibrate's: give both"));
  }
  if (!flags.render.empty()) {
    const std::string other = FirstOf(of_a_comparison, arguments);
    if (!other.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--render draws what was measured, without ", other));
    }
    if (flags.html.empty() && flags.svg.empty()) {
      return absl::InvalidArgumentError(
          "--render wants --html=FILE or --svg=FILE to draw to");
    }
  }
  for (size_t i = kPartsOfAll; i < PartNames().size(); ++i) {
    const std::string& part = PartNames()[i];
    if (flags.mode != Mode::kFull && Has(flags.parts, part)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--parts=", part, " is a part of --full: give both"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CompareFlags> ParseCompareFlags(
    const std::vector<std::string>& arguments) {
  CompareFlags flags;
  // Not among the flags: only this program says it, to itself.
  if (arguments == std::vector<std::string>{"--serve"}) {
    flags.serve = true;
    return flags;
  }
  const std::vector<Flag> table = TableOf(flags);
  for (const std::string& argument : arguments) {
    LISSOM_RETURN_IF_ERROR(ParseOne(argument, table));
  }
  LISSOM_RETURN_IF_ERROR(CheckTogether(flags, arguments));
  return flags;
}

std::string CompareHelp() {
  CompareFlags unused;
  std::string help =
      "lissom_compare: lissom beside RocksDB, LevelDB and LMDB\n\n"
      "Without a mode: 10 M keys to read, 3 M to write, 5 rounds.\n\n";
  for (const Flag& flag : TableOf(unused)) {
    const std::string left =
        absl::StrCat("  --", flag.name, flag.wants.empty() ? "" : "=...");
    const size_t pad = left.size() < 22 ? 22 - left.size() : 1;
    absl::StrAppend(&help, left, std::string(pad, ' '), flag.help, "\n");
  }
  return help;
}

Plan PlanOf(const CompareFlags& flags) {
  Plan plan = PlanFor(flags.mode);
  if (!flags.engines.empty()) plan.engines = flags.engines;
  plan.altered = flags.read_keys > 0 || flags.write_keys > 0 ||
                 flags.rounds > 0 || flags.slice_seconds > 0;
  if (flags.read_keys > 0) plan.read_keys = flags.read_keys;
  if (flags.write_keys > 0) plan.write_keys = flags.write_keys;
  if (flags.rounds > 0) plan.rounds = flags.rounds;
  if (flags.slice_seconds > 0) {
    plan.slice_seconds = static_cast<double>(flags.slice_seconds);
  }
  if (!flags.parts.empty()) {
    const auto has = [&flags](const std::string& part) {
      return Has(flags.parts, part);
    };
    plan.write = has("write");
    // What is asked of the databases that reads have loaded. The peak of which
    // latency takes a part is theirs.
    plan.read = has("read") || has("latency") || has("sustained");
    plan.latency = has("latency");
    if (!has("sustained")) plan.sustained_seconds = 0;
    if (!has("ycsb")) plan.ycsb_records = 0;
    if (!has("large")) plan.large_bytes = 0;
    if (!has("beyond")) plan.beyond_left_bytes = 0;
  }
  return plan;
}

}  // namespace lissom::bench
