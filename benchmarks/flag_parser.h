// FlagTable reads a command line the way gflags does, whose words db_bench's
// users know: --name=value, --name value, one dash or two, and for switches
// --name and --noname. One table drives parsing, help and messages.
//
// Numbers are plain: digits, with a sign where the least value is negative.
// What is no flag is an error, too: a value behind a switch is a mistake that
// should not pass unseen.
#ifndef LISSOM_BENCHMARKS_FLAG_PARSER_H_
#define LISSOM_BENCHMARKS_FLAG_PARSER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"

namespace lissom::bench {

struct Flag {
  std::string_view name;
  // What it sets. Of an optional number -1 says that it is not set.
  std::variant<uint64_t*, std::optional<uint64_t>*, double*, bool*,
               std::string*>
      value;
  // Of numbers. A text with `least` 1 must not be empty.
  uint64_t least = 0;
  uint64_t most = 0;
  std::string_view help;
  std::string_view choices = {};  // Of texts: "none|zstd"; empty: any.
};

// A flag that is known and can have one value only, the one that is so anyway.
struct FixedFlag {
  std::string_view name;
  std::string_view value;  // A number, a text, "true" or "false".
  std::string_view reason;
};

struct FlagTable {
  std::string_view program;
  std::vector<Flag> flags;
  std::vector<FixedFlag> fixed = {};
  // Names, with blanks, that another program gives a meaning; ours has none.
  std::string_view foreign = {};
  std::string_view foreign_program = {};

  // Sets what is named, later ones over earlier ones; --undefok=a,b has the
  // unknown flags a and b passed over.
  // kInvalidArgument: what is wrong, as "--num=x: not a whole number".
  // kCancelled: --help; the text of it.
  absl::Status Parse(int argc, const char* const* argv) const;

  // Every flag with its help and, as it is now, its value.
  std::string Help() const;
};

// The value that a flag has now, as it would be given.
std::string ValueText(const Flag& flag);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_FLAG_PARSER_H_
