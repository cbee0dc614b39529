#include "tests/stress/stress_flags.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::stress {
namespace {

struct Flag {
  std::string_view name;
  std::variant<uint64_t*, std::string*, bool*> value;
  uint64_t least = 0;
  uint64_t most = 0;
  std::string_view help;
};

constexpr uint64_t kWeek = 7 * 24 * 3600;

std::vector<Flag> TableOf(Flags& f) {
  return {
      {"duration", &f.duration, 1, kWeek, "seconds of load"},
      {"threads", &f.threads, 1, 64, "that do everything at once"},
      {"keys", &f.keys, 100, uint64_t{1} << 30,
       "how many; three of five stand in sets that change together"},
      {"value_size", &f.value_size, 32, 1 << 20, "bytes of the largest value"},
      {"value_least", &f.value_least, 32, 1 << 20, "bytes of the smallest"},
      {"memory_budget", &f.memory_budget, 0, uint64_t{1} << 46,
       "bytes; all sizes derive from it. 0: small sizes, drawn from the seed"},
      {"seed", &f.seed, 0, UINT64_MAX, "of all that is drawn; 0: any"},
      {"reopen_every", &f.reopen_every, 0, kWeek,
       "seconds from one close to the next; 0: none"},
      {"crash_every", &f.crash_every, 0, kWeek,
       "the load is killed with -9 after at most so many seconds, again and "
       "again; 0: never"},
      {"db", &f.db, 0, 0, "the directory; made anew. Default: a temporary one"},
      {"curve", &f.curve, 0, 0, "a file for the memory of each second, as CSV"},
      {"keep", &f.keep, 0, 1, "leave the database behind"},
  };
}

std::string Help(const std::vector<Flag>& table) {
  std::string help = "lissom_stress [--FLAG=VALUE...]";
  for (const Flag& flag : table) {
    const size_t pad = flag.name.size() < 14 ? 14 - flag.name.size() : 1;
    absl::StrAppend(&help, "\n  --", ToAbsl(flag.name), std::string(pad, ' '),
                    ToAbsl(flag.help));
    if (const auto* number = std::get_if<uint64_t*>(&flag.value)) {
      absl::StrAppend(&help, " (", **number, ")");
    }
  }
  return help;
}

bool Set(const Flag& flag, std::string_view text) {
  if (auto* const* to = std::get_if<std::string*>(&flag.value)) {
    **to = text;
    return !text.empty();
  }
  if (auto* const* to = std::get_if<bool*>(&flag.value)) {
    **to = text != "0" && text != "false";
    return true;
  }
  uint64_t* const to = std::get<uint64_t*>(flag.value);
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, *to);
  return parsed.ec == std::errc() && parsed.ptr == end && *to >= flag.least &&
         *to <= flag.most;
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
    if (Set(flag, value)) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("bad value in ", ToAbsl(argument)));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown flag ", ToAbsl(argument), "\n", Help(table)));
}

}  // namespace

absl::Status ParseFlags(int argc, char** argv, Flags* flags) {
  const std::vector<Flag> table = TableOf(*flags);
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--help") {
      return absl::CancelledError(Help(table));
    }
    LISSOM_RETURN_IF_ERROR(ParseOne(argv[i], table));
  }
  if (flags->value_least > flags->value_size) {
    return absl::InvalidArgumentError("--value_least is above --value_size");
  }
  return absl::OkStatus();
}

std::string CommandOf(const Flags& flags) {
  Flags copy = flags;
  Flags standard;
  const std::vector<Flag> given = TableOf(copy);
  const std::vector<Flag> usual = TableOf(standard);
  std::string command = "lissom_stress";
  for (size_t i = 0; i < given.size(); ++i) {
    const auto* number = std::get_if<uint64_t*>(&given[i].value);
    if (number == nullptr) continue;
    if (**number == *std::get<uint64_t*>(usual[i].value)) continue;
    absl::StrAppend(&command, " --", ToAbsl(given[i].name), "=", **number);
  }
  return command;
}

}  // namespace lissom::stress
