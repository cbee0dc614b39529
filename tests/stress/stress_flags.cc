#include "tests/stress/stress_flags.h"

#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmarks/flag_parser.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::stress {
namespace {

constexpr uint64_t kWeek = uint64_t{7} * 24 * 3600;

bench::FlagTable TableOf(Flags& f) {
  return {
      .program = "lissom_stress",
      .flags = {
          {"duration", &f.duration, 1, kWeek, "seconds of load"},
          {"threads", &f.threads, 1, 64, "that do everything at once"},
          {"keys", &f.keys, 100, uint64_t{1} << 30,
           "how many; three of five stand in sets that change together"},
          {"value_size", &f.value_size, 32, 1 << 20,
           "bytes of the largest value"},
          {"value_least", &f.value_least, 32, 1 << 20, "bytes of the smallest"},
          {"memory_budget", &f.memory_budget, 0, uint64_t{1} << 46,
           "bytes; all sizes derive from it. 0: small sizes, drawn from the "
           "seed"},
          {"seed", &f.seed, 0, UINT64_MAX, "of all that is drawn; 0: any"},
          {"reopen_every", &f.reopen_every, 0, kWeek,
           "seconds from one close to the next; 0: none"},
          {"crash_every", &f.crash_every, 0, kWeek,
           "the load is killed with -9 after at most so many seconds, again "
           "and "
           "again; 0: never"},
          {"db", &f.db, 1, 0,
           "the directory; made anew. Default: a temporary one"},
          {"curve", &f.curve, 1, 0,
           "a file for the memory of each second, as CSV"},
          {"keep", &f.keep, 0, 1, "leave the database behind"},
      }};
}

}  // namespace

absl::Status ParseFlags(int argc, char** argv, Flags* flags) {
  LISSOM_RETURN_IF_ERROR(TableOf(*flags).Parse(argc, argv));
  if (flags->value_least > flags->value_size) {
    return absl::InvalidArgumentError("--value_least is above --value_size");
  }
  return absl::OkStatus();
}

std::string CommandOf(const Flags& flags) {
  Flags copy = flags;
  Flags standard;
  const std::vector<bench::Flag> given = TableOf(copy).flags;
  const std::vector<bench::Flag> usual = TableOf(standard).flags;
  std::string command = "lissom_stress";
  for (size_t i = 0; i < given.size(); ++i) {
    if (!std::holds_alternative<uint64_t*>(given[i].value)) continue;
    const std::string value = bench::ValueText(given[i]);
    if (value == bench::ValueText(usual[i])) continue;
    absl::StrAppend(&command, " --", ToAbsl(given[i].name), "=", value);
  }
  return command;
}

}  // namespace lissom::stress
